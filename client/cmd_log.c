/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "client/entries.h"
#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/output.h"
#include "client/verbs.h"
#include "client/walk.h"

struct listing {
    struct entries entries;
    enum tally_status status;
};

static void on_record(void *context, const struct tl_record *record,
                      const struct tl_envelope *envelope, const struct tally_hash *leaf,
                      const struct tl_deposit_list *clear)
{
    struct listing *listing = context;
    if (listing->status == TALLY_OK) {
        listing->status = entries_add(&listing->entries, record, envelope, leaf, clear);
    }
}

static void print_all(const struct entries *entries, size_t first, bool is_json)
{
    json_t *array = is_json ? json_array() : NULL;
    for (size_t i = first; i < entries->count; i++) {
        if (is_json) {
            (void)json_array_append_new(array, entry_json(entries, &entries->items[i]));
        } else {
            entry_print(entries, &entries->items[i]);
        }
    }
    if (is_json) {
        out_json(array);
    }
}

static int run(const struct opt *opt)
{
    unsigned long long last = 0;
    if (!opt_number(opt, "last", 1, 1000000000, 1000000000, &last)) {
        return EXIT_USAGE;
    }
    struct listing listing = {.status = TALLY_OK};
    struct walk walk = {
        .opt = opt,
        .subject = ledger_source_name(opt->word_count > 0 ? opt->words[0] : NULL),
        .record = on_record,
        .context = &listing,
    };
    int code = walk_run(&walk);
    if (walk.is_verified && listing.status == TALLY_OK) {
        size_t count = listing.entries.count;
        entries_conclude(&listing.entries);
        print_all(&listing.entries, count > last ? count - (size_t)last : 0, opt_has(opt, "json"));
        walk_print_verdict(&walk);
    } else if (walk.is_verified) {
        out_error("%s", tally_status_text(listing.status));
        code = EXIT_UNREACHED;
    }
    entries_deinit(&listing.entries);
    walk_deinit(&walk);
    return code;
}

static const struct opt_spec options[] = {
    WALK_OPTIONS,
    {"last", "N", "only the newest N entries", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_log = {
    .name = "log",
    .synopsis = "[SOURCE] [--last N]",
    .summary = "list the entries of a ledger, verified while it is read",
    .details = NULL,
    .options = options,
    .word_min = 0,
    .word_max = 1,
    .run = run,
};
