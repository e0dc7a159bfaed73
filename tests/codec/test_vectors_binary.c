/* SPDX-License-Identifier: ISC */
/*
 * The vectors of the binary formats, made by an implementation that shares no code with this one.
 * As in test_vectors_text.c, both ways; of submissions every reason is compared.
 */
#include "tests/codec/vectors.h"

#include "lib/base/sha256.h"
#include "lib/base/text.h"
#include "lib/codec/part.h"
#include "lib/tree/tree.h"
#include "tests/codec/roundtrip.h"

/* Part */

static enum tally_reason judge_part(struct vectors *vectors, const json_t *vector,
                                    struct tally_bytes bytes)
{
    (void)vectors;
    (void)vector;
    struct tl_part part;
    return reason_of(tl_part_decode(bytes, &part));
}

static void good_part(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    (void)vectors;
    const json_t *fields = member(vector, "fields");
    struct tl_part part;
    assert_status(tl_part_decode(bytes, &part), TALLY_OK);
    expect_hex(fields, "salt", tl_bytes(part.salt, sizeof part.salt));
    expect_hash(fields, "author", &part.author);
    expect_hash(fields, "ledger", &part.ledger);
    expect_hex(fields, "name", part.name);
    expect_hex(fields, "value", part.value);
    struct tally_hash commitment = tl_part_commitment(bytes);
    expect_hash(fields, "commitment", &commitment);
    assert_int_equal(roundtrip_part(bytes), ROUNDTRIP_SAME);
}

static int open_part(void **state)
{
    return open_vectors(state, "part.json");
}

static void test_part(void **state)
{
    run_vectors(state, good_part, judge_part, true);
}

static void test_exhibits(void **state)
{
    struct vectors *vectors = (struct vectors *)*state;
    const json_t *exhibits = member(vectors->document, "exhibits");
    struct tl_exhibit_value exhibit;
    size_t i = 0;
    const char *name = NULL;
    json_t *vector = NULL;
    json_array_foreach(member(exhibits, "good"), i, vector)
    {
        const json_t *fields = member(vector, "fields");
        assert_status(tl_exhibit_value_decode(load(vectors, vector), &exhibit), TALLY_OK);
        expect_hash(fields, "sha256", &exhibit.sha256);
        expect_number(fields, "size", exhibit.size);
        expect_text(fields, "media_type", exhibit.media_type);
        expect_optional(fields, "stored", exhibit.is_stored, &exhibit.stored);
        assert_int_equal(roundtrip_exhibit(load(vectors, vector)), ROUNDTRIP_SAME);
    }
    json_array_foreach(member(exhibits, "bad"), i, vector)
    {
        assert_int_equal(roundtrip_exhibit(load(vectors, vector)), ROUNDTRIP_REFUSED);
    }
    json_object_foreach(member(exhibits, "names"), name, vector)
    {
        assert_int_equal(tl_is_exhibit_name(tl_bytes_text(name)), json_is_true(vector));
    }
}

static void test_clock_steps(void **state)
{
    struct vectors *vectors = (struct vectors *)*state;
    const json_t *steps = member(vectors->document, "clock_steps");
    uint64_t back_us = 0;
    size_t i = 0;
    json_t *vector = NULL;
    json_array_foreach(member(steps, "good"), i, vector)
    {
        assert_status(tl_clock_step_decode(load(vectors, vector), &back_us), TALLY_OK);
        expect_number(vector, "back_us", back_us);
    }
    json_array_foreach(member(steps, "bad"), i, vector)
    {
        assert_status(tl_clock_step_decode(load(vectors, vector), &back_us), TALLY_EFORMAT);
    }
}

/* Record and seal */

static enum tally_reason judge_record(struct vectors *vectors, const json_t *vector,
                                      struct tally_bytes bytes)
{
    (void)vectors;
    (void)vector;
    struct tl_record record;
    return reason_of(tl_record_decode(bytes, &record));
}

static void good_record(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    (void)vectors;
    const json_t *fields = member(vector, "fields");
    struct tl_record record;
    assert_status(tl_record_decode(bytes, &record), TALLY_OK);
    expect_number(fields, "index", record.index);
    expect_number(fields, "received_us", record.received_us);
    expect_hash(fields, "link", &record.link);
    expect_number(fields, "roster", record.roster);
    expect_hex(fields, "envelope", record.envelope);
    expect_blobs(fields, &record.signatures);
    struct tally_hash leaf = tl_tree_leaf(bytes);
    expect_hash(fields, "leaf", &leaf);
    assert_int_equal(roundtrip_record(bytes), ROUNDTRIP_SAME);
}

