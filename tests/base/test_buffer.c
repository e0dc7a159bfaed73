/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

static void test_adds(void **state)
{
    (void)state;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 256);
    assert_int_equal(tl_buffer_bytes(&buffer).len, 0);
    tl_buffer_add(&buffer, tl_bytes(NULL, 0));
    assert_null(buffer.ptr);
    tl_buffer_add_text(&buffer, "text ");
    tl_buffer_add_decimal(&buffer, 0);
    tl_buffer_add_text(&buffer, " ");
    tl_buffer_add_decimal(&buffer, INT64_MAX);
    tl_buffer_add_text(&buffer, " ");
    tl_buffer_add_base64(&buffer, tl_bytes("\xfb\xff", 2));
    tl_buffer_add_base64(&buffer, tl_bytes(NULL, 0));
    tl_buffer_add_text(&buffer, " ");
    tl_buffer_add_hex(&buffer, tl_bytes("\x0f\xa0", 2));
    tl_buffer_add_hex(&buffer, tl_bytes(NULL, 0));
    tl_buffer_add(&buffer, tl_bytes("\n", 1));
    tl_buffer_add_base64(&buffer, tl_bytes("f", 1));
    tl_buffer_add_hex(&buffer, tl_bytes("f", 1));
    assert_bytes_text(tl_buffer_bytes(&buffer), "text 0 9223372036854775807 +/8= 0fa0\nZg==66");
    assert_status(buffer.status, TALLY_OK);
    tl_buffer_deinit(&buffer);
    assert_null(buffer.ptr);
    assert_int_equal(buffer.len, 0);
    assert_int_equal(buffer.cap, 0);
    assert_int_equal(buffer.max, 256);
}

static void test_integers_are_big_endian(void **state)
{
    (void)state;
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 64);
    tl_buffer_add_u8(&buffer, 0x01);
    tl_buffer_add_u16(&buffer, 0x0203);
    tl_buffer_add_u32(&buffer, 0x04050607);
    tl_buffer_add_u64(&buffer, UINT64_C(0x08090a0b0c0d0e0f));
    assert_bytes_equal(tl_buffer_bytes(&buffer), tl_bytes(expected, sizeof expected));
    tl_buffer_deinit(&buffer);
}

/* Adds something of every kind. */
static void add_all(struct tl_buffer *buffer)
{
    tl_buffer_add(buffer, tl_bytes("ab", 2));
    tl_buffer_add_text(buffer, "cd");
    tl_buffer_add_u8(buffer, 1);
    tl_buffer_add_u16(buffer, 2);
    tl_buffer_add_u32(buffer, 3);
    tl_buffer_add_u64(buffer, 4);
    tl_buffer_add_decimal(buffer, 1234567890);
    tl_buffer_add_base64(buffer, tl_bytes("xyz1", 4));
    tl_buffer_add_hex(buffer, tl_bytes("xyz", 3));
}

enum { ALL_LEN = 2 + 2 + 1 + 2 + 4 + 8 + 10 + 8 + 6 };

static void test_every_maximum(void **state)
{
    (void)state;
    struct tl_buffer whole;
    tl_buffer_init(&whole, ALL_LEN);
    add_all(&whole);
    assert_status(whole.status, TALLY_OK);
    assert_int_equal(whole.len, ALL_LEN);
    for (size_t max = 0; max < ALL_LEN; max++) {
        struct tl_buffer buffer;
        tl_buffer_init(&buffer, max);
        add_all(&buffer);
        assert_status(buffer.status, TALLY_ETOOBIG);
        assert_true(buffer.len <= max);
        assert_true(buffer.cap <= max);
        if (buffer.len > 0) {
            assert_memory_equal(buffer.ptr, whole.ptr, buffer.len);
        }
        /* Sticky: even what would fit is refused now. */
        size_t len = buffer.len;
        add_all(&buffer);
        tl_buffer_add_u8(&buffer, 1);
        assert_null(tl_buffer_extend(&buffer, 0));
        assert_int_equal(buffer.len, len);
        tl_buffer_clear(&buffer);
        assert_status(buffer.status, TALLY_OK);
        assert_int_equal(buffer.len, 0);
        tl_buffer_deinit(&buffer);
    }
    tl_buffer_deinit(&whole);
}

static void test_growth(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        tl_buffer_add_u8(&buffer, (uint8_t)(i * 7));
    }
    assert_status(buffer.status, TALLY_OK);
    assert_int_equal(buffer.len, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(buffer.ptr[i], (uint8_t)(i * 7));
    }
    tl_buffer_add_u8(&buffer, 0);
    assert_status(buffer.status, TALLY_ETOOBIG);
    tl_buffer_deinit(&buffer);
}

static int allocation_count;

static int count_allocation(void)
{
    allocation_count++;
    return 0;
}

