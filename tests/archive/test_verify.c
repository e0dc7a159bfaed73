/* SPDX-License-Identifier: ISC */
/* Whole ledgers that hold, at the sizes where tiles fill, and what a report of one says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/archive/verify_case.h"

static struct ledger_fixture *ledger;

static int make_ledger(void **state)
{
    (void)state;
    ledger = fixture_new("verify", 3);
    fixture_grow(ledger, 600);
    return 0;
}

static int free_ledger(void **state)
{
    (void)state;
    fixture_free(ledger);
    return 0;
}

static void expect_all_ok(const struct verify_case *c)
{
    static const enum tl_check lines[] = {
        TL_CHECK_LEDGER, TL_CHECK_CHECKPOINT, TL_CHECK_CHAIN,    TL_CHECK_TREE,
        TL_CHECK_SEALS,  TL_CHECK_SIGNATURES, TL_CHECK_ROSTER,   TL_CHECK_AUTHORS,
        TL_CHECK_DEPOSITS, TL_CHECK_EXHIBITS,
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        case_expect_verdict(c, lines[i], TL_VERDICT_OK);
    }
    case_expect_verdict(c, TL_CHECK_WITNESSES, TL_VERDICT_NOT_CHECKED);
    case_expect_verdict(c, TL_CHECK_ANCHORS, TL_VERDICT_NOT_CHECKED);
    case_expect_exit(c, 0);
}

static void test_sizes(void **state)
{
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 513, 600};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct verify_case c;
        struct memory_source *memory = fixture_archive(ledger, sizes[i]);
        case_begin(&c, ledger, memory);
        for (unsigned threads = 0; threads < 3; threads++) {
            c.options.threads = threads;
            case_verify(&c);
            expect_all_ok(&c);
            case_expect_verdict(&c, TL_CHECK_RECEIPTS, TL_VERDICT_NOT_CHECKED);
            case_expect_verdict(&c, TL_CHECK_SINCE, TL_VERDICT_NOT_CHECKED);
            const struct tl_report *report = &c.verified.report;
            assert_int_equal(report->size, sizes[i]);
            assert_int_equal(report->lines[TL_CHECK_SEALS].checked, sizes[i]);
            /* The charter has four signatures: three founders' and the host's. */
            assert_int_equal(report->lines[TL_CHECK_SIGNATURES].checked, sizes[i] + 3);
            assert_int_equal(report->withheld, (sizes[i] - 1) * 7);
            assert_int_equal(report->in_doubt, 0);
            assert_true(report->sample);
            assert_string_equal(report->origin, FIXTURE_ORIGIN);
            assert_memory_equal(report->ledger.bytes, ledger->ledger.bytes, TALLY_HASH_LEN);
            assert_int_equal(c.verified.newest_index, sizes[i] - 1);
            assert_memory_equal(c.verified.newest_leaf.bytes,
                                ledger->records[sizes[i] - 1].leaf.bytes, TALLY_HASH_LEN);
            assert_int_equal(c.verified.roster->key_count, 4);
        }
        case_end(&c);
        memory_source_free(memory);
    }
}

static void test_held_evidence(void **state)
{
    struct verify_case c;
    struct memory_source *memory = fixture_archive(ledger, 600);
    (void)state;
    case_begin(&c, ledger, memory);
    case_hold_receipt(&c, ledger, 0, 1);
    case_hold_receipt(&c, ledger, 255, 256);
    case_hold_receipt(&c, ledger, 256, 300);
    case_hold_receipt(&c, ledger, 599, 600);
    case_since(&c, ledger, 257);
    case_verify(&c);
    expect_all_ok(&c);
    case_expect_verdict(&c, TL_CHECK_RECEIPTS, TL_VERDICT_OK);
    case_expect_verdict(&c, TL_CHECK_SINCE, TL_VERDICT_OK);
    assert_int_equal(c.verified.report.lines[TL_CHECK_RECEIPTS].checked, 4);
    case_end(&c);
    memory_source_free(memory);
}

struct seen {
    uint64_t records;
    uint64_t parts;
    uint64_t progressed;
};

static void see_record(void *context, const struct tl_record *record,
                       const struct tl_envelope *envelope, const struct tally_hash *leaf,
                       const struct tl_deposit_list *clear)
{
    struct seen *seen = context;
    assert_int_equal(record->index, seen->records);
    assert_memory_equal(leaf->bytes, ledger->records[seen->records].leaf.bytes, TALLY_HASH_LEN);
    assert_true(envelope->text.len > 0);
    seen->records++;
    seen->parts += clear->count;
}

static void see_progress(void *context, uint64_t done, uint64_t size)
{
    struct seen *seen = context;
    assert_true(done > seen->progressed && done <= size);
    seen->progressed = done;
}

