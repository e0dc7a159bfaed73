/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/output.h"
#include "client/verbs.h"
#include "client/walk.h"
#include "client/whole_file.h"
#include "lib/archive/bundle_file.h"
#include "lib/archive/tile_fetch.h"
#include "lib/base/mem.h"
#include "lib/codec/bundle.h"
#include "lib/codec/receipt.h"
#include "lib/tree/tree.h"

#define ENTRY_COUNT_MAX 1024u

/* One bundle in the making, over a walk that has verified the ledger. */
struct bundling {
    const struct opt *opt;
    struct walk walk;
    struct tl_buffer constitution; /* u64 indexes */
    enum tally_status status;
    size_t entry_count;
    uint64_t entries[ENTRY_COUNT_MAX]; /* ascending, unique */
    struct tl_tile_fetch fetch;
    struct tl_buffer bundle;
};

static void on_record(void *context, const struct tl_record *record,
                      const struct tl_envelope *envelope, const struct tally_hash *leaf,
                      const struct tl_deposit_list *clear)
{
    struct bundling *run = context;
    (void)leaf;
    (void)clear;
    if (tl_envelope_is_constitution(envelope) && run->status == TALLY_OK) {
        tl_buffer_add_u64(&run->constitution, record->index);
        run->status = run->constitution.status;
    }
}

static int read_entries(struct bundling *run)
{
    for (size_t i = 0; i < run->opt->word_count; i++) {
        uint64_t index = 0;
        bool has_check = false;
        size_t place = 0;
        if (!out_entry_id_parse(run->opt->words[i], &index, &has_check)) {
            out_error("%s: not an entry (412 or 412-7F3K-9QXD)", run->opt->words[i]);
            return EXIT_USAGE;
        }
        while (place < run->entry_count && run->entries[place] < index) {
            place++;
        }
        if (place < run->entry_count && run->entries[place] == index) {
            continue;
        }
        if (run->entry_count == ENTRY_COUNT_MAX) {
            out_error("more than %u entries: publish an archive instead", ENTRY_COUNT_MAX);
            return EXIT_USAGE;
        }
        memmove(&run->entries[place + 1], &run->entries[place],
                (run->entry_count - place) * sizeof *run->entries);
        run->entries[place] = index;
        run->entry_count++;
    }
    return 0;
}

static enum tally_status read_seal(struct bundling *run, uint64_t index,
                                   uint8_t ret_seal[TALLY_SIGNATURE_LEN])
{
    struct tl_tile tile = {
        .kind = TL_TILE_SEALS,
        .n = index / TL_TILE_WIDTH,
        .width = tl_tile_width(run->walk.verified.report.size, 0, index / TL_TILE_WIDTH),
    };
    char path[TL_TILE_PATH_MAX];
    struct tl_buffer seals;
    tl_tile_path(&tile, path);
    tl_buffer_init(&seals, (size_t)TL_TILE_WIDTH * TALLY_SIGNATURE_LEN);
    enum tally_status status = tl_source_read(run->walk.source, path, &seals);
    size_t offset = (size_t)(index % TL_TILE_WIDTH) * TALLY_SIGNATURE_LEN;
    if (status == TALLY_OK && seals.len < offset + TALLY_SIGNATURE_LEN) {
        status = TALLY_ETRUNCATED;
    }
    if (status == TALLY_OK) {
        memcpy(ret_seal, seals.ptr + offset, TALLY_SIGNATURE_LEN);
    }
    tl_buffer_deinit(&seals);
    return status;
}

/* EINVAL after a message when a word with check characters means another entry. */
static enum tally_status check_ids(const struct bundling *run, uint64_t index,
                                   struct tally_bytes record)
{
    struct tally_hash leaf = tl_tree_leaf(record);
    for (size_t i = 0; i < run->opt->word_count; i++) {
        uint64_t named = 0;
        bool has_check = false;
        if (out_entry_id_parse(run->opt->words[i], &named, &has_check) && named == index &&
            !out_entry_id_is(run->opt->words[i], index, &leaf)) {
            return TALLY_EINVAL;
        }
    }
    return TALLY_OK;
}

