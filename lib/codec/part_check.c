/* SPDX-License-Identifier: ISC */
#include "lib/codec/part_check.h"

#include "lib/base/bytes.h"

/* What stored says must be a file line; of a file left in clear the part must say the same. */
static bool exhibit_fits(const struct tl_exhibit_value *exhibit, const struct tl_envelope *envelope)
{
    struct tally_bytes lines = envelope->file_lines;
    struct tl_file_line line;
    if (!exhibit->is_stored) {
        return true;
    }
    while (tl_envelope_next_file(&lines, &line)) {
        bool names_it = tl_hash_equal(&line.hash, &exhibit->stored);
        if (names_it && (line.sealed || (tl_hash_equal(&line.hash, &exhibit->sha256) &&
                                         line.size == exhibit->size))) {
            return true;
        }
    }
    return false;
}

/* The only values that the ledger itself ever reads. */
static enum tally_reason check_value(const struct tl_part *part, const struct tl_envelope *envelope)
{
    struct tl_exhibit_value exhibit;
    uint64_t back_us = 0;
    if (tl_is_exhibit_name(part->name) &&
        (tl_exhibit_value_decode(part->value, &exhibit) != TALLY_OK ||
         !exhibit_fits(&exhibit, envelope))) {
        return TALLY_REASON_EXHIBIT_INVALID;
    }
    if (tl_bytes_equal(envelope->type, tl_bytes_text("incident")) &&
        tl_bytes_equal(part->name, tl_bytes_text(TL_CLOCK_STEP_NAME)) &&
        tl_clock_step_decode(part->value, &back_us) != TALLY_OK) {
        return TALLY_REASON_PART_INVALID;
    }
    return TALLY_REASON_NONE;
}

enum tally_reason tl_part_check(struct tally_bytes bytes, const struct tl_envelope *envelope,
                                struct tally_bytes *name_before, struct tl_part *ret_part)
{
    struct tl_part part;
    if (tl_part_decode(bytes, &part) != TALLY_OK || !tl_hash_equal(&part.author, &envelope->key) ||
        !tl_hash_equal(&part.ledger, &envelope->ledger) ||
        tl_bytes_compare(*name_before, part.name) >= 0) {
        return TALLY_REASON_PART_INVALID;
    }
    enum tally_reason reason = check_value(&part, envelope);
    if (reason == TALLY_REASON_NONE) {
        *name_before = part.name;
        *ret_part = part;
    }
    return reason;
}
