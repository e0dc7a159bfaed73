/* SPDX-License-Identifier: ISC */
/*
 * The shim: preloaded into a tallyd, it stands before the calls of the C library that touch disk
 * or socket. Environment:
 *   CRASH_LOG=FILE, CRASH_ROOT=DIR   append what happens below DIR, and on sockets, to FILE
 *   CRASH_FAULT=CALL:FIRST:WHAT:COUNT[:EACH]   let COUNT calls from the FIRST on (1, 2, ..) go
 *       wrong, or one in EACH of them. WHAT: an errno; "short" (half of the bytes); "kill"
 *       (SIGKILL instead of the call)
 *   CRASH_COUNTS=FILE   an array of u64: how often each call of SHIM_CALLS was made, then how many
 *       faults were injected, then how often anything was sent after a failed sync, then when the
 *       first one failed, in nanoseconds of the monotonic clock
 */
#ifndef TL_TESTS_CRASH_SHIM_H
#define TL_TESTS_CRASH_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/crash/record.h"

/* In the order of CRASH_COUNTS. swrite is a pwrite that
 * syncs, send and recv are of sockets, alloc is every allocation. */
#define SHIM_CALLS(X)                                                                              \
    X(open) X(read) X(pread) X(write) X(pwrite) X(swrite) X(writev) X(ftruncate) X(fsync)          \
    X(fdatasync)                                                                                   \
    X(close) X(rename) X(link) X(unlink) X(mkdir) X(opendir) X(fstat) X(stat) X(statfs)            \
    X(statvfs) X(fcntl) X(mmap) X(socket) X(bind) X(listen) X(accept) X(send) X(recv) X(alloc)

enum shim_call {
#define SHIM_CALL_ENUM(name) SHIM_##name,
    SHIM_CALLS(SHIM_CALL_ENUM)
#undef SHIM_CALL_ENUM
        SHIM_CALL_COUNT
};

/* What is to become of one call. */
enum shim_fate {
    SHIM_GOES_ON,
    SHIM_FAILS, /* errno is set */
    SHIM_IS_SHORT,
};

/* Counts the call and says its fate. Any thread. */
enum shim_fate shim_next(enum shim_call call);

/* What a short call does of len bytes: half, but not nothing, which says something else. */
static inline size_t shim_part(size_t len)
{
    return len > 1 ? len / 2 : len;
}

/* The next definition of a function behind this one's. */
void shim_find(const char *name, void *ret_function);

/* One call that is recorded at a time, from before it is made until it is in the log. */
void shim_lock(void);
void shim_unlock(void);

/* Below CRASH_ROOT, and there is a log. */
bool shim_is_logged_path(const char *path);

/* What a descriptor was opened for. */
struct shim_fd {
    bool logged;
    bool synced; /* O_SYNC or O_DSYNC */
};
struct shim_fd shim_fd(int fd);
void shim_set_fd(int fd, struct shim_fd what);

struct shim_data {
    const void *ptr;
    size_t len;
};

/* Of a socket, of a file; neither of what libuv wakes itself by. */
bool shim_is_socket(int fd);
bool shim_is_file(int fd);

/* Appends a record; path and data may be NULL and empty. Between lock and unlock. */
void shim_log(struct record_header header, struct shim_data path, struct shim_data data);

#endif
