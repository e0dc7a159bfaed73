/* SPDX-License-Identifier: ISC */
/*
 * The two talk over a pair of sockets, one question at a time: a path with its NUL goes down;
 * pieces come back, each with its length before it, then a length of 0 and the status. An empty
 * path is no question: it says that the pieces on their way are not wanted any more.
 */
#include "client/isolated.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/exit_code.h"
#include "client/output.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"

enum { PIECE_LEN = 65536 };

struct isolated {
    struct tl_source base;
    pid_t pid; /* 0: it is gone */
    int fd;
    char *path;
    bool told; /* what is wrong with it */
    uint8_t piece[PIECE_LEN];
};

/* ---- The child ---- */

static enum tally_status send_number(int fd, int32_t number)
{
    uint8_t bytes[sizeof number];
    memcpy(bytes, &number, sizeof number);
    return tl_write_full(fd, tl_bytes(bytes, sizeof bytes));
}

static bool is_told_to_stop(int fd)
{
    uint8_t byte = 0;
    return recv(fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static enum tally_status send_chunk(void *context, struct tally_bytes chunk)
{
    const int *fd = (const int *)context;
    enum tally_status status = is_told_to_stop(*fd) ? TALLY_ETOOBIG : TALLY_OK;
    while (status == TALLY_OK && chunk.len > 0) {
        size_t len = chunk.len < PIECE_LEN ? chunk.len : PIECE_LEN;
        status = send_number(*fd, (int32_t)len);
        if (status == TALLY_OK) {
            status = tl_write_full(*fd, tl_bytes(chunk.ptr, len));
        }
        chunk = tl_bytes(chunk.ptr + len, chunk.len - len);
    }
    return status;
}

static bool answer(int fd, struct tl_source *source)
{
    char path[TL_RESOURCE_PATH_MAX];
    size_t len = 0;
    if (tl_read_full(fd, path, sizeof path, &len) != TALLY_OK || len != sizeof path) {
        return false;
    }
    path[sizeof path - 1] = '\0';
    if (path[0] == '\0') {
        return true;
    }
    enum tally_status status = tl_source_stream(source, path, send_chunk, &fd);
    return send_number(fd, 0) == TALLY_OK && send_number(fd, (int32_t)status) == TALLY_OK;
}

/* Ends when the other side is closed. What the parent has to print or to clean up is its own. */
static _Noreturn void serve(const char *path, isolated_open_fn open, int fd)
{
    struct rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
    struct tl_source *source = NULL;
    (void)setrlimit(RLIMIT_CORE, &no_core);
    int code = open(path, &source);
    bool goes_on = send_number(fd, code) == TALLY_OK && code == 0;
    while (goes_on) {
        goes_on = answer(fd, source);
    }
    tl_source_close(source);
    _exit(0);
}

/* ---- The parent ---- */

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static void tell(struct isolated *self, const char *what, int number)
{
    if (!self->told) {
        self->told = true;
        out_error("%s: could not be read (%s %d): it is damaged, or its disk fails. Keep it as it "
                  "is, and verify a published archive or a backup instead",
                  self->path, what, number);
    }
}

static enum tally_status died(struct isolated *self)
{
    tl_close(&self->fd);
    if (self->pid != 0) {
        int status = wait_for(self->pid);
        self->pid = 0;
        if (WIFSIGNALED(status)) {
            tell(self, "what reads it ended by signal", WTERMSIG(status));
        } else {
            tell(self, "what reads it ended with", WEXITSTATUS(status));
        }
    }
    return TALLY_EIO;
}

static bool receive(const struct isolated *self, void *dst, size_t len)
{
    size_t got = 0;
    return tl_read_full(self->fd, dst, len, &got) == TALLY_OK && got == len;
}

static bool ask(const struct isolated *self, const char *path)
{
    uint8_t question[TL_RESOURCE_PATH_MAX] = {0};
    memcpy(question, path, strlen(path));
    ssize_t sent = 0;
    do {
        sent = send(self->fd, question, sizeof question, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof question;
}

static enum tally_status isolated_stream(struct tl_source *base, const char *path,
                                         tl_chunk_fn chunk, void *context)
{
    struct isolated *self = (struct isolated *)base;
    enum tally_status status = TALLY_OK;
    int32_t len = 0;
    int32_t answered = 0;
    if (path[0] == '\0' || strlen(path) >= TL_RESOURCE_PATH_MAX) {
        return TALLY_ENOTFOUND;
    }
    if (self->pid == 0 || !ask(self, path) || !receive(self, &len, sizeof len)) {
        return died(self);
    }
    while (len > 0 && len <= PIECE_LEN && receive(self, self->piece, (size_t)len)) {
        if (status == TALLY_OK) {
            status = chunk(context, tl_bytes(self->piece, (size_t)len));
            if (status != TALLY_OK && !ask(self, "")) {
                return died(self);
            }
        }
        len = -1;
        if (!receive(self, &len, sizeof len)) {
            return died(self);
        }
    }
    if (len != 0 || !receive(self, &answered, sizeof answered)) {
        return died(self);
    }
    if (answered == TALLY_EIO) {
        tell(self, "status", answered);
    }
    return status == TALLY_OK ? (enum tally_status)answered : status;
}

static enum tally_status add_chunk(void *context, struct tally_bytes chunk)
{
    struct tl_buffer *buffer = (struct tl_buffer *)context;
    tl_buffer_add(buffer, chunk);
    return buffer->status;
}

static enum tally_status isolated_read(struct tl_source *base, const char *path,
                                       struct tl_buffer *buffer)
{
    return isolated_stream(base, path, add_chunk, buffer);
}

static void isolated_close(struct tl_source *base)
{
    struct isolated *self = (struct isolated *)base;
    tl_close(&self->fd);
    if (self->pid != 0) {
        (void)wait_for(self->pid);
    }
    tl_free(self->path);
    tl_free(self);
}

static const struct tl_source_ops isolated_ops = {
    .read = isolated_read,
    .stream = isolated_stream,
    .close = isolated_close,
};

static struct isolated *isolated_new(const char *path)
{
    size_t len = strlen(path) + 1;
    struct isolated *self = (struct isolated *)tl_calloc(1, sizeof *self);
    char *copy = (char *)tl_alloc(len);
    if (self == NULL || copy == NULL) {
        tl_free(copy);
        tl_free(self);
        return NULL;
    }
    memcpy(copy, path, len);
    self->base.ops = &isolated_ops;
    self->fd = -1;
    self->path = copy;
    return self;
}

static bool start(struct isolated *self, isolated_open_fn open)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
        return false;
    }
    self->pid = fork();
    if (self->pid == 0) {
        tl_close(&fds[0]);
        serve(self->path, open, fds[1]);
    }
    tl_close(&fds[1]);
    self->fd = fds[0];
    if (self->pid < 0) {
        self->pid = 0;
        return false;
    }
    return true;
}

int isolated_open(const char *path, isolated_open_fn open, struct tl_source **ret_source)
{
    struct isolated *self = isolated_new(path);
    int32_t code = EXIT_UNREACHED;
    if (self == NULL) {
        out_error("out of memory");
        return code;
    }
    if (!start(self, open)) {
        out_error("%s: no process to read it: %s", path, strerror(errno));
    } else if (!receive(self, &code, sizeof code)) {
        (void)died(self);
        code = EXIT_UNREACHED;
    }
    if (code != 0) {
        isolated_close(&self->base);
        return code;
    }
    *ret_source = &self->base;
    return 0;
}
