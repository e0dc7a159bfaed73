/* SPDX-License-Identifier: ISC */
/*
 * A bundle (docs/formats.md, section 21.5) is walked once, in the order of its records: the
 * constitution lines make one roster after the other, and each entry is judged under the roster at
 * which the walk stands. Every record is proven to lie in one tree, whose checkpoint the ledger key
 * of the last roster must have signed.
 */
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/codec/note.h"
#include "lib/roster/signers.h"
#include "lib/roster/types.h"
#include "lib/verify/proof_check.h"
#include "lib/verify/proof_record.h"
#include "lib/verify/shown_part.h"

static const char unknown_rules[] = "the rules in force are newer than this program";
static const char no_charter[] = "the charter does not hold: no ledger key is known";
static const char no_ledger[] = "no ledger id was given";

struct walk {
    const struct tl_bundle *bundle;
    const struct tl_bundle_visitor *visitor;
    struct tl_report *report;
    struct tl_checkpoint checkpoint; /* a claim until the walk is over */
    size_t constitution; /* next line of each kind */
    size_t last;
    size_t entry;
    size_t part;
    struct tl_roster *roster; /* as of the newest constitution line; NULL: none; owned */
    bool has_newest;          /* the record of the line before in the walk */
    uint64_t newest_index;
    struct tl_note_key newest_key; /* by which its seal verified */
    bool newest_is_good;
};

static void bad(struct walk *walk, enum tl_check check, uint64_t index, enum tally_reason reason)
{
    tl_report_bad(walk->report, check, index, reason);
}

static void leave(struct walk *walk, enum tl_check check, const char *why)
{
    walk->report->lines[check].note = why;
    tl_report_unchecked(walk->report, check);
}

/* Why nothing can be judged where the walk stands; NULL when it can. */
static const char *why_unjudged(const struct walk *walk)
{
    if (walk->roster == NULL) {
        return no_charter;
    }
    return walk->roster->rules > TL_RULES_NEWEST ? unknown_rules : NULL;
}

static uint64_t index_at(const struct walk *walk, size_t line, enum tl_bundle_line_kind kind)
{
    const struct tl_bundle *bundle = walk->bundle;
    return line < bundle->count && bundle->lines[line].kind == kind ? bundle->lines[line].index
                                                                    : TL_NO_INDEX;
}

static size_t end_of(const struct walk *walk, size_t line, enum tl_bundle_line_kind kind)
{
    while (index_at(walk, line, kind) != TL_NO_INDEX) {
        line++;
    }
    return line;
}

/* The first line of each kind. False when the lines are not those of a bundle. */
static bool find_lines(struct walk *walk)
{
    walk->last = end_of(walk, 0, TL_BUNDLE_CONSTITUTION);
    walk->entry = end_of(walk, walk->last, TL_BUNDLE_LAST);
    walk->part = end_of(walk, walk->entry, TL_BUNDLE_ENTRY);
    return walk->last > 0 && walk->entry == walk->last + 1 && walk->part > walk->entry &&
           end_of(walk, walk->part, TL_BUNDLE_PART) == walk->bundle->count;
}

/* The next line in the order of records; of equal ones the one that asks most of its record. */
static bool next_line(struct walk *walk, size_t *ret_line)
{
    uint64_t constitution = index_at(walk, walk->constitution, TL_BUNDLE_CONSTITUTION);
    uint64_t last = index_at(walk, walk->last, TL_BUNDLE_LAST);
    uint64_t entry = index_at(walk, walk->entry, TL_BUNDLE_ENTRY);
    size_t *next = &walk->constitution;
    uint64_t lowest = constitution;
    if (entry < lowest) {
        next = &walk->entry;
        lowest = entry;
    }
    if (last < lowest) {
        next = &walk->last;
        lowest = last;
    }
    *ret_line = *next;
    (*next)++;
    return lowest != TL_NO_INDEX;
}