static enum tally_status add_proof(struct bundling *run, enum tl_bundle_line_kind kind,
                                   uint64_t index)
{
    struct tl_tree_proof proof;
    struct tl_buffer record;
    struct tl_buffer file;
    uint8_t seal[TALLY_SIGNATURE_LEN];
    tl_buffer_init(&record, TALLY_RECORD_MAX);
    tl_buffer_init(&file, TL_RECEIPT_MAX);
    enum tally_status status =
        tl_fetch_record(&run->fetch, index, &run->walk.verified.report.root, &record, &proof);
    if (status == TALLY_OK && kind == TL_BUNDLE_ENTRY) {
        status = check_ids(run, index, tl_buffer_bytes(&record));
    }
    if (status == TALLY_OK) {
        status = read_seal(run, index, seal);
    }
    if (status == TALLY_OK) {
        tl_receipt_encode(tl_buffer_bytes(&record), seal, index, &proof,
                          tl_buffer_bytes(&run->walk.verified.checkpoint), &file);
        tl_bundle_add_proof(&run->bundle, kind, tl_buffer_bytes(&file));
        status = file.status != TALLY_OK ? file.status : run->bundle.status;
    }
    tl_buffer_deinit(&record);
    tl_buffer_deinit(&file);
    return status;
}

/* The commitments of one record, out of its row of the bundle of 256. */
static enum tally_status read_commitments(struct bundling *run, uint64_t index,
                                          struct tally_hash *ret_hashes, size_t *ret_count)
{
    struct tl_tile tile = {
        .kind = TL_TILE_COMMITMENTS,
        .n = index / TL_TILE_WIDTH,
        .width = tl_tile_width(run->walk.verified.report.size, 0, index / TL_TILE_WIDTH),
    };
    char path[TL_TILE_PATH_MAX];
    struct tl_buffer rows;
    struct tally_bytes row[TL_TILE_WIDTH];
    unsigned decoded = 0;
    tl_tile_path(&tile, path);
    tl_buffer_init(&rows, TL_RESOURCE_MAX);
    enum tally_status status = tl_source_read(run->walk.source, path, &rows);
    if (status == TALLY_OK) {
        status = tl_commitments_decode(tl_buffer_bytes(&rows), tile.width, row, &decoded);
    }
    if (status == TALLY_OK) {
        *ret_count = row[index % TL_TILE_WIDTH].len / TALLY_HASH_LEN;
        memcpy(ret_hashes, row[index % TL_TILE_WIDTH].ptr, *ret_count * TALLY_HASH_LEN);
    }
    tl_buffer_deinit(&rows);
    return status;
}

static enum tally_status add_parts(struct bundling *run, uint64_t index)
{
    struct tally_hash hashes[TALLY_PART_COUNT_MAX];
    size_t count = 0;
    char path[TL_RESOURCE_PATH_MAX];
    struct tl_buffer parts;
    struct tl_deposit_list list;
    struct tl_deposit deposit;
    tl_path_parts(index, path);
    tl_buffer_init(&parts, TL_RESOURCE_MAX);
    enum tally_status status = tl_source_read(run->walk.source, path, &parts);
    if (status == TALLY_ENOTFOUND) {
        tl_buffer_deinit(&parts);
        return TALLY_OK;
    }
    if (status == TALLY_OK) {
        status = tl_parts_decode(tl_buffer_bytes(&parts), &list);
    }
    if (status == TALLY_OK) {
        status = read_commitments(run, index, hashes, &count);
    }
    while (status == TALLY_OK && tl_deposit_next(&list, &deposit)) {
        struct tl_tree_proof proof;
        status = tl_tree_prove_inclusion_of(hashes, count, deposit.position, &proof);
        if (status == TALLY_OK) {
            tl_bundle_add_part(&run->bundle, index, deposit.position, deposit.bytes, proof.hashes,
                               proof.count);
            status = run->bundle.status;
        }
    }
    tl_buffer_deinit(&parts);
    return status;
}

