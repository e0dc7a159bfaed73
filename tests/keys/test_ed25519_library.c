/* SPDX-License-Identifier: ISC */
/*
 * The same rule over libraries that are not the one at hand. The linker puts these functions in the
 * place of libsodium's: one that accepts a moved R as later code does, one whose is_valid_point
 * takes points of order 2 L as before the fix of CVE-2025-69277, and one that is simply broken.
 */
#include "tests/support/test.h"

#include <sodium.h>

#include "keys/ed25519.h"

int __real_crypto_sign_verify_detached(const unsigned char *signature,
                                       const unsigned char *message,
                                       unsigned long long message_len,
                                       const unsigned char *public_key);
int __wrap_crypto_sign_verify_detached(const unsigned char *signature,
                                       const unsigned char *message,
                                       unsigned long long message_len,
                                       const unsigned char *public_key);
int __real_crypto_core_ed25519_is_valid_point(const unsigned char *point);
int __wrap_crypto_core_ed25519_is_valid_point(const unsigned char *point);

static bool moved_r_accepted;
static bool order_2l_accepted;
static bool everything_accepted;
static bool nothing_accepted;

static const char *const moved_hex[] = {
    "0a3bb9a3bd117ebbb04ac6f7b2f3f184484f8689904d46822d651adc8268fd57"
    "f8fbb53d9e6a1f76c4c00d5d689780dd8aefb8f7dcd717a19e94e8985e657603",
    "98f140cad98a260ff507834d5c9adbe7b18bf0a2240cf17ddfe97e9cb0032c73"
    "666ef71013530873b13af3d4e042e78977ef9e5756e0e20d12c262b1df646809",
};

static bool is_moved(const unsigned char *signature)
{
    for (size_t i = 0; i < TEST_COUNT(moved_hex); i++) {
        uint8_t moved[TALLY_SIGNATURE_LEN];
        (void)test_unhex(moved_hex[i], moved, sizeof moved);
        if (memcmp(signature, moved, sizeof moved) == 0) {
            return true;
        }
    }
    return false;
}

int __wrap_crypto_sign_verify_detached(const unsigned char *signature,
                                       const unsigned char *message,
                                       unsigned long long message_len,
                                       const unsigned char *public_key)
{
    if (everything_accepted || (moved_r_accepted && is_moved(signature))) {
        return 0;
    }
    if (nothing_accepted) {
        return -1;
    }
    return __real_crypto_sign_verify_detached(signature, message, message_len, public_key);
}

int __wrap_crypto_core_ed25519_is_valid_point(const unsigned char *point)
{
    /* Moved by the point of order 2, (x, y) is (-x, -y): what the old code did not tell apart. */
    static const uint8_t order_2[32] = {
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    };
    uint8_t moved[32];
    if (order_2l_accepted && crypto_core_ed25519_add(moved, point, order_2) == 0 &&
        __real_crypto_core_ed25519_is_valid_point(moved) == 1) {
        return 1;
    }
    return __real_crypto_core_ed25519_is_valid_point(point);
}

static int reset(void **state)
{
    (void)state;
    moved_r_accepted = false;
    order_2l_accepted = false;
    everything_accepted = false;
    nothing_accepted = false;
    return 0;
}

static void assert_rule_holds(void)
{
    uint8_t seed[TL_ED25519_SEED_LEN];
    uint8_t signature[TALLY_SIGNATURE_LEN];
    uint8_t mixed[TL_ED25519_PUBLIC_LEN];
    struct tl_secret_key *key = NULL;
    struct tally_bytes message = tl_bytes_text("evidence");
    memset(seed, 0x42, sizeof seed);
    memset(mixed, 0x99, sizeof mixed);
    mixed[0] = 0x95;
    assert_status(tl_secret_key_from_seed(seed, &key), TALLY_OK);
    tl_secret_key_sign(key, message, signature);
    assert_true(tl_ed25519_verify(tl_secret_key_public(key), message, signature));
    assert_true(tl_ed25519_public_is_valid(tl_secret_key_public(key)));
    assert_false(tl_ed25519_public_is_valid(mixed));
    for (size_t i = 0; i < TEST_COUNT(moved_hex); i++) {
        (void)test_unhex(moved_hex[i], signature, sizeof signature);
        assert_false(tl_ed25519_verify(tl_secret_key_public(key), message, signature));
    }
    tl_secret_key_free(&key);
}

static void test_this_library(void **state)
{
    (void)state;
    assert_status(tl_ed25519_init(), TALLY_OK);
    assert_rule_holds();
}

static void test_moved_r(void **state)
{
    (void)state;
    /* Without the self-test's finding the rule would be lost: the stand-in does its work. */
    uint8_t key[TL_ED25519_PUBLIC_LEN];
    uint8_t moved[TALLY_SIGNATURE_LEN];
    (void)test_unhex("2152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db12", key,
                     sizeof key);
    (void)test_unhex(moved_hex[0], moved, sizeof moved);
    assert_status(tl_ed25519_init(), TALLY_OK);
    moved_r_accepted = true;
    assert_true(tl_ed25519_verify(key, tl_bytes_text("evidence"), moved));
    assert_status(tl_ed25519_init(), TALLY_OK);
    assert_rule_holds();
}

static void test_order_2l(void **state)
{
    (void)state;
    uint8_t mixed[TL_ED25519_PUBLIC_LEN];
    memset(mixed, 0x99, sizeof mixed);
    mixed[0] = 0x95;
    order_2l_accepted = true;
    assert_int_equal(__wrap_crypto_core_ed25519_is_valid_point(mixed), 1);
    assert_status(tl_ed25519_init(), TALLY_OK);
    assert_rule_holds();
}

static void test_both(void **state)
{
    (void)state;
    moved_r_accepted = true;
    order_2l_accepted = true;
    assert_status(tl_ed25519_init(), TALLY_OK);
    assert_rule_holds();
}

static void test_broken_libraries(void **state)
{
    (void)state;
    everything_accepted = true;
    assert_status(tl_ed25519_init(), TALLY_EINTERNAL);
    everything_accepted = false;
    nothing_accepted = true;
    assert_status(tl_ed25519_init(), TALLY_EINTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_this_library, reset),
        cmocka_unit_test_setup(test_moved_r, reset),
        cmocka_unit_test_setup(test_order_2l, reset),
        cmocka_unit_test_setup(test_both, reset),
        cmocka_unit_test_setup(test_broken_libraries, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
