/* SPDX-License-Identifier: ISC */
/* What a client asks for, as its session hands it over, and what comes back from the sequencer. */
#include <inttypes.h>
#include <string.h>

#include "daemon/conn_parts.h"
#include "daemon/exhibits.h"
#include "daemon/greeting.h"
#include "daemon/log.h"
#include "daemon/rejections.h"
#include "lib/base/check.h"

enum { RECEIPT_FIXED = 4096 };

static void on_hello(void *owner, uint32_t request, struct tally_bytes checkpoint)
{
    tl_greeting_begin(tl_conn_of(owner), request, checkpoint);
}

/* A receipt repeats envelope and signatures in base64, and adds the proof and the checkpoint. */
static size_t receipt_room(const struct tl_job *job)
{
    size_t len = job->bytes.len < TALLY_RECORD_MAX ? job->bytes.len : TALLY_RECORD_MAX;
    return len / 3 * 4 + RECEIPT_FIXED;
}

static void on_submit(void *owner, uint32_t request, struct tally_bytes submission)
{
    struct tl_conn *conn = tl_conn_of(owner);
    struct tl_job *job = tl_job_new(conn, request, submission);
    if (job == NULL) {
        tl_conn_error(conn, request, TALLY_ENOMEM, "out of memory");
        return;
    }
    conn->jobs++;
    conn->awaited += receipt_room(job);
    tl_server_submit(conn->server, &conn->lane, job);
    tl_conn_hold_if_full(conn);
}

static void on_put(void *owner, uint32_t request, const struct tl_put *put)
{
    struct tl_conn *conn = tl_conn_of(owner);
    conn->asked++;
    if (atomic_load(&conn->server->ledger->signing) == TL_SIGNING_STOPPED) {
        tl_session_upload_over(&conn->session);
        tl_conn_error(conn, request, TALLY_ESTOPPED, "signing has stopped");
    } else {
        tl_upload_begin(conn, request, put);
    }
    tl_conn_hold_if_full(conn);
}

static void on_put_data(void *owner, struct tally_bytes data)
{
    struct tl_conn *conn = tl_conn_of(owner);
    tl_upload_data(conn, data);
    tl_conn_hold_if_full(conn);
}

static void on_put_end(void *owner)
{
    struct tl_conn *conn = tl_conn_of(owner);
    tl_upload_end(conn);
    tl_conn_hold_if_full(conn);
}

static void on_get(void *owner, uint32_t request, struct tally_bytes path)
{
    struct tl_conn *conn = tl_conn_of(owner);
    struct tl_conn_get *get =
        &conn->gets[(conn->get_first + conn->get_count) % TL_CONN_GET_MAX];
    TL_ASSERT(conn->get_count < TL_CONN_GET_MAX);
    get->request = request;
    get->len = (uint8_t)path.len;
    if (path.len > 0) {
        memcpy(get->path, path.ptr, path.len);
    }
    conn->get_count++;
    tl_conn_hold_if_full(conn);
}

static void on_status(void *owner, uint32_t request)
{
    struct tl_conn *conn = tl_conn_of(owner);
    struct tl_buffer state;
    conn->asked++;
    tl_buffer_init(&state, 65536);
    tl_server_state(conn->server, &state);
    if (state.status == TALLY_OK) {
        tl_conn_message(conn, TL_MESSAGE_STATE, request, tl_buffer_bytes(&state));
    } else {
        tl_conn_error(conn, request, state.status, "out of memory");
    }
    tl_buffer_deinit(&state);
    tl_conn_hold_if_full(conn);
}

static void on_refuse(void *owner, uint32_t request, enum tally_status status, const char *text)
{
    struct tl_conn *conn = tl_conn_of(owner);
    conn->server->figures.broken++;
    if (tl_server_may_log(conn->server)) {
        tl_log(TL_LOG_INFO, "connection %" PRIu64 ": refused: %s", conn->number,
               tally_status_text(status));
    }
    tl_conn_error(conn, request, status, text);
    conn->ending = true;
}

const struct tl_session_ops tl_conn_session_ops = {
    .hello = on_hello,
    .submit = on_submit,
    .put = on_put,
    .put_data = on_put_data,
    .put_end = on_put_end,
    .get = on_get,
    .status = on_status,
    .refuse = on_refuse,
};

void tl_conn_job_done(struct tl_conn *conn, struct tl_job *job)
{
    TL_ASSERT(conn->jobs > 0);
    conn->jobs--;
    conn->awaited -= receipt_room(job);
    switch (job->outcome) {
    case TL_OUTCOME_RECEIPT: {
        struct tl_reply *reply = job->reply;
        job->reply = NULL;
        tl_conn_reply(conn, reply);
        tl_job_free(job);
        break;
    }
    case TL_OUTCOME_REJECTION:
        tl_rejection_begin(conn, job);
        break;
    case TL_OUTCOME_ERROR:
    case TL_OUTCOME_NONE: {
        const char *text = tally_status_text(job->status);
        if (job->status == TALLY_EBUSY) {
            text = "waiting for a member to show its checkpoint (confirm-head)";
        } else if (job->status == TALLY_EUNSUPPORTED) {
            text = "this daemon could not follow that amendment: the operator must prepare it";
        }
        tl_conn_error(conn, job->request, job->status, text);
        tl_job_free(job);
        break;
    }
    }
    tl_conn_free_if_over(conn);
}

void tl_conn_work_done(struct tl_conn *conn)
{
    TL_ASSERT(conn->works > 0);
    conn->works--;
    if (conn->closed) {
        tl_conn_free_if_over(conn);
        return;
    }
    tl_conn_update(conn);
}
