/* SPDX-License-Identifier: ISC */
/*
 * Private to keys: the armor of OpenSSH, "-----BEGIN LABEL-----", base64 lines, "-----END
 * LABEL-----". Lines end in LF alone. Constant time over the base64, which may hold a secret.
 */
#ifndef TL_KEYS_ARMOR_H
#define TL_KEYS_ARMOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#define TL_ARMOR_LABEL_PRIVATE "OPENSSH PRIVATE KEY"
#define TL_ARMOR_LABEL_SIGNATURE "SSH SIGNATURE"
#define TL_ARMOR_COLUMNS 70u /* as OpenSSH writes; lines of any width are read */

/* True when text begins with the first line of that armor. */
bool tl_armor_begins(struct tally_bytes text, const char *label);

/* Decodes a whole armored text, nothing before or after it, into dst. EFORMAT, ETOOBIG. */
TALLY_NODISCARD enum tally_status tl_armor_decode(struct tally_bytes text, const char *label,
                                                  uint8_t *dst, size_t cap, size_t *ret_len);

/* How many bytes tl_armor_encode writes for len bytes. */
size_t tl_armor_len(size_t len, const char *label);

/* Writes the armor of bytes; not for secrets. */
void tl_armor_encode(struct tally_bytes bytes, const char *label, uint8_t *dst);

#endif
