/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/base/check.h"

static void test_blocks(void **state)
{
    (void)state;
    uint8_t *block = (uint8_t *)tl_alloc(16);
    assert_non_null(block);
    memset(block, 7, 16);
    block = (uint8_t *)tl_realloc(block, 4096);
    assert_non_null(block);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(block[i], 7);
    }
    tl_free(block);
    uint8_t *zeroed = (uint8_t *)tl_calloc(8, 32);
    assert_non_null(zeroed);
    for (size_t i = 0; i < 256; i++) {
        assert_int_equal(zeroed[i], 0);
    }
    tl_free(zeroed);
    tl_free(NULL);
}

static void test_nothing_is_freeable(void **state)
{
    (void)state;
    void *alloc = tl_alloc(0);
    void *no_items = tl_calloc(0, 8);
    void *no_bytes = tl_calloc(8, 0);
    void *fresh = tl_realloc(NULL, 0);
    assert_non_null(alloc);
    assert_non_null(no_items);
    assert_non_null(no_bytes);
    assert_non_null(fresh);
    fresh = tl_realloc(fresh, 0);
    assert_non_null(fresh);
    tl_free(alloc);
    tl_free(no_items);
    tl_free(no_bytes);
    tl_free(fresh);
}

static void test_product_does_not_wrap(void **state)
{
    (void)state;
    /* Volatile, or the compiler warns of the very thing that is tried. */
    volatile size_t count = SIZE_MAX / 2 + 2;
    assert_null(tl_calloc(count, 2));
}

static void test_each_call_can_fail(void **state)
{
    (void)state;
    uint8_t *block = (uint8_t *)tl_alloc(1);
    assert_non_null(block);
    *block = 9;
    test_allocations_limit(0);
    void *alloc = tl_alloc(1);
    void *zeroed = tl_calloc(1, 1);
    void *moved = tl_realloc(block, 2);
    assert_true(test_allocations_unlimit());
    assert_null(alloc);
    assert_null(zeroed);
    assert_null(moved);
    assert_int_equal(*block, 9);
    tl_free(block);
}

static void test_limit_counts(void **state)
{
    (void)state;
    test_allocations_limit(2);
    void *first = tl_alloc(1);
    void *second = tl_alloc(1);
    void *third = tl_alloc(1);
    assert_true(test_allocations_unlimit());
    assert_non_null(first);
    assert_non_null(second);
    assert_null(third);
    tl_free(first);
    tl_free(second);
}

static void check(void *context)
{
    const int *value = (const int *)context;
    TL_ASSERT(*value == 1);
}

static void test_check(void **state)
{
    (void)state;
    int value = 1;
    assert_false(test_aborts(check, &value));
    value = 2;
    assert_true(test_aborts(check, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_nothing_is_freeable),
        cmocka_unit_test(test_product_does_not_wrap),
        cmocka_unit_test(test_each_call_can_fail),
        cmocka_unit_test(test_limit_counts),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
