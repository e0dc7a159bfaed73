/* SPDX-License-Identifier: ISC */
/*
 * Draft: the batch that the sequencer is making. Records are judged, linked and encoded into it
 * one by one; then it is sealed, committed, its checkpoint signed, the head guard written and the
 * head published, in this order; then, and only then, receipts can be had from it.
 *
 * A failure between the first accepted record and the published head ends the process: the judge
 * is ahead of the disk, and nothing of the batch was acknowledged. Sequencer thread only.
 */
#ifndef TL_DAEMON_DRAFT_H
#define TL_DAEMON_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/reason.h>
#include <tally/status.h>

#include "daemon/job.h"
#include "daemon/ledger.h"
#include "lib/base/pool.h"

struct tl_draft;

/* count_max: records of one batch; seal_threads: threads beside the caller that seal. */
TALLY_NODISCARD enum tally_status tl_draft_new(struct tl_ledger *ledger, size_t count_max,
                                               unsigned seal_threads, struct tl_draft **ret_draft);
void tl_draft_free(struct tl_draft *draft); /* NULL is fine */

/* Empties it for the next batch. */
void tl_draft_begin(struct tl_draft *draft);

size_t tl_draft_count(const struct tl_draft *draft);

/* True when the job must wait for the next batch. */
bool tl_draft_is_full_for(const struct tl_draft *draft, const struct tl_job *job);

/*
 * Judges the job's entry as the next record and takes it. OK: *ret_reason is NONE and
 * job->candidate is set, or the reason of the rejection. ENOMEM; EUNSUPPORTED for an amendment
 * that this daemon cannot follow (rules it does not know, a ledger key it does not hold): nothing
 * was decided. EIO, EFORMAT: the store cannot be read.
 */
TALLY_NODISCARD enum tally_status tl_draft_add(struct tl_draft *draft, struct tl_job *job,
                                               uint64_t received_us,
                                               enum tally_reason *ret_reason);

/* The candidate of the same key, sequence and envelope; TL_NO_CANDIDATE when there is none. */
size_t tl_draft_find(const struct tl_draft *draft, const struct tally_hash *envelope);

/*
 * Makes it durable and publishes the new head. ESTOPPED when signing was stopped meanwhile: the
 * records are durable but not acknowledged. Does not return on any failure.
 */
TALLY_NODISCARD enum tally_status tl_draft_commit(struct tl_draft *draft);

/* Appends the receipt of a candidate; after tl_draft_commit. */
TALLY_NODISCARD enum tally_status tl_draft_receipt(const struct tl_draft *draft, size_t candidate,
                                                   struct tl_buffer *buffer);

#endif
