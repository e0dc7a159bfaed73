/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include <errno.h>
#include <sys/stat.h>

#include "keys/armor.h"
#include "keys/ed25519.h"
#include "keys/private_file.h"
#include "keys/signer.h"

#define OPENSSH_DIR TALLY_VECTORS_DIR "/outside/openssh/"
#define FILE_CAP 4096

/* A file that opens and then cannot be looked at, or cannot be read. */
static bool fstat_fails;
static bool read_fails;

int __real_fstat(int fd, struct stat *info);
int __wrap_fstat(int fd, struct stat *info);
ssize_t __real_read(int fd, void *dst, size_t len);
ssize_t __wrap_read(int fd, void *dst, size_t len);

int __wrap_fstat(int fd, struct stat *info)
{
    errno = EIO;
    return fstat_fails ? -1 : __real_fstat(fd, info);
}

ssize_t __wrap_read(int fd, void *dst, size_t len)
{
    errno = EIO;
    return read_fails ? -1 : __real_read(fd, dst, len);
}

static int set_up(void **state)
{
    (void)state;
    assert_status(tl_ed25519_init(), TALLY_OK);
    return 0;
}

static enum tally_status parse(struct tally_bytes text)
{
    struct tl_secret_key *key = NULL;
    enum tally_status status = tl_secret_key_from_openssh(text, &key);
    if (status != TALLY_OK) {
        assert_null(key);
    }
    tl_secret_key_free(&key);
    return status;
}

static void test_openssh_files(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *public_key;
    } files[] = {
        {OPENSSH_DIR "ed25519_1",
         "5386ea463b45fe14b4216f3f02a0a3f073b57724db10b86b65b2037e17b48c19"},
        {OPENSSH_DIR "sshsig_ed25519",
         "8962cd220ddc3415efc54f36356fbf08e07fe3f91ea6cf60262edc138c763004"},
    };
    uint8_t file[FILE_CAP];
    for (size_t i = 0; i < TEST_COUNT(files); i++) {
        uint8_t expected[TL_ED25519_PUBLIC_LEN];
        struct tl_secret_key *key = NULL;
        struct tally_bytes text = test_file_get(files[i].path, file, sizeof file);
        (void)test_unhex(files[i].public_key, expected, sizeof expected);
        assert_status(tl_secret_key_from_openssh(text, &key), TALLY_OK);
        assert_memory_equal(tl_secret_key_public(key), expected, sizeof expected);
        tl_secret_key_free(&key);
    }
    struct tally_bytes text = test_file_get(OPENSSH_DIR "ed25519_1_pw", file, sizeof file);
    struct tl_public_key public_key;
    assert_status(parse(text), TALLY_EENCRYPTED);
    assert_status(tl_private_file_public(text, &public_key), TALLY_OK);
    uint8_t expected[TL_ED25519_PUBLIC_LEN];
    (void)test_unhex(files[0].public_key, expected, sizeof expected);
    assert_memory_equal(public_key.point, expected, sizeof expected);
    text = test_file_get(OPENSSH_DIR "ed25519_sk1", file, sizeof file);
    assert_status(parse(text), TALLY_EUNSUPPORTED);
    assert_status(tl_private_file_public(text, &public_key), TALLY_OK);
    assert_int_equal(public_key.type, TL_KEY_SK_ED25519);
    text = test_file_get(OPENSSH_DIR "rsa_1", file, sizeof file);
    assert_status(parse(text), TALLY_EUNSUPPORTED);
    text = test_file_get(OPENSSH_DIR "ecdsa_1", file, sizeof file);
    assert_status(parse(text), TALLY_EUNSUPPORTED);
    text = test_file_get(OPENSSH_DIR "ed25519_1.pub", file, sizeof file);
    assert_status(parse(text), TALLY_EFORMAT);
}

