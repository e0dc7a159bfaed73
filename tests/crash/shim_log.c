/* SPDX-License-Identifier: ISC */
/* The log itself, and which descriptors belong into it. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/crash/shim.h"

enum { FD_MAX = 65536 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static const char *root;
static struct shim_fd fds[FD_MAX];

void shim_lock(void)
{
    (void)pthread_mutex_lock(&mutex);
}

void shim_unlock(void)
{
    (void)pthread_mutex_unlock(&mutex);
}

bool shim_is_logged_path(const char *path)
{
    size_t len = root == NULL ? 0 : strlen(root);
    return log_fd >= 0 && strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

struct shim_fd shim_fd(int fd)
{
    return fd >= 0 && fd < FD_MAX ? fds[fd] : (struct shim_fd){.logged = false};
}

void shim_set_fd(int fd, struct shim_fd what)
{
    if (fd >= 0 && fd < FD_MAX) {
        fds[fd] = what;
    }
}

static bool has_type(int fd, mode_t type)
{
    struct stat info;
    return fstatat(fd, "", &info, AT_EMPTY_PATH) == 0 && (info.st_mode & S_IFMT) == type;
}

bool shim_is_socket(int fd)
{
    return has_type(fd, S_IFSOCK);
}

bool shim_is_file(int fd)
{
    return has_type(fd, S_IFREG);
}

void shim_log(struct record_header header, struct shim_data path, struct shim_data data)
{
    if (log_fd < 0) {
        return;
    }
    header.path_len = (uint32_t)path.len;
    header.data_len = data.len;
    union {
        const void *in;
        void *out;
    } pointers[] = {{&header}, {path.ptr}, {data.ptr}};
    struct iovec parts[] = {
        {pointers[0].out, sizeof header}, {pointers[1].out, path.len}, {pointers[2].out, data.len}};
    size_t whole = sizeof header + path.len + data.len;
    if (syscall(SYS_writev, log_fd, parts, 3) != (long)whole) {
        abort(); /* a log with a hole is worth nothing */
    }
}

/* What a process beside the daemon does is no part of the daemon's run. */
static void leave_log(void)
{
    log_fd = -1;
}

__attribute__((constructor)) static void open_log(void)
{
    const char *path = getenv("CRASH_LOG");
    root = getenv("CRASH_ROOT");
    if (path == NULL || root == NULL) {
        return;
    }
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                          0600);
    if (log_fd < 0 || pthread_atfork(NULL, NULL, leave_log) != 0) {
        abort();
    }
    shim_log((struct record_header){.op = RECORD_START, .fd = -1}, (struct shim_data){NULL, 0},
             (struct shim_data){NULL, 0});
}
