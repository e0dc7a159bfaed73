/* SPDX-License-Identifier: ISC */
/*
 * Tiles and bundles of any width are put together when they are asked for. Their bytes are handed
 * over as they are stored: whoever reads them checks them against the tree, and can then name the
 * record that is damaged. Only what is missing, or does not fit its key, ends the work here.
 */
#include "lib/store/store.h"
#include "lib/store/store_internal.h"

enum { HASH_TILE_LEVELS = 8 }; /* levels of the tree in one of tiles */

/* The records from first on that a bundle holds. */
struct range {
    uint64_t first;
    unsigned count;
};

static bool is_item_of(const struct tl_mdb_item *item, uint64_t index)
{
    struct tl_key key = tl_key_index(index);
    return tl_bytes_equal(item->key, tl_key_bytes(&key));
}

typedef enum tally_status (*render_fn)(struct tally_bytes value, uint64_t index,
                                       struct tl_buffer *buffer);

/* Calls render with every value of the range, in order; every index must have one. */
static enum tally_status render_range(const struct tl_mdb_txn *txn, enum tl_table table,
                                      struct range range, render_fn render,
                                      struct tl_buffer *buffer)
{
    struct tl_key key = tl_key_index(range.first);
    struct tl_mdb_cursor cursor = {.handle = NULL};
    enum tally_status status = tl_mdb_cursor_open(txn, table, tl_key_bytes(&key), &cursor);
    if (status != TALLY_OK) {
        return status == TALLY_ENOTFOUND ? TALLY_EFORMAT : status;
    }
    for (unsigned i = 0; i < range.count && status == TALLY_OK; i++) {
        if (i > 0) {
            status = tl_mdb_cursor_next(&cursor);
        }
        if (status == TALLY_OK && !is_item_of(&cursor.item, range.first + i)) {
            status = TALLY_ENOTFOUND;
        }
        if (status == TALLY_OK) {
            status = render(cursor.item.value, range.first + i, buffer);
        }
    }
    tl_mdb_cursor_close(&cursor);
    return status == TALLY_ENOTFOUND ? TALLY_EFORMAT : status;
}

static enum tally_status render_entry(struct tally_bytes value, uint64_t index,
                                      struct tl_buffer *buffer)
{
    (void)index;
    const uint8_t *seal;
    struct tally_bytes record;
    enum tally_status status = tl_store_split_record(value, &seal, &record);
    if (status != TALLY_OK) {
        return status;
    }
    tl_buffer_add_u16(buffer, (uint16_t)record.len);
    tl_buffer_add(buffer, record);
    return buffer->status;
}

static enum tally_status render_seal(struct tally_bytes value, uint64_t index,
                                     struct tl_buffer *buffer)
{
    (void)index;
    const uint8_t *seal;
    struct tally_bytes record;
    enum tally_status status = tl_store_split_record(value, &seal, &record);
    if (status != TALLY_OK) {
        return status;
    }
    tl_buffer_add(buffer, tl_bytes(seal, TALLY_SIGNATURE_LEN));
    return buffer->status;
}

static enum tally_status render_leaf(struct tally_bytes value, uint64_t index,
                                     struct tl_buffer *buffer)
{
    struct tally_hash hash;
    enum tally_status status = tl_store_node_of(value, index, 0, &hash);
    if (status != TALLY_OK) {
        return status;
    }
    tl_buffer_add(buffer, tl_hash_bytes(&hash));
    return buffer->status;
}

static enum tally_status add_commitments(struct tally_bytes commitments, struct tl_buffer *buffer)
{
    size_t count = commitments.len / TALLY_HASH_LEN;
    if (commitments.len % TALLY_HASH_LEN != 0 || count > TALLY_PART_COUNT_MAX) {
        return TALLY_EFORMAT;
    }
    tl_buffer_add_u16(buffer, (uint16_t)count);
    tl_buffer_add(buffer, commitments);
    return buffer->status;
}

static enum tally_status add_lines(struct tally_bytes lines, struct tl_buffer *buffer)
{
    if (lines.len > UINT16_MAX) {
        return TALLY_EFORMAT;
    }
    tl_buffer_add_u16(buffer, (uint16_t)lines.len);
    tl_buffer_add(buffer, lines);
    return buffer->status;
}

typedef enum tally_status (*add_fn)(struct tally_bytes value, struct tl_buffer *buffer);

