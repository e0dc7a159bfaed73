/* SPDX-License-Identifier: ISC */
/* The part of a verification that needs order: one record after the other. */
#include <string.h>

#include "keys/sshsig.h"
#include "lib/archive/verification.h"
#include "lib/base/mem.h"
#include "lib/roster/types.h"

#define PARTS_AHEAD 8u

/* Everything else that the judge looks at has to do with who may say what. */
static enum tl_check check_of_reason(enum tally_reason reason)
{
    if (reason == TALLY_REASON_INDEX_MISMATCH || reason == TALLY_REASON_LINK_MISMATCH) {
        return TL_CHECK_CHAIN;
    }
    static const enum tally_reason of_authors[] = {
        TALLY_REASON_SEQUENCE_GAP, TALLY_REASON_SEQUENCE_REUSED, TALLY_REASON_PREVIOUS_MISMATCH,
        TALLY_REASON_SEEN_UNKNOWN, TALLY_REASON_SEEN_DECREASED,
    };
    for (size_t i = 0; i < sizeof of_authors / sizeof of_authors[0]; i++) {
        if (reason == of_authors[i]) {
            return TL_CHECK_AUTHORS;
        }
    }
    return TL_CHECK_ROSTER;
}

static enum tally_status answer_facts(void *context, uint64_t index,
                                      struct tl_entry_facts *ret_facts)
{
    struct tl_verification *v = context;
    struct tl_fact fact;
    enum tally_status status = tl_facts_file_get(v->facts, index, &fact);
    if (status == TALLY_OK) {
        ret_facts->leaf = fact.leaf;
        ret_facts->type = (enum tl_type)fact.type;
        ret_facts->member = fact.member;
    }
    return status;
}

/* Notes the ledger key that is in force after record index, when it is another than before. */
static enum tally_status note_key(struct tl_verification *v, uint64_t index)
{
    const struct tl_roster *roster = tl_judge_roster(v->judge);
    if (roster == NULL || roster->position != index) {
        return TALLY_OK;
    }
    const struct tl_key_span *last = v->key_count == 0 ? NULL : &v->keys[v->key_count - 1];
    if (last != NULL &&
        memcmp(last->key.point, roster->ledger_key.point, sizeof last->key.point) == 0) {
        return TALLY_OK;
    }
    struct tl_key_span *keys = tl_realloc(v->keys, (v->key_count + 1) * sizeof *keys);
    if (keys == NULL) {
        return TALLY_ENOMEM;
    }
    keys[v->key_count].from_size = index + 1;
    keys[v->key_count].key = roster->ledger_key;
    v->keys = keys;
    v->key_count++;
    return TALLY_OK;
}

const struct tl_note_key *tl_verify_key_at(const struct tl_verification *v, uint64_t size)
{
    if (!v->knows_all_keys && size > v->known_size) {
        return NULL;
    }
    const struct tl_note_key *key = NULL;
    for (size_t i = 0; i < v->key_count && v->keys[i].from_size <= size; i++) {
        key = &v->keys[i].key;
    }
    return key;
}

static enum tally_status check_leaf(struct tl_verification *v, const struct tl_section_slot *slot,
                                    uint64_t index)
{
    if (slot->has_entry) {
        v->covered[TL_CHECK_TREE]++;
    }
    if (!slot->has_tile_leaf || !tl_hash_equal(&slot->tile_leaf, &slot->leaf)) {
        tl_report_bad(v->report, TL_CHECK_TREE, index, TALLY_REASON_LEAF_MISMATCH);
    } else if (slot->has_entry) {
        tl_report_good(v->report, TL_CHECK_TREE);
    }
    enum tally_status status = tl_tile_builder_add(v->tiles, &slot->leaf);
    if (status == TALLY_OK) {
        tl_verify_held_leaf(v);
    }
    return status;
}

static void check_signatures(struct tl_verification *v, const struct tl_section_slot *slot,
                             uint64_t index)
{
    v->covered[TL_CHECK_SIGNATURES]++;
    if (slot->signatures != TALLY_REASON_NONE) {
        tl_report_bad(v->report, TL_CHECK_SIGNATURES, index, slot->signatures);
        return;
    }
    for (unsigned i = 0; i < slot->record.signatures.count; i++) {
        tl_report_good(v->report, TL_CHECK_SIGNATURES);
    }
}

static void report_good(struct tl_verification *v, enum tl_check check)
{
    v->covered[check]++;
    tl_report_good(v->report, check);
}

static void report_bad(struct tl_verification *v, enum tl_check check, uint64_t index,
                       enum tally_reason reason)
{
    v->covered[check]++;
    tl_report_bad(v->report, check, index, reason);
}

