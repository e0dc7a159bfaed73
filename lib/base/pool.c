/* SPDX-License-Identifier: ISC */
/*
 * Jobs with items left stand in a list; a thread takes one item at a time from the first job. A
 * signature check costs thousands of times what the lock does, so nothing cleverer is needed.
 */
#include "lib/base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

struct tl_pool {
    pthread_mutex_t mutex;
    pthread_cond_t work;     /* a job was listed, or the pool stops */
    pthread_cond_t finished; /* some job's last item is done */
    struct tl_pool_job *first;
    bool stopping;
    unsigned thread_count;
    pthread_t threads[];
};

static void lock(struct tl_pool *pool)
{
    int error = pthread_mutex_lock(&pool->mutex);
    TL_ASSERT(error == 0);
}

static void unlock(struct tl_pool *pool)
{
    int error = pthread_mutex_unlock(&pool->mutex);
    TL_ASSERT(error == 0);
}

static void unlist(struct tl_pool *pool, struct tl_pool_job *job)
{
    struct tl_pool_job **link = &pool->first;
    while (*link != job) {
        TL_ASSERT(*link != NULL);
        link = &(*link)->link;
    }
    *link = job->link;
    job->link = NULL;
}

/* Takes and runs one item of job. Called and left with the lock held; job has an item left. */
static void run_item(struct tl_pool *pool, struct tl_pool_job *job)
{
    size_t item = job->next;
    job->next++;
    if (job->next == job->count) {
        unlist(pool, job);
    }
    unlock(pool);
    job->fn(job->context, item);
    lock(pool);
    job->done++;
    if (job->done == job->count) {
        /* From the unlock after this on the job may be gone: nobody touches it again. */
        (void)pthread_cond_broadcast(&pool->finished);
    }
}

static void *thread_main(void *argument)
{
    struct tl_pool *pool = (struct tl_pool *)argument;
    lock(pool);
    for (;;) {
        while (pool->first == NULL && !pool->stopping) {
            (void)pthread_cond_wait(&pool->work, &pool->mutex);
        }
        if (pool->first == NULL) {
            break;
        }
        run_item(pool, pool->first);
    }
    unlock(pool);
    return NULL;
}

/* Signals are for the thread that runs the loop: the pool's threads take none. */
static bool start_thread(struct tl_pool *pool)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&pool->threads[pool->thread_count], NULL, thread_main, pool);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        return false;
    }
    pool->thread_count++;
    return true;
}

enum tally_status tl_pool_new(unsigned threads, struct tl_pool **ret_pool)
{
    size_t len = sizeof(struct tl_pool) + threads * sizeof(pthread_t);
    struct tl_pool *pool = (struct tl_pool *)tl_calloc(1, len);
    if (pool == NULL) {
        return TALLY_ENOMEM;
    }
    /* On Linux these cannot fail. The mutex tells of a lock or unlock out of turn. */
    pthread_mutexattr_t checking;
    (void)pthread_mutexattr_init(&checking);
    (void)pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK);
    (void)pthread_mutex_init(&pool->mutex, &checking);
    (void)pthread_mutexattr_destroy(&checking);
    (void)pthread_cond_init(&pool->work, NULL);
    (void)pthread_cond_init(&pool->finished, NULL);
    for (unsigned i = 0; i < threads; i++) {
        if (!start_thread(pool)) {
            tl_pool_free(pool);
            return TALLY_ENOMEM;
        }
    }
    *ret_pool = pool;
    return TALLY_OK;
}

void tl_pool_free(struct tl_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    lock(pool);
    TL_ASSERT(pool->first == NULL);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->work);
    unlock(pool);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        int error = pthread_join(pool->threads[i], NULL);
        TL_ASSERT(error == 0);
    }
    (void)pthread_cond_destroy(&pool->finished);
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_mutex_destroy(&pool->mutex);
    tl_free(pool);
}

void tl_pool_start(struct tl_pool *pool, struct tl_pool_job *job, size_t count, tl_pool_fn fn,
                   void *context)
{
    *job = (struct tl_pool_job){.fn = fn, .context = context, .count = count};
    if (count == 0) {
        return;
    }
    lock(pool);
    /* Last in the list, so that an earlier job is not kept waiting by later ones. */
    struct tl_pool_job **link = &pool->first;
    while (*link != NULL) {
        link = &(*link)->link;
    }
    *link = job;
    (void)pthread_cond_broadcast(&pool->work);
    unlock(pool);
}

void tl_pool_wait(struct tl_pool *pool, struct tl_pool_job *job)
{
    lock(pool);
    while (job->next < job->count) {
        run_item(pool, job);
    }
    while (job->done < job->count) {
        (void)pthread_cond_wait(&pool->finished, &pool->mutex);
    }
    unlock(pool);
}

unsigned tl_processor_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        return (unsigned)CPU_COUNT(&set);
    }
    /* More processors than the set holds. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : (unsigned)online;
}