/* Only the final line end may lack. */
static void test_truncated(void **state)
{
    (void)state;
    static const char *const paths[] = {OPENSSH_DIR "ed25519_1", OPENSSH_DIR "ed25519_1_pw"};
    for (size_t i = 0; i < TEST_COUNT(paths); i++) {
        uint8_t file[FILE_CAP];
        struct tally_bytes text = test_file_get(paths[i], file, sizeof file);
        enum tally_status whole = i == 0 ? TALLY_OK : TALLY_EENCRYPTED;
        for (size_t len = 0; len + 1 < text.len; len++) {
            assert_status(parse(tl_bytes(text.ptr, len)), TALLY_EFORMAT);
        }
        assert_status(parse(tl_bytes(text.ptr, text.len - 1)), whole);
        assert_status(parse(text), whole);
        file[text.len] = '\n';
        assert_status(parse(tl_bytes(text.ptr, text.len + 1)), TALLY_EFORMAT);
    }
}

static void test_line_ends(void **state)
{
    (void)state;
    uint8_t file[FILE_CAP];
    uint8_t crlf[FILE_CAP];
    size_t len = 0;
    struct tally_bytes text = test_file_get(OPENSSH_DIR "ed25519_1", file, sizeof file);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            crlf[len++] = '\r';
        }
        crlf[len++] = text.ptr[i];
    }
    assert_status(parse(tl_bytes(crlf, len)), TALLY_EFORMAT);
}

/* The decoded file, so that its fields can be changed. */
struct decoded {
    uint8_t bytes[FILE_CAP];
    size_t len;
};

static void insert(struct decoded *decoded, size_t at, uint8_t byte)
{
    assert_true(decoded->len < sizeof decoded->bytes);
    memmove(decoded->bytes + at + 1, decoded->bytes + at, decoded->len - at);
    decoded->bytes[at] = byte;
    decoded->len++;
}

static void cut(struct decoded *decoded, size_t at, size_t len)
{
    memmove(decoded->bytes + at, decoded->bytes + at + len, decoded->len - at - len);
    decoded->len -= len;
}

static void load(struct decoded *decoded)
{
    uint8_t file[FILE_CAP];
    struct tally_bytes text = test_file_get(OPENSSH_DIR "ed25519_1", file, sizeof file);
    assert_status(tl_armor_decode(text, TL_ARMOR_LABEL_PRIVATE, decoded->bytes,
                                  sizeof decoded->bytes, &decoded->len),
                  TALLY_OK);
}

static enum tally_status parse_decoded(const struct decoded *decoded)
{
    uint8_t text[2 * FILE_CAP];
    size_t len = tl_armor_len(decoded->len, TL_ARMOR_LABEL_PRIVATE);
    assert_true(len <= sizeof text);
    tl_armor_encode(tl_bytes(decoded->bytes, decoded->len), TL_ARMOR_LABEL_PRIVATE, text);
    return parse(tl_bytes(text, len));
}

enum {
    AT_CIPHER = 15 + 4,
    AT_KDF = AT_CIPHER + 4 + 4,
    AT_COUNT = AT_KDF + 4 + 4,
    AT_PUBLIC = AT_COUNT + 4 + 4,
    AT_INNER_LEN = AT_PUBLIC + 51,
    AT_CHECK = AT_INNER_LEN + 4,
    AT_POINT = AT_CHECK + 8 + 4 + 11 + 4,
    AT_SEED = AT_POINT + 32 + 4,
    AT_SECOND = AT_SEED + 32,
    AT_COMMENT = AT_SECOND + 32 + 4,
};

/* Each bit of what is judged; the comment is not. */
static void test_changed_bits(void **state)
{
    (void)state;
    struct decoded decoded;
    size_t free_bytes = 0;
    load(&decoded);
    assert_status(parse_decoded(&decoded), TALLY_OK);
    size_t comment_end = AT_COMMENT + strlen("ED25519 test key #1");
    for (size_t at = 0; at < decoded.len; at++) {
        bool is_comment = at >= AT_COMMENT && at < comment_end;
        free_bytes += is_comment ? 1 : 0;
        for (unsigned bit = 0; bit < 8; bit++) {
            decoded.bytes[at] ^= (uint8_t)(1u << bit);
            enum tally_status status = parse_decoded(&decoded);
            if (is_comment != (status == TALLY_OK)) {
                fail_msg("byte %zu bit %u: %s", at, bit, tally_status_text(status));
            }
            decoded.bytes[at] ^= (uint8_t)(1u << bit);
        }
    }
    assert_int_equal(free_bytes, 19);
    assert_int_equal(decoded.len, comment_end + 2);
    for (size_t len = decoded.len; len-- > 1;) {
        decoded.len = len;
        assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    }
}

