/* SPDX-License-Identifier: ISC */
/* Moving the judge on without a judgement: past a bad record, or to where a store stands. */
#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/verify/judge_state.h"

/*
 * The roster that a bad constitution record would have made, when only something else about the
 * record was bad; else the old one, moved to the position that later records will name.
 */
static void skip_constitution(struct tl_judge *judge, const struct tl_record *record,
                              const struct tl_envelope *envelope, const struct tally_hash *leaf)
{
    bool is_charter = tl_bytes_equal(envelope->type, tl_bytes_text("charter"));
    bool is_amendment = tl_bytes_equal(envelope->type, tl_bytes_text("amendment"));
    struct tl_roster *roster = NULL;
    enum tally_reason reason = TALLY_REASON_NONE;
    enum tally_status status = TALLY_OK;
    if (is_charter && judge->size == 0) {
        status = tl_roster_from_charter(envelope, &record->signatures, &roster, &reason);
    } else if (is_amendment && judge->roster != NULL) {
        status = tl_roster_amend(judge->roster, judge->size, envelope, &record->signatures, &roster,
                                 &reason);
    }
    if (status == TALLY_OK && roster != NULL &&
        tl_judge_reserve_authors(judge, roster) == TALLY_OK) {
        tl_judge_set_roster(judge, roster);
        roster = NULL;
    }
    tl_roster_free(roster);
    if (!is_charter && !is_amendment) {
        return;
    }
    judge->position = judge->size;
    if (judge->roster != NULL) {
        judge->roster->position = judge->size;
        judge->roster->position_leaf = *leaf;
    }
}

static void skip_author(struct tl_judge *judge, const struct tl_envelope *envelope)
{
    const struct tl_roster_key *key =
        judge->roster == NULL ? NULL : tl_roster_find_key(judge->roster, &envelope->key);
    if (key == NULL) {
        return;
    }
    judge->authors[key - judge->roster->keys] = (struct tl_author_state){
        .sequence = envelope->sequence,
        .previous = tl_envelope_hash(envelope),
        .seen_index = envelope->seen_index,
    };
}

void tl_judge_skip(struct tl_judge *judge, const struct tl_record *record,
                   const struct tl_envelope *envelope, const struct tally_hash *leaf)
{
    tl_judge_drop_pending(judge);
    if (record != NULL && envelope != NULL && tl_judge_knows_rules(judge)) {
        if (tl_envelope_is_constitution(envelope)) {
            skip_constitution(judge, record, envelope, leaf);
        } else {
            skip_author(judge, envelope);
        }
    }
    judge->link = *leaf;
    if (record != NULL) {
        judge->received_us = record->received_us;
    }
    judge->size++;
}

enum tally_status tl_judge_restore_constitution(struct tl_judge *judge,
                                                const struct tl_record *record,
                                                const struct tl_envelope *envelope,
                                                const struct tally_hash *leaf,
                                                enum tally_reason *ret_reason)
{
    struct tl_judgement judgement = {
        .judge = judge,
        .record = record,
        .envelope = envelope,
        .leaf = leaf,
        .status = TALLY_OK,
    };
    if (!tl_judge_knows_rules(judge)) {
        return TALLY_EUNSUPPORTED;
    }
    if (!tl_envelope_is_constitution(envelope)) {
        return TALLY_EINVAL;
    }
    if (record->index < judge->size || (record->index > 0 && judge->size == 0)) {
        *ret_reason = TALLY_REASON_INDEX_MISMATCH;
        return TALLY_OK;
    }
    uint64_t size = judge->size;
    tl_judge_drop_pending(judge);
    judge->size = record->index; /* the ordinary records in between are taken for granted */
    enum tally_reason reason = tl_judge_run_restored(&judgement);
    if (judgement.status != TALLY_OK || reason != TALLY_REASON_NONE) {
        judge->size = size;
        *ret_reason = reason;
        return judgement.status;
    }
    tl_judge_set_roster(judge, judge->pending.roster);
    judge->pending.roster = NULL;
    judge->link = *leaf;
    judge->received_us = record->received_us;
    judge->size++;
    *ret_reason = TALLY_REASON_NONE;
    return TALLY_OK;
}

void tl_judge_restore_head(struct tl_judge *judge, uint64_t size, const struct tally_hash *link,
                           uint64_t received_us)
{
    TL_ASSERT(size >= judge->size);
    tl_judge_drop_pending(judge);
    judge->size = size;
    judge->link = *link;
    judge->received_us = received_us;
}

enum tally_status tl_judge_restore_author(struct tl_judge *judge, size_t key_number,
                                          const struct tl_author_state *state)
{
    if (judge->roster == NULL || key_number >= judge->roster->key_count) {
        return TALLY_EINVAL;
    }
    judge->authors[key_number] = *state;
    return TALLY_OK;
}
