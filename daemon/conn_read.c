/* SPDX-License-Identifier: ISC */
/*
 * Reading from a client, only while everything behind the connection has room: its own requests and
 * answers, the queue, the memory for long frames.
 */
#include "daemon/conn_parts.h"
#include "daemon/exhibits.h"
#include "daemon/fetch.h"
#include "lib/base/check.h"

static bool is_queue_full(const struct tl_conn *conn)
{
    return conn->lane.share != NULL &&
           !tl_queue_has_room(conn->server->queue, &conn->lane, conn->need);
}

/* Whether anything behind the connection is full. */
static bool is_held(const struct tl_conn *conn)
{
    struct tl_server *server = conn->server;
    if (conn->jobs + conn->works >= server->config->requests_per_connection ||
        conn->backlog >= TL_CONN_BACKLOG_MARK ||
        conn->backlog + conn->awaited >= TL_CONN_ANSWERS_MARK ||
        conn->asked >= TL_CONN_ASKED_MAX || conn->get_count == TL_CONN_GET_MAX ||
        tl_upload_is_full(conn->upload)) {
        return true;
    }
    bool full = is_queue_full(conn);
    server->has_waiters = server->has_waiters || full;
    return full;
}

bool tl_conn_is_waited_for(const struct tl_conn *conn)
{
    return !conn->starved && !is_queue_full(conn);
}

void tl_conn_hold_if_full(struct tl_conn *conn)
{
    tl_session_hold(&conn->session, is_held(conn));
}

static void alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct tl_conn *conn = tl_conn_of(handle->data);
    *buffer = uv_buf_init((char *)conn->server->scratch, sizeof conn->server->scratch);
}

/* One user has at most as much as is left for others; who has none needs to fit only. */
static bool has_frame_memory(const struct tl_conn *conn, size_t more)
{
    const struct tl_server *server = conn->server;
    uint64_t left = server->config->frame_memory - server->frame_bytes;
    size_t held = conn->user->frame_bytes;
    return more <= left && (held == 0 || held + more <= left);
}

void tl_conn_reserve(struct tl_conn *conn, size_t bytes)
{
    conn->server->frame_bytes += bytes - conn->reserved;
    conn->user->frame_bytes += bytes - conn->reserved;
    conn->reserved = bytes;
}

/* Memory for a long frame comes from a common store; without it the frame waits in the kernel. */
static void reserve_frame(struct tl_conn *conn)
{
    struct tl_server *server = conn->server;
    size_t want = conn->need > TL_CONN_FRAME_FREE ? conn->need : 0;
    if (want <= conn->reserved) {
        bool released = want < conn->reserved;
        tl_conn_reserve(conn, want);
        conn->starved = false;
        if (released) {
            tl_server_wake(server);
        }
        return;
    }
    conn->starved = !has_frame_memory(conn, want - conn->reserved);
    if (conn->starved) {
        server->has_waiters = true;
    } else {
        tl_conn_reserve(conn, want);
    }
}

static void note_frame(struct tl_conn *conn)
{
    bool incomplete =
        conn->in.len > 0 && conn->need > 0 && !conn->session.held && !conn->starved;
    if (!incomplete) {
        conn->frame_ms = 0;
    } else if (conn->frame_ms == 0) {
        conn->frame_ms = uv_now(&conn->server->loop);
    }
}

/* Gives what has come to the session; what it leaves is kept. */
static void feed(struct tl_conn *conn, struct tally_bytes fresh)
{
    size_t taken = 0;
    if (conn->in.len == 0) {
        taken = tl_session_feed(&conn->session, fresh, &conn->need);
        tl_buffer_add(&conn->in, tl_bytes(fresh.ptr + taken, fresh.len - taken));
    } else {
        tl_buffer_add(&conn->in, fresh);
        taken = tl_session_feed(&conn->session, tl_buffer_bytes(&conn->in), &conn->need);
        tl_buffer_consume(&conn->in, taken);
    }
    if (conn->in.status != TALLY_OK) {
        tl_conn_close(conn);
        return;
    }
    if (conn->in.len == 0 && conn->in.cap > TL_CONN_FRAME_FREE) {
        tl_buffer_deinit(&conn->in);
        tl_buffer_init(&conn->in, TL_CONN_IN_MAX);
    }
    if (taken > 0) {
        conn->frame_ms = 0;
    }
    reserve_frame(conn);
    note_frame(conn);
}

static void read_cb(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct tl_conn *conn = tl_conn_of(stream->data);
    if (count == 0) {
        return;
    }
    if (count == UV_EOF) {
        conn->got_end = true;
    } else if (count < 0) {
        tl_conn_close(conn);
        return;
    } else {
        conn->active_ms = uv_now(&conn->server->loop);
        feed(conn, tl_bytes(buffer->base, (size_t)count));
    }
    tl_conn_update(conn);
}

static void start_gets(struct tl_conn *conn)
{
    while (conn->get_count > 0 && conn->fetch == NULL && !conn->closing) {
        const struct tl_conn_get *get = &conn->gets[conn->get_first];
        if (!tl_fetch_begin(conn, get->request, tl_bytes(get->path, get->len))) {
            conn->server->has_waiters = true;
            return;
        }
        conn->get_first = (conn->get_first + 1) % TL_CONN_GET_MAX;
        conn->get_count--;
    }
}

static bool wants_bytes(const struct tl_conn *conn)
{
    return !conn->got_end && !conn->ending && !conn->starved && !conn->session.held &&
           (conn->session.state == TL_SESSION_GREETING || conn->session.state == TL_SESSION_OPEN);
}

bool tl_conn_is_answered(const struct tl_conn *conn)
{
    return conn->jobs == 0 && conn->works == 0 && conn->fetch == NULL && conn->get_count == 0 &&
           conn->out_first == NULL && conn->writing == NULL;
}

/* Told why and turned away; or half-closed and answered: an upload still open cannot end. */
static bool is_finished(const struct tl_conn *conn)
{
    if (conn->ending) {
        return conn->out_first == NULL && conn->writing == NULL;
    }
    return conn->got_end && tl_conn_is_answered(conn);
}

void tl_conn_update(struct tl_conn *conn)
{
    if (conn->closing) {
        return;
    }
    start_gets(conn);
    bool was_held = conn->session.held;
    tl_conn_hold_if_full(conn);
    if (conn->in.len > 0 && conn->need == 0 && !conn->session.held) {
        feed(conn, tl_bytes(conn->in.ptr, 0));
        start_gets(conn);
    } else if (conn->starved) {
        reserve_frame(conn);
    }
    if (was_held || conn->session.held) {
        note_frame(conn);
    }
    if (conn->closing) {
        return;
    }
    if (is_finished(conn)) {
        tl_conn_close(conn);
        return;
    }
    bool want = wants_bytes(conn);
    if (want && !conn->reading) {
        conn->reading = uv_read_start((uv_stream_t *)&conn->pipe, alloc_cb, read_cb) == 0;
    } else if (!want && conn->reading) {
        (void)uv_read_stop((uv_stream_t *)&conn->pipe);
        conn->reading = false;
    }
}
