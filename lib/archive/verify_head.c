/* SPDX-License-Identifier: ISC */
/* The end of a verification: what only all records together show, and the verdicts. */
#include <string.h>

#include "lib/archive/verification.h"
#include "lib/base/mem.h"
#include "lib/codec/checkpoint.h"

static bool is_whole(const struct tl_verification *v)
{
    return v->done == v->size;
}

static void check_ledger_id(struct tl_verification *v)
{
    const struct tally_hash *expected = v->options->ledger;
    struct tl_report_line *line = &v->report->lines[TL_CHECK_LEDGER];
    if (expected == NULL) {
        line->note = "no ledger id was given: whose ledger this is was not checked";
        tl_report_unchecked(v->report, TL_CHECK_LEDGER);
    } else if (!v->has_charter) {
        line->note = "there is no charter that can be read";
        tl_report_unchecked(v->report, TL_CHECK_LEDGER);
    } else if (!tl_hash_equal(&v->charter, expected)) {
        tl_report_bad(v->report, TL_CHECK_LEDGER, TL_NO_INDEX, TALLY_REASON_PREFIX_MISMATCH);
    } else {
        tl_report_good(v->report, TL_CHECK_LEDGER);
        tl_report_conclude(v->report, TL_CHECK_LEDGER);
    }
}

/* Only the roster after the last record says who may sign this head. */
static void check_checkpoint(struct tl_verification *v)
{
    struct tl_checkpoint checkpoint;
    const struct tl_note_key *key = tl_verify_key_at(v, v->size);
    if (key == NULL) {
        tl_report_unchecked(v->report, TL_CHECK_CHECKPOINT);
        v->report->lines[TL_CHECK_CHECKPOINT].note = "the ledger key in force is not known";
        return;
    }
    if (tl_checkpoint_open(tl_buffer_bytes(&v->result->checkpoint), key, &checkpoint) !=
        TALLY_OK) {
        tl_report_bad(v->report, TL_CHECK_CHECKPOINT, TL_NO_INDEX,
                      TALLY_REASON_CHECKPOINT_INVALID);
        return;
    }
    tl_report_good(v->report, TL_CHECK_CHECKPOINT);
    tl_report_conclude(v->report, TL_CHECK_CHECKPOINT);
}

static enum tally_status check_root(struct tl_verification *v)
{
    if (!is_whole(v)) {
        return TALLY_OK;
    }
    enum tally_status status = tl_tile_builder_finish(v->tiles);
    if (status != TALLY_OK) {
        return status;
    }
    struct tally_hash root = tl_tree_edge_root(&v->tiles->edge);
    if (!tl_hash_equal(&root, &v->root)) {
        tl_report_bad(v->report, TL_CHECK_TREE, TL_NO_INDEX, TALLY_REASON_ROOT_MISMATCH);
    }
    return TALLY_OK;
}

static void settle_missing_parts(struct tl_verification *v)
{
    struct tl_report_line *line = &v->report->lines[TL_CHECK_DEPOSITS];
    if (v->missing_part_count == 0) {
        return;
    }
    if (tl_judge_knows_rules(v->judge)) {
        tl_report_bad(v->report, TL_CHECK_DEPOSITS, v->missing_part_index,
                      TALLY_REASON_PART_MISSING);
        line->bad += v->missing_part_count - 1;
    } else {
        line->unchecked += v->missing_part_count;
        v->covered[TL_CHECK_DEPOSITS] -= v->missing_part_count;
        line->note = "parts are missing, which rules that are not known here may allow";
    }
}

/* Lines of which an option asks for more: every object that the records name. */
static void ask_for_objects(struct tl_verification *v)
{
    struct tl_report_line *exhibits = &v->report->lines[TL_CHECK_EXHIBITS];
    struct tl_report_line *deposits = &v->report->lines[TL_CHECK_DEPOSITS];
    bool wants_all = v->options->require_objects;
    exhibits->required = wants_all;
    deposits->required = wants_all;
    if (exhibits->unchecked > 0 && (wants_all || exhibits->checked == 0)) {
        exhibits->note = "sealed exhibit files are not here";
        v->covered[TL_CHECK_EXHIBITS] = 0;
    }
    if (wants_all && v->absent_ciphertexts > 0) {
        deposits->note = "ciphertexts are not here";
        v->covered[TL_CHECK_DEPOSITS] = 0;
    }
}

