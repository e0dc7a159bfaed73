/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicase.h>
#include <uninorm.h>

#include "client/entries.h"
#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/output.h"
#include "client/verbs.h"
#include "client/walk.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/part.h"

struct folded {
    uint8_t *text; /* by libunistring: free(), not tl_free() */
    size_t len;
};

struct search {
    const struct opt *opt;
    struct entries entries;   /* every entry: statuses need the others too */
    struct tl_buffer matches; /* one byte an entry: 1 when it matches */
    enum tally_status status;
    struct folded text;
    uint64_t since_s;
    uint64_t until_s;
    bool has_digest;
    struct tally_hash digest;
};

/* Case folded and composed (NFC), so that a name written on a Mac finds the same name from
 * elsewhere. Bytes that are no UTF-8 give an empty text, which nothing matches. */
static struct folded fold(struct tally_bytes bytes)
{
    struct folded folded = {.text = NULL, .len = 0};
    folded.text = u8_casefold(bytes.ptr, bytes.len, NULL, UNINORM_NFC, NULL, &folded.len);
    if (folded.text == NULL) {
        folded.len = 0;
    }
    return folded;
}

static bool contains(struct tally_bytes haystack, const struct folded *needle)
{
    struct folded folded = fold(haystack);
    bool found =
        folded.text != NULL && memmem(folded.text, folded.len, needle->text, needle->len) != NULL;
    free(folded.text);
    return found;
}

/* Strings are searched as they read, everything else as it was written. */
static bool value_contains(struct tally_bytes value, const struct folded *needle)
{
    char *text = entry_text_of(value);
    bool found = contains(text == NULL ? value : tl_bytes_text(text), needle);
    tl_free(text);
    return found;
}

static bool text_matches(const struct search *search, const struct tl_deposit_list *clear)
{
    struct tl_deposit_list list = *clear;
    struct tl_deposit deposit;
    while (tl_deposit_next(&list, &deposit)) {
        struct tl_part part;
        if (tl_part_decode(deposit.bytes, &part) == TALLY_OK &&
            (value_contains(part.value, &search->text) || contains(part.name, &search->text))) {
            return true;
        }
    }
    return false;
}

static bool equals(const char *wanted, const char *value)
{
    return wanted == NULL || (value != NULL && strcmp(wanted, value) == 0);
}

static bool matches(const struct search *search, const struct entry *entry,
                    const struct tl_envelope *envelope, const struct tl_deposit_list *clear)
{
    uint64_t received_s = entry->received_us / 1000000;
    return equals(opt_value(search->opt, "member"), entry->member) &&
           equals(opt_value(search->opt, "type"), entry->type == NULL ? NULL : entry->type->name) &&
           equals(opt_value(search->opt, "topic"), entry->topic) && received_s >= search->since_s &&
           received_s <= search->until_s &&
           (!search->has_digest || entry_names_digest(envelope, clear, &search->digest)) &&
           (search->text.text == NULL || text_matches(search, clear));
}

static void on_record(void *context, const struct tl_record *record,
                      const struct tl_envelope *envelope, const struct tally_hash *leaf,
                      const struct tl_deposit_list *clear)
{
    struct search *search = context;
    if (search->status != TALLY_OK) {
        return;
    }
    search->status = entries_add(&search->entries, record, envelope, leaf, clear);
    if (search->status == TALLY_OK) {
        const struct entry *entry = &search->entries.items[search->entries.count - 1];
        tl_buffer_add_u8(&search->matches, matches(search, entry, envelope, clear) ? 1 : 0);
        search->status = search->matches.status;
    }
}

/* A time, or the first second of a day. */
static bool read_time(const struct opt *opt, const char *name, const char *rest,
                      uint64_t *ret_seconds)
{
    const char *value = opt_value(opt, name);
    char full[TL_TIME_LEN + 1];
    if (value == NULL) {
        return true;
    }
    (void)snprintf(full, sizeof full, "%s%s", value, strlen(value) == 10 ? rest : "");
    if (tl_time_parse(tl_bytes_text(full), ret_seconds) != TALLY_OK) {
        out_error("--%s %s: not a UTC day or time (2026-11-23 or 2026-11-23T15:56:07Z)", name,
                  value);
        return false;
    }
    return true;
}

