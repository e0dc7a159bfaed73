/* SPDX-License-Identifier: ISC */
#include "lib/archive/verify_ledger.h"

#include <string.h>

#include "lib/archive/bundle_file.h"
#include "lib/archive/verification.h"
#include "lib/base/mem.h"
#include "lib/codec/checkpoint.h"
#include "lib/tree/tile.h"

/* The builder's tile against the archive's. Level 0 has been compared leaf by leaf. */
static enum tally_status compare_tile(void *context, const struct tl_tile *tile,
                                      struct tally_bytes hashes)
{
    struct tl_verification *v = context;
    bool is_full = false;
    if (tile->level == 0) {
        return TALLY_OK;
    }
    tl_buffer_clear(&v->tile);
    enum tally_status status = tl_section_read_tile(v->source, tile, &v->tile, &is_full);
    if (status != TALLY_OK && status != TALLY_ENOTFOUND && status != TALLY_ETOOBIG) {
        return status;
    }
    struct tally_bytes found = tl_buffer_bytes(&v->tile);
    if (is_full && tile->width < TL_TILE_WIDTH && found.len > hashes.len) {
        found.len = hashes.len; /* hashes of a later checkpoint */
    }
    if (status != TALLY_OK || !tl_bytes_equal(found, hashes)) {
        tl_report_bad(v->report, TL_CHECK_TREE, TL_NO_INDEX, TALLY_REASON_TILE_MISMATCH);
    }
    return TALLY_OK;
}

/* False when there is nothing that a walk could follow: the report says so already. */
static enum tally_status read_head(struct tl_verification *v, bool *ret_has_head)
{
    struct tl_note note;
    struct tl_checkpoint checkpoint;
    *ret_has_head = false;
    enum tally_status status =
        tl_source_read(v->source, TL_PATH_CHECKPOINT, &v->result->checkpoint);
    if (status != TALLY_OK && status != TALLY_ETOOBIG) {
        return status;
    }
    if (status == TALLY_ETOOBIG ||
        tl_note_decode(tl_buffer_bytes(&v->result->checkpoint), &note) != TALLY_OK ||
        tl_checkpoint_decode(note.text, &checkpoint) != TALLY_OK || checkpoint.size == 0) {
        tl_report_bad(v->report, TL_CHECK_CHECKPOINT, TL_NO_INDEX,
                      TALLY_REASON_CHECKPOINT_INVALID);
        return TALLY_OK;
    }
    v->size = checkpoint.size;
    v->root = checkpoint.root;
    v->report->size = checkpoint.size;
    v->report->root = checkpoint.root;
    if (checkpoint.origin.len <= TALLY_ORIGIN_MAX) {
        memcpy(v->report->origin, checkpoint.origin.ptr, checkpoint.origin.len);
    }
    *ret_has_head = true;
    return TALLY_OK;
}

static void end(struct tl_verification *v)
{
    for (size_t i = 0; i < 2; i++) {
        if (v->sections[i] != NULL) {
            tl_section_deinit(v->sections[i]);
        }
        tl_free(v->sections[i]);
    }
    tl_buffer_deinit(&v->tile);
    tl_buffer_deinit(&v->parts);
    tl_free(v->tiles);
    tl_free(v->keys);
    tl_free(v->probes);
    tl_facts_file_free(v->facts);
    tl_pool_free(v->pool);
}

static enum tally_status begin(struct tl_verification *v)
{
    v->tiles = tl_calloc(1, sizeof *v->tiles);
    if (v->tiles == NULL) {
        return TALLY_ENOMEM;
    }
    tl_tile_builder_init(v->tiles, compare_tile, v);
    for (size_t i = 0; i < 2; i++) {
        v->sections[i] = tl_alloc(sizeof *v->sections[i]);
        if (v->sections[i] == NULL) {
            return TALLY_ENOMEM;
        }
        tl_section_init(v->sections[i]);
    }
    enum tally_status status = tl_facts_file_new(&v->facts);
    if (status == TALLY_OK) {
        status = tl_judge_new(&v->result->judge);
        v->judge = v->result->judge;
    }
    if (status == TALLY_OK) {
        status = tl_pool_new(v->options->threads, &v->pool);
    }
    return status == TALLY_OK ? tl_verify_held_begin(v) : status;
}

static void start(struct tl_verification *v, struct tl_section *section)
{
    /* Very likely the right key; where it was not, the seals are checked once more. */
    const struct tl_note_key *key = v->key_count > 0 ? &v->keys[v->key_count - 1].key : NULL;
    tl_section_start(section, v->pool, key == NULL ? NULL : key->point);
}

