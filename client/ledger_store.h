/* SPDX-License-Identifier: ISC */
/* A stopped data directory as a source. The only place where the client touches a store. */
#ifndef CLIENT_LEDGER_STORE_H
#define CLIENT_LEDGER_STORE_H

#include "lib/archive/source.h"

/* Refuses a live one, naming the socket. Returns an exit code; 0 when *ret_source is open. */
int ledger_open_store(const char *path, struct tl_source **ret_source);

#endif
