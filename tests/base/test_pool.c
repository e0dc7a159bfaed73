/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "lib/base/pool.h"

enum { ITEM_MAX = 20000 };

struct work {
    atomic_uint calls[ITEM_MAX];
    atomic_size_t total;
};

static void count_call(void *context, size_t item)
{
    struct work *work = (struct work *)context;
    (void)atomic_fetch_add(&work->calls[item], 1);
    (void)atomic_fetch_add(&work->total, 1);
}

static struct work *new_work(void)
{
    struct work *work = (struct work *)calloc(1, sizeof *work);
    assert_non_null(work);
    return work;
}

static void assert_each_once(struct work *work, size_t count)
{
    for (size_t i = 0; i < ITEM_MAX; i++) {
        assert_int_equal(atomic_load(&work->calls[i]), i < count ? 1 : 0);
    }
    assert_int_equal(atomic_load(&work->total), count);
}

static const unsigned thread_counts[] = {0, 1, 2, 7};

static void test_each_item_once(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 1000, ITEM_MAX};
    for (size_t t = 0; t < TEST_COUNT(thread_counts); t++) {
        for (size_t c = 0; c < TEST_COUNT(counts); c++) {
            struct tl_pool *pool = NULL;
            struct tl_pool_job job;
            struct work *work = new_work();
            assert_status(tl_pool_new(thread_counts[t], &pool), TALLY_OK);
            tl_pool_start(pool, &job, counts[c], count_call, work);
            tl_pool_wait(pool, &job);
            assert_each_once(work, counts[c]);
            tl_pool_wait(pool, &job); /* a job that is done stays done */
            tl_pool_free(pool);
            free(work);
        }
    }
}

/* Many jobs in flight, waited for in another order than they were started in. */
static void test_many_jobs(void **state)
{
    (void)state;
    enum { JOBS = 64, ROUNDS = 50 };
    for (size_t t = 0; t < TEST_COUNT(thread_counts); t++) {
        struct tl_pool *pool = NULL;
        assert_status(tl_pool_new(thread_counts[t], &pool), TALLY_OK);
        for (size_t round = 0; round < ROUNDS; round++) {
            struct tl_pool_job jobs[JOBS];
            struct work *work = new_work();
            size_t expected = 0;
            for (size_t i = 0; i < JOBS; i++) {
                size_t count = (i * 7 + round) % 11;
                expected += count;
                tl_pool_start(pool, &jobs[i], count, count_call, work);
            }
            for (size_t i = 0; i < JOBS; i++) {
                size_t which = (i * 37 + round) % JOBS;
                tl_pool_wait(pool, &jobs[which]);
                assert_int_equal(jobs[which].done, jobs[which].count);
            }
            assert_int_equal(atomic_load(&work->total), expected);
            free(work);
        }
        tl_pool_free(pool);
    }
}

static void add_item(void *context, size_t item)
{
    size_t *sums = (size_t *)context;
    sums[item] = item + 1; /* plain memory: what a job wrote is seen after the wait */
}

static void test_results_are_visible(void **state)
{
    (void)state;
    struct tl_pool *pool = NULL;
    assert_status(tl_pool_new(3, &pool), TALLY_OK);
    for (size_t round = 0; round < 200; round++) {
        size_t sums[257] = {0};
        struct tl_pool_job job;
        tl_pool_start(pool, &job, TEST_COUNT(sums), add_item, sums);
        tl_pool_wait(pool, &job);
        for (size_t i = 0; i < TEST_COUNT(sums); i++) {
            assert_int_equal(sums[i], i + 1);
        }
    }
    tl_pool_free(pool);
}

struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    unsigned waiting;
    unsigned wanted;
};

static void meet(void *context, size_t item)
{
    struct meeting *meeting = (struct meeting *)context;
    (void)item;
    (void)pthread_mutex_lock(&meeting->mutex);
    meeting->waiting++;
    (void)pthread_cond_broadcast(&meeting->arrived);
    while (meeting->waiting < meeting->wanted) {
        (void)pthread_cond_wait(&meeting->arrived, &meeting->mutex);
    }
    (void)pthread_mutex_unlock(&meeting->mutex);
}

/* Items that wait for each other end only when all the threads and the caller work at once. */
static void test_all_threads_and_the_caller_work(void **state)
{
    (void)state;
    struct tl_pool *pool = NULL;
    assert_status(tl_pool_new(3, &pool), TALLY_OK);
    for (unsigned round = 0; round < 50; round++) {
        struct meeting meeting = {
            .mutex = PTHREAD_MUTEX_INITIALIZER, .arrived = PTHREAD_COND_INITIALIZER, .wanted = 4};
        struct tl_pool_job job;
        tl_pool_start(pool, &job, 4, meet, &meeting);
        tl_pool_wait(pool, &job);
        assert_int_equal(meeting.waiting, 4);
    }
    tl_pool_free(pool);
}

