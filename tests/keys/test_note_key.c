/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "keys/ed25519.h"
#include "keys/note_key.h"
#include "lib/base/text.h"

#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

static int set_up(void **state)
{
    (void)state;
    assert_status(tl_ed25519_init(), TALLY_OK);
    return 0;
}

static const struct {
    const char *vkey;
    const char *name;
    uint8_t type;
} vkeys[] = {
    /* C2SP signed-note */
    {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "example.com/foo", 1},
    /* golang.org/x/mod sumdb/note */
    {PETER, "PeterNeumann", 1},
    {"EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop", "EnochRoot", 1},
    /* in production */
    {"sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", "sum.golang.org", 1},
    /* transparency-dev/tessera testdata/log */
    {"example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
     "example.com/log/testdata", 1},
    {"example.com/ledger+40f51465+AYjQnJzyrT9ovTgPg2CUkrX+zlgXvFdZTocX/gzueyCL",
     "example.com/ledger", 1},
    {"witness.example/w1+8d8f0c75+BLvNXT4QCuufFdlTvKuGkIpI64SV4JtyamSwm4wgrVpo",
     "witness.example/w1", 4},
};

static void test_vkeys(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(vkeys); i++) {
        struct tl_note_key key;
        struct tl_note_key made;
        char again[TL_VKEY_MAX];
        assert_status(tl_note_key_parse(tl_bytes_text(vkeys[i].vkey), &key), TALLY_OK);
        assert_string_equal(key.name, vkeys[i].name);
        assert_int_equal(key.type, vkeys[i].type);
        tl_note_key_format(&key, again);
        assert_string_equal(again, vkeys[i].vkey);
        assert_true(tl_ed25519_public_is_valid(key.point));
        assert_status(
            tl_note_key_make(tl_bytes_text(vkeys[i].name), vkeys[i].type, key.point, &made),
            TALLY_OK);
        assert_memory_equal(made.id, key.id, sizeof key.id);
    }
}

/* The published notes under these keys. */
static void test_signatures(void **state)
{
    (void)state;
    static const struct {
        size_t vkey;
        const char *text;
        const char *signature;
    } notes[] = {
        {0, "This is an example message.\n",
         "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZ"
         "XsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="},
        {1,
         "If you think cryptography is the answer to your problem,\n"
         "then you don't know what your problem is.\n",
         "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
         "SNXgKvqfqdngotpRZb6KE6RyyBwJnAM="},
        {2,
         "If you think cryptography is the answer to your problem,\n"
         "then you don't know what your problem is.\n",
         "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGr"
         "Q5ovTG01oOTGwnWLox33WWd1RvMc+QQ="},
        {4, "example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n",
         "M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt"
         "/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI="},
        {5, "example.com/ledger\n257\nB6224GT6QpIYNkL61R6MCnrGiFzlUMB3yTQ95itXrcA=\n",
         "QPUUZfX+hCkzEgMaOcPZKZs+iymE5qksSz8N+zmongjrAoQOqT4ugiQcopTa"
         "2YQ7YVgEJ53m3oxgDmHyMBBVGOLE1wM="},
    };
    for (size_t i = 0; i < TEST_COUNT(notes); i++) {
        struct tl_note_key key;
        uint8_t bytes[4 + TALLY_SIGNATURE_LEN];
        size_t len = 0;
        struct tally_bytes text = tl_bytes_text(notes[i].text);
        assert_status(tl_note_key_parse(tl_bytes_text(vkeys[notes[i].vkey].vkey), &key), TALLY_OK);
        assert_status(
            tl_base64_parse(tl_bytes_text(notes[i].signature), bytes, sizeof bytes, &len),
            TALLY_OK);
        assert_int_equal(len, sizeof bytes);
        assert_memory_equal(bytes, key.id, sizeof key.id);
        assert_true(tl_ed25519_verify(key.point, text, bytes + 4));
        text.len--;
        assert_false(tl_ed25519_verify(key.point, text, bytes + 4));
    }
}

/* golang.org/x/mod sumdb/note: the seed of PeterNeumann's key gives both key and signature. */
static void test_signing(void **state)
{
    (void)state;
    uint8_t seed[TL_ED25519_SEED_LEN];
    struct tl_secret_key *secret = NULL;
    struct tl_note_key key;
    char vkey[TL_VKEY_MAX];
    (void)test_unhex("810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173", seed,
                     sizeof seed);
    assert_status(tl_secret_key_from_seed(seed, &secret), TALLY_OK);
    assert_status(tl_note_key_make(tl_bytes_text("PeterNeumann"), TL_NOTE_ED25519,
                                   tl_secret_key_public(secret), &key),
                  TALLY_OK);
    tl_note_key_format(&key, vkey);
    assert_string_equal(vkey, PETER);
    tl_secret_key_free(&secret);
}

