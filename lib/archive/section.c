/* SPDX-License-Identifier: ISC */
#include "lib/archive/section.h"

#include <string.h>

#include "lib/archive/bundle_file.h"
#include "lib/tree/tile.h"
#include "lib/tree/tree.h"

static const enum tl_tile_kind kinds[TL_SECTION_PART_COUNT] = {
    [TL_SECTION_ENTRIES] = TL_TILE_ENTRIES,
    [TL_SECTION_SEALS] = TL_TILE_SEALS,
    [TL_SECTION_COMMITMENTS] = TL_TILE_COMMITMENTS,
    [TL_SECTION_LEAVES] = TL_TILE_HASHES,
};

static struct tl_tile tile_of(enum tl_section_part part, uint64_t first, uint64_t size)
{
    uint64_t n = first / TL_TILE_WIDTH;
    return (struct tl_tile){.kind = kinds[part], .n = n, .width = tl_tile_width(size, 0, n)};
}

void tl_section_init(struct tl_section *section)
{
    memset(section, 0, sizeof *section);
    for (size_t i = 0; i < TL_SECTION_PART_COUNT; i++) {
        tl_buffer_init(&section->parts[i], TL_RESOURCE_MAX);
    }
}

void tl_section_deinit(struct tl_section *section)
{
    for (size_t i = 0; i < TL_SECTION_PART_COUNT; i++) {
        tl_buffer_deinit(&section->parts[i]);
    }
}

void tl_section_prefetch(struct tl_source *source, uint64_t first, uint64_t size)
{
    char paths[TL_SECTION_PART_COUNT][TL_TILE_PATH_MAX];
    const char *list[TL_SECTION_PART_COUNT];
    for (unsigned i = 0; i < TL_SECTION_PART_COUNT; i++) {
        struct tl_tile tile = tile_of((enum tl_section_part)i, first, size);
        tl_tile_path(&tile, paths[i]);
        list[i] = paths[i];
    }
    tl_source_prefetch(source, list, TL_SECTION_PART_COUNT);
}

enum tally_status tl_section_read_tile(struct tl_source *source, const struct tl_tile *tile,
                                     struct tl_buffer *buffer, bool *ret_is_full)
{
    char path[TL_TILE_PATH_MAX];
    tl_tile_path(tile, path);
    *ret_is_full = tile->width == TL_TILE_WIDTH;
    enum tally_status status = tl_source_read(source, path, buffer);
    if (status != TALLY_ENOTFOUND || *ret_is_full) {
        return status;
    }
    struct tl_tile full = *tile;
    full.width = TL_TILE_WIDTH;
    *ret_is_full = true;
    tl_tile_path(&full, path);
    return tl_source_read(source, path, buffer);
}

/* How many whole items there are of the section's, and whether bytes follow them. */
static unsigned decode_fixed(const struct tl_buffer *buffer, size_t item_len, unsigned count,
                             bool *ret_surplus)
{
    size_t whole = buffer->len / item_len;
    *ret_surplus = buffer->len > count * item_len;
    return whole < count ? (unsigned)whole : count;
}

static void take_entries(struct tl_section *section, struct tally_bytes *items, unsigned decoded)
{
    for (unsigned i = 0; i < decoded; i++) {
        section->slots[i].has_entry = true;
        section->slots[i].entry = items[i];
    }
}

static void take_commitments(struct tl_section *section, struct tally_bytes *items,
                             unsigned decoded)
{
    for (unsigned i = 0; i < decoded; i++) {
        section->slots[i].has_commitments = true;
        section->slots[i].commitments = items[i];
    }
}

static void take_fixed(struct tl_section *section, enum tl_section_part part, bool *ret_surplus)
{
    const struct tl_buffer *buffer = &section->parts[part];
    size_t item_len = part == TL_SECTION_SEALS ? TALLY_SIGNATURE_LEN : TALLY_HASH_LEN;
    unsigned decoded = decode_fixed(buffer, item_len, section->count, ret_surplus);
    for (unsigned i = 0; i < decoded; i++) {
        struct tl_section_slot *slot = &section->slots[i];
        const uint8_t *item = buffer->ptr + i * item_len;
        if (part == TL_SECTION_SEALS) {
            slot->has_seal = true;
            slot->seal = item;
        } else {
            slot->has_tile_leaf = true;
            memcpy(slot->tile_leaf.bytes, item, TALLY_HASH_LEN);
        }
    }
}

