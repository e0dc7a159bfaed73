/* SPDX-License-Identifier: ISC */
/*
 * A receipt by itself (docs/formats.md, section 21.6). Every line of the report is its own
 * question; a line for which something is not at hand stays NOT CHECKED, and its note says why.
 */
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/codec/note.h"
#include "lib/roster/types.h"
#include "lib/verify/proof_check.h"
#include "lib/verify/proof_record.h"

static const char no_roster[] = "a receipt by itself does not show the roster";
static const char other_roster[] = "the roster of the record's position is not at hand";
static const char unknown_rules[] = "the rules in force are newer than this program";
static const char no_key[] = "the ledger key is not at hand";
static const char no_ledger[] = "no ledger id was given";

struct receipt_case {
    struct tl_proof_record proof;
    struct tl_checkpoint checkpoint;
    const struct tl_note_key *given_key; /* NULL: none */
    const struct tl_roster *roster;      /* that of the record's position, or NULL */
    struct tl_roster *after;             /* made by a constitution record that holds; owned */
    struct tl_report *report;
};

static void leave(struct tl_report *report, enum tl_check check, const char *why)
{
    report->lines[check].note = why;
    tl_report_unchecked(report, check);
}

/* Line receipts: what the file says about itself. */
static enum tally_reason judge_file(const struct receipt_case *c)
{
    const struct tl_record *record = &c->proof.record;
    if (record->index != c->proof.receipt->index) {
        return TALLY_REASON_INDEX_MISMATCH;
    }
    if (record->index >= c->checkpoint.size) {
        return TALLY_REASON_PROOF_INVALID;
    }
    if (record->index == 0 ? record->roster != 0 : record->roster >= record->index) {
        return TALLY_REASON_ROSTER_MISMATCH;
    }
    if (tl_envelope_is_constitution(&c->proof.envelope) &&
        c->checkpoint.size != record->index + 1) {
        return TALLY_REASON_BATCH_MISMATCH;
    }
    return TALLY_REASON_NONE;
}

static bool decode(const struct tl_receipt *receipt, struct receipt_case *c)
{
    struct tl_note note;
    return tl_proof_record_decode(receipt, &c->proof) &&
           tl_note_decode(receipt->checkpoint, &note) == TALLY_OK &&
           tl_checkpoint_decode(note.text, &c->checkpoint) == TALLY_OK;
}

static void check_file(struct receipt_case *c)
{
    enum tally_reason reason = judge_file(c);
    if (reason != TALLY_REASON_NONE) {
        tl_report_bad(c->report, TL_CHECK_RECEIPTS, c->proof.receipt->index, reason);
    } else {
        tl_report_good(c->report, TL_CHECK_RECEIPTS);
    }
    tl_report_conclude(c->report, TL_CHECK_RECEIPTS);
}

static void check_tree(struct receipt_case *c)
{
    if (tl_proof_record_is_included(&c->proof, &c->checkpoint)) {
        tl_report_good(c->report, TL_CHECK_TREE);
        tl_report_conclude(c->report, TL_CHECK_TREE);
    } else {
        tl_report_bad(c->report, TL_CHECK_TREE, c->proof.receipt->index,
                      TALLY_REASON_PROOF_INVALID);
    }
}

static void check_ledger(struct receipt_case *c, const struct tally_hash *ledger)
{
    const struct tl_envelope *envelope = &c->proof.envelope;
    struct tl_report *report = c->report;
    report->ledger = envelope->has_ledger ? envelope->ledger : tl_envelope_hash(envelope);
    if (ledger == NULL) {
        leave(report, TL_CHECK_LEDGER, no_ledger);
    } else if (tl_hash_equal(ledger, &report->ledger)) {
        tl_report_good(report, TL_CHECK_LEDGER);
        tl_report_conclude(report, TL_CHECK_LEDGER);
    } else {
        tl_report_bad(report, TL_CHECK_LEDGER, c->proof.receipt->index, TALLY_REASON_WRONG_LEDGER);
    }
}

/*
 * Why the roster given cannot judge the record, or NULL when it can. A newer position than it has,
 * or an older one that was in force before it, is only another roster. But a record behind it that
 * names an older one hides an amendment: that is judged, and BAD.
 */
static const char *why_unjudged(const struct tl_record *record, const struct tl_roster *roster)
{
    if (record->index == 0) {
        return NULL; /* a charter brings its own */
    }
    if (roster == NULL) {
        return no_roster;
    }
    if (record->roster > roster->position ||
        (record->roster < roster->position && record->index <= roster->position)) {
        return other_roster;
    }
    return roster->rules > TL_RULES_NEWEST ? unknown_rules : NULL;
}

static enum tally_status check_roster(struct receipt_case *c)
{
    const struct tl_record *record = &c->proof.record;
    enum tally_reason reason = TALLY_REASON_ROSTER_MISMATCH;
    if (record->index == 0 || record->roster == c->roster->position) {
        enum tally_status status = tl_proof_record_judge(&c->proof, c->roster, &c->after, &reason);
        if (status != TALLY_OK) {
            return status;
        }
    }
    if (reason != TALLY_REASON_NONE) {
        tl_report_bad(c->report, TL_CHECK_ROSTER, c->proof.receipt->index, reason);
    } else {
        tl_report_good(c->report, TL_CHECK_ROSTER);
        tl_report_conclude(c->report, TL_CHECK_ROSTER);
    }
    return TALLY_OK;
}

