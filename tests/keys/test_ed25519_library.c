/* SPDX-License-Identifier: ISC */
/*
 * The same rule over libraries that are not the one at hand. The linker puts these functions in the
 * place of libsodium's: one that accepts a moved R as later code does, one whose is_valid_point
 * takes points of order 2 L as before the fix of CVE-2025-69277, and those that are simply broken.
 */
#include "tests/support/test.h"

#include <sodium.h>
#include <sys/mman.h>

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

int __real_sodium_init(void);
int __wrap_sodium_init(void);
int __real_crypto_sign_seed_keypair(unsigned char *public_key, unsigned char *secret,
                                    const unsigned char *seed);
int __wrap_crypto_sign_seed_keypair(unsigned char *public_key, unsigned char *secret,
                                    const unsigned char *seed);
int __real_crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
                                const unsigned char *message, unsigned long long message_len,
                                const unsigned char *secret);
int __wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
                                const unsigned char *message, unsigned long long message_len,
                                const unsigned char *secret);
int __real_crypto_core_ed25519_add(unsigned char *sum, const unsigned char *a,
                                   const unsigned char *b);
int __wrap_crypto_core_ed25519_add(unsigned char *sum, const unsigned char *a,
                                   const unsigned char *b);
int __real_crypto_scalarmult_ed25519_noclamp(unsigned char *product, const unsigned char *scalar,
                                             const unsigned char *point);
int __wrap_crypto_scalarmult_ed25519_noclamp(unsigned char *product, const unsigned char *scalar,
                                             const unsigned char *point);
int __wrap_mlock(const void *ptr, size_t len);

/* What a library gets wrong, one thing at a time. */
enum fault {
    NO_FAULT,
    INIT_FAILS,
    KEYPAIR_FAILS,
    KEYPAIR_OTHER,
    SIGNING_FAILS,
    SIGNATURE_OTHER, /* and it verifies its own */
    ADD_FAILS,
    MULTIPLY_FAILS,
    NO_POINT_VALID,
    MIXED_POINT_HIDDEN, /* is valid, and its halving does not show what it is */
    MOVED_R_HIDDEN,     /* likewise; with moved_r_accepted */
    FAULT_COUNT,
};

static enum fault fault;
static bool moved_r_accepted;
static size_t moved_first; /* of the moved signatures, the first that moved_r_accepted means */
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
    for (size_t i = moved_first; i < TEST_COUNT(moved_hex); i++) {
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
    uint8_t own[TALLY_SIGNATURE_LEN];
    memcpy(own, signature, sizeof own);
    own[0] ^= fault == SIGNATURE_OTHER ? 1u : 0u;
    return __real_crypto_sign_verify_detached(own, message, message_len, public_key);
}

int __wrap_sodium_init(void)
{
    return fault == INIT_FAILS ? -1 : __real_sodium_init();
}

int __wrap_crypto_sign_seed_keypair(unsigned char *public_key, unsigned char *secret,
                                    const unsigned char *seed)
{
    int result = __real_crypto_sign_seed_keypair(public_key, secret, seed);
    public_key[0] ^= fault == KEYPAIR_OTHER ? 1u : 0u;
    return fault == KEYPAIR_FAILS ? -1 : result;
}

int __wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
                                const unsigned char *message, unsigned long long message_len,
                                const unsigned char *secret)
{
    int result =
        __real_crypto_sign_detached(signature, signature_len, message, message_len, secret);
    signature[0] ^= fault == SIGNATURE_OTHER ? 1u : 0u;
    return fault == SIGNING_FAILS ? -1 : result;
}

int __wrap_crypto_core_ed25519_add(unsigned char *sum, const unsigned char *a,
                                   const unsigned char *b)
{
    return fault == ADD_FAILS ? -1 : __real_crypto_core_ed25519_add(sum, a, b);
}

/* The point of which a library hides what it is, and whether point is that. */
static uint8_t hidden_point[32];

