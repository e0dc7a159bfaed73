/* SPDX-License-Identifier: ISC */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/queue.h"
#include "lib/base/check.h"

enum { JOB_COUNT = 3000, WORKER_COUNT = 3 };

static atomic_uint checks;
static atomic_uint helps;
static struct tl_queue_share share;
static struct tl_queue_lane lane;

static void count_check(void *context, struct tl_job *job)
{
    (void)context;
    job->size = job->request;
    atomic_fetch_add(&checks, 1);
}

static void count_help(void *context)
{
    (void)context;
    atomic_fetch_add(&helps, 1);
}

static void join(struct tl_queue *queue, struct tl_queue_lane *joining,
                 struct tl_queue_share *of)
{
    memset(joining, 0, sizeof *joining);
    tl_queue_join(queue, joining, of);
}

/* With one lane joined. */
static struct tl_queue *make(size_t count_max, size_t bytes_max)
{
    struct tl_queue *queue = NULL;
    atomic_store(&checks, 0);
    assert_int_equal(tl_queue_new(count_max, bytes_max, count_check, count_help, NULL, &queue),
                     TALLY_OK);
    memset(&share, 0, sizeof share);
    join(queue, &lane, &share);
    return queue;
}

static struct tl_job *make_job(uint32_t number, size_t len)
{
    static const uint8_t bytes[8000];
    struct tl_job *job = tl_job_new(NULL, number, tl_bytes(bytes, len));
    assert_non_null(job);
    return job;
}

static void free_jobs(struct tl_job *jobs)
{
    while (jobs != NULL) {
        struct tl_job *next = jobs->next;
        tl_job_free(jobs);
        jobs = next;
    }
}

static size_t count_jobs(const struct tl_job *jobs)
{
    size_t count = 0;
    for (; jobs != NULL; jobs = jobs->next) {
        count++;
    }
    return count;
}

static void test_taken_in_order_and_checked(void **state)
{
    struct tl_queue *queue = make(100, 100000);
    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(tl_queue_push(queue, &lane, make_job(i, 10)));
    }
    tl_queue_work(queue);
    struct tl_job *jobs = tl_queue_take(queue, 100, 100000);
    assert_int_equal(count_jobs(jobs), 10);
    uint32_t expected = 0;
    for (struct tl_job *job = jobs; job != NULL; job = job->next) {
        assert_int_equal(job->request, expected);
        assert_int_equal(job->size, expected);
        expected++;
    }
    assert_int_equal(atomic_load(&checks), 10);
    free_jobs(jobs);
    tl_queue_free(queue);
}

/* Without any worker the sequencer checks for itself, and what waits becomes one commit. */
static void test_sequencer_helps_itself(void **state)
{
    struct tl_queue *queue = make(100, 100000);
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        (void)tl_queue_push(queue, &lane, make_job(i, 10));
    }
    struct tl_job *jobs = tl_queue_take(queue, 100, 100000);
    assert_int_equal(count_jobs(jobs), 3);
    assert_int_equal(atomic_load(&checks), 3);
    free_jobs(jobs);
    tl_queue_free(queue);
}

/* The first ones do not wait until the last one is checked. */
static void test_sequencer_gathers_within_bounds(void **state)
{
    struct tl_queue *queue = make(10000, 100000000);
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        (void)tl_queue_push(queue, &lane, make_job(i, 10));
    }
    struct tl_job *jobs = tl_queue_take(queue, 8, 100000000);
    assert_int_equal(count_jobs(jobs), 8);
    assert_int_equal(atomic_load(&checks), 8);
    free_jobs(jobs);
    jobs = tl_queue_take(queue, 10000, 100000000);
    assert_int_equal(count_jobs(jobs), 256);
    assert_int_equal(atomic_load(&checks), 264);
    free_jobs(jobs);
    jobs = tl_queue_take(queue, 10000, 100000000);
    assert_int_equal(count_jobs(jobs), 36);
    free_jobs(jobs);
    static const uint8_t large[600000];
    for (uint32_t i = 0; i < 3; i++) {
        struct tl_job *job = tl_job_new(NULL, i, tl_bytes(large, sizeof large));
        assert_non_null(job);
        (void)tl_queue_push(queue, &lane, job);
    }
    jobs = tl_queue_take(queue, 10000, 100000000);
    assert_int_equal(count_jobs(jobs), 2);
    free_jobs(jobs);
    tl_queue_free(queue);
}

