/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include <sodium.h>

#include "lib/base/text.h"

typedef bool (*canonical_fn)(struct tally_bytes text);

/*
 * Every text that differs from a valid one in one byte, and every truncation of it: a canonical
 * parser refuses it or gives it back unchanged.
 */
static void check_neighbours(const char *valid, canonical_fn canonical)
{
    size_t len = strlen(valid);
    uint8_t *text = (uint8_t *)malloc(len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        for (unsigned c = 0; c < 256; c++) {
            memcpy(text, valid, len);
            text[i] = (uint8_t)c;
            assert_true(canonical(tl_bytes(text, len)));
        }
    }
    for (size_t i = 0; i <= len; i++) {
        for (unsigned c = 0; c < 256; c++) {
            memcpy(text, valid, i);
            text[i] = (uint8_t)c;
            memcpy(text + i + 1, valid + i, len - i);
            assert_true(canonical(tl_bytes(text, len + 1)));
        }
    }
    free(text);
    for (size_t cut = 0; cut <= len; cut++) {
        uint8_t *block = (uint8_t *)malloc(cut == 0 ? 1 : cut);
        assert_non_null(block);
        memcpy(block, valid, cut);
        assert_true(canonical(tl_bytes(block, cut)));
        free(block);
    }
}

static bool decimal_canonical(struct tally_bytes text)
{
    uint64_t value = 0;
    char again[TL_DECIMAL_MAX];
    if (tl_decimal_parse(text, &value) != TALLY_OK) {
        return true;
    }
    size_t len = tl_decimal_format(value, again);
    return value <= INT64_MAX && tl_bytes_equal(text, tl_bytes(again, len));
}

static void test_decimal(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *text;
    } good[] = {
        {0, "0"},
        {1, "1"},
        {9, "9"},
        {10, "10"},
        {100, "100"},
        {UINT64_C(4294967295), "4294967295"},
        {UINT64_C(4294967296), "4294967296"},
        {UINT64_C(999999999999999999), "999999999999999999"},
        {UINT64_C(1000000000000000000), "1000000000000000000"},
        {UINT64_C(9223372036854775807), "9223372036854775807"},
    };
    for (size_t i = 0; i < TEST_COUNT(good); i++) {
        uint64_t value = 77;
        char text[TL_DECIMAL_MAX];
        assert_status(tl_decimal_parse(tl_bytes_text(good[i].text), &value), TALLY_OK);
        assert_true(value == good[i].value);
        assert_int_equal(tl_decimal_format(good[i].value, text), strlen(good[i].text));
        assert_string_equal(text, good[i].text);
        check_neighbours(good[i].text, decimal_canonical);
    }
}

static void test_decimal_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        "01",
        "-0",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "0x1",
        "1e",
        "1.",
        "1,0",
        "1_0",
        "\xef\xbc\x91",
        "9223372036854775808",
        "9999999999999999999",
        "10000000000000000000",
        "18446744073709551615",
        "18446744073709551616",
        "00000000000000000001",
        "99999999999999999999999999",
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        uint64_t value = 77;
        assert_status(tl_decimal_parse(tl_bytes_text(bad[i]), &value), TALLY_EFORMAT);
        assert_true(value == 77);
    }
    uint64_t value = 77;
    assert_status(tl_decimal_parse(tl_bytes("1\0", 2), &value), TALLY_EFORMAT);
    assert_status(tl_decimal_parse(tl_bytes(NULL, 0), &value), TALLY_EFORMAT);
    assert_true(value == 77);
}

static void test_decimal_shows_any_value(void **state)
{
    (void)state;
    char text[TL_DECIMAL_MAX];
    assert_int_equal(tl_decimal_format(UINT64_MAX, text), 20);
    assert_string_equal(text, "18446744073709551615");
}

enum { BLOCK_MAX = 128 };

static bool base64_canonical(struct tally_bytes text)
{
    uint8_t bytes[BLOCK_MAX];
    char again[TL_BASE64_LEN(BLOCK_MAX)];
    size_t len = 0;
    if (tl_base64_parse(text, bytes, sizeof bytes, &len) != TALLY_OK) {
        return true;
    }
    tl_base64_format(tl_bytes(bytes, len), again);
    return tl_bytes_equal(text, tl_bytes(again, TL_BASE64_LEN(len)));
}

