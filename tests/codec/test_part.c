/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/base/sha256.h"
#include "lib/codec/part.h"
#include "lib/codec/utf8.h"
#include "tests/codec/damage.h"
#include "tests/codec/sample.h"

static struct tl_part some_part(const char *name, const char *value)
{
    struct tl_part part = {
        .author = test_hash(0x02),
        .ledger = test_hash(0x03),
        .name = tl_bytes_text(name),
        .value = tl_bytes_text(value),
    };
    memset(part.salt, 0x01, sizeof part.salt);
    return part;
}

static void test_layout(void **state)
{
    (void)state;
    struct tl_part part = some_part("/a", "v");
    struct tl_part back;
    struct tl_buffer buffer;
    uint8_t expected[98 + 3 + 1] = {0}; /* with room for the 0x00 of a leaf in front */
    memset(expected + 1, 0x01, 32);
    memset(expected + 33, 0x02, 32);
    memset(expected + 65, 0x03, 32);
    memcpy(expected + 97, "\0\2/av", 5);
    tl_buffer_init(&buffer, TL_PART_MAX);
    tl_part_encode(&part, &buffer);
    assert_bytes_equal(tl_buffer_bytes(&buffer), tl_bytes(expected + 1, 101));
    struct tally_hash commitment = tl_part_commitment(tl_buffer_bytes(&buffer));
    struct tally_hash leaf = tl_sha256(tl_bytes(expected, sizeof expected));
    assert_true(tl_hash_equal(&commitment, &leaf));
    assert_status(tl_part_decode(tl_buffer_bytes(&buffer), &back), TALLY_OK);
    assert_memory_equal(back.salt, part.salt, sizeof part.salt);
    assert_true(tl_hash_equal(&back.author, &part.author));
    assert_true(tl_hash_equal(&back.ledger, &part.ledger));
    assert_bytes_text(back.name, "/a");
    assert_bytes_text(back.value, "v");
    for (size_t len = 0; len < 100; len++) {
        assert_status(tl_part_decode(tl_bytes(buffer.ptr, len), &back), TALLY_ETRUNCATED);
    }
    damage_all(tl_buffer_bytes(&buffer), roundtrip_part);
    tl_buffer_deinit(&buffer);
}

