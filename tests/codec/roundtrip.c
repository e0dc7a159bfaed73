/* SPDX-License-Identifier: ISC */
#include "tests/codec/roundtrip.h"

#include <stdlib.h>

#include "keys/sshsig.h"
#include "lib/codec/bundle.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/entry_file.h"
#include "lib/codec/envelope.h"
#include "lib/codec/note.h"
#include "lib/codec/part.h"
#include "lib/codec/receipt.h"
#include "lib/codec/record.h"
#include "lib/codec/rejection.h"
#include "lib/codec/submission.h"

#define BUFFER_MAX (TL_BUNDLE_MAX * 2u)

/* Compares what was encoded with what was decoded, and ends the buffer. */
static enum roundtrip verdict(struct tl_buffer *encoded, struct tally_bytes bytes)
{
    bool same = encoded->status == TALLY_OK && tl_bytes_equal(tl_buffer_bytes(encoded), bytes);
    tl_buffer_deinit(encoded);
    return same ? ROUNDTRIP_SAME : ROUNDTRIP_DIFFERENT;
}

static void *table(size_t count, size_t len)
{
    void *memory = calloc(count == 0 ? 1 : count, len);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* The fields of a decoded envelope; the four tables are the caller's to free. */
static struct tl_envelope_fields fields_of(const struct tl_envelope *envelope,
                                           struct tl_sealed_line **sealed,
                                           struct tl_file_line **files, struct tl_ref_line **refs,
                                           struct tally_bytes **ops)
{
    struct tally_bytes sealed_lines = envelope->sealed_lines;
    struct tally_bytes file_lines = envelope->file_lines;
    struct tally_bytes ref_lines = envelope->ref_lines;
    struct tally_bytes op_lines = envelope->op_lines;
    struct tl_envelope_fields fields = {
        .type = envelope->type,
        .ledger = envelope->has_ledger ? &envelope->ledger : NULL,
        .member = envelope->member,
        .key = envelope->key,
        .sequence = envelope->sequence,
        .previous = envelope->has_previous ? &envelope->previous : NULL,
        .has_seen = envelope->has_seen,
        .seen_index = envelope->seen_index,
        .seen_leaf = envelope->seen_leaf,
        .signed_s = envelope->signed_s,
        .part_count = envelope->part_count,
        .parts_root = envelope->parts_root,
        .letters = envelope->letters,
    };
    *sealed = (struct tl_sealed_line *)table(envelope->sealed_count, sizeof **sealed);
    *files = (struct tl_file_line *)table(envelope->file_count, sizeof **files);
    *refs = (struct tl_ref_line *)table(envelope->ref_count, sizeof **refs);
    *ops = (struct tally_bytes *)table(envelope->op_count, sizeof **ops);
    while (fields.sealed_count < envelope->sealed_count &&
           tl_envelope_next_sealed(&sealed_lines, &(*sealed)[fields.sealed_count])) {
        fields.sealed_count++;
    }
    while (fields.file_count < envelope->file_count &&
           tl_envelope_next_file(&file_lines, &(*files)[fields.file_count])) {
        fields.file_count++;
    }
    while (fields.ref_count < envelope->ref_count &&
           tl_envelope_next_ref(&ref_lines, &(*refs)[fields.ref_count])) {
        fields.ref_count++;
    }
    while (fields.op_count < envelope->op_count &&
           tl_envelope_next_op(&op_lines, &(*ops)[fields.op_count])) {
        fields.op_count++;
    }
    fields.sealed = *sealed;
    fields.files = *files;
    fields.refs = *refs;
    fields.ops = *ops;
    return fields;
}

enum roundtrip roundtrip_envelope(struct tally_bytes bytes)
{
    struct tl_envelope envelope;
    struct tl_envelope_fault fault = {.line = 0, .what = NULL};
    struct tl_sealed_line *sealed = NULL;
    struct tl_file_line *files = NULL;
    struct tl_ref_line *refs = NULL;
    struct tally_bytes *ops = NULL;
    struct tl_buffer buffer;
    if (tl_envelope_decode(bytes, &envelope, &fault) != TALLY_OK) {
        return fault.line > 0 && fault.what != NULL ? ROUNDTRIP_REFUSED : ROUNDTRIP_DIFFERENT;
    }
    struct tl_envelope_fields fields = fields_of(&envelope, &sealed, &files, &refs, &ops);
    tl_buffer_init(&buffer, BUFFER_MAX);
    enum tally_status status = tl_envelope_encode(&fields, &buffer, &fault);
    free(sealed);
    free(files);
    free(refs);
    free(ops);
    if (status != TALLY_OK) {
        tl_buffer_deinit(&buffer);
        return ROUNDTRIP_DIFFERENT;
    }
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_part(struct tally_bytes bytes)
{
    struct tl_part part;
    struct tl_buffer buffer;
    if (tl_part_decode(bytes, &part) != TALLY_OK) {
        return ROUNDTRIP_REFUSED;
    }
    tl_buffer_init(&buffer, BUFFER_MAX);
    tl_part_encode(&part, &buffer);
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_exhibit(struct tally_bytes bytes)
{
    struct tl_exhibit_value exhibit;
    struct tl_buffer buffer;
    if (tl_exhibit_value_decode(bytes, &exhibit) != TALLY_OK) {
        return ROUNDTRIP_REFUSED;
    }
    tl_buffer_init(&buffer, BUFFER_MAX);
    tl_exhibit_value_encode(&exhibit, &buffer);
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_record(struct tally_bytes bytes)
{
    struct tl_record record;
    struct tl_buffer buffer;
    if (tl_record_decode(bytes, &record) != TALLY_OK) {
        return ROUNDTRIP_REFUSED;
    }
    tl_buffer_init(&buffer, BUFFER_MAX);
    if (tl_record_encode(&record, &buffer) != TALLY_OK) {
        tl_buffer_deinit(&buffer);
        return ROUNDTRIP_DIFFERENT;
    }
    return verdict(&buffer, bytes);
}

static void rebuild(struct tl_deposit_list list, struct tl_buffer *buffer)
{
    struct tl_deposit deposit;
    while (tl_deposit_next(&list, &deposit)) {
        tl_deposit_add(buffer, deposit.position, deposit.bytes);
    }
}

enum roundtrip roundtrip_submission(struct tally_bytes bytes)
{
    struct tl_submission submission;
    struct tl_envelope envelope;
    struct tl_buffer clear;
    struct tl_buffer sealed;
    struct tl_buffer buffer;
    if (tl_submission_decode(bytes, &submission) != TALLY_OK) {
        return ROUNDTRIP_REFUSED;
    }
    /* Whatever was framed well must also be judged without harm. */
    if (tl_envelope_decode(submission.envelope, &envelope, NULL) == TALLY_OK) {
        (void)tl_submission_check(&submission, &envelope);
    }
    tl_buffer_init(&clear, BUFFER_MAX);
    tl_buffer_init(&sealed, BUFFER_MAX);
    tl_buffer_init(&buffer, BUFFER_MAX);
    rebuild(submission.clear, &clear);
    rebuild(submission.sealed, &sealed);
    submission.clear.items = tl_buffer_bytes(&clear);
    submission.sealed.items = tl_buffer_bytes(&sealed);
    tl_submission_encode(&submission, &buffer);
    tl_buffer_deinit(&clear);
    tl_buffer_deinit(&sealed);
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_note(struct tally_bytes bytes)
{
    struct tl_note note;
    struct tl_note_signature signature;
    struct tl_buffer buffer;
    unsigned count = 0;
    if (tl_note_decode(bytes, &note) != TALLY_OK) {
        return ROUNDTRIP_REFUSED;
    }
    struct tally_bytes lines = note.signatures;
    while (tl_note_next_signature(&lines, &signature)) {
        count++;
    }
    if (lines.len > 0 || count == 0 || count > TL_NOTE_SIGNATURE_COUNT_MAX) {
        return ROUNDTRIP_DIFFERENT;
    }
    tl_buffer_init(&buffer, BUFFER_MAX);
    tl_buffer_add(&buffer, note.text);
    tl_buffer_add_text(&buffer, "\n");
    lines = note.signatures;
    while (tl_note_next_signature(&lines, &signature)) {
        struct tl_note_key key;
        if (signature.bytes_len > sizeof signature.bytes || signature.name.len >= sizeof key.name) {
            /* Longer than what is kept of it: cannot be written again from the parts. */
            tl_buffer_deinit(&buffer);
            return ROUNDTRIP_SAME;
        }
        for (size_t i = 0; i < signature.name.len; i++) {
            key.name[i] = (char)signature.name.ptr[i];
        }
        key.name[signature.name.len] = '\0';
        for (size_t i = 0; i < sizeof key.id; i++) {
            key.id[i] = signature.id[i];
        }
        tl_note_add_line(&key, tl_bytes(signature.bytes, signature.bytes_len), &buffer);
    }
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_checkpoint(struct tally_bytes bytes)
{
    struct tl_checkpoint checkpoint;
    struct tl_buffer buffer;
    if (tl_checkpoint_decode(bytes, &checkpoint) != TALLY_OK) {
        return ROUNDTRIP_REFUSED;
    }
    tl_buffer_init(&buffer, BUFFER_MAX);
    tl_checkpoint_encode(&checkpoint, &buffer);
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_rejection(struct tally_bytes bytes)
{
    struct tl_rejection rejection;
    struct tl_buffer buffer;
    if (tl_rejection_decode(bytes, &rejection) != TALLY_OK) {
        return ROUNDTRIP_REFUSED;
    }
    tl_buffer_init(&buffer, BUFFER_MAX);
    tl_rejection_encode(&rejection, &buffer);
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_proof_file(struct tally_bytes bytes)
{
    struct tl_proof_file file;
    struct tl_buffer buffer;
    if (tl_proof_file_decode(bytes, &file) != TALLY_OK) {
        return ROUNDTRIP_REFUSED;
    }
    tl_buffer_init(&buffer, BUFFER_MAX);
    tl_proof_file_encode(&file, &buffer);
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_receipt(struct tally_bytes bytes)
{
    struct tl_receipt receipt;
    struct tl_buffer buffer;
    if (tl_receipt_decode(bytes, &receipt) != TALLY_OK) {
        return ROUNDTRIP_REFUSED;
    }
    tl_buffer_init(&buffer, BUFFER_MAX);
    tl_receipt_encode(receipt.record, receipt.seal, receipt.index, &receipt.proof,
                      receipt.checkpoint, &buffer);
    tl_receipt_deinit(&receipt);
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_bundle(struct tally_bytes bytes)
{
    struct tl_bundle bundle;
    struct tl_buffer buffer;
    unsigned line = 0;
    if (tl_bundle_decode(bytes, &bundle, &line) != TALLY_OK) {
        return line > 0 || bytes.len > TL_BUNDLE_MAX ? ROUNDTRIP_REFUSED : ROUNDTRIP_DIFFERENT;
    }
    tl_buffer_init(&buffer, BUFFER_MAX);
    tl_bundle_begin(&buffer);
    for (size_t i = 0; i < bundle.count; i++) {
        const struct tl_bundle_line *item = &bundle.lines[i];
        if (item->kind == TL_BUNDLE_PART) {
            tl_bundle_add_part(&buffer, item->index, item->position, item->bytes, item->proof,
                               item->proof_count);
        } else {
            tl_bundle_add_proof(&buffer, item->kind, item->bytes);
        }
    }
    tl_bundle_deinit(&bundle);
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_entry_file(struct tally_bytes bytes)
{
    struct tl_entry_file entry;
    struct tl_buffer buffer;
    unsigned line = 0;
    if (tl_entry_file_decode(bytes, &entry, &line) != TALLY_OK) {
        return line > 0 || bytes.len > TALLY_ENTRY_FILE_MAX ? ROUNDTRIP_REFUSED
                                                            : ROUNDTRIP_DIFFERENT;
    }
    tl_buffer_init(&buffer, BUFFER_MAX);
    if (tl_entry_file_submission(&entry, &buffer) == TALLY_OK &&
        roundtrip_submission(tl_buffer_bytes(&buffer)) != ROUNDTRIP_SAME) {
        buffer.status = TALLY_EINTERNAL;
    } else {
        tl_buffer_clear(&buffer);
        tl_entry_file_encode(&entry, &buffer);
    }
    tl_entry_file_deinit(&entry);
    return verdict(&buffer, bytes);
}

enum roundtrip roundtrip_sshsig(struct tally_bytes bytes)
{
    struct tl_sshsig sig;
    struct tl_buffer buffer;
    if (tl_sshsig_decode(bytes, TL_SSHSIG_NAMESPACE, &sig) != TALLY_OK) {
        return ROUNDTRIP_REFUSED;
    }
    (void)tl_sshsig_verify(&sig, tl_bytes_text("message"), TL_SSHSIG_NAMESPACE);
    tl_buffer_init(&buffer, BUFFER_MAX);
    tl_sshsig_encode(&sig, TL_SSHSIG_NAMESPACE, &buffer);
    return verdict(&buffer, bytes);
}
