/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include <tally/reason.h>

#include "keys/sshsig.h"
#include "lib/base/sha256.h"
#include "lib/codec/submission.h"
#include "tests/codec/damage.h"
#include "tests/codec/sample.h"

#define assert_reason(actual, expected)                                                            \
    assert_string_equal(tally_reason_name(actual), tally_reason_name(TALLY_REASON_##expected))

/* Through bytes, as a submission arrives. */
static enum tally_reason judge(const struct sample *sample)
{
    struct tl_submission submission;
    struct tl_envelope envelope;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1u << 24);
    sample_submission(sample, &buffer);
    assert_status(tl_submission_decode(tl_buffer_bytes(&buffer), &submission), TALLY_OK);
    assert_status(tl_envelope_decode(submission.envelope, &envelope, NULL), TALLY_OK);
    enum tally_reason reason = tl_submission_check(&submission, &envelope);
    tl_buffer_deinit(&buffer);
    return reason;
}

static void test_good(void **state)
{
    (void)state;
    struct sample sample;
    struct tl_buffer buffer;
    sample_init(&sample);
    sample_build(&sample);
    assert_reason(judge(&sample), NONE);
    tl_buffer_init(&buffer, 1u << 24);
    sample_submission(&sample, &buffer);
    assert_int_equal(damage_truncate(tl_buffer_bytes(&buffer), roundtrip_submission), 0);
    damage_all(tl_buffer_bytes(&buffer), roundtrip_submission);
    tl_buffer_deinit(&buffer);
    sample_free(&sample);
}

static void test_layout(void **state)
{
    (void)state;
    struct tl_submission submission;
    uint8_t bytes[256];
    size_t len = test_unhex("0001 65 01 0002 7369 0002"
                            "1010101010101010101010101010101010101010101010101010101010101010"
                            "2020202020202020202020202020202020202020202020202020202020202020"
                            "0001 0000 00000003 706172 0001 0001 00000001 63",
                            bytes, sizeof bytes);
    struct tl_deposit deposit;
    assert_status(tl_submission_decode(tl_bytes(bytes, len), &submission), TALLY_OK);
    assert_bytes_text(submission.envelope, "e");
    assert_int_equal(submission.signatures.count, 1);
    assert_bytes_text(submission.signatures.blobs[0], "si");
    assert_int_equal(submission.commitment_count, 2);
    assert_int_equal(submission.commitments.len, 64);
    assert_true(tl_deposit_next(&submission.clear, &deposit));
    assert_int_equal(deposit.position, 0);
    assert_bytes_text(deposit.bytes, "par");
    assert_false(tl_deposit_next(&submission.clear, &deposit));
    assert_true(tl_deposit_next(&submission.sealed, &deposit));
    assert_int_equal(deposit.position, 1);
    assert_bytes_text(deposit.bytes, "c");
    assert_false(tl_deposit_next(&submission.sealed, &deposit));
    assert_int_equal(roundtrip_submission(tl_bytes(bytes, len)), ROUNDTRIP_SAME);
}

/* Two deposits of one list, at the given positions, in an entry of four parts. */
static enum tally_status decode_positions(unsigned first, unsigned second)
{
    static const uint8_t commitments[4 * TALLY_HASH_LEN];
    struct tl_buffer items;
    struct tl_buffer buffer;
    struct tl_submission submission = {
        .commitment_count = 4,
        .commitments = tl_bytes(commitments, sizeof commitments),
        .clear = {.count = 2},
    };
    tl_buffer_init(&items, 1u << 20);
    tl_buffer_init(&buffer, 1u << 20);
    tl_deposit_add(&items, first, tl_bytes_text("x"));
    tl_deposit_add(&items, second, tl_bytes_text("y"));
    submission.clear.items = tl_buffer_bytes(&items);
    tl_submission_encode(&submission, &buffer);
    assert_status(buffer.status, TALLY_OK);
    enum tally_status status = tl_submission_decode(tl_buffer_bytes(&buffer), &submission);
    tl_buffer_deinit(&items);
    tl_buffer_deinit(&buffer);
    return status;
}

static void test_positions(void **state)
{
    (void)state;
    assert_status(decode_positions(0, 1), TALLY_OK);
    assert_status(decode_positions(1, 3), TALLY_OK);
    assert_status(decode_positions(1, 1), TALLY_EFORMAT);
    assert_status(decode_positions(2, 1), TALLY_EFORMAT);
    assert_status(decode_positions(1, 4), TALLY_EFORMAT);
    assert_status(decode_positions(1, 255), TALLY_EFORMAT);
}

static uint8_t *zeros(void)
{
    static uint8_t bytes[TALLY_DEPOSIT_MAX + 1];
    return bytes;
}

static void test_frame_limits(void **state)
{
    (void)state;
    struct tl_submission submission;
    uint8_t bytes[64] = {0};
    /* Envelope and signatures empty, then the count in question; nothing is there to be read. */
    bytes[3] = 0x01;
    bytes[4] = 0x01;
    assert_status(tl_submission_decode(tl_bytes(bytes, sizeof bytes), &submission), TALLY_ETOOBIG);
    bytes[3] = 0x01;
    bytes[4] = 0x00;
    assert_status(tl_submission_decode(tl_bytes(bytes, sizeof bytes), &submission),
                  TALLY_ETRUNCATED);
    memset(bytes, 0, sizeof bytes);
    bytes[5] = 0x01; /* clear parts */
    bytes[6] = 0x01;
    assert_status(tl_submission_decode(tl_bytes(bytes, sizeof bytes), &submission), TALLY_ETOOBIG);
    memset(bytes, 0, sizeof bytes);
    bytes[0] = 0x60;
    bytes[1] = 0x01;
    assert_status(tl_submission_decode(tl_bytes(bytes, sizeof bytes), &submission), TALLY_ETOOBIG);
    memset(bytes, 0, sizeof bytes);
    bytes[2] = TALLY_SIGNATURE_COUNT_MAX + 1;
    assert_status(tl_submission_decode(tl_bytes(bytes, sizeof bytes), &submission), TALLY_ETOOBIG);
    memset(bytes, 0, sizeof bytes);
    assert_status(tl_submission_decode(tl_bytes(bytes, 9), &submission), TALLY_OK);
    assert_status(tl_submission_decode(tl_bytes(bytes, 10), &submission), TALLY_ETRAILING);
    /* Envelope and blobs within their limits, the record that would carry them not. */
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1u << 20);
    struct tl_submission full = {.envelope = tl_bytes(zeros(), TALLY_ENVELOPE_MAX)};
    full.signatures.count = 32;
    for (unsigned i = 0; i < full.signatures.count; i++) {
        full.signatures.blobs[i] = tl_bytes(zeros(), 509);
    }
    full.signatures.blobs[0].len =
        TALLY_RECORD_MAX - TL_RECORD_FRAME_LEN - TALLY_ENVELOPE_MAX - 32u * 2u - 31u * 509u;
    tl_submission_encode(&full, &buffer);
    assert_status(tl_submission_decode(tl_buffer_bytes(&buffer), &submission), TALLY_OK);
    full.signatures.blobs[0].len++;
    tl_buffer_clear(&buffer);
    tl_submission_encode(&full, &buffer);
    assert_status(tl_submission_decode(tl_buffer_bytes(&buffer), &submission), TALLY_ETOOBIG);
    tl_buffer_deinit(&buffer);
    uint8_t *long_one = (uint8_t *)calloc(1, TALLY_SUBMISSION_MAX + 1);
    assert_non_null(long_one);
    assert_status(tl_submission_decode(tl_bytes(long_one, TALLY_SUBMISSION_MAX + 1), &submission),
                  TALLY_ETOOBIG);
    free(long_one);
}

