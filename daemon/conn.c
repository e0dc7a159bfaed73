/* SPDX-License-Identifier: ISC */
#include "daemon/conn.h"

#include <inttypes.h>
#include <sys/socket.h>

#include "daemon/conn_parts.h"
#include "daemon/exhibits.h"
#include "daemon/fetch.h"
#include "daemon/log.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"

enum {
    SEND_BUFFER = 32768,     /* of the kernel; what an unreading peer pins is twice this */
    WRITE_COUNT_MAX = 32,    /* replies in one write */
    BYTES_PER_MS_MIN = 1024, /* a long frame may take this much longer */
    WRITTEN_MIN = 65536,     /* a peer takes at least so much in one write-timeout */
};

struct tl_conn *tl_conn_of(void *data)
{
    struct tl_conn *conn = (struct tl_conn *)data;
    TL_ASSERT(conn != NULL);
    TL_ASSERT(conn->magic == TL_CONN_MAGIC);
    return conn;
}

/* ---- The end of a connection ---- */

static void free_replies(struct tl_reply *reply)
{
    while (reply != NULL) {
        struct tl_reply *next = reply->next;
        tl_reply_free(reply);
        reply = next;
    }
}

void tl_conn_free_if_over(struct tl_conn *conn)
{
    if (!conn->closed || conn->jobs > 0 || conn->works > 0) {
        return;
    }
    TL_ASSERT(conn->upload == NULL);
    TL_ASSERT(conn->fetch == NULL);
    TL_ASSERT(conn->writing == NULL);
    TL_ASSERT(!conn->is_dirty);
    struct tl_server *server = conn->server;
    free_replies(conn->out_first);
    tl_buffer_deinit(&conn->in);
    if (conn->lane.share != NULL) {
        tl_queue_leave(server->queue, &conn->lane);
    }
    if (conn->user != NULL) {
        tl_conn_reserve(conn, 0);
        tl_user_leave(conn->user);
        server->admitted--;
    }
    tl_server_forget(server, conn);
    conn->magic = 0;
    tl_free(conn);
    tl_server_wake(server);
}

static void close_cb(uv_handle_t *handle)
{
    struct tl_conn *conn = tl_conn_of(handle->data);
    conn->closed = true;
    tl_conn_free_if_over(conn);
}

void tl_conn_close(struct tl_conn *conn)
{
    if (conn->closing) {
        return;
    }
    conn->closing = true;
    conn->reading = false;
    tl_session_end(&conn->session);
    tl_upload_abandon(conn);
    tl_fetch_abandon(conn);
    /* A write under way is called back with ECANCELED before close_cb. */
    uv_close((uv_handle_t *)&conn->pipe, close_cb);
}

static void close_for(struct tl_conn *conn, const char *why)
{
    if (!conn->closing && tl_server_may_log(conn->server)) {
        tl_log(TL_LOG_INFO, "connection %" PRIu64 ": closed: %s", conn->number, why);
    }
    tl_conn_close(conn);
}

/* ---- Answers ---- */

void tl_conn_reply(struct tl_conn *conn, struct tl_reply *reply)
{
    struct tl_server *server = conn->server;
    if (conn->closing || reply->bytes.status != TALLY_OK) {
        tl_reply_free(reply);
        tl_conn_close(conn);
        return;
    }
    reply->next = NULL;
    if (conn->out_last == NULL) {
        conn->out_first = reply;
    } else {
        conn->out_last->next = reply;
    }
    conn->out_last = reply;
    conn->backlog += reply->bytes.len;
    if (!conn->is_dirty) {
        conn->is_dirty = true;
        conn->dirty_next = server->dirty;
        server->dirty = conn;
    }
}

void tl_conn_message(struct tl_conn *conn, enum tl_message type, uint32_t request,
                     struct tally_bytes payload)
{
    struct tl_reply *reply = tl_reply_new(TL_FRAME_HEADER_LEN + payload.len);
    if (reply == NULL) {
        tl_conn_close(conn);
        return;
    }
    tl_frame_add(&reply->bytes, type, request, payload);
    tl_conn_reply(conn, reply);
}

