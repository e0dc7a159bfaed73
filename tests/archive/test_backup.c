/* SPDX-License-Identifier: ISC */
/* Backups: what is written, what is verified in them, and the receipts that come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/archive/backup.h"
#include "lib/archive/bundle_file.h"
#include "lib/base/file.h"
#include "tests/support/ledger_fixture.h"

enum { SIZE = 300 };

static struct ledger_fixture *ledger;
static char work[64];

static int begin(void **state)
{
    static const struct fixture_part parts[] = {{"/a", "ciphertext", 's'}, {"/b", "clear", 'c'}};
    static const struct fixture_file files[] = {{false, "file", 0}, {true, "sealed file", 0}};
    struct fixture_entry entry = {
        .type = "finding", .parts = parts, .part_count = 2, .files = files, .file_count = 2};
    (void)state;
    ledger = fixture_new("backup", 2);
    (void)fixture_append(ledger, &entry);
    fixture_grow(ledger, SIZE);
    fixture_make_directory(work);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_free(ledger);
    fixture_remove_directory(work);
    return 0;
}

static const char *in_work(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", work, name);
    return path;
}

static enum tally_status write_backup(struct memory_source *memory, const char *name,
                                      struct tl_backup_made *made)
{
    struct tl_backup_options options = {.threads = 1};
    return tl_backup_write(&memory->source, in_work(name), &options, made);
}

/* The first bad record of the source, when it has one of the line "checkpoint". */
static void expect_bad_lines(struct memory_source *memory, uint64_t index)
{
    struct tl_verified_ledger verified;
    struct tl_backup_options options = {.ledger = &ledger->ledger};
    assert_int_equal(tl_backup_verify(&memory->source, &options, &verified), TALLY_OK);
    const struct tl_report_line *line = &verified.report.lines[TL_CHECK_CHECKPOINT];
    assert_int_equal(line->verdict, TL_VERDICT_BAD);
    assert_int_equal(line->reason, TALLY_REASON_CHECKPOINT_INVALID);
    assert_int_equal(line->first_bad, index);
    assert_int_equal(tl_report_exit_code(&verified.report), 1);
    tl_verified_ledger_deinit(&verified);
}

static void expect_good(struct memory_source *memory)
{
    struct tl_verified_ledger verified;
    struct tl_backup_options options = {.ledger = &ledger->ledger};
    assert_int_equal(tl_backup_verify(&memory->source, &options, &verified), TALLY_OK);
    assert_int_equal(tl_report_exit_code(&verified.report), 0);
    tl_verified_ledger_deinit(&verified);
}

static void test_written_and_extended(void **state)
{
    static const uint64_t sizes[] = {1, 2, 3, 255, 256, 257, 300};
    struct tl_backup_made made;
    struct tl_backup_mark mark;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct memory_source *memory = fixture_backup(ledger, sizes[i]);
        for (unsigned again = 0; again < 2; again++) {
            assert_int_equal(write_backup(memory, "grows", &made), TALLY_OK);
            assert_int_equal(tl_report_exit_code(&made.verified.report), 0);
            assert_int_equal(made.mark.size, sizes[i]);
            assert_true((made.files_written > 0) == (again == 0));
            tl_verified_ledger_deinit(&made.verified);
            assert_int_equal(tl_backup_mark_read(in_work("grows"), &mark), TALLY_OK);
            assert_memory_equal(&mark, &made.mark, sizeof mark);
            assert_true(tl_hash_equal(&mark.ledger, &ledger->ledger));
        }
        memory_source_free(memory);
    }
}

