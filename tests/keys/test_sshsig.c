/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "keys/ed25519.h"
#include "keys/sshsig.h"
#include "lib/base/sha256.h"

#define OPENSSH_DIR TALLY_VECTORS_DIR "/outside/openssh/"
#define MESSAGE "This is a test, this is only a test"
#define NAMESPACE "unittest"

static int set_up(void **state)
{
    (void)state;
    assert_status(tl_ed25519_init(), TALLY_OK);
    return 0;
}

static struct tally_bytes load_blob(const char *path, struct tl_buffer *blob)
{
    uint8_t file[8192];
    struct tally_bytes text = test_file_get(path, file, sizeof file);
    tl_buffer_init(blob, 4096);
    assert_status(tl_sshsig_unarmor(text, blob), TALLY_OK);
    return tl_buffer_bytes(blob);
}

static void test_signed_bytes(void **state)
{
    (void)state;
    uint8_t expected[128];
    size_t len = test_unhex(
        "53534853494700000008756e6974746573740000000000000006736861353132000000402cbbbc660712c6de8c"
        "b05533ba26601ba1b031d27d77bc5e13b628448c3483d88727fc2c143ef5a385a5c9ecef1561236ea434a82ec5"
        "c06a639235103fe35deb",
        expected, sizeof expected);
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, 512);
    tl_sshsig_signed_bytes(tl_bytes_text(MESSAGE), NAMESPACE, &bytes);
    assert_int_equal(len, 100);
    assert_bytes_equal(tl_buffer_bytes(&bytes), tl_bytes(expected, len));
    tl_buffer_deinit(&bytes);
}

/* OpenSSH's own vectors: verified, and armored again to the same file. */
static void check_openssh_vector(const char *path, struct tl_sshsig *sig)
{
    uint8_t file[1024];
    struct tl_buffer blob;
    struct tl_buffer again;
    (void)load_blob(path, &blob);
    assert_status(tl_sshsig_decode(tl_buffer_bytes(&blob), NAMESPACE, sig), TALLY_OK);
    assert_int_equal(tl_sshsig_verify(sig, tl_bytes_text(MESSAGE), NAMESPACE), TALLY_REASON_NONE);
    assert_int_equal(tl_sshsig_verify(sig, tl_bytes_text(MESSAGE "."), NAMESPACE),
                     TALLY_REASON_SIGNATURE_INVALID);
    assert_int_equal(tl_sshsig_verify(sig, tl_bytes_text(MESSAGE), "unittesT"),
                     TALLY_REASON_SIGNATURE_INVALID);
    assert_status(tl_sshsig_decode(tl_buffer_bytes(&blob), "unittesT", sig), TALLY_EFORMAT);
    tl_buffer_init(&again, 1024);
    tl_sshsig_encode(sig, NAMESPACE, &again);
    assert_bytes_equal(tl_buffer_bytes(&again), tl_buffer_bytes(&blob));
    tl_buffer_clear(&again);
    tl_sshsig_armor(tl_buffer_bytes(&blob), &again);
    assert_bytes_equal(tl_buffer_bytes(&again), test_file_get(path, file, sizeof file));
    tl_buffer_deinit(&again);
    tl_buffer_deinit(&blob);
}

static void test_openssh_vectors(void **state)
{
    (void)state;
    struct tl_sshsig sig;
    check_openssh_vector(OPENSSH_DIR "sshsig_ed25519.sig", &sig);
    assert_int_equal(sig.key.type, TL_KEY_ED25519);
    assert_int_equal(sig.flags, 0);
    check_openssh_vector(OPENSSH_DIR "sshsig_ed25519_sk.sig", &sig);
    assert_int_equal(sig.key.type, TL_KEY_SK_ED25519);
    assert_int_equal(sig.flags, TL_SSHSIG_FLAG_PRESENT);
    assert_int_equal(sig.counter, 0x12345678);
}

