/* SPDX-License-Identifier: ISC */
/* Reports: nothing is OK by default, BAD stays, and the exit code says the worst. */
#include "tests/support/test.h"

#include "lib/verify/report.h"

static const enum tl_check always[] = {TL_CHECK_LEDGER, TL_CHECK_CHECKPOINT, TL_CHECK_TREE,
                                       TL_CHECK_SEALS,  TL_CHECK_SIGNATURES, TL_CHECK_ROSTER};

static void conclude_always(struct tl_report *report)
{
    for (size_t i = 0; i < TEST_COUNT(always); i++) {
        tl_report_conclude(report, always[i]);
    }
}

static void a_new_report_is_incomplete(void **state)
{
    (void)state;
    struct tl_report report;
    tl_report_init(&report);
    for (size_t i = 0; i < TL_CHECK_COUNT; i++) {
        assert_int_equal(report.lines[i].verdict, TL_VERDICT_NOT_CHECKED);
        assert_int_equal(report.lines[i].first_bad, TL_NO_INDEX);
    }
    assert_int_equal(tl_report_exit_code(&report), 4);
    uint64_t index = 0;
    enum tally_reason reason = TALLY_REASON_NONE;
    assert_false(tl_report_first_bad(&report, &index, &reason));
}

static void good_items_do_not_conclude(void **state)
{
    (void)state;
    struct tl_report report;
    tl_report_init(&report);
    for (size_t i = 0; i < TL_CHECK_COUNT; i++) {
        tl_report_good(&report, (enum tl_check)i);
        tl_report_unchecked(&report, (enum tl_check)i);
        assert_int_equal(report.lines[i].verdict, TL_VERDICT_NOT_CHECKED);
        assert_int_equal(report.lines[i].checked, 1);
        assert_int_equal(report.lines[i].unchecked, 1);
    }
    assert_int_equal(tl_report_exit_code(&report), 4);
}

static void each_required_line_is_required(void **state)
{
    (void)state;
    for (size_t left_out = 0; left_out < TEST_COUNT(always); left_out++) {
        struct tl_report report;
        tl_report_init(&report);
        for (size_t i = 0; i < TEST_COUNT(always); i++) {
            if (i != left_out) {
                tl_report_conclude(&report, always[i]);
            }
        }
        assert_int_equal(tl_report_exit_code(&report), 4);
        tl_report_conclude(&report, always[left_out]);
        assert_int_equal(tl_report_exit_code(&report), 0);
    }
}

static void other_lines_are_required_when_asked_for(void **state)
{
    (void)state;
    struct tl_report report;
    tl_report_init(&report);
    conclude_always(&report);
    report.lines[TL_CHECK_EXHIBITS].required = true;
    assert_int_equal(tl_report_exit_code(&report), 4);
    tl_report_conclude(&report, TL_CHECK_EXHIBITS);
    assert_int_equal(tl_report_exit_code(&report), 0);
}

/* A caller who requires nothing and checks nothing is not told that all is well. */
static void nothing_checked_is_never_verified(void **state)
{
    (void)state;
    struct tl_report report;
    tl_report_init(&report);
    for (size_t i = 0; i < TL_CHECK_COUNT; i++) {
        report.lines[i].required = false;
    }
    assert_int_equal(tl_report_exit_code(&report), 4);
}

static void any_bad_line_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < TL_CHECK_COUNT; i++) {
        struct tl_report report;
        tl_report_init(&report);
        tl_report_bad(&report, (enum tl_check)i, 7, TALLY_REASON_MALFORMED);
        assert_int_equal(tl_report_exit_code(&report), 1);
        conclude_always(&report);
        tl_report_conclude(&report, (enum tl_check)i);
        assert_int_equal(report.lines[i].verdict, TL_VERDICT_BAD);
        assert_int_equal(tl_report_exit_code(&report), 1);
    }
}