/* What is too long to be written is told of in the buffer, where an earlier failure stays. */
static void test_encode_limits(void **state)
{
    (void)state;
    static const struct tl_submission bad[] = {
        {.envelope = {.len = TALLY_ENVELOPE_MAX + 1}},
        {.commitment_count = TALLY_PART_COUNT_MAX + 1},
    };
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1u << 24);
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        tl_submission_encode(&bad[i], &buffer);
        assert_status(buffer.status, TALLY_ETOOBIG);
        assert_int_equal(buffer.len, 0);
        buffer.status = TALLY_ENOMEM;
        tl_submission_encode(&bad[i], &buffer);
        assert_status(buffer.status, TALLY_ENOMEM);
        tl_buffer_clear(&buffer);
    }
    tl_deposit_add(&buffer, TALLY_PART_COUNT_MAX - 1, tl_bytes(zeros(), TALLY_DEPOSIT_MAX));
    assert_status(buffer.status, TALLY_OK);
    tl_buffer_clear(&buffer);
    tl_deposit_add(&buffer, TALLY_PART_COUNT_MAX, tl_bytes_text("x"));
    assert_status(buffer.status, TALLY_ETOOBIG);
    tl_buffer_clear(&buffer);
    tl_deposit_add(&buffer, 0, tl_bytes(zeros(), TALLY_DEPOSIT_MAX + 1));
    assert_status(buffer.status, TALLY_ETOOBIG);
    buffer.status = TALLY_ENOMEM;
    tl_deposit_add(&buffer, 0, tl_bytes(zeros(), TALLY_DEPOSIT_MAX + 1));
    assert_status(buffer.status, TALLY_ENOMEM);
    assert_int_equal(buffer.len, 0);
    tl_buffer_deinit(&buffer);
}

