/* SPDX-License-Identifier: ISC */
/*
 * Tiles (docs/formats.md, "Archive"; C2SP tlog-tiles): the tree cut into rows of 256 hashes.
 * Tile (level, n) of width w holds the nodes (8 * level, 256 * n + 0..w-1).
 */
#ifndef TL_TREE_TILE_H
#define TL_TREE_TILE_H

#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#define TL_TILE_WIDTH 256u
#define TL_TILE_LEVEL_MAX 7u /* the highest that a size below 2^63 reaches */
#define TL_TILE_PATH_MAX 96u /* bytes of the longest path with its NUL */

/* What a tile coordinate names. What belongs to records is bundled in the same numbers. */
enum tl_tile_kind {
    TL_TILE_HASHES,      /* tile/<level>/<n> */
    TL_TILE_ENTRIES,     /* tile/entries/<n> */
    TL_TILE_SEALS,       /* tally/seals/<n> */
    TL_TILE_COMMITMENTS, /* tally/commitments/<n> */
    TL_TILE_CHECKPOINTS, /* tally/checkpoints/<n>: of backups, no part of an archive */
};

struct tl_tile {
    enum tl_tile_kind kind;
    unsigned level; /* 0 unless kind is TL_TILE_HASHES */
    uint64_t n;
    unsigned width; /* 1..256; 256 is a full tile, written without ".p/" */
};

/* Writes the path and a NUL; the canonical spelling (x001/234, .p/W). */
void tl_tile_path(const struct tl_tile *tile, char dst[TL_TILE_PATH_MAX]);

/* Parses a whole path; EFORMAT for anything that tl_tile_path would not write. */
TALLY_NODISCARD enum tally_status tl_tile_path_parse(struct tally_bytes path,
                                                     struct tl_tile *ret_tile);

/* "x001/234": a number in the same spelling (tally/parts/<index>); dst TL_TILE_PATH_MAX bytes. */
void tl_tile_number(uint64_t n, char *dst);
TALLY_NODISCARD enum tally_status tl_tile_number_parse(struct tally_bytes text, uint64_t *ret_n);

/* Width of tile n at level in a tree of size leaves: 0 (absent) .. 256. */
unsigned tl_tile_width(uint64_t size, unsigned level, uint64_t n);

/* How many tiles, partial one included, the level has in a tree of size leaves. */
uint64_t tl_tile_count(uint64_t size, unsigned level);

#endif