/* The receipts of all records, as the host gave them: under the next size that is no third one. */
static void test_receipts(void **state)
{
    struct tl_backup_made made;
    struct tl_source *source = NULL;
    struct memory_source *memory = fixture_backup(ledger, SIZE);
    (void)state;
    assert_int_equal(write_backup(memory, "receipts", &made), TALLY_OK);
    tl_verified_ledger_deinit(&made.verified);
    assert_int_equal(tl_source_open_directory(in_work("receipts"), &source), TALLY_OK);
    for (uint64_t index = 0; index < SIZE; index++) {
        uint64_t size = index + 1;
        struct tl_buffer expected;
        struct tl_buffer receipt;
        if (size % 3 == 0 && size < SIZE) {
            size++;
        }
        tl_buffer_init(&expected, TL_RESOURCE_MAX);
        tl_buffer_init(&receipt, TL_RESOURCE_MAX);
        fixture_receipt(ledger, index, size, &expected);
        assert_int_equal(tl_backup_receipt(source, SIZE, index, &receipt), TALLY_OK);
        assert_true(tl_bytes_equal(tl_buffer_bytes(&receipt), tl_buffer_bytes(&expected)));
        tl_buffer_deinit(&expected);
        tl_buffer_deinit(&receipt);
    }
    struct tl_buffer none;
    tl_buffer_init(&none, TL_RESOURCE_MAX);
    assert_int_equal(tl_backup_receipt(source, SIZE, SIZE, &none), TALLY_ENOTFOUND);
    tl_buffer_deinit(&none);
    tl_source_close(source);
    memory_source_free(memory);
}

static void test_rows_that_are_wrong(void **state)
{
    struct memory_source *memory = fixture_backup(ledger, SIZE);
    struct tl_buffer *rows = &memory_source_find(memory, "tally/checkpoints/000")->bytes;
    struct tl_buffer *tail = &memory_source_find(memory, "tally/checkpoints/001.p/44")->bytes;
    size_t tail_len = tail->len;
    (void)state;
    expect_good(memory);
    rows->ptr[rows->len - 4] ^= 1;
    expect_bad_lines(memory, 255);
    rows->ptr[rows->len - 4] ^= 1;
    rows->ptr[1]--; /* the first row ends early, and all others begin elsewhere */
    expect_bad_lines(memory, 0);
    rows->ptr[1]++;
    tail->len = 1;
    expect_bad_lines(memory, 256);
    tail->len = tail_len;
    tl_buffer_add_u8(tail, 0);
    expect_bad_lines(memory, 256);
    tail->len = tail_len;
    expect_good(memory);
    assert_true(memory_source_remove(memory, "tally/checkpoints/000"));
    expect_bad_lines(memory, 0);
    memory_source_free(memory);
}

/* The full bundle stands for a partial one that is not there, as everywhere in an archive. */
static void test_full_bundle_for_a_partial_one(void **state)
{
    struct memory_source *memory = fixture_backup(ledger, 200);
    struct memory_source *later = fixture_backup(ledger, SIZE);
    (void)state;
    assert_true(memory_source_remove(memory, "tally/checkpoints/000.p/200"));
    expect_bad_lines(memory, 0);
    memory_source_put(
        memory, "tally/checkpoints/000",
        tl_buffer_bytes(&memory_source_find(later, "tally/checkpoints/000")->bytes));
    expect_good(memory);
    memory_source_free(memory);
    memory_source_free(later);
}

/* Nothing is put in place when the copy does not verify: a seal is no part of the tree. */
static void test_bad_source_changes_nothing(void **state)
{
    struct tl_backup_made made;
    struct tl_backup_mark before;
    struct tl_backup_mark after;
    struct tl_buffer old;
    struct tl_buffer now;
    struct memory_source *memory = fixture_backup(ledger, 100);
    (void)state;
    assert_int_equal(write_backup(memory, "kept", &made), TALLY_OK);
    tl_verified_ledger_deinit(&made.verified);
    memory_source_free(memory);
    tl_buffer_init(&old, TL_RESOURCE_MAX);
    tl_buffer_init(&now, TL_RESOURCE_MAX);
    assert_int_equal(tl_backup_mark_read(in_work("kept"), &before), TALLY_OK);
    assert_int_equal(tl_file_read(in_work("kept/checkpoint"), &old), TALLY_OK);

    memory = fixture_backup(ledger, 200);
    memory_source_find(memory, "tally/seals/000.p/200")->bytes.ptr[150 * 64] ^= 1;
    assert_int_equal(write_backup(memory, "kept", &made), TALLY_OK);
    assert_int_equal(tl_report_exit_code(&made.verified.report), 1);
    assert_int_equal(made.verified.report.lines[TL_CHECK_SEALS].first_bad, 150);
    tl_verified_ledger_deinit(&made.verified);
    memory_source_free(memory);
    assert_int_equal(tl_backup_mark_read(in_work("kept"), &after), TALLY_OK);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(tl_file_read(in_work("kept/checkpoint"), &now), TALLY_OK);
    assert_true(tl_bytes_equal(tl_buffer_bytes(&old), tl_buffer_bytes(&now)));
    tl_buffer_deinit(&old);
    tl_buffer_deinit(&now);

    memory = fixture_backup(ledger, 200);
    assert_int_equal(write_backup(memory, "kept", &made), TALLY_OK);
    assert_int_equal(tl_report_exit_code(&made.verified.report), 0);
    tl_verified_ledger_deinit(&made.verified);
    memory_source_free(memory);
}

