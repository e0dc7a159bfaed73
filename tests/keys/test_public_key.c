/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "keys/public_key.h"
#include "lib/base/text.h"

#define OPENSSH_DIR TALLY_VECTORS_DIR "/outside/openssh/"

static struct tally_bytes load(const char *path, uint8_t *dst, size_t cap)
{
    return test_file_get(path, dst, cap);
}

static void assert_fingerprint(const struct tl_public_key *key, const char *path)
{
    uint8_t file[128];
    char expected[TALLY_FINGERPRINT_LEN + 9];
    char fingerprint[TALLY_FINGERPRINT_LEN + 1];
    struct tally_bytes text = load(path, file, sizeof file);
    tl_fingerprint_format(&key->fingerprint, fingerprint);
    int len = snprintf(expected, sizeof expected, "SHA256:%s", fingerprint);
    assert_true(text.len > (size_t)len);
    assert_memory_equal(text.ptr, expected, (size_t)len);
}

static void test_openssh_files(void **state)
{
    (void)state;
    uint8_t file[2048];
    struct tl_public_key key;
    struct tally_bytes comment;
    struct tally_bytes text = load(OPENSSH_DIR "ed25519_1.pub", file, sizeof file);
    assert_status(tl_public_key_from_file(text, &key, &comment), TALLY_OK);
    assert_int_equal(key.type, TL_KEY_ED25519);
    assert_int_equal(key.blob_len, 51);
    assert_bytes_text(comment, "ED25519 test key #1");
    assert_fingerprint(&key, OPENSSH_DIR "ed25519_1.fp");
    text = load(OPENSSH_DIR "ed25519_sk1.pub", file, sizeof file);
    assert_status(tl_public_key_from_file(text, &key, &comment), TALLY_OK);
    assert_int_equal(key.type, TL_KEY_SK_ED25519);
    assert_int_equal(key.blob_len, 74);
    assert_bytes_text(tl_bytes(key.application, key.application_len), "ssh:");
    assert_bytes_text(comment, "ED25519-SK test key #1");
    assert_fingerprint(&key, OPENSSH_DIR "ed25519_sk1.fp");
    static const char *const others[] = {
        OPENSSH_DIR "sshsig_rsa.pub",
        OPENSSH_DIR "sshsig_mldsa44_ed25519.pub",
        OPENSSH_DIR "ed25519_1-cert.pub",
    };
    for (size_t i = 0; i < TEST_COUNT(others); i++) {
        text = load(others[i], file, sizeof file);
        assert_status(tl_public_key_from_file(text, &key, NULL), TALLY_EUNSUPPORTED);
    }
}

static const char *const lines[] = {
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFOG6kY7Rf4UtCFvPwKgo/BztXck2xC4a2WyA34XtIwZ",
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAICFo/k5LU8863u66YC9e"
    "UO2170QduohPURkQnbLa/dczAAAABHNzaDo=",
};

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(lines); i++) {
        struct tl_public_key key;
        struct tl_public_key again;
        char text[TL_KEY_LINE_MAX];
        size_t len = strlen(lines[i]);
        assert_status(tl_public_key_from_text(tl_bytes_text(lines[i]), &key), TALLY_OK);
        tl_public_key_to_text(&key, text);
        assert_string_equal(text, lines[i]);
        assert_status(tl_public_key_from_blob(tl_public_key_blob(&key), &again), TALLY_OK);
        assert_memory_equal(&again, &key, sizeof key);
        for (size_t cut = 0; cut < len; cut++) {
            assert_status(tl_public_key_from_text(tl_bytes(lines[i], cut), &key), TALLY_EFORMAT);
        }
        /* Any one byte changed: refused, or another key in its one spelling. */
        for (size_t at = 0; at < len; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char changed[TL_KEY_LINE_MAX];
                memcpy(changed, lines[i], len);
                changed[at] = (char)byte;
                if (tl_public_key_from_text(tl_bytes(changed, len), &again) == TALLY_OK) {
                    tl_public_key_to_text(&again, text);
                    assert_memory_equal(text, changed, len);
                }
            }
        }
    }
}

