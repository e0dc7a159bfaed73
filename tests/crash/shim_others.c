/* SPDX-License-Identifier: ISC */
/* Calls that change no file: faults, and in the log only where a connection begins. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/crash/shim.h"

#define EXPORT __attribute__((visibility("default")))

/* A function that only may fail: its type, name, the call it counts as, what failing answers. */
#define SHIM_MAY_FAIL(type, name, call, failure, parameters, arguments)                            \
    EXPORT type name parameters                                                                    \
    {                                                                                              \
        static type(*next) parameters;                                                             \
        if (next == NULL) {                                                                        \
            shim_find(#name, &next);                                                               \
        }                                                                                          \
        return shim_next(call) == SHIM_FAILS ? failure : next arguments;                           \
    }

SHIM_MAY_FAIL(DIR *, opendir, SHIM_opendir, NULL, (const char *path), (path))
SHIM_MAY_FAIL(int, fstat, SHIM_fstat, -1, (int fd, struct stat *info), (fd, info))
SHIM_MAY_FAIL(int, stat, SHIM_stat, -1, (const char *path, struct stat *info), (path, info))
SHIM_MAY_FAIL(int, lstat, SHIM_stat, -1, (const char *path, struct stat *info), (path, info))
SHIM_MAY_FAIL(int, statfs, SHIM_statfs, -1, (const char *path, struct statfs *info), (path, info))
SHIM_MAY_FAIL(int, fstatfs, SHIM_statfs, -1, (int fd, struct statfs *info), (fd, info))
SHIM_MAY_FAIL(int, statvfs, SHIM_statvfs, -1, (const char *path, struct statvfs *info),
              (path, info))
SHIM_MAY_FAIL(int, socket, SHIM_socket, -1, (int domain, int type, int protocol),
              (domain, type, protocol))
SHIM_MAY_FAIL(int, bind, SHIM_bind, -1, (int fd, __CONST_SOCKADDR_ARG address, socklen_t len),
              (fd, address, len))
SHIM_MAY_FAIL(int, listen, SHIM_listen, -1, (int fd, int backlog), (fd, backlog))
SHIM_MAY_FAIL(ssize_t, sendmsg, SHIM_send, -1, (int fd, const struct msghdr *message, int flags),
              (fd, message, flags))
SHIM_MAY_FAIL(ssize_t, recvmsg, SHIM_recv, -1, (int fd, struct msghdr *message, int flags),
              (fd, message, flags))
SHIM_MAY_FAIL(void *, mmap, SHIM_mmap, MAP_FAILED,
              (void *place, size_t len, int protection, int flags, int fd, off_t offset),
              (place, len, protection, flags, fd, offset))

EXPORT int accept4(int listener, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
    static int (*next)(int, __SOCKADDR_ARG, socklen_t *, int);
    if (next == NULL) {
        shim_find("accept4", &next);
    }
    if (shim_next(SHIM_accept) == SHIM_FAILS) {
        return -1;
    }
    shim_lock();
    int fd = next(listener, address, len, flags);
    if (fd >= 0) {
        shim_log((struct record_header){.op = RECORD_ACCEPT, .fd = fd},
                 (struct shim_data){NULL, 0}, (struct shim_data){NULL, 0});
    }
    shim_unlock();
    return fd;
}

EXPORT ssize_t read(int fd, void *bytes, size_t len)
{
    static ssize_t (*next)(int, void *, size_t);
    if (next == NULL) {
        shim_find("read", &next);
    }
    enum shim_fate fate = shim_is_socket(fd) ? shim_next(SHIM_recv)
                          : shim_is_file(fd) ? shim_next(SHIM_read)
                                             : SHIM_GOES_ON;
    if (fate == SHIM_FAILS) {
        return -1;
    }
    return next(fd, bytes, fate == SHIM_IS_SHORT ? shim_part(len) : len);
}

EXPORT ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
    static ssize_t (*next)(int, void *, size_t, off_t);
    if (next == NULL) {
        shim_find("pread", &next);
    }
    enum shim_fate fate = shim_next(SHIM_pread);
    if (fate == SHIM_FAILS) {
        return -1;
    }
    return next(fd, bytes, fate == SHIM_IS_SHORT ? shim_part(len) : len, offset);
}

EXPORT ssize_t pread64(int fd, void *bytes, size_t len, off_t offset)
    __attribute__((alias("pread")));

EXPORT int fcntl(int fd, int command, ...)
{
    static int (*next)(int, int, ...);
    if (next == NULL) {
        shim_find("fcntl", &next);
    }
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return shim_next(SHIM_fcntl) == SHIM_FAILS ? -1 : next(fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));
