/* SPDX-License-Identifier: ISC */
#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/output.h"
#include "client/proof_file.h"
#include "client/verbs.h"
#include "client/walk.h"
#include "client/whole_file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/note.h"
#include "lib/codec/receipt.h"

/* Receipt files given with --receipt. */
struct held {
    size_t count;
    struct tl_buffer *files;
    struct tally_bytes *receipts;
};

static void held_deinit(struct held *held)
{
    for (size_t i = 0; held->files != NULL && i < held->count; i++) {
        tl_buffer_deinit(&held->files[i]);
    }
    tl_free(held->files);
    tl_free(held->receipts);
}

/* The report names no files: say here which one cannot hold. */
static void warn_unless_receipt(const char *path, struct tally_bytes bytes)
{
    struct tl_receipt receipt;
    if (tl_receipt_decode(bytes, &receipt) == TALLY_OK) {
        tl_receipt_deinit(&receipt);
    } else {
        out_warning("%s: not a receipt, or a damaged one", path);
    }
}

static int read_held(const struct opt *opt, struct held *held)
{
    size_t cursor = 0;
    while (opt_next(opt, "receipt", &cursor) != NULL) {
        held->count++;
    }
    held->files = tl_calloc(held->count, sizeof *held->files);
    held->receipts = tl_calloc(held->count, sizeof *held->receipts);
    if (held->files == NULL || held->receipts == NULL) {
        out_error("out of memory");
        return EXIT_UNREACHED;
    }
    for (size_t i = 0; i < held->count; i++) {
        tl_buffer_init(&held->files[i], TL_RECEIPT_MAX);
    }
    cursor = 0;
    for (size_t i = 0; i < held->count; i++) {
        const char *path = opt_next(opt, "receipt", &cursor);
        int code = whole_file_read(path, &held->files[i]);
        if (code != 0) {
            return code;
        }
        held->receipts[i] = tl_buffer_bytes(&held->files[i]);
        warn_unless_receipt(path, held->receipts[i]);
    }
    return 0;
}

static int read_since(const char *path, struct tl_buffer *since)
{
    struct tl_note note;
    struct tl_checkpoint checkpoint;
    int code = whole_file_read(path, since);
    if (code == 0 && since->len == 0) {
        out_error("%s: is empty: the file \"checkpoint\" of an archive is a checkpoint", path);
        return EXIT_USAGE;
    }
    if (code == 0 && (tl_note_decode(tl_buffer_bytes(since), &note) != TALLY_OK ||
                      tl_checkpoint_decode(note.text, &checkpoint) != TALLY_OK)) {
        out_warning("%s: not a checkpoint, or a damaged one", path);
    }
    return code;
}

static void print_ledger_hint(const struct walk *walk)
{
    const struct tl_report *report = &walk->verified.report;
    if (walk->was_known) {
        out_hint("%s", "");
        out_hint("This ledger was known here: what is remembered of it was the starting point.");
    } else if (tl_report_exit_code(report) == EXIT_INCOMPLETE &&
               report->lines[TL_CHECK_LEDGER].verdict == TL_VERDICT_NOT_CHECKED) {
        char id[TL_HASH_BASE64_LEN + 1];
        tl_hash_format(&report->ledger, id);
        out_hint("%s", "");
        out_hint("No ledger id was given. If a source that you trust names this one, say so:");
        out_hint("  --ledger %s", id);
    }
}

static int verify_ledger(const struct opt *opt, const char *subject)
{
    struct held held = {.count = 0};
    struct tl_buffer since;
    struct walk walk = {
        .opt = opt,
        .subject = subject,
        .require_objects = opt_has(opt, "require-exhibits"),
    };
    tl_buffer_init(&since, TL_NOTE_MAX);
    int code = read_held(opt, &held);
    if (code == 0 && opt_has(opt, "since")) {
        code = read_since(opt_value(opt, "since"), &since);
    }
    if (code == 0) {
        walk.since = tl_buffer_bytes(&since);
        walk.receipts = held.receipts;
        walk.receipt_count = held.count;
        code = walk_run(&walk);
    }
    if (walk.is_verified && opt_has(opt, "json")) {
        out_json(out_report_json(&walk.verified.report));
    } else if (walk.is_verified) {
        out_report(&walk.verified.report, OUT_LEDGER);
        print_ledger_hint(&walk);
    }
    walk_deinit(&walk);
    held_deinit(&held);
    tl_buffer_deinit(&since);
    return code;
}

static int verify(const struct opt *opt)
{
    const char *subject = ledger_source_name(opt->word_count > 0 ? opt->words[0] : NULL);
    enum ledger_kind kind;
    int code = ledger_kind_of(subject, &kind);
    if (code != 0) {
        return code;
    }
    if (kind == LEDGER_RECEIPT_FILE) {
        return proof_file_verify_receipt(opt, subject);
    }
    if (kind == LEDGER_BUNDLE_FILE) {
        return proof_file_verify_bundle(opt, subject);
    }
    return verify_ledger(opt, subject);
}

static const struct opt_spec options[] = {
    WALK_OPTIONS,
    {"receipt", "FILE", "a receipt that you hold: the ledger must agree with it", true},
    {"since", "FILE", "a signed checkpoint that you trust: the ledger must extend it", false},
    {"require-exhibits", NULL, "exhibit files that are absent make the verdict incomplete", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_verify = {
    .name = "verify",
    .synopsis = "[SOURCE] [--ledger ID] [--receipt FILE]... [--since FILE]",
    .summary = "check a whole ledger, a receipt or a bundle",
    .details = "SOURCE is a daemon's read socket, a stopped data directory or backup, an archive\n"
               "directory, a tar of one, a receipt or a bundle. Without it: $TALLY_SOURCE, "
               "else\n" LEDGER_READ_SOCKET
               ". Every link, seal, signature, roster and part is checked again;\n"
               "nothing is OK by default. A ledger that verified is remembered, and one that\n"
               "falls behind what is remembered is reported as a rollback.",
    .options = options,
    .word_min = 0,
    .word_max = 1,
    .run = verify,
};