static int open_record(void **state)
{
    return open_vectors(state, "record.json");
}

static void test_record(void **state)
{
    run_vectors(state, good_record, judge_record, true);
}

static void hash_of_hex(const json_t *object, const char *key, struct tally_hash *ret_hash)
{
    assert_status(tl_hex_parse(text_of(object, key), ret_hash->bytes, TALLY_HASH_LEN), TALLY_OK);
}

static enum tally_reason judge_seal(struct vectors *vectors, const json_t *vector,
                                    struct tally_bytes bytes)
{
    (void)vectors;
    const json_t *fields = member(vector, "fields");
    struct tally_hash leaf;
    struct tally_hash point;
    hash_of_hex(fields, "leaf", &leaf);
    hash_of_hex(fields, "public", &point);
    assert_int_equal(bytes.len, TALLY_SIGNATURE_LEN);
    return tl_seal_verify(point.bytes, &leaf, bytes.ptr) ? TALLY_REASON_NONE
                                                         : TALLY_REASON_SEAL_INVALID;
}

static void good_seal(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    (void)vectors;
    (void)bytes;
    const json_t *fields = member(vector, "fields");
    struct tally_hash leaf;
    uint8_t message[sizeof TL_SEAL_CONTEXT - 1 + TALLY_HASH_LEN];
    hash_of_hex(fields, "leaf", &leaf);
    memcpy(message, TL_SEAL_CONTEXT, sizeof TL_SEAL_CONTEXT - 1);
    memcpy(message + sizeof TL_SEAL_CONTEXT - 1, leaf.bytes, TALLY_HASH_LEN);
    expect_hex(fields, "message", tl_bytes(message, sizeof message));
}

static int open_seal(void **state)
{
    return open_vectors(state, "seal.json");
}

static void test_seal(void **state)
{
    run_vectors(state, good_seal, judge_seal, true);
}

/* Submission: steps 1 to 8 of "A submission, without state". */

static enum tally_reason judge_submission(struct vectors *vectors, const json_t *vector,
                                          struct tally_bytes bytes)
{
    (void)vectors;
    const json_t *stage = json_object_get(vector, "stage");
    struct tl_submission submission;
    struct tl_envelope envelope;
    enum tally_status status = tl_submission_decode(bytes, &submission);
    bool is_frame = stage != NULL && strcmp(json_string_value(stage), "frame") == 0;
    if (status != TALLY_OK || is_frame) {
        return reason_of(status);
    }
    status = tl_envelope_decode(submission.envelope, &envelope, NULL);
    if (status != TALLY_OK) {
        return reason_of(status);
    }
    enum tally_reason reason = tl_submission_check(&submission, &envelope);
    for (unsigned i = 0; i < submission.signatures.count && reason == TALLY_REASON_NONE; i++) {
        reason = tl_signature_verify(&submission.signatures, i, submission.envelope);
    }
    return reason;
}

static void good_submission(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    (void)vectors;
    const json_t *fields = member(vector, "fields");
    struct tl_submission submission;
    assert_status(tl_submission_decode(bytes, &submission), TALLY_OK);
    expect_hex(fields, "envelope", submission.envelope);
    expect_blobs(fields, &submission.signatures);
    expect_commitments(fields, submission.commitment_count, submission.commitments);
    expect_deposits(fields, "clear", "bytes", submission.clear);
    expect_deposits(fields, "sealed", "bytes", submission.sealed);
    struct tally_hash hash = tl_sha256(bytes);
    expect_hash(fields, "hash", &hash);
    assert_int_equal(roundtrip_submission(bytes), ROUNDTRIP_SAME);
}

static int open_submission(void **state)
{
    return open_vectors(state, "submission.json");
}

static void test_submission(void **state)
{
    run_vectors(state, good_submission, judge_submission, true);
}

#define VECTORS_TEST(test, file) cmocka_unit_test_setup_teardown(test, open_##file, close_vectors)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VECTORS_TEST(test_part, part),        VECTORS_TEST(test_exhibits, part),
        VECTORS_TEST(test_clock_steps, part), VECTORS_TEST(test_record, record),
        VECTORS_TEST(test_seal, seal),        VECTORS_TEST(test_submission, submission),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