/* The judge stops at the first fault: the lines of what it did not come to stay uncovered. */
static void report_judgement(struct tl_verification *v, uint64_t index, enum tally_reason reason,
                             bool is_unjudged)
{
    enum tl_check check = check_of_reason(reason);
    if (reason != TALLY_REASON_NONE) {
        report_bad(v, check, index, reason);
        if (check != TL_CHECK_CHAIN) {
            report_good(v, TL_CHECK_CHAIN);
        }
        return;
    }
    report_good(v, TL_CHECK_CHAIN);
    if (is_unjudged) {
        tl_report_unchecked(v->report, TL_CHECK_ROSTER);
    } else {
        report_good(v, TL_CHECK_ROSTER);
    }
    if (tl_judge_knows_rules(v->judge)) {
        report_good(v, TL_CHECK_AUTHORS);
    } else {
        tl_report_unchecked(v->report, TL_CHECK_AUTHORS);
    }
}

/* What a record that was not accepted says of itself, for later records that point at it. */
static void set_facts_of_bad(const struct tl_verification *v, const struct tl_section_slot *slot,
                             struct tl_entry_facts *ret_facts)
{
    const struct tl_roster *roster = tl_judge_roster(v->judge);
    const struct tl_type_row *row = tl_type_find(slot->envelope.type);
    const struct tl_member *member =
        roster == NULL ? NULL : tl_roster_find_member(roster, slot->envelope.member);
    if (row != NULL) {
        ret_facts->type = row->type;
    }
    if (member != NULL) {
        ret_facts->member = (unsigned)(member - roster->members);
    }
}

static enum tally_status judge_record(struct tl_verification *v,
                                      const struct tl_section_slot *slot, uint64_t index,
                                      const struct tl_deposit_list *clear,
                                      struct tl_entry_facts *ret_facts)
{
    enum tally_reason reason = TALLY_REASON_NONE;
    bool is_unjudged = false;
    enum tally_status status =
        tl_judge_check(v->judge, &slot->record, &slot->envelope, clear, &slot->leaf, answer_facts,
                       v, &reason, &is_unjudged);
    if (status != TALLY_OK) {
        return status;
    }
    report_judgement(v, index, reason, is_unjudged);
    if (reason == TALLY_REASON_NONE) {
        tl_judge_accept(v->judge, &slot->envelope_hash, ret_facts);
    } else {
        tl_judge_skip(v->judge, &slot->record, &slot->envelope, &slot->leaf);
        set_facts_of_bad(v, slot, ret_facts);
    }
    return note_key(v, index);
}

/* A record that is not there or does not decode. Unknown rules may know its form: not judged. */
static void pass_over(struct tl_verification *v, const struct tl_section_slot *slot, uint64_t index)
{
    struct tally_hash link = tl_judge_link(v->judge);
    if (!slot->has_entry) {
        report_bad(v, TL_CHECK_CHAIN, index, TALLY_REASON_RECORD_MISSING);
    } else if (tl_judge_knows_rules(v->judge)) {
        report_bad(v, TL_CHECK_CHAIN, index, slot->form);
    } else if (slot->has_record && slot->record.index != index) {
        report_bad(v, TL_CHECK_CHAIN, index, TALLY_REASON_INDEX_MISMATCH);
    } else if (slot->has_record && !tl_hash_equal(&slot->record.link, &link)) {
        report_bad(v, TL_CHECK_CHAIN, index, TALLY_REASON_LINK_MISMATCH);
    } else if (slot->has_record) {
        report_good(v, TL_CHECK_CHAIN);
    } else {
        tl_report_unchecked(v->report, TL_CHECK_CHAIN);
    }
    tl_judge_skip(v->judge, slot->has_record ? &slot->record : NULL, NULL, &slot->leaf);
}

static enum tally_status keep_facts(struct tl_verification *v, const struct tl_section_slot *slot,
                                    uint64_t index, const struct tl_entry_facts *facts)
{
    struct tl_fact fact;
    memset(&fact, 0, sizeof fact);
    fact.leaf = facts->leaf;
    fact.type = (uint32_t)facts->type;
    fact.member = facts->member;
    fact.roster = tl_judge_position(v->judge);
    if (slot->has_envelope) {
        memcpy(fact.author, slot->envelope.key.bytes, sizeof fact.author);
    }
    enum tally_status status = tl_facts_file_append(v->facts, &fact);
    unsigned count = slot->has_envelope ? slot->record.signatures.count : 0;
    for (unsigned i = 1; i < count && status == TALLY_OK; i++) {
        struct tl_countersigned item;
        struct tl_sshsig sig;
        if (tl_sshsig_decode(slot->record.signatures.blobs[i], TL_SSHSIG_NAMESPACE, &sig) !=
            TALLY_OK) {
            continue;
        }
        memset(&item, 0, sizeof item);
        item.index = index;
        memcpy(item.key, sig.key.fingerprint.bytes, sizeof item.key);
        status = tl_facts_file_countersigned(v->facts, &item);
    }
    return status;
}

/* Says under which key the seal must hold; one that was checked under another is checked again. */
static void expect_seal(struct tl_verification *v, struct tl_section_slot *slot, uint64_t index)
{
    const struct tl_note_key *key = tl_verify_key_at(v, index == 0 ? 1 : index);
    bool has_leaf = slot->has_entry || slot->has_tile_leaf;
    if (key == NULL || !has_leaf || !slot->has_seal) {
        slot->seal_state = TL_SEAL_UNCHECKED;
        slot->has_seal_key = false;
        return;
    }
    slot->has_seal_key = true;
    if (slot->seal_state == TL_SEAL_UNCHECKED ||
        memcmp(slot->seal_point, key->point, sizeof slot->seal_point) != 0) {
        slot->seal_state = TL_SEAL_UNCHECKED;
        memcpy(slot->seal_point, key->point, sizeof slot->seal_point);
    }
}

