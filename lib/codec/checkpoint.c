/* SPDX-License-Identifier: ISC */
#include "lib/codec/checkpoint.h"

#include "lib/base/text.h"
#include "lib/tree/tree.h"

enum tally_status tl_checkpoint_decode(struct tally_bytes text,
                                       struct tl_checkpoint *ret_checkpoint)
{
    struct tl_reader reader = tl_reader_over(text);
    struct tl_checkpoint checkpoint;
    checkpoint.origin = tl_read_line(&reader);
    struct tally_bytes size = tl_read_line(&reader);
    struct tally_bytes root = tl_read_line(&reader);
    if (tl_reader_finish(&reader) != TALLY_OK || !tl_is_origin(checkpoint.origin) ||
        tl_decimal_parse(size, &checkpoint.size) != TALLY_OK ||
        tl_hash_parse(root, &checkpoint.root) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    if (checkpoint.size == 0) {
        struct tally_hash empty = tl_tree_empty();
        if (!tl_hash_equal(&checkpoint.root, &empty)) {
            return TALLY_EFORMAT;
        }
    }
    *ret_checkpoint = checkpoint;
    return TALLY_OK;
}

void tl_checkpoint_encode(const struct tl_checkpoint *checkpoint, struct tl_buffer *buffer)
{
    tl_buffer_add(buffer, checkpoint->origin);
    tl_buffer_add_text(buffer, "\n");
    tl_buffer_add_decimal(buffer, checkpoint->size);
    tl_buffer_add_text(buffer, "\n");
    tl_buffer_add_base64(buffer, tl_hash_bytes(&checkpoint->root));
    tl_buffer_add_text(buffer, "\n");
}

enum tally_status tl_checkpoint_open(struct tally_bytes bytes, const struct tl_note_key *key,
                                     struct tl_checkpoint *ret_checkpoint)
{
    struct tl_note note;
    struct tl_checkpoint checkpoint;
    if (tl_note_decode(bytes, &note) != TALLY_OK ||
        tl_checkpoint_decode(note.text, &checkpoint) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    if (!tl_bytes_equal(checkpoint.origin, tl_bytes_text(key->name))) {
        return TALLY_EKEY;
    }
    enum tally_status status = tl_note_verify(&note, key);
    if (status == TALLY_OK) {
        *ret_checkpoint = checkpoint;
    }
    return status;
}
