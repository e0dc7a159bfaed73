/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "client/entries.h"
#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/output.h"
#include "client/verbs.h"
#include "client/walk.h"
#include "lib/base/text.h"
#include "lib/codec/part.h"
#include "lib/codec/submission.h"

struct showing {
    uint64_t index;
    struct entries entries;
    enum tally_status status;
    bool is_found;
    struct tl_buffer record;
    struct tl_buffer clear;
    unsigned clear_count;
};

static void on_record(void *context, const struct tl_record *record,
                      const struct tl_envelope *envelope, const struct tally_hash *leaf,
                      const struct tl_deposit_list *clear)
{
    struct showing *showing = context;
    if (showing->status == TALLY_OK) {
        showing->status = entries_add(&showing->entries, record, envelope, leaf, clear);
    }
    if (showing->status == TALLY_OK && record->index == showing->index) {
        showing->is_found = true;
        tl_buffer_add(&showing->clear, clear->items);
        showing->clear_count = clear->count;
        showing->status = tl_record_encode(record, &showing->record);
    }
}

static void print_envelope(const struct tl_record *record, const struct tl_envelope *envelope)
{
    char time[TL_TIME_LEN + 1];
    char fingerprint[TALLY_FINGERPRINT_LEN + 1];
    tl_fingerprint_format(&envelope->key, fingerprint);
    tl_time_format(envelope->signed_s, time);
    printf("  key         SHA256:%s, its number %llu\n", fingerprint,
           (unsigned long long)envelope->sequence);
    printf("  signed      %s by the author's clock\n", time);
    tl_time_format(record->received_us / 1000000, time);
    printf("  received    %s by the host's clock\n", time);
    if (envelope->has_seen) {
        printf("  seen        record %llu\n", (unsigned long long)envelope->seen_index);
    }
    printf("  signatures  %u\n", record->signatures.count);
    struct tally_bytes lines = envelope->ref_lines;
    struct tl_ref_line ref;
    while (tl_envelope_next_ref(&lines, &ref)) {
        char id[ENTRY_ID_MAX];
        out_entry_id(ref.index, &ref.leaf, id);
        printf("  %-11.*s %s\n", (int)ref.relation.len, (const char *)ref.relation.ptr, id);
    }
    lines = envelope->op_lines;
    struct tally_bytes op;
    while (tl_envelope_next_op(&lines, &op)) {
        printf("  op          ");
        out_foreign(stdout, op, 0);
        printf("\n");
    }
}

static void print_parts(const struct showing *showing, unsigned part_count)
{
    struct tl_deposit_list list = {.count = showing->clear_count,
                                   .items = tl_buffer_bytes(&showing->clear)};
    struct tl_deposit deposit;
    printf("  parts       %u, of which %u are shown; the others may qualify these\n", part_count,
           showing->clear_count);
    while (tl_deposit_next(&list, &deposit)) {
        struct tl_part part;
        if (tl_part_decode(deposit.bytes, &part) == TALLY_OK) {
            printf("    %s", out_style(OUT_BOLD));
            out_foreign(stdout, part.name, 0);
            printf("%s  ", out_style(OUT_PLAIN));
            out_foreign(stdout, part.value, 0);
            printf("%s\n", out_mixes_scripts(part.value) ? "  [mixed scripts]" : "");
        }
    }
}

static void print_referring(const struct showing *showing)
{
    size_t count = 0;
    const struct entry_link *links = entries_links_to(&showing->entries, showing->index, &count);
    for (size_t i = 0; i < count; i++) {
        printf("  referred to by ");
        entry_print(&showing->entries, &showing->entries.items[links[i].from]);
    }
}

static json_t *parts_json(const struct showing *showing)
{
    struct tl_deposit_list list = {.count = showing->clear_count,
                                   .items = tl_buffer_bytes(&showing->clear)};
    struct tl_deposit deposit;
    json_t *array = json_array();
    while (tl_deposit_next(&list, &deposit)) {
        struct tl_part part;
        if (tl_part_decode(deposit.bytes, &part) == TALLY_OK) {
            (void)json_array_append_new(
                array, json_pack("{s:i, s:o, s:o}", "position", (int)deposit.position, "name",
                                 out_json_text(part.name), "value", out_json_text(part.value)));
        }
    }
    return array;
}

static void print(const struct opt *opt, struct showing *showing)
{
    struct tl_record record;
    struct tl_envelope envelope;
    const struct entry *entry = entries_find(&showing->entries, showing->index);
    if (entry == NULL || tl_record_decode(tl_buffer_bytes(&showing->record), &record) != TALLY_OK ||
        tl_envelope_decode(record.envelope, &envelope, NULL) != TALLY_OK) {
        return;
    }
    if (opt_has(opt, "json")) {
        json_t *object = entry_json(&showing->entries, entry);
        (void)json_object_set_new(object, "envelope", out_json_text(record.envelope));
        (void)json_object_set_new(object, "clear", parts_json(showing));
        out_json(object);
        return;
    }
    entry_print(&showing->entries, entry);
    print_envelope(&record, &envelope);
    print_parts(showing, envelope.part_count);
    print_referring(showing);
}

static int run(const struct opt *opt)
{
    struct showing showing = {.status = TALLY_OK};
    bool has_check = false;
    if (!out_entry_id_parse(opt->words[0], &showing.index, &has_check)) {
        out_error("%s: not an entry (412 or 412-7F3K-9QXD)", opt->words[0]);
        return EXIT_USAGE;
    }
    tl_buffer_init(&showing.record, TALLY_RECORD_MAX);
    tl_buffer_init(&showing.clear, TL_RESOURCE_MAX);
    struct walk walk = {
        .opt = opt,
        .subject = ledger_source_name(opt->word_count > 1 ? opt->words[1] : NULL),
        .record = on_record,
        .context = &showing,
    };
    int code = walk_run(&walk);
    if (walk.is_verified && showing.status != TALLY_OK) {
        out_error("%s", tally_status_text(showing.status));
        code = EXIT_UNREACHED;
    } else if (walk.is_verified && !showing.is_found) {
        out_error("%s: no such entry among %llu records", opt->words[0],
                  (unsigned long long)walk.verified.report.size);
        code = code == EXIT_BAD ? EXIT_BAD : EXIT_UNREACHED;
    } else if (walk.is_verified) {
        entries_conclude(&showing.entries);
        const struct entry *entry = entries_find(&showing.entries, showing.index);
        if (entry != NULL && !out_entry_id_is(opt->words[0], entry->index, &entry->leaf)) {
            code = EXIT_USAGE;
        }
        print(opt, &showing);
        walk_print_verdict(&walk);
    }
    tl_buffer_deinit(&showing.record);
    tl_buffer_deinit(&showing.clear);
    entries_deinit(&showing.entries);
    walk_deinit(&walk);
    return code;
}

static const struct opt_spec options[] = {
    WALK_OPTIONS,
    {NULL, NULL, NULL, false},
};

const struct verb verb_show = {
    .name = "show",
    .synopsis = "ENTRY [SOURCE]",
    .summary = "show one entry, its clear parts and its status",
    .details = "ENTRY is an index (412) or an id with check characters (412-7F3K-9QXD).",
    .options = options,
    .word_min = 1,
    .word_max = 2,
    .run = run,
};