static void test_changed_fields(void **state)
{
    (void)state;
    struct decoded decoded;
    load(&decoded);
    decoded.bytes[AT_COUNT + 3] = 2;
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    load(&decoded);
    decoded.bytes[AT_CHECK] ^= 1u; /* the check words differ */
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    load(&decoded);
    decoded.bytes[decoded.len - 1] = 3; /* padding 1, 3 */
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    load(&decoded);
    memcpy(decoded.bytes + AT_CIPHER, "nine", 4); /* a cipher, but no kdf */
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    load(&decoded);
    memcpy(decoded.bytes + AT_KDF, "nine", 4);
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    /* Each public copy alone, then all three but not the seed's. */
    static const size_t copies[] = {AT_PUBLIC + 19, AT_POINT, AT_SECOND};
    for (size_t i = 0; i < TEST_COUNT(copies); i++) {
        load(&decoded);
        decoded.bytes[copies[i]] ^= 1u;
        assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    }
    load(&decoded);
    for (size_t i = 0; i < TEST_COUNT(copies); i++) {
        decoded.bytes[copies[i]] ^= 1u;
    }
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    /* One byte after the end. */
    load(&decoded);
    decoded.bytes[decoded.len] = 0;
    decoded.len++;
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    /* Options of a kdf that there is none of. */
    load(&decoded);
    decoded.bytes[AT_COUNT - 1] = 1;
    insert(&decoded, AT_COUNT, 0);
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    /* Padding to something else than a block. */
    load(&decoded);
    decoded.bytes[AT_INNER_LEN + 3]--;
    decoded.len--;
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
}

/* A pair that is not a seed and a point, in an otherwise well-formed file. */
static void test_pair_len(void **state)
{
    (void)state;
    struct decoded decoded;
    load(&decoded);
    decoded.bytes[AT_SEED - 1] = 63;
    cut(&decoded, AT_COMMENT - 5, 1);
    decoded.bytes[decoded.len++] = 3; /* padding 1, 2, 3 */
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    load(&decoded);
    decoded.bytes[AT_SEED - 1] = 65;
    insert(&decoded, AT_COMMENT - 4, 0);
    decoded.len--; /* padding 1 */
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    load(&decoded);
    decoded.bytes[AT_SEED - 1] = 0;
    cut(&decoded, AT_SEED, 64);
    decoded.bytes[AT_INNER_LEN + 3] -= 64;
    assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
}

/* As long as a file may be, by its comment, and a line longer. */
static void test_text_len(void **state)
{
    (void)state;
    static uint8_t bytes[TL_PRIVATE_FILE_MAX];
    static uint8_t text[2 * TL_PRIVATE_FILE_MAX];
    struct decoded decoded;
    load(&decoded);
    size_t comment_len = 11000;
    size_t max_seen = 0;
    for (enum tally_status status = TALLY_OK; status == TALLY_OK; comment_len += 8) {
        memcpy(bytes, decoded.bytes, AT_COMMENT);
        memset(bytes + AT_COMMENT, 'c', comment_len);
        struct tl_writer writer = tl_writer_over(bytes + AT_COMMENT - 4, 4);
        tl_write_u32(&writer, (uint32_t)comment_len);
        size_t len = AT_COMMENT + comment_len;
        for (uint8_t pad = 1; (len - AT_CHECK) % 8 != 0; pad++) {
            bytes[len++] = pad;
        }
        writer = tl_writer_over(bytes + AT_INNER_LEN, 4);
        tl_write_u32(&writer, (uint32_t)(len - AT_CHECK));
        size_t text_len = tl_armor_len(len, TL_ARMOR_LABEL_PRIVATE);
        tl_armor_encode(tl_bytes(bytes, len), TL_ARMOR_LABEL_PRIVATE, text);
        status = parse(tl_bytes(text, text_len));
        assert_status(status, text_len <= TL_PRIVATE_FILE_MAX ? TALLY_OK : TALLY_EFORMAT);
        max_seen = status == TALLY_OK ? text_len : max_seen;
    }
    assert_true(max_seen + 16 > TL_PRIVATE_FILE_MAX);
}

