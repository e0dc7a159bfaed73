/* SPDX-License-Identifier: ISC */
/*
 * Tile builder: takes leaf hashes one by one and hands out every hash tile of the tree as it fills,
 * the partial ones at the end. Verification compares them with an archive's, publishing writes
 * them: the tiles of one are those of the other because both come from here.
 */
#ifndef TL_ARCHIVE_TILE_BUILDER_H
#define TL_ARCHIVE_TILE_BUILDER_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/tree/tile.h"
#include "lib/tree/tree.h"

/* One tile, whole: tile->width hashes. Any status but OK ends the building. */
typedef enum tally_status (*tl_tile_fn)(void *context, const struct tl_tile *tile,
                                        struct tally_bytes hashes);

struct tl_tile_row {
    unsigned count;
    uint8_t hashes[TL_TILE_WIDTH * TALLY_HASH_LEN];
};

struct tl_tile_builder {
    struct tl_tree_edge edge;
    tl_tile_fn tile;
    void *context;
    struct tl_tile_row rows[TL_TILE_LEVEL_MAX + 1];
};

/* The builder is large: it belongs on the heap. */
void tl_tile_builder_init(struct tl_tile_builder *builder, tl_tile_fn tile, void *context);

/*
 * Continues a tree of size leaves whose complete nodes fetch answers. Tiles that were full at size
 * are not handed out.
 */
TALLY_NODISCARD enum tally_status tl_tile_builder_resume(struct tl_tile_builder *builder,
                                                         uint64_t size, tl_tree_fetch_fn fetch,
                                                         void *fetch_context);

TALLY_NODISCARD enum tally_status tl_tile_builder_add(struct tl_tile_builder *builder,
                                                      const struct tally_hash *leaf);

/* Hands out the partial tiles. */
TALLY_NODISCARD enum tally_status tl_tile_builder_finish(struct tl_tile_builder *builder);

#endif
