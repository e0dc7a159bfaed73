/* SPDX-License-Identifier: ISC */
/*
 * One record with its proof, as receipts and bundles carry it: the checks that the two share
 * (docs/formats.md, sections 21.5 and 21.6). For lib/verify alone. Pure.
 */
#ifndef TL_VERIFY_PROOF_RECORD_H
#define TL_VERIFY_PROOF_RECORD_H

#include <stdbool.h>

#include "lib/codec/checkpoint.h"
#include "lib/codec/envelope.h"
#include "lib/codec/receipt.h"
#include "lib/codec/record.h"
#include "lib/roster/roster.h"
#include "lib/verify/report.h"

struct tl_proof_record {
    const struct tl_receipt *receipt; /* borrowed; every view points into it */
    struct tl_record record;
    struct tl_envelope envelope;
    struct tally_hash leaf;
};

/* False when record or envelope do not decode. */
bool tl_proof_record_decode(const struct tl_receipt *receipt, struct tl_proof_record *ret_proof);

/* The proof leads from the record to the checkpoint's root. */
bool tl_proof_record_is_included(const struct tl_proof_record *proof,
                                 const struct tl_checkpoint *checkpoint);

/* Writes to the line SEALS; true when the seal verifies under the ledger key. */
bool tl_proof_record_check_seal(const struct tl_proof_record *proof,
                                const struct tl_note_key *ledger_key, struct tl_report *report);

/* Writes to the line SIGNATURES; true when all are in their place and verify. */
bool tl_proof_record_check_signatures(const struct tl_proof_record *proof,
                                      struct tl_report *report);

/*
 * Steps 4 to 7, 10, 13 and 14 of section 19.3: what the record and the roster in force before it
 * decide between them. roster is not looked at for record 0. A constitution record that holds gives
 * the roster that it makes, owned by the caller; else *ret_after is NULL. Status: OK, or ENOMEM.
 */
TALLY_NODISCARD enum tally_status tl_proof_record_judge(const struct tl_proof_record *proof,
                                                        const struct tl_roster *roster,
                                                        struct tl_roster **ret_after,
                                                        enum tally_reason *ret_reason);

#endif