/* What a section lacks as a whole, by its first record. */
static void report_absent(struct tl_verification *v, const struct tl_section *section)
{
    static const struct {
        enum tl_check check;
        enum tally_reason reason;
    } lacks[TL_SECTION_PART_COUNT] = {
        [TL_SECTION_ENTRIES] = {TL_CHECK_CHAIN, TALLY_REASON_RECORD_MISSING},
        [TL_SECTION_SEALS] = {TL_CHECK_SEALS, TALLY_REASON_SEAL_MISSING},
        [TL_SECTION_COMMITMENTS] = {TL_CHECK_DEPOSITS, TALLY_REASON_COMMITMENTS_MISSING},
        [TL_SECTION_LEAVES] = {TL_CHECK_TREE, TALLY_REASON_LEAF_MISMATCH},
    };
    for (size_t i = 0; i < TL_SECTION_PART_COUNT; i++) {
        if (section->is_missing[i]) {
            tl_report_bad(v->report, lacks[i].check, section->first, lacks[i].reason);
        }
    }
}

/*
 * Loads section number n. Where neither records nor leaves are there at all the walk ends: a
 * checkpoint may claim any size, and nobody should have to walk it.
 */
static enum tally_status load(struct tl_verification *v, uint64_t n, bool *ret_goes_on)
{
    struct tl_section *section = v->sections[n % 2];
    uint64_t first = n * TL_TILE_WIDTH;
    *ret_goes_on = false;
    if (first >= v->size) {
        return TALLY_OK;
    }
    enum tally_status status = tl_section_load(section, v->source, first, v->size);
    if (status != TALLY_OK) {
        return status;
    }
    if (section->is_absent) {
        report_absent(v, section);
        return TALLY_OK;
    }
    if (v->size - first > TL_TILE_WIDTH) {
        tl_section_prefetch(v->source, first + TL_TILE_WIDTH, v->size);
    }
    *ret_goes_on = true;
    return TALLY_OK;
}

static enum tally_status walk(struct tl_verification *v)
{
    bool goes_on = false;
    tl_section_prefetch(v->source, 0, v->size);
    enum tally_status status = load(v, 0, &goes_on);
    if (status == TALLY_OK && goes_on) {
        start(v, v->sections[0]);
    }
    for (uint64_t n = 0; status == TALLY_OK && goes_on; n++) {
        struct tl_section *section = v->sections[n % 2];
        status = load(v, n + 1, &goes_on);
        tl_pool_wait(v->pool, &section->job);
        if (status != TALLY_OK) {
            break;
        }
        struct tl_section *next = v->sections[(n + 1) % 2];
        if (goes_on) {
            start(v, next);
        }
        status = tl_verify_section(v, section);
        if (status != TALLY_OK && goes_on) {
            tl_pool_wait(v->pool, &next->job);
        }
        if (v->options->progress != NULL) {
            v->options->progress(v->options->context, v->done, v->size);
        }
    }
    return status;
}

enum tally_status tl_verify_ledger(struct tl_source *source,
                                   const struct tl_verify_options *options,
                                   struct tl_verified_ledger *ret_verified)
{
    struct tl_verification v;
    bool has_head = false;
    memset(ret_verified, 0, sizeof *ret_verified);
    tl_report_init(&ret_verified->report);
    tl_buffer_init(&ret_verified->checkpoint, TL_NOTE_MAX);
    memset(&v, 0, sizeof v);
    v.source = source;
    v.options = options;
    v.result = ret_verified;
    v.report = &ret_verified->report;
    v.knows_all_keys = true;
    tl_buffer_init(&v.tile, TL_RESOURCE_MAX);
    tl_buffer_init(&v.parts, TL_PARTS_FILE_MAX);
    enum tally_status status = read_head(&v, &has_head);
    if (status == TALLY_OK && has_head) {
        status = begin(&v);
        if (status == TALLY_OK) {
            status = walk(&v);
        }
        if (status == TALLY_OK) {
            status = tl_verify_head(&v);
        }
    }
    end(&v);
    if (status != TALLY_OK) {
        tl_verified_ledger_deinit(ret_verified);
    }
    return status;
}

void tl_verified_ledger_deinit(struct tl_verified_ledger *verified)
{
    tl_judge_free(verified->judge);
    tl_buffer_deinit(&verified->checkpoint);
    verified->judge = NULL;
    verified->roster = NULL;
}
