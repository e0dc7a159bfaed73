/* SPDX-License-Identifier: ISC */
#include "lib/archive/tile_builder.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/check.h"

#define LEVELS_PER_TILE 8u

void tl_tile_builder_init(struct tl_tile_builder *builder, tl_tile_fn tile, void *context)
{
    tl_tree_edge_init(&builder->edge);
    builder->tile = tile;
    builder->context = context;
    for (size_t i = 0; i <= TL_TILE_LEVEL_MAX; i++) {
        builder->rows[i].count = 0;
    }
}

static void add_to_row(struct tl_tile_row *row, const struct tally_hash *hash)
{
    TL_ASSERT(row->count < TL_TILE_WIDTH);
    memcpy(row->hashes + (size_t)row->count * TALLY_HASH_LEN, hash->bytes, TALLY_HASH_LEN);
    row->count++;
}

enum tally_status tl_tile_builder_resume(struct tl_tile_builder *builder, uint64_t size,
                                         tl_tree_fetch_fn fetch, void *fetch_context)
{
    enum tally_status status = tl_tree_edge_load(size, fetch, fetch_context, &builder->edge);
    for (unsigned level = 0; level <= TL_TILE_LEVEL_MAX && status == TALLY_OK; level++) {
        uint64_t whole = size >> (LEVELS_PER_TILE * level);
        uint64_t index = whole - whole % TL_TILE_WIDTH;
        builder->rows[level].count = 0;
        for (; index < whole && status == TALLY_OK; index++) {
            struct tally_hash hash;
            status = fetch(fetch_context, LEVELS_PER_TILE * level, index, &hash);
            if (status == TALLY_OK) {
                add_to_row(&builder->rows[level], &hash);
            }
        }
    }
    return status;
}

static void node_completed(void *context, unsigned level, uint64_t index,
                           const struct tally_hash *hash)
{
    struct tl_tile_builder *builder = context;
    (void)index;
    if (level % LEVELS_PER_TILE == 0 && level / LEVELS_PER_TILE <= TL_TILE_LEVEL_MAX) {
        add_to_row(&builder->rows[level / LEVELS_PER_TILE], hash);
    }
}

/* Hands out the newest tile of the level. */
static enum tally_status hand_out(struct tl_tile_builder *builder, unsigned level)
{
    struct tl_tile_row *row = &builder->rows[level];
    uint64_t nodes = builder->edge.size >> (LEVELS_PER_TILE * level);
    struct tl_tile tile = {
        .kind = TL_TILE_HASHES,
        .level = level,
        .n = (nodes - 1) / TL_TILE_WIDTH,
        .width = row->count,
    };
    struct tally_bytes hashes = tl_bytes(row->hashes, (size_t)row->count * TALLY_HASH_LEN);
    row->count = 0;
    return builder->tile(builder->context, &tile, hashes);
}

enum tally_status tl_tile_builder_add(struct tl_tile_builder *builder,
                                      const struct tally_hash *leaf)
{
    tl_tree_edge_append(&builder->edge, leaf, node_completed, builder);
    enum tally_status status = TALLY_OK;
    for (unsigned level = 0; level <= TL_TILE_LEVEL_MAX && status == TALLY_OK; level++) {
        /* A row above one that is not full has not changed. */
        if (builder->rows[level].count < TL_TILE_WIDTH) {
            break;
        }
        status = hand_out(builder, level);
    }
    return status;
}

enum tally_status tl_tile_builder_finish(struct tl_tile_builder *builder)
{
    enum tally_status status = TALLY_OK;
    for (unsigned level = 0; level <= TL_TILE_LEVEL_MAX && status == TALLY_OK; level++) {
        if (builder->rows[level].count > 0) {
            status = hand_out(builder, level);
        }
    }
    return status;
}
