/* SPDX-License-Identifier: ISC */
#include "tests/codec/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/sshsig.h"
#include "lib/base/sha256.h"
#include "lib/codec/bundle.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/note.h"
#include "lib/tree/tree.h"

#define BUFFER_MAX (1u << 25)
#define FILE_SIZE 20481u

static const char ciphertext[] = "age-encryption.org/v1 pretended ciphertext";

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static struct tally_hash hash_of(uint8_t fill)
{
    struct tally_hash hash;
    memset(hash.bytes, fill, sizeof hash.bytes);
    return hash;
}

struct keys {
    bool made;
    struct tl_secret_key *secrets[SAMPLE_KEYS];
    struct tl_public_key publics[SAMPLE_KEYS];
    struct tl_secret_key *ledger;
    struct tl_note_key note_key;
};

static void make_key(struct keys *keys, unsigned number, uint8_t fill)
{
    struct tally_hash seed = hash_of(fill);
    require(tl_secret_key_from_seed(seed.bytes, &keys->secrets[number]) == TALLY_OK);
    tl_public_key_from_point(tl_secret_key_public(keys->secrets[number]), &keys->publics[number]);
}

static void swap_keys(struct keys *keys, unsigned i)
{
    struct tl_secret_key *secret = keys->secrets[i];
    struct tl_public_key public = keys->publics[i];
    keys->secrets[i] = keys->secrets[i + 1];
    keys->publics[i] = keys->publics[i + 1];
    keys->secrets[i + 1] = secret;
    keys->publics[i + 1] = public;
}

static const struct keys *all_keys(void)
{
    static struct keys keys;
    if (keys.made) {
        return &keys;
    }
    require(tl_ed25519_init() == TALLY_OK);
    for (unsigned i = 0; i < SAMPLE_KEYS; i++) {
        make_key(&keys, i, (uint8_t)(i + 1));
    }
    for (unsigned end = SAMPLE_KEYS - 1; end > 1; end--) {
        for (unsigned i = 1; i < end; i++) {
            if (tl_bytes_compare(tl_public_key_blob(&keys.publics[i]),
                                 tl_public_key_blob(&keys.publics[i + 1])) > 0) {
                swap_keys(&keys, i);
            }
        }
    }
    struct tally_hash seed = hash_of(0x77);
    require(tl_secret_key_from_seed(seed.bytes, &keys.ledger) == TALLY_OK);
    require(tl_note_key_make(tl_bytes_text(SAMPLE_ORIGIN), TL_NOTE_ED25519,
                             tl_secret_key_public(keys.ledger), &keys.note_key) == TALLY_OK);
    keys.made = true;
    return &keys;
}

const struct tl_secret_key *sample_secret(unsigned number)
{
    return all_keys()->secrets[number];
}

const struct tl_public_key *sample_public(unsigned number)
{
    return &all_keys()->publics[number];
}

const struct tl_note_key *sample_note_key(void)
{
    return &all_keys()->note_key;
}

const struct tl_secret_key *sample_ledger_secret(void)
{
    return all_keys()->ledger;
}

void sample_sign(unsigned number, struct tally_bytes message, struct tl_buffer *blob)
{
    struct tl_sshsig sig = {.key = *sample_public(number)};
    struct tl_buffer to_sign;
    tl_buffer_init(&to_sign, BUFFER_MAX);
    tl_sshsig_signed_bytes(message, TL_SSHSIG_NAMESPACE, &to_sign);
    tl_secret_key_sign(sample_secret(number), tl_buffer_bytes(&to_sign), sig.signature);
    tl_sshsig_encode(&sig, TL_SSHSIG_NAMESPACE, blob);
    tl_buffer_deinit(&to_sign);
}

static void set_part(struct sample *sample, unsigned position, const char *name, const char *value)
{
    struct tl_part *part = &sample->parts[position];
    memset(part->salt, (int)(0x40 + position), sizeof part->salt);
    part->author = sample->fields.key;
    part->ledger = sample->ledger;
    part->name = tl_bytes_text(name);
    part->value = tl_bytes_text(value);
}