static void test_take_is_bounded(void **state)
{
    struct tl_queue *queue = make(100, 100000);
    (void)state;
    for (uint32_t i = 0; i < 9; i++) {
        (void)tl_queue_push(queue, &lane, make_job(i, 100));
    }
    tl_queue_work(queue);
    struct tl_job *jobs = tl_queue_take(queue, 4, 100000);
    assert_int_equal(count_jobs(jobs), 4);
    free_jobs(jobs);
    jobs = tl_queue_take(queue, 100, 250);
    assert_int_equal(count_jobs(jobs), 2);
    free_jobs(jobs);
    jobs = tl_queue_take(queue, 100, 1);
    assert_int_equal(count_jobs(jobs), 1);
    free_jobs(jobs);
    struct tl_queue_figures figures = tl_queue_figures(queue);
    assert_int_equal(figures.count, 2);
    assert_int_equal(figures.bytes, 200);
    assert_int_equal(figures.batches, 3);
    assert_false(figures.idle);
    tl_queue_free(queue);
}

static void test_room(void **state)
{
    struct tl_queue *queue = make(3, 250);
    struct tl_queue_share other_share = {0};
    struct tl_queue_lane other;
    (void)state;
    join(queue, &other, &other_share);
    assert_true(tl_queue_has_room(queue, &lane, 1000000));
    (void)tl_queue_push(queue, &lane, make_job(0, 100));
    assert_true(tl_queue_has_room(queue, &other, 150));
    assert_false(tl_queue_has_room(queue, &other, 151));
    (void)tl_queue_push(queue, &other, make_job(1, 10));
    (void)tl_queue_push(queue, &other, make_job(2, 10));
    assert_false(tl_queue_has_room(queue, &other, 0));
    tl_queue_work(queue);
    free_jobs(tl_queue_take(queue, 1, 1000));
    assert_true(tl_queue_has_room(queue, &lane, 0));
    free_jobs(tl_queue_take(queue, 3, 1000));
    tl_queue_leave(queue, &other);
    tl_queue_free(queue);
}

/* Half for one, a third for each of two; an empty lane need not wait for its user's others. */
static void test_one_user_leaves_room(void **state)
{
    struct tl_queue *queue = make(12, 12000);
    struct tl_queue_share other_share = {0};
    struct tl_queue_lane other;
    struct tl_queue_lane second;
    struct tl_queue_lane third;
    (void)state;
    join(queue, &second, &share);
    join(queue, &other, &other_share);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(tl_queue_has_room(queue, &lane, 100));
        (void)tl_queue_push(queue, &lane, make_job(i, 100));
    }
    assert_false(tl_queue_has_room(queue, &lane, 100));
    assert_true(tl_queue_has_room(queue, &second, 100));
    (void)tl_queue_push(queue, &second, make_job(6, 100));
    assert_false(tl_queue_has_room(queue, &second, 100));
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(tl_queue_has_room(queue, &other, 100));
        (void)tl_queue_push(queue, &other, make_job(i, 100));
    }
    assert_false(tl_queue_has_room(queue, &other, 100));
    join(queue, &third, &other_share);
    for (uint32_t i = 3; i < 5; i++) {
        assert_true(tl_queue_has_room(queue, &third, 0));
        (void)tl_queue_push(queue, &other, make_job(i, 100));
    }
    assert_false(tl_queue_has_room(queue, &third, 0)); /* twelve are twelve */
    tl_queue_free(queue);

    queue = make(12, 12000);
    (void)tl_queue_push(queue, &lane, make_job(0, 5000));
    assert_true(tl_queue_has_room(queue, &lane, 2000));
    assert_false(tl_queue_has_room(queue, &lane, 2001));
    tl_queue_free(queue);
}

/* However much one client has sent, another's job is among the next ones; each keeps its order. */
static void test_clients_take_turns(void **state)
{
    struct tl_queue *queue = make(10000, 1000000);
    struct tl_queue_share other_share = {0};
    struct tl_queue_lane other;
    struct tl_queue_lane second;
    (void)state;
    join(queue, &second, &share);
    join(queue, &other, &other_share);
    atomic_store(&helps, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        (void)tl_queue_push(queue, &lane, make_job(i, 10));
    }
    for (uint32_t i = 0; i < 3; i++) {
        (void)tl_queue_push(queue, &other, make_job(5000 + i, 10));
    }
    (void)tl_queue_push(queue, &second, make_job(7000, 10));
    tl_queue_work(queue);
    struct tl_job *jobs = tl_queue_take(queue, 10000, 1000000);
    static const uint32_t first[] = {0, 5000, 7000, 1, 5001, 2, 5002, 3, 4, 5};
    struct tl_job *job = jobs;
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        assert_int_equal(job->request, first[i]);
        job = job->next;
    }
    assert_int_equal(count_jobs(jobs), 8 + 3);
    assert_int_equal(atomic_load(&helps), 1);
    assert_true(tl_queue_wants_help(queue));
    free_jobs(jobs);
    tl_queue_free(queue);
}

