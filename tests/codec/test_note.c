/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/codec/note.h"
#include "tests/codec/damage.h"
#include "tests/codec/sample.h"

#define DASH "\xe2\x80\x94 "

/* C2SP signed-note.md */
static const char spec_vkey[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char spec_note[] = "This is an example message.\n\n" DASH "example.com/foo "
                                "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOB"
                                "H3mFXmRKuwHjG1Yu72IneyaQM=\n";

/* golang/mod sumdb/note/note_test.go */
static const char peter_seed[] = "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173";
static const char peter_vkey[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char enoch_vkey[] = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
#define QUOTE                                                                                      \
    "If you think cryptography is the answer to your problem,\n"                                   \
    "then you don't know what your problem is.\n"
#define PETER_LINE                                                                                 \
    DASH "PeterNeumann "                                                                           \
         "x08go/ZJkuBS9UG/"                                                                        \
         "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJn"               \
         "AM=\n"
#define ENOCH_LINE                                                                                 \
    DASH "EnochRoot "                                                                              \
         "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/"                                            \
         "5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+"                                           \
         "QQ=\n"

static void parse_key(const char *vkey, struct tl_note_key *key)
{
    assert_status(tl_note_key_parse(tl_bytes_text(vkey), key), TALLY_OK);
}

static enum tally_status verify(const char *text, const char *vkey)
{
    struct tl_note note;
    struct tl_note_key key;
    parse_key(vkey, &key);
    enum tally_status status = tl_note_decode(tl_bytes_text(text), &note);
    return status == TALLY_OK ? tl_note_verify(&note, &key) : status;
}

static void test_outside_vectors(void **state)
{
    (void)state;
    assert_status(verify(spec_note, spec_vkey), TALLY_OK);
    assert_status(verify(QUOTE "\n" PETER_LINE, peter_vkey), TALLY_OK);
    assert_status(verify(QUOTE "\n" PETER_LINE ENOCH_LINE, peter_vkey), TALLY_OK);
    assert_status(verify(QUOTE "\n" PETER_LINE ENOCH_LINE, enoch_vkey), TALLY_OK);
    assert_status(verify(QUOTE "\n" ENOCH_LINE, peter_vkey), TALLY_ENOTFOUND);
    assert_status(verify(QUOTE "\n" PETER_LINE PETER_LINE, peter_vkey), TALLY_ESIGNATURE);
    assert_status(verify("X" QUOTE "\n" PETER_LINE, peter_vkey), TALLY_ESIGNATURE);
}

static void test_signing_vector(void **state)
{
    (void)state;
    struct tl_secret_key *secret = NULL;
    struct tl_note_key key;
    struct tl_buffer buffer;
    uint8_t seed[32];
    assert_int_equal(test_unhex(peter_seed, seed, sizeof seed), sizeof seed);
    parse_key(peter_vkey, &key);
    assert_status(tl_secret_key_from_seed(seed, &secret), TALLY_OK);
    assert_memory_equal(tl_secret_key_public(secret), key.point, 32);
    tl_buffer_init(&buffer, TL_NOTE_MAX);
    tl_note_sign(tl_bytes_text(QUOTE), &key, secret, &buffer);
    assert_bytes_text(tl_buffer_bytes(&buffer), QUOTE "\n" PETER_LINE);
    tl_secret_key_free(&secret);
    tl_buffer_deinit(&buffer);
}

static void test_fields(void **state)
{
    (void)state;
    struct tl_note note;
    struct tl_note_signature signature;
    static const char text[] = "a\n\nb\n\n" ENOCH_LINE PETER_LINE;
    static const uint8_t enoch_id[4] = {0xaf, 0x0c, 0xfe, 0x78};
    assert_status(tl_note_decode(tl_bytes_text(text), &note), TALLY_OK);
    assert_bytes_text(note.text, "a\n\nb\n");
    assert_true(tl_note_next_signature(&note.signatures, &signature));
    assert_bytes_text(signature.name, "EnochRoot");
    assert_memory_equal(signature.id, enoch_id, sizeof enoch_id);
    assert_int_equal(signature.bytes_len, 64);
    assert_true(tl_note_next_signature(&note.signatures, &signature));
    assert_bytes_text(signature.name, "PeterNeumann");
    assert_false(tl_note_next_signature(&note.signatures, &signature));
}

static void test_bad_form(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "\n",
        "\n\n",
        QUOTE,
        QUOTE "\n",
        QUOTE PETER_LINE,
        QUOTE "\n" PETER_LINE "junk\n",
        QUOTE "\n" PETER_LINE "\n",
        QUOTE "\n" PETER_LINE "x",
        QUOTE "\njunk\n" PETER_LINE,
        QUOTE "\n" PETER_LINE "\n" PETER_LINE "junk\n",
        "\x01" QUOTE "\n" PETER_LINE,
        "\xff" QUOTE "\n" PETER_LINE,
        "\t" QUOTE "\n" PETER_LINE,
        "a\r\n\n" PETER_LINE,
        QUOTE "\n" DASH "Peter+Neumann x08go/ZJ\n",
        QUOTE "\n" DASH "Peter Neumann x08go/ZJ\n",
        QUOTE "\n" DASH "Peter\xc2\xa0Neumann x08go/ZJ\n",
        QUOTE "\n" DASH "Peter\xe2\x80\xa8Neumann x08go/ZJ\n",
        QUOTE "\n" DASH "Peter\xe3\x80\x80Neumann x08go/ZJ\n",
        QUOTE "\n" DASH " x08go/ZJ\n",
        QUOTE "\n" DASH "Peter\n",
        QUOTE "\n" DASH "Peter \n",
        QUOTE "\n" DASH "Peter x08gow==\n", /* an id and nothing more */
        QUOTE "\n" DASH "Peter x08go/Z=\n", /* trailing bits */
        QUOTE "\n" DASH "Peter x08go/Y\n",
        QUOTE "\n" DASH "Peter x08go/ZJ \n",
        QUOTE "\n" DASH "Peter x08go_ZJ\n",
        QUOTE "\n- Peter x08go/ZJ\n",
        QUOTE "\n\xe2\x80\x93 Peter x08go/ZJ\n",
    };
    struct tl_note note;
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        if (tl_note_decode(tl_bytes_text(bad[i]), &note) != TALLY_EFORMAT) {
            fail_msg("note %zu: %s", i, bad[i]);
        }
    }
    /* What differs from the bad ones above by little, and is good. */
    static const char *const good[] = {
        QUOTE "\n" DASH "Peter x08go/ZJ\n",
        QUOTE "\n" DASH "Peter x08go/Y=\n",
        QUOTE "\n" DASH "Peter-\xc3\xa9/\x7f x08go/ZJ\n",
        "\n\n" DASH "Peter x08go/ZJ\n",
    };
    for (size_t i = 0; i < TEST_COUNT(good); i++) {
        assert_int_equal(roundtrip_note(tl_bytes_text(good[i])), ROUNDTRIP_SAME);
    }
}