/* The record stands on an earlier line too. Included at one index, it is the same one. */
static bool is_known(const struct walk *walk, uint64_t index)
{
    return walk->has_newest && walk->newest_index == index;
}

/* What makes or changes the roster; a continuation has no such power under rules 1. */
static bool moves_roster(const struct tl_envelope *envelope)
{
    return tl_bytes_equal(envelope->type, tl_bytes_text("charter")) ||
           tl_bytes_equal(envelope->type, tl_bytes_text("amendment"));
}

/* Line receipts: the proof holds, and what it proves belongs on a line of this kind. */
static bool check_file(struct walk *walk, const struct tl_proof_record *proof,
                       enum tl_bundle_line_kind kind)
{
    uint64_t index = proof->receipt->index;
    bool is_constitution = moves_roster(&proof->envelope);
    enum tally_reason reason = TALLY_REASON_NONE;
    if (!tl_proof_record_is_included(proof, &walk->checkpoint)) {
        reason = TALLY_REASON_PROOF_INVALID;
    } else if (proof->record.index != index) {
        reason = TALLY_REASON_INDEX_MISMATCH;
    } else if (!is_known(walk, index) && is_constitution != (kind == TL_BUNDLE_CONSTITUTION)) {
        /* A charter or amendment that no constitution line brings, or a line that brings none. */
        reason = TALLY_REASON_BUNDLE_INVALID;
    }
    if (reason != TALLY_REASON_NONE) {
        bad(walk, TL_CHECK_RECEIPTS, index, reason);
        return false;
    }
    tl_report_good(walk->report, TL_CHECK_RECEIPTS);
    tl_report_good(walk->report, TL_CHECK_TREE);
    return true;
}

/* Step 3, and for `last` that it ends the ledger. */
static enum tally_reason judge_place(const struct walk *walk, const struct tl_proof_record *proof,
                                     enum tl_bundle_line_kind kind)
{
    const struct tl_record *record = &proof->record;
    uint64_t position = walk->roster == NULL ? 0 : walk->roster->position;
    bool ends = record->index + 1 == walk->checkpoint.size;
    return record->roster != position || (kind == TL_BUNDLE_LAST && !ends)
               ? TALLY_REASON_ROSTER_MISMATCH
               : TALLY_REASON_NONE;
}

/* Line roster. A constitution line moves the walk's roster, and gives it even when it is bad. */
static enum tally_status check_roster(struct walk *walk, const struct tl_proof_record *proof,
                                      enum tl_bundle_line_kind kind, bool *ret_good)
{
    struct tl_roster *after = NULL;
    enum tally_reason reason = judge_place(walk, proof, kind);
    if (reason == TALLY_REASON_NONE && kind != TL_BUNDLE_LAST) {
        enum tally_status status = tl_proof_record_judge(proof, walk->roster, &after, &reason);
        if (status != TALLY_OK) {
            return status;
        }
    }
    *ret_good = reason == TALLY_REASON_NONE;
    if (*ret_good) {
        tl_report_good(walk->report, TL_CHECK_ROSTER);
    } else {
        bad(walk, TL_CHECK_ROSTER, proof->record.index, reason);
    }
    if (after != NULL) {
        tl_roster_free(walk->roster);
        walk->roster = after;
    } else if (kind == TL_BUNDLE_CONSTITUTION && walk->roster != NULL) {
        walk->roster->position = proof->record.index;
        walk->roster->position_leaf = proof->leaf;
    }
    return TALLY_OK;
}

