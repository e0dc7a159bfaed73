/* SPDX-License-Identifier: ISC */
/*
 * What an acknowledgement rests on, in its order: the batch is durable, the head guard holds its
 * checkpoint, the head is published, and only then anybody is answered.
 */
#include "tests/daemon/fixture_store.h"

#include <sys/wait.h>
#include <unistd.h>

#include "daemon/draft.h"
#include "daemon/exit_code.h"
#include "daemon/restore.h"
#include "daemon/sequencer.h"

enum { ENTRY_COUNT = 2, STEPS_MAX = 32 };

static struct ledger_fixture *fixture;
static struct tl_ledger *ledger;
static struct tl_config config;
static char directory[TEST_PATH_MAX];
static char steps[STEPS_MAX + 1];

/* Also on the sequencer's thread, where a failing assertion has nowhere to return to. */
static void note_step(char step)
{
    size_t len = strlen(steps);
    if (len < STEPS_MAX) {
        steps[len] = step;
    }
}

enum tally_status __real_tl_batch_commit(struct tl_batch *batch);
enum tally_status __wrap_tl_batch_commit(struct tl_batch *batch);
enum tally_status __real_tl_head_guard_write(struct tl_head_guard *guard, struct tally_bytes note);
enum tally_status __wrap_tl_head_guard_write(struct tl_head_guard *guard, struct tally_bytes note);
void __real_tl_head_publish(struct tl_head *head, const struct tl_head_view *view);
void __wrap_tl_head_publish(struct tl_head *head, const struct tl_head_view *view);

enum tally_status __wrap_tl_batch_commit(struct tl_batch *batch)
{
    enum tally_status status = __real_tl_batch_commit(batch);
    note_step('c');
    return status;
}

enum tally_status __wrap_tl_head_guard_write(struct tl_head_guard *guard, struct tally_bytes note)
{
    enum tally_status status = __real_tl_head_guard_write(guard, note);
    note_step('g');
    return status;
}

void __wrap_tl_head_publish(struct tl_head *head, const struct tl_head_view *view)
{
    bool is_guarded = tl_bytes_equal(tl_head_guard_note(ledger->guard), tl_head_note(view));
    __real_tl_head_publish(head, view);
    note_step(is_guarded ? 'p' : 'P');
}

static void done(void *context, struct tl_job *jobs)
{
    unsigned *receipts = (unsigned *)context;
    while (jobs != NULL) {
        struct tl_job *job = jobs;
        jobs = job->next;
        *receipts += job->outcome == TL_OUTCOME_RECEIPT ? 1 : 0;
        note_step('r');
        tl_job_free(job);
    }
}

static void check(void *context, struct tl_job *job)
{
    (void)context;
    tl_job_check(job, ledger->store, &ledger->id);
}

static void append_charter(void)
{
    struct tl_batch *batch = NULL;
    struct tl_append append = fixture_append_of(fixture, 0, NULL);
    assert_status(tl_batch_begin(ledger->store, 0, &batch), TALLY_OK);
    assert_status(tl_batch_append(batch, &append), TALLY_OK);
    assert_status(__real_tl_batch_commit(batch), TALLY_OK);
}

static void make_head(void)
{
    char path[TEST_PATH_MAX];
    struct tl_head_view view;
    struct tally_hash root = tl_tree_edge_root(&ledger->edge);
    assert_status(tl_ledger_sign(&ledger->keys[0].key, ledger->secret, NULL, NULL, 1, &root, &view),
                  TALLY_OK);
    test_path(path, directory, "head");
    assert_status(tl_head_guard_create(path, tl_head_note(&view)), TALLY_OK);
    assert_status(tl_head_guard_open(path, false, &ledger->guard), TALLY_OK);
    __real_tl_head_publish(&ledger->head, &view);
}

/* A ledger of a charter alone, as a start leaves it. */
static int setup(void **state)
{
    (void)state;
    memset(steps, 0, sizeof steps);
    fixture = fixture_new("order", 3);
    test_dir_make(directory);
    tl_config_init(&config);
    (void)snprintf(config.data, sizeof config.data, "%s", directory);
    config.disk_reserve = 0;
    config.workers = 1;
    ledger = fixture_ledger_new(fixture, directory);
    append_charter();
    assert_int_equal(tl_restore(ledger), TL_EXIT_OK);
    assert_true(tl_clock_confirm(&ledger->clock, tl_clock_read())); /* the records are old */
    make_head();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_ledger_free(ledger);
    test_dir_remove(directory);
    fixture_free(fixture);
    return 0;
}