static size_t put_character(uint32_t c, uint8_t dst[3])
{
    if (c < 0x800) {
        dst[0] = (uint8_t)(0xc0 | c >> 6);
        dst[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    dst[0] = (uint8_t)(0xe0 | c >> 12);
    dst[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    dst[2] = (uint8_t)(0x80 | (c & 0x3f));
    return 3;
}

static enum tally_status decode_name_with(uint32_t c)
{
    uint8_t character[3];
    struct tl_note note;
    struct tl_buffer buffer;
    size_t len = put_character(c, character);
    tl_buffer_init(&buffer, TL_NOTE_MAX);
    tl_buffer_add_text(&buffer, QUOTE "\n" DASH "Peter");
    tl_buffer_add(&buffer, tl_bytes(character, len));
    tl_buffer_add_text(&buffer, "Neumann x08go/ZJ\n");
    enum tally_status status = tl_note_decode(tl_buffer_bytes(&buffer), &note);
    tl_buffer_deinit(&buffer);
    return status;
}

/* Every white space of Unicode 15 beyond ASCII is refused in a name, and no neighbour of one. */
static void test_spaces_in_names(void **state)
{
    (void)state;
    static const struct {
        uint32_t first;
        uint32_t last;
    } spaces[] = {
        {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
        {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
    };
    for (size_t i = 0; i < TEST_COUNT(spaces); i++) {
        for (uint32_t c = spaces[i].first; c <= spaces[i].last; c++) {
            assert_status(decode_name_with(c), TALLY_EFORMAT);
        }
        assert_status(decode_name_with(spaces[i].first - 1), TALLY_OK);
        assert_status(decode_name_with(spaces[i].last + 1), TALLY_OK);
    }
}

static void next_signature(void *context)
{
    struct tl_note_signature signature;
    (void)tl_note_next_signature((struct tally_bytes *)context, &signature);
}

/* A line that no decoder has seen is not passed over: who asks for it has made a mistake. */
static void test_lines_of_others(void **state)
{
    (void)state;
    struct tally_bytes lines = tl_bytes_text(PETER_LINE);
    assert_false(test_aborts(next_signature, &lines));
    lines = tl_bytes_text("\n");
    assert_true(test_aborts(next_signature, &lines));
    lines = tl_bytes_text(DASH "Peter\xff x08go/ZJ\n");
    assert_true(test_aborts(next_signature, &lines));
}

/* A line that cannot be made is told of in the buffer, where an earlier failure stays. */
static void test_line_without_room(void **state)
{
    (void)state;
    static const uint8_t bytes[TL_NOTE_MAX - 4 + 1];
    struct tl_note_key key;
    struct tl_buffer buffer;
    parse_key(peter_vkey, &key);
    tl_buffer_init(&buffer, 1u << 20);
    tl_note_add_line(&key, tl_bytes(bytes, sizeof bytes - 1), &buffer);
    assert_status(buffer.status, TALLY_OK);
    size_t len = buffer.len;
    tl_note_add_line(&key, tl_bytes(bytes, sizeof bytes), &buffer);
    assert_status(buffer.status, TALLY_ETOOBIG);
    assert_int_equal(buffer.len, len);
    buffer.status = TALLY_ENOMEM;
    tl_note_add_line(&key, tl_bytes(bytes, sizeof bytes), &buffer);
    assert_status(buffer.status, TALLY_ENOMEM);
    tl_buffer_deinit(&buffer);
}

static void test_limits(void **state)
{
    (void)state;
    struct tl_note note;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1u << 20);
    tl_buffer_add_text(&buffer, "text\n\n");
    for (unsigned i = 0; i < TL_NOTE_SIGNATURE_COUNT_MAX; i++) {
        tl_buffer_add_text(&buffer, PETER_LINE);
    }
    assert_int_equal(roundtrip_note(tl_buffer_bytes(&buffer)), ROUNDTRIP_SAME);
    tl_buffer_add_text(&buffer, PETER_LINE);
    assert_status(tl_note_decode(tl_buffer_bytes(&buffer), &note), TALLY_ETOOBIG);

    tl_buffer_clear(&buffer);
    while (buffer.len < TL_NOTE_MAX - strlen("\n\n" PETER_LINE)) {
        tl_buffer_add_u8(&buffer, 'x');
    }
    tl_buffer_add_text(&buffer, "\n\n" PETER_LINE);
    assert_int_equal(buffer.len, TL_NOTE_MAX);
    assert_int_equal(roundtrip_note(tl_buffer_bytes(&buffer)), ROUNDTRIP_SAME);
    tl_buffer_add_text(&buffer, "\n");
    assert_status(tl_note_decode(tl_buffer_bytes(&buffer), &note), TALLY_ETOOBIG);
    tl_buffer_deinit(&buffer);
}

/* Lines of every length around the pieces in which base64 is read. */
static void test_long_lines(void **state)
{
    (void)state;
    static const uint8_t bytes[4000] = {0x55};
    struct tl_note note;
    struct tl_note_key key;
    struct tl_note_signature signature;
    struct tl_buffer buffer;
    parse_key(peter_vkey, &key);
    tl_buffer_init(&buffer, TL_NOTE_MAX);
    for (size_t len = 1; len < sizeof bytes; len += len < 400 ? 1 : 97) {
        tl_buffer_clear(&buffer);
        tl_buffer_add_text(&buffer, "text\n\n");
        tl_note_add_line(&key, tl_bytes(bytes, len), &buffer);
        assert_status(tl_note_decode(tl_buffer_bytes(&buffer), &note), TALLY_OK);
        assert_true(tl_note_next_signature(&note.signatures, &signature));
        assert_int_equal(signature.bytes_len, len);
        assert_memory_equal(signature.bytes, bytes,
                            len < sizeof signature.bytes ? len : sizeof signature.bytes);
        assert_memory_equal(signature.id, key.id, sizeof key.id);
        /* A pad in the middle would be base64 of two things. */
        if (buffer.len > 160) {
            buffer.ptr[buffer.len - 60] = '=';
            assert_status(tl_note_decode(tl_buffer_bytes(&buffer), &note), TALLY_EFORMAT);
        }
    }
    /* At the end of a piece, where it would be canonical if more did not follow. */
    tl_buffer_clear(&buffer);
    tl_buffer_add_text(&buffer, "text\n\n");
    tl_note_add_line(&key, tl_bytes(bytes, 300), &buffer);
    uint8_t *base64 = buffer.ptr + strlen("text\n\n" DASH "PeterNeumann ");
    base64[102] = 'A';
    base64[103] = '=';
    assert_status(tl_note_decode(tl_buffer_bytes(&buffer), &note), TALLY_EFORMAT);
    tl_buffer_deinit(&buffer);
}

/* A known line that fails makes the note bad, even beside one that holds. */
static void test_verify(void **state)
{
    (void)state;
    struct tl_note note;
    struct tl_note_key key;
    struct tl_buffer buffer;
    uint8_t zeros[72] = {0};
    parse_key(peter_vkey, &key);
    tl_buffer_init(&buffer, TL_NOTE_MAX);
    tl_buffer_add_text(&buffer, QUOTE "\n" PETER_LINE);
    tl_note_add_line(&key, tl_bytes(zeros, 64), &buffer);
    assert_status(tl_note_decode(tl_buffer_bytes(&buffer), &note), TALLY_OK);
    assert_status(tl_note_verify(&note, &key), TALLY_ESIGNATURE);
    tl_buffer_clear(&buffer);
    tl_buffer_add_text(&buffer, QUOTE "\n");
    tl_note_add_line(&key, tl_bytes(zeros, 72), &buffer);
    assert_status(tl_note_decode(tl_buffer_bytes(&buffer), &note), TALLY_OK);
    assert_status(tl_note_verify(&note, &key), TALLY_ESIGNATURE);
    assert_status(tl_note_decode(tl_bytes_text(QUOTE "\n" PETER_LINE), &note), TALLY_OK);
    key.id[0] ^= 1;
    assert_status(tl_note_verify(&note, &key), TALLY_ENOTFOUND);
    key.id[0] ^= 1;
    key.type = TL_NOTE_COSIGNATURE;
    assert_status(tl_note_verify(&note, &key), TALLY_ESIGNATURE);
    tl_buffer_deinit(&buffer);
}

static void test_damage(void **state)
{
    (void)state;
    damage_all(tl_bytes_text(QUOTE "\n" PETER_LINE ENOCH_LINE), roundtrip_note);
    damage_all(tl_bytes_text("\n\n" DASH "P x08go/ZJ\n"), roundtrip_note);
    assert_int_equal(damage_truncate(tl_bytes_text(spec_note), roundtrip_note), 0);
}

static int setup(void **state)
{
    (void)state;
    return tl_ed25519_init() == TALLY_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outside_vectors), cmocka_unit_test(test_signing_vector),
        cmocka_unit_test(test_fields),          cmocka_unit_test(test_bad_form),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_verify),          cmocka_unit_test(test_damage),
        cmocka_unit_test(test_spaces_in_names), cmocka_unit_test(test_lines_of_others),
        cmocka_unit_test(test_line_without_room),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
