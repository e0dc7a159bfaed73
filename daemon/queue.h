/* SPDX-License-Identifier: ISC */
/*
 * Queue: submissions between the loop and the sequencer, in the order of their arrival, bounded by
 * count and bytes.
 *
 * A job is checked (signatures and all that needs no state) before the sequencer takes it. Workers
 * claim and check jobs while the sequencer is busy; before it takes any, the sequencer itself
 * checks what still waits, as far as it is worth one commit. So a lone client's submission goes
 * loop -> sequencer -> loop, and under load every processor verifies and commits are few. The
 * sequencer takes the checked jobs at the front, never one past an unchecked one: one client's
 * pipelined entries stay in order.
 */
#ifndef TL_DAEMON_QUEUE_H
#define TL_DAEMON_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include <tally/status.h>

#include "daemon/job.h"

struct tl_queue;

/* Checks one job; any thread. */
typedef void (*tl_queue_check_fn)(void *context, struct tl_job *job);

TALLY_NODISCARD enum tally_status tl_queue_new(size_t count_max, size_t bytes_max,
                                               tl_queue_check_fn check, void *context,
                                               struct tl_queue **ret_queue);

/* No thread may be using it; jobs that are left are freed. NULL is fine. */
void tl_queue_free(struct tl_queue *queue);

/* True when another job of so many bytes fits. An empty queue takes any job. Any thread. */
bool tl_queue_has_room(struct tl_queue *queue, size_t bytes);

/*
 * Hands a job over. True when the sequencer is busy and workers should be sent to check jobs; an
 * idle sequencer has been woken instead.
 */
bool tl_queue_push(struct tl_queue *queue, struct tl_job *job);

/* A worker's turn: checks jobs until none is unclaimed. */
void tl_queue_work(struct tl_queue *queue);

/*
 * The sequencer's turn: waits for checked jobs and takes those at the front, at most count_max
 * jobs and bytes_max bytes but at least one. NULL once the queue is closed and empty.
 */
struct tl_job *tl_queue_take(struct tl_queue *queue, size_t count_max, size_t bytes_max);

/* No more jobs will come: tl_queue_take empties the queue, then answers NULL. */
void tl_queue_close(struct tl_queue *queue);

struct tl_queue_figures {
    size_t count;
    size_t bytes;
    bool idle;            /* the sequencer waits and nothing is queued */
    unsigned long batches; /* how often jobs were taken: progress, for a watchdog */
};

struct tl_queue_figures tl_queue_figures(struct tl_queue *queue);

#endif
