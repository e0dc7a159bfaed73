/* SPDX-License-Identifier: ISC */
#include "client/proof_file.h"

#include <stdio.h>

#include "client/exit_code.h"
#include "client/output.h"
#include "client/roster_at.h"
#include "client/whole_file.h"
#include "lib/base/text.h"
#include "lib/codec/bundle.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/note.h"
#include "lib/codec/receipt.h"
#include "lib/tree/tree.h"
#include "lib/verify/proof_check.h"

/* What is remembered and what the proof says of one size or one record cannot both be true. */
static void compare_with_memory(const struct state *state, struct tally_bytes note,
                                struct tl_report *report)
{
    const struct tl_buffer *known[] = {&state->checkpoint, &state->held};
    struct tl_note text;
    struct tl_checkpoint shown;
    if (tl_note_decode(note, &text) != TALLY_OK ||
        tl_checkpoint_decode(text.text, &shown) != TALLY_OK) {
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct tl_checkpoint remembered;
        if (tl_note_decode(tl_buffer_bytes(known[i]), &text) == TALLY_OK &&
            tl_checkpoint_decode(text.text, &remembered) == TALLY_OK &&
            remembered.size == shown.size && !tl_hash_equal(&remembered.root, &shown.root)) {
            tl_report_bad(report, TL_CHECK_SINCE, TL_NO_INDEX, TALLY_REASON_CHECKPOINT_FORK);
        }
    }
}

/*
 * The roster is chosen by the record's place, never by what the record says of it: a record that
 * names an older one hides an amendment.
 */
static enum tally_status check_with_state(const struct tl_receipt *receipt,
                                          const struct state *state, struct tl_report *report)
{
    struct tl_record record;
    struct tl_roster *roster = NULL;
    const struct tl_note_key *key = NULL;
    enum tally_status status = TALLY_OK;
    if (tl_record_decode(receipt->record, &record) == TALLY_OK && record.index > 0) {
        status = roster_at(state, roster_position_before(state, record.index), &roster);
        if (roster != NULL && record.roster > roster->position) {
            key = &roster->ledger_key; /* the newest one known: the roster stays unjudged */
        }
    }
    if (status == TALLY_OK) {
        status = tl_receipt_check(receipt, key, roster, &state->ledger, report);
    }
    tl_roster_free(roster);
    compare_with_memory(state, receipt->checkpoint, report);
    struct tally_hash leaf = tl_tree_leaf(receipt->record);
    if (receipt->index == state->newest_index && !tl_hash_equal(&leaf, &state->newest_leaf)) {
        tl_report_bad(report, TL_CHECK_RECEIPTS, receipt->index, TALLY_REASON_RECEIPT_MISMATCH);
    }
    return status;
}

/* state: NULL when the ledger is not known here; wanted: the id asked for, or NULL. */
static int judge_receipt(const struct state *state, const struct tally_hash *wanted,
                         struct tally_bytes bytes, struct tl_report *report)
{
    struct tl_receipt receipt;
    tl_report_init(report);
    enum tally_status status = tl_receipt_decode(bytes, &receipt);
    if (status == TALLY_ENOMEM) {
        return EXIT_UNREACHED;
    }
    if (status != TALLY_OK) {
        tl_report_bad(report, TL_CHECK_RECEIPTS, TL_NO_INDEX, TALLY_REASON_RECEIPT_INVALID);
        return EXIT_BAD;
    }
    status = state != NULL ? check_with_state(&receipt, state, report)
                           : tl_receipt_check(&receipt, NULL, NULL, wanted, report);
    tl_receipt_deinit(&receipt);
    return status == TALLY_OK ? tl_report_exit_code(report) : exit_code_of(status);
}

int proof_file_judge_receipt(const struct state *state, struct tally_bytes bytes,
                             struct tl_report *report)
{
    return judge_receipt(state, NULL, bytes, report);
}

/* Decodes a receipt down to its envelope. On OK the caller ends it with tl_receipt_deinit. */
static enum tally_status open_receipt(struct tally_bytes bytes, struct tl_receipt *receipt,
                                      struct tl_envelope *envelope)
{
    struct tl_record record;
    enum tally_status status = tl_receipt_decode(bytes, receipt);
    if (status != TALLY_OK) {
        return status;
    }
    status = tl_record_decode(receipt->record, &record);
    if (status == TALLY_OK) {
        status = tl_envelope_decode(record.envelope, envelope, NULL);
    }
    if (status != TALLY_OK) {
        tl_receipt_deinit(receipt);
    }
    return status;
}

