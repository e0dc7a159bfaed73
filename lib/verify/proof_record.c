/* SPDX-License-Identifier: ISC */
#include "lib/verify/proof_record.h"

#include "lib/base/bytes.h"
#include "lib/codec/submission.h"
#include "lib/roster/signers.h"
#include "lib/tree/tree.h"
#include "lib/verify/judge_state.h"

bool tl_proof_record_decode(const struct tl_receipt *receipt, struct tl_proof_record *ret_proof)
{
    ret_proof->receipt = receipt;
    ret_proof->leaf = tl_tree_leaf(receipt->record);
    return tl_record_decode(receipt->record, &ret_proof->record) == TALLY_OK &&
           tl_envelope_decode(ret_proof->record.envelope, &ret_proof->envelope, NULL) == TALLY_OK;
}

bool tl_proof_record_is_included(const struct tl_proof_record *proof,
                                 const struct tl_checkpoint *checkpoint)
{
    const struct tl_receipt *receipt = proof->receipt;
    return tl_tree_verify_inclusion(&proof->leaf, receipt->index, checkpoint->size,
                                    receipt->proof.hashes, receipt->proof.count, &checkpoint->root);
}

bool tl_proof_record_check_seal(const struct tl_proof_record *proof,
                                const struct tl_note_key *ledger_key, struct tl_report *report)
{
    if (!tl_seal_verify(ledger_key->point, &proof->leaf, proof->receipt->seal)) {
        tl_report_bad(report, TL_CHECK_SEALS, proof->receipt->index, TALLY_REASON_SEAL_INVALID);
        return false;
    }
    tl_report_good(report, TL_CHECK_SEALS);
    return true;
}

bool tl_proof_record_check_signatures(const struct tl_proof_record *proof, struct tl_report *report)
{
    const struct tl_signatures *signatures = &proof->record.signatures;
    enum tally_reason reason = tl_signatures_check(signatures, &proof->envelope);
    for (unsigned i = 0; i < signatures->count && reason == TALLY_REASON_NONE; i++) {
        reason = tl_signature_verify(signatures, i, proof->envelope.text);
        if (reason == TALLY_REASON_NONE) {
            tl_report_good(report, TL_CHECK_SIGNATURES);
        }
    }
    if (reason != TALLY_REASON_NONE) {
        tl_report_bad(report, TL_CHECK_SIGNATURES, proof->receipt->index, reason);
        return false;
    }
    return true;
}

/* Steps 5, 6, 7 and 10: what every entry but a charter goes through. */
static enum tally_reason judge_entry(const struct tl_proof_record *proof,
                                     const struct tl_roster *roster, const struct tl_type_row *row)
{
    const struct tl_envelope *envelope = &proof->envelope;
    if (!tl_hash_equal(&envelope->ledger, &roster->ledger)) {
        return TALLY_REASON_WRONG_LEDGER;
    }
    enum tally_reason reason = tl_judge_author_key(roster, envelope, row, NULL);
    if (reason == TALLY_REASON_NONE) {
        reason = tl_judge_signer_keys(roster, envelope, &proof->record.signatures);
    }
    if (reason == TALLY_REASON_NONE) {
        reason = tl_judge_ref_lines(row, envelope);
    }
    if (reason == TALLY_REASON_NONE) {
        reason = tl_judge_amended_leaf(row, envelope, roster);
    }
    return reason;
}

enum tally_status tl_proof_record_judge(const struct tl_proof_record *proof,
                                        const struct tl_roster *roster,
                                        struct tl_roster **ret_after, enum tally_reason *ret_reason)
{
    const struct tl_envelope *envelope = &proof->envelope;
    const struct tl_signatures *signatures = &proof->record.signatures;
    const struct tl_type_row *row = tl_type_find(envelope->type);
    bool is_charter = row != NULL && row->type == TL_TYPE_CHARTER;
    enum tally_status status = TALLY_OK;
    *ret_after = NULL;
    *ret_reason = TALLY_REASON_NONE;
    if (is_charter != (proof->record.index == 0)) {
        *ret_reason = TALLY_REASON_CHARTER_ONLY_FIRST;
    } else if (row == NULL) {
        *ret_reason = TALLY_REASON_UNKNOWN_TYPE;
    } else if (is_charter) {
        *ret_reason = tl_judge_signer_keys(NULL, envelope, signatures);
    } else {
        *ret_reason = judge_entry(proof, roster, row);
    }
    if (*ret_reason != TALLY_REASON_NONE) {
        return TALLY_OK;
    }
    if (is_charter) {
        status = tl_roster_from_charter(envelope, signatures, ret_after, ret_reason);
    } else if (row->type == TL_TYPE_AMENDMENT) {
        status = tl_roster_amend(roster, proof->record.index, envelope, signatures, ret_after,
                                 ret_reason);
    }
    if (*ret_after != NULL) {
        (*ret_after)->position_leaf = proof->leaf;
    }
    return status;
}