static bool is_hidden(const unsigned char *point)
{
    uint8_t moved[TALLY_SIGNATURE_LEN];
    memset(hidden_point, 0x99, sizeof hidden_point);
    hidden_point[0] = 0x95;
    if (fault == MOVED_R_HIDDEN) {
        (void)test_unhex(moved_hex[0], moved, sizeof moved);
        memcpy(hidden_point, moved, sizeof hidden_point);
    }
    return (fault == MIXED_POINT_HIDDEN || fault == MOVED_R_HIDDEN) &&
           memcmp(point, hidden_point, sizeof hidden_point) == 0;
}

/* The hidden point was asked for, and its halving is under way. */
static bool is_halving_hidden;

int __wrap_crypto_scalarmult_ed25519_noclamp(unsigned char *product, const unsigned char *scalar,
                                             const unsigned char *point)
{
    if (is_halving_hidden) {
        memcpy(product, hidden_point, sizeof hidden_point);
        is_halving_hidden = false;
        return 0;
    }
    return fault == MULTIPLY_FAILS
               ? -1
               : __real_crypto_scalarmult_ed25519_noclamp(product, scalar, point);
}

static const void *mlock_ptr;
static size_t mlock_len;
static int mlock_result;

int __wrap_mlock(const void *ptr, size_t len)
{
    mlock_ptr = ptr;
    mlock_len = len;
    return mlock_result;
}

int __wrap_crypto_core_ed25519_is_valid_point(const unsigned char *point)
{
    if (is_hidden(point)) {
        is_halving_hidden = true;
        return 1;
    }
    if (fault == NO_POINT_VALID) {
        return 0;
    }
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
    fault = NO_FAULT;
    moved_r_accepted = false;
    moved_first = 0;
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

/* A library that lets the point of order 4 pass, but not that of order 2. */
static void test_one_moved_r(void **state)
{
    (void)state;
    moved_r_accepted = true;
    moved_first = 1;
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
    nothing_accepted = false;
    for (fault = INIT_FAILS; fault < FAULT_COUNT; fault++) {
        moved_r_accepted = fault == MOVED_R_HIDDEN;
        assert_status(tl_ed25519_init(), TALLY_EINTERNAL);
    }
    (void)reset(NULL);
    assert_status(tl_ed25519_init(), TALLY_OK);
}

static void test_no_key_pair(void **state)
{
    (void)state;
    const uint8_t seed[TL_ED25519_SEED_LEN] = {1};
    struct tl_secret_key *key = NULL;
    assert_status(tl_ed25519_init(), TALLY_OK);
    fault = KEYPAIR_FAILS;
    assert_status(tl_secret_key_from_seed(seed, &key), TALLY_EINTERNAL);
    assert_null(key);
}

/* Whether a secret stays out of swap is for the system to say, of all of its bytes. */
static void test_lock(void **state)
{
    (void)state;
    const uint8_t seed[TL_ED25519_SEED_LEN] = {1};
    struct tl_secret_key *key = NULL;
    assert_status(tl_ed25519_init(), TALLY_OK);
    assert_status(tl_secret_key_from_seed(seed, &key), TALLY_OK);
    mlock_result = 0;
    assert_true(tl_secret_key_lock(key));
    assert_ptr_equal(mlock_ptr, key);
    assert_int_equal(mlock_len, crypto_sign_SECRETKEYBYTES);
    mlock_result = -1;
    assert_false(tl_secret_key_lock(key));
    tl_secret_key_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_this_library, reset),
        cmocka_unit_test_setup(test_moved_r, reset),
        cmocka_unit_test_setup(test_one_moved_r, reset),
        cmocka_unit_test_setup(test_order_2l, reset),
        cmocka_unit_test_setup(test_both, reset),
        cmocka_unit_test_setup(test_broken_libraries, reset),
        cmocka_unit_test_setup(test_no_key_pair, reset),
        cmocka_unit_test_setup(test_lock, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
