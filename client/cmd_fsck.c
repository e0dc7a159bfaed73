/* SPDX-License-Identifier: ISC */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/backup.h"
#include "client/exit_code.h"
#include "client/verbs.h"
#include "client/walk.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/store/head_guard.h"
#include "lib/store/rebuild.h"

#define CONTRADICTION_MAX 65536u

/* What is looked at beside the store. */
struct scene {
    const char *data;
    struct tl_buffer head;          /* the signed checkpoint of the head guard */
    struct tl_buffer contradiction; /* the one that has stopped signing; empty: none */
};

static enum tally_status read_guard(const char *path, struct tl_buffer *note)
{
    struct tl_head_guard *guard = NULL;
    enum tally_status status = tl_head_guard_open(path, true, &guard);
    if (status == TALLY_OK) {
        tl_buffer_add(note, tl_head_guard_note(guard));
        status = note->status;
    }
    tl_head_guard_close(guard);
    return status;
}

static int read_head(const struct opt *opt, struct scene *scene)
{
    char *inside = tl_path_join(scene->data, "head");
    const char *path = opt_has(opt, "head") ? opt_value(opt, "head") : inside;
    enum tally_status status = path == NULL ? TALLY_ENOMEM : read_guard(path, &scene->head);
    if (status == TALLY_ENOTFOUND) {
        out_error("%s: the head guard is missing: nothing says where this ledger ends. If it is "
                  "elsewhere, give --head; if it is lost, see tallyd(8), RECOVERY",
                  path);
    } else if (status == TALLY_EFORMAT) {
        out_error("%s: the head guard is damaged", path);
    } else if (status != TALLY_OK) {
        out_error("%s: %s", path, tally_status_text(status));
    }
    tl_free(inside);
    return status == TALLY_EFORMAT ? EXIT_BAD : exit_code_of(status);
}

static int read_contradiction(struct scene *scene)
{
    char *path = tl_path_join(scene->data, "contradiction");
    enum tally_status status =
        path == NULL ? TALLY_ENOMEM : tl_file_read(path, &scene->contradiction);
    if (status != TALLY_OK && status != TALLY_ENOTFOUND) {
        out_error("%s/contradiction: %s", scene->data, tally_status_text(status));
    }
    tl_free(path);
    return status == TALLY_ENOTFOUND ? EXIT_DONE : exit_code_of(status);
}

static int say_unopened(const char *data, enum tally_status status)
{
    if (status == TALLY_ELOCKED) {
        out_error("%s: in use by a running tallyd: stop it first, or verify the live ledger "
                  "through its socket",
                  data);
    } else if (status == TALLY_EFORMAT) {
        out_error("%s: not a store, or one that is damaged: keep it as it is", data);
        return EXIT_BAD;
    } else {
        out_error("%s: %s", data, tally_status_text(status));
    }
    return exit_code_of(status);
}

static uint64_t disk_free(const char *path)
{
    struct statvfs info;
    return statvfs(path, &info) == 0 ? (uint64_t)info.f_bavail * info.f_frsize : 0;
}

static void print_number(const char *what, uint64_t value, const char *meaning)
{
    printf("  %-12s%llu %s\n", what, (unsigned long long)value, meaning);
}

static void print(const struct opt *opt, const struct scene *scene,
                  const struct tl_store_verdict *verdict)
{
    const struct tl_report *report = &verdict->verified.report;
    uint64_t behind = verdict->size > report->size ? verdict->size - report->size : 0;
    uint64_t room = disk_free(scene->data);
    if (opt_has(opt, "json")) {
        json_t *object = out_report_json(report);
        bool is_right = verdict->wrong_index == TL_NO_INDEX;
        json_t *more = json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:o}", "records", (json_int_t)verdict->size,
            "records_behind", (json_int_t)behind, "unnamed_files",
            (json_int_t)verdict->unnamed_count, "unnamed_bytes",
            (json_int_t)verdict->unnamed_bytes, "disk_free_bytes", (json_int_t)room, "wrong_table",
            is_right ? json_null() : json_integer((json_int_t)verdict->wrong_index));
        (void)json_object_update(object, more);
        json_decref(more);
        out_json(object);
        return;
    }
    out_report(report, OUT_LEDGER);
    printf("\nStore\n");
    print_number("records", verdict->size, "committed");
    if (behind > 0) {
        print_number("behind", behind, "behind the newest checkpoint: durable, not acknowledged");
    }
    print_number("unnamed", verdict->unnamed_count, "exhibit files that no record names");
    print_number("room", room, "bytes free on its disk");
}

