/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "client/entries.h"
#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/output.h"
#include "client/verbs.h"
#include "client/walk.h"
#include "client/whole_file.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

struct check {
    struct tally_hash digest;
    struct entries entries;   /* every entry, for statuses */
    struct tl_buffer matches; /* one byte an entry */
    enum tally_status status;
};

static void on_record(void *context, const struct tl_record *record,
                      const struct tl_envelope *envelope, const struct tally_hash *leaf,
                      const struct tl_deposit_list *clear)
{
    struct check *check = context;
    if (check->status == TALLY_OK) {
        check->status = entries_add(&check->entries, record, envelope, leaf, clear);
    }
    if (check->status == TALLY_OK) {
        bool found = entry_names_digest(envelope, clear, &check->digest);
        tl_buffer_add_u8(&check->matches, found ? 1 : 0);
        check->status = check->matches.status;
    }
}

static size_t print_matches(const struct opt *opt, struct check *check)
{
    size_t found = 0;
    json_t *array = json_array();
    entries_conclude(&check->entries);
    for (size_t i = 0; i < check->entries.count; i++) {
        const struct entry *entry = &check->entries.items[i];
        if (check->matches.ptr[i] == 0) {
            continue;
        }
        found++;
        if (opt_has(opt, "json")) {
            (void)json_array_append_new(array, entry_json(&check->entries, entry));
        } else {
            entry_print(&check->entries, entry);
        }
    }
    if (opt_has(opt, "json")) {
        out_json(json_pack("{s:b, s:O}", "found", found > 0 ? 1 : 0, "entries", array));
    }
    json_decref(array);
    return found;
}

static int answer(const struct opt *opt, struct check *check, const struct walk *walk, int code)
{
    char hex[TL_HASH_HEX_LEN + 1];
    unsigned long long size = (unsigned long long)walk->verified.report.size;
    tl_hex_format(tl_hash_bytes(&check->digest), hex);
    if (!opt_has(opt, "json")) {
        printf("SHA-256 %s\n", hex);
    }
    size_t found = print_matches(opt, check);
    if (!opt_has(opt, "json") && found > 0) {
        printf("These exact bytes are named by the entries above, as of checkpoint %llu.\n"
               "This shows who committed to them and when; it does not show that they are true.\n",
               size);
    } else if (!opt_has(opt, "json")) {
        printf("No published item of this ledger has these exact bytes as of checkpoint %llu.\n"
               "This does not show that the file is false: it may be another edition, or "
               "restricted.\n",
               size);
    }
    walk_print_verdict(walk);
    return code == EXIT_DONE && found == 0 ? EXIT_INCOMPLETE : code;
}

static int run(const struct opt *opt)
{
    struct check check = {.status = TALLY_OK};
    uint64_t size = 0;
    const char *path = strcmp(opt->words[0], "-") == 0 ? "/dev/stdin" : opt->words[0];
    enum tally_status status = tl_file_digest(path, &check.digest, &size);
    if (status != TALLY_OK) {
        out_error("%s: %s", path, whole_file_fault(path, status));
        return EXIT_UNREACHED;
    }
    tl_buffer_init(&check.matches, SIZE_MAX / 2);
    struct walk walk = {
        .opt = opt,
        .subject = ledger_source_name(opt->word_count > 1 ? opt->words[1] : NULL),
        .record = on_record,
        .context = &check,
    };
    int code = walk_run(&walk);
    if (walk.is_verified && check.status == TALLY_OK) {
        code = answer(opt, &check, &walk, code);
    } else if (walk.is_verified) {
        out_error("%s", tally_status_text(check.status));
        code = EXIT_UNREACHED;
    }
    tl_buffer_deinit(&check.matches);
    entries_deinit(&check.entries);
    walk_deinit(&walk);
    return code;
}

static const struct opt_spec options[] = {
    WALK_OPTIONS,
    {NULL, NULL, NULL, false},
};

const struct verb verb_check = {
    .name = "check",
    .synopsis = "FILE [SOURCE]",
    .summary = "is this file named by an entry of the ledger?",
    .details =
        "Compares the file's SHA-256 with every exhibit of the clear parts. Ends with 0 when\n"
        "it is found in a verified ledger and with 4 when it is not found: not found shows\n"
        "nothing about the file.",
    .options = options,
    .word_min = 1,
    .word_max = 2,
    .run = run,
};