static void test_growth_doubles(void **state)
{
    (void)state;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, SIZE_MAX);
    allocation_count = 0;
    tl_mem_should_fail = count_allocation;
    for (size_t i = 0; i < 1u << 16; i++) {
        tl_buffer_add_u8(&buffer, 0);
    }
    tl_mem_should_fail = NULL;
    assert_true(allocation_count <= 16);
    assert_true(buffer.cap <= 2u << 16);
    /* clear keeps the memory */
    uint8_t *ptr = buffer.ptr;
    tl_buffer_clear(&buffer);
    tl_buffer_add_u8(&buffer, 1);
    assert_ptr_equal(buffer.ptr, ptr);
    tl_buffer_deinit(&buffer);
}

static void test_extend(void **state)
{
    (void)state;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 8);
    assert_non_null(tl_buffer_extend(&buffer, 0));
    uint8_t *dst = tl_buffer_extend(&buffer, 8);
    assert_non_null(dst);
    memset(dst, 'x', 8);
    assert_bytes_text(tl_buffer_bytes(&buffer), "xxxxxxxx");
    assert_non_null(tl_buffer_extend(&buffer, 0));
    assert_null(tl_buffer_extend(&buffer, 1));
    assert_status(buffer.status, TALLY_ETOOBIG);
    tl_buffer_deinit(&buffer);
    tl_buffer_init(&buffer, 0);
    assert_non_null(tl_buffer_extend(&buffer, 0));
    tl_buffer_deinit(&buffer);
}

static void test_sums_do_not_wrap(void **state)
{
    (void)state;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, SIZE_MAX);
    tl_buffer_add_text(&buffer, "x");
    assert_null(tl_buffer_extend(&buffer, SIZE_MAX));
    assert_status(buffer.status, TALLY_ETOOBIG);
    tl_buffer_clear(&buffer);
    tl_buffer_add_u8(&buffer, 'x');
    tl_buffer_add_base64(&buffer, tl_bytes(NULL, SIZE_MAX));
    assert_status(buffer.status, TALLY_ETOOBIG);
    tl_buffer_clear(&buffer);
    tl_buffer_add_u8(&buffer, 'x');
    tl_buffer_add_hex(&buffer, tl_bytes(NULL, SIZE_MAX / 2 + 1));
    assert_status(buffer.status, TALLY_ETOOBIG);
    assert_bytes_text(tl_buffer_bytes(&buffer), "x");
    tl_buffer_deinit(&buffer);
}

static void test_every_allocation_fails(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        struct tl_buffer buffer;
        tl_buffer_init(&buffer, 4096);
        test_allocations_limit(n);
        size_t before = 0;
        for (size_t i = 0; i < 1000 && buffer.status == TALLY_OK; i++) {
            before = buffer.len;
            tl_buffer_add_text(&buffer, "yz");
        }
        bool reached = test_allocations_unlimit();
        if (buffer.status == TALLY_OK) {
            assert_int_equal(buffer.len, 2000);
            assert_true(n > 1);
            tl_buffer_deinit(&buffer);
            break;
        }
        assert_true(reached);
        assert_status(buffer.status, TALLY_ENOMEM);
        assert_int_equal(buffer.len, before);
        for (size_t i = 0; i < buffer.len; i++) {
            assert_int_equal(buffer.ptr[i], i % 2 == 0 ? 'y' : 'z');
        }
        tl_buffer_deinit(&buffer);
    }
}

static void test_consume(void **state)
{
    (void)state;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 64);
    tl_buffer_consume(&buffer, 0);
    tl_buffer_add_text(&buffer, "abcdef");
    tl_buffer_consume(&buffer, 0);
    assert_bytes_text(tl_buffer_bytes(&buffer), "abcdef");
    tl_buffer_consume(&buffer, 2);
    assert_bytes_text(tl_buffer_bytes(&buffer), "cdef");
    tl_buffer_add_text(&buffer, "gh");
    assert_bytes_text(tl_buffer_bytes(&buffer), "cdefgh");
    for (size_t left = 5; left > 0; left--) {
        tl_buffer_consume(&buffer, 1);
        assert_bytes_text(tl_buffer_bytes(&buffer), &"cdefgh"[6 - left]);
    }
    tl_buffer_consume(&buffer, 1);
    assert_bytes_text(tl_buffer_bytes(&buffer), "");
    tl_buffer_deinit(&buffer);
}

static void consume_too_much(void *context)
{
    tl_buffer_consume((struct tl_buffer *)context, 4);
}

static void consume_all(void *context)
{
    tl_buffer_consume((struct tl_buffer *)context, 3);
}

static void test_consume_is_checked(void **state)
{
    (void)state;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 64);
    tl_buffer_add_text(&buffer, "abc");
    assert_true(test_aborts(consume_too_much, &buffer));
    assert_false(test_aborts(consume_all, &buffer));
    tl_buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adds),
        cmocka_unit_test(test_integers_are_big_endian),
        cmocka_unit_test(test_every_maximum),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_growth_doubles),
        cmocka_unit_test(test_extend),
        cmocka_unit_test(test_sums_do_not_wrap),
        cmocka_unit_test(test_every_allocation_fails),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_consume_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
