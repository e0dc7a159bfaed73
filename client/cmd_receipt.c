/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "client/exit_code.h"
#include "client/output.h"
#include "client/proof_file.h"
#include "client/verbs.h"
#include "client/whole_file.h"
#include "lib/base/text.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/receipt.h"
#include "lib/tree/tree.h"

static int malformed(const char *path)
{
    out_error("%s: not a receipt", path);
    return EXIT_USAGE;
}

static int print_receipt(const struct opt *opt, const char *path, const struct tl_receipt *receipt)
{
    struct tl_record record;
    struct tl_envelope envelope;
    struct tl_note note;
    struct tl_checkpoint checkpoint;
    if (tl_record_decode(receipt->record, &record) != TALLY_OK ||
        tl_envelope_decode(record.envelope, &envelope, NULL) != TALLY_OK ||
        tl_note_decode(receipt->checkpoint, &note) != TALLY_OK ||
        tl_checkpoint_decode(note.text, &checkpoint) != TALLY_OK) {
        return malformed(path);
    }
    char id[ENTRY_ID_MAX];
    char time[TL_TIME_LEN + 1];
    struct tally_hash leaf = tl_tree_leaf(receipt->record);
    out_entry_id(record.index, &leaf, id);
    tl_time_format(record.received_us / 1000000, time);
    if (opt_has(opt, "json")) {
        out_json(json_pack("{s:I, s:s, s:o, s:o, s:s, s:o, s:o, s:I}", "index",
                           (json_int_t)record.index, "id", id, "type", out_json_text(envelope.type),
                           "member", out_json_text(envelope.member), "received", time, "origin",
                           out_json_text(checkpoint.origin), "leaf", out_json_hash(&leaf), "size",
                           (json_int_t)checkpoint.size));
        return EXIT_DONE;
    }
    printf("entry       %s\n", id);
    printf("type        %.*s by %.*s\n", (int)envelope.type.len, (const char *)envelope.type.ptr,
           (int)envelope.member.len, (const char *)envelope.member.ptr);
    printf("received    %s by the host's clock\n", time);
    printf("ledger      ");
    out_foreign(stdout, checkpoint.origin, 0);
    printf("\ncheckpoint  %llu records\n", (unsigned long long)checkpoint.size);
    out_hint("shown, not judged: tally receipt verify %s", path);
    return EXIT_DONE;
}

static int show(const struct opt *opt, const char *path)
{
    struct tl_buffer bytes;
    struct tl_receipt receipt;
    tl_buffer_init(&bytes, TL_RECEIPT_MAX);
    int code = whole_file_read(path, &bytes);
    if (code == 0 && tl_receipt_decode(tl_buffer_bytes(&bytes), &receipt) != TALLY_OK) {
        code = malformed(path);
    } else if (code == 0) {
        code = print_receipt(opt, path, &receipt);
        tl_receipt_deinit(&receipt);
    }
    tl_buffer_deinit(&bytes);
    return code;
}

static int run(const struct opt *opt)
{
    if (strcmp(opt->words[0], "show") == 0) {
        return show(opt, opt->words[1]);
    }
    if (strcmp(opt->words[0], "verify") == 0) {
        return proof_file_verify_receipt(opt, opt->words[1]);
    }
    out_error("receipt show FILE, or receipt verify FILE");
    return EXIT_USAGE;
}

static const struct opt_spec options[] = {
    {"ledger", "ID", "the ledger id that you trust (or $TALLY_LEDGER)", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_receipt = {
    .name = "receipt",
    .synopsis = "show FILE | verify FILE [--ledger ID]",
    .summary = "look at a receipt, or judge it offline",
    .details = "verify judges everything in the receipt against what is remembered of its ledger;\n"
               "for a ledger that is not known here it ends with 4 at best.",
    .options = options,
    .word_min = 2,
    .word_max = 2,
    .run = run,
};
