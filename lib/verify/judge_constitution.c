/* SPDX-License-Identifier: ISC */
/* Charter and amendments: the only entries that change the roster. */
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/verify/judge_state.h"

enum tally_reason tl_judge_constitution(struct tl_judgement *judgement)
{
    struct tl_judge *judge = judgement->judge;
    const struct tl_record *record = judgement->record;
    struct tl_roster *roster = NULL;
    enum tally_reason reason = TALLY_REASON_NONE;
    if (judgement->row->type == TL_TYPE_CHARTER) {
        judgement->status =
            tl_roster_from_charter(judgement->envelope, &record->signatures, &roster, &reason);
    } else if (judgement->row->type == TL_TYPE_AMENDMENT) {
        judgement->status = tl_roster_amend(judge->roster, judge->size, judgement->envelope,
                                            &record->signatures, &roster, &reason);
    }
    if (judgement->status != TALLY_OK || roster == NULL) {
        return reason;
    }
    roster->position_leaf = *judgement->leaf;
    judgement->status = tl_judge_reserve_authors(judge, roster);
    if (judgement->status != TALLY_OK) {
        tl_roster_free(roster);
        return reason;
    }
    judge->pending.roster = roster;
    return reason;
}

enum tally_status tl_judge_reserve_authors(struct tl_judge *judge, const struct tl_roster *roster)
{
    if (roster->key_count <= judge->author_cap) {
        return TALLY_OK;
    }
    struct tl_author_state *authors =
        tl_realloc(judge->authors, roster->key_count * sizeof *authors);
    if (authors == NULL) {
        return TALLY_ENOMEM;
    }
    for (size_t i = judge->author_cap; i < roster->key_count; i++) {
        authors[i] = (struct tl_author_state){.sequence = 0};
    }
    judge->authors = authors;
    judge->author_cap = roster->key_count;
    return TALLY_OK;
}

void tl_judge_set_roster(struct tl_judge *judge, struct tl_roster *roster)
{
    TL_ASSERT(roster->key_count <= judge->author_cap);
    tl_roster_free(judge->roster);
    judge->roster = roster;
    judge->position = roster->position;
}

void tl_judge_drop_pending(struct tl_judge *judge)
{
    tl_roster_free(judge->pending.roster);
    judge->pending = (struct tl_judge_pending){.is_set = false};
}
