/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "client/backup.h"
#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/restore_check.h"
#include "client/verbs.h"
#include "client/walk.h"
#include "lib/archive/temporary.h"
#include "lib/base/mem.h"
#include "lib/base/place.h"
#include "lib/base/text.h"
#include "lib/store/rebuild.h"

/* What one restore was found to hold. */
struct outcome {
    uint64_t size;
    struct tally_hash root;
    struct tally_hash ledger;
    uint64_t receipt_count; /* that came out the same */
};

static void print(const struct opt *opt, const char *what, const char *where,
                  const struct outcome *outcome)
{
    char time[TL_TIME_LEN + 1];
    char root[TL_HASH_BASE64_LEN + 1];
    char ledger[TL_HASH_BASE64_LEN + 1];
    backup_now(time);
    tl_hash_format(&outcome->root, root);
    tl_hash_format(&outcome->ledger, ledger);
    if (opt_has(opt, "json")) {
        out_json(json_pack("{s:s, s:s, s:I, s:s, s:s, s:I}", what, time, "of",
                           where, "size", (json_int_t)outcome->size, "root", root, "ledger",
                           ledger, "receipts_compared", (json_int_t)outcome->receipt_count));
        return;
    }
    printf("%s %s: ", time, what);
    out_foreign(stdout, tl_bytes_text(where), 0);
    printf(": %llu records, root %s, ledger %s, %llu receipts the same\n",
           (unsigned long long)outcome->size, root, ledger,
           (unsigned long long)outcome->receipt_count);
}

static int build(const struct opt *opt, struct tl_source *backup, const char *subject,
                 const char *directory, struct outcome *ret_outcome)
{
    struct backup_run run;
    struct tl_verified_ledger verified;
    int code = backup_run_begin(opt, "restoring", &run);
    if (code != 0) {
        return code;
    }
    enum tally_status status = tl_store_rebuild(backup, directory, &run.options, &verified);
    backup_run_end(&run);
    if (status != TALLY_OK) {
        out_error("%s: %s: nothing was restored", subject, tally_status_text(status));
        return exit_code_of(status);
    }
    code = tl_report_exit_code(&verified.report);
    if (code == EXIT_DONE) {
        ret_outcome->size = verified.report.size;
        ret_outcome->root = verified.report.root;
        ret_outcome->ledger = verified.report.ledger;
        code = restore_check(directory, backup, &verified, run.options.threads,
                             &ret_outcome->receipt_count);
    } else {
        backup_say_bad(subject, &verified.report);
        out_error("nothing was restored");
    }
    tl_verified_ledger_deinit(&verified);
    return code;
}

static int drill(const struct opt *opt, struct tl_source *backup, const char *subject)
{
    char *directory = NULL;
    struct outcome outcome = {.size = 0};
    enum tally_status status = tl_temporary_directory(&directory);
    if (status != TALLY_OK) {
        out_error("no temporary directory ($TMPDIR, /var/tmp): %s", tally_status_text(status));
        return exit_code_of(status);
    }
    int code = build(opt, backup, subject, directory, &outcome);
    tl_temporary_directory_remove(directory);
    tl_free(directory);
    if (code == EXIT_DONE) {
        print(opt, "drilled", subject, &outcome);
    }
    return code;
}

static int fail_place(const char *path, enum tally_status status)
{
    out_error("%s: %s%s", path, tally_status_text(status),
              status == TALLY_EEXIST ? ": a ledger is restored into a directory of its own" : "");
    return exit_code_of(status);
}

static int restore(const struct opt *opt, struct tl_source *backup, const char *subject,
                   const char *data)
{
    struct tl_place place;
    struct outcome outcome = {.size = 0};
    enum tally_status status = tl_place_init(&place, data);
    if (status == TALLY_OK) {
        status = tl_place_make(&place, "restore");
    }
    if (status != TALLY_OK) {
        return fail_place(data, status);
    }
    int code = build(opt, backup, subject, place.temporary, &outcome);
    if (code == EXIT_DONE) {
        status = tl_place_commit(&place);
        code = status == TALLY_OK ? EXIT_DONE : fail_place(data, status);
    }
    tl_place_abandon(&place);
    if (code != EXIT_DONE) {
        return code;
    }
    print(opt, "restored", data, &outcome);
    out_hint("Signing over newer records than these %llu would fork the ledger. Compare with the "
             "head guard (tally fsck %s --head FILE); where it is lost, let the daemon start with "
             "confirm-head, so that a member must show a checkpoint first.",
             (unsigned long long)outcome.size, data);
    return EXIT_DONE;
}

static int run(const struct opt *opt)
{
    bool is_drill = opt_has(opt, "drill");
    const char *subject = opt->words[0];
    enum ledger_kind kind;
    struct tl_source *backup = NULL;
    if (is_drill != (opt->word_count == 1)) {
        out_error("restore BACKUP DATA, or restore --drill BACKUP");
        return EXIT_USAGE;
    }
    int code = ledger_kind_of(subject, &kind);
    if (code == 0 && kind != LEDGER_DIRECTORY && kind != LEDGER_TAR) {
        out_error("%s: not a backup: neither a directory that `tally backup` made nor a tar of one",
                  subject);
        code = EXIT_USAGE;
    }
    if (code == 0) {
        code = ledger_open(subject, tl_bytes(NULL, 0), &backup);
    }
    if (code == 0) {
        code = is_drill ? drill(opt, backup, subject)
                        : restore(opt, backup, subject, opt->words[1]);
    }
    tl_source_close(backup);
    return code;
}

static const struct opt_spec options[] = {
    {"drill", NULL, "restore into a temporary directory, compare, and remove it", false},
    WALK_OPTIONS,
    {NULL, NULL, NULL, false},
};

const struct verb verb_restore = {
    .name = "restore",
    .synopsis = "BACKUP DATA | --drill BACKUP",
    .summary = "build a data directory from a backup, or prove that it can be built",
    .details = "Everything is judged again while it is appended; what was built is verified and\n"
               "its receipts are compared with the backup's before it gets the name DATA. There\n"
               "is never half a ledger. No key is needed. --drill removes it all again.",
    .options = options,
    .word_min = 1,
    .word_max = 2,
    .run = run,
};
