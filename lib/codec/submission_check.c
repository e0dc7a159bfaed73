/* SPDX-License-Identifier: ISC */
/*
 * What a submission shows about itself, without any ledger: the deposits are those that the author
 * signed for, and nothing else. The order of the checks is that of docs/formats.md: it decides
 * which reason a submission with several faults gets.
 */
#include <string.h>

#include "lib/base/sha256.h"
#include "lib/codec/part.h"
#include "lib/codec/part_check.h"
#include "lib/codec/submission.h"
#include "lib/tree/tree.h"

static struct tally_hash commitment_at(const struct tl_submission *submission, unsigned position)
{
    struct tally_hash hash;
    memcpy(hash.bytes, submission->commitments.ptr + (size_t)position * TALLY_HASH_LEN,
           TALLY_HASH_LEN);
    return hash;
}

/* Clear parts and ciphertexts together, as handed over and as signed for. */
static enum tally_reason check_sizes(const struct tl_submission *submission,
                                     const struct tl_envelope *envelope)
{
    uint64_t handed_over = 0;
    uint64_t signed_for = 0;
    struct tl_deposit_list clear = submission->clear;
    struct tl_deposit_list sealed = submission->sealed;
    struct tally_bytes lines = envelope->sealed_lines;
    struct tl_deposit deposit;
    struct tl_sealed_line line;
    while (tl_deposit_next(&clear, &deposit)) {
        handed_over += deposit.bytes.len;
        signed_for += deposit.bytes.len;
    }
    while (tl_deposit_next(&sealed, &deposit)) {
        handed_over += deposit.bytes.len;
    }
    while (tl_envelope_next_sealed(&lines, &line)) {
        if (line.size > TALLY_DEPOSIT_MAX) {
            return TALLY_REASON_TOO_LARGE;
        }
        signed_for += line.size;
    }
    return handed_over > TALLY_DEPOSIT_MAX || signed_for > TALLY_DEPOSIT_MAX
               ? TALLY_REASON_TOO_LARGE
               : TALLY_REASON_NONE;
}

static enum tally_reason check_commitments(const struct tl_submission *submission,
                                           const struct tl_envelope *envelope)
{
    struct tally_hash leaves[TALLY_PART_COUNT_MAX];
    if (submission->commitment_count != envelope->part_count) {
        return TALLY_REASON_COMMITMENTS_MISMATCH;
    }
    for (unsigned i = 0; i < submission->commitment_count; i++) {
        leaves[i] = commitment_at(submission, i);
    }
    struct tally_hash root = tl_tree_root_of(leaves, submission->commitment_count);
    return tl_hash_equal(&root, &envelope->parts_root) ? TALLY_REASON_NONE
                                                       : TALLY_REASON_COMMITMENTS_MISMATCH;
}

/* One clear part at the position where the envelope says c; name_before orders the names. */
static enum tally_reason check_clear_part(const struct tl_submission *submission,
                                          const struct tl_envelope *envelope,
                                          const struct tl_deposit *deposit,
                                          struct tally_bytes *name_before)
{
    struct tl_part part;
    struct tally_hash expected = commitment_at(submission, deposit->position);
    struct tally_hash commitment = tl_part_commitment(deposit->bytes);
    if (!tl_hash_equal(&commitment, &expected)) {
        return TALLY_REASON_PART_INVALID;
    }
    return tl_part_check(deposit->bytes, envelope, name_before, &part);
}

static enum tally_reason check_clear(const struct tl_submission *submission,
                                     const struct tl_envelope *envelope)
{
    struct tl_deposit_list list = submission->clear;
    struct tally_bytes name_before = tl_bytes(NULL, 0);
    struct tl_deposit deposit = {.position = 0};
    bool has_deposit = tl_deposit_next(&list, &deposit);
    for (unsigned i = 0; i < envelope->part_count; i++) {
        bool is_here = has_deposit && deposit.position == i;
        bool is_clear = envelope->letters.ptr[i] == 'c';
        if (is_here != is_clear) {
            return is_clear ? TALLY_REASON_PART_MISSING : TALLY_REASON_PART_INVALID;
        }
        if (!is_here) {
            continue;
        }
        enum tally_reason reason = check_clear_part(submission, envelope, &deposit, &name_before);
        if (reason != TALLY_REASON_NONE) {
            return reason;
        }
        has_deposit = tl_deposit_next(&list, &deposit);
    }
    return has_deposit ? TALLY_REASON_PART_INVALID : TALLY_REASON_NONE;
}

static bool is_ciphertext(struct tally_bytes bytes, const struct tl_sealed_line *line)
{
    struct tally_hash hash = tl_sha256(bytes);
    return bytes.len == line->size && tl_hash_equal(&hash, &line->hash);
}

static enum tally_reason check_sealed(const struct tl_submission *submission,
                                      const struct tl_envelope *envelope)
{
    struct tl_deposit_list list = submission->sealed;
    struct tally_bytes lines = envelope->sealed_lines;
    struct tl_sealed_line line;
    struct tl_deposit deposit = {.position = 0};
    bool has_deposit = tl_deposit_next(&list, &deposit);
    while (tl_envelope_next_sealed(&lines, &line)) {
        if (!has_deposit || deposit.position > line.position) {
            return TALLY_REASON_SEALED_MISSING;
        }
        if (deposit.position < line.position || !is_ciphertext(deposit.bytes, &line)) {
            return TALLY_REASON_SEALED_INVALID;
        }
        has_deposit = tl_deposit_next(&list, &deposit);
    }
    return has_deposit ? TALLY_REASON_SEALED_INVALID : TALLY_REASON_NONE;
}

enum tally_reason tl_submission_check(const struct tl_submission *submission,
                                      const struct tl_envelope *envelope)
{
    enum tally_reason reason = check_sizes(submission, envelope);
    if (reason == TALLY_REASON_NONE) {
        reason = check_commitments(submission, envelope);
    }
    if (reason == TALLY_REASON_NONE) {
        reason = check_clear(submission, envelope);
    }
    if (reason == TALLY_REASON_NONE) {
        reason = check_sealed(submission, envelope);
    }
    if (reason == TALLY_REASON_NONE) {
        reason = tl_signatures_check(&submission->signatures, envelope);
    }
    return reason;
}