static void take_part(struct tl_section *section, enum tl_section_part part, bool is_full)
{
    struct tally_bytes items[TL_TILE_WIDTH];
    struct tally_bytes bytes = tl_buffer_bytes(&section->parts[part]);
    enum tally_status status = TALLY_OK;
    unsigned decoded = 0;
    bool is_surplus = false;
    switch (part) {
    case TL_SECTION_ENTRIES:
        status = tl_entries_decode(bytes, section->count, items, &decoded);
        take_entries(section, items, decoded);
        break;
    case TL_SECTION_COMMITMENTS:
        status = tl_commitments_decode(bytes, section->count, items, &decoded);
        take_commitments(section, items, decoded);
        break;
    case TL_SECTION_SEALS:
    case TL_SECTION_LEAVES:
        take_fixed(section, part, &is_surplus);
        break;
    case TL_SECTION_PART_COUNT:
        break;
    }
    is_surplus = is_surplus || status == TALLY_ETRAILING;
    /* Rows of a full bundle beyond the size that is read belong to a later checkpoint. */
    section->is_surplus[part] = is_surplus && !(is_full && section->count < TL_TILE_WIDTH);
}

enum tally_status tl_section_load(struct tl_section *section, struct tl_source *source,
                                uint64_t first, uint64_t size)
{
    memset(section->slots, 0, sizeof section->slots);
    section->first = first;
    section->count = tl_tile_width(size, 0, first / TL_TILE_WIDTH);
    for (unsigned i = 0; i < TL_SECTION_PART_COUNT; i++) {
        enum tl_section_part part = (enum tl_section_part)i;
        struct tl_tile tile = tile_of(part, first, size);
        bool is_full = false;
        tl_buffer_clear(&section->parts[i]);
        section->is_surplus[i] = false;
        enum tally_status status =
            tl_section_read_tile(source, &tile, &section->parts[i], &is_full);
        section->is_missing[i] = status == TALLY_ENOTFOUND;
        if (status != TALLY_OK && status != TALLY_ENOTFOUND && status != TALLY_ETOOBIG) {
            return status;
        }
        if (status != TALLY_ENOTFOUND) {
            take_part(section, part, is_full);
        }
        if (status == TALLY_ETOOBIG) {
            /* More than any bundle can hold: what was read of it decides. */
            section->is_surplus[i] = true;
        }
    }
    section->is_absent =
        section->is_missing[TL_SECTION_ENTRIES] && section->is_missing[TL_SECTION_LEAVES];
    return TALLY_OK;
}

static enum tally_reason check_signatures(const struct tl_section_slot *slot)
{
    enum tally_reason reason = tl_signatures_check(&slot->record.signatures, &slot->envelope);
    for (unsigned i = 0; i < slot->record.signatures.count && reason == TALLY_REASON_NONE; i++) {
        reason = tl_signature_verify(&slot->record.signatures, i, slot->envelope.text);
    }
    return reason;
}

/* Clear parts and ciphertexts of one entry together have a limit that its author signed for. */
static bool sealed_sizes_fit(const struct tl_envelope *envelope, struct tl_deposit_list clear)
{
    struct tally_bytes lines = envelope->sealed_lines;
    struct tl_sealed_line line;
    struct tl_deposit deposit;
    uint64_t total = 0;
    while (tl_deposit_next(&clear, &deposit)) {
        total += deposit.bytes.len;
    }
    while (tl_envelope_next_sealed(&lines, &line)) {
        if (line.size > TALLY_DEPOSIT_MAX) {
            return false;
        }
        total += line.size;
    }
    return total <= TALLY_DEPOSIT_MAX;
}

