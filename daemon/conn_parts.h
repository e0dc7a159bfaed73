/* SPDX-License-Identifier: ISC */
/* Private to the files of a connection: what one asks of another. */
#ifndef TL_DAEMON_CONN_PARTS_H
#define TL_DAEMON_CONN_PARTS_H

#include "daemon/conn.h"

#define TL_CONN_FRAME_FREE 131072u /* a frame up to this length needs no reserved memory */
#define TL_CONN_IN_MAX (TALLY_SUBMISSION_MAX + TL_FRAME_HEADER_LEN + 2u * 65536u)

/* The connection behind a handle, a request or a session; checked. */
struct tl_conn *tl_conn_of(void *data);

/* Frees it when the handle is closed and nobody works for it any more. */
void tl_conn_free_if_over(struct tl_conn *conn);

/* conn_requests.c: what a session calls. */
extern const struct tl_session_ops tl_conn_session_ops;

/* conn_read.c: holds the session while anything behind the connection is full. */
void tl_conn_hold_if_full(struct tl_conn *conn);

/* conn_read.c: has so much of the memory for long frames, for its user and in all. */
void tl_conn_reserve(struct tl_conn *conn, size_t bytes);

/* False while shared limits keep the daemon from reading; what the client holds up counts. */
bool tl_conn_is_waited_for(const struct tl_conn *conn);

/* Nothing that was asked is still to be answered, and every answer is written. */
bool tl_conn_is_answered(const struct tl_conn *conn);

#endif
