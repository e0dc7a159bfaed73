/* SPDX-License-Identifier: ISC */
#include "lib/archive/publish_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/sha256.h"

#define FILE_MODE 0644
#define DIRECTORY_MODE 0755
#define PRIVATE_FILE_MODE 0600
#define PRIVATE_DIRECTORY_MODE 0700
#define INCOMING "tally/objects/.incoming-XXXXXX"

void tl_publish_files_init(struct tl_publish_files *files, const char *directory, bool is_private)
{
    files->directory = directory;
    files->file_mode = is_private ? PRIVATE_FILE_MODE : FILE_MODE;
    files->directory_mode = is_private ? PRIVATE_DIRECTORY_MODE : DIRECTORY_MODE;
    files->written = 0;
    files->parent = NULL;
    tl_buffer_init(&files->present, TL_RESOURCE_MAX);
}

void tl_publish_files_deinit(struct tl_publish_files *files)
{
    tl_free(files->parent);
    tl_buffer_deinit(&files->present);
}

/* The directory that path stands in. Most files follow one in the same directory. */
static enum tally_status make_parent(struct tl_publish_files *files, const char *path)
{
    char *parent = tl_path_join(path, "");
    if (parent == NULL) {
        return TALLY_ENOMEM;
    }
    parent[strlen(path)] = '\0';
    *strrchr(parent, '/') = '\0';
    if (files->parent != NULL && strcmp(parent, files->parent) == 0) {
        tl_free(parent);
        return TALLY_OK;
    }
    enum tally_status status = tl_make_directories(parent, files->directory_mode);
    if (status != TALLY_OK) {
        tl_free(parent);
        return status;
    }
    tl_free(files->parent);
    files->parent = parent;
    return TALLY_OK;
}

static bool has_bytes(struct tl_publish_files *files, const char *path, struct tally_bytes bytes)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || (uint64_t)info.st_size != bytes.len) {
        return false;
    }
    tl_buffer_clear(&files->present);
    return tl_file_read(path, &files->present) == TALLY_OK &&
           tl_bytes_equal(tl_buffer_bytes(&files->present), bytes);
}

enum tally_status tl_publish_file(struct tl_publish_files *files, const char *path,
                                  struct tally_bytes bytes)
{
    char *to = tl_path_join(files->directory, path);
    if (to == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = TALLY_OK;
    if (!has_bytes(files, to, bytes)) {
        status = make_parent(files, to);
        if (status == TALLY_OK) {
            status = tl_file_write_unsynced(to, bytes, files->file_mode);
        }
        files->written += status == TALLY_OK ? 1 : 0;
    }
    tl_free(to);
    return status;
}

struct incoming {
    int fd;
    struct tl_sha256 sha;
    uint64_t room;
};

static enum tally_status incoming_chunk(void *context, struct tally_bytes chunk)
{
    struct incoming *incoming = context;
    if (chunk.len > incoming->room) {
        return TALLY_EBAD;
    }
    incoming->room -= chunk.len;
    tl_sha256_update(&incoming->sha, chunk);
    return tl_write_full(incoming->fd, chunk);
}

/* Fills the temporary file and gives it its name. */
static enum tally_status receive(struct incoming *incoming, struct tl_source *source,
                                 const char *path, const struct tally_hash *hash, mode_t mode)
{
    tl_sha256_init(&incoming->sha);
    enum tally_status status = tl_source_stream(source, path, incoming_chunk, incoming);
    if (status != TALLY_OK) {
        return status;
    }
    struct tally_hash found = tl_sha256_final(&incoming->sha);
    if (incoming->room != 0 || !tl_hash_equal(&found, hash)) {
        return TALLY_EBAD;
    }
    /* An object that is there is not read again, so its name must never stand before its bytes. */
    bool is_kept = fchmod(incoming->fd, mode) == 0 && fsync(incoming->fd) == 0;
    return is_kept ? TALLY_OK : tl_status_from_errno(errno);
}

static enum tally_status copy_object(struct tl_publish_files *files, struct tl_source *source,
                                     const char *path, const char *to,
                                     const struct tally_hash *hash, uint64_t size)
{
    struct incoming incoming = {.fd = -1, .room = size};
    char *temporary = tl_path_join(files->directory, INCOMING);
    if (temporary == NULL) {
        return TALLY_ENOMEM;
    }
    incoming.fd = mkostemp(temporary, O_CLOEXEC);
    enum tally_status status =
        incoming.fd < 0 ? tl_status_from_errno(errno)
                        : receive(&incoming, source, path, hash, files->file_mode);
    if (status == TALLY_OK && rename(temporary, to) != 0) {
        status = tl_status_from_errno(errno);
    }
    if (status != TALLY_OK && incoming.fd >= 0) {
        (void)unlink(temporary);
    }
    files->written += status == TALLY_OK ? 1 : 0;
    tl_close(&incoming.fd);
    tl_free(temporary);
    return status;
}

enum tally_status tl_publish_object(struct tl_publish_files *files, struct tl_source *source,
                                    const struct tally_hash *hash, uint64_t size)
{
    char path[TL_RESOURCE_PATH_MAX];
    struct stat info;
    tl_path_object(hash, path);
    char *to = tl_path_join(files->directory, path);
    if (to == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = TALLY_OK;
    bool is_there = stat(to, &info) == 0 && S_ISREG(info.st_mode) && (uint64_t)info.st_size == size;
    if (!is_there) {
        status = make_parent(files, to);
        if (status == TALLY_OK) {
            status = copy_object(files, source, path, to, hash, size);
        }
    }
    tl_free(to);
    return status;
}

static enum tally_status settle(struct tl_publish_files *files, struct tally_bytes note,
                                bool is_written)
{
    char *to = tl_path_join(files->directory, TL_PATH_CHECKPOINT);
    if (to == NULL) {
        return TALLY_ENOMEM;
    }
    bool is_new = !has_bytes(files, to, note);
    enum tally_status status = TALLY_OK;
    if (!is_written && (is_new || files->written > 0)) {
        status = tl_sync_filesystem(files->directory);
    } else if (is_written && is_new) {
        status = tl_file_write(to, note, files->file_mode, true);
        files->written += status == TALLY_OK ? 1 : 0;
    }
    tl_free(to);
    return status;
}

enum tally_status tl_publish_sync(struct tl_publish_files *files, struct tally_bytes note)
{
    return settle(files, note, false);
}

enum tally_status tl_publish_checkpoint(struct tl_publish_files *files, struct tally_bytes note)
{
    return settle(files, note, true);
}
