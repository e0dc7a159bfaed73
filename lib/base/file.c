/* SPDX-License-Identifier: ISC */
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/sha256.h"

enum {
    PIECE_LEN = 8192,         /* a read on the stack */
    BUFFER_PIECE_LEN = 65536, /* a read into a buffer */
    TEMPORARY_NAME_MAX = 64,
    TEMPORARY_ATTEMPTS = 100,
};

enum tally_status tl_status_from_errno(int error)
{
    switch (error) {
    case ENOENT:
        return TALLY_ENOTFOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return TALLY_EACCES;
    case ENOSPC:
    case EDQUOT:
        return TALLY_ENOSPC;
    case EEXIST:
        return TALLY_EEXIST;
    case ENOMEM:
        return TALLY_ENOMEM;
    default:
        return TALLY_EIO;
    }
}

void tl_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
    *fd = -1;
}

/* Like tl_close, but a network file system reports here that it could not keep what was written. */
static enum tally_status close_written(int *fd)
{
    int result = close(*fd);
    *fd = -1;
    /* On Linux the descriptor is gone even after EINTR. */
    return result == 0 || errno == EINTR ? TALLY_OK : tl_status_from_errno(errno);
}

static enum tally_status open_file(const char *path, int flags, int *ret_fd)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) {
        return tl_status_from_errno(errno);
    }
    *ret_fd = fd;
    return TALLY_OK;
}

enum tally_status tl_read_full(int fd, void *dst, size_t len, size_t *ret_len)
{
    uint8_t *bytes = (uint8_t *)dst;
    size_t done = 0;
    while (done < len) {
        ssize_t got = read(fd, bytes + done, len - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return tl_status_from_errno(errno);
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *ret_len = done;
    return TALLY_OK;
}

enum tally_status tl_write_full(int fd, struct tally_bytes bytes)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t put = write(fd, bytes.ptr + done, bytes.len - done);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return tl_status_from_errno(errno);
        }
        if (put == 0) {
            return TALLY_EIO;
        }
        done += (size_t)put;
    }
    return TALLY_OK;
}

/* One piece of fd after the buffer's contents; *ret_end at the end of the file. */
static enum tally_status read_piece(int fd, struct tl_buffer *buffer, bool *ret_end)
{
    size_t room = buffer->max - buffer->len;
    size_t want = room < BUFFER_PIECE_LEN ? room : BUFFER_PIECE_LEN;
    size_t got = 0;
    if (want == 0) {
        uint8_t surplus;
        enum tally_status status = tl_read_full(fd, &surplus, 1, &got);
        if (status == TALLY_OK && got > 0) {
            buffer->status = TALLY_ETOOBIG;
            return TALLY_ETOOBIG;
        }
        *ret_end = true;
        return status;
    }
    uint8_t *dst = tl_buffer_extend(buffer, want);
    if (dst == NULL) {
        return buffer->status;
    }
    enum tally_status status = tl_read_full(fd, dst, want, &got);
    buffer->len -= want - got;
    *ret_end = got < want;
    return status;
}

enum tally_status tl_file_read(const char *path, struct tl_buffer *buffer)
{
    enum tally_status status = buffer->status;
    int fd = -1;
    bool standard_input = strcmp(path, "-") == 0;
    if (status == TALLY_OK && !standard_input) {
        status = open_file(path, O_RDONLY, &fd);
    }
    size_t before = buffer->len;
    bool end = false;
    while (status == TALLY_OK && !end) {
        status = read_piece(standard_input ? STDIN_FILENO : fd, buffer, &end);
    }
    if (status != TALLY_OK) {
        buffer->len = before;
    }
    tl_close(&fd);
    return status;
}

/* The directory part of path, "." when there is none; owned by the caller. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        path = ".";
        slash = path + 1;
    } else if (slash == path) {
        slash++;
    }
    size_t len = (size_t)(slash - path);
    char *directory = (char *)tl_alloc(len + 1);
    if (directory != NULL) {
        memcpy(directory, path, len);
        directory[len] = '\0';
    }
    return directory;
}

char *tl_path_join(const char *dir, const char *name)
{
    size_t dir_len = strlen(dir);
    size_t name_len = strlen(name);
    char *path = (char *)tl_alloc(dir_len + 1 + name_len + 1);
    if (path != NULL) {
        memcpy(path, dir, dir_len);
        path[dir_len] = '/';
        memcpy(path + dir_len + 1, name, name_len + 1);
    }
    return path;
}

/*
 * A new, empty file in directory. Its name is short whatever it will be renamed to, so that a name
 * of the greatest length can be written too. What a dead process left behind is passed over.
 */
static enum tally_status open_temporary(const char *directory, mode_t mode, char **ret_path,
                                        int *ret_fd)
{
    static atomic_uint next;
    enum tally_status status = TALLY_EEXIST;
    for (unsigned i = 0; i < TEMPORARY_ATTEMPTS && status == TALLY_EEXIST; i++) {
        char name[TEMPORARY_NAME_MAX];
        (void)snprintf(name, sizeof name, ".tally-%ld-%u.tmp", (long)getpid(),
                       atomic_fetch_add(&next, 1));
        char *path = tl_path_join(directory, name);
        if (path == NULL) {
            return TALLY_ENOMEM;
        }
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd >= 0) {
            *ret_path = path;
            *ret_fd = fd;
            return TALLY_OK;
        }
        status = tl_status_from_errno(errno);
        tl_free(path);
    }
    return status;
}

