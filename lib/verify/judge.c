/* SPDX-License-Identifier: ISC */
#include "lib/verify/judge.h"

#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/codec/part.h"
#include "lib/verify/judge_state.h"

enum tally_status tl_judge_new(struct tl_judge **ret_judge)
{
    struct tl_judge *judge = tl_calloc(1, sizeof *judge);
    if (judge == NULL) {
        return TALLY_ENOMEM;
    }
    *ret_judge = judge;
    return TALLY_OK;
}

void tl_judge_free(struct tl_judge *judge)
{
    if (judge == NULL) {
        return;
    }
    tl_judge_drop_pending(judge);
    tl_roster_free(judge->roster);
    tl_free(judge->authors);
    tl_free(judge);
}

uint64_t tl_judge_size(const struct tl_judge *judge)
{
    return judge->size;
}

const struct tl_roster *tl_judge_roster(const struct tl_judge *judge)
{
    return judge->roster;
}

uint64_t tl_judge_position(const struct tl_judge *judge)
{
    return judge->position;
}

struct tally_hash tl_judge_link(const struct tl_judge *judge)
{
    return judge->link;
}

uint64_t tl_judge_received_us(const struct tl_judge *judge)
{
    return judge->received_us;
}

struct tl_author_state tl_judge_author(const struct tl_judge *judge, size_t key_number)
{
    TL_ASSERT(judge->roster != NULL && key_number < judge->roster->key_count);
    return judge->authors[key_number];
}

bool tl_judge_knows_rules(const struct tl_judge *judge)
{
    return judge->roster == NULL || judge->roster->rules <= TL_RULES_NEWEST;
}

static enum tally_reason judge_index(struct tl_judgement *judgement)
{
    return judgement->record->index == judgement->judge->size ? TALLY_REASON_NONE
                                                              : TALLY_REASON_INDEX_MISMATCH;
}

static enum tally_reason judge_link(struct tl_judgement *judgement)
{
    return tl_hash_equal(&judgement->record->link, &judgement->judge->link)
               ? TALLY_REASON_NONE
               : TALLY_REASON_LINK_MISMATCH;
}

static enum tally_reason judge_roster_position(struct tl_judgement *judgement)
{
    return judgement->record->roster == judgement->judge->position ? TALLY_REASON_NONE
                                                                   : TALLY_REASON_ROSTER_MISMATCH;
}

/* Record 0 is a charter, and no other record is. */
static enum tally_reason judge_type(struct tl_judgement *judgement)
{
    const struct tl_type_row *row = tl_type_find(judgement->envelope->type);
    bool is_charter = row != NULL && row->type == TL_TYPE_CHARTER;
    if (is_charter != (judgement->judge->size == 0)) {
        return TALLY_REASON_CHARTER_ONLY_FIRST;
    }
    judgement->row = row;
    return row == NULL ? TALLY_REASON_UNKNOWN_TYPE : TALLY_REASON_NONE;
}

static enum tally_reason judge_ledger(struct tl_judgement *judgement)
{
    const struct tl_roster *roster = judgement->judge->roster;
    if (judgement->row->type == TL_TYPE_CHARTER) {
        return TALLY_REASON_NONE; /* it makes the id; decoding has seen that it names none */
    }
    if (roster == NULL) {
        return TALLY_REASON_UNKNOWN_KEY; /* a verifier has gone on behind a bad charter */
    }
    return tl_hash_equal(&judgement->envelope->ledger, &roster->ledger) ? TALLY_REASON_NONE
                                                                        : TALLY_REASON_WRONG_LEDGER;
}

/* The author's key: enrolled, in force, of the envelope's member, with the type's role. */
static enum tally_reason judge_author(struct tl_judgement *judgement)
{
    if (judgement->row->type == TL_TYPE_CHARTER) {
        return TALLY_REASON_NONE; /* judged with the roster that it makes */
    }
    return tl_judge_author_key(judgement->judge->roster, judgement->envelope, judgement->row,
                               &judgement->author);
}

