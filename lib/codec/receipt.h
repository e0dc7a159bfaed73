/* SPDX-License-Identifier: ISC */
/*
 * Receipt: a C2SP tlog-proof file whose extra carries record and seal (docs/formats.md,
 * "Receipt"). Decoding checks the form; tl_receipt_check (lib/verify) judges it. Pure.
 */
#ifndef TL_CODEC_RECEIPT_H
#define TL_CODEC_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"
#include "lib/tree/tree.h"

#define TL_RECEIPT_MAX 131072u /* bytes of one receipt */

/* Any C2SP tlog-proof file, split into its lines. */
struct tl_proof_file {
    bool has_extra;
    struct tally_bytes extra; /* still base64; borrowed */
    uint64_t index;
    struct tl_tree_proof proof;
    struct tally_bytes checkpoint; /* the signed note, verbatim; borrowed */
};

/* EFORMAT, ETOOBIG. Allocates nothing; checks neither extra nor checkpoint. */
TALLY_NODISCARD enum tally_status tl_proof_file_decode(struct tally_bytes bytes,
                                                       struct tl_proof_file *ret_file);
void tl_proof_file_encode(const struct tl_proof_file *file, struct tl_buffer *buffer);

struct tl_receipt {
    struct tl_buffer extra; /* record || seal, decoded; owned */
    struct tally_bytes record;
    uint8_t seal[TALLY_SIGNATURE_LEN];
    uint64_t index;
    struct tl_tree_proof proof;
    struct tally_bytes checkpoint; /* the signed note, verbatim; borrowed from the input */
};

/* On success the caller ends it with tl_receipt_deinit. EFORMAT, ETOOBIG, ENOMEM. */
TALLY_NODISCARD enum tally_status tl_receipt_decode(struct tally_bytes bytes,
                                                    struct tl_receipt *ret_receipt);
void tl_receipt_deinit(struct tl_receipt *receipt);

/* Appends the file. */
void tl_receipt_encode(struct tally_bytes record, const uint8_t seal[TALLY_SIGNATURE_LEN],
                       uint64_t index, const struct tl_tree_proof *proof,
                       struct tally_bytes checkpoint, struct tl_buffer *buffer);

#endif