static enum tally_status rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return TALLY_OK;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return tl_status_from_errno(errno);
    }
    /* The file system does not know the flag; a link refuses to replace as well. */
    if (link(from, to) != 0) {
        return tl_status_from_errno(errno);
    }
    (void)unlink(from);
    return TALLY_OK;
}

struct write_how {
    mode_t mode;
    bool replace;
    bool sync;
};

/* Fills the temporary file and closes it. */
static enum tally_status fill(int *fd, struct tally_bytes bytes, bool sync)
{
    enum tally_status status = tl_write_full(*fd, bytes);
    if (status == TALLY_OK && sync && fsync(*fd) != 0) {
        status = tl_status_from_errno(errno);
    }
    if (status == TALLY_OK) {
        status = close_written(fd);
    }
    tl_close(fd);
    return status;
}

static enum tally_status move_into_place(const char *from, const char *to, const char *directory,
                                         struct write_how how)
{
    enum tally_status status = TALLY_OK;
    if (!how.replace) {
        status = rename_new(from, to);
    } else if (rename(from, to) != 0) {
        status = tl_status_from_errno(errno);
    }
    if (status != TALLY_OK) {
        (void)unlink(from);
        return status;
    }
    if (how.sync) {
        status = tl_sync_directory(directory);
    }
    if (status != TALLY_OK && !how.replace) {
        /* Not known to be durable: gone, so that the caller can try again. */
        (void)unlink(to);
    }
    return status;
}

static enum tally_status write_whole(const char *path, struct tally_bytes bytes,
                                     struct write_how how)
{
    char *temporary = NULL;
    int fd = -1;
    char *directory = directory_of(path);
    if (directory == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = open_temporary(directory, how.mode, &temporary, &fd);
    if (status != TALLY_OK) {
        goto out;
    }
    status = fill(&fd, bytes, how.sync);
    if (status != TALLY_OK) {
        (void)unlink(temporary);
        goto out;
    }
    status = move_into_place(temporary, path, directory, how);
out:
    tl_free(temporary);
    tl_free(directory);
    return status;
}

enum tally_status tl_file_write(const char *path, struct tally_bytes bytes, mode_t mode,
                                bool replace)
{
    return write_whole(path, bytes,
                       (struct write_how){.mode = mode, .replace = replace, .sync = true});
}

enum tally_status tl_file_write_unsynced(const char *path, struct tally_bytes bytes, mode_t mode)
{
    return write_whole(path, bytes,
                       (struct write_how){.mode = mode, .replace = true, .sync = false});
}

static enum tally_status make_directory(const char *path, mode_t mode)
{
    if (mkdir(path, mode) == 0) {
        return TALLY_OK;
    }
    int error = errno;
    struct stat info;
    /* An existing one may also show as EROFS or EACCES, hence no look at the error first. */
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return TALLY_OK;
    }
    return tl_status_from_errno(error);
}

enum tally_status tl_make_directories(const char *path, mode_t mode)
{
    size_t len = strlen(path);
    char *prefix = (char *)tl_alloc(len + 1);
    if (prefix == NULL) {
        return TALLY_ENOMEM;
    }
    memcpy(prefix, path, len + 1);
    enum tally_status status = TALLY_OK;
    for (size_t i = 1; i < len && status == TALLY_OK; i++) {
        if (path[i] == '/' && path[i - 1] != '/') {
            prefix[i] = '\0';
            status = make_directory(prefix, mode);
            prefix[i] = '/';
        }
    }
    if (status == TALLY_OK) {
        status = make_directory(prefix, mode);
    }
    tl_free(prefix);
    return status;
}

enum tally_status tl_sync_filesystem(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return tl_status_from_errno(errno);
    }
    enum tally_status status = syncfs(fd) == 0 ? TALLY_OK : tl_status_from_errno(errno);
    tl_close(&fd);
    return status;
}

enum tally_status tl_sync_directory(const char *path)
{
    int fd = -1;
    enum tally_status status = open_file(path, O_RDONLY | O_DIRECTORY, &fd);
    if (status == TALLY_OK && fsync(fd) != 0) {
        status = tl_status_from_errno(errno);
    }
    tl_close(&fd);
    return status;
}

enum tally_status tl_file_digest(const char *path, struct tally_hash *ret_hash, uint64_t *ret_size)
{
    int fd = -1;
    enum tally_status status = open_file(path, O_RDONLY, &fd);
    struct tl_sha256 sha;
    tl_sha256_init(&sha);
    uint64_t size = 0;
    size_t got = PIECE_LEN;
    while (status == TALLY_OK && got == PIECE_LEN) {
        uint8_t piece[PIECE_LEN];
        status = tl_read_full(fd, piece, sizeof piece, &got);
        if (status == TALLY_OK) {
            tl_sha256_update(&sha, tl_bytes(piece, got));
            size += got;
        }
    }
    if (status == TALLY_OK) {
        *ret_hash = tl_sha256_final(&sha);
        *ret_size = size;
    }
    tl_close(&fd);
    return status;
}
