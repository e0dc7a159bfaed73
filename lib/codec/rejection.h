/* SPDX-License-Identifier: ISC */
/* Rejection: the ledger's signed "no" to one submission (docs/formats.md, "Rejection"). Pure. */
#ifndef TL_CODEC_REJECTION_H
#define TL_CODEC_REJECTION_H

#include <stdint.h>

#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

#include "keys/ed25519.h"
#include "keys/note_key.h"
#include "lib/base/bytes.h"

#define TL_REJECTION_MAX 4096u

struct tl_rejection {
    struct tally_hash envelope;   /* hash of the envelope */
    struct tally_hash submission; /* hash of all that was sent */
    enum tally_reason code;
    uint64_t size;   /* records in the ledger when it was judged */
    uint64_t roster; /* roster position then */
    uint64_t time_s;
};

/* "ORIGIN/rejection" with the ledger key's point. */
TALLY_NODISCARD enum tally_status tl_rejection_key(const struct tl_note_key *ledger_key,
                                                   struct tl_note_key *ret_key);

/* The text of the note, without its signature. EFORMAT. */
TALLY_NODISCARD enum tally_status tl_rejection_decode(struct tally_bytes text,
                                                      struct tl_rejection *ret_rejection);
void tl_rejection_encode(const struct tl_rejection *rejection, struct tl_buffer *buffer);

/* Appends the signed note; key is the rejection key. */
void tl_rejection_sign(const struct tl_rejection *rejection, const struct tl_note_key *key,
                       const struct tl_secret_key *secret, struct tl_buffer *buffer);

/* Verifies under key and decodes. EFORMAT, ETOOBIG, ESIGNATURE, ENOTFOUND. */
TALLY_NODISCARD enum tally_status tl_rejection_open(struct tally_bytes bytes,
                                                    const struct tl_note_key *key,
                                                    struct tl_rejection *ret_rejection);

#endif