static void test_base64_vectors(void **state)
{
    (void)state;
    /* RFC 4648, section 10, and the two characters that differ between alphabets. */
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xef\xbe", "++++"},
        {"\xff\xff\xff", "////"},
    };
    for (size_t i = 0; i < TEST_COUNT(pairs); i++) {
        struct tally_bytes bytes = tl_bytes_text(pairs[i][0]);
        char text[16] = {0};
        uint8_t back[16];
        size_t len = 99;
        tl_base64_format(bytes, text);
        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(TL_BASE64_LEN(bytes.len), strlen(pairs[i][1]));
        assert_status(tl_base64_parse(tl_bytes_text(text), back, sizeof back, &len), TALLY_OK);
        assert_bytes_equal(tl_bytes(back, len), bytes);
        check_neighbours(pairs[i][1], base64_canonical);
    }
}

static void check_base64_length(size_t len)
{
    /* Blocks of exactly that length, so that a sanitizer sees a step past their end. */
    uint8_t *bytes = (uint8_t *)malloc(len == 0 ? 1 : len);
    uint8_t *back = (uint8_t *)malloc(len == 0 ? 1 : len);
    char *text = (char *)malloc(TL_BASE64_LEN(len) + 1);
    char expected[TL_BASE64_LEN(BLOCK_MAX) + 1];
    size_t back_len = 99;
    assert_non_null(bytes);
    assert_non_null(back);
    assert_non_null(text);
    randombytes_buf_deterministic(bytes, len,
                                  (const unsigned char *)"base64 of every length, 32 bytes");
    tl_base64_format(tl_bytes(bytes, len), text);
    text[TL_BASE64_LEN(len)] = '\0';
    (void)sodium_bin2base64(expected, sizeof expected, bytes, len, sodium_base64_VARIANT_ORIGINAL);
    assert_string_equal(text, expected);
    struct tally_bytes view = tl_bytes(text, TL_BASE64_LEN(len));
    for (size_t cap = 0; cap < len; cap++) {
        assert_status(tl_base64_parse(view, back, cap, &back_len), TALLY_ETOOBIG);
        assert_int_equal(back_len, 99);
    }
    assert_status(tl_base64_parse(view, back, len, &back_len), TALLY_OK);
    assert_bytes_equal(tl_bytes(back, back_len), tl_bytes(bytes, len));
    free(bytes);
    free(back);
    free(text);
}

static void test_base64_agrees_with_libsodium(void **state)
{
    (void)state;
    for (size_t len = 0; len <= BLOCK_MAX; len++) {
        check_base64_length(len);
    }
}

/* Counts the accepted texts among all that end a base64 text: exactly one for each value. */
static void test_base64_final_groups(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t one = 0;
    size_t two = 0;
    uint8_t bytes[3];
    size_t len = 0;
    for (size_t i = 0; i < 64; i++) {
        for (size_t j = 0; j < 64; j++) {
            char text[] = {alphabet[i], alphabet[j], '=', '='};
            if (tl_base64_parse(tl_bytes(text, 4), bytes, 3, &len) == TALLY_OK) {
                assert_int_equal(len, 1);
                one++;
            }
            for (size_t k = 0; k < 64; k++) {
                text[2] = alphabet[k];
                if (tl_base64_parse(tl_bytes(text, 4), bytes, 3, &len) == TALLY_OK) {
                    assert_int_equal(len, 2);
                    two++;
                }
            }
        }
    }
    assert_int_equal(one, 256);
    assert_int_equal(two, 65536);
}

static void test_base64_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",        "Zg",     "Zg=",       "Zm9",    "Zm8",    "Zh==",     "Zm9=",
        "Zg==\n",   "\nZg==", "Zm9v\nZg=", "Zm9v\n", "Zm\n9v", "Zg==Zg==", "Zm8=Zm9v",
        "=",        "==",     "===",       "====",   "Z===",   "=Zg=",     "Zg=g",
        "Zm9v====", "Zg====", "Zm9v=",     "Zm9v==", "Zm9-",   "Zm9_",     "Zm 9",
        "Zm9\xc3",  "Zm9.",   "Zm9@",      "Zm9[",   "Zm9`",   "Zm9{",     "Zm9:",
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        uint8_t bytes[16];
        size_t len = 99;
        assert_status(tl_base64_parse(tl_bytes_text(bad[i]), bytes, sizeof bytes, &len),
                      TALLY_EFORMAT);
        assert_int_equal(len, 99);
    }
}

