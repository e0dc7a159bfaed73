/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include <time.h>

#include "lib/base/text.h"

static const uint64_t seconds_per_day = 86400;
static const uint64_t seconds_end = UINT64_C(253402300800);

static void test_known(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *text;
    } known[] = {
        {0, "1970-01-01T00:00:00Z"},
        {59, "1970-01-01T00:00:59Z"},
        {86399, "1970-01-01T23:59:59Z"},
        {68169600, "1972-02-29T00:00:00Z"},
        {951782400, "2000-02-29T00:00:00Z"},
        {951868799, "2000-02-29T23:59:59Z"},
        {951868800, "2000-03-01T00:00:00Z"},
        {1709164800, "2024-02-29T00:00:00Z"},
        {UINT64_C(2147483647), "2038-01-19T03:14:07Z"},
        {UINT64_C(2147483648), "2038-01-19T03:14:08Z"},
        {UINT64_C(4107542399), "2100-02-28T23:59:59Z"},
        {UINT64_C(4107542400), "2100-03-01T00:00:00Z"},
        {UINT64_C(253402300799), "9999-12-31T23:59:59Z"},
    };
    for (size_t i = 0; i < TEST_COUNT(known); i++) {
        uint64_t seconds = 77;
        char text[TL_TIME_LEN + 1];
        assert_status(tl_time_parse(tl_bytes_text(known[i].text), &seconds), TALLY_OK);
        assert_true(seconds == known[i].seconds);
        tl_time_format(known[i].seconds, text);
        assert_string_equal(text, known[i].text);
    }
}

/* Each day of the whole range at another time of day, against the C library's calendar. */
static void test_every_day(void **state)
{
    (void)state;
    uint64_t count = 0;
    for (uint64_t day = 0; day < seconds_end / seconds_per_day; day++) {
        uint64_t seconds = day * seconds_per_day + day * 7919 % seconds_per_day;
        time_t now = (time_t)seconds;
        struct tm parts;
        char expected[64];
        char text[TL_TIME_LEN + 1];
        uint64_t back = 0;
        assert_non_null(gmtime_r(&now, &parts));
        (void)strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &parts);
        tl_time_format(seconds, text);
        if (strcmp(text, expected) != 0 ||
            tl_time_parse(tl_bytes(text, TL_TIME_LEN), &back) != TALLY_OK || back != seconds) {
            fail_msg("%s is not %s", text, expected);
        }
        count++;
    }
    assert_int_equal(count, 2932897);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "1969-01-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "1900-02-28T00:00:00Z",
        "2000-02-30T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-06-31T00:00:00Z",
        "2026-09-31T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:99Z",
        "2026-01-01t00:00:00Z",
        "2026-01-01T00:00:00z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.0Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00Z\n",
        "\n2026-01-01T00:00:00Z",
        "2026-1-01T00:00:00Z0",
        "+026-01-01T00:00:00Z",
        " 026-01-01T00:00:00Z",
        "10000-01-01T00:00:0Z",
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        uint64_t seconds = 77;
        assert_status(tl_time_parse(tl_bytes_text(bad[i]), &seconds), TALLY_EFORMAT);
        assert_true(seconds == 77);
    }
}

/* The days before and after each month's last one, in years of all three kinds. */
static void test_ends_of_months(void **state)
{
    (void)state;
    static const unsigned years[] = {1970, 1972, 2000, 2023, 2024, 2100, 2400, 9999};
    static const unsigned last[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (size_t y = 0; y < TEST_COUNT(years); y++) {
        bool leap = years[y] % 4 == 0 && years[y] != 2100;
        for (unsigned month = 1; month <= 12; month++) {
            unsigned end = last[month - 1] + (leap && month == 2 ? 1 : 0);
            for (unsigned day = 0; day < 100; day++) {
                char text[64];
                uint64_t seconds = 77;
                (void)snprintf(text, sizeof text, "%04u-%02u-%02uT00:00:00Z", years[y], month, day);
                assert_status(tl_time_parse(tl_bytes_text(text), &seconds),
                              day >= 1 && day <= end ? TALLY_OK : TALLY_EFORMAT);
            }
        }
    }
}

/* Whatever one byte is changed into: refused, or another time that is written exactly so. */
static void test_neighbours(void **state)
{
    (void)state;
    static const char valid[] = "2024-02-29T15:56:07Z";
    for (size_t i = 0; i < TL_TIME_LEN; i++) {
        for (unsigned c = 0; c < 256; c++) {
            char text[sizeof valid];
            char again[TL_TIME_LEN + 1];
            uint64_t seconds = 0;
            memcpy(text, valid, sizeof valid);
            text[i] = (char)c;
            if (tl_time_parse(tl_bytes(text, TL_TIME_LEN), &seconds) == TALLY_OK) {
                tl_time_format(seconds, again);
                assert_memory_equal(again, text, TL_TIME_LEN);
            }
        }
    }
    for (size_t cut = 0; cut <= TL_TIME_LEN; cut++) {
        uint64_t seconds = 77;
        char *block = (char *)malloc(cut == 0 ? 1 : cut);
        assert_non_null(block);
        memcpy(block, valid, cut);
        assert_status(tl_time_parse(tl_bytes(block, cut), &seconds),
                      cut == TL_TIME_LEN ? TALLY_OK : TALLY_EFORMAT);
        assert_true(cut == TL_TIME_LEN || seconds == 77);
        free(block);
    }
}

static void format_last(void *context)
{
    char text[TL_TIME_LEN + 1];
    (void)context;
    tl_time_format(seconds_end - 1, text);
}

static void format_end(void *context)
{
    char text[TL_TIME_LEN + 1];
    (void)context;
    tl_time_format(seconds_end, text);
}

static void test_format_is_checked(void **state)
{
    (void)state;
    assert_false(test_aborts(format_last, NULL));
    assert_true(test_aborts(format_end, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),      cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_ends_of_months),
        cmocka_unit_test(test_neighbours), cmocka_unit_test(test_format_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
