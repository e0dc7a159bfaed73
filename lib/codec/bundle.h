/* SPDX-License-Identifier: ISC */
/*
 * Bundle: everything that judges chosen entries offline, in one file (docs/formats.md, "Bundle").
 * Decoding checks form, order and uniqueness; lib/verify judges. Pure.
 */
#ifndef TL_CODEC_BUNDLE_H
#define TL_CODEC_BUNDLE_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

#define TL_BUNDLE_MAX 67108864u /* bytes of one bundle */

enum tl_bundle_line_kind {
    TL_BUNDLE_CONSTITUTION,
    TL_BUNDLE_LAST,
    TL_BUNDLE_ENTRY,
    TL_BUNDLE_PART,
};

struct tl_bundle_line {
    enum tl_bundle_line_kind kind;
    struct tally_bytes bytes;       /* the decoded proof file or part; in the bundle's storage */
    uint64_t index;                 /* parts: of their entry; proofs: their index */
    unsigned position;              /* parts only */
    size_t proof_count;             /* parts only: inclusion in the parts root */
    const struct tally_hash *proof; /* proof_count hashes, in the bundle's storage */
};

struct tl_bundle {
    struct tl_buffer storage; /* every view points into it; owned */
    size_t count;
    struct tl_bundle_line *lines; /* owned */
};

/*
 * On success the caller ends it with tl_bundle_deinit. EFORMAT, ETRUNCATED, ETOOBIG,
 * ENOMEM; the line, counted from 1, is set on failure only and may be NULL.
 */
TALLY_NODISCARD enum tally_status
tl_bundle_decode(struct tally_bytes text, struct tl_bundle *ret_bundle, unsigned *reterr_line);
void tl_bundle_deinit(struct tl_bundle *bundle);

/* Writers, called in the order of the format. */
void tl_bundle_begin(struct tl_buffer *buffer);
void tl_bundle_add_proof(struct tl_buffer *buffer, enum tl_bundle_line_kind kind,
                         struct tally_bytes receipt);
void tl_bundle_add_part(struct tl_buffer *buffer, uint64_t index, unsigned position,
                        struct tally_bytes part, const struct tally_hash *proof,
                        size_t proof_count);

#endif
