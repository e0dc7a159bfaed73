/* SPDX-License-Identifier: ISC */
/*
 * Complete tree nodes out of a source's tiles: the fetch callback of lib/tree with a
 * struct tl_tile_fetch as context. What it answers is unchecked until a proof made of it has been
 * verified against a trusted root.
 */
#ifndef TL_ARCHIVE_TILE_FETCH_H
#define TL_ARCHIVE_TILE_FETCH_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/archive/source.h"
#include "lib/tree/tile.h"
#include "lib/tree/tree.h"

struct tl_tile_fetch {
    struct tl_source *source;
    uint64_t size; /* of the checkpoint whose tiles are read */
    struct tl_tile cached;
    struct tl_buffer tile; /* of cached; owned */
};

void tl_tile_fetch_init(struct tl_tile_fetch *fetch, struct tl_source *source, uint64_t size);
void tl_tile_fetch_deinit(struct tl_tile_fetch *fetch);

enum tally_status tl_tile_fetch_node(void *context, unsigned level, uint64_t index,
                                     struct tally_hash *ret_hash);

/*
 * The record at index, proven to stand in the tree of fetch->size leaves with that root. Appends
 * its bytes; ret_proof may be NULL. EBAD when the source's answer does not lead to root.
 */
TALLY_NODISCARD enum tally_status tl_fetch_record(struct tl_tile_fetch *fetch, uint64_t index,
                                                  const struct tally_hash *root,
                                                  struct tl_buffer *record,
                                                  struct tl_tree_proof *ret_proof);

#endif