/* A list that says more than it holds ends where its bytes do. */
static void test_short_list(void **state)
{
    (void)state;
    struct tl_buffer items;
    struct tl_deposit deposit;
    tl_buffer_init(&items, 64);
    tl_deposit_add(&items, 0, tl_bytes_text("x"));
    tl_deposit_add(&items, 1, tl_bytes_text("y"));
    struct tl_deposit_list list = {.count = 2, .items = tl_bytes(items.ptr, items.len - 1)};
    assert_true(tl_deposit_next(&list, &deposit));
    assert_false(tl_deposit_next(&list, &deposit));
    tl_buffer_deinit(&items);
}

/* The sample with one change, made by change before it is built and by damage after. */
static void check(void (*change)(struct sample *sample), void (*damage)(struct sample *sample),
                  enum tally_reason expected)
{
    struct sample sample;
    sample_init(&sample);
    if (change != NULL) {
        change(&sample);
    }
    sample_build(&sample);
    if (damage != NULL) {
        damage(&sample);
    }
    assert_string_equal(tally_reason_name(judge(&sample)), tally_reason_name(expected));
    sample_free(&sample);
}

static void relist_clear(struct sample *sample, const unsigned *positions, unsigned count)
{
    tl_buffer_clear(&sample->clear);
    for (unsigned i = 0; i < count; i++) {
        tl_deposit_add(&sample->clear, positions[i],
                       tl_buffer_bytes(&sample->part_bytes[positions[i]]));
    }
    sample->submission.clear.count = count;
    sample->submission.clear.items = tl_buffer_bytes(&sample->clear);
}

static void drop_first_clear(struct sample *sample)
{
    static const unsigned positions[] = {1, 3, 7};
    relist_clear(sample, positions, 3);
}

static void drop_last_clear(struct sample *sample)
{
    static const unsigned positions[] = {0, 1, 3};
    relist_clear(sample, positions, 3);
}

static void add_commitment(struct sample *sample)
{
    struct tally_hash hash = test_hash(0x99);
    tl_buffer_add(&sample->commitments, tl_hash_bytes(&hash));
    sample->submission.commitment_count++;
    sample->submission.commitments = tl_buffer_bytes(&sample->commitments);
}

/* The clear part at the last position goes too, or the frame would not hold. */
static void drop_commitment(struct sample *sample)
{
    drop_last_clear(sample);
    sample->submission.commitment_count--;
    sample->submission.commitments.len -= TALLY_HASH_LEN;
}

static void damage_decoy(struct sample *sample)
{
    sample->commitments.ptr[SAMPLE_DECOY * TALLY_HASH_LEN] ^= 1;
}

static void damage_clear_commitment(struct sample *sample)
{
    sample->commitments.ptr[0] ^= 1;
}