enum tally_reason tl_section_check_deposits(const struct tl_section_slot *slot,
                                          struct tl_deposit_list clear)
{
    if (!sealed_sizes_fit(&slot->envelope, clear)) {
        return TALLY_REASON_TOO_LARGE;
    }
    /* The same check as the daemon's, with the ciphertexts' lines taken out of its sight. */
    struct tl_envelope shown = slot->envelope;
    shown.sealed_lines = tl_bytes(NULL, 0);
    shown.sealed_count = 0;
    struct tl_submission submission = {
        .envelope = slot->envelope.text,
        .signatures = slot->record.signatures,
        .commitment_count = (unsigned)(slot->commitments.len / TALLY_HASH_LEN),
        .commitments = slot->commitments,
        .clear = clear,
    };
    enum tally_reason reason = tl_submission_check(&submission, &shown);
    /* The signatures come last in it, and have a line of their own. */
    bool is_about_signatures = reason == TALLY_REASON_MALFORMED ||
                               reason == TALLY_REASON_SIGNATURE_MISSING ||
                               reason == TALLY_REASON_SIGNATURE_ORDER;
    return is_about_signatures ? TALLY_REASON_NONE : reason;
}

static bool has_letter(const struct tl_envelope *envelope, char letter)
{
    return envelope->part_count > 0 &&
           memchr(envelope->letters.ptr, letter, envelope->letters.len) != NULL;
}

static void check_seal(struct tl_section_slot *slot, const uint8_t *point)
{
    memcpy(slot->seal_point, point, sizeof slot->seal_point);
    slot->seal_state =
        tl_seal_verify(point, &slot->leaf, slot->seal) ? TL_SEAL_GOOD : TL_SEAL_BAD;
}

static enum tally_reason form_of(enum tally_status status)
{
    if (status == TALLY_OK) {
        return TALLY_REASON_NONE;
    }
    return status == TALLY_ETOOBIG ? TALLY_REASON_TOO_LARGE : TALLY_REASON_MALFORMED;
}

bool tl_section_decode(struct tl_section_slot *slot)
{
    slot->leaf = tl_tree_leaf(slot->entry);
    enum tally_status status = tl_record_decode(slot->entry, &slot->record);
    slot->has_record = status == TALLY_OK;
    if (slot->has_record) {
        status = tl_envelope_decode(slot->record.envelope, &slot->envelope, NULL);
    }
    slot->form = form_of(status);
    slot->has_envelope = status == TALLY_OK;
    slot->has_clear_letters = slot->has_envelope && has_letter(&slot->envelope, 'c');
    return slot->has_envelope;
}

static void check_slot(void *context, size_t item)
{
    struct tl_section *section = context;
    struct tl_section_slot *slot = &section->slots[item];
    bool is_decoded = false;
    if (slot->has_entry) {
        is_decoded = tl_section_decode(slot);
    } else {
        slot->leaf = slot->tile_leaf;
    }
    if (slot->has_seal && section->has_seal_point && (slot->has_entry || slot->has_tile_leaf)) {
        check_seal(slot, section->seal_point);
    }
    if (!is_decoded) {
        return;
    }
    slot->envelope_hash = tl_envelope_hash(&slot->envelope);
    slot->signatures = check_signatures(slot);
    if (slot->has_commitments && !slot->has_clear_letters) {
        slot->deposits = tl_section_check_deposits(slot, (struct tl_deposit_list){.count = 0});
    }
}

static void check_slot_seal(void *context, size_t item)
{
    struct tl_section *section = context;
    struct tl_section_slot *slot = &section->slots[item];
    if (slot->has_seal_key && slot->seal_state == TL_SEAL_UNCHECKED) {
        uint8_t point[sizeof slot->seal_point];
        memcpy(point, slot->seal_point, sizeof point);
        check_seal(slot, point);
    }
}

void tl_section_start(struct tl_section *section, struct tl_pool *pool, const uint8_t *seal_point)
{
    section->has_seal_point = seal_point != NULL;
    if (seal_point != NULL) {
        memcpy(section->seal_point, seal_point, sizeof section->seal_point);
    }
    tl_pool_start(pool, &section->job, section->count, check_slot, section);
}

void tl_section_start_seals(struct tl_section *section, struct tl_pool *pool)
{
    tl_pool_start(pool, &section->job, section->count, check_slot_seal, section);
}