/* A finding by a key that has seen the charter alone. */
static struct tl_job *make_job(size_t author)
{
    static const struct fixture_part part = {"/name", "\"value\"", 'c'};
    struct fixture_entry entry = {.type = "finding", .author = author, .parts = &part,
                                  .part_count = 1, .has_seen = true};
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, TALLY_SUBMISSION_MAX);
    fixture_submission(fixture, fixture_append(fixture, &entry), &bytes);
    struct tl_job *job = tl_job_new(NULL, 1, tl_buffer_bytes(&bytes));
    assert_non_null(job);
    tl_buffer_deinit(&bytes);
    return job;
}

static void no_help(void *context)
{
    (void)context;
}

/* The receipts of one batch of entries by as many authors. */
static unsigned run_batch(void)
{
    unsigned receipts = 0;
    struct tl_queue *queue = NULL;
    struct tl_sequencer *sequencer = NULL;
    struct tl_queue_share share = {.lanes = 0};
    struct tl_queue_lane lane = {.share = NULL};
    assert_status(tl_queue_new(ENTRY_COUNT, 1u << 20, check, no_help, NULL, &queue), TALLY_OK);
    tl_queue_join(queue, &lane, &share);
    for (size_t author = 0; author < ENTRY_COUNT; author++) {
        (void)tl_queue_push(queue, &lane, make_job(author));
    }
    tl_queue_close(queue);
    assert_status(tl_sequencer_start(ledger, queue, &config, done, &receipts, &sequencer),
                  TALLY_OK);
    tl_sequencer_join(sequencer);
    tl_queue_leave(queue, &lane);
    tl_queue_free(queue);
    return receipts;
}

static void test_nothing_is_said_before_it_is_safe(void **state)
{
    (void)state;
    assert_int_equal(run_batch(), ENTRY_COUNT);
    assert_string_equal(steps, "cgprr");
    assert_int_equal(tl_store_size(ledger->store), 1 + ENTRY_COUNT);
}

/* After a stop the batch is durable, and nobody is told: no checkpoint stands over it. */
static void test_nothing_is_said_after_a_stop(void **state)
{
    (void)state;
    struct tl_job *job = make_job(0);
    struct tl_draft *draft = NULL;
    enum tally_reason reason = TALLY_REASON_NONE;
    assert_status(tl_draft_new(ledger, 1, 0, &draft), TALLY_OK);
    tl_draft_begin(draft);
    check(NULL, job);
    assert_status(tl_draft_add(draft, job, UINT64_C(1) << 52, &reason), TALLY_OK);
    assert_int_equal(reason, TALLY_REASON_NONE);
    atomic_store(&ledger->signing, TL_SIGNING_STOPPED);
    assert_status(tl_draft_commit(draft), TALLY_ESTOPPED);
    assert_string_equal(steps, "c");
    tl_draft_free(draft);
    tl_job_free(job);
}

/*
 * A batch takes no more than one transaction of the store may change: with many sealed parts, of
 * which each counts some pages, it is full long before its count is.
 */
static void test_a_batch_fits_its_transaction(void **state)
{
    (void)state;
    enum { COUNT_MAX = 40 };
    struct tl_job *jobs[COUNT_MAX] = {NULL};
    struct tl_draft *draft = NULL;
    size_t count = 0;
    bool is_full = false;
    assert_status(tl_draft_new(ledger, 2 * COUNT_MAX, 0, &draft), TALLY_OK);
    tl_draft_begin(draft);
    while (count < COUNT_MAX && !is_full) {
        enum tally_reason reason = TALLY_REASON_NONE;
        struct tl_job *job = make_job(0);
        check(NULL, job);
        job->submission.sealed.count = TALLY_PART_COUNT_MAX;
        is_full = tl_draft_is_full_for(draft, job);
        if (!is_full) {
            uint64_t received_us = (UINT64_C(1) << 52) + count;
            assert_status(tl_draft_add(draft, job, received_us, &reason), TALLY_OK);
            assert_int_equal(reason, TALLY_REASON_NONE);
        }
        jobs[count] = job;
        count++;
    }
    assert_true(is_full);
    assert_in_range(count, 10, COUNT_MAX - 1);
    assert_status(tl_draft_commit(draft), TALLY_OK);
    assert_int_equal(tl_store_size(ledger->store), count);
    tl_draft_free(draft);
    for (size_t i = 0; i < count; i++) {
        tl_job_free(jobs[i]);
    }
}

/* A store whose nodes are not those of the tree in memory: no root of either is signed. */
static void test_no_root_that_the_store_does_not_have(void **state)
{
    (void)state;
    int how = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        ledger->edge.nodes[0].bytes[0] ^= 1;
        (void)run_batch();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), TL_EXIT_STORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_said_before_it_is_safe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_said_after_a_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_batch_fits_its_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_root_that_the_store_does_not_have, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
