/* SPDX-License-Identifier: ISC */
/*
 * OpenSSH public keys (docs/formats.md, "Keys"): ssh-ed25519 and sk-ssh-ed25519@openssh.com.
 * Pure; any thread.
 */
#ifndef TL_KEYS_PUBLIC_KEY_H
#define TL_KEYS_PUBLIC_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

#define TL_APPLICATION_MAX 32u    /* bytes of a hardware key's application */
#define TL_KEY_BLOB_MAX 128u      /* bytes of the longest blob that is accepted */
#define TL_KEY_LINE_MAX 256u      /* "TYPE BASE64" with its NUL */

enum tl_key_type {
    TL_KEY_ED25519,    /* ssh-ed25519 */
    TL_KEY_SK_ED25519, /* sk-ssh-ed25519@openssh.com: held by hardware */
};

struct tl_public_key {
    enum tl_key_type type;
    uint8_t point[32];
    uint8_t blob[TL_KEY_BLOB_MAX]; /* the SSH wire form; what "same key" means */
    size_t blob_len;
    uint8_t application[TL_APPLICATION_MAX]; /* hardware keys only */
    size_t application_len;
    struct tally_hash fingerprint; /* SHA-256 of the blob */
};

const char *tl_key_type_name(enum tl_key_type type);

/* From the SSH wire form. EFORMAT; EUNSUPPORTED for another key type. The point is not judged. */
TALLY_NODISCARD enum tally_status tl_public_key_from_blob(struct tally_bytes blob,
                                                          struct tl_public_key *ret_key);

/* From exactly "TYPE BASE64", as in an op line. */
TALLY_NODISCARD enum tally_status tl_public_key_from_text(struct tally_bytes text,
                                                          struct tl_public_key *ret_key);

/*
 * From an OpenSSH public key file or authorized_keys line: "TYPE BASE64 [comment]" with optional
 * final LF; one key. comment, when not NULL, borrows from text.
 */
TALLY_NODISCARD enum tally_status tl_public_key_from_file(struct tally_bytes text,
                                                          struct tl_public_key *ret_key,
                                                          struct tally_bytes *ret_comment);

/* Builds the ssh-ed25519 key of a raw point. */
void tl_public_key_from_point(const uint8_t point[32], struct tl_public_key *ret_key);

/* Writes "TYPE BASE64" and a NUL. */
void tl_public_key_to_text(const struct tl_public_key *key, char dst[TL_KEY_LINE_MAX]);

static inline struct tally_bytes tl_public_key_blob(const struct tl_public_key *key)
{
    return tl_bytes(key->blob, key->blob_len);
}

#endif