/* The verdict over everything, and for what is wrong the way out. */
static int judge(const struct scene *scene, const struct tl_store_verdict *verdict)
{
    const struct tl_report *report = &verdict->verified.report;
    int code = tl_report_exit_code(report);
    if (verdict->size < report->size) {
        out_error("%s: the store holds %llu records, its head guard says %llu: it has lost "
                  "records, or an old copy was put here. Put the newest one back; a start would be "
                  "refused",
                  scene->data, (unsigned long long)verdict->size,
                  (unsigned long long)report->size);
        return EXIT_BAD;
    }
    if (code == EXIT_DONE && verdict->wrong_index != TL_NO_INDEX) {
        out_error("%s: the store's tables say something else than record %llu: restore a verified "
                  "backup that reaches the head guard",
                  scene->data, (unsigned long long)verdict->wrong_index);
        return EXIT_BAD;
    }
    if (code == EXIT_DONE && verdict->size > report->size) {
        out_error("%s: %llu records behind the newest checkpoint were not verified: the daemon "
                  "judges them and signs for them when it starts",
                  scene->data, (unsigned long long)(verdict->size - report->size));
        return EXIT_INCOMPLETE;
    }
    if (code != EXIT_DONE) {
        out_error("%s: %s. Keep it as it is (tallyd(8), RECOVERY)", scene->data,
                  code == EXIT_BAD ? "does not verify" : "is not complete");
    }
    return code;
}

static int check(const struct opt *opt)
{
    struct scene scene = {.data = opt->words[0]};
    struct backup_run run;
    struct tl_store_verdict verdict;
    tl_buffer_init(&scene.head, TL_HEAD_SLOT_LEN);
    tl_buffer_init(&scene.contradiction, CONTRADICTION_MAX);
    int code = read_head(opt, &scene);
    if (code == EXIT_DONE) {
        code = read_contradiction(&scene);
    }
    if (code == EXIT_DONE) {
        code = backup_run_begin(opt, "checking", &run);
    }
    if (code == EXIT_DONE) {
        run.options.since = tl_buffer_bytes(&scene.contradiction);
        enum tally_status status = tl_store_verify_directory(
            scene.data, tl_buffer_bytes(&scene.head), &run.options, &verdict);
        backup_run_end(&run);
        if (status == TALLY_OK) {
            print(opt, &scene, &verdict);
            code = judge(&scene, &verdict);
            tl_verified_ledger_deinit(&verdict.verified);
        } else {
            code = say_unopened(scene.data, status);
        }
    }
    tl_buffer_deinit(&scene.head);
    tl_buffer_deinit(&scene.contradiction);
    return code;
}

/* LMDB can crash over a damaged file: then that is the verdict. */
static int run(const struct opt *opt)
{
    int how = 0;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        out_error("cannot start a process");
        return EXIT_UNREACHED;
    }
    if (child == 0) {
        int code = check(opt);
        if (fflush(stdout) != 0 || ferror(stdout) != 0) {
            out_error("cannot write the output");
            code = code == EXIT_DONE ? EXIT_UNREACHED : code;
        }
        _exit(code);
    }
    if (waitpid(child, &how, 0) != child) {
        return EXIT_UNREACHED;
    }
    if (WIFEXITED(how)) {
        return WEXITSTATUS(how);
    }
    int number = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    bool is_damage = number == SIGSEGV || number == SIGBUS || number == SIGABRT;
    out_error("%s: the check ended with signal %d%s", opt->words[0], number,
              is_damage ? ": the store's file is damaged. Keep it as it is" : "");
    return is_damage ? EXIT_BAD : EXIT_UNREACHED;
}

static const struct opt_spec options[] = {
    {"head", "FILE", "the head guard, where it is not DATA/head", false},
    WALK_OPTIONS,
    {NULL, NULL, NULL, false},
};

const struct verb verb_fsck = {
    .name = "fsck",
    .synopsis = "DATA [--head FILE] [--ledger ID]",
    .summary = "check a stopped data directory through and through",
    .details = "Every record, deposit, exhibit and kept checkpoint, the store's own tables, the\n"
               "head guard, and what has stopped signing. Changes nothing.",
    .options = options,
    .word_min = 1,
    .word_max = 1,
    .run = run,
};
