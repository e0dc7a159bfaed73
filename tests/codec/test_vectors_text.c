/* SPDX-License-Identifier: ISC */
/*
 * The vectors of the text formats, made by an implementation that shares no code with this one:
 * good ones decode to the same fields and encode to the same bytes, bad ones are refused, and where
 * a host would have to name a reason, for the same reason.
 */
#include "tests/codec/vectors.h"

#include "lib/base/text.h"
#include "lib/codec/bundle.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/entry_file.h"
#include "lib/codec/note.h"
#include "lib/codec/receipt.h"
#include "lib/codec/rejection.h"
#include "tests/codec/roundtrip.h"

/* Envelope */

static enum tally_reason judge_envelope(struct vectors *vectors, const json_t *vector,
                                        struct tally_bytes bytes)
{
    (void)vectors;
    (void)vector;
    struct tl_envelope envelope;
    return reason_of(tl_envelope_decode(bytes, &envelope, NULL));
}

static void expect_lists(const json_t *fields, const struct tl_envelope *envelope)
{
    struct tally_bytes sealed = envelope->sealed_lines;
    struct tally_bytes files = envelope->file_lines;
    struct tally_bytes refs = envelope->ref_lines;
    struct tally_bytes ops = envelope->op_lines;
    struct tl_sealed_line sealed_line;
    struct tl_file_line file;
    struct tl_ref_line ref;
    struct tally_bytes op;
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(expect_list(fields, "sealed", envelope->sealed_count), i, item)
    {
        assert_true(tl_envelope_next_sealed(&sealed, &sealed_line));
        expect_number(item, "position", sealed_line.position);
        expect_hash(item, "hash", &sealed_line.hash);
        expect_number(item, "size", sealed_line.size);
    }
    json_array_foreach(expect_list(fields, "files", envelope->file_count), i, item)
    {
        assert_true(tl_envelope_next_file(&files, &file));
        expect_text(item, "kind", tl_bytes_text(file.sealed ? "sealed" : "clear"));
        expect_hash(item, "hash", &file.hash);
        expect_number(item, "size", file.size);
    }
    json_array_foreach(expect_list(fields, "refs", envelope->ref_count), i, item)
    {
        assert_true(tl_envelope_next_ref(&refs, &ref));
        expect_text(item, "relation", ref.relation);
        expect_number(item, "index", ref.index);
        expect_hash(item, "leaf", &ref.leaf);
    }
    json_array_foreach(expect_list(fields, "ops", envelope->op_count), i, item)
    {
        assert_true(tl_envelope_next_op(&ops, &op));
        assert_bytes_text(op, json_string_value(item));
    }
    assert_int_equal(sealed.len + files.len + refs.len + ops.len, 0);
}

static void good_envelope(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    (void)vectors;
    const json_t *fields = member(vector, "fields");
    const json_t *seen = member(fields, "seen");
    struct tl_envelope envelope;
    char time[TL_TIME_LEN + 1];
    assert_status(tl_envelope_decode(bytes, &envelope, NULL), TALLY_OK);
    struct tally_hash hash = tl_envelope_hash(&envelope);
    expect_hash(fields, "hash", &hash);
    expect_text(fields, "type", envelope.type);
    expect_optional(fields, "ledger", envelope.has_ledger, &envelope.ledger);
    expect_text(fields, "member", envelope.member);
    expect_hash(fields, "key", &envelope.key);
    expect_number(fields, "sequence", envelope.sequence);
    expect_optional(fields, "previous", envelope.has_previous, &envelope.previous);
    assert_int_equal(json_is_null(seen), !envelope.has_seen);
    if (envelope.has_seen) {
        expect_number(seen, "index", envelope.seen_index);
        expect_hash(seen, "leaf", &envelope.seen_leaf);
    }
    expect_number(fields, "signed_s", envelope.signed_s);
    tl_time_format(envelope.signed_s, time);
    expect_text(fields, "signed", tl_bytes_text(time));
    expect_hash(fields, "parts_root", &envelope.parts_root);
    expect_text(fields, "letters", envelope.part_count == 0 ? tl_bytes_text("") : envelope.letters);
    expect_lists(fields, &envelope);
    assert_int_equal(roundtrip_envelope(bytes), ROUNDTRIP_SAME);
}