void tl_conn_error(struct tl_conn *conn, uint32_t request, enum tally_status status,
                   const char *text)
{
    struct tl_reply *reply = tl_reply_new(TL_FRAME_HEADER_LEN + 512);
    if (reply == NULL) {
        tl_conn_close(conn);
        return;
    }
    tl_error_add(&reply->bytes, request, status, text);
    tl_conn_reply(conn, reply);
}

static void write_cb(uv_write_t *write, int status)
{
    struct tl_conn *conn = tl_conn_of(write->data);
    size_t len = 0;
    for (struct tl_reply *reply = conn->writing; reply != NULL; reply = reply->next) {
        len += reply->bytes.len;
    }
    free_replies(conn->writing);
    conn->writing = NULL;
    conn->backlog -= len;
    conn->written += len;
    if (conn->closing) {
        return;
    }
    if (status != 0) {
        tl_conn_close(conn);
        return;
    }
    conn->active_ms = uv_now(&conn->server->loop);
    tl_fetch_pump(conn);
    tl_conn_flush(conn);
    tl_conn_update(conn);
}

void tl_conn_flush(struct tl_conn *conn)
{
    uv_buf_t buffers[WRITE_COUNT_MAX];
    unsigned count = 0;
    if (conn->closing || conn->writing != NULL || conn->out_first == NULL) {
        return;
    }
    struct tl_reply *last = NULL;
    for (struct tl_reply *reply = conn->out_first; reply != NULL && count < WRITE_COUNT_MAX;
         reply = reply->next) {
        buffers[count] = uv_buf_init((char *)reply->bytes.ptr, (unsigned)reply->bytes.len);
        count++;
        last = reply;
    }
    conn->asked = 0;
    conn->writing = conn->out_first;
    conn->out_first = last->next;
    if (conn->out_first == NULL) {
        conn->out_last = NULL;
    }
    last->next = NULL;
    conn->write.data = conn;
    int error = uv_write(&conn->write, (uv_stream_t *)&conn->pipe, buffers, count, write_cb);
    if (error != 0) {
        free_replies(conn->writing);
        conn->writing = NULL;
        tl_conn_close(conn);
    }
}

void tl_conn_stop(struct tl_conn *conn)
{
    if (conn->closing) {
        return;
    }
    /* What is in the queue is still answered; what is only asked is not. */
    conn->got_end = true;
    conn->get_count = 0;
    tl_session_end(&conn->session);
    tl_fetch_abandon(conn);
    tl_upload_abandon(conn);
    tl_conn_update(conn);
}

/* ---- Deadlines ---- */

static bool reads_too_slowly(struct tl_conn *conn, uint64_t now_ms)
{
    const struct tl_config *config = conn->server->config;
    if (conn->backlog == 0) {
        conn->write_ms = now_ms;
        conn->write_mark = 0;
        conn->written = 0;
        return false;
    }
    if (now_ms - conn->write_ms < config->write_timeout) {
        return false;
    }
    /* What one write has put into the kernel counts too, though the write is not over. */
    size_t queued = uv_stream_get_write_queue_size((const uv_stream_t *)&conn->pipe);
    uint64_t least = conn->write_mark < WRITTEN_MIN ? conn->write_mark : WRITTEN_MIN;
    uint64_t taken =
        conn->written + (queued < conn->write_mark ? conn->write_mark - queued : 0);
    bool slow = conn->write_mark != 0 && taken < least;
    conn->write_ms = now_ms;
    conn->write_mark = queued;
    conn->written = 0;
    return slow;
}

