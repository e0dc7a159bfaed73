/* SPDX-License-Identifier: ISC */
/*
 * Job: one submission on its way through the daemon.
 *
 *   loop        makes it from a SUBMIT frame and queues it
 *   any worker  checks what needs no state (tl_job_check)
 *   sequencer   judges it, appends it, fills in the outcome
 *   loop        answers and frees it
 *
 * One thread has it at a time; the queue's lock hands it over.
 */
#ifndef TL_DAEMON_JOB_H
#define TL_DAEMON_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"
#include "lib/codec/envelope.h"
#include "lib/codec/submission.h"
#include "lib/store/store.h"

struct tl_conn;
struct tl_queue_lane;

/* Bytes on their way to a client; a chain of them is a connection's backlog. */
struct tl_reply {
    struct tl_reply *next;
    struct tl_buffer bytes;
};

/* An empty reply that can hold max bytes; NULL when out of memory. */
struct tl_reply *tl_reply_new(size_t max);
void tl_reply_free(struct tl_reply *reply); /* NULL is fine */

#define TL_NO_CANDIDATE SIZE_MAX

enum tl_outcome {
    TL_OUTCOME_NONE,
    TL_OUTCOME_RECEIPT,   /* reply holds the RECEIPT frame */
    TL_OUTCOME_REJECTION, /* reason, size, roster, time_s: the loop signs */
    TL_OUTCOME_ERROR,     /* status: nothing was decided */
};

struct tl_job {
    uint32_t magic;
    struct tl_job *next;
    struct tl_queue_lane *lane; /* while it is queued; with the next under the queue's lock */
    bool checked;

    struct tl_conn *conn;
    uint32_t request;
    struct tally_bytes bytes; /* the submission as sent, behind this struct */

    /* set by tl_job_check */
    bool has_envelope;
    enum tally_reason reason;
    struct tl_submission submission;
    struct tl_envelope envelope;
    struct tally_hash envelope_hash; /* zeros when there is no envelope */

    /* set by the sequencer */
    enum tl_outcome outcome;
    enum tally_status status;
    struct tl_reply *reply;
    size_t candidate; /* its place in the batch at hand, or TL_NO_CANDIDATE */
    uint64_t size;
    uint64_t roster;
    uint64_t time_s;
};

/* Copies the submission. NULL when out of memory. */
struct tl_job *tl_job_new(struct tl_conn *conn, uint32_t request, struct tally_bytes submission);
void tl_job_free(struct tl_job *job); /* NULL is fine */

/*
 * Every check that needs no state of the ledger: form, commitments, deposits, each signature, and
 * whether the exhibit files that the envelope names have arrived. The slow part; any thread.
 */
void tl_job_check(struct tl_job *job, const struct tl_store *store,
                  const struct tally_hash *ledger);

#endif