static void test_refusals(void **state)
{
    struct tl_backup_made made;
    struct memory_source *archive = fixture_archive(ledger, 20);
    struct memory_source *memory = fixture_backup(ledger, 20);
    struct memory_source *older = fixture_backup(ledger, 10);
    struct memory_source *sparse = fixture_backup(ledger, 20);
    (void)state;
    assert_int_equal(write_backup(archive, "of-archive", &made), TALLY_ENOTFOUND);
    assert_int_equal(mkdir(in_work("open"), 0750), 0);
    assert_int_equal(write_backup(memory, "open", &made), TALLY_EACCES);
    assert_int_equal(chmod(in_work("open"), 0700), 0);
    assert_int_equal(write_backup(memory, "open", &made), TALLY_OK);
    tl_verified_ledger_deinit(&made.verified);
    assert_int_equal(write_backup(older, "open", &made), TALLY_EROLLBACK);
    for (size_t i = 0; i < ledger->object_count; i++) {
        char path[TL_RESOURCE_PATH_MAX];
        tl_path_object(&ledger->objects[i].hash, path);
        if (!tl_bytes_equal(tl_buffer_bytes(&ledger->objects[i].bytes), tl_bytes_text("file"))) {
            (void)memory_source_remove(sparse, path);
        }
    }
    assert_int_equal(write_backup(sparse, "sparse", &made), TALLY_OK);
    assert_int_equal(tl_report_exit_code(&made.verified.report), 4);
    tl_verified_ledger_deinit(&made.verified);
    assert_int_equal(access(in_work("sparse/checkpoint"), F_OK), -1);
    memory_source_free(archive);
    memory_source_free(memory);
    memory_source_free(older);
    memory_source_free(sparse);
}

#define MARK                                                                                       \
    "tally-backup/v1\nverified 2026-01-05T09:00:00Z\nsize 46\n"                                    \
    "root N0I3siLuonm2aJS80khtzYuCgvGxQzRW7Ib0VfelqdE=\n"                                          \
    "ledger 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"

static void test_mark(void **state)
{
    static const char *const bad[] = {
        "", "tally-backup/v1\n", "tally-backup/v2\n", MARK "\n", " " MARK, MARK "x",
        "tally-backup/v1\nverified 2026-01-05T09:00:00Z\nsize 046\n"
        "root N0I3siLuonm2aJS80khtzYuCgvGxQzRW7Ib0VfelqdE=\n"
        "ledger 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "tally-backup/v1\nsize 46\nverified 2026-01-05T09:00:00Z\n"
        "root N0I3siLuonm2aJS80khtzYuCgvGxQzRW7Ib0VfelqdE=\n"
        "ledger 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "tally-backup/v1\nverified \nsize 46\nroot \nledger \n",
    };
    struct tl_backup_mark mark;
    struct tl_buffer again;
    (void)state;
    tl_buffer_init(&again, TL_BACKUP_MARK_MAX);
    assert_int_equal(tl_backup_mark_decode(tl_bytes_text(MARK), &mark), TALLY_OK);
    assert_int_equal(mark.size, 46);
    tl_backup_mark_encode(&mark, &again);
    assert_true(tl_bytes_equal(tl_buffer_bytes(&again), tl_bytes_text(MARK)));
    tl_buffer_deinit(&again);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(tl_backup_mark_decode(tl_bytes_text(bad[i]), &mark), TALLY_EFORMAT);
    }
    assert_int_equal(tl_backup_mark_read(in_work("nowhere"), &mark), TALLY_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_extended),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_rows_that_are_wrong),
        cmocka_unit_test(test_full_bundle_for_a_partial_one),
        cmocka_unit_test(test_bad_source_changes_nothing),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_mark),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