static void set_parts(struct sample *sample)
{
    set_part(sample, SAMPLE_CONFIDENCE, "/confidence", "\"high\"");
    set_part(sample, SAMPLE_EXHIBIT, "/exhibits/a.pdf", "");
    set_part(sample, SAMPLE_DECOY, "", "");
    set_part(sample, SAMPLE_SEALED_FILE, "/exhibits/b.bin", "");
    set_part(sample, SAMPLE_SEALED, "/origin", "");
    set_part(sample, SAMPLE_WITHHELD, "/source", "\"a person\"");
    set_part(sample, SAMPLE_DECOY_TOO, "", "");
    set_part(sample, SAMPLE_TITLE, "/title", "\"A campaign of the autumn\"");
    sample->exhibits[0] = (struct tl_exhibit_value){
        .sha256 = hash_of(0xa1),
        .size = FILE_SIZE,
        .media_type = tl_bytes_text("application/pdf"),
        .is_stored = true,
        .stored = hash_of(0xa1),
    };
    sample->exhibits[1] = (struct tl_exhibit_value){
        .sha256 = hash_of(0xb2),
        .size = 7,
        .media_type = tl_bytes_text("text/plain; charset=utf-8"),
        .is_stored = true,
        .stored = hash_of(0xc3),
    };
}

void sample_init(struct sample *sample)
{
    memset(sample, 0, sizeof *sample);
    memcpy(sample->letters, "ccwcswwc", SAMPLE_PARTS + 1);
    sample->ledger = hash_of(0x11);
    sample->previous = hash_of(0x22);
    sample->ciphertext = tl_bytes_text(ciphertext);
    sample->files[0] =
        (struct tl_file_line){.sealed = false, .hash = hash_of(0xa1), .size = FILE_SIZE};
    sample->files[1] = (struct tl_file_line){.sealed = true, .hash = hash_of(0xc3), .size = 300};
    sample->refs[0] = (struct tl_ref_line){
        .relation = tl_bytes_text("cites"), .index = 12, .leaf = hash_of(0x33)};
    sample->refs[1] =
        (struct tl_ref_line){.relation = tl_bytes_text("see"), .index = 5, .leaf = hash_of(0x44)};
    sample->fields = (struct tl_envelope_fields){
        .type = tl_bytes_text("finding"),
        .ledger = &sample->ledger,
        .member = tl_bytes_text("alder"),
        .key = sample_public(0)->fingerprint,
        .sequence = 17,
        .previous = &sample->previous,
        .has_seen = true,
        .seen_index = 411,
        .seen_leaf = hash_of(0x55),
        .signed_s = 1795449367,
        .part_count = SAMPLE_PARTS,
        .letters = tl_bytes(sample->letters, SAMPLE_PARTS),
        .sealed = &sample->sealed_line,
        .sealed_count = 1,
        .files = sample->files,
        .file_count = 2,
        .refs = sample->refs,
        .ref_count = 2,
    };
    sample->signer_count = SAMPLE_KEYS;
    set_parts(sample);
    for (unsigned i = 0; i < SAMPLE_PARTS; i++) {
        tl_buffer_init(&sample->part_bytes[i], TL_PART_MAX);
    }
    for (unsigned i = 0; i < SAMPLE_KEYS; i++) {
        tl_buffer_init(&sample->blobs[i], BUFFER_MAX);
    }
    tl_buffer_init(&sample->exhibit_values[0], BUFFER_MAX);
    tl_buffer_init(&sample->exhibit_values[1], BUFFER_MAX);
    tl_buffer_init(&sample->commitments, BUFFER_MAX);
    tl_buffer_init(&sample->envelope, BUFFER_MAX);
    tl_buffer_init(&sample->clear, BUFFER_MAX);
    tl_buffer_init(&sample->sealed, BUFFER_MAX);
}

static void encode_exhibit(struct sample *sample, unsigned number, unsigned position)
{
    struct tl_buffer *value = &sample->exhibit_values[number];
    if (sample->parts[position].value.len == 0) {
        tl_exhibit_value_encode(&sample->exhibits[number], value);
        sample->parts[position].value = tl_buffer_bytes(value);
    }
}

