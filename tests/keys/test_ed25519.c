/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include <jansson.h>
#include <sodium.h>

#include "keys/ed25519.h"

static int set_up(void **state)
{
    (void)state;
    assert_status(tl_ed25519_init(), TALLY_OK);
    return 0;
}

/* R moved by a point of order 2, of order 4: released libsodium refuses, later code does not. */
#define MOVED_KEY "2152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db12"
static const char *const moved[] = {
    "0a3bb9a3bd117ebbb04ac6f7b2f3f184484f8689904d46822d651adc8268fd57"
    "f8fbb53d9e6a1f76c4c00d5d689780dd8aefb8f7dcd717a19e94e8985e657603",
    "98f140cad98a260ff507834d5c9adbe7b18bf0a2240cf17ddfe97e9cb0032c73"
    "666ef71013530873b13af3d4e042e78977ef9e5756e0e20d12c262b1df646809",
};

static bool is_released_rule(void)
{
    uint8_t key[TL_ED25519_PUBLIC_LEN];
    uint8_t signature[TALLY_SIGNATURE_LEN];
    const uint8_t *message = (const uint8_t *)"evidence";
    (void)test_unhex(MOVED_KEY, key, sizeof key);
    (void)test_unhex(moved[0], signature, sizeof signature);
    return crypto_sign_verify_detached(signature, message, 8, key) != 0;
}

/* Of C2SP/CCTV's adversarial signatures these are valid by the signature check alone. */
static const unsigned accepted[] = {
    7,   29,  50,  117, 139, 161, 182, 249, 305, 411, 425, 438, 465, 473, 481,
    489, 497, 511, 525, 538, 565, 573, 581, 589, 597, 611, 625, 638, 665, 673,
    681, 689, 697, 711, 725, 738, 765, 773, 781, 789, 797, 832, 899,
};

static bool is_accepted(unsigned number)
{
    for (size_t i = 0; i < TEST_COUNT(accepted); i++) {
        if (accepted[i] == number) {
            return true;
        }
    }
    return false;
}

static void hex_field(const json_t *object, const char *name, uint8_t *dst, size_t len)
{
    const char *hex = json_string_value(json_object_get(object, name));
    assert_non_null(hex);
    assert_int_equal(test_unhex(hex, dst, len), len);
}

static void test_cctv(void **state)
{
    (void)state;
    json_error_t error;
    json_t *file = json_load_file(TALLY_VECTORS_DIR "/outside/ed25519-cctv.json", 0, &error);
    assert_non_null(file);
    const json_t *vectors = json_object_get(file, "vectors");
    const bool released = is_released_rule();
    size_t accepted_count = 0;
    size_t with_valid_key = 0;
    assert_int_equal(json_array_size(vectors), 914);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        uint8_t key[TL_ED25519_PUBLIC_LEN];
        uint8_t signature[TALLY_SIGNATURE_LEN];
        unsigned number = (unsigned)json_integer_value(json_object_get(vector, "number"));
        const char *message = json_string_value(json_object_get(vector, "msg"));
        hex_field(vector, "key", key, sizeof key);
        hex_field(vector, "sig", signature, sizeof signature);
        bool verdict = tl_ed25519_verify(key, tl_bytes_text(message), signature);
        /* Over another library the rule is the same for every key that can be enrolled. */
        bool is_judged = released || tl_ed25519_public_is_valid(key);
        if (is_judged && verdict != is_accepted(number)) {
            fail_msg("vector %u", number);
        }
        if (verdict) {
            accepted_count++;
            with_valid_key += tl_ed25519_public_is_valid(key) ? 1 : 0;
            signature[40] ^= 1u;
            assert_false(tl_ed25519_verify(key, tl_bytes_text(message), signature));
        }
    }
    if (released) {
        assert_int_equal(accepted_count, 43);
    }
    /* Only number 305 has a key that could be enrolled. */
    assert_int_equal(with_valid_key, 1);
    json_decref(file);
}

