/* SPDX-License-Identifier: ISC */
/*
 * Submission: everything that a client hands over for one entry, but for exhibit files, which are
 * deposited before it (docs/formats.md, "Submission"). Also the form in which the store keeps an
 * accepted entry's deposits. Pure; any thread.
 */
#ifndef TL_CODEC_SUBMISSION_H
#define TL_CODEC_SUBMISSION_H

#include <stdint.h>

#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"
#include "lib/codec/envelope.h"
#include "lib/codec/record.h"

/* A list "(u16 position | u32 len | bytes)*", positions ascending; borrowed. */
struct tl_deposit_list {
    unsigned count;
    struct tally_bytes items;
};

struct tl_deposit {
    unsigned position;
    struct tally_bytes bytes;
};

/* Takes the first item off the list; only for a decoded list. False when none is left. */
bool tl_deposit_next(struct tl_deposit_list *list, struct tl_deposit *ret_deposit);

struct tl_submission {
    struct tally_bytes envelope;
    struct tl_signatures signatures;
    unsigned commitment_count;
    struct tally_bytes commitments; /* commitment_count * 32 bytes */
    struct tl_deposit_list clear;   /* part bytes */
    struct tl_deposit_list sealed;  /* ciphertexts */
};

/* Decodes the frame and the order of positions. EFORMAT, ETRUNCATED, ETRAILING, ETOOBIG. */
TALLY_NODISCARD enum tally_status tl_submission_decode(struct tally_bytes bytes,
                                                       struct tl_submission *ret_submission);
void tl_submission_encode(const struct tl_submission *submission, struct tl_buffer *buffer);

/* Appends one list item. */
void tl_deposit_add(struct tl_buffer *buffer, unsigned position, struct tally_bytes bytes);

/*
 * Every check that needs no state, in the order of docs/formats.md, but for the signatures'
 * validity and for exhibit files: commitments against the root, clear and sealed parts against
 * letters and lines, exhibit and clock parts against their form, order of the signatures.
 * envelope is the decoded submission->envelope.
 */
enum tally_reason tl_submission_check(const struct tl_submission *submission,
                                      const struct tl_envelope *envelope);

/* Author's signature first, the rest sorted by key and unique; no signature is verified here. */
enum tally_reason tl_signatures_check(const struct tl_signatures *signatures,
                                      const struct tl_envelope *envelope);

/*
 * Verifies signature number i of the envelope by its own embedded key: NONE, MALFORMED,
 * SIGNATURE_INVALID, PRESENCE_MISSING. The slow check, made for any thread.
 */
enum tally_reason tl_signature_verify(const struct tl_signatures *signatures, unsigned i,
                                      struct tally_bytes envelope);

#endif
