/* SPDX-License-Identifier: ISC */
/* The texts of statuses, reasons and the version. */
#include "tests/support/test.h"

#include <tally/tally.h>

#include "lib/base/text.h"

static const enum tally_status statuses[] = {
#define STATUS(name, value, text) TALLY_##name,
    TALLY_STATUS_MAP(STATUS)
#undef STATUS
};

static void test_statuses(void **state)
{
    (void)state;
    assert_int_equal(TALLY_OK, 0);
    assert_int_equal(TALLY_EINTERNAL, -1);
    assert_int_equal(TALLY_EFORMAT, -4);
    assert_int_equal(TALLY_EROLLBACK, -27);
    assert_string_equal(tally_status_text(TALLY_OK), "success");
    assert_string_equal(tally_status_text(TALLY_ETRUNCATED), "input ends too early");
    for (size_t i = 0; i < TEST_COUNT(statuses); i++) {
        assert_int_equal((int)statuses[i], -(int)i);
        const char *text = tally_status_text(statuses[i]);
        assert_true(strlen(text) > 0);
        assert_string_not_equal(text, "unknown status");
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(text, tally_status_text(statuses[j]));
        }
    }
}

static void test_unknown_status(void **state)
{
    (void)state;
    int unknown = -1000;
    assert_string_equal(tally_status_text((enum tally_status)unknown), "unknown status");
    unknown = 1;
    assert_string_equal(tally_status_text((enum tally_status)unknown), "unknown status");
}

static void test_reasons(void **state)
{
    (void)state;
    assert_int_equal(TALLY_REASON_NONE, 0);
    assert_string_equal(tally_reason_name(TALLY_REASON_SEQUENCE_GAP), "sequence-gap");
    assert_string_equal(tally_reason_text(TALLY_REASON_SEQUENCE_GAP),
                        "the key's sequence number leaves a gap");
    assert_string_equal(tally_reason_name(TALLY_REASON_STOPPED), "stopped");
    for (int i = 0; i < (int)TALLY_REASON_COUNT; i++) {
        enum tally_reason reason = (enum tally_reason)i;
        const char *name = tally_reason_name(reason);
        const char *text = tally_reason_text(reason);
        assert_true(tl_is_id(tl_bytes_text(name)));
        assert_string_not_equal(name, "unknown");
        assert_true(strlen(text) > 0);
        assert_int_not_equal(text[strlen(text) - 1], '.');
        assert_string_not_equal(text, "unknown reason");
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(name, tally_reason_name((enum tally_reason)j));
            assert_string_not_equal(text, tally_reason_text((enum tally_reason)j));
        }
    }
}

static void test_unknown_reason(void **state)
{
    (void)state;
    assert_string_equal(tally_reason_name(TALLY_REASON_COUNT), "unknown");
    assert_string_equal(tally_reason_text(TALLY_REASON_COUNT), "unknown reason");
    int unknown = 1000;
    assert_string_equal(tally_reason_name((enum tally_reason)unknown), "unknown");
    assert_string_equal(tally_reason_text((enum tally_reason)unknown), "unknown reason");
}

static void test_version(void **state)
{
    (void)state;
    char expected[32];
    (void)snprintf(expected, sizeof expected, "%d.%d.%d", TALLY_VERSION_MAJOR, TALLY_VERSION_MINOR,
                   TALLY_VERSION_PATCH);
    assert_string_equal(TALLY_VERSION, expected);
    assert_string_equal(tally_version(), TALLY_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses), cmocka_unit_test(test_unknown_status),
        cmocka_unit_test(test_reasons),  cmocka_unit_test(test_unknown_reason),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
