/* SPDX-License-Identifier: ISC */
#include "daemon/queue.h"

#include <pthread.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

/*
 * A commit costs what checking a dozen submissions costs, however many it holds. So while others
 * wait unclaimed, checking goes first, up to these.
 */
enum { WORTH_COUNT = 256, WORTH_BYTES = 1048576 };

struct tl_queue {
    pthread_mutex_t mutex;
    pthread_cond_t wake; /* for the sequencer */
    tl_queue_check_fn check;
    void *context;
    size_t count_max;
    size_t bytes_max;
    struct tl_job *first;
    struct tl_job *last;
    struct tl_job *unclaimed; /* the first job that nobody has claimed; NULL when none */
    size_t count;
    size_t bytes;
    size_t checked_count; /* of count and bytes, what is checked */
    size_t checked_bytes;
    bool waiting; /* the sequencer sleeps and has not been woken */
    bool closed;
    unsigned long batches;
};

static void lock(struct tl_queue *queue)
{
    int error = pthread_mutex_lock(&queue->mutex);
    TL_ASSERT(error == 0);
}

static void unlock(struct tl_queue *queue)
{
    int error = pthread_mutex_unlock(&queue->mutex);
    TL_ASSERT(error == 0);
}

enum tally_status tl_queue_new(size_t count_max, size_t bytes_max, tl_queue_check_fn check,
                               void *context, struct tl_queue **ret_queue)
{
    struct tl_queue *queue = (struct tl_queue *)tl_calloc(1, sizeof *queue);
    if (queue == NULL) {
        return TALLY_ENOMEM;
    }
    (void)pthread_mutex_init(&queue->mutex, NULL);
    (void)pthread_cond_init(&queue->wake, NULL);
    queue->check = check;
    queue->context = context;
    queue->count_max = count_max;
    queue->bytes_max = bytes_max;
    *ret_queue = queue;
    return TALLY_OK;
}

void tl_queue_free(struct tl_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    while (queue->first != NULL) {
        struct tl_job *job = queue->first;
        queue->first = job->next;
        tl_job_free(job);
    }
    (void)pthread_cond_destroy(&queue->wake);
    (void)pthread_mutex_destroy(&queue->mutex);
    tl_free(queue);
}

bool tl_queue_has_room(struct tl_queue *queue, size_t bytes)
{
    lock(queue);
    bool room = queue->count == 0 || (queue->count < queue->count_max &&
                                      queue->bytes + bytes <= queue->bytes_max);
    unlock(queue);
    return room;
}

static void wake(struct tl_queue *queue)
{
    if (queue->waiting) {
        queue->waiting = false;
        (void)pthread_cond_signal(&queue->wake);
    }
}

bool tl_queue_push(struct tl_queue *queue, struct tl_job *job)
{
    lock(queue);
    TL_ASSERT(!queue->closed);
    job->next = NULL;
    if (queue->last == NULL) {
        queue->first = job;
    } else {
        queue->last->next = job;
    }
    queue->last = job;
    if (queue->unclaimed == NULL) {
        queue->unclaimed = job;
    }
    queue->count++;
    queue->bytes += job->bytes.len;
    bool busy = !queue->waiting;
    wake(queue);
    unlock(queue);
    return busy;
}

/* Called and left with the lock held. False when no job is unclaimed. */
static bool check_one(struct tl_queue *queue)
{
    struct tl_job *job = queue->unclaimed;
    if (job == NULL) {
        return false;
    }
    queue->unclaimed = job->next;
    job->claimed = true;
    unlock(queue);
    queue->check(queue->context, job);
    lock(queue);
    job->checked = true;
    queue->checked_count++;
    queue->checked_bytes += job->bytes.len;
    if (queue->first == job) {
        wake(queue);
    }
    return true;
}

void tl_queue_work(struct tl_queue *queue)
{
    lock(queue);
    while (check_one(queue)) {
    }
    unlock(queue);
}

static struct tl_job *take_checked(struct tl_queue *queue, size_t count_max, size_t bytes_max)
{
    struct tl_job *first = queue->first;
    struct tl_job *last = NULL;
    size_t count = 0;
    size_t bytes = 0;
    for (struct tl_job *job = first; job != NULL && job->checked; job = job->next) {
        if (count == count_max || (count > 0 && bytes + job->bytes.len > bytes_max)) {
            break;
        }
        count++;
        bytes += job->bytes.len;
        last = job;
    }
    TL_ASSERT(last != NULL);
    queue->first = last->next;
    last->next = NULL;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    queue->count -= count;
    queue->bytes -= bytes;
    queue->checked_count -= count;
    queue->checked_bytes -= bytes;
    queue->batches++;
    return first;
}

static bool is_worth_a_commit(const struct tl_queue *queue, size_t count_max)
{
    return queue->checked_count >= WORTH_COUNT || queue->checked_count >= count_max ||
           queue->checked_bytes >= WORTH_BYTES;
}

struct tl_job *tl_queue_take(struct tl_queue *queue, size_t count_max, size_t bytes_max)
{
    struct tl_job *jobs = NULL;
    lock(queue);
    for (;;) {
        if (queue->first != NULL && queue->first->checked &&
            (queue->unclaimed == NULL || is_worth_a_commit(queue, count_max))) {
            jobs = take_checked(queue, count_max, bytes_max);
            break;
        }
        if (check_one(queue)) {
            continue;
        }
        if (queue->first == NULL && queue->closed) {
            break;
        }
        queue->waiting = true;
        while (queue->waiting) {
            (void)pthread_cond_wait(&queue->wake, &queue->mutex);
        }
    }
    unlock(queue);
    return jobs;
}

void tl_queue_close(struct tl_queue *queue)
{
    lock(queue);
    queue->closed = true;
    wake(queue);
    unlock(queue);
}

struct tl_queue_figures tl_queue_figures(struct tl_queue *queue)
{
    lock(queue);
    struct tl_queue_figures figures = {
        .count = queue->count,
        .bytes = queue->bytes,
        .idle = queue->waiting && queue->count == 0,
        .batches = queue->batches,
    };
    unlock(queue);
    return figures;
}
