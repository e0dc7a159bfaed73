/* SPDX-License-Identifier: ISC */
/* A store built from a backup, and a store whose tables say something else than its records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/store/head_guard.h"
#include "lib/store/item.h"
#include "lib/store/rebuild.h"
#include "tests/support/ledger_fixture.h"

enum { SIZE = 300 };

#define MAP_SIZE (UINT64_C(1) << 30)

static struct ledger_fixture *ledger;
static struct memory_source *backup;
static char work[64];

static int begin(void **state)
{
    static const struct fixture_part parts[] = {{"/a", "ciphertext", 's'}, {"/b", "clear", 'c'}};
    static const struct fixture_file files[] = {{false, "file", 0}, {true, "sealed file", 0}};
    struct fixture_entry entry = {
        .type = "finding", .parts = parts, .part_count = 2, .files = files, .file_count = 2};
    (void)state;
    ledger = fixture_new("rebuild", 2);
    fixture_grow(ledger, SIZE - 3);
    (void)fixture_append(ledger, &entry);
    (void)fixture_append(ledger, &entry); /* the same ciphertext and files once more */
    (void)fixture_finding(ledger, 0);
    backup = fixture_backup(ledger, SIZE);
    return 0;
}

static int end(void **state)
{
    (void)state;
    memory_source_free(backup);
    fixture_free(ledger);
    return 0;
}

static int begin_work(void **state)
{
    (void)state;
    fixture_make_directory(work);
    return 0;
}

static int end_work(void **state)
{
    (void)state;
    fixture_remove_directory(work);
    return 0;
}

static struct tally_bytes checkpoint(void)
{
    return tl_buffer_bytes(&memory_source_find(backup, TL_PATH_CHECKPOINT)->bytes);
}

static void test_rebuilt(void **state)
{
    struct tl_backup_options options = {.threads = 1};
    struct tl_verified_ledger verified;
    struct tl_store_verdict verdict;
    struct tl_head_guard *guard = NULL;
    struct tl_store *store = NULL;
    char path[128];
    (void)state;
    assert_int_equal(tl_store_rebuild(&backup->source, work, &options, &verified), TALLY_OK);
    assert_int_equal(tl_report_exit_code(&verified.report), 0);
    tl_verified_ledger_deinit(&verified);
    (void)snprintf(path, sizeof path, "%s/head", work);
    assert_int_equal(tl_head_guard_open(path, true, &guard), TALLY_OK);
    assert_true(tl_bytes_equal(tl_head_guard_note(guard), checkpoint()));
    tl_head_guard_close(guard);
    assert_int_equal(tl_store_verify_directory(work, checkpoint(), &options, &verdict), TALLY_OK);
    assert_int_equal(tl_report_exit_code(&verdict.verified.report), 0);
    assert_int_equal(verdict.size, SIZE);
    assert_true(verdict.wrong_index == TL_NO_INDEX);
    assert_int_equal(verdict.unnamed_count, 0);
    tl_verified_ledger_deinit(&verdict.verified);

    assert_int_equal(tl_store_open(work, MAP_SIZE, TL_STORE_STOPPED, &store), TALLY_OK);
    for (uint64_t index = 0; index < SIZE; index++) {
        struct tl_buffer ours;
        struct tl_buffer theirs;
        tl_buffer_init(&ours, TL_RESOURCE_MAX);
        tl_buffer_init(&theirs, TL_RESOURCE_MAX);
        assert_int_equal(tl_backup_receipt(&backup->source, SIZE, index, &theirs),
                         index + 1 < SIZE ? TALLY_OK : TALLY_ENOTFOUND);
        assert_int_equal(
            tl_store_receipt(store, ledger->origin, SIZE, checkpoint(), index, &ours), TALLY_OK);
        if (index + 1 < SIZE) {
            assert_true(tl_bytes_equal(tl_buffer_bytes(&ours), tl_buffer_bytes(&theirs)));
        }
        tl_buffer_deinit(&ours);
        tl_buffer_deinit(&theirs);
    }
    tl_store_close(store);
}