static void test_commitments(void **state)
{
    (void)state;
    check(NULL, add_commitment, TALLY_REASON_COMMITMENTS_MISMATCH);
    check(NULL, drop_commitment, TALLY_REASON_COMMITMENTS_MISMATCH);
    check(NULL, damage_decoy, TALLY_REASON_COMMITMENTS_MISMATCH);
    check(NULL, damage_clear_commitment, TALLY_REASON_COMMITMENTS_MISMATCH);
}

static void drop_all_clear(struct sample *sample)
{
    relist_clear(sample, NULL, 0);
}

static void add_withheld(struct sample *sample)
{
    static const unsigned positions[] = {0, 1, 3, 5, 7};
    relist_clear(sample, positions, 5);
}

static void damage_part(struct sample *sample)
{
    sample->clear.ptr[sample->clear.len - 2] ^= 1;
}

static void other_author(struct sample *sample)
{
    sample->parts[SAMPLE_TITLE].author = sample_public(1)->fingerprint;
}

static void other_ledger(struct sample *sample)
{
    sample->parts[SAMPLE_TITLE].ledger = test_hash(0x12);
}

static void same_name(struct sample *sample)
{
    sample->parts[SAMPLE_TITLE].name = sample->parts[SAMPLE_SEALED_FILE].name;
}

static void lower_name(struct sample *sample)
{
    sample->parts[SAMPLE_TITLE].name = tl_bytes_text("/a");
}

static void no_pointer(struct sample *sample)
{
    sample->parts[SAMPLE_TITLE].name = tl_bytes_text("title");
}

/* Nobody can see that the name of a withheld part is out of order. */
static void lower_withheld_name(struct sample *sample)
{
    sample->parts[SAMPLE_WITHHELD].name = tl_bytes_text("/a");
}

static void test_clear_parts(void **state)
{
    (void)state;
    check(NULL, drop_first_clear, TALLY_REASON_PART_MISSING);
    check(NULL, drop_last_clear, TALLY_REASON_PART_MISSING);
    check(NULL, drop_all_clear, TALLY_REASON_PART_MISSING);
    check(NULL, add_withheld, TALLY_REASON_PART_INVALID);
    check(NULL, damage_part, TALLY_REASON_PART_INVALID);
    check(other_author, NULL, TALLY_REASON_PART_INVALID);
    check(other_ledger, NULL, TALLY_REASON_PART_INVALID);
    check(same_name, NULL, TALLY_REASON_PART_INVALID);
    check(lower_name, NULL, TALLY_REASON_PART_INVALID);
    check(no_pointer, NULL, TALLY_REASON_PART_INVALID);
    check(lower_withheld_name, NULL, TALLY_REASON_NONE);
}

static void relist_sealed(struct sample *sample, const unsigned *positions, unsigned count)
{
    tl_buffer_clear(&sample->sealed);
    for (unsigned i = 0; i < count; i++) {
        tl_deposit_add(&sample->sealed, positions[i], sample->ciphertext);
    }
    sample->submission.sealed.count = count;
    sample->submission.sealed.items = tl_buffer_bytes(&sample->sealed);
}

static void drop_sealed(struct sample *sample)
{
    relist_sealed(sample, NULL, 0);
}

static void add_sealed(struct sample *sample)
{
    static const unsigned positions[] = {4, 6};
    relist_sealed(sample, positions, 2);
}

static void add_sealed_before(struct sample *sample)
{
    static const unsigned positions[] = {2, 4};
    relist_sealed(sample, positions, 2);
}

static void move_sealed(struct sample *sample)
{
    static const unsigned position = 5;
    relist_sealed(sample, &position, 1);
}

static void damage_ciphertext(struct sample *sample)
{
    sample->sealed.ptr[sample->sealed.len - 1] ^= 1;
}

static void other_sealed_size(struct sample *sample)
{
    sample->sealed_line = (struct tl_sealed_line){.position = SAMPLE_SEALED,
                                                  .hash = tl_sha256(sample->ciphertext),
                                                  .size = sample->ciphertext.len + 1};
}