void tl_conn_tick(struct tl_conn *conn, uint64_t now_ms)
{
    const struct tl_config *config = conn->server->config;
    const char *why = NULL;
    if (conn->closing) {
        return;
    }
    bool answered = tl_conn_is_answered(conn) && conn->upload == NULL;
    if (conn->session.state == TL_SESSION_GREETING &&
        now_ms - conn->opened_ms > config->handshake_timeout) {
        why = "no HELLO in time";
    } else if (conn->frame_ms != 0 && now_ms - conn->frame_ms >
                                          config->frame_timeout + conn->need / BYTES_PER_MS_MIN) {
        why = "a frame took too long";
    } else if (reads_too_slowly(conn, now_ms)) {
        why = "answers were not read";
    } else if (tl_upload_is_stuck(conn, tl_conn_is_waited_for(conn), now_ms)) {
        why = "an upload took too long";
    } else if ((answered || (conn->upload != NULL && conn->reading)) &&
               now_ms - conn->active_ms > config->idle_timeout) {
        why = "idle";
    }
    if (why != NULL) {
        conn->server->figures.timed_out++;
        close_for(conn, why);
    }
}

/* ---- Accepting ---- */

static void log_opened(const struct tl_conn *conn, const struct tl_peer *peer)
{
    if (tl_server_may_log(conn->server)) {
        tl_log(TL_LOG_INFO, "connection %" PRIu64 ": %s, uid %u gid %u pid %d", conn->number,
               conn->session.socket == TL_SOCKET_SUBMIT ? "submit" : "read", (unsigned)peer->uid,
               (unsigned)peer->gid, (int)peer->pid);
    }
}

/* Counts the connection, or tells the client that it is one too many. */
static void admit(struct tl_conn *conn)
{
    struct tl_server *server = conn->server;
    struct tl_peer peer;
    int fd = -1;
    int size = SEND_BUFFER;
    if (uv_fileno((const uv_handle_t *)&conn->pipe, &fd) != 0 ||
        tl_peer_read(fd, &peer) != TALLY_OK) {
        tl_conn_close(conn);
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    log_opened(conn, &peer);
    if (server->admitted < server->config->connections) {
        conn->user = tl_user_enter(&server->users, peer.uid, uv_now(&server->loop));
    }
    server->admitted += conn->user != NULL ? 1 : 0;
    if (conn->user != NULL && conn->session.socket == TL_SOCKET_SUBMIT) {
        tl_queue_join(server->queue, &conn->lane, &conn->user->queued);
    }
    if (conn->user == NULL || server->stopping) {
        server->figures.turned_away++;
        tl_session_end(&conn->session);
        tl_conn_error(conn, 0, TALLY_EBUSY, "too many connections");
        conn->ending = true;
    }
}

void tl_conn_accept(struct tl_listener *listener)
{
    struct tl_server *server = listener->server;
    struct tl_conn *conn = NULL;
    if (!tl_server_may_accept(listener)) {
        listener->pending = true;
        return;
    }
    if (server->conn_count < server->config->connections + TL_CONN_TURNED_AWAY_MAX) {
        conn = (struct tl_conn *)tl_calloc(1, sizeof *conn);
    }
    /* Without a place or memory the client waits for the end of another connection, or the tick. */
    listener->pending = conn == NULL;
    if (conn == NULL) {
        server->has_waiters = true;
        return;
    }
    conn->magic = TL_CONN_MAGIC;
    conn->server = server;
    int error = uv_pipe_init(&server->loop, &conn->pipe, 0);
    TL_ASSERT(error == 0); /* cannot fail on Unix */
    conn->pipe.data = conn;
    conn->opened_ms = uv_now(&server->loop);
    conn->active_ms = conn->opened_ms;
    conn->write_ms = conn->opened_ms;
    tl_buffer_init(&conn->in, TL_CONN_IN_MAX);
    tl_session_init(&conn->session, listener->socket, &tl_conn_session_ops, conn);
    server->figures.accepted++;
    conn->number = server->figures.accepted;
    conn->next = server->conns;
    if (conn->next != NULL) {
        conn->next->previous = conn;
    }
    server->conns = conn;
    server->conn_count++;
    if (uv_accept((uv_stream_t *)&listener->pipe, (uv_stream_t *)&conn->pipe) != 0) {
        tl_conn_close(conn);
        return;
    }
    admit(conn);
    tl_conn_update(conn);
}
