/* SPDX-License-Identifier: ISC */
/*
 * A small pool of threads for checks that need no state (signatures, seals).
 *
 * A job is a count of independent items and a function called once for each. One thread starts
 * jobs and waits for them; while it waits it works too, so a pool of 0 extra threads is correct
 * and merely slower. Several jobs may be in flight.
 */
#ifndef TL_BASE_POOL_H
#define TL_BASE_POOL_H

#include <stddef.h>

#include <tally/status.h>

struct tl_pool;

typedef void (*tl_pool_fn)(void *context, size_t item);

struct tl_pool_job {
    tl_pool_fn fn;
    void *context;
    size_t count;
    size_t next;              /* items handed out so far */
    size_t done;              /* items finished */
    struct tl_pool_job *link; /* owned by the pool while the job runs */
};

/* threads: extra threads beside the caller; 0 is allowed. */
TALLY_NODISCARD enum tally_status tl_pool_new(unsigned threads, struct tl_pool **ret_pool);

/* Ends the threads. No job may be in flight. NULL is fine. */
void tl_pool_free(struct tl_pool *pool);

/* Starts fn(context, 0..count-1) on any threads, in any order. job lives until tl_pool_wait. */
void tl_pool_start(struct tl_pool *pool, struct tl_pool_job *job, size_t count, tl_pool_fn fn,
                   void *context);

/* Returns when every item of job is done; the calling thread takes items meanwhile. */
void tl_pool_wait(struct tl_pool *pool, struct tl_pool_job *job);

/* Processors this process may run on, at least 1. */
unsigned tl_processor_count(void);

#endif