/* The ledger that the receipt's own envelope names; a charter names itself. */
static enum tally_status ledger_of(struct tally_bytes bytes, struct tally_hash *ret_ledger)
{
    struct tl_receipt receipt;
    struct tl_envelope envelope;
    enum tally_status status = open_receipt(bytes, &receipt, &envelope);
    if (status == TALLY_OK) {
        *ret_ledger = envelope.has_ledger ? envelope.ledger : tl_envelope_hash(&envelope);
        tl_receipt_deinit(&receipt);
    }
    return status;
}

static enum tally_status note_receipt(struct state *state, struct tally_bytes bytes)
{
    struct tl_receipt receipt;
    struct tl_envelope envelope;
    enum tally_status status = open_receipt(bytes, &receipt, &envelope);
    if (status != TALLY_OK) {
        return status;
    }
    status = state_note_entry(state, &envelope);
    if (status == TALLY_OK) {
        status = state_note_held(state, receipt.checkpoint);
    }
    tl_receipt_deinit(&receipt);
    return status == TALLY_OK ? state_save(state) : status;
}

static void print(const struct opt *opt, const struct tl_report *report, enum out_subject what)
{
    if (opt_has(opt, "json")) {
        out_json(out_report_json(report));
    } else {
        out_report(report, what);
    }
}

static int verify_receipt(const struct opt *opt, struct tally_bytes bytes)
{
    struct tally_hash ledger = {{0}};
    struct state state;
    struct tl_report report;
    int code = 0;
    bool is_wanted = state_wanted(opt, &ledger, &code);
    if (code != 0) {
        return code;
    }
    bool is_named = is_wanted || ledger_of(bytes, &ledger) == TALLY_OK;
    bool is_known = is_named && state_load(opt, &ledger, &state) == TALLY_OK;
    if (is_known) {
        code = judge_receipt(&state, NULL, bytes, &report);
        if (code == EXIT_DONE && note_receipt(&state, bytes) != TALLY_OK) {
            out_warning("the receipt could not be noted in what is remembered of the ledger");
        }
        state_deinit(&state);
    } else {
        code = judge_receipt(NULL, is_wanted ? &ledger : NULL, bytes, &report);
    }
    print(opt, &report, OUT_RECEIPT);
    if (!is_known && code != EXIT_BAD && !opt_has(opt, "json")) {
        out_hint("%s", "");
        out_hint("This ledger is not known here, so neither its key nor its roster could be "
                 "judged.");
        out_hint("Verify the ledger first (tally verify SOURCE --ledger ID), or ask for a bundle.");
    }
    return code;
}

int proof_file_verify_receipt(const struct opt *opt, const char *path)
{
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TL_RECEIPT_MAX);
    int code = whole_file_read(path, &buffer);
    if (code == 0) {
        code = verify_receipt(opt, tl_buffer_bytes(&buffer));
    }
    tl_buffer_deinit(&buffer);
    return code;
}

static void show_part(void *context, uint64_t index, unsigned position, unsigned part_count,
                      struct tally_bytes name, struct tally_bytes value)
{
    (void)position;
    if (*(const bool *)context) {
        return;
    }
    printf("  record %llu  ", (unsigned long long)index);
    out_foreign(stdout, name, 0);
    printf("  (1 of %u parts; the others may qualify it)\n    ", part_count);
    out_foreign(stdout, value, 0);
    printf("\n");
}

static void show_entry(void *context, const struct tl_record *record,
                       const struct tl_envelope *envelope)
{
    if (*(const bool *)context) {
        return;
    }
    char time[TL_TIME_LEN + 1];
    tl_time_format(record->received_us / 1000000, time);
    printf("  record %llu  %.*s by %.*s, received %s\n", (unsigned long long)record->index,
           (int)envelope->type.len, (const char *)envelope->type.ptr, (int)envelope->member.len,
           (const char *)envelope->member.ptr, time);
}

/* The ledger id that the bundle's charter gives. */
static bool bundle_ledger(const struct tl_bundle *bundle, struct tally_hash *ret_ledger)
{
    return bundle->count > 0 && ledger_of(bundle->lines[0].bytes, ret_ledger) == TALLY_OK;
}

