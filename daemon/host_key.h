/* SPDX-License-Identifier: ISC */
/*
 * Host key: what signs the records that the daemon itself writes (daemon/incident.h). Optional; it
 * is the one that the ledger's roster names, or none. Main thread, then the sequencer's alone.
 */
#ifndef TL_DAEMON_HOST_KEY_H
#define TL_DAEMON_HOST_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "keys/ed25519.h"
#include "keys/public_key.h"
#include "lib/roster/roster.h"

struct tl_host_key {
    struct tl_secret_key *secret; /* NULL: there is none */
    struct tl_public_key key;
};

/*
 * Loads the file, "" for none. What cannot be used with this roster is logged with its remedy and
 * answered with an exit code (exit_code.h).
 */
int tl_host_key_load(const char *path, const struct tl_roster *roster,
                     struct tl_host_key *ret_host_key);
void tl_host_key_free(struct tl_host_key *host_key); /* one without a secret is fine */

/* The key's number in the roster. False when there is no key, or the roster has ended it. */
bool tl_host_key_number(const struct tl_host_key *host_key, const struct tl_roster *roster,
                        size_t *ret_number);

/* After an amendment: a key that it has ended is logged and wiped. */
void tl_host_key_review(struct tl_host_key *host_key, const struct tl_roster *roster);

#endif