static enum tally_status fill(struct bundling *run)
{
    uint64_t size = run->walk.verified.report.size;
    struct tl_reader constitution = tl_reader_over(tl_buffer_bytes(&run->constitution));
    enum tally_status status = run->status;
    tl_bundle_begin(&run->bundle);
    while (status == TALLY_OK && constitution.rest.len > 0) {
        status = add_proof(run, TL_BUNDLE_CONSTITUTION, tl_read_u64(&constitution));
    }
    if (status == TALLY_OK) {
        status = add_proof(run, TL_BUNDLE_LAST, size - 1);
    }
    for (size_t i = 0; i < run->entry_count && status == TALLY_OK; i++) {
        status = add_proof(run, TL_BUNDLE_ENTRY, run->entries[i]);
    }
    for (size_t i = 0; i < run->entry_count && status == TALLY_OK; i++) {
        status = opt_has(run->opt, "without-parts") ? TALLY_OK : add_parts(run, run->entries[i]);
    }
    return status;
}

static int write(struct bundling *run)
{
    const char *path = opt_value(run->opt, "output");
    uint64_t size = run->walk.verified.report.size;
    if (run->entries[run->entry_count - 1] >= size) {
        out_error("%llu: no such entry among %llu records",
                  (unsigned long long)run->entries[run->entry_count - 1], (unsigned long long)size);
        return EXIT_UNREACHED;
    }
    int code = 0;
    tl_tile_fetch_init(&run->fetch, run->walk.source, size);
    enum tally_status status = fill(run);
    tl_tile_fetch_deinit(&run->fetch);
    if (status == TALLY_OK) {
        code = whole_file_write(path, tl_buffer_bytes(&run->bundle), 0644, false);
    } else {
        out_error("%s: %s: not written", path, tally_status_text(status));
        code = exit_code_of(status);
    }
    if (code != 0) {
        return code;
    }
    if (opt_has(run->opt, "json")) {
        out_json(json_pack("{s:o, s:I, s:I}", "file", out_json_text(tl_bytes_text(path)), "entries",
                           (json_int_t)run->entry_count, "size", (json_int_t)size));
    }
    out_hint("wrote %s: %zu %s under checkpoint %llu; check it with: tally verify %s", path,
             run->entry_count, run->entry_count == 1 ? "entry" : "entries",
             (unsigned long long)size, path);
    return EXIT_DONE;
}

static int run(const struct opt *opt)
{
    if (!opt_has(opt, "output")) {
        out_error("bundle: --output FILE is needed");
        return EXIT_USAGE;
    }
    struct bundling *run = tl_calloc(1, sizeof *run);
    if (run == NULL) {
        return EXIT_UNREACHED;
    }
    run->opt = opt;
    run->walk = (struct walk){
        .opt = opt,
        .subject = ledger_source_name(opt_value(opt, "source")),
        .record = on_record,
        .context = run,
    };
    tl_buffer_init(&run->constitution, TL_RESOURCE_MAX);
    tl_buffer_init(&run->bundle, TL_BUNDLE_MAX);
    int code = read_entries(run);
    if (code == 0) {
        code = walk_run(&run->walk);
        if (code == EXIT_DONE) {
            code = write(run);
        } else if (run->walk.is_verified) {
            out_error("the ledger did not verify: no bundle was written (tally verify says why)");
        }
    }
    walk_deinit(&run->walk);
    tl_buffer_deinit(&run->constitution);
    tl_buffer_deinit(&run->bundle);
    tl_free(run);
    return code;
}

static const struct opt_spec options[] = {
    {"source", "SOURCE", "where the entries are read (default: $TALLY_SOURCE)", false},
    {"output", "FILE", "where to write the bundle", false},
    {"without-parts", NULL, "envelopes and signatures only", false},
    WALK_OPTIONS,
    {NULL, NULL, NULL, false},
};

const struct verb verb_bundle = {
    .name = "bundle",
    .synopsis = "ENTRY... --output FILE [--source SOURCE]",
    .summary = "put entries and all that judges them into one file",
    .details =
        "A bundle holds the charter, every amendment, the entries, their clear parts and the\n"
        "proofs, under one checkpoint: `tally verify FILE` judges it offline.",
    .options = options,
    .word_min = 1,
    .word_max = -1,
    .run = run,
};