static void test_signing_vector(void **state)
{
    (void)state;
    uint8_t seed[TL_ED25519_SEED_LEN];
    struct tl_secret_key *secret = NULL;
    struct tl_sshsig sig = {.flags = 0};
    struct tl_buffer bytes;
    struct tl_buffer blob;
    struct tl_buffer expected;
    (void)test_unhex("e948a440d50296ea462241fb4645687e1f47cd7a4cd82c6e9cddbcec7a80a912", seed,
                     sizeof seed);
    assert_status(tl_secret_key_from_seed(seed, &secret), TALLY_OK);
    tl_public_key_from_point(tl_secret_key_public(secret), &sig.key);
    tl_buffer_init(&bytes, 512);
    tl_buffer_init(&blob, 512);
    tl_sshsig_signed_bytes(tl_bytes_text(MESSAGE), NAMESPACE, &bytes);
    tl_secret_key_sign(secret, tl_buffer_bytes(&bytes), sig.signature);
    tl_sshsig_encode(&sig, NAMESPACE, &blob);
    assert_bytes_equal(tl_buffer_bytes(&blob),
                       load_blob(OPENSSH_DIR "sshsig_ed25519.sig", &expected));
    tl_buffer_deinit(&expected);
    tl_buffer_deinit(&blob);
    tl_buffer_deinit(&bytes);
    tl_secret_key_free(&secret);
}

static bool is_valid(struct tally_bytes blob)
{
    struct tl_sshsig sig;
    return tl_sshsig_decode(blob, NAMESPACE, &sig) == TALLY_OK &&
           tl_sshsig_verify(&sig, tl_bytes_text(MESSAGE), NAMESPACE) == TALLY_REASON_NONE;
}

/* No bit is free, no byte may lack, none may follow. */
static void test_tampering(void **state)
{
    (void)state;
    static const char *const paths[] = {
        OPENSSH_DIR "sshsig_ed25519.sig",
        OPENSSH_DIR "sshsig_ed25519_sk.sig",
    };
    for (size_t i = 0; i < TEST_COUNT(paths); i++) {
        struct tl_buffer blob;
        struct tl_sshsig sig;
        struct tally_bytes bytes = load_blob(paths[i], &blob);
        assert_true(is_valid(bytes));
        for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
            blob.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_false(is_valid(bytes));
            if (tl_sshsig_decode(bytes, NAMESPACE, &sig) == TALLY_OK) {
                struct tl_buffer again;
                tl_buffer_init(&again, 1024);
                tl_sshsig_encode(&sig, NAMESPACE, &again);
                assert_bytes_equal(tl_buffer_bytes(&again), bytes);
                tl_buffer_deinit(&again);
            }
            blob.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        for (size_t len = 0; len < bytes.len; len++) {
            assert_status(tl_sshsig_decode(tl_bytes(bytes.ptr, len), NAMESPACE, &sig),
                          TALLY_ETRUNCATED);
        }
        tl_buffer_add_u8(&blob, 0);
        assert_status(tl_sshsig_decode(tl_buffer_bytes(&blob), NAMESPACE, &sig), TALLY_ETRAILING);
        tl_buffer_deinit(&blob);
    }
}

struct fields {
    uint32_t version;
    const char *reserved;
    const char *hash;
    const char *inner_type;
    uint32_t signature_len;
    bool inner_trailing;
};

static struct tally_bytes make_blob(const struct fields *fields, struct tl_buffer *blob)
{
    uint8_t signature[80] = {1};
    struct tl_public_key key;
    const uint8_t point[32] = {9};
    size_t inner_len = 4 + strlen(fields->inner_type) + 4 + fields->signature_len;
    tl_public_key_from_point(point, &key);
    tl_buffer_clear(blob);
    tl_buffer_add_text(blob, "SSHSIG");
    tl_buffer_add_u32(blob, fields->version);
    tl_buffer_add_u32(blob, (uint32_t)key.blob_len);
    tl_buffer_add(blob, tl_public_key_blob(&key));
    tl_buffer_add_u32(blob, (uint32_t)strlen(NAMESPACE));
    tl_buffer_add_text(blob, NAMESPACE);
    tl_buffer_add_u32(blob, (uint32_t)strlen(fields->reserved));
    tl_buffer_add_text(blob, fields->reserved);
    tl_buffer_add_u32(blob, (uint32_t)strlen(fields->hash));
    tl_buffer_add_text(blob, fields->hash);
    tl_buffer_add_u32(blob, (uint32_t)(inner_len + (fields->inner_trailing ? 1 : 0)));
    tl_buffer_add_u32(blob, (uint32_t)strlen(fields->inner_type));
    tl_buffer_add_text(blob, fields->inner_type);
    tl_buffer_add_u32(blob, fields->signature_len);
    tl_buffer_add(blob, tl_bytes(signature, fields->signature_len));
    if (fields->inner_trailing) {
        tl_buffer_add_u8(blob, 0);
    }
    return tl_buffer_bytes(blob);
}

