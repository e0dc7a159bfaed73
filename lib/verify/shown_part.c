/* SPDX-License-Identifier: ISC */
#include "lib/verify/shown_part.h"

#include "lib/codec/part_check.h"
#include "lib/tree/tree.h"

enum tally_reason tl_shown_part_check(const struct tl_bundle_line *line,
                                      const struct tl_envelope *envelope,
                                      struct tally_bytes *name_before, struct tl_part *ret_part)
{
    struct tally_hash commitment = tl_part_commitment(line->bytes);
    if (!tl_tree_verify_inclusion(&commitment, line->position, envelope->part_count, line->proof,
                                  line->proof_count, &envelope->parts_root)) {
        return TALLY_REASON_PROOF_INVALID;
    }
    return tl_part_check(line->bytes, envelope, name_before, ret_part);
}
