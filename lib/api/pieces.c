/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <tally/verify.h>

#include "keys/note_key.h"
#include "lib/base/text.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/record.h"
#include "lib/codec/submission.h"
#include "lib/tree/tree.h"

enum tally_status tally_hash_parse(const char *text, struct tally_hash *ret_hash)
{
    return tl_hash_parse(tl_bytes_text(text), ret_hash);
}

void tally_hash_format(const struct tally_hash *hash, char dst[45])
{
    tl_hash_format(hash, dst);
}

enum tally_status tally_checkpoint_open(struct tally_bytes note, const char *vkey,
                                        struct tally_checkpoint *ret_checkpoint)
{
    struct tl_note_key key;
    struct tl_checkpoint checkpoint;
    enum tally_status status = tl_note_key_parse(tl_bytes_text(vkey), &key);
    if (status == TALLY_OK && !tl_is_origin(tl_bytes_text(key.name))) {
        status = TALLY_EFORMAT;
    }
    if (status == TALLY_OK) {
        status = tl_checkpoint_open(note, &key, &checkpoint);
    }
    if (status != TALLY_OK) {
        return status;
    }
    *ret_checkpoint = (struct tally_checkpoint){.size = checkpoint.size, .root = checkpoint.root};
    memcpy(ret_checkpoint->origin, key.name, strlen(key.name));
    return TALLY_OK;
}

bool tally_verify_inclusion(const struct tally_hash *leaf, uint64_t index, uint64_t size,
                            const struct tally_hash *proof, size_t proof_count,
                            const struct tally_hash *root)
{
    return tl_tree_verify_inclusion(leaf, index, size, proof, proof_count, root);
}

bool tally_verify_consistency(uint64_t old_size, const struct tally_hash *old_root,
                              uint64_t new_size, const struct tally_hash *new_root,
                              const struct tally_hash *proof, size_t proof_count)
{
    return tl_tree_verify_consistency(old_size, old_root, new_size, new_root, proof, proof_count);
}

enum tally_status tally_record_decode(struct tally_bytes bytes, struct tally_record *ret_record)
{
    struct tl_record record;
    enum tally_status status = tl_record_decode(bytes, &record);
    if (status == TALLY_OK) {
        *ret_record = (struct tally_record){
            .index = record.index,
            .received_us = record.received_us,
            .link = record.link,
            .roster = record.roster,
            .envelope = record.envelope,
            .signature_count = record.signatures.count,
            .leaf = tl_tree_leaf(bytes),
        };
    }
    return status;
}

enum tally_reason tally_verify_record_signatures(struct tally_bytes bytes)
{
    struct tl_record record;
    struct tl_envelope envelope;
    if (tl_record_decode(bytes, &record) != TALLY_OK ||
        tl_envelope_decode(record.envelope, &envelope, NULL) != TALLY_OK) {
        return TALLY_REASON_MALFORMED;
    }
    enum tally_reason reason = tl_signatures_check(&record.signatures, &envelope);
    for (unsigned i = 0; i < record.signatures.count && reason == TALLY_REASON_NONE; i++) {
        reason = tl_signature_verify(&record.signatures, i, record.envelope);
    }
    return reason;
}

bool tally_verify_seal(const struct tally_hash *leaf, const uint8_t *seal, const char *vkey)
{
    struct tl_note_key key;
    return tl_note_key_parse(tl_bytes_text(vkey), &key) == TALLY_OK &&
           key.type == TL_NOTE_ED25519 && tl_seal_verify(key.point, leaf, seal);
}
