/* SPDX-License-Identifier: ISC */
#include "daemon/rejections.h"

#include <stdio.h>

#include "daemon/conn.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/sha256.h"
#include "lib/codec/rejection.h"

#define REJECTION_MAGIC 0x52454a43u

struct work {
    uint32_t magic;
    struct tl_conn *conn;
    struct tl_job *job;
    uv_work_t work;
    enum tally_status status;
    struct tl_reply *reply; /* NULL after a failure */
};

static void answer_unsigned(struct tl_conn *conn, const struct tl_job *job,
                            enum tally_status status)
{
    char text[128];
    (void)snprintf(text, sizeof text, "rejected (%s), but not signed: %s",
                   tally_reason_name(job->reason),
                   status == TALLY_EBUSY ? "too many rejections" : tally_status_text(status));
    tl_conn_error(conn, job->request, status, text);
}

static void work_cb(uv_work_t *request)
{
    struct work *work = (struct work *)request->data;
    TL_ASSERT(work->magic == REJECTION_MAGIC);
    const struct tl_job *job = work->job;
    struct tl_rejection rejection = {
        .envelope = job->envelope_hash,
        .submission = tl_sha256(job->bytes),
        .code = job->reason,
        .size = job->size,
        .roster = job->roster,
        .time_s = job->time_s,
    };
    struct tl_reply *reply = tl_reply_new(TL_FRAME_HEADER_LEN + TL_REJECTION_MAX);
    work->status = TALLY_ENOMEM;
    if (reply != NULL && tl_buffer_extend(&reply->bytes, TL_FRAME_HEADER_LEN) != NULL) {
        work->status =
            tl_ledger_sign_rejection(work->conn->server->ledger, &rejection, &reply->bytes);
    }
    if (work->status != TALLY_OK) {
        tl_reply_free(reply);
        return;
    }
    tl_frame_header(reply->bytes.ptr, TL_MESSAGE_REJECTION, job->request,
                    reply->bytes.len - TL_FRAME_HEADER_LEN);
    work->reply = reply;
}

static void after_work_cb(uv_work_t *request, int status)
{
    struct work *work = (struct work *)request->data;
    TL_ASSERT(work->magic == REJECTION_MAGIC);
    TL_ASSERT(status == 0);
    struct tl_conn *conn = work->conn;
    if (work->reply != NULL) {
        tl_conn_reply(conn, work->reply);
    } else {
        answer_unsigned(conn, work->job, work->status);
    }
    tl_job_free(work->job);
    work->magic = 0;
    tl_free(work);
    tl_conn_work_done(conn);
}

void tl_rejection_begin(struct tl_conn *conn, struct tl_job *job)
{
    struct tl_server *server = conn->server;
    struct work *work = NULL;
    enum tally_status status = TALLY_EBUSY;
    if (atomic_load(&server->ledger->signing) == TL_SIGNING_STOPPED) {
        status = TALLY_ESTOPPED;
    } else if (!conn->closing &&
               tl_user_may_be_rejected(&server->users, conn->user, uv_now(&server->loop))) {
        work = (struct work *)tl_calloc(1, sizeof *work);
        status = TALLY_ENOMEM;
    }
    if (work == NULL) {
        answer_unsigned(conn, job, status);
        tl_job_free(job);
        return;
    }
    work->magic = REJECTION_MAGIC;
    work->conn = conn;
    work->job = job;
    work->work.data = work;
    conn->works++;
    int error = uv_queue_work(&server->loop, &work->work, work_cb, after_work_cb);
    TL_ASSERT(error == 0); /* fails for a NULL callback only */
}
