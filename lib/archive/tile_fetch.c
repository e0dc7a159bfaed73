/* SPDX-License-Identifier: ISC */
#include "lib/archive/tile_fetch.h"

#include <string.h>

#include "lib/archive/bundle_file.h"
#include "lib/tree/tree.h"

#define LEVELS_PER_TILE 8u
#define TILE_BYTES (TL_TILE_WIDTH * TALLY_HASH_LEN)

void tl_tile_fetch_init(struct tl_tile_fetch *fetch, struct tl_source *source, uint64_t size)
{
    fetch->source = source;
    fetch->size = size;
    fetch->cached.width = 0;
    tl_buffer_init(&fetch->tile, TILE_BYTES);
}

void tl_tile_fetch_deinit(struct tl_tile_fetch *fetch)
{
    tl_buffer_deinit(&fetch->tile);
}

/* Archives may drop a partial tile once the full one exists; the full one begins with it. */
static enum tally_status read_tile(struct tl_source *source, struct tl_tile tile,
                                   struct tl_buffer *buffer)
{
    char path[TL_TILE_PATH_MAX];
    tl_tile_path(&tile, path);
    enum tally_status status = tl_source_read(source, path, buffer);
    if (status == TALLY_ENOTFOUND && tile.width < TL_TILE_WIDTH) {
        tile.width = TL_TILE_WIDTH;
        tl_tile_path(&tile, path);
        status = tl_source_read(source, path, buffer);
    }
    return status;
}

static enum tally_status load(struct tl_tile_fetch *fetch, unsigned level, uint64_t n)
{
    struct tl_tile wanted = {
        .kind = TL_TILE_HASHES,
        .level = level,
        .n = n,
        .width = tl_tile_width(fetch->size, level, n),
    };
    if (wanted.width == 0) {
        return TALLY_ENOTFOUND;
    }
    if (fetch->cached.width == wanted.width && fetch->cached.level == level &&
        fetch->cached.n == n) {
        return TALLY_OK;
    }
    fetch->cached.width = 0;
    tl_buffer_clear(&fetch->tile);
    enum tally_status status = read_tile(fetch->source, wanted, &fetch->tile);
    if (status == TALLY_OK && fetch->tile.len < (size_t)wanted.width * TALLY_HASH_LEN) {
        status = TALLY_ETRUNCATED;
    }
    if (status == TALLY_OK) {
        fetch->cached = wanted;
    }
    return status;
}

enum tally_status tl_tile_fetch_node(void *context, unsigned level, uint64_t index,
                                     struct tally_hash *ret_hash)
{
    struct tl_tile_fetch *fetch = context;
    unsigned tile_level = level / LEVELS_PER_TILE;
    unsigned inside = level % LEVELS_PER_TILE;
    uint64_t first = index << inside;
    size_t count = (size_t)1 << inside;
    enum tally_status status = load(fetch, tile_level, first / TL_TILE_WIDTH);
    if (status != TALLY_OK) {
        return status;
    }
    size_t offset = (size_t)(first % TL_TILE_WIDTH);
    if (offset + count > fetch->cached.width) {
        return TALLY_ENOTFOUND;
    }
    struct tally_hash hashes[TL_TILE_WIDTH];
    memcpy(hashes, fetch->tile.ptr + offset * TALLY_HASH_LEN, count * TALLY_HASH_LEN);
    *ret_hash = tl_tree_root_of(hashes, count);
    return TALLY_OK;
}

static enum tally_status read_record(struct tl_tile_fetch *fetch, uint64_t index,
                                     struct tl_buffer *record)
{
    struct tl_tile tile = {
        .kind = TL_TILE_ENTRIES,
        .n = index / TL_TILE_WIDTH,
        .width = tl_tile_width(fetch->size, 0, index / TL_TILE_WIDTH),
    };
    struct tl_buffer buffer;
    struct tally_bytes entries[TL_TILE_WIDTH];
    unsigned decoded = 0;
    unsigned wanted = (unsigned)(index % TL_TILE_WIDTH);
    tl_buffer_init(&buffer, TL_RESOURCE_MAX);
    enum tally_status status = read_tile(fetch->source, tile, &buffer);
    if (status == TALLY_OK) {
        (void)!tl_entries_decode(tl_buffer_bytes(&buffer), tile.width, entries, &decoded);
        status = decoded > wanted ? TALLY_OK : TALLY_ETRUNCATED;
    }
    if (status == TALLY_OK) {
        tl_buffer_add(record, entries[wanted]);
        status = record->status;
    }
    tl_buffer_deinit(&buffer);
    return status;
}

enum tally_status tl_fetch_record(struct tl_tile_fetch *fetch, uint64_t index,
                                  const struct tally_hash *root, struct tl_buffer *record,
                                  struct tl_tree_proof *ret_proof)
{
    struct tl_tree_proof proof;
    size_t before = record->len;
    enum tally_status status =
        tl_tree_prove_inclusion(index, fetch->size, tl_tile_fetch_node, fetch, &proof);
    if (status == TALLY_OK) {
        status = read_record(fetch, index, record);
    }
    if (status != TALLY_OK) {
        return status;
    }
    struct tally_hash leaf = tl_tree_leaf(tl_bytes(record->ptr + before, record->len - before));
    if (!tl_tree_verify_inclusion(&leaf, index, fetch->size, proof.hashes, proof.count, root)) {
        record->len = before;
        return TALLY_EBAD;
    }
    if (ret_proof != NULL) {
        *ret_proof = proof;
    }
    return TALLY_OK;
}
