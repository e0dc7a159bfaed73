/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/codec/note.h"
#include "lib/codec/rejection.h"
#include "tests/codec/damage.h"
#include "tests/codec/sample.h"

#define HASH_1 "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define HASH_2 "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="

static const char good[] = "tally-rejection/v1\n"
                           "envelope " HASH_1 "\n"
                           "submission " HASH_2 "\n"
                           "code sequence-gap\n"
                           "size 412\n"
                           "roster 3\n"
                           "time 2026-11-23T15:56:08Z\n";

static void test_open(void **state)
{
    (void)state;
    struct tl_note note;
    struct tl_note_key key;
    struct tl_rejection rejection;
    struct tl_buffer buffer;
    struct tally_hash hash_1 = test_hash(1);
    struct tally_hash hash_2 = test_hash(2);
    assert_status(tl_rejection_key(sample_note_key(), &key), TALLY_OK);
    assert_string_equal(key.name, SAMPLE_ORIGIN "/rejection");
    assert_memory_not_equal(key.id, sample_note_key()->id, sizeof key.id);
    tl_buffer_init(&buffer, TL_REJECTION_MAX);
    sample_rejection(&buffer);
    struct tally_bytes bytes = tl_buffer_bytes(&buffer);
    assert_status(tl_rejection_open(bytes, &key, &rejection), TALLY_OK);
    assert_true(tl_hash_equal(&rejection.envelope, &hash_1));
    assert_true(tl_hash_equal(&rejection.submission, &hash_2));
    assert_int_equal(rejection.code, TALLY_REASON_SEQUENCE_GAP);
    assert_int_equal(rejection.size, 412);
    assert_int_equal(rejection.roster, 3);
    assert_int_equal(rejection.time_s, 1795449368);
    assert_status(tl_note_decode(bytes, &note), TALLY_OK);
    assert_bytes_text(note.text, good);

    /* Neither the key of checkpoints nor any damage will do. */
    assert_status(tl_rejection_open(bytes, sample_note_key(), &rejection), TALLY_ENOTFOUND);
    for (size_t i = 0; i < bytes.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            buffer.ptr[i] ^= (uint8_t)(1u << bit);
            assert_int_not_equal(tl_rejection_open(bytes, &key, &rejection), TALLY_OK);
            buffer.ptr[i] ^= (uint8_t)(1u << bit);
        }
    }
    tl_buffer_deinit(&buffer);
}

static void check(const char *from, const char *to, enum roundtrip expected)
{
    char changed[1024];
    const char *place = strstr(good, from);
    assert_non_null(place);
    (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(place - good), good, to,
                   place + strlen(from));
    assert_int_equal(roundtrip_rejection(tl_bytes_text(changed)), expected);
}

static void test_forms(void **state)
{
    (void)state;
    char code[64];
    assert_int_equal(damage_truncate(tl_bytes_text(good), roundtrip_rejection), 0);
    damage_all(tl_bytes_text(good), roundtrip_rejection);
    check("tally-rejection/v1", "tally-rejection/v2", ROUNDTRIP_REFUSED);
    check("sequence-gap", "none", ROUNDTRIP_REFUSED);
    check("sequence-gap", "no-such-reason", ROUNDTRIP_REFUSED);
    check("sequence-gap", "unknown", ROUNDTRIP_REFUSED);
    check("sequence-gap", "", ROUNDTRIP_REFUSED);
    check("size 412", "size 0412", ROUNDTRIP_REFUSED);
    check("size 412", "size 9223372036854775808", ROUNDTRIP_REFUSED);
    check("size 412", "size 9223372036854775807", ROUNDTRIP_SAME);
    check("roster 3", "roster +3", ROUNDTRIP_REFUSED);
    check("roster 3", "roster 0", ROUNDTRIP_SAME);
    check("2026-11-23", "2026-02-30", ROUNDTRIP_REFUSED);
    check("08Z\n", "08Z\nmore\n", ROUNDTRIP_REFUSED);
    check("08Z\n", "08Z\n\n", ROUNDTRIP_REFUSED);
    check("\n", "\r\n", ROUNDTRIP_REFUSED);
    check("envelope " HASH_1, "submission " HASH_1, ROUNDTRIP_REFUSED);
    for (int i = TALLY_REASON_NONE + 1; i < TALLY_REASON_COUNT; i++) {
        (void)snprintf(code, sizeof code, "code %s", tally_reason_name((enum tally_reason)i));
        check("code sequence-gap", code, ROUNDTRIP_SAME);
    }
}

static void test_size(void **state)
{
    (void)state;
    static const uint8_t bytes[TL_REJECTION_MAX + 1];
    struct tl_rejection rejection;
    struct tl_note_key key;
    assert_status(tl_rejection_key(sample_note_key(), &key), TALLY_OK);
    assert_status(tl_rejection_open(tl_bytes(bytes, sizeof bytes), &key, &rejection),
                  TALLY_ETOOBIG);
    assert_status(tl_rejection_open(tl_bytes(bytes, sizeof bytes - 1), &key, &rejection),
                  TALLY_EFORMAT);
    memset(key.name, 'a', sizeof key.name - 1);
    key.name[sizeof key.name - 1] = '\0';
    assert_status(tl_rejection_key(&key, &key), TALLY_EFORMAT);
}

/* A rejection that cannot be signed leaves a failed buffer, and nothing in it. */
static void test_no_memory(void **state)
{
    (void)state;
    struct tl_rejection rejection = {.code = TALLY_REASON_SEQUENCE_GAP};
    struct tl_note_key key;
    struct tl_buffer buffer;
    assert_status(tl_rejection_key(sample_note_key(), &key), TALLY_OK);
    tl_buffer_init(&buffer, TL_REJECTION_MAX);
    test_allocations_limit(0);
    tl_rejection_sign(&rejection, &key, sample_ledger_secret(), &buffer);
    (void)test_allocations_unlimit();
    assert_status(buffer.status, TALLY_ENOMEM);
    assert_int_equal(buffer.len, 0);
    /* What went wrong first is what is told. */
    buffer.status = TALLY_ETOOBIG;
    test_allocations_limit(0);
    tl_rejection_sign(&rejection, &key, sample_ledger_secret(), &buffer);
    (void)test_allocations_unlimit();
    assert_status(buffer.status, TALLY_ETOOBIG);
    tl_buffer_clear(&buffer);
    tl_rejection_sign(&rejection, &key, sample_ledger_secret(), &buffer);
    assert_status(buffer.status, TALLY_OK);
    tl_buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