static int open_envelope(void **state)
{
    return open_vectors(state, "envelope.json");
}

static void test_envelope(void **state)
{
    run_vectors(state, good_envelope, judge_envelope, true);
}

/* Note */

static void key_of(const struct vectors *vectors, const json_t *vector, struct tl_note_key *key)
{
    const json_t *vkey = json_object_get(vector, "vkey");
    if (vkey == NULL) {
        vkey = member(vectors->document, "vkey");
    }
    assert_status(tl_note_key_parse(tl_bytes_text(json_string_value(vkey)), key), TALLY_OK);
}

static enum tally_reason judge_note(struct vectors *vectors, const json_t *vector,
                                    struct tally_bytes bytes)
{
    (void)vectors;
    (void)vector;
    struct tl_note note;
    return reason_of(tl_note_decode(bytes, &note));
}

static void good_note(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    struct tl_note note;
    struct tl_note_key key;
    key_of(vectors, vector, &key);
    assert_status(tl_note_decode(bytes, &note), TALLY_OK);
    assert_status(tl_note_verify(&note, &key), TALLY_OK);
    expect_text(member(vector, "fields"), "text", note.text);
    assert_int_equal(roundtrip_note(bytes), ROUNDTRIP_SAME);
}

static int open_note(void **state)
{
    return open_vectors(state, "note.json");
}

static void test_note(void **state)
{
    run_vectors(state, good_note, judge_note, false);
}

/* Checkpoint */

static enum tally_reason judge_checkpoint(struct vectors *vectors, const json_t *vector,
                                          struct tally_bytes bytes)
{
    struct tl_checkpoint checkpoint;
    struct tl_note_key key;
    key_of(vectors, vector, &key);
    return reason_of(tl_checkpoint_open(bytes, &key, &checkpoint));
}

static void good_checkpoint(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    const json_t *fields = member(vector, "fields");
    struct tl_checkpoint checkpoint;
    struct tl_note_key key;
    struct tl_note note;
    key_of(vectors, vector, &key);
    assert_status(tl_checkpoint_open(bytes, &key, &checkpoint), TALLY_OK);
    expect_text(fields, "origin", checkpoint.origin);
    expect_number(fields, "size", checkpoint.size);
    expect_hash(fields, "root", &checkpoint.root);
    assert_int_equal(roundtrip_note(bytes), ROUNDTRIP_SAME);
    assert_status(tl_note_decode(bytes, &note), TALLY_OK);
    assert_int_equal(roundtrip_checkpoint(note.text), ROUNDTRIP_SAME);
}

static int open_checkpoint(void **state)
{
    return open_vectors(state, "checkpoint.json");
}

static void test_checkpoint(void **state)
{
    run_vectors(state, good_checkpoint, judge_checkpoint, false);
}

/* Receipt */

static enum tally_reason judge_receipt(struct vectors *vectors, const json_t *vector,
                                       struct tally_bytes bytes)
{
    (void)vectors;
    (void)vector;
    struct tl_receipt receipt;
    enum tally_status status = tl_receipt_decode(bytes, &receipt);
    if (status == TALLY_OK) {
        tl_receipt_deinit(&receipt);
    }
    return reason_of(status);
}

static void expect_proof(const json_t *object, const struct tally_hash *proof, size_t count)
{
    size_t i = 0;
    json_t *hash = NULL;
    json_array_foreach(expect_list(object, "proof", count), i, hash)
    {
        expect_hex_value(hash, tl_hash_bytes(&proof[i]));
    }
}