/* The record that a constitution line of the bundle shows at index, as a receipt. */
static const struct tl_bundle_line *find_constitution(const struct tl_bundle *bundle,
                                                      uint64_t index)
{
    for (size_t i = 0; i < bundle->count; i++) {
        if (bundle->lines[i].kind == TL_BUNDLE_CONSTITUTION && bundle->lines[i].index == index) {
            return &bundle->lines[i];
        }
    }
    return NULL;
}

/* Every amendment that is remembered and lies below the bundle's size must be in it. */
static void compare_bundle(const struct state *state, const struct tl_bundle *bundle,
                           struct tl_report *report)
{
    struct tl_reader reader = tl_reader_over(tl_buffer_bytes(&state->constitution));
    struct tl_receipt receipt;
    while (reader.rest.len > 0 && reader.status == TALLY_OK) {
        struct tl_record record;
        struct tally_bytes known = tl_read_vector16(&reader, TALLY_RECORD_MAX);
        if (tl_record_decode(known, &record) != TALLY_OK || record.index >= report->size) {
            continue;
        }
        const struct tl_bundle_line *line = find_constitution(bundle, record.index);
        if (line == NULL) {
            tl_report_bad(report, TL_CHECK_ROSTER, record.index, TALLY_REASON_ROSTER_MISMATCH);
        } else if (tl_receipt_decode(line->bytes, &receipt) == TALLY_OK) {
            if (!tl_bytes_equal(receipt.record, known)) {
                tl_report_bad(report, TL_CHECK_RECEIPTS, record.index,
                              TALLY_REASON_RECEIPT_MISMATCH);
            }
            tl_receipt_deinit(&receipt);
        }
    }
    if (bundle->count > 0 && tl_receipt_decode(bundle->lines[0].bytes, &receipt) == TALLY_OK) {
        compare_with_memory(state, receipt.checkpoint, report);
        tl_receipt_deinit(&receipt);
    }
}

static int judge_bundle(const struct opt *opt, const struct tl_bundle *bundle,
                        const struct tally_hash *wanted, struct tl_report *report)
{
    struct tally_hash ledger;
    struct state state;
    bool is_silent = opt_has(opt, "json");
    struct tl_bundle_visitor visitor = {
        .context = &is_silent, .entry = show_entry, .part = show_part};
    if (wanted != NULL) {
        ledger = *wanted;
    }
    bool is_named = wanted != NULL || bundle_ledger(bundle, &ledger);
    bool is_known = is_named && state_load(opt, &ledger, &state) == TALLY_OK;
    enum tally_status status =
        tl_bundle_check(bundle, is_known ? &state.ledger : wanted, &visitor, report);
    if (is_known) {
        compare_bundle(&state, bundle, report);
        state_deinit(&state);
    }
    return status == TALLY_OK ? tl_report_exit_code(report) : exit_code_of(status);
}

int proof_file_verify_bundle(const struct opt *opt, const char *path)
{
    struct tl_buffer buffer;
    struct tl_bundle bundle;
    struct tl_report report;
    struct tally_hash ledger;
    unsigned line = 0;
    int code = 0;
    bool is_wanted = state_wanted(opt, &ledger, &code);
    if (code != 0) {
        return code;
    }
    tl_report_init(&report);
    tl_buffer_init(&buffer, TL_BUNDLE_MAX);
    code = whole_file_read(path, &buffer);
    if (code != 0) {
        tl_buffer_deinit(&buffer);
        return code;
    }
    enum tally_status status = tl_bundle_decode(tl_buffer_bytes(&buffer), &bundle, &line);
    if (status == TALLY_OK) {
        code = judge_bundle(opt, &bundle, is_wanted ? &ledger : NULL, &report);
        tl_bundle_deinit(&bundle);
    } else if (status == TALLY_ENOMEM) {
        code = EXIT_UNREACHED;
    } else {
        out_error("%s:%u: %s", path, line, tally_status_text(status));
        tl_report_bad(&report, TL_CHECK_RECEIPTS, TL_NO_INDEX, TALLY_REASON_BUNDLE_INVALID);
        code = EXIT_BAD;
    }
    print(opt, &report, OUT_BUNDLE);
    tl_buffer_deinit(&buffer);
    return code;
}