static void test_base64_of_nothing(void **state)
{
    (void)state;
    size_t len = 99;
    assert_status(tl_base64_parse(tl_bytes(NULL, 0), NULL, 0, &len), TALLY_OK);
    assert_int_equal(len, 0);
    tl_base64_format(tl_bytes(NULL, 0), NULL);
}

static struct tally_hash counting_hash(void)
{
    struct tally_hash hash;
    for (size_t i = 0; i < sizeof hash.bytes; i++) {
        hash.bytes[i] = (uint8_t)(i * 8 + 3);
    }
    return hash;
}

static const char counting_base64[] = "AwsTGyMrMztDS1Nba3N7g4uTm6Ors7vDy9Pb4+vz+/s=";

static bool hash_canonical(struct tally_bytes text)
{
    struct tally_hash hash;
    char again[TL_HASH_BASE64_LEN + 1];
    if (tl_hash_parse(text, &hash) != TALLY_OK) {
        return true;
    }
    tl_hash_format(&hash, again);
    return tl_bytes_equal(text, tl_bytes_text(again));
}

static void test_hash_text(void **state)
{
    (void)state;
    struct tally_hash hash = counting_hash();
    struct tally_hash back = test_hash(0);
    char text[TL_HASH_BASE64_LEN + 1];
    tl_hash_format(&hash, text);
    assert_int_equal(strlen(text), TL_HASH_BASE64_LEN);
    assert_status(tl_hash_parse(tl_bytes_text(text), &back), TALLY_OK);
    assert_true(tl_hash_equal(&hash, &back));
    check_neighbours(text, hash_canonical);
    check_neighbours(counting_base64, hash_canonical);
}

static void test_hash_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",  /* unpadded */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* 33 bytes */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", /* 31 bytes */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", /* trailing bit */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    };
    struct tally_hash untouched = test_hash(0x77);
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        struct tally_hash hash = untouched;
        assert_status(tl_hash_parse(tl_bytes_text(bad[i]), &hash), TALLY_EFORMAT);
        assert_true(tl_hash_equal(&hash, &untouched));
    }
}

static bool fingerprint_canonical(struct tally_bytes text)
{
    struct tally_hash hash;
    char again[TALLY_FINGERPRINT_LEN + 1];
    if (tl_fingerprint_parse(text, &hash) != TALLY_OK) {
        return true;
    }
    tl_fingerprint_format(&hash, again);
    return tl_bytes_equal(text, tl_bytes_text(again));
}

static void test_fingerprint(void **state)
{
    (void)state;
    struct tally_hash hash = counting_hash();
    struct tally_hash back = test_hash(0);
    char padded[TL_HASH_BASE64_LEN + 1];
    char text[TALLY_FINGERPRINT_LEN + 1];
    tl_hash_format(&hash, padded);
    tl_fingerprint_format(&hash, text);
    assert_int_equal(strlen(text), TALLY_FINGERPRINT_LEN);
    assert_memory_equal(text, padded, TALLY_FINGERPRINT_LEN);
    assert_status(tl_fingerprint_parse(tl_bytes_text(text), &back), TALLY_OK);
    assert_true(tl_hash_equal(&hash, &back));
    assert_status(tl_fingerprint_parse(tl_bytes_text(padded), &back), TALLY_EFORMAT);
    assert_status(tl_fingerprint_parse(tl_bytes(text, 42), &back), TALLY_EFORMAT);
    text[42] = (char)(text[42] + 1); /* a trailing bit */
    assert_status(tl_fingerprint_parse(tl_bytes_text(text), &back), TALLY_EFORMAT);
    text[42] = (char)(text[42] - 1);
    check_neighbours(text, fingerprint_canonical);
}

