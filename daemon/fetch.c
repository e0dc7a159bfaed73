/* SPDX-License-Identifier: ISC */
#include "daemon/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conn.h"
#include "daemon/receipts.h"
#include "lib/archive/source.h"
#include "lib/base/check.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/wire/message.h"

#define FETCH_MAGIC 0x46455443u

enum {
    PATH_LEN_MAX = 4096,
    PIECE_LEN = 262144,
    ROOM_SMALL = 262144, /* a checkpoint, a receipt, a tile of hashes, seals or checkpoints */
    ROOM_ENTRY = 2 * (TALLY_RECORD_MAX + 2), /* the buffer doubles */
};

struct tl_fetch {
    uint32_t magic;
    struct tl_conn *conn;
    uint32_t request;
    size_t path_len;
    uint8_t path[TL_PATH_MAX_WIRE];
    bool busy;      /* a thread has it */
    size_t charged; /* of the server's read memory */
    uv_work_t work;

    enum tally_status status;
    bool opened;
    bool last; /* data is all that is left */
    int fd;    /* of an exhibit file */
    struct tl_buffer data;
    size_t sent;
};

/* ---- On a worker thread ---- */

static enum tally_status read_piece(struct tl_fetch *fetch)
{
    size_t len = 0;
    tl_buffer_clear(&fetch->data);
    uint8_t *dst = tl_buffer_extend(&fetch->data, PIECE_LEN);
    if (dst == NULL) {
        return fetch->data.status;
    }
    enum tally_status status = tl_read_full(fetch->fd, dst, PIECE_LEN, &len);
    fetch->data.len = len;
    fetch->last = len < PIECE_LEN;
    return status;
}

static enum tally_status open_object(struct tl_fetch *fetch, struct tl_store *store,
                                     const struct tally_hash *hash)
{
    char path[PATH_LEN_MAX];
    enum tally_status status = tl_store_exhibit_path(store, hash, path, sizeof path);
    if (status != TALLY_OK) {
        return status;
    }
    fetch->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fetch->fd >= 0) {
        return read_piece(fetch);
    }
    if (errno != ENOENT) {
        return tl_status_from_errno(errno);
    }
    return tl_store_ciphertext(store, hash, &fetch->data);
}

/* "receipt/<index>" exists on sockets only. */
static enum tally_status find_receipt(struct tl_fetch *fetch, struct tl_ledger *ledger,
                                      struct tally_bytes number)
{
    uint64_t index = 0;
    if (tl_decimal_parse(number, &index) != TALLY_OK) {
        return TALLY_ENOTFOUND;
    }
    return tl_receipt_build(ledger, index, &fetch->data);
}

static enum tally_status find(struct tl_fetch *fetch)
{
    struct tl_ledger *ledger = fetch->conn->server->ledger;
    struct tally_bytes path = tl_bytes(fetch->path, fetch->path_len);
    struct tl_resource resource;
    fetch->last = true;
    if (tl_bytes_starts_with(path, TL_PATH_RECEIPT)) {
        size_t prefix = strlen(TL_PATH_RECEIPT);
        return find_receipt(fetch, ledger, tl_bytes(path.ptr + prefix, path.len - prefix));
    }
    if (tl_resource_parse(path, &resource) != TALLY_OK) {
        return TALLY_ENOTFOUND;
    }
    switch (resource.kind) {
    case TL_RESOURCE_CHECKPOINT: {
        struct tl_head_view head;
        tl_head_read(&ledger->head, &head);
        tl_buffer_add(&fetch->data, tl_head_note(&head));
        return fetch->data.status;
    }
    case TL_RESOURCE_TILE:
        return tl_store_render_tile(ledger->store, &resource.tile, &fetch->data);
    case TL_RESOURCE_PARTS:
        return tl_store_render_parts(ledger->store, resource.index, &fetch->data);
    case TL_RESOURCE_OBJECT:
        return open_object(fetch, ledger->store, &resource.hash);
    }
    return TALLY_ENOTFOUND;
}

static void work_cb(uv_work_t *work)
{
    struct tl_fetch *fetch = (struct tl_fetch *)work->data;
    TL_ASSERT(fetch->magic == FETCH_MAGIC);
    fetch->status = fetch->opened ? read_piece(fetch) : find(fetch);
    fetch->opened = true;
}

/* ---- On the loop ---- */

static void charge(struct tl_fetch *fetch, size_t bytes)
{
    struct tl_server *server = fetch->conn->server;
    TL_ASSERT(server->read_bytes >= fetch->charged);
    bool released = bytes < fetch->charged;
    server->read_bytes = server->read_bytes - fetch->charged + bytes;
    fetch->conn->user->read_bytes += bytes - fetch->charged;
    fetch->charged = bytes;
    if (released) {
        tl_server_wake(server);
    }
}

static void dispose(struct tl_fetch *fetch)
{
    TL_ASSERT(!fetch->busy);
    charge(fetch, 0);
    fetch->conn->fetch = NULL;
    tl_close(&fetch->fd);
    tl_buffer_deinit(&fetch->data);
    fetch->magic = 0;
    tl_free(fetch);
}

