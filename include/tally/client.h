/* SPDX-License-Identifier: ISC */
/*
 * Talking to a daemon over its sockets (docs/protocol.md of the source). Blocking, with a deadline
 * for every wait. What a daemon answers is foreign until it has been verified (verify.h).
 * A connection belongs to one thread at a time.
 */
#ifndef TALLY_CLIENT_H
#define TALLY_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/export.h>
#include <tally/status.h>
#include <tally/types.h>

TALLY_BEGIN_DECLS

struct tally_connection;

/* Bytes that the library allocated; free them with tally_data_free. */
struct tally_data {
    uint8_t *ptr;
    size_t len;
};

/* Frees and empties; an empty one is fine. */
TALLY_EXPORT void tally_data_free(struct tally_data *data);

/*
 * Connects to a socket and says hello with the newest signed checkpoint that the caller holds
 * (empty: none). timeout_ms bounds each wait. OK; EINVAL (path too long), ECONNECT, EACCES,
 * ETIMEOUT, EPROTOCOL, ENOMEM; ESTOPPED: the daemon cannot explain the checkpoint and signs nothing
 * more. The caller ends it with tally_disconnect.
 */
TALLY_EXPORT TALLY_NODISCARD enum tally_status
tally_connect(const char *socket_path, int timeout_ms, struct tally_bytes checkpoint,
              struct tally_connection **ret_connection);

/* Closes and frees; NULL is fine. */
TALLY_EXPORT void tally_disconnect(struct tally_connection *connection);

/* What the daemon said last when something failed; "" when nothing. Until the next call. */
TALLY_EXPORT const char *tally_connection_error(const struct tally_connection *connection);

/*
 * Submits a submission (formats, "Submission"). OK: *ret_accepted tells a receipt from a signed
 * rejection; the bytes are the caller's. Any other status: nothing is known to be decided, send the
 * same bytes again. EBUSY, ENOSPC, ESTOPPED, ETIMEOUT, ECONNECT, EPROTOCOL, ETOOBIG, ENOMEM.
 */
TALLY_EXPORT TALLY_NODISCARD enum tally_status tally_submit(struct tally_connection *connection,
                                                            struct tally_bytes submission,
                                                            bool *ret_accepted,
                                                            struct tally_data *ret_answer);

/*
 * Leaves an exhibit file with the ledger, streamed from path, before the submission that names it.
 * EFORMAT when the file has not that SHA-256 and size; otherwise as tally_submit, and EIO.
 */
TALLY_EXPORT TALLY_NODISCARD enum tally_status tally_put_file(struct tally_connection *connection,
                                                              const char *path,
                                                              const struct tally_hash *hash,
                                                              uint64_t size);

/* The submission of a signed entry file (NAME.tally). EFORMAT, ETOOBIG, ENOMEM. */
TALLY_EXPORT TALLY_NODISCARD enum tally_status tally_entry_submission(struct tally_bytes entry_file,
                                                                      struct tally_data *ret_data);

/*
 * Reads a resource by its archive path ("checkpoint", "tile/0/000.p/5", "receipt/12"), at most
 * 16 MiB. ENOTFOUND, ETOOBIG, and as tally_submit.
 */
TALLY_EXPORT TALLY_NODISCARD enum tally_status
tally_read(struct tally_connection *connection, const char *path, struct tally_data *ret_data);

TALLY_END_DECLS

#endif