static void test_sealed(void **state)
{
    (void)state;
    check(NULL, drop_sealed, TALLY_REASON_SEALED_MISSING);
    check(NULL, move_sealed, TALLY_REASON_SEALED_MISSING);
    check(NULL, add_sealed, TALLY_REASON_SEALED_INVALID);
    check(NULL, add_sealed_before, TALLY_REASON_SEALED_INVALID);
    check(NULL, damage_ciphertext, TALLY_REASON_SEALED_INVALID);
    check(other_sealed_size, NULL, TALLY_REASON_SEALED_INVALID);
}

/* Clear parts take some 600 bytes beside the ciphertext. */
static void large_ciphertext(struct sample *sample)
{
    sample->ciphertext = tl_bytes(zeros(), TALLY_DEPOSIT_MAX - 2000);
}

static void too_large_ciphertext(struct sample *sample)
{
    sample->ciphertext = tl_bytes(zeros(), TALLY_DEPOSIT_MAX - 200);
}

static void too_large_line(struct sample *sample)
{
    sample->sealed_line = (struct tl_sealed_line){
        .position = SAMPLE_SEALED, .hash = tl_sha256(sample->ciphertext), .size = INT64_MAX};
}

/* What is signed for and what is handed over are bounded each by itself. */
static void large_line(struct sample *sample)
{
    sample->sealed_line = (struct tl_sealed_line){.position = SAMPLE_SEALED,
                                                  .hash = tl_sha256(sample->ciphertext),
                                                  .size = TALLY_DEPOSIT_MAX - 200};
}

static void small_line(struct sample *sample)
{
    too_large_ciphertext(sample);
    sample->sealed_line = (struct tl_sealed_line){
        .position = SAMPLE_SEALED, .hash = tl_sha256(sample->ciphertext), .size = 1};
}

static void test_sizes(void **state)
{
    (void)state;
    check(large_ciphertext, NULL, TALLY_REASON_NONE);
    check(too_large_ciphertext, NULL, TALLY_REASON_TOO_LARGE);
    check(too_large_line, NULL, TALLY_REASON_TOO_LARGE);
    check(large_line, NULL, TALLY_REASON_TOO_LARGE);
    check(small_line, NULL, TALLY_REASON_TOO_LARGE);
}

static void no_exhibit(struct sample *sample)
{
    sample->parts[SAMPLE_EXHIBIT].value = tl_bytes_text("\"a.pdf\"");
}

static void other_stored(struct sample *sample)
{
    sample->exhibits[0].stored = test_hash(0xee);
}

static void other_sha256(struct sample *sample)
{
    sample->exhibits[0].sha256 = test_hash(0xee);
}

static void other_size(struct sample *sample)
{
    sample->exhibits[0].size++;
}

static void not_stored(struct sample *sample)
{
    sample->exhibits[0].is_stored = false;
    sample->exhibits[1].is_stored = false;
}

static void deeper_name(struct sample *sample)
{
    sample->parts[SAMPLE_EXHIBIT].name = tl_bytes_text("/exhibits/a.pdf/note");
    sample->parts[SAMPLE_EXHIBIT].value = tl_bytes_text("\"free\"");
}

/* Of a file that lies encrypted nothing but the ciphertext's hash can be compared. */
static void other_sealed_file(struct sample *sample)
{
    sample->exhibits[1].sha256 = test_hash(0xee);
    sample->exhibits[1].size = 1;
}

static void test_exhibits(void **state)
{
    (void)state;
    check(no_exhibit, NULL, TALLY_REASON_EXHIBIT_INVALID);
    check(other_stored, NULL, TALLY_REASON_EXHIBIT_INVALID);
    check(other_sha256, NULL, TALLY_REASON_EXHIBIT_INVALID);
    check(other_size, NULL, TALLY_REASON_EXHIBIT_INVALID);
    check(not_stored, NULL, TALLY_REASON_NONE);
    check(deeper_name, NULL, TALLY_REASON_NONE);
    check(other_sealed_file, NULL, TALLY_REASON_NONE);
}

static void clock_part(struct sample *sample)
{
    sample->parts[SAMPLE_CONFIDENCE].name = tl_bytes_text(TL_CLOCK_STEP_NAME);
    sample->parts[SAMPLE_CONFIDENCE].value = tl_bytes_text("\"noon\"");
}