static void test_refused_text(void **state)
{
    (void)state;
#define BLOB "AAAAC3NzaC1lZDI1NTE5AAAAIFOG6kY7Rf4UtCFvPwKgo/BztXck2xC4a2WyA34XtIwZ"
    static const char *const refused[] = {
        "ssh-ed25519  " BLOB,
        " ssh-ed25519 " BLOB,
        "ssh-ed25519 " BLOB "=",
        "ssh-ed25519 " BLOB "\n",
        "ssh-ed25519\t" BLOB,
        "SSH-ED25519 " BLOB,
        "no-pty ssh-ed25519 " BLOB,
        "sk-ssh-ed25519@openssh.com " BLOB,
        BLOB,
    };
    struct tl_public_key key;
    for (size_t i = 0; i < TEST_COUNT(refused); i++) {
        assert_status(tl_public_key_from_text(tl_bytes_text(refused[i]), &key), TALLY_EFORMAT);
    }
    assert_status(tl_public_key_from_text(tl_bytes_text("ssh-ed25519 " BLOB " c"), &key),
                  TALLY_EFORMAT);
    /* Keys of other types of OpenSSH are told apart from what is no key. */
    static const char *const others[] = {
        "ssh-rsa AAAA",
        "sk-ecdsa-sha2-nistp256@openssh.com AAAA",
        "ecdsa-sha2-nistp256 AAAA",
        "webauthn-sk-ecdsa-sha2-nistp256@openssh.com AAAA",
    };
    for (size_t i = 0; i < TEST_COUNT(others); i++) {
        assert_status(tl_public_key_from_text(tl_bytes_text(others[i]), &key),
                      TALLY_EUNSUPPORTED);
    }
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *comment; /* NULL: refused */
    } files[] = {
        {"ssh-ed25519 " BLOB, ""},
        {"ssh-ed25519 " BLOB "\n", ""},
        {"ssh-ed25519 " BLOB " \n", ""},
        {"ssh-ed25519 " BLOB " one two  three\n", "one two  three"},
        {"ssh-ed25519 " BLOB " one\ttwo\n", "one\ttwo"},
        {"ssh-ed25519 " BLOB " one\x7f\n", NULL},
        {"ssh-ed25519 " BLOB " one\r\n", NULL},
        {"ssh-ed25519 " BLOB "\r\n", NULL},
        {"ssh-ed25519 " BLOB "\n\n", NULL},
        {"ssh-ed25519 " BLOB "\nssh-ed25519 " BLOB "\n", NULL},
        {"# comment\nssh-ed25519 " BLOB "\n", NULL},
        {"\n", NULL},
        {"", NULL},
        {"no-pty ssh-ed25519 " BLOB "\n", NULL},
        {"ssh-ed25519 " BLOB " \x1b[31m\n", NULL},
    };
    for (size_t i = 0; i < TEST_COUNT(files); i++) {
        struct tl_public_key key;
        struct tally_bytes comment;
        enum tally_status status =
            tl_public_key_from_file(tl_bytes_text(files[i].text), &key, &comment);
        if (files[i].comment == NULL) {
            assert_status(status, TALLY_EFORMAT);
        } else {
            assert_status(status, TALLY_OK);
            assert_bytes_text(comment, files[i].comment);
        }
    }
}

static size_t make_blob(uint8_t *dst, size_t cap, const char *type, size_t point_len,
                        const char *application, size_t application_len)
{
    uint8_t point[64] = {7};
    struct tl_writer writer = tl_writer_over(dst, cap);
    tl_write_u32(&writer, (uint32_t)strlen(type));
    tl_write_text(&writer, type);
    tl_write_u32(&writer, (uint32_t)point_len);
    tl_write_bytes(&writer, tl_bytes(point, point_len));
    if (application != NULL) {
        tl_write_u32(&writer, (uint32_t)application_len);
        tl_write_bytes(&writer, tl_bytes(application, application_len));
    }
    assert_status(writer.status, TALLY_OK);
    return writer.len;
}

static void test_blobs(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        size_t point_len;
        const char *application;
        size_t application_len;
        enum tally_status status;
    } blobs[] = {
        {"ssh-ed25519", 32, NULL, 0, TALLY_OK},
        {"ssh-ed25519", 31, NULL, 0, TALLY_EFORMAT},
        {"ssh-ed25519", 33, NULL, 0, TALLY_EFORMAT},
        {"ssh-ed25519", 32, "", 0, TALLY_EFORMAT},
        {"sk-ssh-ed25519@openssh.com", 32, NULL, 0, TALLY_EFORMAT},
        {"sk-ssh-ed25519@openssh.com", 32, "ssh:", 4, TALLY_OK},
        {"sk-ssh-ed25519@openssh.com", 32, "", 0, TALLY_OK},
        {"sk-ssh-ed25519@openssh.com", 32, "ssh:0123456789012345678901234567", 32, TALLY_OK},
        {"sk-ssh-ed25519@openssh.com", 32, "ssh:01234567890123456789012345678", 33, TALLY_EFORMAT},
        {"sk-ssh-ed25519@openssh.com", 32, "ssh\0x", 5, TALLY_EFORMAT},
        {"ssh-mldsa44-ed25519@openssh.com", 32, NULL, 0, TALLY_EUNSUPPORTED},
        {"ssh-rsa", 32, "x", 1, TALLY_EUNSUPPORTED},
        {"", 32, NULL, 0, TALLY_EUNSUPPORTED},
    };
    for (size_t i = 0; i < TEST_COUNT(blobs); i++) {
        uint8_t blob[256];
        struct tl_public_key key;
        size_t len = make_blob(blob, sizeof blob, blobs[i].type, blobs[i].point_len,
                               blobs[i].application, blobs[i].application_len);
        assert_status(tl_public_key_from_blob(tl_bytes(blob, len), &key), blobs[i].status);
        if (blobs[i].status == TALLY_OK) {
            assert_bytes_equal(tl_public_key_blob(&key), tl_bytes(blob, len));
            char text[TL_KEY_LINE_MAX];
            tl_public_key_to_text(&key, text);
            for (size_t cut = 0; cut < len; cut++) {
                assert_status(tl_public_key_from_blob(tl_bytes(blob, cut), &key), TALLY_EFORMAT);
            }
            blob[len] = 0;
            assert_status(tl_public_key_from_blob(tl_bytes(blob, len + 1), &key), TALLY_EFORMAT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openssh_files), cmocka_unit_test(test_text),
        cmocka_unit_test(test_refused_text),  cmocka_unit_test(test_files),
        cmocka_unit_test(test_blobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
