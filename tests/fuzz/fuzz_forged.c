/* SPDX-License-Identifier: ISC */
/*
 * Target: the judge, behind seals, links and signatures that hold. The input edits one record of a
 * good ledger; then its host, who has the ledger's keys, makes the rest fit. A host alone can
 * change nothing but the time of receipt. Where the author helps, who signs the edited envelope
 * again, the ledger is found good only with an envelope that is written the one way that there is.
 */
#include <string.h>

#include "keys/sshsig.h"
#include "lib/archive/verify_ledger.h"
#include "tests/codec/roundtrip.h"
#include "tests/fuzz/edit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/ledger_fixture.h"

#define EDITS_MAX 12u

static struct ledger_fixture *ledger;
static struct tl_buffer *good;

static void append(const char *type, size_t author, const struct fixture_ref *ref)
{
    static const struct fixture_part parts[] = {{"/a", "\"v\"", 'c'}, {"/b", "cipher", 's'}};
    static const struct fixture_file files[] = {{false, "file", 0}};
    struct fixture_entry entry = {.type = type,
                                  .author = author,
                                  .parts = parts,
                                  .part_count = 2,
                                  .files = files,
                                  .file_count = 1,
                                  .refs = ref,
                                  .ref_count = ref == NULL ? 0 : 1};
    (void)fixture_append(ledger, &entry);
}

static void make_ledger(void)
{
    static const char *const ops[] = {"admit m7 Member Seven"};
    static const struct fixture_ref about = {"corroborates", 1};
    if (ledger != NULL) {
        return;
    }
    ledger = fixture_new("fuzz", 2);
    append("finding", 0, NULL);
    append("corroboration", 1, &about);
    (void)fixture_amend(ledger, ops, 1, 3);
    append("finding", 0, NULL);
    good = (struct tl_buffer *)calloc(ledger->record_count, sizeof *good);
    FUZZ_REQUIRE(good != NULL);
    for (size_t i = 0; i < ledger->record_count; i++) {
        tl_buffer_init(&good[i], TALLY_RECORD_MAX);
        tl_buffer_add(&good[i], tl_buffer_bytes(&ledger->records[i].bytes));
    }
}

static const struct fixture_key *author_of(struct tally_bytes envelope)
{
    struct tl_envelope decoded;
    for (size_t i = 0; i < ledger->key_count; i++) {
        if (tl_envelope_decode(envelope, &decoded, NULL) == TALLY_OK &&
            tl_hash_equal(&decoded.key, &ledger->keys[i].key.fingerprint)) {
            return &ledger->keys[i];
        }
    }
    return NULL;
}

/* The author's signature over the envelope, in the place of the first one. */
static bool sign(struct tl_record *record, struct tl_buffer *blob)
{
    const struct fixture_key *author = author_of(record->envelope);
    struct tl_buffer message;
    struct tl_sshsig sig = {.flags = 0};
    if (author == NULL || record->signatures.count == 0) {
        return false;
    }
    tl_buffer_init(&message, TALLY_RECORD_MAX);
    tl_sshsig_signed_bytes(record->envelope, TL_SSHSIG_NAMESPACE, &message);
    sig.key = author->key;
    tl_secret_key_sign(author->secret, tl_buffer_bytes(&message), sig.signature);
    tl_sshsig_encode(&sig, TL_SSHSIG_NAMESPACE, blob);
    record->signatures.blobs[0] = tl_buffer_bytes(blob);
    tl_buffer_deinit(&message);
    return true;
}

static void edit_envelope(struct tl_reader *edits, struct tl_buffer *bytes)
{
    struct tl_record record;
    struct tl_buffer envelope;
    struct tl_buffer blob;
    struct tl_buffer again;
    struct edit edit;
    FUZZ_REQUIRE(tl_record_decode(tl_buffer_bytes(bytes), &record) == TALLY_OK);
    tl_buffer_init(&envelope, TALLY_ENVELOPE_MAX);
    tl_buffer_init(&blob, TL_SSHSIG_BLOB_MAX);
    tl_buffer_init(&again, TALLY_RECORD_MAX);
    tl_buffer_add(&envelope, record.envelope);
    for (unsigned n = 0; n < EDITS_MAX && edit_next(edits, &edit); n++) {
        edit_apply(&edit, &envelope);
    }
    record.envelope = tl_buffer_bytes(&envelope);
    if (sign(&record, &blob) && tl_record_encode(&record, &again) == TALLY_OK) {
        tl_buffer_clear(bytes);
        tl_buffer_add(bytes, tl_buffer_bytes(&again));
    }
    tl_buffer_deinit(&envelope);
    tl_buffer_deinit(&blob);
    tl_buffer_deinit(&again);
}

static void edit_record(struct tl_reader *edits, struct tl_buffer *bytes)
{
    struct edit edit;
    for (unsigned n = 0; n < EDITS_MAX && edit_next(edits, &edit); n++) {
        edit_apply(&edit, bytes);
    }
}

/* All but the time of receipt. */
static bool same_record(struct tally_bytes a, struct tally_bytes b)
{
    const size_t time_at = 9;
    const size_t behind = time_at + 8;
    return a.len == b.len && a.len > behind && memcmp(a.ptr, b.ptr, time_at) == 0 &&
           memcmp(a.ptr + behind, b.ptr + behind, a.len - behind) == 0;
}

static bool is_found_good(void)
{
    struct tl_verify_options options = {.ledger = &ledger->ledger};
    struct tl_verified_ledger verified;
    struct memory_source *memory = fixture_archive(ledger, ledger->record_count);
    enum tally_status status = tl_verify_ledger(&memory->source, &options, &verified);
    bool is_good = status == TALLY_OK && tl_report_exit_code(&verified.report) == 0;
    if (status == TALLY_OK) {
        tl_verified_ledger_deinit(&verified);
    }
    memory_source_free(memory);
    return is_good;
}

static void check(size_t number, struct tally_bytes bytes, bool is_helped)
{
    struct tl_record record;
    struct tally_bytes before = tl_buffer_bytes(&good[number]);
    fixture_set_bytes(ledger, number, bytes);
    fixture_relink(ledger, number + 1);
    bool is_good = is_found_good();
    FUZZ_REQUIRE(is_good || !tl_bytes_equal(bytes, before));
    FUZZ_REQUIRE(!is_good || is_helped || same_record(bytes, before));
    if (is_good) {
        FUZZ_REQUIRE(tl_record_decode(bytes, &record) == TALLY_OK);
        FUZZ_REQUIRE(roundtrip_envelope(record.envelope) == ROUNDTRIP_SAME);
    }
    for (size_t i = number; i < ledger->record_count; i++) {
        fixture_set_bytes(ledger, i, tl_buffer_bytes(&good[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_reader reader = tl_reader_over(tl_bytes(data, size));
    uint8_t head = tl_read_u8(&reader);
    struct tl_buffer bytes;
    if (reader.status != TALLY_OK) {
        return 0;
    }
    fuzz_start();
    make_ledger();
    bool is_helped = (head & 1u) != 0;
    size_t number = (head >> 1) % ledger->record_count;
    tl_buffer_init(&bytes, TALLY_RECORD_MAX * 2);
    tl_buffer_add(&bytes, tl_buffer_bytes(&good[number]));
    if (is_helped) {
        edit_envelope(&reader, &bytes);
    } else {
        edit_record(&reader, &bytes);
    }
    check(number, tl_buffer_bytes(&bytes), is_helped);
    tl_buffer_deinit(&bytes);
    return 0;
}