void sample_commit(struct sample *sample)
{
    struct tally_hash leaves[SAMPLE_PARTS];
    tl_buffer_clear(&sample->commitments);
    tl_buffer_clear(&sample->clear);
    tl_buffer_clear(&sample->sealed);
    sample->submission.clear.count = 0;
    sample->submission.sealed.count = 0;
    for (unsigned i = 0; i < SAMPLE_PARTS; i++) {
        struct tally_bytes bytes = tl_buffer_bytes(&sample->part_bytes[i]);
        bool is_decoy = sample->parts[i].name.len == 0;
        leaves[i] = is_decoy ? hash_of((uint8_t)(0xd0 + i)) : tl_part_commitment(bytes);
        tl_buffer_add(&sample->commitments, tl_hash_bytes(&leaves[i]));
        if (sample->letters[i] == 'c') {
            tl_deposit_add(&sample->clear, i, bytes);
            sample->submission.clear.count++;
        }
        if (sample->letters[i] == 's') {
            tl_deposit_add(&sample->sealed, i, sample->ciphertext);
            sample->submission.sealed.count++;
        }
    }
    sample->fields.parts_root = tl_tree_root_of(leaves, SAMPLE_PARTS);
    sample->submission.commitment_count = SAMPLE_PARTS;
    sample->submission.commitments = tl_buffer_bytes(&sample->commitments);
    sample->submission.clear.items = tl_buffer_bytes(&sample->clear);
    sample->submission.sealed.items = tl_buffer_bytes(&sample->sealed);
}

void sample_build(struct sample *sample)
{
    encode_exhibit(sample, 0, SAMPLE_EXHIBIT);
    encode_exhibit(sample, 1, SAMPLE_SEALED_FILE);
    for (unsigned i = 0; i < SAMPLE_PARTS; i++) {
        tl_buffer_clear(&sample->part_bytes[i]);
        tl_part_encode(&sample->parts[i], &sample->part_bytes[i]);
        require(sample->part_bytes[i].status == TALLY_OK);
    }
    if (sample->sealed_line.size == 0) {
        sample->sealed_line = (struct tl_sealed_line){
            .position = SAMPLE_SEALED,
            .hash = tl_sha256(sample->ciphertext),
            .size = sample->ciphertext.len,
        };
    }
    sample_commit(sample);
    tl_buffer_clear(&sample->envelope);
    require(tl_envelope_encode(&sample->fields, &sample->envelope, NULL) == TALLY_OK);
    struct tally_bytes envelope = tl_buffer_bytes(&sample->envelope);
    require(tl_envelope_decode(envelope, &sample->decoded, NULL) == TALLY_OK);
    sample->signatures.count = sample->signer_count;
    for (unsigned i = 0; i < sample->signer_count; i++) {
        tl_buffer_clear(&sample->blobs[i]);
        sample_sign(i, envelope, &sample->blobs[i]);
        sample->signatures.blobs[i] = tl_buffer_bytes(&sample->blobs[i]);
    }
    sample->submission.envelope = envelope;
    sample->submission.signatures = sample->signatures;
}

void sample_free(struct sample *sample)
{
    for (unsigned i = 0; i < SAMPLE_PARTS; i++) {
        tl_buffer_deinit(&sample->part_bytes[i]);
    }
    for (unsigned i = 0; i < SAMPLE_KEYS; i++) {
        tl_buffer_deinit(&sample->blobs[i]);
    }
    tl_buffer_deinit(&sample->exhibit_values[0]);
    tl_buffer_deinit(&sample->exhibit_values[1]);
    tl_buffer_deinit(&sample->commitments);
    tl_buffer_deinit(&sample->envelope);
    tl_buffer_deinit(&sample->clear);
    tl_buffer_deinit(&sample->sealed);
}

void sample_submission(const struct sample *sample, struct tl_buffer *buffer)
{
    tl_submission_encode(&sample->submission, buffer);
    require(buffer->status == TALLY_OK);
}

