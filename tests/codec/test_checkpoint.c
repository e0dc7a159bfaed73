/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/base/text.h"
#include "lib/codec/checkpoint.h"
#include "tests/codec/damage.h"
#include "tests/codec/sample.h"

#define DASH "\xe2\x80\x94 "
#define ROOT "HA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define EMPTY_ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

/* The published test log of transparency-dev/tessera, testdata/log/checkpoint.15 */
#define TESSERA_ORIGIN "example.com/log/testdata"
static const char tessera_vkey[] =
    TESSERA_ORIGIN "+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
static const char tessera_seed_key[] = "AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
#define TESSERA_TEXT TESSERA_ORIGIN "\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n"
static const char tessera_checkpoint[] =
    TESSERA_TEXT "\n" DASH TESSERA_ORIGIN " "
                 "M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/"
                 "dlPWF74ewI=\n";

static void test_tessera(void **state)
{
    (void)state;
    struct tl_note_key key;
    struct tl_secret_key *secret = NULL;
    struct tl_checkpoint checkpoint;
    struct tl_buffer buffer;
    uint8_t typed_seed[33];
    size_t len = 0;
    assert_status(tl_note_key_parse(tl_bytes_text(tessera_vkey), &key), TALLY_OK);
    assert_status(tl_checkpoint_open(tl_bytes_text(tessera_checkpoint), &key, &checkpoint),
                  TALLY_OK);
    assert_bytes_text(checkpoint.origin, TESSERA_ORIGIN);
    assert_int_equal(checkpoint.size, 15);
    assert_status(tl_base64_parse(tl_bytes_text(tessera_seed_key), typed_seed, 33, &len), TALLY_OK);
    assert_status(tl_secret_key_from_seed(typed_seed + 1, &secret), TALLY_OK);
    tl_buffer_init(&buffer, TL_NOTE_MAX);
    tl_checkpoint_encode(&checkpoint, &buffer);
    assert_bytes_text(tl_buffer_bytes(&buffer), TESSERA_TEXT);
    tl_buffer_clear(&buffer);
    tl_note_sign(tl_bytes_text(TESSERA_TEXT), &key, secret, &buffer);
    assert_bytes_text(tl_buffer_bytes(&buffer), tessera_checkpoint);
    tl_secret_key_free(&secret);
    tl_buffer_deinit(&buffer);
}

/* A real checkpoint of the Go checksum database: a good note, whose first line is no origin of
 * ours. */
static void test_sumdb(void **state)
{
    (void)state;
    static const char text[] =
        "go.sum database tree\n35225469\nvt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=\n\n" DASH
        "sum.golang.org "
        "Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2HgXpD+gu9HHONebHLAyaKbbTM75QTtPydhKCExixSfw"
        "Q=\n";
    struct tl_note note;
    struct tl_note_key key;
    struct tl_checkpoint checkpoint;
    assert_status(
        tl_note_key_parse(
            tl_bytes_text("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"),
            &key),
        TALLY_OK);
    assert_status(tl_note_decode(tl_bytes_text(text), &note), TALLY_OK);
    assert_status(tl_note_verify(&note, &key), TALLY_OK);
    assert_status(tl_checkpoint_decode(note.text, &checkpoint), TALLY_EFORMAT);
}

/* sigsum-go pkg/checkpoint/checkpoint_test.go */
static void test_sigsum(void **state)
{
    (void)state;
    static const char origin[] =
        "sigsum.org/v1/tree/e796172b92befd62d9dc67e41c2f5bc9d3100a3023b20b1ca40288dd1c679e69";
    static const char expected[] =
        " gJ2ho0n8F8olcerUF1FFdv235A/5as/coWrpLrtE7ovMeP5whgwouYExowG/lTznxu6OUGjjt5yJQ6bXtTcf718Mq"
        "AQ=\n";
    uint8_t seed[32] = {0x11};
    struct tl_secret_key *secret = NULL;
    struct tl_note_key key;
    struct tl_checkpoint checkpoint = {.origin = tl_bytes_text(origin), .size = 10};
    struct tl_checkpoint back;
    struct tl_buffer text;
    struct tl_buffer buffer;
    assert_status(tl_secret_key_from_seed(seed, &secret), TALLY_OK);
    assert_status(tl_note_key_make(tl_bytes_text(origin), TL_NOTE_ED25519,
                                   tl_secret_key_public(secret), &key),
                  TALLY_OK);
    assert_status(tl_hash_parse(tl_bytes_text(ROOT), &checkpoint.root), TALLY_OK);
    tl_buffer_init(&text, TL_NOTE_MAX);
    tl_buffer_init(&buffer, TL_NOTE_MAX);
    tl_checkpoint_encode(&checkpoint, &text);
    tl_note_sign(tl_buffer_bytes(&text), &key, secret, &buffer);
    assert_true(buffer.len > strlen(expected));
    assert_bytes_text(tl_bytes(buffer.ptr + buffer.len - strlen(expected), strlen(expected)),
                      expected);
    assert_status(tl_checkpoint_open(tl_buffer_bytes(&buffer), &key, &back), TALLY_OK);
    assert_int_equal(back.size, 10);
    tl_secret_key_free(&secret);
    tl_buffer_deinit(&text);
    tl_buffer_deinit(&buffer);
}

