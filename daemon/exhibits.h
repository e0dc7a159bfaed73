/* SPDX-License-Identifier: ISC */
/*
 * Exhibits: files that clients leave with the ledger before the entry that names them. Streamed
 * into exhibits/incoming, hashed while they are written, never longer than announced; whole and of
 * the right digest, a file is synced, renamed to its digest in exhibits/deposits and that directory
 * synced before the client hears STORED. The sequencer moves it to exhibits/ for the first record
 * that names it. All disk work is done on worker threads.
 */
#ifndef TL_DAEMON_EXHIBITS_H
#define TL_DAEMON_EXHIBITS_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>

#include "lib/wire/message.h"

struct tl_conn;
struct tl_ledger;
struct tl_upload;

/*
 * Before serving: removes what uploads of an earlier process left behind, and the deposits that no
 * record has named within seven days. A clock in doubt removes none of those.
 */
TALLY_NODISCARD enum tally_status tl_exhibits_clear(const struct tl_ledger *ledger);

/* The three messages of an upload. Answers go to the connection. */
void tl_upload_begin(struct tl_conn *conn, uint32_t request, const struct tl_put *put);
void tl_upload_data(struct tl_conn *conn, struct tally_bytes data);
void tl_upload_end(struct tl_conn *conn);

/* True while no more data should be read: what has come is not on its way to the disk yet. */
bool tl_upload_is_full(const struct tl_upload *upload);

/*
 * True when the client has sent too little of its upload for an upload-timeout. waited_for: the
 * daemon would take its bytes; other time does not count.
 */
bool tl_upload_is_stuck(struct tl_conn *conn, bool waited_for, uint64_t now_ms);

/* The connection closes: the upload is given up as soon as no thread works on it. */
void tl_upload_abandon(struct tl_conn *conn);

#endif