/* One row for each key of the range; a key that the table does not have gives an empty one. */
static enum tally_status render_rows(const struct tl_mdb_txn *txn, enum tl_table table,
                                     struct range range, add_fn add, struct tl_buffer *buffer)
{
    struct tl_key key = tl_key_index(range.first);
    struct tl_mdb_cursor cursor = {.handle = NULL};
    enum tally_status found = tl_mdb_cursor_open(txn, table, tl_key_bytes(&key), &cursor);
    enum tally_status status = TALLY_OK;
    for (unsigned i = 0; i < range.count && status == TALLY_OK; i++) {
        struct tally_bytes value = tl_bytes(NULL, 0);
        bool here = found == TALLY_OK && is_item_of(&cursor.item, range.first + i);
        if (here) {
            value = cursor.item.value;
        }
        status = add(value, buffer);
        if (here) {
            found = tl_mdb_cursor_next(&cursor);
        }
        if (found != TALLY_OK && found != TALLY_ENOTFOUND) {
            status = found;
        }
    }
    if (cursor.handle != NULL) {
        tl_mdb_cursor_close(&cursor);
    }
    return status;
}

static enum tally_status render_upper(const struct tl_mdb_txn *txn, const struct tl_tile *tile,
                                      struct tl_buffer *buffer)
{
    unsigned level = tile->level * HASH_TILE_LEVELS;
    enum tally_status status = TALLY_OK;
    for (unsigned i = 0; i < tile->width && status == TALLY_OK; i++) {
        uint64_t by;
        if (!tl_store_completed_by(level, tile->n * TL_TILE_WIDTH + i, &by)) {
            return TALLY_ENOTFOUND;
        }
        struct tl_key key = tl_key_index(by);
        struct tally_bytes value;
        struct tally_hash hash;
        status = tl_mdb_get(txn, TL_TABLE_NODES, tl_key_bytes(&key), &value);
        if (status == TALLY_OK) {
            status = tl_store_node_of(value, by, level, &hash);
        }
        if (status == TALLY_OK) {
            tl_buffer_add(buffer, tl_hash_bytes(&hash));
            status = buffer->status;
        }
    }
    return status == TALLY_ENOTFOUND ? TALLY_EFORMAT : status;
}

static enum tally_status render(const struct tl_mdb_txn *txn, const struct tl_tile *tile,
                                struct tl_buffer *buffer)
{
    struct range range = {.first = tile->n * TL_TILE_WIDTH, .count = tile->width};
    switch (tile->kind) {
    case TL_TILE_HASHES:
        if (tile->level > 0) {
            return render_upper(txn, tile, buffer);
        }
        return render_range(txn, TL_TABLE_NODES, range, render_leaf, buffer);
    case TL_TILE_ENTRIES:
        return render_range(txn, TL_TABLE_RECORDS, range, render_entry, buffer);
    case TL_TILE_SEALS:
        return render_range(txn, TL_TABLE_RECORDS, range, render_seal, buffer);
    case TL_TILE_COMMITMENTS:
        return render_rows(txn, TL_TABLE_COMMITMENTS, range, add_commitments, buffer);
    case TL_TILE_CHECKPOINTS:
        range.first++; /* record i is the last one under the checkpoint of size i + 1 */
        return render_rows(txn, TL_TABLE_CHECKPOINTS, range, add_lines, buffer);
    default:
        return TALLY_EINVAL;
    }
}

/* Does a tree of size leaves reach all of the tile? */
static bool is_within(const struct tl_tile *tile, uint64_t size)
{
    if (tile->level > TL_TILE_LEVEL_MAX || tile->width == 0 || tile->width > TL_TILE_WIDTH ||
        (tile->kind != TL_TILE_HASHES && tile->level > 0)) {
        return false;
    }
    uint64_t nodes = size >> (tile->level * HASH_TILE_LEVELS);
    return tile->n <= nodes / TL_TILE_WIDTH && tile->width <= nodes - tile->n * TL_TILE_WIDTH;
}

enum tally_status tl_store_render_tile(struct tl_store *store, const struct tl_tile *tile,
                                       struct tl_buffer *buffer)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(store->mdb, &txn);
    if (status != TALLY_OK) {
        return status;
    }
    uint64_t size = 0;
    size_t len = buffer->len;
    status = tl_store_txn_size(&txn, &size);
    if (status == TALLY_OK) {
        status = is_within(tile, size) ? render(&txn, tile, buffer) : TALLY_ENOTFOUND;
    }
    tl_mdb_read_end(&txn);
    if (status != TALLY_OK) {
        buffer->len = len;
    }
    return status;
}

enum tally_status tl_store_render_parts(struct tl_store *store, uint64_t index,
                                        struct tl_buffer *buffer)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(store->mdb, &txn);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_key key = tl_key_index(index);
    struct tally_bytes parts;
    status = tl_mdb_get(&txn, TL_TABLE_PARTS, tl_key_bytes(&key), &parts);
    if (status == TALLY_OK) {
        tl_buffer_add(buffer, parts);
        status = buffer->status;
    }
    tl_mdb_read_end(&txn);
    return status;
}