static void test_disagreement(void **state)
{
    (void)state;
    uint8_t seed[TL_ED25519_SEED_LEN];
    uint8_t signature[TALLY_SIGNATURE_LEN];
    struct tally_bytes message = tl_bytes_text("evidence");
    struct tl_secret_key *key = NULL;
    memset(seed, 0x42, sizeof seed);
    assert_status(tl_secret_key_from_seed(seed, &key), TALLY_OK);
    tl_secret_key_sign(key, message, signature);
    assert_true(tl_ed25519_verify(tl_secret_key_public(key), message, signature));
    for (size_t i = 0; i < TEST_COUNT(moved); i++) {
        assert_int_equal(test_unhex(moved[i], signature, sizeof signature), sizeof signature);
        assert_false(tl_ed25519_verify(tl_secret_key_public(key), message, signature));
    }
    tl_secret_key_free(&key);
}

/* RFC 8032, section 7.1, tests 1 to 3. */
static void test_rfc8032(void **state)
{
    (void)state;
    static const struct {
        const char *seed;
        const char *public_key;
        const char *message;
        const char *signature;
    } vectors[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
         "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
         "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
         "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    };
    for (size_t i = 0; i < TEST_COUNT(vectors); i++) {
        uint8_t seed[TL_ED25519_SEED_LEN];
        uint8_t public_key[TL_ED25519_PUBLIC_LEN];
        uint8_t message[8];
        uint8_t expected[TALLY_SIGNATURE_LEN];
        uint8_t signature[TALLY_SIGNATURE_LEN];
        struct tl_secret_key *key = NULL;
        (void)test_unhex(vectors[i].seed, seed, sizeof seed);
        (void)test_unhex(vectors[i].public_key, public_key, sizeof public_key);
        (void)test_unhex(vectors[i].signature, expected, sizeof expected);
        size_t len = test_unhex(vectors[i].message, message, sizeof message);
        assert_status(tl_secret_key_from_seed(seed, &key), TALLY_OK);
        assert_memory_equal(tl_secret_key_public(key), public_key, sizeof public_key);
        tl_secret_key_sign(key, tl_bytes(message, len), signature);
        assert_memory_equal(signature, expected, sizeof signature);
        assert_true(tl_ed25519_verify(public_key, tl_bytes(message, len), signature));
        assert_true(tl_ed25519_public_is_valid(public_key));
        for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
            signature[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_false(tl_ed25519_verify(public_key, tl_bytes(message, len), signature));
            signature[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        tl_secret_key_free(&key);
        assert_null(key);
        tl_secret_key_free(&key);
    }
}

static void test_public_keys(void **state)
{
    (void)state;
    static const char *const unusable[] = {
        /* of order 1, 2, 4, 4, 8, 8 */
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        /* the base point moved by the point of order 2, and by points of order 4 and 8 */
        "9599999999999999999999999999999999999999999999999999999999999999",
        "5252cc0a7f208133b620acbd4537eba2a4123bf0a8c2e4f980c3b31bb69765ea",
        "da99e28ba529cdde35a25fba9059e78ecaee239f99755b9b1aa4f65df00803e2",
        /* not canonical; not on the curve */
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0200000000000000000000000000000000000000000000000000000000000000",
    };
    uint8_t key[TL_ED25519_PUBLIC_LEN];
    (void)test_unhex("5866666666666666666666666666666666666666666666666666666666666666", key,
                     sizeof key);
    assert_true(tl_ed25519_public_is_valid(key));
    for (size_t i = 0; i < TEST_COUNT(unusable); i++) {
        assert_int_equal(test_unhex(unusable[i], key, sizeof key), sizeof key);
        if (tl_ed25519_public_is_valid(key)) {
            fail_msg("%s", unusable[i]);
        }
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    const uint8_t seed[TL_ED25519_SEED_LEN] = {1};
    struct tl_secret_key *key = NULL;
    test_allocations_limit(0);
    assert_status(tl_secret_key_from_seed(seed, &key), TALLY_ENOMEM);
    (void)test_allocations_unlimit();
    assert_null(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cctv),        cmocka_unit_test(test_disagreement),
        cmocka_unit_test(test_rfc8032),     cmocka_unit_test(test_public_keys),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
