/* SPDX-License-Identifier: ISC */
#include "client/roster_at.h"

#include "lib/codec/envelope.h"
#include "lib/codec/record.h"
#include "lib/tree/tree.h"

/* Replaces *roster by the roster after one more constitution record. */
static enum tally_status advance(struct tl_roster **roster, const struct tl_record *record,
                                 struct tally_bytes bytes)
{
    struct tl_envelope envelope;
    struct tl_roster *next = NULL;
    enum tally_reason reason = TALLY_REASON_NONE;
    enum tally_status status = tl_envelope_decode(record->envelope, &envelope, NULL);
    if (status == TALLY_OK) {
        status = *roster == NULL
                     ? tl_roster_from_charter(&envelope, &record->signatures, &next, &reason)
                     : tl_roster_amend(*roster, record->index, &envelope, &record->signatures,
                                       &next, &reason);
    }
    if (status != TALLY_OK || next == NULL) {
        return status != TALLY_OK ? status : TALLY_EFORMAT;
    }
    next->position_leaf = tl_tree_leaf(bytes);
    tl_roster_free(*roster);
    *roster = next;
    return TALLY_OK;
}

enum tally_status roster_at(const struct state *state, uint64_t position,
                            struct tl_roster **ret_roster)
{
    struct tl_reader reader = tl_reader_over(tl_buffer_bytes(&state->constitution));
    struct tl_roster *roster = NULL;
    enum tally_status status = TALLY_OK;
    while (reader.rest.len > 0 && status == TALLY_OK) {
        struct tl_record record;
        struct tally_bytes bytes = tl_read_vector16(&reader, TALLY_RECORD_MAX);
        status = reader.status == TALLY_OK ? tl_record_decode(bytes, &record) : reader.status;
        if (status == TALLY_OK && record.index > position) {
            break;
        }
        if (status == TALLY_OK) {
            status = advance(&roster, &record, bytes);
        }
    }
    bool is_found = roster != NULL && (position == TL_NEVER || roster->position == position);
    if (status != TALLY_OK || !is_found) {
        tl_roster_free(roster);
        roster = NULL;
    }
    *ret_roster = roster;
    return status;
}

uint64_t roster_position_before(const struct state *state, uint64_t index)
{
    struct tl_reader reader = tl_reader_over(tl_buffer_bytes(&state->constitution));
    uint64_t position = 0;
    while (reader.rest.len > 0 && reader.status == TALLY_OK) {
        struct tl_record record;
        struct tally_bytes bytes = tl_read_vector16(&reader, TALLY_RECORD_MAX);
        if (tl_record_decode(bytes, &record) == TALLY_OK && record.index < index) {
            position = record.index;
        }
    }
    return position;
}
