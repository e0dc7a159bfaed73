/* SPDX-License-Identifier: ISC */
/*
 * SSHSIG (docs/formats.md, "Author signatures"; OpenSSH PROTOCOL.sshsig). Only what Tally allows:
 * version 1, hash sha512, empty reserved field, the two key types of public_key.h.
 * Pure; any thread.
 */
#ifndef TL_KEYS_SSHSIG_H
#define TL_KEYS_SSHSIG_H

#include <stdint.h>

#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

#include "keys/public_key.h"
#include "lib/base/bytes.h"

#define TL_SSHSIG_NAMESPACE "entry@tally"
#define TL_SSHSIG_BLOB_MAX 512u

#define TL_SSHSIG_FLAG_PRESENT 0x01u  /* the holder touched the token */
#define TL_SSHSIG_FLAG_VERIFIED 0x04u /* a PIN or biometric was checked */

struct tl_sshsig {
    struct tl_public_key key;
    uint8_t signature[TALLY_SIGNATURE_LEN];
    uint8_t flags;    /* hardware keys only, else 0 */
    uint32_t counter; /* hardware keys only, else 0; shown, never judged */
};

/*
 * Decodes a raw blob; name_space is the one that must stand in it. Canonical: tl_sshsig_encode
 * gives the same bytes. EFORMAT, ETRAILING, ETRUNCATED, EUNSUPPORTED; ret_sig borrows nothing.
 */
TALLY_NODISCARD enum tally_status tl_sshsig_decode(struct tally_bytes blob, const char *name_space,
                                                   struct tl_sshsig *ret_sig);

/* Appends the raw blob. */
void tl_sshsig_encode(const struct tl_sshsig *sig, const char *name_space,
                      struct tl_buffer *buffer);

/* Appends the bytes that an agent or a key signs for message ("SSHSIG" ...). */
void tl_sshsig_signed_bytes(struct tally_bytes message, const char *name_space,
                            struct tl_buffer *buffer);

/*
 * Checks sig over message: NONE, SIGNATURE_INVALID, or PRESENCE_MISSING for a hardware signature
 * that verifies but lacks the presence flag. Says nothing about whose key it is.
 */
enum tally_reason tl_sshsig_verify(const struct tl_sshsig *sig, struct tally_bytes message,
                                   const char *name_space);

/* The armored form that ssh-keygen writes (70 columns). Appends. */
void tl_sshsig_armor(struct tally_bytes blob, struct tl_buffer *buffer);

/* Reads an armored signature of any line width into blob. EFORMAT, ETOOBIG. */
TALLY_NODISCARD enum tally_status tl_sshsig_unarmor(struct tally_bytes text,
                                                    struct tl_buffer *blob);

#endif
