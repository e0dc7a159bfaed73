/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "client/backup.h"
#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/verbs.h"
#include "client/walk.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/note.h"

/* What the directory still is, after whatever happened. */
static void say_what_stands(const char *directory)
{
    struct tl_backup_mark mark;
    char time[TL_TIME_LEN + 1];
    enum tally_status status = tl_backup_mark_read(directory, &mark);
    if (status == TALLY_OK) {
        tl_time_format(mark.verified_s, time);
        out_error("%s was last verified %s, at %llu records", directory, time,
                  (unsigned long long)mark.size);
    } else if (status == TALLY_ENOTFOUND) {
        out_error("%s has never been verified: it is no backup yet", directory);
    }
}

static const char *remedy_of(enum tally_status failed)
{
    static const struct {
        enum tally_status status;
        const char *text;
    } remedies[] = {
        {TALLY_EROLLBACK,
         "the source holds fewer records than the backup: it may itself be an old copy"},
        {TALLY_EBAD, "the source contradicts itself or the backup: keep both, verify each"},
        {TALLY_ENOTFOUND,
         "the source has no kept checkpoints: back up from a daemon's read socket, a stopped data "
         "directory or another backup"},
        {TALLY_EACCES, "a backup is private: its directory must be yours, with mode 0700"},
        {TALLY_ELOCKED, "another backup is being written there"},
    };
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        if (remedies[i].status == failed) {
            return remedies[i].text;
        }
    }
    return "run it again; where the disk has failed, use another directory";
}

/* A source that knows less than the backup is told so: the daemon then stops signing. */
static int open_source(const struct opt *opt, const char *directory, struct tl_source **ret_source)
{
    struct tl_buffer held;
    char *path = tl_path_join(directory, TL_PATH_CHECKPOINT);
    tl_buffer_init(&held, TL_NOTE_MAX);
    if (path == NULL || tl_file_read(path, &held) != TALLY_OK || held.len > UINT16_MAX) {
        tl_buffer_clear(&held);
    }
    int code = ledger_open(opt_value(opt, "source"), tl_buffer_bytes(&held), ret_source);
    tl_buffer_deinit(&held);
    tl_free(path);
    return code;
}

static void print(const struct opt *opt, const struct tl_backup_made *made)
{
    char time[TL_TIME_LEN + 1];
    char root[TL_HASH_BASE64_LEN + 1];
    char ledger[TL_HASH_BASE64_LEN + 1];
    tl_time_format(made->mark.verified_s, time);
    tl_hash_format(&made->mark.root, root);
    tl_hash_format(&made->mark.ledger, ledger);
    if (opt_has(opt, "json")) {
        out_json(json_pack("{s:s, s:I, s:s, s:s, s:I}", "verified", time, "size",
                           (json_int_t)made->mark.size, "root", root, "ledger", ledger,
                           "files_written", (json_int_t)made->files_written));
        return;
    }
    printf("%s verified: %llu records, root %s, ledger %s, %llu files written\n", time,
           (unsigned long long)made->mark.size, root, ledger,
           (unsigned long long)made->files_written);
}

static int back_up(const struct opt *opt, struct tl_source *source, const char *directory)
{
    struct backup_run run;
    struct tl_backup_made made;
    int code = backup_run_begin(opt, "backing up", &run);
    if (code != 0) {
        return code;
    }
    enum tally_status status = tl_backup_write(source, directory, &run.options, &made);
    backup_run_end(&run);
    if (status != TALLY_OK) {
        out_error("%s: %s (%s)", directory, tally_status_text(status), remedy_of(status));
        say_what_stands(directory);
        return exit_code_of(status == TALLY_EACCES ? TALLY_EINVAL : status);
    }
    code = tl_report_exit_code(&made.verified.report);
    if (code == EXIT_DONE) {
        print(opt, &made);
    } else {
        backup_say_bad(directory, &made.verified.report);
        out_error("nothing was put in place. If `tally verify` finds the source good, the files "
                  "here are damaged: keep them and use another directory");
        say_what_stands(directory);
    }
    tl_verified_ledger_deinit(&made.verified);
    return code;
}

static int run(const struct opt *opt)
{
    struct tl_source *source = NULL;
    int code = open_source(opt, opt->words[0], &source);
    if (code == 0) {
        code = back_up(opt, source, opt->words[0]);
    }
    tl_source_close(source);
    return code;
}

static const struct opt_spec options[] = {
    {"source", "SOURCE", "what to back up (default: $TALLY_SOURCE, else the read socket)", false},
    WALK_OPTIONS,
    {NULL, NULL, NULL, false},
};

const struct verb verb_backup = {
    .name = "backup",
    .synopsis = "DIR [--source SOURCE] [--ledger ID]",
    .summary = "back up a running ledger, verified before it says so",
    .details = "Copies what is new while the daemon runs, syncs it, verifies all of DIR, and only\n"
               "then puts the new checkpoint in place and dates the file \"verified\". Until then\n"
               "DIR is the backup that it was. It holds no key; nobody else can read it.",
    .options = options,
    .word_min = 1,
    .word_max = 1,
    .run = run,
};
