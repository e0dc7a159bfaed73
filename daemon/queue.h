/* SPDX-License-Identifier: ISC */
/*
 * Queue: submissions between the loop and the sequencer, bounded by count and bytes.
 *
 * A job is checked (signatures and all that needs no state) before the sequencer takes it. Workers
 * claim and check jobs while the sequencer is busy; before it takes any, the sequencer itself
 * checks what still waits, as far as it is worth one commit. So a lone client's submission goes
 * loop -> sequencer -> loop, and under load every processor verifies and commits are few. The
 * sequencer takes the checked jobs in the order in which they were claimed, never one past an
 * unchecked one.
 *
 * Clients take turns: each has a lane, in the order of its own arrivals, and jobs are claimed from
 * the lanes in turn. So one client's pipelined entries stay in order, and nobody waits behind all
 * that another has sent. What one user can have claimed is bounded, and more so while others are
 * there, so a batch is short whatever is queued.
 */
#ifndef TL_DAEMON_QUEUE_H
#define TL_DAEMON_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include <tally/status.h>

#include "daemon/job.h"

struct tl_queue;

/* What one user of this machine has queued. The queue's lock guards it; zeros at first. */
struct tl_queue_share {
    size_t lanes;
    size_t count;
    size_t bytes;
    size_t claimed_count;
    size_t claimed_bytes;
};

/* One client's place in the queue. The caller's memory, the queue's fields. */
struct tl_queue_lane {
    struct tl_queue_share *share;
    struct tl_queue_lane *next;
    struct tl_job *first; /* not claimed yet */
    struct tl_job *last;
    size_t count;
};

/* Checks one job; any thread. */
typedef void (*tl_queue_check_fn)(void *context, struct tl_job *job);

/* The sequencer has taken jobs and others may be claimed: workers should come. Its thread. */
typedef void (*tl_queue_help_fn)(void *context);

TALLY_NODISCARD enum tally_status tl_queue_new(size_t count_max, size_t bytes_max,
                                               tl_queue_check_fn check, tl_queue_help_fn help,
                                               void *context, struct tl_queue **ret_queue);

/* No thread may be using it; jobs that are left are freed. NULL is fine. */
void tl_queue_free(struct tl_queue *queue);

/* The lane, of zeros at first, counts for the share; both stay where they are until it leaves. */
void tl_queue_join(struct tl_queue *queue, struct tl_queue_lane *lane,
                   struct tl_queue_share *share);

/* No job of the lane may be queued. */
void tl_queue_leave(struct tl_queue *queue, struct tl_queue_lane *lane);

/*
 * True when another job of so many bytes fits. An empty queue takes any job. One user has at most
 * as much queued as there is room left, so there is always room for others; a lane that is empty
 * need not wait for that. Any thread.
 */
bool tl_queue_has_room(struct tl_queue *queue, const struct tl_queue_lane *lane, size_t bytes);

/*
 * Hands a job over at the end of its lane. True when the sequencer is busy and workers should be
 * sent to check jobs; an idle sequencer has been woken instead.
 */
bool tl_queue_push(struct tl_queue *queue, struct tl_queue_lane *lane, struct tl_job *job);

/* True when a job may be claimed. Any thread. */
bool tl_queue_wants_help(struct tl_queue *queue);

/* A worker's turn: checks jobs until none may be claimed. */
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
