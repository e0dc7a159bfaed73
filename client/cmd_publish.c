/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <sys/stat.h>

#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/output.h"
#include "client/verbs.h"
#include "lib/archive/publish.h"

static void on_progress(void *context, uint64_t done, uint64_t size)
{
    progress_update(context, done, size);
}

static int failed(const char *directory, enum tally_status status)
{
    if (status == TALLY_EROLLBACK) {
        out_error("%s holds a longer ledger than the source: nothing was changed. Keep both; the "
                  "source may have been restored from an old backup",
                  directory);
    } else if (status == TALLY_EBAD) {
        out_error("%s: the source contradicts itself or what stands there: nothing was published. "
                  "Keep both and run `tally verify` on each",
                  directory);
    } else if (status == TALLY_EEXIST) {
        out_error("%s: not a directory", directory);
    } else {
        out_error("%s: %s: the checkpoint there is unchanged; publish again", directory,
                  tally_status_text(status));
    }
    return exit_code_of(status);
}

/* What is written as a tar takes the place of a file, and of nothing else. */
static bool is_replaceable(const char *path)
{
    struct stat info;
    return stat(path, &info) != 0 || S_ISREG(info.st_mode);
}

static int run(const struct opt *opt)
{
    const char *directory = opt->words[0];
    struct progress progress;
    struct tl_source *source = NULL;
    struct tl_published published;
    const char *tar = opt_value(opt, "tar");
    if (tar != NULL && !is_replaceable(tar)) {
        out_error("--tar %s: is no file that could be replaced", tar);
        return EXIT_USAGE;
    }
    int code = ledger_open(opt_value(opt, "source"), tl_bytes(NULL, 0), &source);
    if (code != 0) {
        return code;
    }
    struct tl_publish_options options = {
        .skip_objects = opt_has(opt, "without-sealed"),
        .progress = on_progress,
        .context = &progress,
    };
    progress_begin(&progress, "publishing");
    enum tally_status status = tl_publish(source, directory, &options, &published);
    progress_end(&progress);
    tl_source_close(source);
    if (status != TALLY_OK) {
        return failed(directory, status);
    }
    if (tar != NULL) {
        status = tl_archive_to_tar(directory, tar);
    }
    if (status != TALLY_OK) {
        out_error("%s: %s", tar, tally_status_text(status));
        return exit_code_of(status);
    }
    if (opt_has(opt, "json")) {
        out_json(json_pack("{s:I, s:I}", "size", (json_int_t)published.size, "files_written",
                           (json_int_t)published.files_written));
    } else {
        out_hint("published %llu records, %llu files written", (unsigned long long)published.size,
                 (unsigned long long)published.files_written);
    }
    return EXIT_DONE;
}

static const struct opt_spec options[] = {
    {"source", "SOURCE", "what to publish (default: $TALLY_SOURCE, else the read socket)", false},
    {"tar", "FILE", "also write the archive as one tar", false},
    {"without-sealed", NULL, "leave ciphertexts out", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_publish = {
    .name = "publish",
    .synopsis = "DIR [--source SOURCE] [--tar FILE]",
    .summary = "write or extend an archive directory of static files",
    .details = "Repeating it adds what is new. The records are checked against the checkpoint's\n"
               "root while they are copied; `tally verify DIR` checks everything else.",
    .options = options,
    .word_min = 1,
    .word_max = 1,
    .run = run,
};
