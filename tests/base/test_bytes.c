/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

static void test_text(void **state)
{
    (void)state;
    assert_bytes_text(tl_bytes_text(""), "");
    assert_bytes_text(tl_bytes_text("abc"), "abc");
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(tl_bytes_equal(tl_bytes(NULL, 0), tl_bytes(NULL, 0)));
    assert_true(tl_bytes_equal(tl_bytes(NULL, 0), tl_bytes("x", 0)));
    assert_true(tl_bytes_equal(tl_bytes("a\0b", 3), tl_bytes("a\0b", 3)));
    assert_false(tl_bytes_equal(tl_bytes("a\0b", 3), tl_bytes("a\0c", 3)));
    assert_false(tl_bytes_equal(tl_bytes("ab", 2), tl_bytes("ab", 1)));
    assert_false(tl_bytes_equal(tl_bytes("b", 1), tl_bytes(NULL, 0)));
}

static void test_compare(void **state)
{
    (void)state;
    static const struct tally_bytes sorted[] = {
        {(const uint8_t *)"", 0},     {(const uint8_t *)"\0", 1},   {(const uint8_t *)"\0\0", 2},
        {(const uint8_t *)"A", 1},    {(const uint8_t *)"a", 1},    {(const uint8_t *)"a\0", 2},
        {(const uint8_t *)"ab", 2},   {(const uint8_t *)"b", 1},    {(const uint8_t *)"\x7f", 1},
        {(const uint8_t *)"\x80", 1}, {(const uint8_t *)"\xff", 1},
    };
    for (size_t i = 0; i < TEST_COUNT(sorted); i++) {
        for (size_t j = 0; j < TEST_COUNT(sorted); j++) {
            int order = tl_bytes_compare(sorted[i], sorted[j]);
            assert_int_equal(order < 0, i < j);
            assert_int_equal(order > 0, i > j);
        }
    }
    assert_int_equal(tl_bytes_compare(tl_bytes(NULL, 0), tl_bytes(NULL, 0)), 0);
    assert_true(tl_bytes_compare(tl_bytes(NULL, 0), tl_bytes("a", 1)) < 0);
}

static void test_starts_with(void **state)
{
    (void)state;
    assert_true(tl_bytes_starts_with(tl_bytes(NULL, 0), ""));
    assert_true(tl_bytes_starts_with(tl_bytes_text("tally/v1"), ""));
    assert_true(tl_bytes_starts_with(tl_bytes_text("tally/v1"), "tally/"));
    assert_true(tl_bytes_starts_with(tl_bytes_text("tally/"), "tally/"));
    assert_false(tl_bytes_starts_with(tl_bytes_text("tally"), "tally/"));
    assert_false(tl_bytes_starts_with(tl_bytes_text("tallY/"), "tally/"));
    assert_false(tl_bytes_starts_with(tl_bytes(NULL, 0), "t"));
}

static void test_hash_equal_every_bit(void **state)
{
    (void)state;
    struct tally_hash a = test_hash(0x5a);
    struct tally_hash b = a;
    assert_true(tl_hash_equal(&a, &b));
    for (size_t bit = 0; bit < 8 * sizeof b.bytes; bit++) {
        b.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(tl_hash_equal(&a, &b));
        b = a;
    }
    struct tally_bytes view = tl_hash_bytes(&a);
    assert_ptr_equal(view.ptr, a.bytes);
    assert_int_equal(view.len, TALLY_HASH_LEN);
}

/* One message that holds a value of every kind; the schema that encodes and decodes it. */
struct message {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    struct tally_hash hash;
    struct tally_bytes fixed;
    struct tally_bytes vector16;
    struct tally_bytes vector32;
    struct tally_bytes line;
};

enum { MESSAGE_MAX = 128 };

