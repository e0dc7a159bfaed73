/* SPDX-License-Identifier: ISC */
/*
 * Source: anything that answers an archive's resources by path (docs/formats.md, "Archive"):
 * a directory, an unpacked tar, a live daemon's read socket, a stopped store. Verification,
 * publishing and every reading verb are written once, over this.
 *
 * Hostile: bytes that come out of a source are unchecked. One thread at a time per source.
 */
#ifndef TL_ARCHIVE_SOURCE_H
#define TL_ARCHIVE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"
#include "lib/tree/tile.h"

#define TL_PATH_CHECKPOINT "checkpoint"
#define TL_RESOURCE_MAX 16777216u /* bytes of the largest resource but objects */

struct tl_source;

typedef enum tally_status (*tl_chunk_fn)(void *context, struct tally_bytes chunk);

struct tl_source_ops {
    /* Appends the whole resource to buffer. ENOTFOUND, ETOOBIG (buffer->max), EIO, EPROTOCOL. */
    enum tally_status (*read)(struct tl_source *source, const char *path,
                              struct tl_buffer *buffer);
    /*
     * Hands the resource over in pieces: objects of any size, in constant memory. What chunk
     * returns but OK is the answer, and nothing behind that piece is read.
     */
    enum tally_status (*stream)(struct tl_source *source, const char *path, tl_chunk_fn chunk,
                                void *context);
    /* A hint that these will be read (not streamed) next, in this order; may be NULL. */
    void (*prefetch)(struct tl_source *source, const char *const *paths, size_t count);
    void (*close)(struct tl_source *source);
};

/* First member of every kind of source. */
struct tl_source {
    const struct tl_source_ops *ops;
};

TALLY_NODISCARD enum tally_status tl_source_read(struct tl_source *source, const char *path,
                                                 struct tl_buffer *buffer);
TALLY_NODISCARD enum tally_status tl_source_stream(struct tl_source *source, const char *path,
                                                   tl_chunk_fn chunk, void *context);
void tl_source_prefetch(struct tl_source *source, const char *const *paths, size_t count);
void tl_source_close(struct tl_source *source); /* NULL is fine */

/*
 * Whether an object has this size and SHA-256; *ret_holds is set with OK. It is read to its end
 * only where that is not beyond size: it may be of any length, and is a stranger's.
 */
TALLY_NODISCARD enum tally_status tl_source_holds(struct tl_source *source, const char *path,
                                                  const struct tally_hash *hash, uint64_t size,
                                                  bool *ret_holds);

/* An archive directory. ENOTFOUND when path/checkpoint is not there. */
TALLY_NODISCARD enum tally_status tl_source_open_directory(const char *path,
                                                           struct tl_source **ret_source);

/*
 * A tar of an archive, plain or compressed (gzip, bzip2, xz, zstd): its regular files with archive
 * names, all at the top, below "./" or below one and the same directory, are unpacked into a
 * private temporary directory, removed on close. Everything else in it is passed over. ETOOBIG
 * above max_bytes unpacked (a file counts as 512 bytes at least); EFORMAT for what is no tar, a tar
 * without an archive in it, or one that holds a name twice.
 */
TALLY_NODISCARD enum tally_status tl_source_open_tar(const char *path, uint64_t max_bytes,
                                                     struct tl_source **ret_source);

#define TL_RESOURCE_PATH_MAX 128u

/* tally/parts/<index> and tally/objects/<hex>; dst TL_RESOURCE_PATH_MAX bytes. */
void tl_path_parts(uint64_t index, char *dst);
void tl_path_object(const struct tally_hash *hash, char *dst);

/* What a path names, for those who serve one. EFORMAT for anything that is not an archive path. */
enum tl_resource_kind {
    TL_RESOURCE_CHECKPOINT,
    TL_RESOURCE_TILE,
    TL_RESOURCE_PARTS,
    TL_RESOURCE_OBJECT,
};

struct tl_resource {
    enum tl_resource_kind kind;
    struct tl_tile tile;    /* TL_RESOURCE_TILE: a tile of hashes or a bundle */
    uint64_t index;         /* TL_RESOURCE_PARTS */
    struct tally_hash hash; /* TL_RESOURCE_OBJECT */
};

TALLY_NODISCARD enum tally_status tl_resource_parse(struct tally_bytes path,
                                                    struct tl_resource *ret_resource);

#endif
