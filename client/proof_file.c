/* SPDX-License-Identifier: ISC */
#include "client/proof_file.h"

#include <stdio.h>

#include "client/exit_code.h"
#include "client/output.h"
#include "client/roster_at.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/codec/bundle.h"
#include "lib/codec/receipt.h"
#include "lib/verify/proof_check.h"

static int judge_with(const struct tl_receipt *receipt, const struct state *state,
                      const struct tally_hash *wanted, struct tl_report *report)
{
    struct tl_record record;
    struct tl_roster *roster = NULL;
    enum tally_status status = TALLY_OK;
    if (state != NULL && tl_record_decode(receipt->record, &record) == TALLY_OK) {
        status = roster_at(state, record.roster, &roster);
    }
    if (status == TALLY_OK) {
        const struct tl_note_key *key =
            roster == NULL && state != NULL ? &state->roster->ledger_key : NULL;
        status =
            tl_receipt_check(receipt, key, roster, state != NULL ? &state->ledger : wanted, report);
    }
    tl_roster_free(roster);
    return status == TALLY_OK ? tl_report_exit_code(report) : exit_code_of(status);
}

int proof_file_judge_receipt(const struct state *state, struct tally_bytes bytes,
                             struct tl_report *report)
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
    int code = judge_with(&receipt, state, NULL, report);
    tl_receipt_deinit(&receipt);
    return code;
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

static void print(const struct opt *opt, const struct tl_report *report, const char *what)
{
    if (opt_has(opt, "json")) {
        out_json(out_report_json(report));
    } else {
        out_report(report, what);
    }
}

static int read_file(const char *path, struct tl_buffer *buffer)
{
    enum tally_status status = tl_file_read(path, buffer);
    if (status != TALLY_OK) {
        out_error("%s: %s", path, tally_status_text(status));
    }
    return status == TALLY_OK ? 0 : EXIT_UNREACHED;
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
        code = proof_file_judge_receipt(&state, bytes, &report);
        if (code == EXIT_DONE && note_receipt(&state, bytes) != TALLY_OK) {
            out_warning("the receipt could not be noted in what is remembered of the ledger");
        }
        state_deinit(&state);
    } else {
        code = proof_file_judge_receipt(NULL, bytes, &report);
    }
    print(opt, &report, "Receipt");
    if (!is_known && !opt_has(opt, "json")) {
        out_hint("\nThis ledger is not known here, so neither its key nor its roster could be "
                 "judged.\nVerify the ledger first (tally verify SOURCE --ledger ID), or ask for a "
                 "bundle.");
    }
    return code;
}

int proof_file_verify_receipt(const struct opt *opt, const char *path)
{
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TL_RECEIPT_MAX);
    int code = read_file(path, &buffer);
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
    code = read_file(path, &buffer);
    if (code != 0) {
        tl_buffer_deinit(&buffer);
        return code;
    }
    enum tally_status status = tl_bundle_decode(tl_buffer_bytes(&buffer), &bundle, &line);
    if (status != TALLY_OK) {
        out_error("%s:%u: %s", path, line, tally_status_text(status));
        tl_buffer_deinit(&buffer);
        return status == TALLY_ENOMEM ? EXIT_UNREACHED : EXIT_BAD;
    }
    bool is_silent = opt_has(opt, "json");
    struct tl_bundle_visitor visitor = {
        .context = &is_silent, .entry = show_entry, .part = show_part};
    status = tl_bundle_check(&bundle, is_wanted ? &ledger : NULL, &visitor, &report);
    code = status == TALLY_OK ? tl_report_exit_code(&report) : exit_code_of(status);
    print(opt, &report, "Bundle");
    tl_bundle_deinit(&bundle);
    tl_buffer_deinit(&buffer);
    return code;
}