static struct message sample(void)
{
    return (struct message){
        .u8 = 0x01,
        .u16 = 0x0203,
        .u32 = 0x04050607,
        .u64 = UINT64_C(0x08090a0b0c0d0e0f),
        .hash = test_hash(0xee),
        .fixed = tl_bytes("fix", 3),
        .vector16 = tl_bytes("sixteen", 7),
        .vector32 = tl_bytes("", 0),
        .line = tl_bytes("a line", 6),
    };
}

static void write_message(struct tl_writer *writer, const struct message *message)
{
    tl_write_u8(writer, message->u8);
    tl_write_u16(writer, message->u16);
    tl_write_u32(writer, message->u32);
    tl_write_u64(writer, message->u64);
    tl_write_bytes(writer, tl_hash_bytes(&message->hash));
    tl_write_bytes(writer, message->fixed);
    tl_write_u16(writer, (uint16_t)message->vector16.len);
    tl_write_bytes(writer, message->vector16);
    tl_write_u32(writer, (uint32_t)message->vector32.len);
    tl_write_bytes(writer, message->vector32);
    tl_write_bytes(writer, message->line);
    tl_write_text(writer, "\n");
}

static struct message read_message(struct tl_reader *reader)
{
    struct message message;
    message.u8 = tl_read_u8(reader);
    message.u16 = tl_read_u16(reader);
    message.u32 = tl_read_u32(reader);
    message.u64 = tl_read_u64(reader);
    message.hash = tl_read_hash(reader);
    message.fixed = tl_read_bytes(reader, 3);
    message.vector16 = tl_read_vector16(reader, 7);
    message.vector32 = tl_read_vector32(reader, 0);
    message.line = tl_read_line(reader);
    return message;
}

static struct tally_bytes encoded_sample(uint8_t dst[MESSAGE_MAX])
{
    struct message message = sample();
    struct tl_writer writer = tl_writer_over(dst, MESSAGE_MAX);
    write_message(&writer, &message);
    assert_status(writer.status, TALLY_OK);
    return tl_bytes(dst, writer.len);
}

static void test_encoding_is_big_endian(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_MAX];
    uint8_t expected[MESSAGE_MAX];
    struct tally_bytes encoded = encoded_sample(bytes);
    size_t len = test_unhex("01 0203 04050607 08090a0b0c0d0e0f"
                            "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
                            "666978 0007 7369787465656e 00000000 61206c696e65 0a",
                            expected, sizeof expected);
    assert_bytes_equal(encoded, tl_bytes(expected, len));
}

static void test_decoding(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_MAX];
    struct tally_bytes encoded = encoded_sample(bytes);
    struct message expected = sample();
    struct tl_reader reader = tl_reader_over(encoded);
    struct message message = read_message(&reader);
    assert_status(tl_reader_finish(&reader), TALLY_OK);
    assert_int_equal(message.u8, expected.u8);
    assert_int_equal(message.u16, expected.u16);
    assert_int_equal(message.u32, expected.u32);
    assert_true(message.u64 == expected.u64);
    assert_true(tl_hash_equal(&message.hash, &expected.hash));
    assert_bytes_equal(message.fixed, expected.fixed);
    assert_bytes_equal(message.vector16, expected.vector16);
    assert_bytes_equal(message.vector32, expected.vector32);
    assert_bytes_equal(message.line, expected.line);
}

static void test_every_truncation(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_MAX];
    struct tally_bytes encoded = encoded_sample(bytes);
    for (size_t len = 0; len < encoded.len; len++) {
        /* A block of exactly that length, so that a sanitizer sees a read past its end. */
        uint8_t *cut = (uint8_t *)malloc(len == 0 ? 1 : len);
        assert_non_null(cut);
        memcpy(cut, encoded.ptr, len);
        struct tl_reader reader = tl_reader_over(tl_bytes(cut, len));
        struct message message = read_message(&reader);
        assert_int_equal(message.line.len, 0);
        assert_status(tl_reader_finish(&reader), TALLY_ETRUNCATED);
        free(cut);
    }
}