/* The first time that the walk meets a record. */
static enum tally_status check_new_record(struct walk *walk, const struct tl_proof_record *proof,
                                          enum tl_bundle_line_kind kind)
{
    bool is_first = kind == TL_BUNDLE_CONSTITUTION && proof->record.index == 0;
    const char *why = is_first ? NULL : why_unjudged(walk);
    walk->has_newest = true;
    walk->newest_index = proof->record.index;
    walk->newest_is_good = false;
    if (why != NULL) {
        leave(walk, TL_CHECK_ROSTER, why);
        leave(walk, TL_CHECK_SEALS, why);
        leave(walk, TL_CHECK_SIGNATURES, why);
        return TALLY_OK;
    }
    /* An amendment is sealed by the key that it may replace, the charter by the one it names. */
    if (!is_first) {
        walk->newest_key = walk->roster->ledger_key;
    }
    bool judged = false;
    bool is_signed = tl_proof_record_check_signatures(proof, walk->report);
    enum tally_status status = check_roster(walk, proof, kind, &judged);
    if (status != TALLY_OK) {
        return status;
    }
    if (walk->roster == NULL) {
        leave(walk, TL_CHECK_SEALS, no_charter);
        return TALLY_OK;
    }
    if (is_first) {
        walk->newest_key = walk->roster->ledger_key;
    }
    bool sealed = tl_proof_record_check_seal(proof, &walk->newest_key, walk->report);
    walk->newest_is_good = judged && is_signed && sealed;
    return TALLY_OK;
}

/* Only what this line adds is new. */
static void check_known_record(struct walk *walk, const struct tl_proof_record *proof,
                               enum tl_bundle_line_kind kind)
{
    if (kind == TL_BUNDLE_LAST && proof->record.index + 1 != walk->checkpoint.size) {
        bad(walk, TL_CHECK_ROSTER, proof->record.index, TALLY_REASON_ROSTER_MISMATCH);
        walk->newest_is_good = false;
    }
    if (walk->newest_is_good) {
        walk->newest_is_good = tl_proof_record_check_seal(proof, &walk->newest_key, walk->report);
    }
}

/* The parts that the bundle shows of the entry at which the walk stands. */
static void check_parts(struct walk *walk, const struct tl_proof_record *proof)
{
    const struct tl_bundle_visitor *visitor = walk->visitor;
    const struct tl_envelope *envelope = &proof->envelope;
    uint64_t index = proof->receipt->index;
    struct tally_bytes name_before = tl_bytes(NULL, 0);
    unsigned count = 0;
    /* Parts of an entry whose proof does not hold. */
    for (; index_at(walk, walk->part, TL_BUNDLE_PART) < index; walk->part++) {
        tl_report_unchecked(walk->report, TL_CHECK_DEPOSITS);
    }
    for (; index_at(walk, walk->part, TL_BUNDLE_PART) == index; walk->part++) {
        const struct tl_bundle_line *line = &walk->bundle->lines[walk->part];
        struct tl_part part;
        const char *why = why_unjudged(walk);
        if (why != NULL) {
            leave(walk, TL_CHECK_DEPOSITS, why);
            continue;
        }
        enum tally_reason reason = tl_shown_part_check(line, envelope, &name_before, &part);
        if (reason != TALLY_REASON_NONE) {
            bad(walk, TL_CHECK_DEPOSITS, index, reason);
            continue;
        }
        tl_report_good(walk->report, TL_CHECK_DEPOSITS);
        count++;
        if (walk->newest_is_good && visitor != NULL && visitor->part != NULL) {
            visitor->part(visitor->context, index, line->position, envelope->part_count, part.name,
                          part.value);
        }
    }
    walk->report->withheld += envelope->part_count - count;
}

