/* SPDX-License-Identifier: ISC */
#include "tests/crash/run_log.h"

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FD_MAX = 65536 };

static struct tally_bytes map_file(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || info.st_size == 0) {
        err(2, "%s", path);
    }
    const uint8_t *map =
        (const uint8_t *)mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        err(2, "%s", path);
    }
    (void)close(fd);
    return tl_bytes(map, (size_t)info.st_size);
}

static bool read_op(struct tl_reader *reader, struct run_op *ret_op)
{
    struct record_header header;
    struct tally_bytes bytes = tl_read_bytes(reader, sizeof header);
    if (reader->status != TALLY_OK) {
        return false;
    }
    memcpy(&header, bytes.ptr, sizeof header);
    ret_op->op = (enum record_op)header.op;
    ret_op->fd = header.fd;
    ret_op->offset = header.offset;
    ret_op->flags = header.flags;
    ret_op->path = tl_read_bytes(reader, header.path_len);
    ret_op->data = tl_read_bytes(reader, header.data_len);
    return reader->status == TALLY_OK && header.fd < FD_MAX;
}

struct run_log run_log_read(const char *path)
{
    struct tally_bytes bytes = map_file(path);
    struct tl_reader reader = tl_reader_over(bytes);
    size_t max = bytes.len / sizeof(struct record_header);
    struct run_log log = {.ops = (struct run_op *)calloc(max + 1, sizeof *log.ops)};
    if (log.ops == NULL) {
        err(2, "%s", path);
    }
    while (tl_reader_finish(&reader) != TALLY_OK) {
        if (!read_op(&reader, &log.ops[log.count])) {
            errx(2, "%s: record %zu is no record", path, log.count);
        }
        log.count++;
    }
    return log;
}

static bool ends_with(struct tally_bytes path, const char *end)
{
    size_t len = strlen(end);
    return path.len >= len && memcmp(path.ptr + path.len - len, end, len) == 0;
}

enum kind {
    STORE,
    HEAD,
    EXHIBITS, /* a directory of them */
    DIRECTORY,
    OTHER,
};

static enum kind kind_of(const struct run_op *open)
{
    if ((open->flags & RECORD_DIRECTORY) != 0) {
        bool exhibits = ends_with(open->path, "/exhibits") || ends_with(open->path, "/deposits");
        return exhibits ? EXHIBITS : DIRECTORY;
    }
    if (ends_with(open->path, "/data.mdb")) {
        return STORE;
    }
    return ends_with(open->path, "/head") ? HEAD : OTHER;
}

/* Opens for synchronous writing lose the word for it; syncs become nothing. */
static void drop(struct run_log *log, enum kind kind, bool opens, bool syncs)
{
    static enum kind kinds[FD_MAX];
    for (size_t i = 0; i < log->count; i++) {
        struct run_op *op = &log->ops[i];
        if (op->op == RECORD_OPEN) {
            kinds[op->fd] = kind_of(op);
            if (opens && kinds[op->fd] == kind) {
                op->flags &= ~(uint32_t)RECORD_SYNCED;
            }
        } else if (op->op == RECORD_SYNC && syncs && kinds[op->fd] == kind) {
            op->op = RECORD_ACCEPT; /* which means nothing to the files */
        }
    }
}

/* What is sent goes out before the sync that it waited for. */
static void send_early(struct run_log *log)
{
    size_t sync = SIZE_MAX;
    for (size_t i = 0; i < log->count; i++) {
        struct run_op op = log->ops[i];
        if (op.op == RECORD_SYNC && (op.flags & RECORD_DATA_ONLY) != 0) {
            sync = i;
        } else if (op.op == RECORD_SEND && sync != SIZE_MAX) {
            memmove(&log->ops[sync + 1], &log->ops[sync], (i - sync) * sizeof op);
            log->ops[sync] = op;
            sync++;
        }
    }
}

bool run_log_spoil(struct run_log *log, const char *control)
{
    if (strcmp(control, "no-sync") == 0) {
        drop(log, STORE, true, true);
    } else if (strcmp(control, "no-meta-sync") == 0) {
        drop(log, STORE, true, false);
    } else if (strcmp(control, "lying-fdatasync") == 0) {
        drop(log, STORE, false, true);
    } else if (strcmp(control, "head-not-synced") == 0) {
        drop(log, HEAD, true, false);
    } else if (strcmp(control, "no-directory-sync") == 0) {
        drop(log, DIRECTORY, false, true);
    } else if (strcmp(control, "no-exhibit-sync") == 0) {
        drop(log, EXHIBITS, false, true);
    } else if (strcmp(control, "early-receipt") == 0) {
        send_early(log);
    } else {
        return false;
    }
    return true;
}
