/* SPDX-License-Identifier: ISC */
/*
 * Private to keys: private key files (openssh-key-v1; OpenSSH PROTOCOL.key), as bytes in guarded
 * memory. The calls that turn them into a key to sign with are in signer.h.
 */
#ifndef TL_KEYS_PRIVATE_FILE_H
#define TL_KEYS_PRIVATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "keys/public_key.h"
#include "lib/base/bytes.h"

#define TL_PRIVATE_FILE_MAX 16384u /* bytes of a key file, private or public */

struct tl_key_file {
    uint8_t *ptr; /* guarded memory; NULL when closed */
    size_t len;
    bool open_to_others; /* mode & 077 */
};

/* Reads a regular file. ENOTFOUND, EACCES, ETOOBIG, EFORMAT for what is no file, EIO, ENOMEM. */
TALLY_NODISCARD enum tally_status tl_key_file_read(const char *path, struct tl_key_file *ret_file);

/* Wipes; a closed one is fine. */
void tl_key_file_close(struct tl_key_file *file);

static inline struct tally_bytes tl_key_file_bytes(const struct tl_key_file *file)
{
    return tl_bytes(file->ptr, file->len);
}

/* True when text is a private key file by its first line, of OpenSSH's or of an older format. */
bool tl_is_private_file(struct tally_bytes text);

/*
 * The public key that stands in clear in a private key file, encrypted or not. Nothing vouches for
 * it: use it only to ask an agent for that key. EFORMAT, EUNSUPPORTED, ENOMEM.
 */
TALLY_NODISCARD enum tally_status tl_private_file_public(struct tally_bytes text,
                                                         struct tl_public_key *ret_key);

#endif
