/* SPDX-License-Identifier: ISC */
/*
 * Sequencer: the one thread that decides. It takes whatever submissions wait, answers those that
 * were accepted before, judges the rest in order, makes one batch of what may stand, has it made
 * durable and signed, and only then hands the jobs back with their receipts. While it commits, the
 * next batch forms by itself in the queue; no timer delays anybody.
 */
#ifndef TL_DAEMON_SEQUENCER_H
#define TL_DAEMON_SEQUENCER_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>

#include "daemon/config.h"
#include "daemon/ledger.h"
#include "daemon/queue.h"

struct tl_sequencer;

/* Finished jobs, a list; NULL: the queue was closed and is empty, the thread ends. */
typedef void (*tl_sequencer_done_fn)(void *context, struct tl_job *jobs);

/* done is called on the sequencer's thread, which starts at once. The config is borrowed. */
TALLY_NODISCARD enum tally_status tl_sequencer_start(struct tl_ledger *ledger,
                                                     struct tl_queue *queue,
                                                     const struct tl_config *config,
                                                     tl_sequencer_done_fn done, void *context,
                                                     struct tl_sequencer **ret_sequencer);

/* Waits for the thread, whose queue must have been closed. NULL is fine. */
void tl_sequencer_join(struct tl_sequencer *sequencer);

struct tl_sequencer_figures {
    uint64_t batches;
    uint64_t records;
    uint64_t repeats; /* entries that had been accepted before */
    uint64_t rejections;
    uint64_t quota_rejections; /* of those, because the key had its share */
};

struct tl_sequencer_figures tl_sequencer_figures(struct tl_sequencer *sequencer);

#endif
