/* SPDX-License-Identifier: ISC */
/*
 * Signed notes (C2SP signed-note): text and detached signature lines. Stricter than the reference
 * in one point: base64 must be canonical. Pure; any thread.
 */
#ifndef TL_CODEC_NOTE_H
#define TL_CODEC_NOTE_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "keys/ed25519.h"
#include "keys/note_key.h"
#include "lib/base/bytes.h"

#define TL_NOTE_MAX 65536u
#define TL_NOTE_SIGNATURE_COUNT_MAX 100u

struct tl_note {
    struct tally_bytes text;       /* with its final LF: what is signed */
    struct tally_bytes signatures; /* the signature lines, whole */
};

struct tl_note_signature {
    struct tally_bytes name;
    uint8_t id[4];
    uint8_t bytes[72]; /* the first bytes_len of the blob after the id; longer ones are cut */
    size_t bytes_len;  /* true length, also when over 72 */
};

/* Splits and checks the whole form, every signature line included. EFORMAT, ETOOBIG. */
TALLY_NODISCARD enum tally_status tl_note_decode(struct tally_bytes bytes,
                                                 struct tl_note *ret_note);

/* Takes the first line off *lines; only for a decoded note. False when none is left. */
bool tl_note_next_signature(struct tally_bytes *lines, struct tl_note_signature *ret_signature);

/*
 * OK when a line of this (name, id) verifies as type 0x01 over the text; ENOTFOUND without such a
 * line; ESIGNATURE when one is there and fails, or when the pair stands twice.
 */
TALLY_NODISCARD enum tally_status tl_note_verify(const struct tl_note *note,
                                                 const struct tl_note_key *key);

/* Appends "text", an empty line and one signature line. */
void tl_note_sign(struct tally_bytes text, const struct tl_note_key *key,
                  const struct tl_secret_key *secret, struct tl_buffer *buffer);

/* Appends one signature line for a signature that is already made. */
void tl_note_add_line(const struct tl_note_key *key, struct tally_bytes signature,
                      struct tl_buffer *buffer);

#endif