static void signals_blocked(void *context, size_t item)
{
    atomic_bool *blocked = (atomic_bool *)context;
    sigset_t mask;
    (void)item;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    atomic_store(blocked, sigismember(&mask, SIGTERM) == 1);
}

static void test_threads_take_no_signals(void **state)
{
    (void)state;
    atomic_bool blocked = false;
    struct tl_pool *pool = NULL;
    struct tl_pool_job job;
    sigset_t mask;
    assert_status(tl_pool_new(1, &pool), TALLY_OK);
    tl_pool_start(pool, &job, 1, signals_blocked, &blocked);
    /* The caller only waits once the pool's thread took the item. */
    while (!atomic_load(&blocked)) {
        (void)sched_yield();
    }
    tl_pool_wait(pool, &job);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    assert_int_equal(sigismember(&mask, SIGTERM), 0);
    tl_pool_free(pool);
}

static void test_every_allocation_fails(void **state)
{
    (void)state;
    struct tl_pool *pool = NULL;
    test_allocations_limit(0);
    enum tally_status status = tl_pool_new(2, &pool);
    assert_true(test_allocations_unlimit());
    assert_status(status, TALLY_ENOMEM);
    assert_null(pool);
    tl_pool_free(NULL);
}

/* Threads that can still be started; negative: all. */
static int threads_left = -1;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*main_fn)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*main_fn)(void *), void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*main_fn)(void *), void *argument)
{
    if (threads_left == 0) {
        return EAGAIN;
    }
    threads_left -= threads_left > 0 ? 1 : 0;
    return __real_pthread_create(thread, attributes, main_fn, argument);
}

static void test_every_thread_fails(void **state)
{
    (void)state;
    for (int n = 0; n < 4; n++) {
        struct tl_pool *pool = NULL;
        threads_left = n;
        enum tally_status status = tl_pool_new(3, &pool);
        threads_left = -1;
        assert_status(status, n < 3 ? TALLY_ENOMEM : TALLY_OK);
        assert_int_equal(pool == NULL, n < 3);
        tl_pool_free(pool);
    }
}

struct in_flight {
    struct tl_pool *pool;
    struct tl_pool_job job;
};

static void free_in_flight(void *context)
{
    struct in_flight *flight = (struct in_flight *)context;
    tl_pool_start(flight->pool, &flight->job, 1, count_call, NULL);
    tl_pool_free(flight->pool);
}

static void test_free_is_checked(void **state)
{
    (void)state;
    struct in_flight flight;
    assert_status(tl_pool_new(0, &flight.pool), TALLY_OK);
    assert_true(test_aborts(free_in_flight, &flight));
    tl_pool_free(flight.pool);
}

static bool affinity_fails;
static long online = -1;

int __real_sched_getaffinity(pid_t pid, size_t len, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t len, cpu_set_t *set);
long __real_sysconf(int name);
long __wrap_sysconf(int name);

int __wrap_sched_getaffinity(pid_t pid, size_t len, cpu_set_t *set)
{
    if (affinity_fails) {
        errno = EINVAL;
        return -1;
    }
    return __real_sched_getaffinity(pid, len, set);
}

long __wrap_sysconf(int name)
{
    return affinity_fails && name == _SC_NPROCESSORS_ONLN ? online : __real_sysconf(name);
}

static void test_processor_count_without_affinity(void **state)
{
    (void)state;
    static const struct {
        long online;
        unsigned count;
    } known[] = {{-1, 1}, {0, 1}, {1, 1}, {2, 2}, {4096, 4096}};
    affinity_fails = true;
    for (size_t i = 0; i < TEST_COUNT(known); i++) {
        online = known[i].online;
        assert_int_equal(tl_processor_count(), known[i].count);
    }
    affinity_fails = false;
}

static void test_processor_count(void **state)
{
    (void)state;
    cpu_set_t before;
    cpu_set_t one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(tl_processor_count(), CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
            break;
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(tl_processor_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_item_once),
        cmocka_unit_test(test_many_jobs),
        cmocka_unit_test(test_results_are_visible),
        cmocka_unit_test(test_all_threads_and_the_caller_work),
        cmocka_unit_test(test_threads_take_no_signals),
        cmocka_unit_test(test_every_allocation_fails),
        cmocka_unit_test(test_every_thread_fails),
        cmocka_unit_test(test_free_is_checked),
        cmocka_unit_test(test_processor_count_without_affinity),
        cmocka_unit_test(test_processor_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
