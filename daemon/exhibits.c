/* SPDX-License-Identifier: ISC */
#include "daemon/exhibits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/conn.h"
#include "daemon/exit_code.h"
#include "daemon/log.h"
#include "daemon/space.h"
#include "lib/base/check.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/sha256.h"

#define UPLOAD_MAGIC 0x55504c44u

enum {
    PATH_LEN_MAX = 1024,
    PENDING_MARK = 262144, /* bytes that wait while earlier ones are written */
    PENDING_MAX = PENDING_MARK + 65536,
    FILE_MODE = 0600,
    DIRECTORY_MODE = 0700,
    DEPOSIT_KEPT_S = 7 * 86400,
    PROGRESS_MIN = 65536, /* an upload moves at least so much in one upload-timeout */
};

enum step {
    STEP_OPEN,
    STEP_WRITE,
    STEP_FINISH,
};

struct tl_upload {
    uint32_t magic;
    struct tl_conn *conn;
    uint32_t request;
    struct tally_hash hash;
    uint64_t size;
    uint64_t received;
    uint64_t written;     /* to the disk */
    uint64_t progress_ms; /* since when received has been looked at */
    uint64_t progress;    /* received then */
    bool busy;  /* a thread has it; then only the four above, pending and ended are the loop's */
    bool ended; /* PUT_END has come */
    struct tl_buffer pending;

    uv_work_t work;
    enum step step;
    enum tally_status status; /* of the step */
    bool present;             /* the ledger has the file already */
    struct tl_buffer writing;
    size_t writing_len;
    struct tl_sha256 sha;
    int fd;
    char temporary[PATH_LEN_MAX];
    char path[PATH_LEN_MAX];
    char directory[PATH_LEN_MAX];
};

/* Removes the files of exhibits/name that were last changed before the time. */
static enum tally_status clear(const struct tl_ledger *ledger, const char *name, time_t before,
                               unsigned *ret_count)
{
    char path[PATH_LEN_MAX];
    int len = snprintf(path, sizeof path, "%s/exhibits/%s", tl_store_directory(ledger->store),
                       name);
    if (len < 0 || (size_t)len >= sizeof path) {
        return TALLY_ETOOBIG;
    }
    if (mkdir(path, DIRECTORY_MODE) != 0 && errno != EEXIST) {
        return tl_status_from_errno(errno);
    }
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return tl_status_from_errno(errno);
    }
    const struct dirent *entry;
    struct stat info;
    unsigned count = 0;
    while ((entry = readdir(directory)) != NULL) {
        int fd = dirfd(directory);
        if (fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode) && info.st_mtime < before &&
            unlinkat(fd, entry->d_name, 0) == 0) {
            count++;
        }
    }
    (void)closedir(directory);
    *ret_count = count;
    return TALLY_OK;
}

enum tally_status tl_exhibits_clear(const struct tl_ledger *ledger)
{
    unsigned count = 0;
    bool in_doubt = tl_clock_is_stepped(&ledger->clock);
    enum tally_status status = clear(ledger, "incoming", (time_t)INT64_MAX, &count);
    if (status == TALLY_OK) {
        status = clear(ledger, "deposits", in_doubt ? 0 : time(NULL) - DEPOSIT_KEPT_S, &count);
    }
    if (status == TALLY_OK && count > 0) {
        tl_log(TL_LOG_NOTICE, "%u exhibit files that no entry named in seven days are removed",
               count);
    }
    return status;
}

static void dispose(struct tl_upload *upload)
{
    TL_ASSERT(!upload->busy);
    struct tl_conn *conn = upload->conn;
    if (upload->fd >= 0) {
        tl_close(&upload->fd);
        (void)unlink(upload->temporary);
    }
    tl_buffer_deinit(&upload->pending);
    tl_buffer_deinit(&upload->writing);
    conn->server->upload_bytes -= upload->size - upload->written;
    upload->magic = 0;
    tl_free(upload);
    conn->upload = NULL;
    conn->user->uploads--;
    conn->server->uploads--;
    tl_session_upload_over(&conn->session);
}

/* ---- On a worker thread ---- */

static bool make_paths(struct tl_upload *upload, const struct tl_store *store, uint64_t number)
{
    const char *data = tl_store_directory(store);
    int a = snprintf(upload->temporary, PATH_LEN_MAX, "%s/exhibits/incoming/%" PRIu64, data,
                     number);
    int b = snprintf(upload->directory, PATH_LEN_MAX, "%s/exhibits/deposits", data);
    return a > 0 && a < PATH_LEN_MAX && b > 0 && b < PATH_LEN_MAX &&
           tl_store_deposit_path(store, &upload->hash, upload->path, PATH_LEN_MAX) == TALLY_OK;
}

/* After a failed sync nobody knows what the disk holds, and the next one may say all is well. */
static void sync_or_die(int fd)
{
    if (fsync(fd) != 0) {
        tl_log_die(TL_EXIT_STORE, "syncing an exhibit failed: %s; ending",
                   tally_status_text(tl_status_from_errno(errno)));
    }
}

