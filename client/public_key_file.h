/* SPDX-License-Identifier: ISC */
/* The public half of --key or TALLY_KEY, without asking for a passphrase or a touch. */
#ifndef CLIENT_PUBLIC_KEY_FILE_H
#define CLIENT_PUBLIC_KEY_FILE_H

#include <tally/status.h>

#include "client/opt.h"
#include "keys/public_key.h"

/* Reads KEY.pub, or KEY itself when it is a public key, or an unencrypted private key. 0, else an
 * exit code after a message. */
int public_key_of(const struct opt *opt, struct tl_public_key *ret_key);

/* The words for a key file, public or private, that could not be opened. */
const char *key_file_fault(const char *path, enum tally_status status);

#endif