static void test_trailing(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_MAX];
    struct tally_bytes encoded = encoded_sample(bytes);
    struct tl_reader reader = tl_reader_over(tl_bytes(encoded.ptr, encoded.len + 1));
    (void)read_message(&reader);
    assert_status(reader.status, TALLY_OK);
    assert_status(tl_reader_finish(&reader), TALLY_ETRAILING);
}

static void test_every_short_destination(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_MAX];
    struct tally_bytes encoded = encoded_sample(bytes);
    struct message message = sample();
    for (size_t cap = 0; cap <= encoded.len; cap++) {
        uint8_t *dst = (uint8_t *)malloc(cap == 0 ? 1 : cap);
        assert_non_null(dst);
        struct tl_writer writer = tl_writer_over(dst, cap);
        write_message(&writer, &message);
        assert_status(writer.status, cap == encoded.len ? TALLY_OK : TALLY_ETOOBIG);
        assert_true(writer.len <= cap);
        assert_memory_equal(dst, encoded.ptr, writer.len);
        free(dst);
    }
}

static void test_measure(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_MAX];
    struct tally_bytes encoded = encoded_sample(bytes);
    struct message message = sample();
    struct tl_writer writer = tl_writer_measure();
    write_message(&writer, &message);
    assert_status(writer.status, TALLY_OK);
    assert_int_equal(writer.len, encoded.len);
    assert_null(writer.ptr);
    /* Lengths are never added up past what size_t holds. */
    tl_write_bytes(&writer, tl_bytes(NULL, SIZE_MAX));
    assert_status(writer.status, TALLY_ETOOBIG);
    assert_int_equal(writer.len, encoded.len);
}

static void test_writer_over_nothing(void **state)
{
    (void)state;
    struct tl_writer writer = tl_writer_over(NULL, 0);
    tl_write_bytes(&writer, tl_bytes(NULL, 0));
    tl_write_text(&writer, "");
    assert_status(writer.status, TALLY_OK);
    tl_write_u8(&writer, 1);
    assert_status(writer.status, TALLY_ETOOBIG);
    assert_int_equal(writer.len, 0);
}

static void test_writer_is_sticky(void **state)
{
    (void)state;
    uint8_t dst[2] = {0xaa, 0xaa};
    struct tl_writer writer = tl_writer_over(dst, sizeof dst);
    tl_write_u32(&writer, 1);
    assert_status(writer.status, TALLY_ETOOBIG);
    tl_write_u8(&writer, 1);
    assert_int_equal(writer.len, 0);
    assert_int_equal(dst[0], 0xaa);
    assert_int_equal(dst[1], 0xaa);
}

static void assert_reader_stuck(struct tl_reader *reader, size_t rest_len)
{
    enum tally_status status = reader->status;
    struct tally_hash zero = test_hash(0);
    assert_int_equal(tl_read_u8(reader), 0);
    assert_int_equal(tl_read_u16(reader), 0);
    assert_int_equal(tl_read_u32(reader), 0);
    assert_true(tl_read_u64(reader) == 0);
    struct tally_hash hash = tl_read_hash(reader);
    assert_true(tl_hash_equal(&hash, &zero));
    assert_int_equal(tl_read_bytes(reader, 0).len, 0);
    assert_int_equal(tl_read_bytes(reader, 1).len, 0);
    assert_int_equal(tl_read_vector16(reader, 9).len, 0);
    assert_int_equal(tl_read_vector32(reader, 9).len, 0);
    assert_int_equal(tl_read_line(reader).len, 0);
    assert_int_equal(reader->rest.len, rest_len);
    assert_status(reader->status, status);
    assert_status(tl_reader_finish(reader), status);
}

