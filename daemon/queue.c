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

/*
 * What one user has claimed at most: what costs less than a commit, so that others hardly wait
 * longer for one. Alone it may have more, for fewer commits.
 */
enum { CLAIMED_COUNT_MAX = 8, CLAIMED_ALONE_MAX = 512, CLAIMED_BYTES_MAX = 1048576 };

struct tl_queue {
    pthread_mutex_t mutex;
    pthread_cond_t wake; /* for the sequencer */
    tl_queue_check_fn check;
    tl_queue_help_fn help;
    void *context;
    size_t count_max;
    size_t bytes_max;
    struct tl_job *first; /* claimed, checked or not */
    struct tl_job *last;
    struct tl_queue_lane *turn_first; /* the lanes with unclaimed jobs, the next one first */
    struct tl_queue_lane *turn_last;
    size_t shares; /* with lanes */
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
                               tl_queue_help_fn help, void *context, struct tl_queue **ret_queue)
{
    struct tl_queue *queue = (struct tl_queue *)tl_calloc(1, sizeof *queue);
    if (queue == NULL) {
        return TALLY_ENOMEM;
    }
    (void)pthread_mutex_init(&queue->mutex, NULL);
    (void)pthread_cond_init(&queue->wake, NULL);
    queue->check = check;
    queue->help = help;
    queue->context = context;
    queue->count_max = count_max;
    queue->bytes_max = bytes_max;
    *ret_queue = queue;
    return TALLY_OK;
}

static void free_jobs(struct tl_job *jobs)
{
    while (jobs != NULL) {
        struct tl_job *next = jobs->next;
        tl_job_free(jobs);
        jobs = next;
    }
}

void tl_queue_free(struct tl_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    free_jobs(queue->first);
    for (struct tl_queue_lane *lane = queue->turn_first; lane != NULL; lane = lane->next) {
        free_jobs(lane->first);
    }
    (void)pthread_cond_destroy(&queue->wake);
    (void)pthread_mutex_destroy(&queue->mutex);
    tl_free(queue);
}

static bool is_within_share(const struct tl_queue *queue, const struct tl_queue_share *share,
                            size_t bytes)
{
    return share->count < queue->count_max - queue->count &&
           share->bytes + bytes <= queue->bytes_max - queue->bytes;
}

bool tl_queue_has_room(struct tl_queue *queue, const struct tl_queue_lane *lane, size_t bytes)
{
    lock(queue);
    bool fits = queue->count < queue->count_max && queue->bytes <= queue->bytes_max &&
                bytes <= queue->bytes_max - queue->bytes;
    bool room = queue->count == 0 ||
                (fits && (lane->count == 0 || is_within_share(queue, lane->share, bytes)));
    unlock(queue);
    return room;
}

/* ---- Lanes and turns ---- */

void tl_queue_join(struct tl_queue *queue, struct tl_queue_lane *lane,
                   struct tl_queue_share *share)
{
    lock(queue);
    lane->share = share;
    queue->shares += share->lanes == 0 ? 1 : 0;
    share->lanes++;
    unlock(queue);
}

void tl_queue_leave(struct tl_queue *queue, struct tl_queue_lane *lane)
{
    lock(queue);
    TL_ASSERT(lane->count == 0);
    lane->share->lanes--;
    queue->shares -= lane->share->lanes == 0 ? 1 : 0;
    lane->share = NULL;
    unlock(queue);
}

static void add_turn(struct tl_queue *queue, struct tl_queue_lane *lane)
{
    lane->next = NULL;
    if (queue->turn_last == NULL) {
        queue->turn_first = lane;
    } else {
        queue->turn_last->next = lane;
    }
    queue->turn_last = lane;
}

static void remove_turn(struct tl_queue *queue, struct tl_queue_lane *before,
                        struct tl_queue_lane *lane)
{
    if (before == NULL) {
        queue->turn_first = lane->next;
    } else {
        before->next = lane->next;
    }
    if (queue->turn_last == lane) {
        queue->turn_last = before;
    }
}

static bool may_claim(const struct tl_queue *queue, const struct tl_queue_lane *lane)
{
    const struct tl_queue_share *share = lane->share;
    size_t most = queue->shares > 1 ? CLAIMED_COUNT_MAX : CLAIMED_ALONE_MAX;
    return share->claimed_bytes < CLAIMED_BYTES_MAX && share->claimed_count < most;
}

