/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "client/entry_io.h"
#include "client/exit_code.h"
#include "client/output.h"
#include "client/verbs.h"
#include "lib/base/text.h"
#include "lib/codec/part.h"

static void print_text(const char *label, struct tally_bytes text)
{
    printf("  %-10s", label);
    out_foreign(stdout, text, 0);
    printf("\n");
}

/* What everyone can read for ever, whatever is withheld. */
static void print_public_facts(const struct tl_envelope *envelope)
{
    char time[TL_TIME_LEN + 1];
    char fingerprint[TALLY_FINGERPRINT_LEN + 1];
    tl_time_format(envelope->signed_s, time);
    tl_fingerprint_format(&envelope->key, fingerprint);
    printf("%sEveryone sees, for ever%s\n", out_style(OUT_BOLD), out_style(OUT_PLAIN));
    print_text("type", envelope->type);
    print_text("member", envelope->member);
    printf("  key       SHA256:%s\n", fingerprint);
    printf("  number    %llu of this key, after record %llu was seen\n",
           (unsigned long long)envelope->sequence, (unsigned long long)envelope->seen_index);
    printf("  signed    %s (this machine's clock)\n", time);
    printf("  parts     %u, decoys included\n", envelope->part_count);
    struct tally_bytes lines = envelope->ref_lines;
    struct tl_ref_line ref;
    while (tl_envelope_next_ref(&lines, &ref)) {
        char id[ENTRY_ID_MAX];
        out_entry_id(ref.index, &ref.leaf, id);
        printf("  refers    ");
        out_foreign(stdout, ref.relation, 0);
        printf(" %s\n", id);
    }
    lines = envelope->op_lines;
    struct tally_bytes op;
    while (tl_envelope_next_op(&lines, &op)) {
        print_text("operation", op);
    }
}

static unsigned print_parts(const struct tl_entry_file *entry, const struct tl_envelope *envelope,
                            char letter)
{
    struct tl_deposit_list list = entry->opened;
    struct tl_deposit deposit;
    unsigned count = 0;
    while (tl_deposit_next(&list, &deposit)) {
        struct tl_part part;
        if (deposit.position >= envelope->part_count ||
            envelope->letters.ptr[deposit.position] != (uint8_t)letter ||
            tl_part_decode(deposit.bytes, &part) != TALLY_OK) {
            continue;
        }
        printf("  ");
        out_foreign(stdout, part.name, 0);
        printf("  ");
        out_foreign(stdout, part.value, 0);
        printf("%s\n", out_mixes_scripts(part.value) ? "  [mixed scripts]" : "");
        count++;
    }
    if (count == 0) {
        printf("  (nothing)\n");
    }
    return count;
}

static void print_files(const struct tl_entry_file *entry)
{
    for (unsigned i = 0; i < entry->exhibit_count; i++) {
        char hex[TL_HASH_HEX_LEN + 1];
        tl_hex_format(tl_hash_bytes(&entry->exhibits[i].hash), hex);
        printf("  file left with the ledger: ");
        out_foreign(stdout, entry->exhibits[i].path, 0);
        printf("  %llu bytes  %s\n", (unsigned long long)entry->exhibits[i].size, hex);
    }
}

static void print_preview(const struct tl_entry_file *entry, const struct tl_envelope *envelope)
{
    struct tally_hash hash = tl_envelope_hash(envelope);
    char digest[TL_HASH_BASE64_LEN + 1];
    print_public_facts(envelope);
    printf("\n%sThe public, the other members and the host will read these parts%s\n",
           out_style(OUT_BOLD), out_style(OUT_PLAIN));
    (void)print_parts(entry, envelope, 'c');
    print_files(entry);
    printf("\n%sOnly you keep these; the others see that something was committed to%s\n",
           out_style(OUT_BOLD), out_style(OUT_PLAIN));
    (void)print_parts(entry, envelope, 'w');
    tl_hash_format(&hash, digest);
    printf("\nto compare on a second device before signing: envelope %s\n", digest);
    printf("signatures so far: %u\n", entry->signatures.count);
}

static json_t *parts_json(const struct tl_entry_file *entry, const struct tl_envelope *envelope,
                          char letter)
{
    struct tl_deposit_list list = entry->opened;
    struct tl_deposit deposit;
    json_t *object = json_array();
    while (tl_deposit_next(&list, &deposit)) {
        struct tl_part part;
        if (deposit.position < envelope->part_count &&
            envelope->letters.ptr[deposit.position] == (uint8_t)letter &&
            tl_part_decode(deposit.bytes, &part) == TALLY_OK) {
            (void)json_array_append_new(object,
                                        json_pack("{s:o, s:o}", "name", out_json_text(part.name),
                                                  "value", out_json_text(part.value)));
        }
    }
    return object;
}

static void print_json(const struct tl_entry_file *entry, const struct tl_envelope *envelope)
{
    struct tally_hash hash = tl_envelope_hash(envelope);
    out_json(json_pack("{s:o, s:o, s:i, s:o, s:o, s:i}", "envelope", out_json_hash(&hash), "text",
                       out_json_text(envelope->text), "part_count", (int)envelope->part_count,
                       "everyone", parts_json(entry, envelope, 'c'), "withheld",
                       parts_json(entry, envelope, 'w'), "signatures",
                       (int)entry->signatures.count));
}

static int run(const struct opt *opt)
{
    struct tl_entry_file entry;
    struct tl_envelope envelope;
    int code = entry_read(opt->words[0], &entry, &envelope);
    if (code != 0) {
        return code;
    }
    if (opt_has(opt, "json")) {
        print_json(&entry, &envelope);
    } else {
        print_preview(&entry, &envelope);
    }
    tl_entry_file_deinit(&entry);
    return EXIT_DONE;
}

static const struct opt_spec options[] = {{NULL, NULL, NULL, false}};

const struct verb verb_preview = {
    .name = "preview",
    .synopsis = "FILE.tally",
    .summary = "show what the public, the other members and the host will see",
    .details = "Rendered from the bytes that are signed; control characters are made visible.",
    .options = options,
    .word_min = 1,
    .word_max = 1,
    .run = run,
};
