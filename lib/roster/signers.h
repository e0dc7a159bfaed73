/* SPDX-License-Identifier: ISC */
/*
 * Signers: whose keys the signatures of a record claim to be, and whether a roster lets them sign.
 * No signature is verified here. Pure; any thread.
 */
#ifndef TL_ROSTER_SIGNERS_H
#define TL_ROSTER_SIGNERS_H

#include <stdbool.h>

#include <tally/reason.h>
#include <tally/types.h>

#include "lib/codec/envelope.h"
#include "lib/codec/record.h"
#include "lib/roster/roster.h"
#include "lib/roster/types.h"

struct tl_signers {
    unsigned count;
    struct tally_hash keys[TALLY_SIGNATURE_COUNT_MAX]; /* fingerprints; the author's first */
};

/* MALFORMED when a blob is not a signature of the format. */
enum tally_reason tl_signers_read(const struct tl_signatures *signatures,
                                  struct tl_signers *ret_signers);

bool tl_signers_include(const struct tl_signers *signers, const struct tally_hash *fingerprint);

/*
 * The author's key is enrolled, in force, of the member that the envelope names, and has the role
 * that the type asks for. ret_author is set on NONE and may be NULL.
 */
enum tally_reason tl_judge_author_key(const struct tl_roster *roster,
                                      const struct tl_envelope *envelope,
                                      const struct tl_type_row *row,
                                      const struct tl_roster_key **ret_author);

/*
 * Every blob is a signature, the first by the envelope's key. All signers of an ordinary entry are
 * enrolled and in force, whoever their member is; a constitution entry may be signed by keys that
 * it enrols, which is judged with its operations (roster is not looked at then, and may be NULL).
 */
enum tally_reason tl_judge_signer_keys(const struct tl_roster *roster,
                                       const struct tl_envelope *envelope,
                                       const struct tl_signatures *signatures);

#endif