static void good_receipt(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    (void)vectors;
    const json_t *fields = member(vector, "fields");
    struct tl_receipt receipt;
    assert_status(tl_receipt_decode(bytes, &receipt), TALLY_OK);
    expect_number(fields, "index", receipt.index);
    expect_hex(fields, "record", receipt.record);
    expect_hex(fields, "seal", tl_bytes(receipt.seal, sizeof receipt.seal));
    expect_proof(fields, receipt.proof.hashes, receipt.proof.count);
    expect_text(fields, "checkpoint", receipt.checkpoint);
    tl_receipt_deinit(&receipt);
    assert_int_equal(roundtrip_receipt(bytes), ROUNDTRIP_SAME);
}

static int open_receipt(void **state)
{
    return open_vectors(state, "receipt.json");
}

static void test_receipt(void **state)
{
    struct vectors *vectors = (struct vectors *)*state;
    size_t i = 0;
    json_t *vector = NULL;
    run_vectors(state, good_receipt, judge_receipt, false);
    json_array_foreach(member(vectors->document, "unsound"), i, vector)
    {
        assert_int_equal(roundtrip_receipt(load(vectors, vector)), ROUNDTRIP_SAME);
    }
    json_array_foreach(member(vectors->document, "proofs"), i, vector)
    {
        assert_int_equal(roundtrip_proof_file(load(vectors, vector)), ROUNDTRIP_SAME);
    }
}

/* Rejection */

static enum tally_reason judge_rejection(struct vectors *vectors, const json_t *vector,
                                         struct tally_bytes bytes)
{
    struct tl_rejection rejection;
    struct tl_note_key key;
    struct tl_note_key mine;
    key_of(vectors, vector, &key);
    assert_status(tl_rejection_key(&key, &mine), TALLY_OK);
    return reason_of(tl_rejection_open(bytes, &mine, &rejection));
}

static void good_rejection(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    const json_t *fields = member(vector, "fields");
    struct tl_rejection rejection;
    struct tl_note_key key;
    struct tl_note_key mine;
    struct tl_note note;
    char vkey[TL_VKEY_MAX];
    key_of(vectors, vector, &key);
    assert_status(tl_rejection_key(&key, &mine), TALLY_OK);
    tl_note_key_format(&mine, vkey);
    expect_text(vectors->document, "rejection_vkey", tl_bytes_text(vkey));
    assert_status(tl_rejection_open(bytes, &mine, &rejection), TALLY_OK);
    expect_hash(fields, "envelope", &rejection.envelope);
    expect_hash(fields, "submission", &rejection.submission);
    expect_text(fields, "code", tl_bytes_text(tally_reason_name(rejection.code)));
    expect_number(fields, "size", rejection.size);
    expect_number(fields, "roster", rejection.roster);
    expect_number(fields, "time_s", rejection.time_s);
    assert_status(tl_note_decode(bytes, &note), TALLY_OK);
    assert_int_equal(roundtrip_rejection(note.text), ROUNDTRIP_SAME);
}

static int open_rejection(void **state)
{
    return open_vectors(state, "rejection.json");
}

static void test_rejection(void **state)
{
    run_vectors(state, good_rejection, judge_rejection, false);
}

/* Bundle */

static enum tally_reason judge_bundle(struct vectors *vectors, const json_t *vector,
                                      struct tally_bytes bytes)
{
    (void)vectors;
    (void)vector;
    struct tl_bundle bundle;
    enum tally_status status = tl_bundle_decode(bytes, &bundle, NULL);
    if (status == TALLY_OK) {
        tl_bundle_deinit(&bundle);
    }
    return reason_of(status);
}

/* The lines of one kind from *next on against a list of indexes. */
static void expect_indexes(const json_t *fields, const char *key, const struct tl_bundle *bundle,
                           enum tl_bundle_line_kind kind, size_t *next)
{
    size_t i = 0;
    json_t *index = NULL;
    json_array_foreach(member(fields, key), i, index)
    {
        assert_true(*next < bundle->count);
        assert_int_equal(bundle->lines[*next].kind, kind);
        assert_int_equal(bundle->lines[*next].index, json_integer_value(index));
        (*next)++;
    }
}