void sample_record(const struct sample *sample, uint64_t index, struct tl_buffer *buffer)
{
    struct tl_record record = {
        .index = index,
        .received_us = UINT64_C(1795449368000123),
        .link = hash_of(0x66),
        .roster = 3,
        .envelope = tl_buffer_bytes(&sample->envelope),
        .signatures = sample->signatures,
    };
    require(tl_record_encode(&record, buffer) == TALLY_OK);
}

void sample_checkpoint(uint64_t size, const struct tally_hash *root, struct tl_buffer *buffer)
{
    struct tl_checkpoint checkpoint = {
        .origin = tl_bytes_text(SAMPLE_ORIGIN), .size = size, .root = *root};
    struct tl_buffer text;
    tl_buffer_init(&text, BUFFER_MAX);
    tl_checkpoint_encode(&checkpoint, &text);
    tl_note_sign(tl_buffer_bytes(&text), sample_note_key(), sample_ledger_secret(), buffer);
    require(text.status == TALLY_OK && buffer->status == TALLY_OK);
    tl_buffer_deinit(&text);
}

/* A tree of 8 leaves in which all but the record at index are made up. */
void sample_receipt(const struct sample *sample, uint64_t index, struct tl_buffer *buffer)
{
    enum { SIZE = 8 };
    struct tally_hash leaves[SIZE];
    struct tl_tree_proof proof;
    struct tl_buffer record;
    struct tl_buffer checkpoint;
    uint8_t seal[TALLY_SIGNATURE_LEN];
    tl_buffer_init(&record, TALLY_RECORD_MAX);
    tl_buffer_init(&checkpoint, BUFFER_MAX);
    /* The root is the same whichever index is asked for, so that a bundle can hold several. */
    for (unsigned i = 0; i < SIZE; i++) {
        tl_buffer_clear(&record);
        sample_record(sample, i, &record);
        leaves[i] = tl_tree_leaf(tl_buffer_bytes(&record));
    }
    tl_buffer_clear(&record);
    sample_record(sample, index, &record);
    tl_seal_sign(sample_ledger_secret(), &leaves[index], seal);
    require(tl_tree_prove_inclusion_of(leaves, SIZE, (size_t)index, &proof) == TALLY_OK);
    struct tally_hash root = tl_tree_root_of(leaves, SIZE);
    sample_checkpoint(SIZE, &root, &checkpoint);
    tl_receipt_encode(tl_buffer_bytes(&record), seal, index, &proof, tl_buffer_bytes(&checkpoint),
                      buffer);
    require(buffer->status == TALLY_OK);
    tl_buffer_deinit(&record);
    tl_buffer_deinit(&checkpoint);
}

void sample_rejection(struct tl_buffer *buffer)
{
    struct tl_rejection rejection = {
        .envelope = hash_of(0x01),
        .submission = hash_of(0x02),
        .code = TALLY_REASON_SEQUENCE_GAP,
        .size = 412,
        .roster = 3,
        .time_s = 1795449368,
    };
    struct tl_note_key key;
    require(tl_rejection_key(sample_note_key(), &key) == TALLY_OK);
    tl_rejection_sign(&rejection, &key, sample_ledger_secret(), buffer);
    require(buffer->status == TALLY_OK);
}

void sample_entry_file(const struct sample *sample, struct tl_buffer *buffer)
{
    struct tl_buffer opened;
    struct tl_entry_exhibit exhibits[2] = {
        {.hash = sample->files[0].hash,
         .size = sample->files[0].size,
         .path = tl_bytes_text("/home/an analyst/100%/\xc3\xa9.pdf")},
        {.hash = sample->files[1].hash, .size = sample->files[1].size, .path = tl_bytes_text("b")},
    };
    struct tl_entry_file entry = {
        .envelope = tl_buffer_bytes(&sample->envelope),
        .signatures = sample->signatures,
        .commitment_count = SAMPLE_PARTS,
        .commitments = tl_buffer_bytes(&sample->commitments),
        .sealed = sample->submission.sealed,
        .exhibit_count = 2,
        .exhibits = exhibits,
    };
    tl_buffer_init(&opened, BUFFER_MAX);
    for (unsigned i = 0; i < SAMPLE_PARTS; i++) {
        if (sample->parts[i].name.len > 0 && sample->letters[i] != 's') {
            tl_deposit_add(&opened, i, tl_buffer_bytes(&sample->part_bytes[i]));
            entry.opened.count++;
        }
    }
    entry.opened.items = tl_buffer_bytes(&opened);
    tl_entry_file_encode(&entry, buffer);
    require(opened.status == TALLY_OK && buffer->status == TALLY_OK);
    tl_buffer_deinit(&opened);
}