static void test_limits(void **state)
{
    (void)state;
    struct tl_part part = some_part("", "");
    struct tl_part back;
    struct tl_buffer buffer;
    size_t len = TALLY_PART_VALUE_MAX + 1;
    uint8_t *bytes = (uint8_t *)malloc(len);
    assert_non_null(bytes);
    memset(bytes, '/', len);
    tl_buffer_init(&buffer, 1u << 20);
    part.name = tl_bytes(bytes, TL_PART_NAME_MAX);
    part.value = tl_bytes(bytes, TALLY_PART_VALUE_MAX);
    tl_part_encode(&part, &buffer);
    assert_int_equal(buffer.len, TL_PART_MAX);
    assert_int_equal(roundtrip_part(tl_buffer_bytes(&buffer)), ROUNDTRIP_SAME);
    tl_buffer_add_u8(&buffer, 'x');
    assert_status(tl_part_decode(tl_buffer_bytes(&buffer), &back), TALLY_ETOOBIG);

    /* A value too long behind a short name is within the size of the longest part. */
    part.name = tl_bytes_text("/a");
    tl_buffer_clear(&buffer);
    tl_part_encode(&part, &buffer);
    assert_int_equal(roundtrip_part(tl_buffer_bytes(&buffer)), ROUNDTRIP_SAME);
    tl_buffer_add_u8(&buffer, 'x');
    assert_status(tl_part_decode(tl_buffer_bytes(&buffer), &back), TALLY_ETOOBIG);

    tl_buffer_clear(&buffer);
    part.value = tl_bytes(bytes, len);
    tl_part_encode(&part, &buffer);
    assert_status(buffer.status, TALLY_ETOOBIG);
    tl_buffer_clear(&buffer);
    part.value = tl_bytes(bytes, 1);
    part.name = tl_bytes(bytes, TL_PART_NAME_MAX + 1);
    tl_part_encode(&part, &buffer);
    assert_status(buffer.status, TALLY_ETOOBIG);
    assert_int_equal(buffer.len, 0);

    assert_false(tl_is_json_pointer(part.name));
    part.name.len--;
    assert_true(tl_is_json_pointer(part.name));
    part.name.len++;

    /* What went wrong first is what is told. */
    buffer.status = TALLY_ENOMEM;
    tl_part_encode(&part, &buffer);
    assert_status(buffer.status, TALLY_ENOMEM);

    /* The length of the name, and not only its presence, is bounded. */
    tl_buffer_clear(&buffer);
    part.name = tl_bytes(bytes, TL_PART_NAME_MAX);
    tl_part_encode(&part, &buffer);
    buffer.ptr[96] = 0x10;
    buffer.ptr[97] = 0x01;
    assert_status(tl_part_decode(tl_buffer_bytes(&buffer), &back), TALLY_ETOOBIG);
    tl_buffer_deinit(&buffer);
    free(bytes);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"/",
                                       "/a",
                                       "/a/b",
                                       "//",
                                       "/~0",
                                       "/~1a~0",
                                       "/a b",
                                       "/\xc3\xa9",
                                       "/0",
                                       "/a%b",
                                       "/\xf0\x9f\x98\x80"};
    static const char *const bad[] = {
        "",
        "a",
        "a/b",
        "/~",
        "/~2",
        "/a~",
        "/~~0",
        "/\xc3",
        "/\xff",
        "/\xc0\xaf",
        "/\xe0\x80\xaf",
        "/\xed\xa0\x80",
        "/\x80",
        "/\xf4\x90\x80\x80",
        "/\xf5\x80\x80\x80",
        "#/a",
        "/\xe2\x82",
        "/\xc3(",
    };
    for (size_t i = 0; i < TEST_COUNT(good); i++) {
        assert_true(tl_is_json_pointer(tl_bytes_text(good[i])));
    }
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        struct tl_part part = some_part(bad[i], "v");
        struct tl_buffer buffer;
        assert_false(tl_is_json_pointer(tl_bytes_text(bad[i])));
        tl_buffer_init(&buffer, TL_PART_MAX);
        tl_part_encode(&part, &buffer);
        assert_status(tl_part_decode(tl_buffer_bytes(&buffer), &part), TALLY_EFORMAT);
        tl_buffer_deinit(&buffer);
    }
}

static void put_utf8(uint32_t c, uint8_t dst[4], size_t *ret_len)
{
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t first[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--) {
        dst[i] = (uint8_t)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    dst[0] = (uint8_t)(first[len] | c);
    *ret_len = len;
}

static void test_utf8(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110100; c++) {
        uint8_t bytes[4];
        size_t len = 0;
        uint32_t back = 0;
        put_utf8(c, bytes, &len);
        struct tally_bytes text = tl_bytes(bytes, len);
        bool valid = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        if (tl_utf8_next(&text, &back) != valid || (valid && (back != c || text.len != 0))) {
            fail_msg("character %x", c);
        }
        if (tl_is_utf8(tl_bytes(bytes, len - 1)) != (len == 1)) {
            fail_msg("cut character %x", c);
        }
    }
    uint32_t none = 0;
    struct tally_bytes nothing = tl_bytes(NULL, 0);
    assert_false(tl_utf8_next(&nothing, &none));
}

static const char exhibit_text[] =
    "sha256 a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n"
    "size 20481\n"
    "media-type text/plain; charset=utf-8\n"
    "stored oaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaE=\n";

