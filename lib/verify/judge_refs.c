/* SPDX-License-Identifier: ISC */
/* What an entry says about earlier records: the newest that its author has seen, and its refs. */
#include "lib/base/bytes.h"
#include "lib/verify/judge_state.h"

/* Facts of an earlier record; false sets the status. */
static bool find_facts(struct tl_judgement *judgement, uint64_t index,
                       struct tl_entry_facts *ret_facts)
{
    judgement->status = judgement->facts(judgement->context, index, ret_facts);
    return judgement->status == TALLY_OK;
}

/* True when record index is there and has this leaf hash. */
static bool names_record(struct tl_judgement *judgement, uint64_t index,
                         const struct tally_hash *leaf, struct tl_entry_facts *ret_facts)
{
    return index < judgement->judge->size && find_facts(judgement, index, ret_facts) &&
           tl_hash_equal(leaf, &ret_facts->leaf);
}

enum tally_reason tl_judge_seen(struct tl_judgement *judgement)
{
    const struct tl_envelope *envelope = judgement->envelope;
    const struct tl_judge *judge = judgement->judge;
    struct tl_entry_facts facts;
    if (judgement->row->type == TL_TYPE_CHARTER) {
        return TALLY_REASON_NONE;
    }
    bool is_newest = envelope->seen_index + 1 == judge->size &&
                     tl_hash_equal(&envelope->seen_leaf, &judge->link);
    if (!is_newest &&
        !names_record(judgement, envelope->seen_index, &envelope->seen_leaf, &facts)) {
        return TALLY_REASON_SEEN_UNKNOWN;
    }
    /* Constitution entries wait for signatures, so they do not stand in their key's chain. */
    if (tl_envelope_is_constitution(envelope)) {
        return TALLY_REASON_NONE;
    }
    const struct tl_author_state *state = &judge->authors[judgement->author - judge->roster->keys];
    return envelope->seen_index < state->seen_index ? TALLY_REASON_SEEN_DECREASED
                                                    : TALLY_REASON_NONE;
}

static bool is_own_relation(const struct tl_type_row *row, const struct tl_ref_line *ref)
{
    return row->relation != NULL && tl_bytes_equal(ref->relation, tl_bytes_text(row->relation));
}

enum tally_reason tl_judge_ref_lines(const struct tl_type_row *row,
                                     const struct tl_envelope *envelope)
{
    struct tally_bytes lines = envelope->ref_lines;
    struct tl_ref_line ref;
    unsigned count = 0;
    while (tl_envelope_next_ref(&lines, &ref)) {
        if (!tl_type_allows_relation(row, ref.relation)) {
            return TALLY_REASON_RELATION_NOT_ALLOWED;
        }
        count += is_own_relation(row, &ref) ? 1u : 0u;
    }
    if (row->relation != NULL && count == 0) {
        return TALLY_REASON_REFERENCE_MISSING;
    }
    return count > row->relation_max ? TALLY_REASON_REFERENCE_SURPLUS : TALLY_REASON_NONE;
}

enum tally_reason tl_judge_amended_leaf(const struct tl_type_row *row,
                                        const struct tl_envelope *envelope,
                                        const struct tl_roster *roster)
{
    struct tally_bytes lines = envelope->ref_lines;
    struct tl_ref_line ref;
    while (row->type == TL_TYPE_AMENDMENT && tl_envelope_next_ref(&lines, &ref)) {
        if (is_own_relation(row, &ref) && !tl_hash_equal(&ref.leaf, &roster->position_leaf)) {
            return TALLY_REASON_STALE_AMENDMENT;
        }
    }
    return TALLY_REASON_NONE;
}

enum tally_reason tl_judge_relations(struct tl_judgement *judgement)
{
    return tl_judge_ref_lines(judgement->row, judgement->envelope);
}

static bool is_target(const struct tl_judgement *judgement, const struct tl_entry_facts *facts)
{
    const struct tl_type_row *row = judgement->row;
    if (facts->type >= TL_TYPE_COUNT || (row->target_types & (UINT32_C(1) << facts->type)) == 0) {
        return false;
    }
    switch (row->target_member) {
    case TL_TARGET_ANY_MEMBER:
        return true;
    case TL_TARGET_OTHER_MEMBER:
        return facts->member != judgement->author->member;
    case TL_TARGET_OWN_MEMBER:
        return facts->member == judgement->author->member;
    }
    return false;
}

enum tally_reason tl_judge_targets(struct tl_judgement *judgement)
{
    struct tally_bytes lines = judgement->envelope->ref_lines;
    struct tl_ref_line ref;
    while (tl_envelope_next_ref(&lines, &ref)) {
        struct tl_entry_facts facts;
        if (!names_record(judgement, ref.index, &ref.leaf, &facts)) {
            return TALLY_REASON_REFERENCE_UNKNOWN;
        }
        if (is_own_relation(judgement->row, &ref) && !is_target(judgement, &facts)) {
            return TALLY_REASON_REFERENCE_TARGET;
        }
    }
    return TALLY_REASON_NONE;
}