/* What needs no order but is reported in it. Behind an amendment to unknown rules: nothing. */
static enum tally_status check_content(struct tl_verification *v,
                                       const struct tl_section_slot *slot, uint64_t index,
                                       struct tl_deposit_list *ret_clear, bool *ret_holds)
{
    if (!tl_judge_knows_rules(v->judge)) {
        tl_report_unchecked(v->report, TL_CHECK_SIGNATURES);
        tl_report_unchecked(v->report, TL_CHECK_DEPOSITS);
        tl_report_unchecked(v->report, TL_CHECK_EXHIBITS);
        return TALLY_OK;
    }
    if (slot->has_envelope) {
        check_signatures(v, slot, index);
        return tl_verify_deposits(v, slot, index, ret_clear, ret_holds);
    }
    if (!slot->has_commitments) {
        report_bad(v, TL_CHECK_DEPOSITS, index, TALLY_REASON_COMMITMENTS_MISSING);
    }
    return TALLY_OK;
}

static enum tally_status verify_record(struct tl_verification *v, struct tl_section_slot *slot,
                                       uint64_t index)
{
    struct tl_entry_facts facts = {
        .leaf = slot->leaf, .type = TL_TYPE_COUNT, .member = UINT32_MAX};
    struct tl_deposit_list clear = {.count = 0};
    bool is_clear_good = false;
    if (index == 0 && slot->has_envelope) {
        v->has_charter = true;
        v->charter = slot->envelope_hash;
    }
    enum tally_status status = check_leaf(v, slot, index);
    if (status == TALLY_OK) {
        status = check_content(v, slot, index, &clear, &is_clear_good);
    }
    if (status == TALLY_OK && slot->has_envelope) {
        status = judge_record(v, slot, index, is_clear_good ? &clear : NULL, &facts);
    } else if (status == TALLY_OK) {
        pass_over(v, slot, index);
    }
    if (status == TALLY_OK) {
        status = keep_facts(v, slot, index, &facts);
    }
    if (v->knows_all_keys && !tl_judge_knows_rules(v->judge)) {
        v->knows_all_keys = false;
        v->known_size = index;
    }
    expect_seal(v, slot, index);
    if (status == TALLY_OK && slot->has_envelope && v->options->record != NULL) {
        v->options->record(v->options->context, &slot->record, &slot->envelope, &slot->leaf,
                           &clear);
    }
    return status;
}

static void report_seals(struct tl_verification *v, const struct tl_section *section)
{
    for (unsigned i = 0; i < section->count; i++) {
        const struct tl_section_slot *slot = &section->slots[i];
        uint64_t index = section->first + i;
        if (!slot->has_seal) {
            v->covered[TL_CHECK_SEALS]++;
            tl_report_bad(v->report, TL_CHECK_SEALS, index, TALLY_REASON_SEAL_MISSING);
            continue;
        }
        switch (slot->seal_state) {
        case TL_SEAL_GOOD:
            v->covered[TL_CHECK_SEALS]++;
            tl_report_good(v->report, TL_CHECK_SEALS);
            break;
        case TL_SEAL_BAD:
            v->covered[TL_CHECK_SEALS]++;
            tl_report_bad(v->report, TL_CHECK_SEALS, index, TALLY_REASON_SEAL_INVALID);
            break;
        case TL_SEAL_UNCHECKED:
            tl_report_unchecked(v->report, TL_CHECK_SEALS);
            break;
        }
    }
}

/* Bytes behind the last item belong to no record, but nobody put them there in good faith. */
static void report_surplus(struct tl_verification *v, const struct tl_section *section)
{
    for (size_t i = 0; i < TL_SECTION_PART_COUNT; i++) {
        if (section->is_surplus[i]) {
            tl_report_bad(v->report, TL_CHECK_TREE, TL_NO_INDEX, TALLY_REASON_TILE_MISMATCH);
        }
    }
}

enum tally_status tl_verify_section(struct tl_verification *v, struct tl_section *section)
{
    enum tally_status status = TALLY_OK;
    for (unsigned i = 0; i < section->count && status == TALLY_OK; i++) {
        if (i % PARTS_AHEAD == 0) {
            tl_verify_prefetch_parts(v, section, i, PARTS_AHEAD);
        }
        status = verify_record(v, &section->slots[i], section->first + i);
    }
    if (status != TALLY_OK) {
        return status;
    }
    /* Of the first section and after a change of the ledger key; else nothing is left to check. */
    tl_section_start_seals(section, v->pool);
    tl_pool_wait(v->pool, &section->job);
    report_seals(v, section);
    report_surplus(v, section);
    v->done += section->count;
    return TALLY_OK;
}