/* A line is OK only when the walk has made its check for every record there is. */
static void conclude_covered(struct tl_verification *v)
{
    static const enum tl_check lines[] = {
        TL_CHECK_CHAIN,  TL_CHECK_TREE,    TL_CHECK_SEALS,    TL_CHECK_SIGNATURES,
        TL_CHECK_ROSTER, TL_CHECK_AUTHORS, TL_CHECK_DEPOSITS, TL_CHECK_EXHIBITS,
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct tl_report_line *line = &v->report->lines[lines[i]];
        if (is_whole(v) && v->covered[lines[i]] == v->size) {
            tl_report_conclude(v->report, lines[i]);
        } else if (line->note == NULL && line->verdict != TL_VERDICT_BAD) {
            line->note = tl_judge_knows_rules(v->judge) ? "not every record could be checked"
                                                        : "the rules in force are not known here";
        }
    }
}

/* Keys revoked with a last valid index that lies before their end. */
struct doubts {
    size_t count;
    const struct tl_roster_key **keys;
    uint64_t signatures;
};

static void count_doubt(void *context, uint64_t index, const uint8_t *key)
{
    struct doubts *doubts = context;
    for (size_t i = 0; i < doubts->count; i++) {
        const struct tl_roster_key *revoked = doubts->keys[i];
        if (index > revoked->last_valid && index <= revoked->ended &&
            memcmp(key, revoked->key.fingerprint.bytes, sizeof((struct tl_fact *)0)->author) ==
                0) {
            doubts->signatures++;
        }
    }
}

static enum tally_status count_in_doubt(struct tl_verification *v)
{
    const struct tl_roster *roster = tl_judge_roster(v->judge);
    if (roster == NULL) {
        return TALLY_OK;
    }
    struct doubts doubts = {.count = 0};
    doubts.keys = tl_calloc(roster->key_count, sizeof *doubts.keys);
    if (doubts.keys == NULL) {
        return TALLY_ENOMEM;
    }
    for (size_t i = 0; i < roster->key_count; i++) {
        const struct tl_roster_key *key = &roster->keys[i];
        if (key->revoked && key->last_valid < key->ended) {
            doubts.keys[doubts.count] = key;
            doubts.count++;
        }
    }
    enum tally_status status = TALLY_OK;
    if (doubts.count > 0) {
        status = tl_facts_file_signers(v->facts, count_doubt, &doubts);
    }
    v->report->in_doubt = doubts.signatures;
    tl_free(doubts.keys);
    return status;
}

static enum tally_status fill_result(struct tl_verification *v)
{
    const struct tl_roster *roster = tl_judge_roster(v->judge);
    v->result->roster = roster;
    v->report->ledger = v->charter;
    v->report->sample = roster != NULL && roster->sample;
    if (v->done == 0) {
        return TALLY_OK;
    }
    struct tl_fact fact;
    enum tally_status status = tl_facts_file_get(v->facts, v->done - 1, &fact);
    if (status == TALLY_OK) {
        v->result->newest_index = v->done - 1;
        v->result->newest_leaf = fact.leaf;
    }
    return status;
}

/* Records that the walk did not come to may have changed the ledger key. */
static void limit_known_keys(struct tl_verification *v)
{
    if (!is_whole(v) && v->knows_all_keys) {
        v->knows_all_keys = false;
        v->known_size = v->done;
    }
}

enum tally_status tl_verify_head(struct tl_verification *v)
{
    limit_known_keys(v);
    enum tally_status status = check_root(v);
    if (status == TALLY_OK) {
        check_ledger_id(v);
        check_checkpoint(v);
        status = tl_verify_held_end(v);
    }
    if (status == TALLY_OK) {
        status = count_in_doubt(v);
    }
    if (status == TALLY_OK) {
        status = fill_result(v);
    }
    if (status != TALLY_OK) {
        return status;
    }
    settle_missing_parts(v);
    ask_for_objects(v);
    conclude_covered(v);
    v->report->lines[TL_CHECK_WITNESSES].note = "cosignatures are not judged by this version";
    v->report->lines[TL_CHECK_ANCHORS].note = "time stamps are not judged by this version";
    return TALLY_OK;
}
