/* SPDX-License-Identifier: ISC */
#include "daemon/greeting.h"

#include <inttypes.h>
#include <string.h>

#include "daemon/conn.h"
#include "daemon/log.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"

#define GREETING_MAGIC 0x48454c4fu

enum { HELLO_NOTE_MAX = 1024 };

struct greeting {
    uint32_t magic;
    struct tl_conn *conn;
    uint32_t request;
    uv_work_t work;
    enum tally_status status;
    enum tl_hello_verdict verdict;
    size_t note_len;
    uint8_t note[HELLO_NOTE_MAX];
};

static void welcome(struct tl_conn *conn, uint32_t request)
{
    struct tl_head_view head;
    tl_head_read(&conn->server->ledger->head, &head);
    struct tl_welcome welcome = {
        .version = TL_WIRE_VERSION,
        .ledger = conn->server->ledger->id,
        .checkpoint = tl_head_note(&head),
    };
    struct tl_reply *reply = tl_reply_new(TL_FRAME_HEADER_LEN + 1024);
    if (reply == NULL) {
        tl_conn_close(conn);
        return;
    }
    tl_welcome_add(&reply->bytes, request, &welcome);
    tl_session_welcome(&conn->session);
    tl_conn_reply(conn, reply);
}

static void turn_away(struct tl_conn *conn, uint32_t request, enum tally_status status,
                      const char *text)
{
    tl_session_end(&conn->session);
    tl_conn_error(conn, request, status, text);
    conn->ending = true;
}

static void work_cb(uv_work_t *work)
{
    struct greeting *greeting = (struct greeting *)work->data;
    TL_ASSERT(greeting->magic == GREETING_MAGIC);
    greeting->status =
        tl_ledger_judge_hello(greeting->conn->server->ledger,
                              tl_bytes(greeting->note, greeting->note_len), &greeting->verdict);
}

static void after_work_cb(uv_work_t *work, int status)
{
    struct greeting *greeting = (struct greeting *)work->data;
    TL_ASSERT(greeting->magic == GREETING_MAGIC);
    TL_ASSERT(status == 0);
    struct tl_conn *conn = greeting->conn;
    if (conn->closing || conn->session.state != TL_SESSION_JUDGING) {
        /* Nobody is left to be told, or the daemon stops. */
    } else if (greeting->status != TALLY_OK) {
        turn_away(conn, greeting->request, TALLY_EIO, "the store cannot be read");
    } else if (greeting->verdict == TL_HELLO_ROLLBACK || greeting->verdict == TL_HELLO_FORK) {
        tl_log(TL_LOG_CRITICAL, "connection %" PRIu64 ": its checkpoint contradicts the store",
               conn->number);
        turn_away(conn, greeting->request, TALLY_ESTOPPED,
                  "your checkpoint is signed by this ledger and the store contradicts it: "
                  "signing has stopped. Keep your checkpoint and tell the other members");
    } else {
        welcome(conn, greeting->request);
    }
    greeting->magic = 0;
    tl_free(greeting);
    tl_conn_work_done(conn);
}

void tl_greeting_begin(struct tl_conn *conn, uint32_t request, struct tally_bytes checkpoint)
{
    if (checkpoint.len == 0) {
        welcome(conn, request);
        return;
    }
    struct greeting *greeting = (struct greeting *)tl_alloc(sizeof *greeting);
    if (greeting == NULL || checkpoint.len > HELLO_NOTE_MAX) {
        tl_free(greeting);
        tl_conn_close(conn);
        return;
    }
    greeting->magic = GREETING_MAGIC;
    greeting->conn = conn;
    greeting->request = request;
    greeting->work.data = greeting;
    greeting->note_len = checkpoint.len;
    memcpy(greeting->note, checkpoint.ptr, checkpoint.len);
    conn->works++;
    int error = uv_queue_work(&conn->server->loop, &greeting->work, work_cb, after_work_cb);
    TL_ASSERT(error == 0); /* fails for a NULL callback only */
}