static void after_work_cb(uv_work_t *work, int status)
{
    struct tl_fetch *fetch = (struct tl_fetch *)work->data;
    TL_ASSERT(fetch->magic == FETCH_MAGIC);
    TL_ASSERT(status == 0);
    struct tl_conn *conn = fetch->conn;
    fetch->busy = false;
    fetch->sent = 0;
    if (conn->closing || conn->server->stopping) {
        dispose(fetch);
    } else {
        charge(fetch, fetch->data.cap);
        tl_fetch_pump(conn);
    }
    tl_conn_work_done(conn);
}

static void start(struct tl_fetch *fetch)
{
    fetch->busy = true;
    fetch->work.data = fetch;
    fetch->conn->works++;
    int error = uv_queue_work(&fetch->conn->server->loop, &fetch->work, work_cb, after_work_cb);
    TL_ASSERT(error == 0); /* fails for a NULL callback only */
}

static size_t tile_room(const struct tl_tile *tile)
{
    switch (tile->kind) {
    case TL_TILE_HASHES:
    case TL_TILE_SEALS:
    case TL_TILE_CHECKPOINTS:
        return ROOM_SMALL;
    case TL_TILE_ENTRIES: {
        size_t room = (size_t)tile->width * ROOM_ENTRY;
        return room < TL_RESOURCE_MAX ? room : TL_RESOURCE_MAX;
    }
    case TL_TILE_COMMITMENTS:
        break;
    }
    return TL_RESOURCE_MAX;
}

size_t tl_fetch_room(struct tally_bytes path)
{
    struct tl_resource resource;
    if (tl_bytes_starts_with(path, TL_PATH_RECEIPT) ||
        tl_resource_parse(path, &resource) != TALLY_OK) {
        return ROOM_SMALL;
    }
    switch (resource.kind) {
    case TL_RESOURCE_CHECKPOINT:
        return ROOM_SMALL;
    case TL_RESOURCE_TILE:
        return tile_room(&resource.tile);
    case TL_RESOURCE_OBJECT:
        return TALLY_DEPOSIT_MAX; /* a ciphertext; files come in pieces */
    case TL_RESOURCE_PARTS:
        break;
    }
    return TL_RESOURCE_MAX;
}

/*
 * Half of the memory for all is the most that one user's unread answers hold, so that they do not
 * keep others waiting; who holds nothing is always let in.
 */
static bool must_wait(const struct tl_conn *conn, size_t room)
{
    const struct tl_server *server = conn->server;
    uint64_t memory = server->config->read_memory;
    return conn->user->read_bytes > 0 && (conn->user->read_bytes + room > memory / 2 ||
                                          server->read_bytes + room > memory);
}

bool tl_fetch_begin(struct tl_conn *conn, uint32_t request, struct tally_bytes path)
{
    TL_ASSERT(conn->fetch == NULL);
    TL_ASSERT(path.len <= TL_PATH_MAX_WIRE);
    size_t room = tl_fetch_room(path);
    if (must_wait(conn, room)) {
        return false;
    }
    struct tl_fetch *fetch = (struct tl_fetch *)tl_calloc(1, sizeof *fetch);
    if (fetch == NULL) {
        tl_conn_error(conn, request, TALLY_ENOMEM, "out of memory");
        return true;
    }
    fetch->magic = FETCH_MAGIC;
    fetch->conn = conn;
    fetch->request = request;
    fetch->path_len = path.len;
    if (path.len > 0) {
        memcpy(fetch->path, path.ptr, path.len);
    }
    fetch->fd = -1;
    tl_buffer_init(&fetch->data, TL_RESOURCE_MAX);
    conn->fetch = fetch;
    charge(fetch, room);
    start(fetch);
    return true;
}

/* Without memory for the piece the connection closes, and the fetch is gone. */
static void send_piece(struct tl_fetch *fetch)
{
    size_t left = fetch->data.len - fetch->sent;
    size_t len = left < TL_CHUNK_MAX ? left : TL_CHUNK_MAX;
    struct tally_bytes piece = tl_bytes(fetch->data.ptr + fetch->sent, len);
    fetch->sent += len;
    tl_conn_message(fetch->conn, TL_MESSAGE_DATA, fetch->request, piece);
}

void tl_fetch_pump(struct tl_conn *conn)
{
    struct tl_fetch *fetch = conn->fetch;
    if (fetch == NULL || fetch->busy || conn->closing) {
        return;
    }
    uint32_t request = fetch->request;
    if (fetch->status != TALLY_OK) {
        bool absent = fetch->status == TALLY_ENOTFOUND;
        dispose(fetch);
        tl_conn_error(conn, request, absent ? TALLY_ENOTFOUND : TALLY_EIO,
                      absent ? "there is no such resource" : "the resource cannot be read");
        return;
    }
    while (fetch->sent < fetch->data.len && conn->backlog < TL_CONN_BACKLOG_MARK) {
        send_piece(fetch);
        if (conn->closing) {
            return;
        }
    }
    if (fetch->sent < fetch->data.len) {
        return;
    }
    if (!fetch->last) {
        start(fetch);
        return;
    }
    dispose(fetch);
    tl_conn_message(conn, TL_MESSAGE_END, request, tl_bytes(NULL, 0));
}

void tl_fetch_abandon(struct tl_conn *conn)
{
    if (conn->fetch != NULL && !conn->fetch->busy) {
        dispose(conn->fetch);
    }
}