static bool hex_canonical(struct tally_bytes text)
{
    uint8_t bytes[BLOCK_MAX];
    char again[2 * BLOCK_MAX + 1];
    if (tl_hex_parse(text, bytes, text.len / 2) != TALLY_OK) {
        return true;
    }
    tl_hex_format(tl_bytes(bytes, text.len / 2), again);
    return tl_bytes_equal(text, tl_bytes_text(again));
}

static void test_hex(void **state)
{
    (void)state;
    uint8_t bytes[256];
    uint8_t back[256];
    char text[2 * sizeof bytes + 1];
    char expected[2 * sizeof bytes + 1];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    tl_hex_format(tl_bytes(bytes, sizeof bytes), text);
    (void)sodium_bin2hex(expected, sizeof expected, bytes, sizeof bytes);
    assert_string_equal(text, expected);
    assert_status(tl_hex_parse(tl_bytes_text(text), back, sizeof back), TALLY_OK);
    assert_memory_equal(bytes, back, sizeof bytes);
    tl_hex_format(tl_bytes(NULL, 0), text);
    assert_string_equal(text, "");
    assert_status(tl_hex_parse(tl_bytes(NULL, 0), NULL, 0), TALLY_OK);
    check_neighbours("00ff7f80a9", hex_canonical);
}

static void test_hex_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "0",    "000",  "00000", "000000", "0A00", "000g",
                                      "00 0", "-000", "0x00", "00:0",  "00`0",   "00@0", "00/0"};
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        uint8_t bytes[2] = {0x77, 0x77};
        assert_status(tl_hex_parse(tl_bytes_text(bad[i]), bytes, sizeof bytes), TALLY_EFORMAT);
        assert_int_equal(bytes[0], 0x77);
        assert_int_equal(bytes[1], 0x77);
    }
}

static void test_id(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a", "z", "a0", "z-9", "a-", "a--b", "custody-of", "a234567890123456789012345678-012"};
    static const char *const bad[] = {
        "",    "A",   "0",   "-",     "aB",
        "a_b", "a b", "a.b", "a\n",   "\n",
        " a",  "a/b", "{",   "`",     "a{",
        "a:",  "9a",  "-a",  "a\x80", "a2345678901234567890123456789-123"};
    for (size_t i = 0; i < TEST_COUNT(good); i++) {
        assert_true(tl_is_id(tl_bytes_text(good[i])));
    }
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        assert_false(tl_is_id(tl_bytes_text(bad[i])));
    }
    assert_false(tl_is_id(tl_bytes(NULL, 0)));
    assert_false(tl_is_id(tl_bytes("a\0", 2)));
    assert_true(tl_is_id(tl_bytes("a\0", 1)));
}

static void test_split_space(void **state)
{
    (void)state;
    struct tally_bytes head = tl_bytes_text("untouched");
    struct tally_bytes tail = tl_bytes_text("untouched");
    assert_false(tl_split_space(tl_bytes(NULL, 0), &head, &tail));
    assert_false(tl_split_space(tl_bytes_text("word\tword"), &head, &tail));
    assert_bytes_text(head, "untouched");
    assert_bytes_text(tail, "untouched");
    assert_true(tl_split_space(tl_bytes_text("ref cites 4"), &head, &tail));
    assert_bytes_text(head, "ref");
    assert_bytes_text(tail, "cites 4");
    assert_true(tl_split_space(tl_bytes_text(" "), &head, &tail));
    assert_bytes_text(head, "");
    assert_bytes_text(tail, "");
    assert_true(tl_split_space(tl_bytes_text("a  b"), &head, &tail));
    assert_bytes_text(head, "a");
    assert_bytes_text(tail, " b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimal),
        cmocka_unit_test(test_decimal_refused),
        cmocka_unit_test(test_decimal_shows_any_value),
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_base64_agrees_with_libsodium),
        cmocka_unit_test(test_base64_final_groups),
        cmocka_unit_test(test_base64_refused),
        cmocka_unit_test(test_base64_of_nothing),
        cmocka_unit_test(test_hash_text),
        cmocka_unit_test(test_hash_refused),
        cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_hex_refused),
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_split_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
