/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/compose.h"
#include "client/exit_code.h"
#include "client/output.h"
#include "client/public_key_file.h"
#include "client/verbs.h"
#include "client/whole_file.h"
#include "lib/base/sha256.h"
#include "lib/codec/entry_file.h"

/* finding.json -> finding.tally */
static void default_output(const char *json_path, char *dst, size_t cap)
{
    size_t len = strlen(json_path);
    if (len > 5 && strcmp(json_path + len - 5, ".json") == 0) {
        len -= 5;
    }
    (void)snprintf(dst, cap, "%.*s.tally", (int)len, json_path);
}

static void print_composed(const struct opt *opt, const char *path, struct tally_bytes entry_file)
{
    struct tl_entry_file entry;
    unsigned line = 0;
    if (tl_entry_file_decode(entry_file, &entry, &line) == TALLY_OK) {
        struct tally_hash hash = tl_sha256(entry.envelope);
        out_written(opt, path, &hash);
        tl_entry_file_deinit(&entry);
    }
    out_hint("next: tally preview %s, then tally sign %s --key KEY", path, path);
}

static int run(const struct opt *opt)
{
    char output[4096];
    struct tl_public_key key;
    struct state state;
    struct tl_buffer entry_file;
    if (strcmp(opt->words[0], "-") == 0 && !opt_has(opt, "output")) {
        out_error("what is read from standard input needs --output FILE.tally");
        return EXIT_USAGE;
    }
    default_output(opt->words[0], output, sizeof output);
    const char *path = opt_has(opt, "output") ? opt_value(opt, "output") : output;
    int code = public_key_of(opt, &key);
    if (code == 0) {
        code = state_choose(opt, &state);
    }
    if (code != 0) {
        return code;
    }
    tl_buffer_init(&entry_file, TALLY_ENTRY_FILE_MAX);
    code = compose_entry(opt, opt->words[0], &key, &state, &entry_file);
    if (code == 0) {
        code = whole_file_write(path, tl_buffer_bytes(&entry_file), 0600, false);
    }
    if (code == 0) {
        print_composed(opt, path, tl_buffer_bytes(&entry_file));
    }
    tl_buffer_deinit(&entry_file);
    state_deinit(&state);
    return code;
}

static const struct opt_spec options[] = {
    COMPOSE_OPTIONS,
    {"output", "FILE.tally", "where to write it (default: beside the JSON)", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_compose = {
    .name = "compose",
    .synopsis = "FINDING.json --key FILE [--exhibit FILE]... [--withhold POINTER]...",
    .summary = "make an unsigned entry from JSON and exhibits",
    .details =
        "Works without network: author chain and newest verified record come from what this\n"
        "client has verified. Each member of the JSON becomes one part, byte for byte, under\n"
        "its own salt. All faults are reported at once. The result is private: it holds\n"
        "what you withhold.\n"
        "Types, and the relation that each needs: finding, exhibit (exhibits), custody\n"
        "(custody-of), note (about), corroboration (corroborates), dissent (dissents-from),\n"
        "dispute (disputes), correction (corrects), supersede (supersedes), retraction\n"
        "(retracts). Any may also carry cites and see.",
    .options = options,
    .word_min = 1,
    .word_max = 1,
    .run = run,
};