static void test_fields(void **state)
{
    (void)state;
    static const struct {
        struct fields fields;
        enum tally_status status;
    } cases[] = {
        {{1, "", "sha512", "ssh-ed25519", 64, false}, TALLY_OK},
        {{0, "", "sha512", "ssh-ed25519", 64, false}, TALLY_EFORMAT},
        {{2, "", "sha512", "ssh-ed25519", 64, false}, TALLY_EUNSUPPORTED},
        {{1, "x", "sha512", "ssh-ed25519", 64, false}, TALLY_EFORMAT},
        {{1, "", "sha256", "ssh-ed25519", 64, false}, TALLY_EUNSUPPORTED},
        {{1, "", "", "ssh-ed25519", 64, false}, TALLY_EUNSUPPORTED},
        {{1, "", "sha512", "ssh-ed25519x", 64, false}, TALLY_EFORMAT},
        {{1, "", "sha512", "sk-ssh-ed25519@openssh.com", 64, false}, TALLY_EFORMAT},
        {{1, "", "sha512", "ssh-ed25519", 63, false}, TALLY_EFORMAT},
        {{1, "", "sha512", "ssh-ed25519", 65, false}, TALLY_EFORMAT},
        {{1, "", "sha512", "ssh-ed25519", 64, true}, TALLY_ETRAILING},
    };
    struct tl_buffer blob;
    tl_buffer_init(&blob, 1024);
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        struct tl_sshsig sig;
        assert_status(tl_sshsig_decode(make_blob(&cases[i].fields, &blob), NAMESPACE, &sig),
                      cases[i].status);
    }
    tl_buffer_deinit(&blob);
}

static void test_presence(void **state)
{
    (void)state;
    uint8_t seed[TL_ED25519_SEED_LEN] = {3};
    struct tl_secret_key *secret = NULL;
    assert_status(tl_secret_key_from_seed(seed, &secret), TALLY_OK);
    for (unsigned flags = 0; flags < 256; flags++) {
        struct tl_sshsig sig = {.flags = (uint8_t)flags, .counter = 7};
        struct tl_buffer bytes;
        uint8_t token_message[69];
        struct tl_writer writer = tl_writer_over(token_message, sizeof token_message);
        sig.key.type = TL_KEY_SK_ED25519;
        memcpy(sig.key.point, tl_secret_key_public(secret), sizeof sig.key.point);
        memcpy(sig.key.application, "ssh:", 4);
        sig.key.application_len = 4;
        tl_buffer_init(&bytes, 512);
        tl_sshsig_signed_bytes(tl_bytes_text(MESSAGE), NAMESPACE, &bytes);
        struct tally_hash application = tl_sha256(tl_bytes_text("ssh:"));
        struct tally_hash hash = tl_sha256(tl_buffer_bytes(&bytes));
        tl_write_bytes(&writer, tl_hash_bytes(&application));
        tl_write_u8(&writer, sig.flags);
        tl_write_u32(&writer, sig.counter);
        tl_write_bytes(&writer, tl_hash_bytes(&hash));
        tl_secret_key_sign(secret, tl_bytes(token_message, writer.len), sig.signature);
        assert_int_equal(tl_sshsig_verify(&sig, tl_bytes_text(MESSAGE), NAMESPACE),
                         (flags & 1u) != 0 ? TALLY_REASON_NONE : TALLY_REASON_PRESENCE_MISSING);
        sig.counter++;
        assert_int_equal(tl_sshsig_verify(&sig, tl_bytes_text(MESSAGE), NAMESPACE),
                         TALLY_REASON_SIGNATURE_INVALID);
        tl_buffer_deinit(&bytes);
    }
    tl_secret_key_free(&secret);
}

/* Signatures of other key types are told apart from malformed ones. */
static void test_other_types(void **state)
{
    (void)state;
    uint8_t file[8192];
    struct tl_buffer blob;
    tl_buffer_init(&blob, 8192);
    struct tally_bytes text = test_file_get(OPENSSH_DIR "sshsig_rsa.sig", file, sizeof file);
    assert_status(tl_sshsig_unarmor(text, &blob), TALLY_ETOOBIG);
    text = test_file_get(OPENSSH_DIR "sshsig_mldsa44_ed25519.sig", file, sizeof file);
    assert_status(tl_sshsig_unarmor(text, &blob), TALLY_ETOOBIG);
    tl_buffer_deinit(&blob);
}

#define BEGIN "-----BEGIN SSH SIGNATURE-----\n"
#define END "-----END SSH SIGNATURE-----\n"