static bool read_criteria(struct search *search)
{
    const char *text = search->opt->word_count > 0 ? search->opt->words[0] : NULL;
    const char *digest = opt_value(search->opt, "digest");
    search->until_s = UINT64_MAX;
    if (!read_time(search->opt, "since", "T00:00:00Z", &search->since_s) ||
        !read_time(search->opt, "until", "T23:59:59Z", &search->until_s)) {
        return false;
    }
    search->has_digest = digest != NULL;
    if (digest != NULL && tl_hex_parse(tl_bytes_text(digest), search->digest.bytes,
                                       sizeof search->digest.bytes) != TALLY_OK) {
        out_error("--digest %s: 64 lower-case hexadecimal characters are needed", digest);
        return false;
    }
    if (text != NULL) {
        search->text = fold(tl_bytes_text(text));
        if (search->text.text == NULL || search->text.len == 0) {
            out_error("the text to search for is empty or not UTF-8");
            return false;
        }
    }
    return true;
}

static void print_matches(struct search *search)
{
    bool is_json = opt_has(search->opt, "json");
    json_t *array = is_json ? json_array() : NULL;
    size_t found = 0;
    entries_conclude(&search->entries);
    for (size_t i = 0; i < search->entries.count; i++) {
        if (search->matches.ptr[i] == 0) {
            continue;
        }
        found++;
        if (is_json) {
            (void)json_array_append_new(array,
                                        entry_json(&search->entries, &search->entries.items[i]));
        } else {
            entry_print(&search->entries, &search->entries.items[i]);
        }
    }
    if (is_json) {
        out_json(array);
    } else {
        out_hint("%zu of %zu entries; what is withheld or sealed is not searched", found,
                 search->entries.count);
    }
}

static int run(const struct opt *opt)
{
    struct search search = {.opt = opt};
    tl_buffer_init(&search.matches, SIZE_MAX / 2);
    int code = EXIT_USAGE;
    struct walk walk = {
        .opt = opt,
        .subject = ledger_source_name(opt_value(opt, "source")),
        .record = on_record,
        .context = &search,
    };
    if (read_criteria(&search)) {
        code = walk_run(&walk);
    }
    if (walk.is_verified && search.status == TALLY_OK) {
        print_matches(&search);
        walk_print_verdict(&walk);
    } else if (walk.is_verified) {
        out_error("%s", tally_status_text(search.status));
        code = EXIT_UNREACHED;
    }
    free(search.text.text);
    tl_buffer_deinit(&search.matches);
    entries_deinit(&search.entries);
    walk_deinit(&walk);
    return code;
}

static const struct opt_spec options[] = {
    {"source", "SOURCE", "where to search (default: $TALLY_SOURCE, else the read socket)", false},
    {"member", "ID", "entries of this member", false},
    {"type", "TYPE", "entries of this type", false},
    {"topic", "TOPIC", "entries with this /topic", false},
    {"since", "TIME", "received at this UTC day or time, or later", false},
    {"until", "TIME", "received at this UTC day or time, or earlier", false},
    {"digest", "HEX", "entries with this SHA-256 among their exhibits", false},
    WALK_OPTIONS,
    {NULL, NULL, NULL, false},
};

const struct verb verb_search = {
    .name = "search",
    .synopsis = "[TEXT] [--member ID] [--type TYPE] [--topic TOPIC] [--since TIME] [--digest HEX]",
    .summary = "find entries by text, member, type, topic, time or digest",
    .details = "All criteria must hold. Text is compared without case and in composed form (NFC),\n"
               "over the clear parts. The ledger is verified while it is searched.",
    .options = options,
    .word_min = 0,
    .word_max = 1,
    .run = run,
};