/* A comment of every length, so that the padding takes every length, and one block too much. */
static void test_padding(void **state)
{
    (void)state;
    for (uint8_t comment_len = 0; comment_len < 20; comment_len++) {
        struct decoded decoded;
        load(&decoded);
        decoded.bytes[AT_COMMENT - 1] = comment_len;
        decoded.len = AT_COMMENT + (size_t)comment_len;
        uint8_t pad = 0;
        while ((decoded.len - AT_CHECK) % 8 != 0) {
            decoded.bytes[decoded.len++] = ++pad;
        }
        decoded.bytes[AT_INNER_LEN + 3] = (uint8_t)(decoded.len - AT_CHECK);
        assert_status(parse_decoded(&decoded), TALLY_OK);
        for (unsigned i = 0; i < 8; i++) {
            decoded.bytes[decoded.len++] = ++pad;
        }
        decoded.bytes[AT_INNER_LEN + 3] = (uint8_t)(decoded.len - AT_CHECK);
        assert_status(parse_decoded(&decoded), TALLY_EFORMAT);
    }
}

static void test_files(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    uint8_t file[FILE_CAP];
    struct tl_secret_key *key = NULL;
    test_dir_make(dir);
    test_path(path, dir, "key");
    assert_status(tl_secret_key_from_file(path, true, &key), TALLY_ENOTFOUND);
    test_file_put(path, test_file_get(OPENSSH_DIR "ed25519_1", file, sizeof file));
    assert_status(tl_secret_key_from_file(path, true, &key), TALLY_OK);
    tl_secret_key_free(&key);
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
    for (size_t i = 0; i < TEST_COUNT(modes); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_status(tl_secret_key_from_file(path, true, &key), TALLY_EACCES);
        assert_status(tl_secret_key_from_file(path, false, &key), TALLY_OK);
        tl_secret_key_free(&key);
    }
    /* What is no file is not waited for. */
    assert_status(tl_secret_key_from_file(dir, true, &key), TALLY_EFORMAT);
    test_path(path, dir, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_status(tl_secret_key_from_file(path, true, &key), TALLY_EFORMAT);
    static const uint8_t large[TL_PRIVATE_FILE_MAX + 1];
    test_path(path, dir, "large");
    test_file_put(path, tl_bytes(large, TL_PRIVATE_FILE_MAX));
    assert_status(tl_secret_key_from_file(path, true, &key), TALLY_EFORMAT);
    test_file_put(path, tl_bytes(large, TL_PRIVATE_FILE_MAX + 1));
    assert_status(tl_secret_key_from_file(path, true, &key), TALLY_ETOOBIG);
    test_file_put(path, tl_bytes(large, 0));
    assert_status(tl_secret_key_from_file(path, true, &key), TALLY_EFORMAT);
    test_dir_remove(dir);
}

static void test_failing_file(void **state)
{
    (void)state;
    const char *path = OPENSSH_DIR "ed25519_1";
    struct tl_secret_key *key = NULL;
    fstat_fails = true;
    assert_status(tl_secret_key_from_file(path, false, &key), TALLY_EIO);
    fstat_fails = false;
    read_fails = true;
    assert_status(tl_secret_key_from_file(path, false, &key), TALLY_EIO);
    read_fails = false;
    assert_null(key);
    assert_status(tl_secret_key_from_file(path, false, &key), TALLY_OK);
    tl_secret_key_free(&key);
}

static void test_no_memory(void **state)
{
    (void)state;
    bool reached = true;
    for (long count = 0; reached; count++) {
        struct tl_secret_key *key = NULL;
        test_allocations_limit(count);
        enum tally_status status =
            tl_secret_key_from_file(OPENSSH_DIR "sshsig_ed25519", false, &key);
        reached = status != TALLY_OK;
        (void)test_allocations_unlimit();
        assert_status(status, reached ? TALLY_ENOMEM : TALLY_OK);
        assert_int_equal(key == NULL, reached);
        tl_secret_key_free(&key);
        assert_true(count < 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openssh_files), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_line_ends),     cmocka_unit_test(test_changed_bits),
        cmocka_unit_test(test_changed_fields), cmocka_unit_test(test_padding),
        cmocka_unit_test(test_pair_len),      cmocka_unit_test(test_text_len),
        cmocka_unit_test(test_files),         cmocka_unit_test(test_failing_file),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
