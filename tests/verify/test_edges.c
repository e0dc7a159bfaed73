/* SPDX-License-Identifier: ISC */
/* Bundles and records that end a walk early: a verdict, or a status, and nothing left behind. */
#include "tests/support/test.h"

#include "lib/codec/bundle.h"
#include "lib/codec/receipt.h"
#include "lib/verify/judge.h"
#include "lib/verify/proof_check.h"
#include "tests/support/ledger_fixture.h"

static struct ledger_fixture *fixture;

static int setup(void **state)
{
    (void)state;
    fixture = fixture_new("edges", 2);
    (void)fixture_finding(fixture, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_free(fixture);
    return 0;
}

static void assert_checkpoint(struct tl_buffer receipts[2], enum tl_verdict expected)
{
    struct tl_bundle_line lines[] = {
        {.kind = TL_BUNDLE_CONSTITUTION, .bytes = tl_buffer_bytes(&receipts[0]), .index = 0},
        {.kind = TL_BUNDLE_LAST, .bytes = tl_buffer_bytes(&receipts[0]), .index = 0},
        {.kind = TL_BUNDLE_ENTRY, .bytes = tl_buffer_bytes(&receipts[1]), .index = 1},
    };
    struct tl_bundle bundle = {.count = TEST_COUNT(lines), .lines = lines};
    struct tl_report report;
    assert_status(tl_bundle_check(&bundle, &fixture->ledger, NULL, &report), TALLY_OK);
    assert_int_equal(report.lines[TL_CHECK_CHECKPOINT].verdict, expected);
}

/* The bundle's checkpoint is no checkpoint: that is the verdict. */
static void test_rubbish_for_a_checkpoint(void **state)
{
    (void)state;
    struct tl_buffer receipts[2];
    for (uint64_t i = 0; i < 2; i++) {
        tl_buffer_init(&receipts[i], TL_RECEIPT_MAX);
        fixture_receipt(fixture, i, 2, &receipts[i]);
    }
    assert_checkpoint(receipts, TL_VERDICT_OK);
    /* The line of the size, behind that of the origin. */
    uint8_t *size = (uint8_t *)memmem(receipts[0].ptr, receipts[0].len,
                                      FIXTURE_ORIGIN "\n2\n", sizeof FIXTURE_ORIGIN "\n2\n" - 1);
    assert_non_null(size);
    size[sizeof FIXTURE_ORIGIN] = 'x';
    assert_checkpoint(receipts, TL_VERDICT_BAD);
    tl_buffer_deinit(&receipts[0]);
    tl_buffer_deinit(&receipts[1]);
}

/* The judge moves on, with the roster or without; a sanitizer sees whether one is left behind. */
static void test_record_skipped_without_memory(void **state)
{
    (void)state;
    const struct fixture_record *charter = &fixture->records[0];
    struct tl_record record;
    struct tl_envelope envelope;
    assert_status(tl_record_decode(tl_buffer_bytes(&charter->bytes), &record), TALLY_OK);
    assert_status(tl_envelope_decode(record.envelope, &envelope, NULL), TALLY_OK);
    bool failed = true;
    for (long allowed = 0; failed; allowed++) {
        struct tl_judge *judge = NULL;
        assert_status(tl_judge_new(&judge), TALLY_OK);
        test_allocations_limit(allowed);
        tl_judge_skip(judge, &record, &envelope, &charter->leaf);
        failed = test_allocations_unlimit() && tl_judge_roster(judge) == NULL;
        assert_int_equal(tl_judge_size(judge), 1);
        assert_int_equal(tl_judge_roster(judge) == NULL, failed);
        tl_judge_free(judge);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rubbish_for_a_checkpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_record_skipped_without_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
