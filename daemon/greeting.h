/* SPDX-License-Identifier: ISC */
/*
 * Greeting: the answer to HELLO. The client's checkpoint is judged on a worker thread; one that the
 * store cannot explain stops all signing before the client has its answer.
 */
#ifndef TL_DAEMON_GREETING_H
#define TL_DAEMON_GREETING_H

#include <stdint.h>

#include <tally/types.h>

struct tl_conn;

void tl_greeting_begin(struct tl_conn *conn, uint32_t request, struct tally_bytes checkpoint);

#endif
