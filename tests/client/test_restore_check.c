/* SPDX-License-Identifier: ISC */
/* What was restored is held against what it was restored from: its tables, and its receipts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/exit_code.h"
#include "client/restore_check.h"
#include "lib/store/item.h"
#include "lib/store/rebuild.h"
#include "tests/support/ledger_fixture.h"

enum { SIZE = 20, MAP_SIZE = 1 << 30 };

static struct ledger_fixture *ledger;
static struct memory_source *backup;
static char work[64];

static int begin(void **state)
{
    (void)state;
    ledger = fixture_new("restore check", 2);
    fixture_grow(ledger, SIZE);
    backup = fixture_backup(ledger, SIZE);
    fixture_make_directory(work);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_remove_directory(work);
    memory_source_free(backup);
    fixture_free(ledger);
    return 0;
}

static int check(const struct tl_verified_ledger *verified, uint64_t *ret_count)
{
    *ret_count = 0;
    return restore_check(work, &backup->source, verified, 0, ret_count);
}

/* The lines of a checkpoint in the middle, as the backup now has them, are not those restored. */
static void test_receipts(void **state)
{
    struct tl_backup_options options = {.threads = 0};
    struct tl_verified_ledger verified;
    uint64_t count = 0;
    (void)state;
    assert_int_equal(tl_store_rebuild(&backup->source, work, &options, &verified), TALLY_OK);
    assert_int_equal(check(&verified, &count), EXIT_DONE);
    assert_int_equal(count, SIZE);
    struct tl_buffer *rows = &memory_source_find(backup, "tally/checkpoints/000.p/20")->bytes;
    uint8_t *byte = rows->ptr + rows->len / 2;
    *byte ^= 1;
    assert_int_equal(check(&verified, &count), EXIT_BAD);
    *byte ^= 1;
    assert_int_equal(check(&verified, &count), EXIT_DONE);
    tl_verified_ledger_deinit(&verified);
}

/* What is restored beside the records; and of one of them the facts are not its own. */
struct forging {
    struct tl_batch *batch;
    uint64_t forged;
    size_t lens[SIZE];
    uint8_t lines[SIZE][TL_BACKUP_NOTE_MAX];
};

static enum tally_status append_one(void *context, const struct tl_backup_item *item)
{
    struct forging *forging = context;
    struct tl_append append;
    struct tl_buffer record;
    tl_buffer_init(&record, TALLY_RECORD_MAX);
    assert_true(tl_item_append(item, &append));
    assert_int_equal(tl_record_encode(item->record, &record), TALLY_OK);
    append.record = tl_buffer_bytes(&record);
    append.member ^= append.index == forging->forged ? 1 : 0;
    assert_int_equal(tl_batch_append(forging->batch, &append), TALLY_OK);
    tl_buffer_deinit(&record);
    forging->lens[append.index] = item->lines.len;
    if (item->lines.len > 0) {
        memcpy(forging->lines[append.index], item->lines.ptr, item->lines.len);
    }
    return TALLY_OK;
}

static void keep_lines(struct tl_store *store, struct forging *forging)
{
    assert_int_equal(tl_batch_begin(store, SIZE, &forging->batch), TALLY_OK);
    for (uint64_t i = 0; i < SIZE; i++) {
        if (forging->lens[i] > 0) {
            assert_int_equal(
                tl_batch_put_checkpoint(forging->batch, i + 1,
                                        tl_bytes(forging->lines[i], forging->lens[i])),
                TALLY_OK);
        }
    }
    assert_int_equal(tl_batch_commit(forging->batch), TALLY_OK);
}

static int check_forged(uint64_t index)
{
    static struct forging forging;
    struct tl_backup_options options = {.item = append_one, .item_context = &forging};
    struct tl_verified_ledger verified;
    struct tl_store *store = NULL;
    uint64_t count = 0;
    forging.forged = index;
    assert_int_equal(tl_store_create(work), TALLY_OK);
    assert_int_equal(tl_store_open(work, MAP_SIZE, TL_STORE_WRITE, &store), TALLY_OK);
    assert_int_equal(tl_batch_begin(store, 0, &forging.batch), TALLY_OK);
    assert_int_equal(tl_backup_verify(&backup->source, &options, &verified), TALLY_OK);
    assert_int_equal(tl_batch_commit(forging.batch), TALLY_OK);
    keep_lines(store, &forging);
    tl_store_close(store);
    int code = check(&verified, &count);
    tl_verified_ledger_deinit(&verified);
    return code;
}

static void test_tables(void **state)
{
    (void)state;
    assert_int_equal(check_forged(SIZE / 2), EXIT_BAD);
}

static void test_good_tables(void **state)
{
    (void)state;
    assert_int_equal(check_forged(TL_NO_INDEX), EXIT_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_receipts, begin, end),
        cmocka_unit_test_setup_teardown(test_tables, begin, end),
        cmocka_unit_test_setup_teardown(test_good_tables, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