static void test_reading_while_verifying(void **state)
{
    struct verify_case c;
    struct seen seen = {.records = 0};
    struct memory_source *memory = fixture_archive(ledger, 300);
    (void)state;
    case_begin(&c, ledger, memory);
    c.options.record = see_record;
    c.options.progress = see_progress;
    c.options.context = &seen;
    case_verify(&c);
    assert_int_equal(seen.records, 300);
    assert_int_equal(seen.parts, 299);
    assert_int_equal(seen.progressed, 300);
    case_end(&c);
    memory_source_free(memory);
}

static void test_no_ledger_id(void **state)
{
    struct verify_case c;
    struct memory_source *memory = fixture_archive(ledger, 5);
    (void)state;
    case_begin(&c, ledger, memory);
    c.options.ledger = NULL;
    case_verify(&c);
    case_expect_verdict(&c, TL_CHECK_LEDGER, TL_VERDICT_NOT_CHECKED);
    case_expect_verdict(&c, TL_CHECK_CHAIN, TL_VERDICT_OK);
    case_expect_exit(&c, 4);
    case_end(&c);
    memory_source_free(memory);
}

static void test_without_a_checkpoint(void **state)
{
    struct verify_case c;
    struct memory_source *memory = fixture_archive(ledger, 5);
    (void)state;
    assert_true(memory_source_remove(memory, TL_PATH_CHECKPOINT));
    case_begin(&c, ledger, memory);
    assert_int_equal(tl_verify_ledger(c.source, &c.options, &c.verified), TALLY_ENOTFOUND);
    assert_int_not_equal(tl_report_exit_code(&c.verified.report), 0);
    case_end(&c);
    memory_source_free(memory);
}

static void test_empty_heads(void **state)
{
    struct verify_case c;
    struct memory_source *memory = fixture_archive(ledger, 5);
    struct tl_buffer note;
    (void)state;
    case_begin(&c, ledger, memory);
    tl_buffer_init(&note, 65536);
    fixture_checkpoint(ledger, 0, &note);
    memory_source_put(memory, TL_PATH_CHECKPOINT, tl_buffer_bytes(&note));
    case_verify(&c);
    case_expect_bad(&c, TL_CHECK_CHECKPOINT, TL_NO_INDEX, TALLY_REASON_CHECKPOINT_INVALID);
    memory_source_put(memory, TL_PATH_CHECKPOINT, tl_bytes("", 0));
    case_verify(&c);
    case_expect_bad(&c, TL_CHECK_CHECKPOINT, TL_NO_INDEX, TALLY_REASON_CHECKPOINT_INVALID);
    tl_buffer_deinit(&note);
    case_end(&c);
    memory_source_free(memory);
}

/* A reader of a growing archive takes what it wants of the full bundle from its front. */
static void test_partial_from_full(void **state)
{
    static const char *const kinds[] = {"tile/0/", "tile/entries/", "tally/seals/",
                                        "tally/commitments/"};
    struct verify_case c;
    struct memory_source *memory = fixture_archive(ledger, 200);
    struct memory_source *later = fixture_archive(ledger, 600);
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char path[TL_RESOURCE_PATH_MAX];
        (void)snprintf(path, sizeof path, "%s000.p/200", kinds[i]);
        assert_true(memory_source_remove(memory, path));
        (void)snprintf(path, sizeof path, "%s000", kinds[i]);
        struct memory_resource *full = memory_source_find(later, path);
        assert_non_null(full);
        memory_source_put(memory, path, tl_buffer_bytes(&full->bytes));
    }
    case_begin(&c, ledger, memory);
    case_verify(&c);
    expect_all_ok(&c);
    case_end(&c);
    memory_source_free(memory);
    memory_source_free(later);
}

static void test_from_a_directory(void **state)
{
    char directory[64];
    struct verify_case c;
    struct memory_source *memory = fixture_archive(ledger, 300);
    struct tl_source *source = NULL;
    (void)state;
    fixture_make_directory(directory);
    assert_int_equal(tl_source_open_directory(directory, &source), TALLY_ENOTFOUND);
    memory_source_write(memory, directory);
    assert_int_equal(tl_source_open_directory(directory, &source), TALLY_OK);
    case_begin(&c, ledger, memory);
    c.source = source;
    case_verify(&c);
    expect_all_ok(&c);
    case_end(&c);
    tl_source_close(source);
    memory_source_free(memory);
    fixture_remove_directory(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_held_evidence),
        cmocka_unit_test(test_reading_while_verifying),
        cmocka_unit_test(test_no_ledger_id),
        cmocka_unit_test(test_without_a_checkpoint),
        cmocka_unit_test(test_empty_heads),
        cmocka_unit_test(test_partial_from_full),
        cmocka_unit_test(test_from_a_directory),
    };
    return cmocka_run_group_tests(tests, make_ledger, free_ledger);
}
