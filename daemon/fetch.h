/* SPDX-License-Identifier: ISC */
/*
 * Fetch: the answer to one GET. A worker thread finds or renders the resource; the loop sends it in
 * DATA frames as fast as the client takes them. Files are read piece by piece, so that an object
 * of any length costs the same memory.
 */
#ifndef TL_DAEMON_FETCH_H
#define TL_DAEMON_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/types.h>

struct tl_conn;

/*
 * The most memory that an answer may take while it is made: charged until its length is known, so
 * that answers under way never hold more than read-memory.
 */
size_t tl_fetch_room(struct tally_bytes path);

/* Starts the answer. False when reading is over its memory limit: to be tried again later. */
bool tl_fetch_begin(struct tl_conn *conn, uint32_t request, struct tally_bytes path);

/* Sends what the client has room for. */
void tl_fetch_pump(struct tl_conn *conn);

/* The connection closes. */
void tl_fetch_abandon(struct tl_conn *conn);

#endif