static enum tally_status sync_names(const struct tl_upload *upload)
{
    int fd = open(upload->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return tl_status_from_errno(errno);
    }
    sync_or_die(fd);
    tl_close(&fd);
    return TALLY_OK;
}

static enum tally_status step_open(struct tl_upload *upload)
{
    uint64_t size = 0;
    if (tl_store_find_exhibit(upload->conn->server->ledger->store, &upload->hash, &size) ==
            TALLY_OK &&
        size == upload->size) {
        /* A deposit is kept from now on; said to be stored only when its name is durable too. */
        (void)utimensat(AT_FDCWD, upload->path, NULL, AT_SYMLINK_NOFOLLOW);
        upload->present = true;
        return sync_names(upload);
    }
    upload->fd = open(upload->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                      FILE_MODE);
    return upload->fd < 0 ? tl_status_from_errno(errno) : TALLY_OK;
}

static enum tally_status step_write(struct tl_upload *upload)
{
    struct tally_bytes bytes = tl_buffer_bytes(&upload->writing);
    tl_sha256_update(&upload->sha, bytes);
    enum tally_status status = tl_write_full(upload->fd, bytes);
    tl_buffer_clear(&upload->writing);
    return status;
}

/* A file is under its name only when it is whole and durable. */
static enum tally_status step_finish(struct tl_upload *upload)
{
    struct tally_hash hash = tl_sha256_final(&upload->sha);
    if (!tl_hash_equal(&hash, &upload->hash)) {
        return TALLY_EFORMAT;
    }
    sync_or_die(upload->fd);
    if (rename(upload->temporary, upload->path) != 0) {
        return tl_status_from_errno(errno);
    }
    tl_close(&upload->fd);
    /* After a failure the file stays: another upload may have been told that it is stored. */
    return sync_names(upload);
}

static void work_cb(uv_work_t *work)
{
    struct tl_upload *upload = (struct tl_upload *)work->data;
    TL_ASSERT(upload->magic == UPLOAD_MAGIC);
    switch (upload->step) {
    case STEP_OPEN:
        upload->status = step_open(upload);
        break;
    case STEP_WRITE:
        upload->status = step_write(upload);
        break;
    case STEP_FINISH:
        upload->status = step_finish(upload);
        break;
    }
}

/* ---- On the loop ---- */

static void after_work_cb(uv_work_t *work, int status);

static void start(struct tl_upload *upload, enum step step)
{
    upload->step = step;
    upload->busy = true;
    upload->work.data = upload;
    upload->conn->works++;
    int error = uv_queue_work(&upload->conn->server->loop, &upload->work, work_cb, after_work_cb);
    TL_ASSERT(error == 0); /* fails for a NULL callback only */
}

static void fail(struct tl_upload *upload, enum tally_status status)
{
    struct tl_conn *conn = upload->conn;
    const char *text = "the file could not be kept";
    if (status == TALLY_EFORMAT) {
        text = "the bytes do not have the announced digest and size";
    } else if (status == TALLY_ENOSPC) {
        text = "no room for the file";
    }
    uint32_t request = upload->request;
    dispose(upload);
    tl_conn_error(conn, request, status, text);
}

static void go_on(struct tl_upload *upload)
{
    if (upload->busy) {
        return;
    }
    if (upload->pending.len > 0) {
        struct tl_buffer swap = upload->writing;
        upload->writing = upload->pending;
        upload->pending = swap;
        upload->writing_len = upload->writing.len;
        start(upload, STEP_WRITE);
    } else if (upload->ended) {
        start(upload, STEP_FINISH);
    }
}

static void stored(struct tl_upload *upload)
{
    struct tl_conn *conn = upload->conn;
    uint32_t request = upload->request;
    dispose(upload);
    conn->server->figures.stored++;
    tl_conn_message(conn, TL_MESSAGE_STORED, request, tl_bytes(NULL, 0));
}

static void after_work_cb(uv_work_t *work, int status)
{
    struct tl_upload *upload = (struct tl_upload *)work->data;
    TL_ASSERT(upload->magic == UPLOAD_MAGIC);
    TL_ASSERT(status == 0);
    struct tl_conn *conn = upload->conn;
    upload->busy = false;
    if (upload->step == STEP_WRITE && upload->status == TALLY_OK) {
        upload->written += upload->writing_len;
        conn->server->upload_bytes -= upload->writing_len;
    }
    if (conn->closing) {
        dispose(upload);
    } else if (upload->status != TALLY_OK) {
        tl_log(TL_LOG_WARNING, "connection %" PRIu64 ": upload failed: %s", conn->number,
               tally_status_text(upload->status));
        fail(upload, upload->status);
    } else if (upload->step == STEP_FINISH || upload->present) {
        stored(upload);
    } else {
        if (upload->step == STEP_OPEN) {
            tl_conn_message(conn, TL_MESSAGE_READY, upload->request, tl_bytes(NULL, 0));
        }
        if (!conn->closing) { /* for want of memory, and the upload is gone */
            go_on(upload);
        }
    }
    tl_conn_work_done(conn);
}