/* The lane whose turn it is; NULL when no job may be claimed. */
static struct tl_queue_lane *find_turn(const struct tl_queue *queue,
                                       struct tl_queue_lane **ret_before)
{
    struct tl_queue_lane *before = NULL;
    struct tl_queue_lane *lane = queue->turn_first;
    while (lane != NULL && !may_claim(queue, lane)) {
        before = lane;
        lane = lane->next;
    }
    *ret_before = before;
    return lane;
}

/* Moves the next job to the end of what the sequencer takes. NULL when none may be claimed. */
static struct tl_job *claim(struct tl_queue *queue)
{
    struct tl_queue_lane *before = NULL;
    struct tl_queue_lane *lane = find_turn(queue, &before);
    if (lane == NULL) {
        return NULL;
    }
    remove_turn(queue, before, lane);
    struct tl_job *job = lane->first;
    lane->first = job->next;
    if (lane->first == NULL) {
        lane->last = NULL;
    } else {
        add_turn(queue, lane);
    }
    lane->share->claimed_count++;
    lane->share->claimed_bytes += job->bytes.len;
    job->next = NULL;
    if (queue->last == NULL) {
        queue->first = job;
    } else {
        queue->last->next = job;
    }
    queue->last = job;
    return job;
}

static void enter_lane(struct tl_queue *queue, struct tl_queue_lane *lane, struct tl_job *job)
{
    job->lane = lane;
    job->next = NULL;
    if (lane->last == NULL) {
        lane->first = job;
        add_turn(queue, lane);
    } else {
        lane->last->next = job;
    }
    lane->last = job;
    lane->count++;
    lane->share->count++;
    lane->share->bytes += job->bytes.len;
    queue->count++;
    queue->bytes += job->bytes.len;
}

static void leave_lane(struct tl_queue *queue, struct tl_job *job)
{
    struct tl_queue_lane *lane = job->lane;
    job->lane = NULL;
    lane->count--;
    lane->share->count--;
    lane->share->bytes -= job->bytes.len;
    lane->share->claimed_count--;
    lane->share->claimed_bytes -= job->bytes.len;
    queue->count--;
    queue->bytes -= job->bytes.len;
    queue->checked_count--;
    queue->checked_bytes -= job->bytes.len;
}

/* ---- Both ends ---- */

static void wake(struct tl_queue *queue)
{
    if (queue->waiting) {
        queue->waiting = false;
        (void)pthread_cond_signal(&queue->wake);
    }
}

bool tl_queue_push(struct tl_queue *queue, struct tl_queue_lane *lane, struct tl_job *job)
{
    lock(queue);
    TL_ASSERT(!queue->closed);
    enter_lane(queue, lane, job);
    bool busy = !queue->waiting;
    wake(queue);
    unlock(queue);
    return busy;
}

/* Called and left with the lock held. False when no job may be claimed. */
static bool check_one(struct tl_queue *queue)
{
    struct tl_job *job = claim(queue);
    if (job == NULL) {
        return false;
    }
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
        leave_lane(queue, job);
    }
    TL_ASSERT(last != NULL);
    queue->first = last->next;
    last->next = NULL;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    queue->batches++;
    return first;
}

static bool may_claim_any(const struct tl_queue *queue)
{
    struct tl_queue_lane *before = NULL;
    return find_turn(queue, &before) != NULL;
}

static bool is_worth_a_commit(const struct tl_queue *queue, size_t count_max)
{
    return queue->checked_count >= WORTH_COUNT || queue->checked_count >= count_max ||
           queue->checked_bytes >= WORTH_BYTES;
}

struct tl_job *tl_queue_take(struct tl_queue *queue, size_t count_max, size_t bytes_max)
{
    struct tl_job *jobs = NULL;
    bool wants_help = false;
    lock(queue);
    for (;;) {
        if (queue->first != NULL && queue->first->checked &&
            (is_worth_a_commit(queue, count_max) || !may_claim_any(queue))) {
            jobs = take_checked(queue, count_max, bytes_max);
            wants_help = queue->turn_first != NULL;
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
    if (wants_help) {
        queue->help(queue->context);
    }
    return jobs;
}

bool tl_queue_wants_help(struct tl_queue *queue)
{
    lock(queue);
    bool wants = may_claim_any(queue);
    unlock(queue);
    return wants;
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
