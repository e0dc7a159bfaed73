/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "lib/archive/source.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/store/store.h"

enum { PIECE_LEN = 65536 };

struct store_source {
    struct tl_source base;
    struct tl_store *store;
    bool owns_store;
    struct tl_buffer checkpoint; /* owned */
};

/* What cannot be taken from the file is, to a reader of a source, a failing disk. */
static enum tally_status source_status(enum tally_status status)
{
    return status == TALLY_EFORMAT || status == TALLY_EACCES ? TALLY_EIO : status;
}

/* A copy of a data directory is foreign: no links, no pipes that block. */
static enum tally_status open_exhibit(struct tl_store *store, const struct tally_hash *hash,
                                      int *ret_fd)
{
    char path[PATH_MAX];
    enum tally_status status = tl_store_exhibit_path(store, hash, path, sizeof path);
    if (status != TALLY_OK) {
        return status;
    }
    struct stat info;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno == ELOOP ? TALLY_EIO : tl_status_from_errno(errno);
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        tl_close(&fd);
        return TALLY_EIO;
    }
    *ret_fd = fd;
    return TALLY_OK;
}

static enum tally_status stream_exhibit(struct tl_store *store, const struct tally_hash *hash,
                                        tl_chunk_fn chunk, void *context)
{
    int fd = -1;
    enum tally_status status = open_exhibit(store, hash, &fd);
    if (status != TALLY_OK) {
        return status;
    }
    uint8_t *piece = (uint8_t *)tl_alloc(PIECE_LEN);
    if (piece == NULL) {
        tl_close(&fd);
        return TALLY_ENOMEM;
    }
    size_t got = PIECE_LEN;
    while (status == TALLY_OK && got == PIECE_LEN) {
        status = tl_read_full(fd, piece, PIECE_LEN, &got);
        if (status == TALLY_OK && got > 0) {
            status = chunk(context, tl_bytes(piece, got));
        }
    }
    tl_free(piece);
    tl_close(&fd);
    return status;
}

static enum tally_status add_chunk(void *context, struct tally_bytes chunk)
{
    struct tl_buffer *buffer = (struct tl_buffer *)context;
    tl_buffer_add(buffer, chunk);
    return buffer->status;
}

/* A ciphertext of the store, or an exhibit's file. */
static enum tally_status read_object(struct tl_store *store, const struct tally_hash *hash,
                                     struct tl_buffer *buffer)
{
    enum tally_status status = tl_store_ciphertext(store, hash, buffer);
    if (status == TALLY_ENOTFOUND) {
        status = stream_exhibit(store, hash, add_chunk, buffer);
    }
    return status;
}

static enum tally_status read_resource(struct store_source *source,
                                       const struct tl_resource *resource, struct tl_buffer *buffer)
{
    switch (resource->kind) {
    case TL_RESOURCE_CHECKPOINT:
        return add_chunk(buffer, tl_buffer_bytes(&source->checkpoint));
    case TL_RESOURCE_TILE:
        return tl_store_render_tile(source->store, &resource->tile, buffer);
    case TL_RESOURCE_PARTS:
        return tl_store_render_parts(source->store, resource->index, buffer);
    case TL_RESOURCE_OBJECT:
        return read_object(source->store, &resource->hash, buffer);
    default:
        return TALLY_ENOTFOUND;
    }
}

static enum tally_status store_source_read(struct tl_source *base, const char *path,
                                           struct tl_buffer *buffer)
{
    struct tl_resource resource;
    if (tl_resource_parse(tl_bytes_text(path), &resource) != TALLY_OK) {
        return TALLY_ENOTFOUND;
    }
    return source_status(read_resource((struct store_source *)base, &resource, buffer));
}

static enum tally_status store_source_stream(struct tl_source *base, const char *path,
                                             tl_chunk_fn chunk, void *context)
{
    struct store_source *source = (struct store_source *)base;
    struct tl_resource resource;
    if (tl_resource_parse(tl_bytes_text(path), &resource) != TALLY_OK) {
        return TALLY_ENOTFOUND;
    }
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TL_RESOURCE_MAX);
    enum tally_status status = TALLY_ENOTFOUND;
    if (resource.kind == TL_RESOURCE_OBJECT) {
        status = tl_store_ciphertext(source->store, &resource.hash, &buffer);
        if (status == TALLY_ENOTFOUND) {
            status = stream_exhibit(source->store, &resource.hash, chunk, context);
            goto out;
        }
    } else {
        status = read_resource(source, &resource, &buffer);
    }
    if (status == TALLY_OK && buffer.len > 0) {
        status = chunk(context, tl_buffer_bytes(&buffer));
    }
out:
    tl_buffer_deinit(&buffer);
    return source_status(status);
}

static void store_source_close(struct tl_source *base)
{
    struct store_source *source = (struct store_source *)base;
    if (source->owns_store) {
        tl_store_close(source->store);
    }
    tl_buffer_deinit(&source->checkpoint);
    tl_free(source);
}

static const struct tl_source_ops store_source_ops = {
    .read = store_source_read,
    .stream = store_source_stream,
    .close = store_source_close,
};

static enum tally_status make_source(struct tl_store *store, bool owns_store,
                                     struct tally_bytes checkpoint, struct tl_source **ret_source)
{
    struct store_source *source = (struct store_source *)tl_calloc(1, sizeof *source);
    if (source == NULL) {
        return TALLY_ENOMEM;
    }
    source->base.ops = &store_source_ops;
    tl_buffer_init(&source->checkpoint, checkpoint.len);
    tl_buffer_add(&source->checkpoint, checkpoint);
    if (source->checkpoint.status != TALLY_OK) {
        tl_free(source);
        return TALLY_ENOMEM;
    }
    source->store = store;
    source->owns_store = owns_store;
    *ret_source = &source->base;
    return TALLY_OK;
}

enum tally_status tl_source_open_store(struct tl_store *store, struct tally_bytes checkpoint,
                                       struct tl_source **ret_source)
{
    return make_source(store, true, checkpoint, ret_source);
}

enum tally_status tl_source_over_store(struct tl_store *store, struct tally_bytes checkpoint,
                                       struct tl_source **ret_source)
{
    return make_source(store, false, checkpoint, ret_source);
}
