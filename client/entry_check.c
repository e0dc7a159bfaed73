/* SPDX-License-Identifier: ISC */
#include "client/entry_check.h"

#include <string.h>

#include "lib/codec/part.h"

/* Withheld parts never reach the ledger: only here are they held against their commitments. */
static bool is_committed(const struct tl_entry_file *entry, const struct tl_deposit *part)
{
    struct tally_hash commitment = tl_part_commitment(part->bytes);
    return part->position < entry->commitment_count &&
           memcmp(entry->commitments.ptr + (size_t)part->position * TALLY_HASH_LEN,
                  commitment.bytes, TALLY_HASH_LEN) == 0;
}

enum tally_status entry_check(const struct tl_entry_file *entry, const struct tl_envelope *envelope,
                              enum tally_reason *ret_reason)
{
    struct tl_buffer clear;
    struct tl_submission submission = {
        .envelope = entry->envelope,
        .signatures = entry->signatures,
        .commitment_count = entry->commitment_count,
        .commitments = entry->commitments,
        .sealed = entry->sealed,
    };
    struct tl_deposit_list opened = entry->opened;
    struct tl_deposit part;
    enum tally_reason reason = TALLY_REASON_NONE;
    tl_buffer_init(&clear, TALLY_ENTRY_FILE_MAX);
    while (reason == TALLY_REASON_NONE && tl_deposit_next(&opened, &part)) {
        if (!is_committed(entry, &part) || part.position >= envelope->part_count) {
            reason = TALLY_REASON_PART_INVALID;
        } else if (envelope->letters.ptr[part.position] == 'c') {
            tl_deposit_add(&clear, part.position, part.bytes);
            submission.clear.count++;
        }
    }
    submission.clear.items = tl_buffer_bytes(&clear);
    if (reason == TALLY_REASON_NONE) {
        reason = tl_submission_check(&submission, envelope);
    }
    enum tally_status status = clear.status;
    *ret_reason = reason == TALLY_REASON_SIGNATURE_MISSING ? TALLY_REASON_NONE : reason;
    tl_buffer_deinit(&clear);
    return status;
}
