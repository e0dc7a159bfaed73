/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "lib/archive/backup.h"
#include "lib/archive/bundle_file.h"
#include "lib/archive/section.h"
#include "lib/archive/tile_fetch.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/receipt.h"

static enum tally_status read_bundle(struct tl_tile_fetch *fetch, enum tl_tile_kind kind,
                                     uint64_t n, struct tl_buffer *buffer, unsigned *ret_width)
{
    bool is_full = false;
    struct tl_tile tile = {.kind = kind, .n = n, .width = tl_tile_width(fetch->size, 0, n)};
    if (tile.width == 0) {
        return TALLY_ENOTFOUND;
    }
    *ret_width = tile.width;
    tl_buffer_clear(buffer);
    return tl_section_read_tile(fetch->source, &tile, buffer, &is_full);
}

/* The smallest size above index for which lines were kept. ENOTFOUND. */
static enum tally_status find_lines(struct tl_tile_fetch *fetch, uint64_t index,
                                    struct tl_buffer *bundle, uint64_t *ret_size,
                                    struct tally_bytes *ret_lines)
{
    struct tally_bytes rows[TL_TILE_WIDTH];
    unsigned place = (unsigned)(index % TL_TILE_WIDTH);
    for (uint64_t n = index / TL_TILE_WIDTH;; n++) {
        unsigned width = 0;
        unsigned decoded = 0;
        enum tally_status status = read_bundle(fetch, TL_TILE_CHECKPOINTS, n, bundle, &width);
        if (status != TALLY_OK) {
            return status;
        }
        (void)!tl_entries_decode(tl_buffer_bytes(bundle), width, rows, &decoded);
        for (; place < decoded; place++) {
            if (rows[place].len > 0) {
                *ret_size = n * TL_TILE_WIDTH + place + 1;
                *ret_lines = rows[place];
                return TALLY_OK;
            }
        }
        place = 0;
    }
}

static enum tally_status read_origin(struct tl_source *source, struct tl_buffer *head,
                                     struct tl_checkpoint *ret_checkpoint)
{
    struct tl_note note;
    enum tally_status status = tl_source_read(source, TL_PATH_CHECKPOINT, head);
    if (status == TALLY_OK) {
        status = tl_note_decode(tl_buffer_bytes(head), &note);
    }
    return status == TALLY_OK ? tl_checkpoint_decode(note.text, ret_checkpoint) : status;
}

static enum tally_status add_note(struct tl_tile_fetch *fetch, uint64_t index,
                                  struct tl_buffer *scratch, struct tl_buffer *note,
                                  struct tl_checkpoint *ret_checkpoint)
{
    struct tally_bytes lines;
    struct tl_buffer head;
    tl_buffer_init(&head, TL_NOTE_MAX);
    enum tally_status status = read_origin(fetch->source, &head, ret_checkpoint);
    if (status == TALLY_OK) {
        status = find_lines(fetch, index, scratch, &ret_checkpoint->size, &lines);
    }
    if (status == TALLY_OK) {
        status = tl_tree_root(ret_checkpoint->size, tl_tile_fetch_node, fetch,
                              &ret_checkpoint->root);
    }
    if (status == TALLY_OK) {
        tl_checkpoint_encode(ret_checkpoint, note);
        tl_buffer_add_text(note, "\n");
        tl_buffer_add(note, lines);
        status = note->status;
    }
    tl_buffer_deinit(&head);
    return status;
}

static enum tally_status add_receipt(struct tl_tile_fetch *fetch, uint64_t index,
                                     struct tl_buffer *scratch, struct tl_buffer *buffer)
{
    struct tl_checkpoint checkpoint;
    struct tl_tree_proof proof;
    struct tl_buffer note;
    struct tl_buffer record;
    struct tally_hash root;
    unsigned width = 0;
    size_t offset = (size_t)(index % TL_TILE_WIDTH) * TALLY_SIGNATURE_LEN;
    tl_buffer_init(&note, TL_BACKUP_NOTE_MAX);
    tl_buffer_init(&record, TALLY_RECORD_MAX);
    enum tally_status status = add_note(fetch, index, scratch, &note, &checkpoint);
    if (status == TALLY_OK) {
        status = tl_tree_root(fetch->size, tl_tile_fetch_node, fetch, &root);
    }
    if (status == TALLY_OK) {
        status = tl_fetch_record(fetch, index, &root, &record, NULL);
    }
    if (status == TALLY_OK) {
        status = tl_tree_prove_inclusion(index, checkpoint.size, tl_tile_fetch_node, fetch, &proof);
    }
    if (status == TALLY_OK) {
        status =
            read_bundle(fetch, TL_TILE_SEALS, index / TL_TILE_WIDTH, scratch, &width);
    }
    if (status == TALLY_OK && scratch->len < offset + TALLY_SIGNATURE_LEN) {
        status = TALLY_ETRUNCATED;
    }
    if (status == TALLY_OK) {
        tl_receipt_encode(tl_buffer_bytes(&record), scratch->ptr + offset, index, &proof,
                          tl_buffer_bytes(&note), buffer);
        status = buffer->status;
    }
    tl_buffer_deinit(&record);
    tl_buffer_deinit(&note);
    return status;
}

enum tally_status tl_backup_receipt(struct tl_source *source, uint64_t size, uint64_t index,
                                    struct tl_buffer *buffer)
{
    struct tl_tile_fetch fetch;
    struct tl_buffer scratch;
    if (index >= size) {
        return TALLY_ENOTFOUND;
    }
    tl_tile_fetch_init(&fetch, source, size);
    tl_buffer_init(&scratch, TL_RESOURCE_MAX);
    enum tally_status status = add_receipt(&fetch, index, &scratch, buffer);
    tl_buffer_deinit(&scratch);
    tl_tile_fetch_deinit(&fetch);
    return status;
}