static enum tally_reason judge_signers(struct tl_judgement *judgement)
{
    return tl_judge_signer_keys(judgement->judge->roster, judgement->envelope,
                                &judgement->record->signatures);
}

/* The author key's own chain: the next number, and the hash of the envelope before. */
static enum tally_reason judge_sequence(struct tl_judgement *judgement)
{
    const struct tl_envelope *envelope = judgement->envelope;
    const struct tl_judge *judge = judgement->judge;
    if (tl_envelope_is_constitution(envelope)) {
        return TALLY_REASON_NONE; /* sequence 0 and no previous, as decoding has seen */
    }
    const struct tl_author_state *state = &judge->authors[judgement->author - judge->roster->keys];
    if (envelope->sequence > state->sequence + 1) {
        return TALLY_REASON_SEQUENCE_GAP;
    }
    if (envelope->sequence < state->sequence + 1) {
        return TALLY_REASON_SEQUENCE_REUSED;
    }
    if (envelope->has_previous != (state->sequence > 0) ||
        (envelope->has_previous && !tl_hash_equal(&envelope->previous, &state->previous))) {
        return TALLY_REASON_PREVIOUS_MISMATCH;
    }
    return TALLY_REASON_NONE;
}

/* The step that the incident's clear part states; 0 when it states none. */
static uint64_t stated_step_us(struct tl_deposit_list clear)
{
    struct tl_deposit deposit;
    struct tl_part part;
    uint64_t step_us = 0;
    while (tl_deposit_next(&clear, &deposit)) {
        if (tl_part_decode(deposit.bytes, &part) == TALLY_OK &&
            tl_bytes_equal(part.name, tl_bytes_text(TL_CLOCK_STEP_NAME)) &&
            tl_clock_step_decode(part.value, &step_us) == TALLY_OK) {
            return step_us;
        }
    }
    return 0;
}

static bool has_clear_parts(const struct tl_envelope *envelope)
{
    for (size_t i = 0; i < envelope->letters.len; i++) {
        if (envelope->letters.ptr[i] == 'c') {
            return true;
        }
    }
    return false;
}

/* Received time never decreases, but by as much as an incident of the host owns up to. */
static enum tally_reason judge_time(struct tl_judgement *judgement)
{
    uint64_t before_us = judgement->judge->received_us;
    uint64_t received_us = judgement->record->received_us;
    if (received_us >= before_us) {
        return TALLY_REASON_NONE;
    }
    if (judgement->row->type != TL_TYPE_INCIDENT || !has_clear_parts(judgement->envelope)) {
        return TALLY_REASON_TIME_DECREASED;
    }
    if (judgement->clear == NULL) {
        judgement->is_unjudged = true;
        return TALLY_REASON_NONE;
    }
    return before_us - received_us <= stated_step_us(*judgement->clear)
               ? TALLY_REASON_NONE
               : TALLY_REASON_TIME_DECREASED;
}

/* The numbers are those of docs/formats.md, section 19.3. */
static const tl_judge_step steps[] = {
    judge_index,           /* 1 */
    judge_link,            /* 2 */
    judge_roster_position, /* 3 */
    judge_type,            /* 4 */
    judge_ledger,          /* 5 */
    judge_author,          /* 6 */
    judge_signers,         /* 7 */
    judge_sequence,        /* 8 */
    tl_judge_seen,         /* 9 */
    tl_judge_relations,    /* 10 */
    tl_judge_targets,      /* 11 */
    judge_time,            /* 12 */
    tl_judge_constitution, /* 13, 14 */
};

/* What still holds for a record whose rules are unknown: where it stands. */
static const tl_judge_step steps_under_unknown_rules[] = {
    judge_index,
    judge_link,
};

static enum tally_reason judge_amended_leaf(struct tl_judgement *judgement)
{
    return tl_judge_amended_leaf(judgement->row, judgement->envelope, judgement->judge->roster);
}

/* A constitution record out of a store whose other records are not read again. */
static const tl_judge_step steps_of_restored[] = {
    judge_roster_position, judge_type,         judge_ledger,       judge_author,
    judge_signers,         tl_judge_relations, judge_amended_leaf, tl_judge_constitution,
};