static void good_bundle(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    (void)vectors;
    const json_t *fields = member(vector, "fields");
    struct tl_bundle bundle;
    size_t next = 0;
    size_t i = 0;
    json_t *part = NULL;
    assert_status(tl_bundle_decode(bytes, &bundle, NULL), TALLY_OK);
    expect_indexes(fields, "constitution", &bundle, TL_BUNDLE_CONSTITUTION, &next);
    assert_int_equal(bundle.lines[next].kind, TL_BUNDLE_LAST);
    expect_number(fields, "last", bundle.lines[next].index);
    next++;
    expect_indexes(fields, "entries", &bundle, TL_BUNDLE_ENTRY, &next);
    json_array_foreach(expect_list(fields, "parts", bundle.count - next), i, part)
    {
        const struct tl_bundle_line *line = &bundle.lines[next + i];
        assert_int_equal(line->kind, TL_BUNDLE_PART);
        expect_number(part, "index", line->index);
        expect_number(part, "position", line->position);
        expect_hex(part, "part", line->bytes);
        expect_proof(part, line->proof, line->proof_count);
    }
    tl_bundle_deinit(&bundle);
    assert_int_equal(roundtrip_bundle(bytes), ROUNDTRIP_SAME);
}

static int open_bundle(void **state)
{
    return open_vectors(state, "bundle.json");
}

static void test_bundle(void **state)
{
    run_vectors(state, good_bundle, judge_bundle, false);
}

/* Entry file */

static enum tally_reason judge_entry_file(struct vectors *vectors, const json_t *vector,
                                          struct tally_bytes bytes)
{
    (void)vectors;
    (void)vector;
    struct tl_entry_file entry;
    enum tally_status status = tl_entry_file_decode(bytes, &entry, NULL);
    if (status == TALLY_OK) {
        tl_entry_file_deinit(&entry);
    }
    return reason_of(status);
}

static void good_entry_file(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes)
{
    (void)vectors;
    const json_t *fields = member(vector, "fields");
    struct tl_entry_file entry;
    struct tl_buffer submission;
    size_t i = 0;
    json_t *file = NULL;
    assert_status(tl_entry_file_decode(bytes, &entry, NULL), TALLY_OK);
    expect_hex(fields, "envelope", entry.envelope);
    expect_blobs(fields, &entry.signatures);
    expect_commitments(fields, entry.commitment_count, entry.commitments);
    expect_deposits(fields, "parts", "part", entry.opened);
    expect_deposits(fields, "sealed", "ciphertext", entry.sealed);
    json_array_foreach(expect_list(fields, "files", entry.exhibit_count), i, file)
    {
        expect_hash(file, "hash", &entry.exhibits[i].hash);
        expect_number(file, "size", entry.exhibits[i].size);
        expect_hex(file, "path", entry.exhibits[i].path);
    }
    tl_buffer_init(&submission, TALLY_SUBMISSION_MAX);
    assert_status(tl_entry_file_submission(&entry, &submission), TALLY_OK);
    expect_hex(fields, "submission", tl_buffer_bytes(&submission));
    tl_buffer_deinit(&submission);
    tl_entry_file_deinit(&entry);
    assert_int_equal(roundtrip_entry_file(bytes), ROUNDTRIP_SAME);
}

static int open_entry_file(void **state)
{
    return open_vectors(state, "entry_file.json");
}

static void test_entry_file(void **state)
{
    run_vectors(state, good_entry_file, judge_entry_file, true);
}

#define VECTORS_TEST(format)                                                                       \
    cmocka_unit_test_setup_teardown(test_##format, open_##format, close_vectors)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VECTORS_TEST(envelope),   VECTORS_TEST(note),      VECTORS_TEST(checkpoint),
        VECTORS_TEST(receipt),    VECTORS_TEST(rejection), VECTORS_TEST(bundle),
        VECTORS_TEST(entry_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
