/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/codec/record.h"
#include "lib/tree/tree.h"
#include "tests/codec/damage.h"
#include "tests/codec/sample.h"

static void test_layout(void **state)
{
    (void)state;
    struct tl_record record = {
        .index = 0x0102030405060708,
        .received_us = 0x1112131415161718,
        .link = test_hash(0x20),
        .roster = 0x2122232425262728,
        .envelope = tl_bytes_text("text"),
        .signatures = {.count = 2, .blobs = {tl_bytes_text("a"), tl_bytes_text("")}},
    };
    struct tl_record back;
    struct tl_buffer buffer;
    uint8_t expected[128];
    size_t len = test_unhex("01 0102030405060708 1112131415161718"
                            "2020202020202020202020202020202020202020202020202020202020202020"
                            "2122232425262728 0004 74657874 02 0001 61 0000",
                            expected, sizeof expected);
    tl_buffer_init(&buffer, 1u << 20);
    assert_status(tl_record_encode(&record, &buffer), TALLY_OK);
    assert_bytes_equal(tl_buffer_bytes(&buffer), tl_bytes(expected, len));
    assert_status(tl_record_decode(tl_buffer_bytes(&buffer), &back), TALLY_OK);
    assert_int_equal(back.index, record.index);
    assert_int_equal(back.received_us, record.received_us);
    assert_int_equal(back.roster, record.roster);
    assert_true(tl_hash_equal(&back.link, &record.link));
    assert_bytes_text(back.envelope, "text");
    assert_int_equal(back.signatures.count, 2);
    assert_bytes_text(back.signatures.blobs[0], "a");
    assert_bytes_text(back.signatures.blobs[1], "");
    tl_buffer_deinit(&buffer);
}

static void test_sample(void **state)
{
    (void)state;
    struct sample sample;
    struct tl_buffer buffer;
    struct tl_record record;
    sample_init(&sample);
    sample_build(&sample);
    tl_buffer_init(&buffer, TALLY_RECORD_MAX);
    sample_record(&sample, 412, &buffer);
    assert_int_equal(damage_truncate(tl_buffer_bytes(&buffer), roundtrip_record), 0);
    damage_all(tl_buffer_bytes(&buffer), roundtrip_record);

    /* One field at a time, with the number of its first byte. */
    static const struct {
        size_t at;
        uint8_t byte;
        enum tally_status status;
    } changes[] = {
        {0, 0, TALLY_EFORMAT},    {0, 2, TALLY_EFORMAT},     {1, 0x80, TALLY_EFORMAT},
        {9, 0x80, TALLY_EFORMAT}, {49, 0x80, TALLY_EFORMAT}, {57, 0x60, TALLY_ETOOBIG},
    };
    for (size_t i = 0; i < TEST_COUNT(changes); i++) {
        uint8_t before = buffer.ptr[changes[i].at];
        buffer.ptr[changes[i].at] = changes[i].byte;
        assert_status(tl_record_decode(tl_buffer_bytes(&buffer), &record), changes[i].status);
        buffer.ptr[changes[i].at] = before;
    }
    /* 2^63 - 1 would be the index of a record in a ledger too large to have a size. */
    memset(buffer.ptr + 1, 0xff, 8);
    buffer.ptr[1] = 0x7f;
    assert_status(tl_record_decode(tl_buffer_bytes(&buffer), &record), TALLY_EFORMAT);
    buffer.ptr[8] = 0xfe;
    assert_status(tl_record_decode(tl_buffer_bytes(&buffer), &record), TALLY_OK);
    size_t count_at = 59 + sample.envelope.len;
    assert_int_equal(buffer.ptr[count_at], SAMPLE_KEYS);
    buffer.ptr[count_at] = 0;
    assert_status(tl_record_decode(tl_buffer_bytes(&buffer), &record), TALLY_EFORMAT);
    buffer.ptr[count_at] = TALLY_SIGNATURE_COUNT_MAX + 1;
    assert_status(tl_record_decode(tl_buffer_bytes(&buffer), &record), TALLY_ETOOBIG);
    buffer.ptr[count_at] = SAMPLE_KEYS - 1;
    assert_status(tl_record_decode(tl_buffer_bytes(&buffer), &record), TALLY_ETRAILING);
    buffer.ptr[count_at] = SAMPLE_KEYS + 1;
    assert_status(tl_record_decode(tl_buffer_bytes(&buffer), &record), TALLY_ETRUNCATED);
    tl_buffer_deinit(&buffer);
    sample_free(&sample);
}