static void add_proof(const struct sample *sample, enum tl_bundle_line_kind kind, uint64_t index,
                      struct tl_buffer *buffer)
{
    struct tl_buffer receipt;
    tl_buffer_init(&receipt, TL_RECEIPT_MAX);
    sample_receipt(sample, index, &receipt);
    tl_bundle_add_proof(buffer, kind, tl_buffer_bytes(&receipt));
    tl_buffer_deinit(&receipt);
}

void sample_bundle(const struct sample *sample, struct tl_buffer *buffer)
{
    static const unsigned positions[] = {SAMPLE_CONFIDENCE, SAMPLE_WITHHELD, SAMPLE_TITLE};
    struct tally_hash leaves[SAMPLE_PARTS];
    struct tl_tree_proof proof;
    tl_bundle_begin(buffer);
    add_proof(sample, TL_BUNDLE_CONSTITUTION, 0, buffer);
    add_proof(sample, TL_BUNDLE_CONSTITUTION, 3, buffer);
    add_proof(sample, TL_BUNDLE_LAST, 7, buffer);
    add_proof(sample, TL_BUNDLE_ENTRY, 4, buffer);
    add_proof(sample, TL_BUNDLE_ENTRY, 6, buffer);
    memcpy(leaves, sample->commitments.ptr, sizeof leaves);
    for (unsigned i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        require(tl_tree_prove_inclusion_of(leaves, SAMPLE_PARTS, positions[i], &proof) == TALLY_OK);
        tl_bundle_add_part(buffer, 6, positions[i],
                           tl_buffer_bytes(&sample->part_bytes[positions[i]]), proof.hashes,
                           proof.count);
    }
    require(buffer->status == TALLY_OK);
}

static void add_constitution(struct tl_envelope_fields *fields, struct tl_buffer *buffer)
{
    fields->member = tl_bytes_text("alder");
    fields->key = sample_public(0)->fingerprint;
    fields->signed_s = 1795449367;
    fields->parts_root = tl_tree_empty();
    require(tl_envelope_encode(fields, buffer, NULL) == TALLY_OK);
}

void sample_charter(struct tl_buffer *buffer)
{
    char key[TL_KEY_LINE_MAX];
    char operation[TL_KEY_LINE_MAX + 64];
    tl_public_key_to_text(sample_public(0), key);
    int len = snprintf(operation, sizeof operation, "key alder author,govern %s", key);
    require(len > 0 && (size_t)len < sizeof operation);
    struct tally_bytes ops[] = {
        tl_bytes_text("origin " SAMPLE_ORIGIN),
        tl_bytes_text("rules 1"),
        tl_bytes_text("sample yes"),
        tl_bytes_text("threshold amend 1"),
        tl_bytes_text("member alder The Alder Team"),
        tl_bytes_text(operation),
    };
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text("charter"), .ops = ops, .op_count = sizeof ops / sizeof ops[0]};
    add_constitution(&fields, buffer);
}

void sample_amendment(struct tl_buffer *buffer)
{
    struct tally_hash ledger = hash_of(0x11);
    struct tally_bytes op = tl_bytes_text("withdraw birch");
    struct tl_ref_line ref = {
        .relation = tl_bytes_text("amends"), .index = 0, .leaf = hash_of(0x12)};
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text("amendment"),
        .ledger = &ledger,
        .has_seen = true,
        .seen_index = 9,
        .seen_leaf = hash_of(0x13),
        .refs = &ref,
        .ref_count = 1,
        .ops = &op,
        .op_count = 1,
    };
    add_constitution(&fields, buffer);
}
