/* SPDX-License-Identifier: ISC */
/* Checkpoint: the signed head of the tree (C2SP tlog-checkpoint, no extension lines). Pure. */
#ifndef TL_CODEC_CHECKPOINT_H
#define TL_CODEC_CHECKPOINT_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "keys/note_key.h"
#include "lib/base/bytes.h"
#include "lib/codec/note.h"

struct tl_checkpoint {
    struct tally_bytes origin; /* borrowed */
    uint64_t size;
    struct tally_hash root;
};

/* Decodes the text of a note: three lines, nothing more; the first is an origin. EFORMAT. */
TALLY_NODISCARD enum tally_status tl_checkpoint_decode(struct tally_bytes text,
                                                       struct tl_checkpoint *ret_checkpoint);

void tl_checkpoint_encode(const struct tl_checkpoint *checkpoint, struct tl_buffer *buffer);

/*
 * A whole signed checkpoint: decodes note and text, requires origin == key name and the key's
 * signature. EFORMAT, ESIGNATURE, ENOTFOUND (not signed by that key), EKEY (another origin).
 */
TALLY_NODISCARD enum tally_status tl_checkpoint_open(struct tally_bytes bytes,
                                                     const struct tl_note_key *key,
                                                     struct tl_checkpoint *ret_checkpoint);

#endif