static enum tally_status check_line(struct walk *walk, const struct tl_receipt *receipt,
                                    enum tl_bundle_line_kind kind)
{
    const struct tl_bundle_visitor *visitor = walk->visitor;
    struct tl_proof_record proof;
    if (!tl_proof_record_decode(receipt, &proof)) {
        bad(walk, TL_CHECK_RECEIPTS, receipt->index, TALLY_REASON_BUNDLE_INVALID);
        return TALLY_OK;
    }
    if (!check_file(walk, &proof, kind)) {
        return TALLY_OK;
    }
    if (is_known(walk, receipt->index)) {
        check_known_record(walk, &proof, kind);
    } else {
        enum tally_status status = check_new_record(walk, &proof, kind);
        if (status != TALLY_OK) {
            return status;
        }
    }
    if (kind == TL_BUNDLE_ENTRY) {
        if (walk->newest_is_good && visitor != NULL && visitor->entry != NULL) {
            visitor->entry(visitor->context, &proof.record, &proof.envelope);
        }
        check_parts(walk, &proof);
    }
    return TALLY_OK;
}

/* A line's bytes have the form of a receipt: decoding the bundle has seen it. */
static enum tally_status decode_line(const struct walk *walk, size_t line,
                                     struct tl_receipt *ret_receipt)
{
    enum tally_status status = tl_receipt_decode(walk->bundle->lines[line].bytes, ret_receipt);
    return status == TALLY_OK || status == TALLY_ENOMEM ? status : TALLY_EINVAL;
}

static enum tally_status check_lines(struct walk *walk)
{
    size_t line = 0;
    while (next_line(walk, &line)) {
        struct tl_receipt receipt;
        enum tally_status status = decode_line(walk, line, &receipt);
        if (status == TALLY_OK) {
            status = check_line(walk, &receipt, walk->bundle->lines[line].kind);
            tl_receipt_deinit(&receipt);
        }
        if (status != TALLY_OK) {
            return status;
        }
    }
    for (; walk->part < walk->bundle->count; walk->part++) {
        tl_report_unchecked(walk->report, TL_CHECK_DEPOSITS);
    }
    return TALLY_OK;
}

static void count_doubt_of(struct walk *walk, const struct tl_receipt *receipt)
{
    struct tl_proof_record proof;
    struct tl_signers signers;
    if (!tl_proof_record_decode(receipt, &proof) ||
        tl_signers_read(&proof.record.signatures, &signers) != TALLY_REASON_NONE) {
        return;
    }
    for (unsigned i = 0; i < signers.count; i++) {
        const struct tl_roster_key *key = tl_roster_find_key(walk->roster, &signers.keys[i]);
        if (key != NULL && tl_roster_key_in_doubt(key, proof.record.index)) {
            walk->report->in_doubt++;
        }
    }
}

/*
 * A revocation stands behind what it casts doubt on: counted when the walk has met them all, in a
 * second one. A record that stands on several lines counts once.
 */
static enum tally_status count_doubt(struct walk *walk)
{
    struct walk again = {.bundle = walk->bundle};
    uint64_t counted = TL_NO_INDEX;
    size_t line = 0;
    bool is_bundle = find_lines(&again);
    TL_ASSERT(is_bundle);
    while (next_line(&again, &line)) {
        struct tl_receipt receipt;
        if (walk->bundle->lines[line].index == counted) {
            continue;
        }
        enum tally_status status = decode_line(walk, line, &receipt);
        if (status != TALLY_OK) {
            return status;
        }
        counted = receipt.index;
        count_doubt_of(walk, &receipt);
        tl_receipt_deinit(&receipt);
    }
    return TALLY_OK;
}

static void check_checkpoint(struct walk *walk, struct tally_bytes note)
{
    struct tl_report *report = walk->report;
    struct tl_checkpoint checkpoint;
    const char *why = why_unjudged(walk);
    if (why != NULL) {
        leave(walk, TL_CHECK_CHECKPOINT, why);
        return;
    }
    if (tl_checkpoint_open(note, &walk->roster->ledger_key, &checkpoint) != TALLY_OK) {
        bad(walk, TL_CHECK_CHECKPOINT, TL_NO_INDEX, TALLY_REASON_CHECKPOINT_INVALID);
        return;
    }
    report->size = checkpoint.size;
    report->root = checkpoint.root;
    TL_ASSERT(checkpoint.origin.len <= TALLY_ORIGIN_MAX); /* decoded as an origin */
    memcpy(report->origin, checkpoint.origin.ptr, checkpoint.origin.len);
    tl_report_good(report, TL_CHECK_CHECKPOINT);
    tl_report_conclude(report, TL_CHECK_CHECKPOINT);
}

