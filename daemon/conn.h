/* SPDX-License-Identifier: ISC */
/*
 * Connection: the handle of one client, what it has sent and not got answered, and how long it may
 * take. It reads only while everything behind it has room: when its queue, its unread answers or a
 * shared limit is over the mark it stops, and the client's writes wait in the kernel.
 *
 * Freed when the handle is closed and no thread works for it any more. Loop thread only.
 */
#ifndef TL_DAEMON_CONN_H
#define TL_DAEMON_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/job.h"
#include "daemon/peer.h"
#include "daemon/server.h"
#include "daemon/session.h"

#define TL_CONN_MAGIC 0x434f4e4eu
#define TL_CONN_BACKLOG_MARK 262144u /* unread bytes of answers at which reading stops */
#define TL_CONN_ANSWERS_MARK 1048576u /* the same with the receipts that are still to come */
#define TL_CONN_GET_MAX 32u          /* GETs that wait for the one at hand */
#define TL_CONN_ASKED_MAX 8u         /* STATUS and PUT that are answered in one turn of the loop */
#define TL_CONN_TURNED_AWAY_MAX 16u  /* told at a time that they are too many */

struct tl_fetch;
struct tl_upload;

struct tl_conn_get {
    uint32_t request;
    uint8_t len;
    uint8_t path[TL_PATH_MAX_WIRE];
};

struct tl_conn {
    uint32_t magic;
    struct tl_server *server;
    struct tl_conn *next;
    struct tl_conn *previous;
    struct tl_conn *dirty_next;
    bool is_dirty;
    uv_pipe_t pipe;
    uint64_t number;
    struct tl_user *user; /* NULL until it counts */
    struct tl_session session;

    bool reading;
    bool got_end;   /* the client will send nothing more */
    bool ending;    /* close once the answers are written */
    bool closing;   /* uv_close was called */
    bool closed;    /* the handle is gone */
    struct tl_queue_lane lane; /* joined when it counts and may submit */
    unsigned jobs;  /* submissions in the queue or the sequencer */
    size_t awaited; /* bytes that their receipts can have */
    unsigned works; /* pieces of work on worker threads */
    unsigned asked; /* STATUS and PUT since answers last left for the handle */

    struct tl_buffer in; /* the beginning of a frame */
    size_t need;         /* the length of that frame as far as known */
    size_t reserved;     /* of the server's frame memory */
    bool starved;        /* waits for frame memory */

    struct tl_reply *out_first; /* not yet given to the handle */
    struct tl_reply *out_last;
    struct tl_reply *writing; /* given to the handle */
    uv_write_t write;
    size_t backlog; /* bytes of answers that the kernel has not taken */

    struct tl_fetch *fetch;
    struct tl_conn_get gets[TL_CONN_GET_MAX];
    unsigned get_first;
    unsigned get_count;
    struct tl_upload *upload;

    uint64_t opened_ms;
    uint64_t active_ms; /* last byte in or out */
    uint64_t frame_ms;  /* since when a frame has been incomplete; 0: none is */
    uint64_t write_ms;  /* when the unread answers were last looked at */
    size_t write_mark;  /* the backlog then */
    uint64_t written;   /* bytes since then */
};

/* Accepts one client, or leaves it to wait. The listener's callback. */
void tl_conn_accept(struct tl_listener *listener);

/* Puts an answer at the end of what is to be written; takes the reply over, also when closing. */
void tl_conn_reply(struct tl_conn *conn, struct tl_reply *reply);
void tl_conn_error(struct tl_conn *conn, uint32_t request, enum tally_status status,
                   const char *text);
void tl_conn_message(struct tl_conn *conn, enum tl_message type, uint32_t request,
                     struct tally_bytes payload);

/* A submission comes back. Frees it. */
void tl_conn_job_done(struct tl_conn *conn, struct tl_job *job);

/* Work on a worker thread is over; the connection may be freed by this call. */
void tl_conn_work_done(struct tl_conn *conn);

/* Hands what was replied to the handle. */
void tl_conn_flush(struct tl_conn *conn);

/* Looks at every limit again: goes on reading, stops, or closes. May free the connection. */
void tl_conn_update(struct tl_conn *conn);

/* Deadlines. May free the connection. */
void tl_conn_tick(struct tl_conn *conn, uint64_t now_ms);

/* No more requests; closes when what was asked is answered. */
void tl_conn_stop(struct tl_conn *conn);

/* Closes at once; answers that are not written are lost. */
void tl_conn_close(struct tl_conn *conn);

#endif