static void test_a_bad_backup_is_named(void **state)
{
    struct tl_backup_options options = {.threads = 0};
    struct tl_verified_ledger verified;
    uint64_t index = 0;
    enum tally_reason reason = TALLY_REASON_NONE;
    (void)state;
    uint8_t *seal = memory_source_find(backup, "tally/seals/000")->bytes.ptr + 77 * 64;
    *seal ^= 1;
    assert_int_equal(tl_store_rebuild(&backup->source, work, &options, &verified), TALLY_OK);
    *seal ^= 1;
    assert_int_equal(tl_report_exit_code(&verified.report), 1);
    assert_true(tl_report_first_bad(&verified.report, &index, &reason));
    assert_int_equal(index, 77);
    assert_int_equal(reason, TALLY_REASON_SEAL_INVALID);
    tl_verified_ledger_deinit(&verified);
}

/* Appends as tl_store_rebuild would, but for one fact about one record. */
struct forging {
    struct tl_batch *batch;
    uint64_t index;
    enum fact { NOTHING, TYPE, MEMBER, ENVELOPE } fact;
};

static enum tally_status append_forged(void *context, const struct tl_backup_item *item)
{
    struct forging *forging = context;
    struct tl_append append;
    struct tl_buffer record;
    tl_buffer_init(&record, TALLY_RECORD_MAX);
    assert_true(tl_item_append(item, &append));
    assert_int_equal(tl_record_encode(item->record, &record), TALLY_OK);
    append.record = tl_buffer_bytes(&record);
    if (append.index == forging->index) {
        append.type ^= forging->fact == TYPE ? 1 : 0;
        append.member ^= forging->fact == MEMBER ? 1 : 0;
        append.envelope.bytes[31] ^= forging->fact == ENVELOPE ? 1 : 0;
    }
    assert_int_equal(tl_batch_append(forging->batch, &append), TALLY_OK);
    tl_buffer_deinit(&record);
    return TALLY_OK;
}

static void expect_wrong(uint64_t index, enum fact fact, uint64_t expected)
{
    struct forging forging = {.index = index, .fact = fact};
    struct tl_backup_options options = {.item = append_forged, .item_context = &forging};
    struct tl_backup_options plain = {.threads = 0};
    struct memory_source *small = fixture_backup(ledger, 20);
    struct tl_verified_ledger verified;
    struct tl_store_verdict verdict;
    struct tl_store *store = NULL;
    struct tally_bytes note =
        tl_buffer_bytes(&memory_source_find(small, TL_PATH_CHECKPOINT)->bytes);
    fixture_make_directory(work);
    assert_int_equal(tl_store_create(work), TALLY_OK);
    assert_int_equal(tl_store_open(work, MAP_SIZE, TL_STORE_WRITE, &store), TALLY_OK);
    assert_int_equal(tl_batch_begin(store, 0, &forging.batch), TALLY_OK);
    assert_int_equal(tl_backup_verify(&small->source, &options, &verified), TALLY_OK);
    tl_verified_ledger_deinit(&verified);
    assert_int_equal(tl_batch_commit(forging.batch), TALLY_OK);
    tl_store_close(store);
    assert_int_equal(tl_store_verify_directory(work, note, &plain, &verdict), TALLY_OK);
    assert_true(verdict.wrong_index == expected);
    tl_verified_ledger_deinit(&verdict.verified);
    fixture_remove_directory(work);
    memory_source_free(small);
}

static void test_wrong_tables(void **state)
{
    (void)state;
    expect_wrong(7, NOTHING, TL_NO_INDEX);
    expect_wrong(7, TYPE, 7);
    expect_wrong(8, MEMBER, 8);
    expect_wrong(9, ENVELOPE, 9);
    expect_wrong(0, TYPE, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rebuilt, begin_work, end_work),
        cmocka_unit_test_setup_teardown(test_a_bad_backup_is_named, begin_work, end_work),
        cmocka_unit_test(test_wrong_tables),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