static void bad_clock(struct sample *sample)
{
    clock_part(sample);
    sample->fields.type = tl_bytes_text("incident");
}

static void good_clock(struct sample *sample)
{
    bad_clock(sample);
    sample->parts[SAMPLE_CONFIDENCE].value = tl_bytes_text("-1500000");
}

static void test_clock(void **state)
{
    (void)state;
    check(clock_part, NULL, TALLY_REASON_NONE);
    check(bad_clock, NULL, TALLY_REASON_PART_INVALID);
    check(good_clock, NULL, TALLY_REASON_NONE);
}

/* A list that decoding would refuse: what is out of order is one part too many. */
static void test_order_of_others(void **state)
{
    (void)state;
    static const unsigned in_order[] = {SAMPLE_CONFIDENCE, SAMPLE_EXHIBIT, SAMPLE_SEALED_FILE,
                                        SAMPLE_TITLE};
    static const unsigned again[] = {SAMPLE_CONFIDENCE, SAMPLE_EXHIBIT, SAMPLE_SEALED_FILE,
                                     SAMPLE_TITLE, SAMPLE_CONFIDENCE};
    struct sample sample;
    sample_init(&sample);
    sample_build(&sample);
    relist_clear(&sample, in_order, TEST_COUNT(in_order));
    assert_reason(tl_submission_check(&sample.submission, &sample.decoded), NONE);
    relist_clear(&sample, again, TEST_COUNT(again));
    assert_reason(tl_submission_check(&sample.submission, &sample.decoded), PART_INVALID);
    sample_free(&sample);
}

static void no_signature(struct sample *sample)
{
    sample->submission.signatures.count = 0;
}

static void drop_author(struct sample *sample)
{
    struct tl_signatures *signatures = &sample->submission.signatures;
    signatures->count--;
    memmove(signatures->blobs, signatures->blobs + 1,
            signatures->count * sizeof *signatures->blobs);
}

static void swap_blobs(struct sample *sample, unsigned a, unsigned b)
{
    struct tally_bytes *blobs = sample->submission.signatures.blobs;
    struct tally_bytes blob = blobs[a];
    blobs[a] = blobs[b];
    blobs[b] = blob;
}

static void swap_countersignatures(struct sample *sample)
{
    swap_blobs(sample, 2, 3);
}

static void author_second(struct sample *sample)
{
    swap_blobs(sample, 0, 1);
}

static void repeat_countersignature(struct sample *sample)
{
    sample->submission.signatures.blobs[2] = sample->submission.signatures.blobs[1];
}

static void repeat_author(struct sample *sample)
{
    struct tl_signatures *signatures = &sample->submission.signatures;
    signatures->count = 2;
    signatures->blobs[1] = signatures->blobs[0];
}

static void damage_magic(struct sample *sample)
{
    sample->blobs[1].ptr[0] ^= 1;
}

static void damage_signature(struct sample *sample)
{
    sample->blobs[1].ptr[sample->blobs[1].len - 1] ^= 1;
}

static void test_signatures(void **state)
{
    (void)state;
    check(NULL, no_signature, TALLY_REASON_SIGNATURE_MISSING);
    check(NULL, drop_author, TALLY_REASON_SIGNATURE_MISSING);
    check(NULL, author_second, TALLY_REASON_SIGNATURE_MISSING);
    check(NULL, swap_countersignatures, TALLY_REASON_SIGNATURE_ORDER);
    check(NULL, repeat_countersignature, TALLY_REASON_SIGNATURE_ORDER);
    check(NULL, repeat_author, TALLY_REASON_SIGNATURE_ORDER);
    check(NULL, damage_magic, TALLY_REASON_MALFORMED);
    check(NULL, damage_signature, TALLY_REASON_NONE); /* verified elsewhere */
}

