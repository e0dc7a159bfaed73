/* SPDX-License-Identifier: ISC */
/* Calls that change files or make them durable: faults, and the log. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/crash/shim.h"

#define EXPORT __attribute__((visibility("default")))

/* Finds the function that this one hides, once. */
#define NEXT(type, name, parameters)                                                               \
    static type(*next) parameters;                                                                 \
    if (next == NULL) {                                                                            \
        shim_find(name, &next);                                                                    \
    }

enum { PATH_LEN_MAX = 4096, PARTS_MAX = 256 };

static const struct shim_data nothing;

static struct shim_data text(const char *path)
{
    return (struct shim_data){path, strlen(path)};
}

static bool fails(enum shim_call call)
{
    return shim_next(call) == SHIM_FAILS;
}

static bool exists(const char *path)
{
    struct stat info;
    int kept = errno;
    bool found = fstatat(AT_FDCWD, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
    errno = kept;
    return found;
}

static int open_logged(const char *path, int flags, mode_t mode)
{
    NEXT(int, "open", (const char *, int, ...))
    struct shim_fd what = {
        .logged = shim_is_logged_path(path),
        .synced = (flags & O_DSYNC) != 0, /* which O_SYNC includes */
    };
    if (!what.logged) {
        int fd = next(path, flags, mode);
        shim_set_fd(fd, what);
        return fd;
    }
    shim_lock();
    bool is_new = (flags & O_CREAT) != 0 && !exists(path);
    int fd = next(path, flags, mode);
    if (fd >= 0) {
        uint32_t noted = is_new ? RECORD_CREATED : 0;
        noted |= what.synced ? RECORD_SYNCED : 0;
        noted |= (flags & O_DIRECTORY) != 0 ? RECORD_DIRECTORY : 0;
        shim_set_fd(fd, what);
        shim_log((struct record_header){.op = RECORD_OPEN, .fd = fd, .flags = noted}, text(path),
                 nothing);
        if ((flags & O_TRUNC) != 0 && !is_new) {
            shim_log((struct record_header){.op = RECORD_TRUNCATE, .fd = fd}, nothing, nothing);
        }
    }
    shim_unlock();
    return fd;
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return fails(SHIM_open) ? -1 : open_logged(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...) __attribute__((alias("open")));

EXPORT int close(int fd)
{
    NEXT(int, "close", (int))
    bool failed = fails(SHIM_close);
    int error = errno;
    shim_set_fd(fd, (struct shim_fd){.logged = false});
    int result = next(fd);
    if (failed) {
        errno = error;
    }
    return failed ? -1 : result;
}

static void log_write(int fd, off_t offset, struct shim_data data)
{
    shim_log((struct record_header){.op = RECORD_WRITE, .fd = fd, .offset = (uint64_t)offset},
             nothing, data);
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    NEXT(ssize_t, "pwrite", (int, const void *, size_t, off_t))
    enum shim_fate fate = shim_next(shim_fd(fd).synced ? SHIM_swrite : SHIM_pwrite);
    if (fate == SHIM_FAILS) {
        return -1;
    }
    len = fate == SHIM_IS_SHORT ? shim_part(len) : len;
    if (!shim_fd(fd).logged) {
        return next(fd, bytes, len, offset);
    }
    shim_lock();
    ssize_t put = next(fd, bytes, len, offset);
    if (put > 0) {
        log_write(fd, offset, (struct shim_data){bytes, (size_t)put});
    }
    shim_unlock();
    return put;
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
    __attribute__((alias("pwrite")));

static void log_send(int fd, struct shim_data data)
{
    shim_log((struct record_header){.op = RECORD_SEND, .fd = fd}, nothing, data);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
    NEXT(ssize_t, "write", (int, const void *, size_t))
    bool socket = shim_is_socket(fd);
    enum shim_fate fate = socket             ? shim_next(SHIM_send)
                          : shim_is_file(fd) ? shim_next(SHIM_write)
                                             : SHIM_GOES_ON;
    if (fate == SHIM_FAILS) {
        return -1;
    }
    len = fate == SHIM_IS_SHORT ? shim_part(len) : len;
    if (!socket && !shim_fd(fd).logged) {
        return next(fd, bytes, len);
    }
    shim_lock();
    off_t offset = socket ? 0 : lseek(fd, 0, SEEK_CUR);
    ssize_t put = next(fd, bytes, len);
    int error = errno;
    if (put > 0 && socket) {
        log_send(fd, (struct shim_data){bytes, (size_t)put});
    } else if (put > 0) {
        log_write(fd, offset, (struct shim_data){bytes, (size_t)put});
    }
    shim_unlock();
    errno = error;
    return put;
}

/* The parts of the first len bytes: a short write ends within one of them. */
static int cut(const struct iovec *parts, int count, size_t len, struct iovec *ret_parts)
{
    int kept = 0;
    while (kept < count && kept < PARTS_MAX && len > 0) {
        ret_parts[kept] = parts[kept];
        if (ret_parts[kept].iov_len > len) {
            ret_parts[kept].iov_len = len;
        }
        len -= ret_parts[kept].iov_len;
        kept++;
    }
    return kept;
}

static void log_parts(int fd, bool socket, off_t offset, const struct iovec *parts, int count,
                      size_t len)
{
    for (int i = 0; i < count && len > 0; i++) {
        size_t part_len = parts[i].iov_len < len ? parts[i].iov_len : len;
        struct shim_data data = {parts[i].iov_base, part_len};
        if (socket) {
            log_send(fd, data);
        } else {
            log_write(fd, offset, data);
        }
        offset += (off_t)data.len;
        len -= data.len;
    }
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    NEXT(ssize_t, "writev", (int, const struct iovec *, int))
    bool socket = shim_is_socket(fd);
    enum shim_fate fate = shim_next(socket ? SHIM_send : SHIM_writev);
    if (fate == SHIM_FAILS) {
        return -1;
    }
    struct iovec kept[PARTS_MAX];
    size_t whole = 0;
    for (int i = 0; i < count; i++) {
        whole += parts[i].iov_len;
    }
    count = cut(parts, count, fate == SHIM_IS_SHORT ? shim_part(whole) : whole, kept);
    if (!socket && !shim_fd(fd).logged) {
        return next(fd, kept, count);
    }
    shim_lock();
    off_t offset = socket ? 0 : lseek(fd, 0, SEEK_CUR);
    ssize_t put = next(fd, kept, count);
    int error = errno;
    if (put > 0) {
        log_parts(fd, socket, offset, kept, count, (size_t)put);
    }
    shim_unlock();
    errno = error;
    return put;
}

EXPORT int ftruncate(int fd, off_t len)
{
    NEXT(int, "ftruncate", (int, off_t))
    if (fails(SHIM_ftruncate)) {
        return -1;
    }
    shim_lock();
    int result = next(fd, len);
    if (result == 0 && shim_fd(fd).logged) {
        shim_log((struct record_header){.op = RECORD_TRUNCATE, .fd = fd, .offset = (uint64_t)len},
                 nothing, nothing);
    }
    shim_unlock();
    return result;
}

EXPORT int ftruncate64(int fd, off_t len) __attribute__((alias("ftruncate")));

static void log_sync(int fd, uint32_t flags)
{
    if (shim_fd(fd).logged) {
        shim_log((struct record_header){.op = RECORD_SYNC, .fd = fd, .flags = flags}, nothing,
                 nothing);
    }
}

EXPORT int fsync(int fd)
{
    NEXT(int, "fsync", (int))
    if (fails(SHIM_fsync)) {
        return -1;
    }
    shim_lock();
    int result = next(fd);
    if (result == 0) {
        log_sync(fd, 0);
    }
    shim_unlock();
    return result;
}

EXPORT int fdatasync(int fd)
{
    NEXT(int, "fdatasync", (int))
    if (fails(SHIM_fdatasync)) {
        return -1;
    }
    shim_lock();
    int result = next(fd);
    if (result == 0) {
        log_sync(fd, RECORD_DATA_ONLY);
    }
    shim_unlock();
    return result;
}

static void log_path(enum record_op op, const char *path)
{
    if (shim_is_logged_path(path)) {
        shim_log((struct record_header){.op = (uint32_t)op, .fd = -1}, text(path), nothing);
    }
}

static void log_two(enum record_op op, const char *from, const char *to)
{
    char both[2 * PATH_LEN_MAX];
    size_t from_len = strlen(from) + 1;
    size_t to_len = strlen(to);
    if (from_len + to_len > sizeof both) {
        abort();
    }
    memcpy(both, from, from_len);
    memcpy(both + from_len, to, to_len);
    if (shim_is_logged_path(to)) {
        shim_log((struct record_header){.op = (uint32_t)op, .fd = -1},
                 (struct shim_data){both, from_len + to_len}, nothing);
    }
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    NEXT(int, "mkdir", (const char *, mode_t))
    if (fails(SHIM_mkdir)) {
        return -1;
    }
    shim_lock();
    int result = next(path, mode);
    if (result == 0) {
        log_path(RECORD_MKDIR, path);
    }
    shim_unlock();
    return result;
}

EXPORT char *mkdtemp(char *pattern)
{
    NEXT(char *, "mkdtemp", (char *))
    if (fails(SHIM_mkdir)) {
        return NULL;
    }
    shim_lock();
    char *path = next(pattern);
    if (path != NULL) {
        log_path(RECORD_MKDIR, path);
    }
    shim_unlock();
    return path;
}

EXPORT int rename(const char *from, const char *to)
{
    NEXT(int, "rename", (const char *, const char *))
    if (fails(SHIM_rename)) {
        return -1;
    }
    shim_lock();
    int result = next(from, to);
    if (result == 0) {
        log_two(RECORD_RENAME, from, to);
    }
    shim_unlock();
    return result;
}

EXPORT int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    NEXT(int, "renameat2", (int, const char *, int, const char *, unsigned))
    if (fails(SHIM_rename)) {
        return -1;
    }
    shim_lock();
    int result = next(from_fd, from, to_fd, to, flags);
    if (result == 0) {
        log_two(RECORD_RENAME, from, to);
    }
    shim_unlock();
    return result;
}

EXPORT int link(const char *from, const char *to)
{
    NEXT(int, "link", (const char *, const char *))
    if (fails(SHIM_link)) {
        return -1;
    }
    shim_lock();
    int result = next(from, to);
    if (result == 0) {
        log_two(RECORD_LINK, from, to);
    }
    shim_unlock();
    return result;
}

EXPORT int unlink(const char *path)
{
    NEXT(int, "unlink", (const char *))
    if (fails(SHIM_unlink)) {
        return -1;
    }
    shim_lock();
    int result = next(path);
    if (result == 0) {
        log_path(RECORD_REMOVE, path);
    }
    shim_unlock();
    return result;
}

EXPORT int remove(const char *path)
{
    NEXT(int, "remove", (const char *))
    if (fails(SHIM_unlink)) {
        return -1;
    }
    shim_lock();
    int result = next(path);
    if (result == 0) {
        log_path(RECORD_REMOVE, path);
    }
    shim_unlock();
    return result;
}

EXPORT int unlinkat(int directory, const char *name, int flags)
{
    NEXT(int, "unlinkat", (int, const char *, int))
    char link_path[64];
    char path[2 * PATH_LEN_MAX];
    if (fails(SHIM_unlink)) {
        return -1;
    }
    (void)snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", directory);
    ssize_t len = readlink(link_path, path, PATH_LEN_MAX);
    shim_lock();
    int result = next(directory, name, flags);
    if (result == 0 && len > 0) {
        (void)snprintf(path + len, sizeof path - (size_t)len, "/%s", name);
        log_path(RECORD_REMOVE, path);
    }
    shim_unlock();
    return result;
}
