/* SPDX-License-Identifier: ISC */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <tally/tally.h>

#include "client/exit_code.h"
#include "client/opt.h"
#include "client/output.h"
#include "client/verbs.h"
#include "keys/ed25519.h"

static const struct verb *const verbs[] = {
    &verb_charter, &verb_compose, &verb_preview, &verb_sign,  &verb_submit,
    &verb_receipt, &verb_bundle,  &verb_status,  &verb_log,   &verb_show,
    &verb_search,  &verb_verify,  &verb_check,   &verb_publish, &verb_backup,
    &verb_restore, &verb_fsck,   NULL,
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; verbs[i] != NULL; i++) {
        if (strcmp(verbs[i]->name, name) == 0) {
            return verbs[i];
        }
    }
    return NULL;
}

static void print_overview(FILE *stream)
{
    (void)fprintf(stream,
                  "tally - submit to, read and verify a Tally ledger\n\nusage: tally VERB ...\n\n");
    for (size_t i = 0; verbs[i] != NULL; i++) {
        (void)fprintf(stream, "  %-10s%s\n", verbs[i]->name, verbs[i]->summary);
    }
    (void)fprintf(stream, "\n`tally help VERB` says more. Exit status: 0 verified or done, "
                          "1 verification failed,\n2 usage, 3 could not reach or read, "
                          "4 incomplete, 5 rejected by the ledger.\n");
}

static int help(int argc, char **argv)
{
    if (argc < 3) {
        print_overview(stdout);
        return EXIT_DONE;
    }
    const struct verb *verb = find_verb(argv[2]);
    if (verb == NULL) {
        out_error("no such verb: %s", argv[2]);
        return EXIT_USAGE;
    }
    opt_print_help(verb);
    return EXIT_DONE;
}

/* A verdict that could not be written is not a verdict. */
static int finish(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        out_error("cannot write the output");
        return code == EXIT_DONE ? EXIT_UNREACHED : code;
    }
    return code;
}

static int run(const struct verb *verb, int argc, char **argv)
{
    struct opt opt;
    int code = opt_parse(verb, argc - 2, argv + 2, &opt);
    if (code != 0) {
        return code < 0 ? EXIT_DONE : code;
    }
    out_init(opt_has(&opt, "quiet") || opt_has(&opt, "json"));
    code = verb->run(&opt);
    opt_deinit(&opt);
    return code;
}

int main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    out_init(false);
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("tally %s\n", tally_version());
        return finish(EXIT_DONE);
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        return finish(help(argc, argv));
    }
    if (tl_ed25519_init() != TALLY_OK) {
        out_error("libsodium failed its known answers: nothing can be signed or verified here");
        return EXIT_UNREACHED;
    }
    const struct verb *verb = find_verb(argv[1]);
    if (verb == NULL) {
        out_error("no such verb: %s (tally help)", argv[1]);
        return EXIT_USAGE;
    }
    return finish(run(verb, argc, argv));
}