static void test_verify(void **state)
{
    (void)state;
    struct sample sample;
    sample_init(&sample);
    sample_build(&sample);
    struct tally_bytes envelope = tl_buffer_bytes(&sample.envelope);
    for (unsigned i = 0; i < SAMPLE_KEYS; i++) {
        assert_reason(tl_signature_verify(&sample.signatures, i, envelope), NONE);
    }
    assert_reason(tl_signature_verify(&sample.signatures, SAMPLE_KEYS, envelope), MALFORMED);
    damage_signature(&sample);
    assert_reason(tl_signature_verify(&sample.signatures, 1, envelope), SIGNATURE_INVALID);
    damage_magic(&sample);
    assert_reason(tl_signature_verify(&sample.signatures, 1, envelope), MALFORMED);
    envelope.len--;
    assert_reason(tl_signature_verify(&sample.signatures, 0, envelope), SIGNATURE_INVALID);
    sample_free(&sample);
}

/* A hardware signature as a token makes it, with the given flags. */
static void sign_as_hardware(struct tally_bytes message, uint8_t flags, struct tl_buffer *blob)
{
    struct tl_sshsig sig = {.flags = flags, .counter = 7};
    struct tl_buffer key;
    struct tl_buffer bytes;
    tl_buffer_init(&key, 256);
    tl_buffer_init(&bytes, 1u << 16);
    tl_buffer_add_u32(&key, 26);
    tl_buffer_add_text(&key, "sk-ssh-ed25519@openssh.com");
    tl_buffer_add_u32(&key, 32);
    tl_buffer_add(&key, tl_bytes(sample_public(1)->point, 32));
    tl_buffer_add_u32(&key, 4);
    tl_buffer_add_text(&key, "ssh:");
    assert_status(tl_public_key_from_blob(tl_buffer_bytes(&key), &sig.key), TALLY_OK);
    tl_sshsig_signed_bytes(message, TL_SSHSIG_NAMESPACE, &bytes);
    struct tally_hash message_hash = tl_sha256(tl_buffer_bytes(&bytes));
    struct tally_hash application_hash = tl_sha256(tl_bytes_text("ssh:"));
    tl_buffer_clear(&bytes);
    tl_buffer_add(&bytes, tl_hash_bytes(&application_hash));
    tl_buffer_add_u8(&bytes, flags);
    tl_buffer_add_u32(&bytes, 7);
    tl_buffer_add(&bytes, tl_hash_bytes(&message_hash));
    tl_secret_key_sign(sample_secret(1), tl_buffer_bytes(&bytes), sig.signature);
    tl_sshsig_encode(&sig, TL_SSHSIG_NAMESPACE, blob);
    tl_buffer_deinit(&bytes);
    tl_buffer_deinit(&key);
}

static void test_hardware(void **state)
{
    (void)state;
    struct tally_bytes message = tl_bytes_text("envelope");
    struct tl_signatures signatures = {.count = 1};
    struct tl_buffer blob;
    tl_buffer_init(&blob, TL_SSHSIG_BLOB_MAX);
    sign_as_hardware(message, TL_SSHSIG_FLAG_PRESENT, &blob);
    signatures.blobs[0] = tl_buffer_bytes(&blob);
    assert_reason(tl_signature_verify(&signatures, 0, message), NONE);
    assert_int_equal(damage_truncate(tl_buffer_bytes(&blob), roundtrip_sshsig), 0);
    damage_all(tl_buffer_bytes(&blob), roundtrip_sshsig);
    tl_buffer_clear(&blob);
    sign_as_hardware(message, TL_SSHSIG_FLAG_VERIFIED, &blob);
    signatures.blobs[0] = tl_buffer_bytes(&blob);
    assert_reason(tl_signature_verify(&signatures, 0, message), PRESENCE_MISSING);
    tl_buffer_deinit(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_positions),   cmocka_unit_test(test_frame_limits),
        cmocka_unit_test(test_commitments), cmocka_unit_test(test_clear_parts),
        cmocka_unit_test(test_sealed),      cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_exhibits),    cmocka_unit_test(test_clock),
        cmocka_unit_test(test_signatures),  cmocka_unit_test(test_verify),
        cmocka_unit_test(test_hardware),    cmocka_unit_test(test_encode_limits),
        cmocka_unit_test(test_short_list),  cmocka_unit_test(test_order_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
