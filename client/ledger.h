/* SPDX-License-Identifier: ISC */
/*
 * Ledger: opening whatever a person names as a source: a socket, a stopped data directory or a
 * copy of one, an archive directory, a tar. Messages name the input, what is wrong and the way out.
 */
#ifndef CLIENT_LEDGER_H
#define CLIENT_LEDGER_H

#include <tally/types.h>

#include "client/opt.h"
#include "lib/archive/source.h"
#include "lib/archive/verify_ledger.h"
#include "lib/client/connection.h"

#define LEDGER_READ_SOCKET "/run/tally/read.sock"
#define LEDGER_SUBMIT_SOCKET "/run/tally/submit.sock"
#define LEDGER_TIMEOUT_MS 30000

enum ledger_kind {
    LEDGER_SOCKET,
    LEDGER_STORE,     /* a stopped data directory or a copy of one */
    LEDGER_DIRECTORY, /* an archive */
    LEDGER_TAR,
    LEDGER_RECEIPT_FILE, /* not a source: a single receipt */
    LEDGER_BUNDLE_FILE,  /* not a source: a bundle */
};

/* What path is, by looking at it. Returns an exit code, 0 when *ret_kind is set. */
int ledger_kind_of(const char *path, enum ledger_kind *ret_kind);

/*
 * Opens path (NULL: TALLY_SOURCE, else the read socket) as a source. held: a checkpoint to say
 * HELLO with; may be empty. Returns an exit code after a message; 0 when *ret_source is open.
 */
int ledger_open(const char *path, struct tally_bytes held, struct tl_source **ret_source);

/* The same, but a live submit socket (NULL: TALLY_SOCKET, else the submit socket). */
int ledger_connect(const char *path, struct tally_bytes held,
                   struct tl_connection **ret_connection);

/* A failed request of a connection: what it was about, the status, and the daemon's own words. */
void ledger_say_fault(const char *what, const struct tl_connection *connection,
                      enum tally_status status);

/* The word that opt gives for a source, or TALLY_SOURCE, or the read socket's path. */
const char *ledger_source_name(const char *path);

#endif
