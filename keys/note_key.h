/* SPDX-License-Identifier: ISC */
/*
 * Note keys (C2SP signed-note vkeys): the public side of the ledger key, and of witnesses later.
 * Pure; any thread.
 */
#ifndef TL_KEYS_NOTE_KEY_H
#define TL_KEYS_NOTE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

#define TL_NOTE_ED25519 0x01u
#define TL_NOTE_COSIGNATURE 0x04u
#define TL_NOTE_NAME_MAX 160u   /* bytes of a key name; an origin plus "/rejection" fits */
#define TL_VKEY_MAX 256u        /* bytes of a vkey with its NUL */

struct tl_note_key {
    char name[TL_NOTE_NAME_MAX]; /* NUL-terminated */
    uint8_t type;
    uint8_t id[4];
    uint8_t point[32];
};

/*
 * Computes the id. EFORMAT when name is not a valid key name (printable ASCII, no space, no "+"),
 * EUNSUPPORTED for a type other than the two above. The point is not judged.
 */
TALLY_NODISCARD enum tally_status tl_note_key_make(struct tally_bytes name, uint8_t type,
                                                   const uint8_t point[32],
                                                   struct tl_note_key *ret_key);

/* "name+hex8+base64"; the id is recomputed and must agree; lower-case hex only. As above. */
TALLY_NODISCARD enum tally_status tl_note_key_parse(struct tally_bytes vkey,
                                                    struct tl_note_key *ret_key);

void tl_note_key_format(const struct tl_note_key *key, char dst[TL_VKEY_MAX]);

/* [a-z0-9][a-z0-9.-]*(/[a-z0-9._-]+)*, at most 128 bytes, none of the reserved beginnings. */
bool tl_is_origin(struct tally_bytes text);

#endif