static void test_refused(void **state)
{
    (void)state;
    struct tl_note_key key;
    char vkey[] = PETER;
    size_t len = strlen(vkey);
    /* Every proper piece, every byte one higher. */
    for (size_t i = 0; i <= len; i++) {
        for (size_t j = i + 1; j <= len; j++) {
            if (i != 0 || j != len) {
                assert_status(tl_note_key_parse(tl_bytes(vkey + i, j - i), &key), TALLY_EFORMAT);
            }
        }
    }
    for (size_t i = 0; i < len; i++) {
        vkey[i]++;
        assert_int_not_equal(tl_note_key_parse(tl_bytes(vkey, len), &key), TALLY_OK);
        vkey[i]--;
    }
    static const char *const refused[] = {
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW=",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "",
        "+",
        "++",
        "a++",
        "+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    };
    for (size_t i = 0; i < TEST_COUNT(refused); i++) {
        assert_status(tl_note_key_parse(tl_bytes_text(refused[i]), &key), TALLY_EFORMAT);
    }
    assert_status(
        tl_note_key_parse(
            tl_bytes_text("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
            &key),
        TALLY_EUNSUPPORTED);
}

static void test_names(void **state)
{
    (void)state;
    const uint8_t point[32] = {1};
    struct tl_note_key key;
    char name[TL_NOTE_NAME_MAX + 1];
    memset(name, 'a', sizeof name);
    assert_status(tl_note_key_make(tl_bytes(name, TL_NOTE_NAME_MAX - 1), 1, point, &key), TALLY_OK);
    char vkey[TL_VKEY_MAX];
    struct tl_note_key again;
    tl_note_key_format(&key, vkey);
    assert_status(tl_note_key_parse(tl_bytes_text(vkey), &again), TALLY_OK);
    assert_status(tl_note_key_make(tl_bytes(name, TL_NOTE_NAME_MAX), 1, point, &key),
                  TALLY_EFORMAT);
    assert_status(tl_note_key_make(tl_bytes(name, 0), 1, point, &key), TALLY_EFORMAT);
    assert_status(tl_note_key_make(tl_bytes(name, 1), 0, point, &key), TALLY_EUNSUPPORTED);
    for (unsigned c = 0; c < 256; c++) {
        name[1] = (char)c;
        bool allowed = c > 0x20 && c < 0x7f && c != '+';
        assert_status(tl_note_key_make(tl_bytes(name, 3), 1, point, &key),
                      allowed ? TALLY_OK : TALLY_EFORMAT);
    }
}

static void test_origins(void **state)
{
    (void)state;
    static const char *const origins[] = {
        "a",         "0",     "example.com", "example.com/ledger", "a/b/c_d/e.f-", "a.-",
        "tally.org", "tally", "a/tally-x",   "cosignature",        "subtree",      "sshsi",
        "a/.",
    };
    static const char *const refused[] = {
        "",       ".a",       "-a",       "/a",       "a/",      "a//b",          "a_b", "A",
        "a/B",    "a b",      "a+b",      "a/b c",    "a\n",     "tally-x",       "tally-",
        "sshsig", "sshsig.x", "sshsig/x", "subtree/", "subtree/x", "cosignature/v1", "a\xc3\xa9",
        "a:1",    "a?",       "a/+",
    };
    char longest[TALLY_ORIGIN_MAX + 1];
    for (size_t i = 0; i < TEST_COUNT(origins); i++) {
        assert_true(tl_is_origin(tl_bytes_text(origins[i])));
    }
    for (size_t i = 0; i < TEST_COUNT(refused); i++) {
        assert_false(tl_is_origin(tl_bytes_text(refused[i])));
    }
    memset(longest, 'a', sizeof longest);
    assert_true(tl_is_origin(tl_bytes(longest, TALLY_ORIGIN_MAX)));
    assert_false(tl_is_origin(tl_bytes(longest, TALLY_ORIGIN_MAX + 1)));
    assert_false(tl_is_origin(tl_bytes("a\0b", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vkeys),   cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_signing), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
