/* SPDX-License-Identifier: ISC */
/*
 * Judging what a person carries home: one receipt, or a bundle. Pure; any thread.
 */
#ifndef TL_VERIFY_PROOF_CHECK_H
#define TL_VERIFY_PROOF_CHECK_H

#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

#include "lib/codec/bundle.h"
#include "lib/codec/envelope.h"
#include "lib/codec/receipt.h"
#include "lib/roster/roster.h"
#include "lib/verify/report.h"

/*
 * A receipt by itself: everything in it against everything else in it, the signatures by their own
 * keys, seal and checkpoint under the ledger key. What is not at hand may be NULL, and then its
 * line is NOT CHECKED and required (exit 4):
 *
 * ledger_key  the one in force at the record's roster position. NULL: taken from roster, or from
 *             a charter itself.
 * roster      the one of the record's roster position; another one judges only whether the record
 *             hides an amendment. A charter's receipt needs none: it brings its own.
 * ledger      the expected ledger id.
 */
TALLY_NODISCARD enum tally_status tl_receipt_check(const struct tl_receipt *receipt,
                                                   const struct tl_note_key *ledger_key,
                                                   const struct tl_roster *roster,
                                                   const struct tally_hash *ledger,
                                                   struct tl_report *report);

/*
 * Called for every entry that a bundle proves and about which nothing is BAD, in order, and behind
 * it for its parts. Views die with the call. Either may be NULL. What the report says of the whole
 * bundle comes later: keep what you are told until you have read it.
 */
struct tl_bundle_visitor {
    void *context;
    void (*entry)(void *context, const struct tl_record *record,
                  const struct tl_envelope *envelope);
    void (*part)(void *context, uint64_t index, unsigned position, unsigned part_count,
                 struct tally_bytes name, struct tally_bytes value);
};

/*
 * A bundle: constitution replayed, `last` shows that no amendment is missing, each entry judged
 * under the roster that its record names, each part against its entry. visitor may be NULL. ledger
 * is the expected ledger id, NULL when none was given (exit 4). bundle comes from tl_bundle_decode.
 */
TALLY_NODISCARD enum tally_status tl_bundle_check(const struct tl_bundle *bundle,
                                                  const struct tally_hash *ledger,
                                                  const struct tl_bundle_visitor *visitor,
                                                  struct tl_report *report);

#endif