/* The ledger key that the ledger itself names for the record's seal, as far as it is at hand. */
static const struct tl_note_key *named_key(const struct receipt_case *c)
{
    const struct tl_roster *roster = c->proof.record.index == 0 ? c->after : c->roster;
    return roster == NULL ? NULL : &roster->ledger_key;
}

static void check_seal(struct receipt_case *c, const struct tl_note_key *key)
{
    const struct tl_note_key *named = named_key(c);
    if (!tl_proof_record_check_seal(&c->proof, key, c->report)) {
        return;
    }
    /* A key that somebody gives must be the one that charter and amendments name. */
    if (named != NULL && memcmp(named->point, key->point, sizeof key->point) != 0) {
        tl_report_bad(c->report, TL_CHECK_SEALS, c->proof.receipt->index,
                      TALLY_REASON_SEAL_INVALID);
    }
    tl_report_conclude(c->report, TL_CHECK_SEALS);
}

/* The key that an amendment replaces key by, in its own words; false when it does not. */
static bool replaced_key(const struct tl_envelope *envelope, const struct tl_note_key *key,
                         struct tl_note_key *ret_key)
{
    static const char name[] = "ledger-key ";
    struct tally_bytes lines = envelope->op_lines;
    struct tally_bytes operation;
    bool found = false;
    while (tl_envelope_next_op(&lines, &operation)) {
        struct tl_note_key next;
        size_t skip = sizeof name - 1;
        if (tl_bytes_starts_with(operation, name) &&
            tl_note_key_parse(tl_bytes(operation.ptr + skip, operation.len - skip), &next) ==
                TALLY_OK &&
            next.type == TL_NOTE_ED25519 && strcmp(next.name, key->name) == 0) {
            *ret_key = next;
            found = true;
        }
    }
    return found;
}

/* The checkpoint is that behind the record: an amendment's own new key signs it. */
static void check_checkpoint(struct receipt_case *c, const struct tl_note_key *key)
{
    struct tl_report *report = c->report;
    struct tl_note_key next;
    if (c->proof.record.index > 0 && replaced_key(&c->proof.envelope, key, &next)) {
        key = &next;
    }
    if (tl_checkpoint_open(c->proof.receipt->checkpoint, key, &c->checkpoint) != TALLY_OK) {
        tl_report_bad(report, TL_CHECK_CHECKPOINT, TL_NO_INDEX, TALLY_REASON_CHECKPOINT_INVALID);
        return;
    }
    report->size = c->checkpoint.size;
    report->root = c->checkpoint.root;
    TL_ASSERT(c->checkpoint.origin.len <= TALLY_ORIGIN_MAX); /* decoded as an origin */
    memcpy(report->origin, c->checkpoint.origin.ptr, c->checkpoint.origin.len);
    tl_report_good(report, TL_CHECK_CHECKPOINT);
    tl_report_conclude(report, TL_CHECK_CHECKPOINT);
}

static void check_keys(struct receipt_case *c)
{
    const struct tl_note_key *key = c->given_key != NULL ? c->given_key : named_key(c);
    if (tl_proof_record_check_signatures(&c->proof, c->report)) {
        tl_report_conclude(c->report, TL_CHECK_SIGNATURES);
    }
    if (key == NULL) {
        leave(c->report, TL_CHECK_SEALS, no_key);
        leave(c->report, TL_CHECK_CHECKPOINT, no_key);
        return;
    }
    check_seal(c, key);
    if (c->after != NULL && c->after->rules > TL_RULES_NEWEST) {
        leave(c->report, TL_CHECK_CHECKPOINT, unknown_rules);
    } else {
        check_checkpoint(c, key);
    }
}

enum tally_status tl_receipt_check(const struct tl_receipt *receipt,
                                   const struct tl_note_key *ledger_key,
                                   const struct tl_roster *roster, const struct tally_hash *ledger,
                                   struct tl_report *report)
{
    struct receipt_case c = {.given_key = ledger_key, .report = report};
    tl_report_init(report);
    report->lines[TL_CHECK_RECEIPTS].required = true;
    if (!decode(receipt, &c)) {
        tl_report_bad(report, TL_CHECK_RECEIPTS, receipt->index, TALLY_REASON_RECEIPT_INVALID);
        return TALLY_OK;
    }
    report->withheld = c.proof.envelope.part_count;
    check_file(&c);
    check_tree(&c);
    check_ledger(&c, ledger);
    const char *why = why_unjudged(&c.proof.record, roster);
    if (why == unknown_rules) {
        leave(report, TL_CHECK_SIGNATURES, why);
        leave(report, TL_CHECK_SEALS, why);
        leave(report, TL_CHECK_CHECKPOINT, why);
        leave(report, TL_CHECK_ROSTER, why);
        return TALLY_OK;
    }
    if (why != NULL) {
        leave(report, TL_CHECK_ROSTER, why);
    } else {
        c.roster = c.proof.record.index == 0 ? NULL : roster;
        enum tally_status status = check_roster(&c);
        if (status != TALLY_OK) {
            return status;
        }
        report->sample = c.after != NULL ? c.after->sample : roster != NULL && roster->sample;
    }
    check_keys(&c);
    tl_roster_free(c.after);
    return TALLY_OK;
}
