/* SPDX-License-Identifier: ISC */
#include "lib/archive/source_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"

#define PIECE_LEN 8192u

struct directory_source {
    struct tl_source source;
    int fd; /* the directory: what a path means cannot change while we read */
    struct tl_buffer checkpoint; /* in the place of the file's; empty: none */
};

/*
 * Only archive names are opened, so no path leads out of the directory; only regular files, and
 * without waiting, so no FIFO in a stranger's archive hangs the reader.
 */
static enum tally_status open_resource(const struct directory_source *self, const char *path,
                                       int *ret_fd)
{
    struct tl_resource unused;
    struct stat info;
    if (tl_resource_parse(tl_bytes_text(path), &unused) != TALLY_OK) {
        return TALLY_EINVAL;
    }
    int fd = openat(self->fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        /* A file where a directory should be is one more way of not being there. */
        return errno == ENOTDIR ? TALLY_ENOTFOUND : tl_status_from_errno(errno);
    }
    enum tally_status status = TALLY_OK;
    if (fstat(fd, &info) != 0) {
        status = tl_status_from_errno(errno);
    } else if (!S_ISREG(info.st_mode)) {
        status = TALLY_ENOTFOUND;
    }
    if (status != TALLY_OK) {
        tl_close(&fd);
        return status;
    }
    *ret_fd = fd;
    return TALLY_OK;
}

static enum tally_status stream_fd(int fd, tl_chunk_fn chunk, void *context)
{
    uint8_t piece[PIECE_LEN];
    size_t got = sizeof piece;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK && got == sizeof piece) {
        status = tl_read_full(fd, piece, sizeof piece, &got);
        if (status == TALLY_OK && got > 0) {
            status = chunk(context, tl_bytes(piece, got));
        }
    }
    return status;
}

static enum tally_status directory_stream(struct tl_source *source, const char *path,
                                          tl_chunk_fn chunk, void *context)
{
    struct directory_source *self = (struct directory_source *)source;
    int fd = -1;
    if (self->checkpoint.len > 0 && strcmp(path, TL_PATH_CHECKPOINT) == 0) {
        return chunk(context, tl_buffer_bytes(&self->checkpoint));
    }
    enum tally_status status = open_resource(self, path, &fd);
    if (status == TALLY_OK) {
        status = stream_fd(fd, chunk, context);
    }
    tl_close(&fd);
    return status;
}

static enum tally_status add_chunk(void *context, struct tally_bytes chunk)
{
    struct tl_buffer *buffer = context;
    tl_buffer_add(buffer, chunk);
    return buffer->status;
}

static enum tally_status directory_read(struct tl_source *source, const char *path,
                                        struct tl_buffer *buffer)
{
    return directory_stream(source, path, add_chunk, buffer);
}

static void directory_close(struct tl_source *source)
{
    struct directory_source *self = (struct directory_source *)source;
    tl_close(&self->fd);
    tl_buffer_deinit(&self->checkpoint);
    tl_free(self);
}

static const struct tl_source_ops directory_ops = {
    .read = directory_read,
    .stream = directory_stream,
    .prefetch = NULL,
    .close = directory_close,
};

enum tally_status tl_source_over_directory(const char *path, struct tl_source **ret_source)
{
    return tl_source_over_directory_at(path, tl_bytes(NULL, 0), ret_source);
}

enum tally_status tl_source_over_directory_at(const char *path, struct tally_bytes checkpoint,
                                              struct tl_source **ret_source)
{
    struct directory_source *self = tl_calloc(1, sizeof *self);
    if (self == NULL) {
        return TALLY_ENOMEM;
    }
    self->source.ops = &directory_ops;
    tl_buffer_init(&self->checkpoint, checkpoint.len);
    tl_buffer_add(&self->checkpoint, checkpoint);
    if (self->checkpoint.status != TALLY_OK) {
        tl_free(self);
        return TALLY_ENOMEM;
    }
    self->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->fd < 0) {
        enum tally_status status =
            errno == ENOTDIR ? TALLY_ENOTFOUND : tl_status_from_errno(errno);
        tl_buffer_deinit(&self->checkpoint);
        tl_free(self);
        return status;
    }
    *ret_source = &self->source;
    return TALLY_OK;
}

enum tally_status tl_source_open_directory(const char *path, struct tl_source **ret_source)
{
    struct tl_source *source = NULL;
    int fd = -1;
    enum tally_status status = tl_source_over_directory(path, &source);
    if (status == TALLY_OK) {
        status = open_resource((struct directory_source *)source, TL_PATH_CHECKPOINT, &fd);
    }
    tl_close(&fd);
    if (status != TALLY_OK) {
        tl_source_close(source);
        return status;
    }
    *ret_source = source;
    return TALLY_OK;
}
