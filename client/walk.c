/* SPDX-License-Identifier: ISC */
#include "client/walk.h"

#include <stdio.h>

#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/output.h"
#include "lib/archive/bundle_file.h"
#include "lib/base/pool.h"
#include "lib/base/sha256.h"
#include "lib/codec/checkpoint.h"
#include "lib/tree/tile.h"

/* What a run keeps for itself. */
struct pass {
    struct walk *walk;
    const struct tally_hash *ledger; /* the id asked for or remembered; NULL: none */
    struct tally_hash id;            /* storage of it, or what the source claims */
    struct state remembered;
    struct state fresh; /* what this run would remember */
    enum tally_status fresh_status;
    struct progress progress;
};

static enum tally_status read_head(struct tl_source *source, struct tl_buffer *buffer,
                                   uint64_t *ret_size)
{
    struct tl_note note;
    struct tl_checkpoint checkpoint;
    enum tally_status status = tl_source_read(source, TL_PATH_CHECKPOINT, buffer);
    if (status == TALLY_OK) {
        status = tl_note_decode(tl_buffer_bytes(buffer), &note);
    }
    if (status == TALLY_OK) {
        status = tl_checkpoint_decode(note.text, &checkpoint);
    }
    if (status == TALLY_OK) {
        *ret_size = checkpoint.size;
    }
    return status;
}

static enum tally_status read_charter_id(struct tl_source *source, struct tl_buffer *buffer,
                                         unsigned width, struct tally_hash *ret_ledger)
{
    struct tl_tile tile = {.kind = TL_TILE_ENTRIES, .width = width};
    char path[TL_TILE_PATH_MAX];
    struct tally_bytes entries[TL_TILE_WIDTH];
    struct tl_record record;
    unsigned decoded = 0;
    tl_tile_path(&tile, path);
    tl_buffer_clear(buffer);
    enum tally_status status = tl_source_read(source, path, buffer);
    if (status == TALLY_OK) {
        status = tl_entries_decode(tl_buffer_bytes(buffer), width, entries, &decoded);
    }
    if (status == TALLY_OK) {
        status = tl_record_decode(entries[0], &record);
    }
    if (status == TALLY_OK) {
        *ret_ledger = tl_sha256(record.envelope);
    }
    return status;
}

/* The ledger id that the source claims: only used to look up what is remembered of it. */
static enum tally_status read_claimed_id(struct tl_source *source, struct tally_hash *ret_ledger)
{
    struct tl_buffer buffer;
    uint64_t size = 0;
    tl_buffer_init(&buffer, TL_RESOURCE_MAX);
    enum tally_status status = read_head(source, &buffer, &size);
    if (status == TALLY_OK) {
        status = size == 0
                     ? TALLY_ENOTFOUND
                     : read_charter_id(source, &buffer, tl_tile_width(size, 0, 0), ret_ledger);
    }
    tl_buffer_deinit(&buffer);
    return status;
}

static int recall(struct pass *pass)
{
    struct walk *walk = pass->walk;
    struct tally_hash claimed;
    int code = 0;
    bool has_claim = read_claimed_id(walk->source, &claimed) == TALLY_OK;
    if (state_wanted(walk->opt, &pass->id, &code)) {
        pass->ledger = &pass->id;
    } else if (has_claim) {
        pass->id = claimed;
    }
    if (code != 0 || (pass->ledger == NULL && !has_claim)) {
        return code;
    }
    enum tally_status status = state_load(walk->opt, &pass->id, &pass->remembered);
    walk->was_known = status == TALLY_OK;
    if (walk->was_known) {
        pass->ledger = &pass->id;
    } else if (status != TALLY_ENOTFOUND) {
        state_say_unreadable(walk->opt, &pass->id, status);
        return EXIT_UNREACHED;
    }
    return 0;
}

static void on_progress(void *context, uint64_t done, uint64_t size)
{
    struct pass *pass = context;
    progress_update(&pass->progress, done, size);
}

static void on_record(void *context, const struct tl_record *record,
                      const struct tl_envelope *envelope, const struct tally_hash *leaf,
                      const struct tl_deposit_list *clear)
{
    struct pass *pass = context;
    if (pass->fresh_status == TALLY_OK) {
        pass->fresh_status = state_note_entry(&pass->fresh, envelope);
    }
    if (pass->fresh_status == TALLY_OK && tl_envelope_is_constitution(envelope)) {
        pass->fresh_status = state_note_constitution(&pass->fresh, record);
    }
    if (pass->walk->record != NULL) {
        pass->walk->record(pass->walk->context, record, envelope, leaf, clear);
    }
}