static void check_ledger(struct walk *walk, const struct tally_hash *ledger)
{
    struct tl_report *report = walk->report;
    if (walk->roster == NULL) {
        leave(walk, TL_CHECK_LEDGER, no_charter);
        return;
    }
    report->ledger = walk->roster->ledger;
    report->sample = walk->roster->sample;
    if (ledger == NULL) {
        leave(walk, TL_CHECK_LEDGER, no_ledger);
    } else if (tl_hash_equal(ledger, &walk->roster->ledger)) {
        tl_report_good(report, TL_CHECK_LEDGER);
        tl_report_conclude(report, TL_CHECK_LEDGER);
    } else {
        bad(walk, TL_CHECK_LEDGER, TL_NO_INDEX, TALLY_REASON_PREFIX_MISMATCH);
    }
}

/* The walk has looked at everything: a line is OK when nothing on it was bad or left out. */
static void conclude(struct walk *walk)
{
    static const enum tl_check checks[] = {TL_CHECK_RECEIPTS,   TL_CHECK_TREE,   TL_CHECK_SEALS,
                                           TL_CHECK_SIGNATURES, TL_CHECK_ROSTER, TL_CHECK_DEPOSITS};
    bool receipts_hold = walk->report->lines[TL_CHECK_RECEIPTS].bad == 0;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        const struct tl_report_line *line = &walk->report->lines[checks[i]];
        /* A line whose proof failed was not looked at any further. */
        if (receipts_hold && line->unchecked == 0 && line->checked > 0) {
            tl_report_conclude(walk->report, checks[i]);
        }
    }
}

static enum tally_status check_bundle(struct walk *walk, const struct tally_hash *ledger,
                                      struct tally_bytes checkpoint)
{
    struct tl_note note;
    if (tl_note_decode(checkpoint, &note) != TALLY_OK ||
        tl_checkpoint_decode(note.text, &walk->checkpoint) != TALLY_OK) {
        bad(walk, TL_CHECK_CHECKPOINT, TL_NO_INDEX, TALLY_REASON_CHECKPOINT_INVALID);
        return TALLY_OK;
    }
    if (index_at(walk, 0, TL_BUNDLE_CONSTITUTION) != 0) {
        bad(walk, TL_CHECK_ROSTER, index_at(walk, 0, TL_BUNDLE_CONSTITUTION),
            TALLY_REASON_ROSTER_MISMATCH);
    }
    enum tally_status status = check_lines(walk);
    if (status != TALLY_OK) {
        return status;
    }
    check_ledger(walk, ledger);
    check_checkpoint(walk, checkpoint);
    conclude(walk);
    return walk->roster == NULL ? TALLY_OK : count_doubt(walk);
}

enum tally_status tl_bundle_check(const struct tl_bundle *bundle, const struct tally_hash *ledger,
                                  const struct tl_bundle_visitor *visitor, struct tl_report *report)
{
    struct walk walk = {.bundle = bundle, .visitor = visitor, .report = report};
    struct tl_receipt first;
    tl_report_init(report);
    report->lines[TL_CHECK_RECEIPTS].required = true;
    if (!find_lines(&walk)) {
        bad(&walk, TL_CHECK_RECEIPTS, TL_NO_INDEX, TALLY_REASON_BUNDLE_INVALID);
        return TALLY_OK;
    }
    enum tally_status status = decode_line(&walk, 0, &first);
    if (status != TALLY_OK) {
        return status;
    }
    status = check_bundle(&walk, ledger, first.checkpoint);
    tl_receipt_deinit(&first);
    tl_roster_free(walk.roster);
    return status;
}