static void test_armor(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *blob; /* NULL: refused */
    } cases[] = {
        {BEGIN "YWJj\n" END, "abc"},
        {BEGIN "Y\nWJ\nj\n" END, "abc"},
        {BEGIN "YWI=\n" END, "ab"},
        {BEGIN "YQ==\n-----END SSH SIGNATURE-----", "a"},
        {BEGIN "YWJj" END, NULL},
        {BEGIN "YWJj\r\n" END, NULL},
        {"-----BEGIN SSH SIGNATURE-----\r\nYWJj\n" END, NULL},
        {"\n" BEGIN "YWJj\n" END, NULL},
        {BEGIN "YWJj\n" END "\n", NULL},
        {BEGIN "YWJj\n" END "x", NULL},
        {BEGIN "YW Jj\n" END, NULL},
        {BEGIN "YWJ\n" END, NULL},
        {BEGIN "YWJ\n=\n=\n" END, NULL},
        {BEGIN "YWJ=\n" END, NULL},
        {BEGIN "YWI\n" END, NULL},
        {BEGIN "YWI=YWJj\n" END, NULL},
        {BEGIN "Y===\n" END, NULL},
        {BEGIN "====\n" END, NULL},
        {BEGIN END, NULL},
        {BEGIN "\n" END, NULL},
        {BEGIN "\n\n" END, NULL},
        {BEGIN, NULL},
        {END, NULL},
        {"", NULL},
        {"-----BEGIN SSH SIGNATURE-----", NULL},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\nYWJj\n-----END OPENSSH PRIVATE KEY-----\n", NULL},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        struct tl_buffer blob;
        tl_buffer_init(&blob, 64);
        enum tally_status status = tl_sshsig_unarmor(tl_bytes_text(cases[i].text), &blob);
        if (cases[i].blob == NULL) {
            assert_status(status, TALLY_EFORMAT);
            assert_int_equal(blob.len, 0);
        } else {
            assert_status(status, TALLY_OK);
            assert_bytes_text(tl_buffer_bytes(&blob), cases[i].blob);
        }
        tl_buffer_deinit(&blob);
    }
    /* A NUL is not a line end. */
    static const char with_nul[] = BEGIN "YW\0\0\0\0Jj\n" END;
    struct tl_buffer blob;
    tl_buffer_init(&blob, 64);
    assert_status(tl_sshsig_unarmor(tl_bytes(with_nul, sizeof with_nul - 1), &blob),
                  TALLY_EFORMAT);
    tl_buffer_deinit(&blob);
}

static void test_armor_lengths(void **state)
{
    (void)state;
    uint8_t bytes[TL_SSHSIG_BLOB_MAX + 1];
    memset(bytes, 0xa5, sizeof bytes);
    for (size_t len = 1; len <= sizeof bytes; len++) {
        struct tl_buffer text;
        struct tl_buffer blob;
        tl_buffer_init(&text, 4096);
        tl_buffer_init(&blob, 4096);
        tl_sshsig_armor(tl_bytes(bytes, len), &text);
        assert_status(text.status, TALLY_OK);
        enum tally_status status = tl_sshsig_unarmor(tl_buffer_bytes(&text), &blob);
        if (len > TL_SSHSIG_BLOB_MAX) {
            assert_status(status, TALLY_ETOOBIG);
        } else {
            assert_status(status, TALLY_OK);
            assert_bytes_equal(tl_buffer_bytes(&blob), tl_bytes(bytes, len));
        }
        tl_buffer_deinit(&text);
        tl_buffer_deinit(&blob);
    }
}

/* Armor that does not fit adds nothing, and the buffer says so. */
static void test_armor_without_room(void **state)
{
    (void)state;
    struct tl_buffer text;
    size_t len = sizeof(BEGIN "YWJj\n" END) - 1;
    for (size_t max = len - 1; max <= len; max++) {
        tl_buffer_init(&text, max);
        tl_sshsig_armor(tl_bytes_text("abc"), &text);
        assert_status(text.status, max < len ? TALLY_ETOOBIG : TALLY_OK);
        assert_int_equal(text.len, max < len ? 0 : len);
        tl_buffer_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_bytes),    cmocka_unit_test(test_openssh_vectors),
        cmocka_unit_test(test_signing_vector),  cmocka_unit_test(test_tampering),
        cmocka_unit_test(test_fields),          cmocka_unit_test(test_presence),
        cmocka_unit_test(test_other_types),     cmocka_unit_test(test_armor),
        cmocka_unit_test(test_armor_lengths),   cmocka_unit_test(test_armor_without_room),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