/* An envelope and blobs that make a record of exactly len bytes. */
static void fill_record(struct tl_record *record, const uint8_t *bytes, size_t len)
{
    enum { HEAD = 1 + 8 + 8 + 32 + 8 + 2 + 1 };
    record->envelope = tl_bytes(bytes, TALLY_ENVELOPE_MAX);
    record->signatures.count = TALLY_SIGNATURE_COUNT_MAX;
    size_t left = len - HEAD - TALLY_ENVELOPE_MAX - 2 * (size_t)TALLY_SIGNATURE_COUNT_MAX;
    for (unsigned i = 0; i < TALLY_SIGNATURE_COUNT_MAX; i++) {
        size_t part = left < 400 ? left : 400;
        record->signatures.blobs[i] = tl_bytes(bytes, part);
        left -= part;
    }
    assert_int_equal(left, 0);
}

static void test_limits(void **state)
{
    (void)state;
    static const uint8_t bytes[TALLY_ENVELOPE_MAX + 1];
    struct tl_record record = {.index = 1};
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1u << 20);
    fill_record(&record, bytes, TALLY_RECORD_MAX);
    assert_status(tl_record_encode(&record, &buffer), TALLY_OK);
    assert_int_equal(buffer.len, TALLY_RECORD_MAX);
    assert_int_equal(roundtrip_record(tl_buffer_bytes(&buffer)), ROUNDTRIP_SAME);
    tl_buffer_add_u8(&buffer, 0);
    assert_status(tl_record_decode(tl_buffer_bytes(&buffer), &record), TALLY_ETOOBIG);
    tl_buffer_clear(&buffer);

    fill_record(&record, bytes, TALLY_RECORD_MAX + 1);
    assert_status(tl_record_encode(&record, &buffer), TALLY_ETOOBIG);
    assert_int_equal(buffer.len, 0);
    record.envelope = tl_bytes(bytes, TALLY_ENVELOPE_MAX + 1);
    record.signatures.count = 1;
    assert_status(tl_record_encode(&record, &buffer), TALLY_ETOOBIG);
    record.envelope = tl_bytes(bytes, 1);
    record.signatures.count = TALLY_SIGNATURE_COUNT_MAX + 1;
    assert_status(tl_record_encode(&record, &buffer), TALLY_ETOOBIG);
    /* What went wrong first is what is told. */
    buffer.status = TALLY_ENOMEM;
    assert_status(tl_record_encode(&record, &buffer), TALLY_ENOMEM);
    tl_buffer_clear(&buffer);
    record.signatures.count = 1;
    record.signatures.blobs[0] = tl_bytes(bytes, TL_SSHSIG_BLOB_MAX + 1);
    assert_status(tl_record_encode(&record, &buffer), TALLY_ETOOBIG);
    tl_buffer_clear(&buffer);
    record.signatures.blobs[0] = tl_bytes(bytes, TL_SSHSIG_BLOB_MAX);
    assert_status(tl_record_encode(&record, &buffer), TALLY_OK);
    assert_int_equal(roundtrip_record(tl_buffer_bytes(&buffer)), ROUNDTRIP_SAME);
    tl_buffer_deinit(&buffer);
}

static void test_seal(void **state)
{
    (void)state;
    uint8_t seal[TALLY_SIGNATURE_LEN];
    uint8_t message[14 + TALLY_HASH_LEN];
    struct tally_hash leaf = test_hash(0x42);
    struct tally_hash other = test_hash(0x43);
    const uint8_t *point = tl_secret_key_public(sample_ledger_secret());
    tl_seal_sign(sample_ledger_secret(), &leaf, seal);
    assert_true(tl_seal_verify(point, &leaf, seal));
    assert_false(tl_seal_verify(point, &other, seal));
    assert_false(tl_seal_verify(sample_public(0)->point, &leaf, seal));
    memcpy(message, "tally-seal/v1\n", 14);
    memcpy(message + 14, leaf.bytes, sizeof leaf.bytes);
    assert_true(tl_ed25519_verify(point, tl_bytes(message, sizeof message), seal));
    for (size_t i = 0; i < sizeof seal; i++) {
        seal[i] ^= 1;
        assert_false(tl_seal_verify(point, &leaf, seal));
        seal[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_seal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