static void the_smallest_index_stands(void **state)
{
    (void)state;
    struct tl_report report;
    uint64_t index = 0;
    enum tally_reason reason = TALLY_REASON_NONE;
    tl_report_init(&report);
    tl_report_bad(&report, TL_CHECK_TREE, TL_NO_INDEX, TALLY_REASON_ROOT_MISMATCH);
    tl_report_bad(&report, TL_CHECK_TREE, TL_NO_INDEX, TALLY_REASON_TILE_MISMATCH);
    assert_int_equal(report.lines[TL_CHECK_TREE].reason, TALLY_REASON_ROOT_MISMATCH);
    assert_false(tl_report_first_bad(&report, &index, &reason));

    tl_report_bad(&report, TL_CHECK_SEALS, 9, TALLY_REASON_SEAL_INVALID);
    tl_report_bad(&report, TL_CHECK_SEALS, 5, TALLY_REASON_SEAL_MISSING);
    tl_report_bad(&report, TL_CHECK_SEALS, 6, TALLY_REASON_SEAL_INVALID);
    tl_report_bad(&report, TL_CHECK_SEALS, TL_NO_INDEX, TALLY_REASON_SEAL_INVALID);
    assert_int_equal(report.lines[TL_CHECK_SEALS].bad, 4);
    assert_int_equal(report.lines[TL_CHECK_SEALS].first_bad, 5);
    assert_true(tl_report_first_bad(&report, &index, &reason));
    assert_int_equal(index, 5);
    assert_int_equal(reason, TALLY_REASON_SEAL_MISSING);

    /* Of two lines that name the same record, the first line gives the reason. */
    tl_report_bad(&report, TL_CHECK_ROSTER, 5, TALLY_REASON_UNKNOWN_KEY);
    assert_true(tl_report_first_bad(&report, &index, &reason));
    assert_int_equal(reason, TALLY_REASON_SEAL_MISSING);
    tl_report_bad(&report, TL_CHECK_CHAIN, 5, TALLY_REASON_LINK_MISMATCH);
    assert_true(tl_report_first_bad(&report, &index, &reason));
    assert_int_equal(reason, TALLY_REASON_LINK_MISMATCH);

    /* An index replaces a finding that names none. */
    tl_report_bad(&report, TL_CHECK_TREE, 0, TALLY_REASON_LEAF_MISMATCH);
    assert_true(tl_report_first_bad(&report, &index, &reason));
    assert_int_equal(index, 0);
    assert_int_equal(reason, TALLY_REASON_LEAF_MISMATCH);
}

static void every_line_has_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < TL_CHECK_COUNT; i++) {
        assert_true(strlen(tl_check_name((enum tl_check)i)) > 0);
        assert_true(strlen(tl_check_text((enum tl_check)i)) > 0);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(tl_check_name((enum tl_check)i),
                                    tl_check_name((enum tl_check)j));
        }
    }
    assert_string_equal(tl_check_name(TL_CHECK_LEDGER), "ledger");
    assert_string_equal(tl_check_name(TL_CHECK_COUNT), "unknown");
    assert_string_equal(tl_check_text(TL_CHECK_COUNT), "unknown check");
    assert_string_equal(tl_verdict_text(TL_VERDICT_OK), "OK");
    assert_string_equal(tl_verdict_text(TL_VERDICT_BAD), "BAD");
    assert_string_equal(tl_verdict_text(TL_VERDICT_NOT_CHECKED), "NOT CHECKED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_report_is_incomplete),
        cmocka_unit_test(good_items_do_not_conclude),
        cmocka_unit_test(each_required_line_is_required),
        cmocka_unit_test(other_lines_are_required_when_asked_for),
        cmocka_unit_test(nothing_checked_is_never_verified),
        cmocka_unit_test(any_bad_line_fails),
        cmocka_unit_test(the_smallest_index_stands),
        cmocka_unit_test(every_line_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
