/* SPDX-License-Identifier: ISC */
/* The private keys that the daemon is started with. */
#ifndef TL_DAEMON_KEY_FILE_H
#define TL_DAEMON_KEY_FILE_H

#include "keys/ed25519.h"

/*
 * Reads a key that only its owner can read. what: "ledger key", for the log. A key that cannot be
 * read is logged with its remedy and answered with TL_EXIT_KEY.
 */
int tl_key_file_load(const char *what, const char *path, struct tl_secret_key **ret_key);

#endif
