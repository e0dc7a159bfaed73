/* SPDX-License-Identifier: ISC */
/*
 * Connection: a blocking client of a daemon's sockets (docs/protocol.md). Every wait has a
 * deadline. What the daemon says is hostile until a caller has verified it. One thread at a time.
 */
#ifndef TL_CLIENT_CONNECTION_H
#define TL_CLIENT_CONNECTION_H

#include <stdint.h>

#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

#include "lib/archive/source.h"
#include "lib/base/bytes.h"

struct tl_connection;

/*
 * Connects and says HELLO with checkpoint (may be empty). ECONNECT, EACCES, ETIMEOUT, EPROTOCOL,
 * ESTOPPED (the daemon has stopped signing because of a checkpoint that it cannot explain).
 */
TALLY_NODISCARD enum tally_status tl_connection_open(const char *socket_path, int timeout_ms,
                                                     struct tally_bytes checkpoint,
                                                     struct tl_connection **ret_connection);
void tl_connection_close(struct tl_connection *connection); /* NULL is fine */

/* As the daemon said in its WELCOME: unverified. Borrowed until close. */
const struct tally_hash *tl_connection_ledger(const struct tl_connection *connection);
struct tally_bytes tl_connection_checkpoint(const struct tl_connection *connection);

/* The text of the last ERROR frame, or of the local failure; "" when none. Borrowed. */
const char *tl_connection_error(const struct tl_connection *connection);

enum tl_answer {
    TL_ANSWER_RECEIPT,
    TL_ANSWER_REJECTION,
};

/*
 * Sends a submission and waits. OK: *ret_answer says which of the two was appended to buffer.
 * Else nothing was decided, or the answer was lost: send the same bytes again.
 */
TALLY_NODISCARD enum tally_status tl_connection_submit(struct tl_connection *connection,
                                                       struct tally_bytes submission,
                                                       enum tl_answer *ret_answer,
                                                       struct tl_buffer *answer);

/*
 * Leaves an exhibit file with the ledger, streamed from path. OK also when the ledger has it.
 * EFORMAT when the file no longer has that digest and size. progress may be NULL.
 */
TALLY_NODISCARD enum tally_status
tl_connection_put(struct tl_connection *connection, const char *path, const struct tally_hash *hash,
                  uint64_t size, void (*progress)(void *context, uint64_t done, uint64_t size),
                  void *context);

/* Lines "key value" about the daemon's health. Appends. */
TALLY_NODISCARD enum tally_status tl_connection_state(struct tl_connection *connection,
                                                      struct tl_buffer *state);

/* A connection as a source; prefetch pipelines. The source owns the connection. */
TALLY_NODISCARD enum tally_status tl_source_open_connection(struct tl_connection *connection,
                                                            struct tl_source **ret_source);

#endif