#define RUN(list, judgement) run(list, sizeof(list) / sizeof(list)[0], judgement)

static enum tally_reason run(const tl_judge_step *list, size_t count,
                             struct tl_judgement *judgement)
{
    for (size_t i = 0; i < count; i++) {
        enum tally_reason reason = list[i](judgement);
        if (reason != TALLY_REASON_NONE || judgement->status != TALLY_OK) {
            return reason;
        }
    }
    return TALLY_REASON_NONE;
}

static enum tally_reason run_all(struct tl_judgement *judgement)
{
    if (!tl_judge_knows_rules(judgement->judge)) {
        judgement->is_unjudged = true;
        return RUN(steps_under_unknown_rules, judgement);
    }
    return RUN(steps, judgement);
}

enum tally_reason tl_judge_run_restored(struct tl_judgement *judgement)
{
    return RUN(steps_of_restored, judgement);
}

/* Notes what accepting the record changes. The roster of a constitution entry is noted already. */
static void set_pending(struct tl_judgement *judgement)
{
    const struct tl_judge *judge = judgement->judge;
    const struct tl_envelope *envelope = judgement->envelope;
    struct tl_judge_pending *pending = &judgement->judge->pending;
    pending->is_set = true;
    pending->leaf = *judgement->leaf;
    pending->received_us = judgement->record->received_us;
    pending->facts.leaf = *judgement->leaf;
    pending->facts.type = judgement->row == NULL ? TL_TYPE_COUNT : judgement->row->type;
    if (judgement->author != NULL) {
        pending->facts.member = judgement->author->member;
    } else if (pending->roster != NULL) {
        pending->facts.member = tl_roster_find_key(pending->roster, &envelope->key)->member;
    }
    if (judgement->author != NULL && !tl_envelope_is_constitution(envelope)) {
        pending->has_author = true;
        pending->author = (size_t)(judgement->author - judge->roster->keys);
        pending->sequence = envelope->sequence;
        pending->seen_index = envelope->seen_index;
    }
}

enum tally_status tl_judge_check(struct tl_judge *judge, const struct tl_record *record,
                                 const struct tl_envelope *envelope,
                                 const struct tl_deposit_list *clear, const struct tally_hash *leaf,
                                 tl_facts_fn facts, void *context, enum tally_reason *ret_reason,
                                 bool *ret_unjudged)
{
    struct tl_judgement judgement = {
        .judge = judge,
        .record = record,
        .envelope = envelope,
        .clear = clear,
        .leaf = leaf,
        .facts = facts,
        .context = context,
        .status = TALLY_OK,
    };
    tl_judge_drop_pending(judge);
    enum tally_reason reason = run_all(&judgement);
    if (judgement.status == TALLY_OK && judgement.is_unjudged && ret_unjudged == NULL &&
        reason == TALLY_REASON_NONE) {
        judgement.status = TALLY_EINCOMPLETE;
    }
    if (judgement.status != TALLY_OK) {
        tl_judge_drop_pending(judge);
        return judgement.status;
    }
    if (reason == TALLY_REASON_NONE) {
        set_pending(&judgement);
    }
    *ret_reason = reason;
    if (ret_unjudged != NULL) {
        *ret_unjudged = judgement.is_unjudged;
    }
    return TALLY_OK;
}

void tl_judge_accept(struct tl_judge *judge, const struct tally_hash *envelope_hash,
                     struct tl_entry_facts *ret_facts)
{
    struct tl_judge_pending *pending = &judge->pending;
    TL_ASSERT(pending->is_set);
    if (pending->has_author) {
        judge->authors[pending->author] = (struct tl_author_state){
            .sequence = pending->sequence,
            .previous = *envelope_hash,
            .seen_index = pending->seen_index,
        };
    }
    if (pending->roster != NULL) {
        tl_judge_set_roster(judge, pending->roster);
        pending->roster = NULL;
    }
    judge->link = pending->leaf;
    judge->received_us = pending->received_us;
    judge->size++;
    *ret_facts = pending->facts;
    tl_judge_drop_pending(judge);
}