/* All that one user may have claimed waits to be taken: another user is claimed all the same. */
static void test_claims_are_bounded(void **state)
{
    struct tl_queue *queue = make(10000, 1000000000);
    struct tl_queue_share other_share = {0};
    struct tl_queue_lane other;
    struct tl_queue_lane second;
    (void)state;
    join(queue, &second, &share);
    for (uint32_t i = 0; i < 1000; i++) {
        (void)tl_queue_push(queue, &lane, make_job(i, 10));
    }
    tl_queue_work(queue);
    assert_int_equal(atomic_load(&checks), 512);
    join(queue, &other, &other_share);
    assert_false(tl_queue_wants_help(queue));
    (void)tl_queue_push(queue, &second, make_job(7000, 10));
    (void)tl_queue_push(queue, &other, make_job(5000, 10));
    tl_queue_work(queue);
    assert_int_equal(atomic_load(&checks), 513);
    assert_false(tl_queue_wants_help(queue));
    tl_queue_free(queue);

    queue = make(10000, 1000000000);
    static const uint8_t large[600000];
    for (uint32_t i = 0; i < 3; i++) {
        struct tl_job *job = tl_job_new(NULL, i, tl_bytes(large, sizeof large));
        assert_non_null(job);
        (void)tl_queue_push(queue, &lane, job);
    }
    tl_queue_work(queue);
    assert_int_equal(atomic_load(&checks), 2);
    tl_queue_free(queue);
}

static void test_close_empties_first(void **state)
{
    struct tl_queue *queue = make(3, 250);
    (void)state;
    (void)tl_queue_push(queue, &lane, make_job(0, 1));
    tl_queue_close(queue);
    struct tl_job *jobs = tl_queue_take(queue, 10, 1000);
    assert_int_equal(count_jobs(jobs), 1);
    free_jobs(jobs);
    assert_null(tl_queue_take(queue, 10, 1000));
    tl_queue_free(queue);
}

static atomic_bool pushing;

static void *worker_main(void *argument)
{
    while (atomic_load(&pushing)) {
        tl_queue_work((struct tl_queue *)argument);
    }
    return NULL;
}

static void *sequencer_main(void *argument)
{
    uint32_t expected = 0;
    for (;;) {
        struct tl_job *jobs = tl_queue_take((struct tl_queue *)argument, 64, 100000);
        if (jobs == NULL) {
            TL_ASSERT(expected == JOB_COUNT);
            return NULL;
        }
        for (const struct tl_job *job = jobs; job != NULL; job = job->next) {
            TL_ASSERT(job->request == expected);
            TL_ASSERT(job->checked && job->size == expected);
            expected++;
        }
        free_jobs(jobs);
    }
}

static void test_threads_keep_the_order(void **state)
{
    struct tl_queue *queue = make(50, 100000);
    pthread_t sequencer;
    pthread_t workers[WORKER_COUNT];
    (void)state;
    atomic_store(&pushing, true);
    assert_int_equal(pthread_create(&sequencer, NULL, sequencer_main, queue), 0);
    for (size_t i = 0; i < WORKER_COUNT; i++) {
        assert_int_equal(pthread_create(&workers[i], NULL, worker_main, queue), 0);
    }
    for (uint32_t i = 0; i < JOB_COUNT; i++) {
        while (!tl_queue_has_room(queue, &lane, 10)) {
        }
        (void)tl_queue_push(queue, &lane, make_job(i, 10));
    }
    tl_queue_close(queue);
    assert_int_equal(pthread_join(sequencer, NULL), 0);
    atomic_store(&pushing, false);
    for (size_t i = 0; i < WORKER_COUNT; i++) {
        assert_int_equal(pthread_join(workers[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&checks), JOB_COUNT);
    tl_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken_in_order_and_checked),
        cmocka_unit_test(test_sequencer_helps_itself),
        cmocka_unit_test(test_sequencer_gathers_within_bounds),
        cmocka_unit_test(test_take_is_bounded),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_one_user_leaves_room),
        cmocka_unit_test(test_clients_take_turns),
        cmocka_unit_test(test_claims_are_bounded),
        cmocka_unit_test(test_close_empties_first),
        cmocka_unit_test(test_threads_keep_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
