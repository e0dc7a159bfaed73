/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/base/sha256.h"

static void assert_hash_hex(struct tally_hash actual, const char *hex)
{
    struct tally_hash expected;
    assert_int_equal(test_unhex(hex, expected.bytes, sizeof expected.bytes), TALLY_HASH_LEN);
    assert_memory_equal(actual.bytes, expected.bytes, TALLY_HASH_LEN);
}

static void test_known(void **state)
{
    (void)state;
    /* FIPS 180-4 examples */
    assert_hash_hex(tl_sha256(tl_bytes(NULL, 0)),
                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hash_hex(tl_sha256(tl_bytes_text("abc")),
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hash_hex(
        tl_sha256(tl_bytes_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_pieces(void **state)
{
    (void)state;
    uint8_t bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 31 + 1);
    }
    struct tally_hash whole = tl_sha256(tl_bytes(bytes, sizeof bytes));
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        struct tl_sha256 sha;
        tl_sha256_init(&sha);
        tl_sha256_update(&sha, tl_bytes(bytes, cut));
        tl_sha256_update(&sha, tl_bytes(NULL, 0));
        tl_sha256_update(&sha, tl_bytes(bytes + cut, sizeof bytes - cut));
        struct tally_hash pieces = tl_sha256_final(&sha);
        assert_true(tl_hash_equal(&whole, &pieces));
    }
    struct tally_hash shorter = tl_sha256(tl_bytes(bytes, sizeof bytes - 1));
    assert_false(tl_hash_equal(&whole, &shorter));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