static void test_exhibit(void **state)
{
    (void)state;
    struct tl_exhibit_value exhibit;
    struct tally_hash hash = test_hash(0xa1);
    assert_status(tl_exhibit_value_decode(tl_bytes_text(exhibit_text), &exhibit), TALLY_OK);
    assert_true(tl_hash_equal(&exhibit.sha256, &hash));
    assert_true(tl_hash_equal(&exhibit.stored, &hash));
    assert_true(exhibit.is_stored);
    assert_int_equal(exhibit.size, 20481);
    assert_bytes_text(exhibit.media_type, "text/plain; charset=utf-8");
    assert_int_equal(damage_truncate(tl_bytes_text(exhibit_text), roundtrip_exhibit), 0);
    damage_all(tl_bytes_text(exhibit_text), roundtrip_exhibit);
}

static void check_exhibit(const char *from, const char *to, bool good)
{
    char changed[512];
    const char *place = strstr(exhibit_text, from);
    assert_non_null(place);
    (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(place - exhibit_text), exhibit_text,
                   to, place + strlen(from));
    assert_int_equal(roundtrip_exhibit(tl_bytes_text(changed)),
                     good ? ROUNDTRIP_SAME : ROUNDTRIP_REFUSED);
}

static void test_exhibit_forms(void **state)
{
    (void)state;
    char type[160] = "media-type ";
    check_exhibit("stored oaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaE=", "stored -", true);
    check_exhibit("size 20481", "size 0", true);
    check_exhibit("size 20481", "size 020481", false);
    check_exhibit("size 20481", "size ", false);
    check_exhibit("sha256 a1", "sha256 A1", false);
    check_exhibit("sha256 a1", "sha256 ", false);
    check_exhibit("text/plain; charset=utf-8", "", false);
    check_exhibit("text/plain; charset=utf-8", "text/\xc3\xa9", false);
    check_exhibit("text/plain; charset=utf-8", "text/\tx", false);
    check_exhibit("\n", "\r\n", false);
    check_exhibit("oaE=\n", "oaE=", false);
    check_exhibit("oaE=\n", "oaE=\n\n", false);
    check_exhibit("oaE=\n", "oaF=\n", false);
    check_exhibit("stored ", "stored -", false);
    memset(type + 11, 'x', 128);
    check_exhibit("media-type text/plain; charset=utf-8", type, false);
    type[11 + 127] = '\0';
    check_exhibit("media-type text/plain; charset=utf-8", type, true);
}

static void test_exhibit_names(void **state)
{
    (void)state;
    assert_true(tl_is_exhibit_name(tl_bytes_text("/exhibits/a")));
    assert_true(tl_is_exhibit_name(tl_bytes_text("/exhibits/a~1b.pdf")));
    assert_false(tl_is_exhibit_name(tl_bytes_text("/exhibits/")));
    assert_false(tl_is_exhibit_name(tl_bytes_text("/exhibits")));
    assert_false(tl_is_exhibit_name(tl_bytes_text("/exhibits/a/b")));
    assert_false(tl_is_exhibit_name(tl_bytes_text("/exhibit/a")));
    assert_false(tl_is_exhibit_name(tl_bytes_text("/x/exhibits/a")));
}

static void test_clock_step(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "-0",
                                      "0",
                                      "1500000",
                                      "+1",
                                      "-01",
                                      "--1",
                                      "-1 ",
                                      " -1",
                                      "-1.0",
                                      "-1\n",
                                      "-9223372036854775808"};
    uint64_t back_us = 0;
    assert_status(tl_clock_step_decode(tl_bytes_text("-1500000"), &back_us), TALLY_OK);
    assert_int_equal(back_us, 1500000);
    assert_status(tl_clock_step_decode(tl_bytes_text("-9223372036854775807"), &back_us), TALLY_OK);
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        assert_status(tl_clock_step_decode(tl_bytes_text(bad[i]), &back_us), TALLY_EFORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names),         cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_exhibit),       cmocka_unit_test(test_exhibit_forms),
        cmocka_unit_test(test_exhibit_names), cmocka_unit_test(test_clock_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