static void test_forms(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "a.example\n",
        "a.example\n10\n",
        "a.example\n10\n" ROOT,
        "\n10\n" ROOT "\n",
        "a.example\n010\n" ROOT "\n",
        "a.example\n+10\n" ROOT "\n",
        "a.example\n-10\n" ROOT "\n",
        "a.example\nten\n" ROOT "\n",
        "a.example\n\n" ROOT "\n",
        "a.example\n9223372036854775808\n" ROOT "\n",
        "a.example\n10\nHA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
        "a.example\n10\nHA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "a.example\n10\nHA5HAAAAAAAAAAAAAAAAAA==\n",
        "a.example\n10\n" ROOT "\nextension\n",
        "a.example\n10\n" ROOT "\n\n",
        "a.example\r\n10\r\n" ROOT "\r\n",
        "a.example \n10\n" ROOT "\n",
        "a example\n10\n" ROOT "\n",
        "A.example\n10\n" ROOT "\n",
        "tally-log.example\n10\n" ROOT "\n",
        "a.example\n0\n" ROOT "\n",
    };
    struct tl_checkpoint checkpoint;
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        if (tl_checkpoint_decode(tl_bytes_text(bad[i]), &checkpoint) != TALLY_EFORMAT) {
            fail_msg("checkpoint %zu: %s", i, bad[i]);
        }
    }
    assert_int_equal(roundtrip_checkpoint(tl_bytes_text("a.example\n10\n" ROOT "\n")),
                     ROUNDTRIP_SAME);
    assert_int_equal(roundtrip_checkpoint(tl_bytes_text("a.example\n0\n" EMPTY_ROOT "\n")),
                     ROUNDTRIP_SAME);
    assert_int_equal(
        roundtrip_checkpoint(tl_bytes_text("a.example\n9223372036854775807\n" ROOT "\n")),
        ROUNDTRIP_SAME);
    assert_int_equal(damage_truncate(tl_bytes_text(TESSERA_TEXT), roundtrip_checkpoint), 0);
    damage_all(tl_bytes_text(TESSERA_TEXT), roundtrip_checkpoint);
}

static void test_open(void **state)
{
    (void)state;
    struct tl_buffer buffer;
    struct tl_checkpoint checkpoint;
    struct tally_hash root = test_hash(0x10);
    struct tl_note_key key = *sample_note_key();
    struct tl_note_key other;
    tl_buffer_init(&buffer, TL_NOTE_MAX);
    sample_checkpoint(7, &root, &buffer);
    struct tally_bytes bytes = tl_buffer_bytes(&buffer);
    assert_status(tl_checkpoint_open(bytes, &key, &checkpoint), TALLY_OK);
    assert_status(
        tl_note_key_make(tl_bytes_text("other.example"), TL_NOTE_ED25519, key.point, &other),
        TALLY_OK);
    assert_status(tl_checkpoint_open(bytes, &other, &checkpoint), TALLY_EKEY);
    assert_status(tl_note_key_make(tl_bytes_text(SAMPLE_ORIGIN), TL_NOTE_ED25519,
                                   sample_public(1)->point, &other),
                  TALLY_OK);
    assert_status(tl_checkpoint_open(bytes, &other, &checkpoint), TALLY_ENOTFOUND);
    assert_status(tl_checkpoint_open(tl_bytes(bytes.ptr, bytes.len - 1), &key, &checkpoint),
                  TALLY_EFORMAT);
    for (size_t i = 0; i < bytes.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            buffer.ptr[i] ^= (uint8_t)(1u << bit);
            if (tl_checkpoint_open(bytes, &key, &checkpoint) == TALLY_OK) {
                fail_msg("bit %u of byte %zu can be flipped unseen", bit, i);
            }
            buffer.ptr[i] ^= (uint8_t)(1u << bit);
        }
    }
    tl_buffer_deinit(&buffer);
}

static int setup(void **state)
{
    (void)state;
    return tl_ed25519_init() == TALLY_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tessera), cmocka_unit_test(test_sumdb), cmocka_unit_test(test_sigsum),
        cmocka_unit_test(test_forms),   cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