/* Half of the places at most are one user's, but always one. */
static bool has_place(const struct tl_server *server, const struct tl_user *user)
{
    uint64_t places = server->config->uploads;
    return server->uploads < places && user->uploads < (places > 1 ? places / 2 : 1);
}

/*
 * What other uploads have announced is as good as written. Exhibits, which anyone may leave, stop
 * at twice the reserve, so that entries, which stop at the reserve, still have that much.
 */
static bool has_disk(struct tl_server *server, uint64_t size)
{
    server->disk_free = tl_space_free(server->config->data);
    uint64_t taken = 2 * server->config->disk_reserve + server->upload_bytes;
    return !tl_space_is_short(server->config, server->ledger->store, server->disk_free) &&
           server->disk_free >= taken && server->disk_free - taken >= size;
}

static enum tally_status check_room(const struct tl_conn *conn, uint64_t size)
{
    struct tl_server *server = conn->server;
    if (size > server->config->exhibit_max) {
        return TALLY_ETOOBIG;
    }
    if (!has_place(server, conn->user)) {
        return TALLY_EBUSY;
    }
    return has_disk(server, size) ? TALLY_OK : TALLY_ENOSPC;
}

void tl_upload_begin(struct tl_conn *conn, uint32_t request, const struct tl_put *put)
{
    struct tl_server *server = conn->server;
    TL_ASSERT(conn->upload == NULL);
    enum tally_status status = check_room(conn, put->size);
    struct tl_upload *upload = NULL;
    if (status == TALLY_OK) {
        upload = (struct tl_upload *)tl_calloc(1, sizeof *upload);
        status = upload == NULL ? TALLY_ENOMEM : TALLY_OK;
    }
    if (status != TALLY_OK) {
        tl_session_upload_over(&conn->session);
        tl_conn_error(conn, request, status,
                      status == TALLY_ETOOBIG ? "longer than exhibits may be here"
                                              : "no room for the file now");
        return;
    }
    upload->magic = UPLOAD_MAGIC;
    upload->conn = conn;
    upload->request = request;
    upload->hash = put->hash;
    upload->size = put->size;
    upload->fd = -1;
    tl_buffer_init(&upload->pending, PENDING_MAX);
    tl_buffer_init(&upload->writing, PENDING_MAX);
    tl_sha256_init(&upload->sha);
    upload->progress_ms = uv_now(&server->loop);
    conn->upload = upload;
    conn->user->uploads++;
    server->uploads++;
    server->upload_bytes += upload->size;
    server->upload_number++;
    if (!make_paths(upload, server->ledger->store, server->upload_number)) {
        fail(upload, TALLY_ETOOBIG);
        return;
    }
    start(upload, STEP_OPEN);
}

void tl_upload_data(struct tl_conn *conn, struct tally_bytes data)
{
    struct tl_upload *upload = conn->upload;
    TL_ASSERT(upload != NULL);
    bool surplus = upload->ended || data.len > upload->size - upload->received;
    upload->received += surplus ? 0 : data.len;
    tl_buffer_add(&upload->pending, surplus ? tl_bytes(NULL, 0) : data);
    if (surplus || upload->pending.status != TALLY_OK) {
        /* Only a client that does not wait for READY gets here while a thread has the upload. */
        tl_session_end(&conn->session);
        tl_conn_error(conn, upload->request, TALLY_EPROTOCOL, "more data than was announced");
        conn->ending = true;
        return;
    }
    go_on(upload);
}

void tl_upload_end(struct tl_conn *conn)
{
    struct tl_upload *upload = conn->upload;
    TL_ASSERT(upload != NULL);
    if (upload->ended || upload->received != upload->size) {
        tl_session_end(&conn->session);
        tl_conn_error(conn, upload->request, TALLY_EPROTOCOL, "less data than was announced");
        conn->ending = true;
        return;
    }
    upload->ended = true;
    go_on(upload);
}

bool tl_upload_is_full(const struct tl_upload *upload)
{
    return upload != NULL && upload->pending.len >= PENDING_MARK;
}

bool tl_upload_is_stuck(struct tl_conn *conn, bool waited_for, uint64_t now_ms)
{
    struct tl_upload *upload = conn->upload;
    if (upload == NULL) {
        return false;
    }
    if (!waited_for || upload->busy || upload->pending.len > 0) {
        upload->progress_ms = now_ms;
        return false;
    }
    if (now_ms - upload->progress_ms < conn->server->config->upload_timeout) {
        return false;
    }
    uint64_t left = upload->size - upload->progress;
    uint64_t least = left < PROGRESS_MIN ? left : PROGRESS_MIN;
    /* Behind the last byte PUT_END is due. */
    bool stuck = least == 0 || upload->received - upload->progress < least;
    upload->progress_ms = now_ms;
    upload->progress = upload->received;
    return stuck;
}

void tl_upload_abandon(struct tl_conn *conn)
{
    if (conn->upload != NULL && !conn->upload->busy) {
        dispose(conn->upload);
    }
}
