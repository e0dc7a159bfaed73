/* SPDX-License-Identifier: ISC */
#include "lib/codec/checkpoint.h"
#include "lib/codec/receipt.h"
#include "lib/store/rebuild.h"
#include "lib/store/store.h"

/* The signed checkpoint of an older size from its kept signature lines. */
static enum tally_status rebuild_note(struct tl_store *store, const char *origin, uint64_t size,
                                      struct tally_bytes lines, struct tl_buffer *note)
{
    struct tl_checkpoint checkpoint = {.origin = tl_bytes_text(origin), .size = size};
    enum tally_status status =
        tl_tree_root(size, tl_store_fetch_node, store, &checkpoint.root);
    if (status != TALLY_OK) {
        return status;
    }
    tl_checkpoint_encode(&checkpoint, note);
    tl_buffer_add_text(note, "\n");
    tl_buffer_add(note, lines);
    return note->status;
}

/*
 * With the head read first, "not kept yet" can only mean the head itself: were there a newer size,
 * the head's lines would have been kept with it.
 */
static enum tally_status note_above(struct tl_store *store, const char *origin, uint64_t head_size,
                                    struct tally_bytes head, uint64_t index, uint64_t *ret_size,
                                    struct tl_buffer *note)
{
    struct tl_buffer lines;
    tl_buffer_init(&lines, TL_BACKUP_NOTE_MAX);
    enum tally_status status = tl_store_checkpoint_above(store, index, ret_size, &lines);
    if (status == TALLY_OK) {
        status = rebuild_note(store, origin, *ret_size, tl_buffer_bytes(&lines), note);
    } else if (status == TALLY_ENOTFOUND) {
        *ret_size = head_size;
        tl_buffer_add(note, head);
        status = note->status;
    }
    tl_buffer_deinit(&lines);
    return status;
}

enum tally_status tl_store_receipt(struct tl_store *store, const char *origin, uint64_t head_size,
                                   struct tally_bytes head, uint64_t index,
                                   struct tl_buffer *buffer)
{
    struct tl_buffer note;
    struct tl_buffer record;
    uint8_t seal[TALLY_SIGNATURE_LEN];
    struct tl_tree_proof proof;
    uint64_t size = 0;
    if (index >= head_size) {
        return TALLY_ENOTFOUND;
    }
    tl_buffer_init(&note, TL_BACKUP_NOTE_MAX);
    tl_buffer_init(&record, TALLY_RECORD_MAX);
    enum tally_status status =
        note_above(store, origin, head_size, head, index, &size, &note);
    if (status == TALLY_OK) {
        status = tl_store_record(store, index, &record, seal);
    }
    if (status == TALLY_OK) {
        status = tl_tree_prove_inclusion(index, size, tl_store_fetch_node, store, &proof);
    }
    if (status == TALLY_OK) {
        tl_receipt_encode(tl_buffer_bytes(&record), seal, index, &proof, tl_buffer_bytes(&note),
                          buffer);
        status = buffer->status;
    }
    tl_buffer_deinit(&record);
    tl_buffer_deinit(&note);
    return status;
}
