/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/quota.h"

enum { HOUR_MS = 3600000, START_MS = 5000 };

static bool allows(struct tl_quota *quota, size_t key, size_t bytes, uint64_t now_ms)
{
    bool is_allowed = false;
    assert_int_equal(tl_quota_allows(quota, key, bytes, now_ms, &is_allowed), TALLY_OK);
    return is_allowed;
}

static void test_entries_come_back_evenly(void **state)
{
    struct tl_quota quota;
    (void)state;
    tl_quota_init(&quota, 4, 0);
    for (int i = 0; i < 4; i++) {
        assert_true(allows(&quota, 2, 1u << 30, START_MS));
        tl_quota_take(&quota, 2, 1u << 30);
    }
    assert_false(allows(&quota, 2, 1, START_MS));
    assert_false(allows(&quota, 2, 1, START_MS + HOUR_MS / 4 - 1000));
    assert_true(allows(&quota, 2, 1, START_MS + HOUR_MS / 4 + 1000));
    tl_quota_take(&quota, 2, 1);
    assert_false(allows(&quota, 2, 1, START_MS + HOUR_MS / 4 + 1000));
    tl_quota_deinit(&quota);
}

/* Asking takes nothing, and one key's entries are nobody else's. */
static void test_keys_are_apart(void **state)
{
    struct tl_quota quota;
    (void)state;
    tl_quota_init(&quota, 1, 0);
    assert_true(allows(&quota, 0, 1, START_MS));
    assert_true(allows(&quota, 0, 1, START_MS));
    tl_quota_take(&quota, 0, 1);
    assert_false(allows(&quota, 0, 1, START_MS));
    assert_true(allows(&quota, 1, 1, START_MS));
    assert_true(allows(&quota, 700, 1, START_MS));
    assert_false(allows(&quota, 0, 1, START_MS));
    tl_quota_deinit(&quota);
}

static void test_bytes_and_what_is_longer_than_a_share(void **state)
{
    struct tl_quota quota;
    (void)state;
    tl_quota_init(&quota, 0, 1000);
    assert_true(allows(&quota, 0, 600, START_MS));
    tl_quota_take(&quota, 0, 600);
    assert_true(allows(&quota, 0, 400, START_MS));
    assert_false(allows(&quota, 0, 401, START_MS));
    assert_false(allows(&quota, 0, 3000, START_MS + HOUR_MS / 2));
    assert_true(allows(&quota, 0, 3000, START_MS + HOUR_MS));
    tl_quota_take(&quota, 0, 3000);
    assert_false(allows(&quota, 0, 1, START_MS + 2 * HOUR_MS));
    assert_true(allows(&quota, 0, 1, START_MS + 3 * HOUR_MS + 60000));
    tl_quota_deinit(&quota);
}

static void test_zero_is_no_limit(void **state)
{
    struct tl_quota quota;
    (void)state;
    tl_quota_init(&quota, 0, 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(allows(&quota, 0, 1u << 30, START_MS));
        tl_quota_take(&quota, 0, 1u << 30);
    }
    tl_quota_deinit(&quota);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_come_back_evenly),
        cmocka_unit_test(test_keys_are_apart),
        cmocka_unit_test(test_bytes_and_what_is_longer_than_a_share),
        cmocka_unit_test(test_zero_is_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