static void remember(struct pass *pass)
{
    const struct tl_verified_ledger *verified = &pass->walk->verified;
    struct state *fresh = &pass->fresh;
    tl_buffer_add(&fresh->checkpoint, tl_buffer_bytes(&verified->checkpoint));
    fresh->newest_index = verified->newest_index;
    fresh->newest_leaf = verified->newest_leaf;
    enum tally_status status = pass->fresh_status;
    if (status == TALLY_OK && pass->walk->was_known) {
        status = state_note_held(fresh, tl_buffer_bytes(&pass->remembered.held));
    }
    if (status == TALLY_OK) {
        status = state_note_held(fresh, tl_buffer_bytes(&verified->checkpoint));
    }
    if (status == TALLY_OK) {
        status = state_save(fresh);
    }
    if (status != TALLY_OK) {
        out_warning("%s: what was verified could not be remembered: %s", fresh->directory,
                    tally_status_text(status));
    }
}

static int verify(struct pass *pass)
{
    struct walk *walk = pass->walk;
    unsigned long long jobs = 0;
    if (!opt_number(walk->opt, "jobs", 1, 1024, tl_processor_count(), &jobs)) {
        return EXIT_USAGE;
    }
    struct tl_verify_options options = {
        .ledger = pass->ledger,
        .receipts = walk->receipts,
        .receipt_count = walk->receipt_count,
        .since = walk->since,
        .require_objects = walk->require_objects,
        .threads = (unsigned)jobs - 1,
        .progress = on_progress,
        .record = on_record,
        .context = pass,
    };
    if (walk->was_known) {
        options.remembered = tl_buffer_bytes(&pass->remembered.held);
    }
    progress_begin(&pass->progress, "verifying");
    enum tally_status status = tl_verify_ledger(walk->source, &options, &walk->verified);
    progress_end(&pass->progress);
    if (status != TALLY_OK) {
        out_error("%s: %s: nothing was verified", walk->subject, tally_status_text(status));
        return EXIT_UNREACHED;
    }
    walk->is_verified = true;
    int code = tl_report_exit_code(&walk->verified.report);
    if (code == EXIT_DONE) {
        remember(pass);
    }
    return code;
}

int walk_run(struct walk *walk)
{
    struct pass pass = {.walk = walk};
    walk->source = NULL;
    walk->was_known = false;
    walk->is_verified = false;
    int code = ledger_open(walk->subject, tl_bytes(NULL, 0), &walk->source);
    if (code == 0) {
        code = recall(&pass);
    }
    if (code == 0 && state_new(walk->opt, &pass.id, &pass.fresh) != TALLY_OK) {
        out_error("out of memory");
        code = EXIT_UNREACHED;
    }
    if (code == 0) {
        code = verify(&pass);
    }
    state_deinit(&pass.fresh);
    state_deinit(&pass.remembered);
    return code;
}

void walk_deinit(struct walk *walk)
{
    if (walk->is_verified) {
        tl_verified_ledger_deinit(&walk->verified);
    }
    tl_source_close(walk->source);
    walk->source = NULL;
    walk->is_verified = false;
}

void walk_print_verdict(const struct walk *walk)
{
    uint64_t index = 0;
    enum tally_reason reason = TALLY_REASON_NONE;
    const struct tl_report *report = &walk->verified.report;
    if (!walk->is_verified || opt_has(walk->opt, "json")) {
        return;
    }
    switch (tl_report_exit_code(report)) {
    case EXIT_DONE:
        if (!out_is_quiet()) {
            printf("%sverified%s: %llu records\n", out_style(OUT_GOOD), out_style(OUT_PLAIN),
                   (unsigned long long)report->size);
        }
        return;
    case EXIT_BAD:
        printf("%sVERIFICATION FAILED%s: do not rely on what stands above", out_style(OUT_BAD),
               out_style(OUT_PLAIN));
        if (tl_report_first_bad(report, &index, &reason)) {
            printf("; first bad record %llu (%s)", (unsigned long long)index,
                   tally_reason_name(reason));
        }
        printf("\n");
        return;
    default:
        printf("%snot fully verified%s: `tally verify` says what was not checked\n",
               out_style(OUT_WARN), out_style(OUT_PLAIN));
    }
}