static void test_reader_is_sticky(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 1, 9, '\n', 1, 2};
    struct tl_reader reader = tl_reader_over(tl_bytes(bytes, sizeof bytes));
    assert_int_equal(tl_read_bytes(&reader, 7).len, 0);
    assert_status(reader.status, TALLY_ETRUNCATED);
    assert_reader_stuck(&reader, sizeof bytes);
    reader = tl_reader_over(tl_bytes(bytes, 3));
    assert_int_equal(tl_read_line(&reader).len, 0);
    assert_status(reader.status, TALLY_ETRUNCATED);
    assert_reader_stuck(&reader, 3);
    reader = tl_reader_over(tl_bytes(bytes, sizeof bytes));
    assert_int_equal(tl_read_vector16(&reader, 0).len, 0);
    assert_status(reader.status, TALLY_ETOOBIG);
    assert_reader_stuck(&reader, sizeof bytes);
    reader = tl_reader_over(tl_bytes(bytes, sizeof bytes));
    assert_int_equal(tl_read_vector32(&reader, 0x010909).len, 0);
    assert_status(reader.status, TALLY_ETOOBIG);
    assert_reader_stuck(&reader, sizeof bytes);
}

static void test_reader_over_nothing(void **state)
{
    (void)state;
    struct tl_reader reader = tl_reader_over(tl_bytes(NULL, 0));
    assert_int_equal(tl_read_bytes(&reader, 0).len, 0);
    assert_status(tl_reader_finish(&reader), TALLY_OK);
    assert_int_equal(tl_read_line(&reader).len, 0);
    assert_status(tl_reader_finish(&reader), TALLY_ETRUNCATED);
}

static void test_vector_length_before_cap(void **state)
{
    (void)state;
    /* The length is over the maximum and over what is there: the maximum speaks first. */
    static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff};
    struct tl_reader reader = tl_reader_over(tl_bytes(bytes, sizeof bytes));
    (void)tl_read_vector32(&reader, 0xfffffffe);
    assert_status(reader.status, TALLY_ETOOBIG);
    reader = tl_reader_over(tl_bytes(bytes, sizeof bytes));
    (void)tl_read_vector32(&reader, 0xffffffff);
    assert_status(reader.status, TALLY_ETRUNCATED);
    reader = tl_reader_over(tl_bytes(bytes, sizeof bytes));
    (void)tl_read_vector16(&reader, 0xfffe);
    assert_status(reader.status, TALLY_ETOOBIG);
}

static void test_lines(void **state)
{
    (void)state;
    struct tl_reader single = tl_reader_over(tl_bytes("\n", 1));
    assert_bytes_text(tl_read_line(&single), "");
    assert_status(tl_reader_finish(&single), TALLY_OK);
    single = tl_reader_over(tl_bytes("x", 1));
    assert_bytes_text(tl_read_line(&single), "");
    assert_status(tl_reader_finish(&single), TALLY_ETRUNCATED);
    struct tl_reader reader = tl_reader_over(tl_bytes("\na\r\n\n\0\nz", 8));
    assert_bytes_text(tl_read_line(&reader), "");
    assert_bytes_text(tl_read_line(&reader), "a\r");
    assert_bytes_text(tl_read_line(&reader), "");
    assert_bytes_equal(tl_read_line(&reader), tl_bytes("\0", 1));
    assert_status(tl_reader_finish(&reader), TALLY_ETRAILING);
    (void)tl_read_line(&reader);
    assert_status(tl_reader_finish(&reader), TALLY_ETRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_starts_with),
        cmocka_unit_test(test_hash_equal_every_bit),
        cmocka_unit_test(test_encoding_is_big_endian),
        cmocka_unit_test(test_decoding),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_trailing),
        cmocka_unit_test(test_every_short_destination),
        cmocka_unit_test(test_measure),
        cmocka_unit_test(test_writer_over_nothing),
        cmocka_unit_test(test_writer_is_sticky),
        cmocka_unit_test(test_reader_is_sticky),
        cmocka_unit_test(test_reader_over_nothing),
        cmocka_unit_test(test_vector_length_before_cap),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
