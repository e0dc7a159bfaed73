/* SPDX-License-Identifier: ISC */
#include "lib/archive/publish.h"

#include <string.h>

#include "lib/archive/bundle_file.h"
#include "lib/archive/publish_files.h"
#include "lib/archive/section.h"
#include "lib/archive/source_directory.h"
#include "lib/archive/tile_builder.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/codec/checkpoint.h"

#define LEVELS_PER_TILE 8u

struct head {
    struct tl_buffer bytes;
    struct tl_checkpoint checkpoint; /* borrows from bytes */
};

struct publication {
    struct tl_source *source;
    const struct tl_publish_options *options;
    struct tl_publish_files files;
    struct head head;            /* the source's */
    struct tl_source *published; /* the directory as it was */
    bool has_old;
    struct head old; /* its checkpoint */
    struct tl_tile_builder *tiles;
    struct tl_section *section;
    struct tl_buffer scratch;
    struct tl_tile cached; /* tile in cached_bytes; width 0: none */
    struct tl_buffer cached_bytes;
};

static enum tally_status read_head(struct tl_source *source, struct head *head)
{
    struct tl_note note;
    enum tally_status status = tl_source_read(source, TL_PATH_CHECKPOINT, &head->bytes);
    if (status == TALLY_OK) {
        status = tl_note_decode(tl_buffer_bytes(&head->bytes), &note);
    }
    if (status == TALLY_OK) {
        status = tl_checkpoint_decode(note.text, &head->checkpoint);
    }
    return status;
}

/* ---- What is published already ---- */

static enum tally_status read_old(struct publication *p, const char *directory)
{
    enum tally_status status = tl_make_directories(directory, p->files.directory_mode);
    if (status == TALLY_OK) {
        status = tl_source_over_directory(directory, &p->published);
    }
    if (status == TALLY_OK) {
        status = read_head(p->published, &p->old);
        if (status == TALLY_ENOTFOUND) {
            return TALLY_OK;
        }
    }
    if (status != TALLY_OK) {
        return status;
    }
    p->has_old = true;
    if (!tl_bytes_equal(p->old.checkpoint.origin, p->head.checkpoint.origin)) {
        return TALLY_EBAD;
    }
    return p->old.checkpoint.size > p->head.checkpoint.size ? TALLY_EROLLBACK : TALLY_OK;
}

static enum tally_status read_old_tile(struct publication *p, const struct tl_tile *tile)
{
    char path[TL_TILE_PATH_MAX];
    if (p->cached.width == tile->width && p->cached.level == tile->level &&
        p->cached.n == tile->n) {
        return TALLY_OK;
    }
    p->cached.width = 0;
    tl_tile_path(tile, path);
    tl_buffer_clear(&p->cached_bytes);
    enum tally_status status = tl_source_read(p->published, path, &p->cached_bytes);
    if (status == TALLY_OK && p->cached_bytes.len != (size_t)tile->width * TALLY_HASH_LEN) {
        status = TALLY_EBAD;
    }
    if (status == TALLY_OK) {
        p->cached = *tile;
    }
    return status;
}

/* A complete node, from the tiles of the archive as it was. */
static enum tally_status fetch_old_node(void *context, unsigned level, uint64_t index,
                                        struct tally_hash *ret_hash)
{
    struct publication *p = context;
    struct tally_hash hashes[TL_TILE_WIDTH];
    unsigned tile_level = level / LEVELS_PER_TILE;
    unsigned height = level % LEVELS_PER_TILE;
    uint64_t first = index << height;
    size_t count = (size_t)1 << height;
    struct tl_tile tile = {
        .kind = TL_TILE_HASHES, .level = tile_level, .n = first / TL_TILE_WIDTH};
    tile.width = tl_tile_width(p->old.checkpoint.size, tile_level, tile.n);
    size_t offset = (size_t)(first % TL_TILE_WIDTH);
    if (offset + count > tile.width) {
        return TALLY_EINTERNAL;
    }
    enum tally_status status = read_old_tile(p, &tile);
    if (status == TALLY_OK) {
        memcpy(hashes, p->cached_bytes.ptr + offset * TALLY_HASH_LEN, count * TALLY_HASH_LEN);
        *ret_hash = tl_tree_root_of(hashes, count);
    }
    return status;
}

/* At the size that was published before, the history must be the one that was published. */
static enum tally_status check_old_root(const struct publication *p)
{
    if (!p->has_old || p->tiles->edge.size != p->old.checkpoint.size) {
        return TALLY_OK;
    }
    struct tally_hash root = tl_tree_edge_root(&p->tiles->edge);
    return tl_hash_equal(&root, &p->old.checkpoint.root) ? TALLY_OK : TALLY_EBAD;
}

/* ---- Records and what belongs to them ---- */

/* Ciphertexts that the source does not have may stay out; files in clear must be there. */
static enum tally_status publish_object(struct publication *p, const struct tally_hash *hash,
                                        uint64_t size, bool sealed)
{
    if (sealed && p->options->skip_objects) {
        return TALLY_OK;
    }
    enum tally_status status = tl_publish_object(&p->files, p->source, hash, size);
    if (status == TALLY_ENOTFOUND) {
        return sealed ? TALLY_OK : TALLY_EBAD;
    }
    return status;
}

static enum tally_status publish_objects(struct publication *p, const struct tl_envelope *envelope)
{
    struct tally_bytes lines = envelope->sealed_lines;
    struct tl_sealed_line sealed;
    struct tl_file_line file;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK && tl_envelope_next_sealed(&lines, &sealed)) {
        status = publish_object(p, &sealed.hash, sealed.size, true);
    }
    lines = envelope->file_lines;
    while (status == TALLY_OK && tl_envelope_next_file(&lines, &file)) {
        status = publish_object(p, &file.hash, file.size, file.sealed);
    }
    return status;
}

static enum tally_status publish_deposits(struct publication *p, struct tl_section_slot *slot,
                                          uint64_t index)
{
    char path[TL_RESOURCE_PATH_MAX];
    struct tl_deposit_list clear = {.count = 0};
    enum tally_status status = TALLY_OK;
    tl_buffer_clear(&p->scratch);
    tl_path_parts(index, path);
    if (slot->has_clear_letters) {
        status = tl_source_read(p->source, path, &p->scratch);
        if (status == TALLY_ENOTFOUND || status == TALLY_ETOOBIG) {
            status = TALLY_EBAD;
        }
        if (status == TALLY_OK &&
            tl_parts_decode(tl_buffer_bytes(&p->scratch), &clear) != TALLY_OK) {
            status = TALLY_EBAD;
        }
    }
    if (status == TALLY_OK && tl_section_check_deposits(slot, clear) != TALLY_REASON_NONE) {
        status = TALLY_EBAD;
    }
    if (status == TALLY_OK && slot->has_clear_letters) {
        status = tl_publish_file(&p->files, path, tl_buffer_bytes(&p->scratch));
    }
    return status == TALLY_OK ? publish_objects(p, &slot->envelope) : status;
}

/* Decodes and adds to the tree every record of the section; nothing is written yet. */
static enum tally_status take_section(struct publication *p)
{
    struct tl_section *section = p->section;
    for (size_t i = 0; i < TL_SECTION_PART_COUNT; i++) {
        if (section->is_missing[i] || section->is_surplus[i]) {
            return TALLY_EBAD;
        }
    }
    for (unsigned i = 0; i < section->count; i++) {
        struct tl_section_slot *slot = &section->slots[i];
        if (!slot->has_entry || !slot->has_seal || !slot->has_commitments || !slot->has_tile_leaf ||
            !tl_section_decode(slot) || !tl_hash_equal(&slot->leaf, &slot->tile_leaf)) {
            return TALLY_EBAD;
        }
    }
    return TALLY_OK;
}

static enum tally_status add_leaves(struct publication *p)
{
    enum tally_status status = TALLY_OK;
    for (unsigned i = 0; i < p->section->count && status == TALLY_OK; i++) {
        status = tl_tile_builder_add(p->tiles, &p->section->slots[i].leaf);
        if (status == TALLY_OK) {
            status = check_old_root(p);
        }
    }
    return status;
}

static void encode_bundle(const struct tl_section *section, enum tl_tile_kind kind,
                          struct tl_buffer *buffer)
{
    for (unsigned i = 0; i < section->count; i++) {
        const struct tl_section_slot *slot = &section->slots[i];
        if (kind == TL_TILE_ENTRIES) {
            tl_entries_add(buffer, slot->entry);
        } else if (kind == TL_TILE_SEALS) {
            tl_buffer_add(buffer, tl_bytes(slot->seal, TALLY_SIGNATURE_LEN));
        } else {
            tl_commitments_add(buffer, slot->commitments);
        }
    }
}

static enum tally_status publish_bundles(struct publication *p)
{
    static const enum tl_tile_kind kinds[] = {TL_TILE_ENTRIES, TL_TILE_SEALS, TL_TILE_COMMITMENTS};
    enum tally_status status = TALLY_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && status == TALLY_OK; i++) {
        char path[TL_TILE_PATH_MAX];
        struct tl_tile tile = {
            .kind = kinds[i],
            .n = p->section->first / TL_TILE_WIDTH,
            .width = p->section->count,
        };
        tl_tile_path(&tile, path);
        tl_buffer_clear(&p->scratch);
        encode_bundle(p->section, kinds[i], &p->scratch);
        status = p->scratch.status;
        if (status == TALLY_OK) {
            status = tl_publish_file(&p->files, path, tl_buffer_bytes(&p->scratch));
        }
    }
    return status;
}

/*
 * The kept checkpoints of the section. The head's own lines are kept by the host with the batch
 * after it, and this bundle may never be looked at again: they are taken from the checkpoint.
 */
static enum tally_status publish_kept(struct publication *p)
{
    struct tl_tile tile = {
        .kind = TL_TILE_CHECKPOINTS,
        .n = p->section->first / TL_TILE_WIDTH,
        .width = p->section->count,
    };
    char path[TL_TILE_PATH_MAX];
    struct tally_bytes rows[TL_TILE_WIDTH];
    unsigned decoded = 0;
    struct tl_note head;
    tl_tile_path(&tile, path);
    tl_buffer_clear(&p->cached_bytes);
    p->cached.width = 0;
    enum tally_status status = tl_source_read(p->source, path, &p->cached_bytes);
    if (status != TALLY_OK) {
        return status;
    }
    if (tl_entries_decode(tl_buffer_bytes(&p->cached_bytes), tile.width, rows, &decoded) !=
            TALLY_OK ||
        tl_note_decode(tl_buffer_bytes(&p->head.bytes), &head) != TALLY_OK) {
        return TALLY_EBAD;
    }
    if (p->section->first + tile.width == p->head.checkpoint.size && rows[decoded - 1].len == 0) {
        rows[decoded - 1] = head.signatures;
    }
    tl_buffer_clear(&p->scratch);
    for (unsigned i = 0; i < decoded; i++) {
        tl_entries_add(&p->scratch, rows[i]);
    }
    return p->scratch.status == TALLY_OK
               ? tl_publish_file(&p->files, path, tl_buffer_bytes(&p->scratch))
               : p->scratch.status;
}

static enum tally_status publish_tile(void *context, const struct tl_tile *tile,
                                      struct tally_bytes hashes)
{
    struct publication *p = context;
    char path[TL_TILE_PATH_MAX];
    tl_tile_path(tile, path);
    return tl_publish_file(&p->files, path, hashes);
}

static enum tally_status publish_section(struct publication *p, uint64_t first)
{
    uint64_t size = p->head.checkpoint.size;
    enum tally_status status = tl_section_load(p->section, p->source, first, size);
    if (status == TALLY_OK && size - first > TL_TILE_WIDTH) {
        tl_section_prefetch(p->source, first + TL_TILE_WIDTH, size);
    }
    if (status == TALLY_OK) {
        status = take_section(p);
    }
    if (status == TALLY_OK) {
        status = add_leaves(p);
    }
    if (status == TALLY_OK) {
        status = publish_bundles(p);
    }
    if (status == TALLY_OK && p->options->is_backup) {
        status = publish_kept(p);
    }
    for (unsigned i = 0; i < p->section->count && status == TALLY_OK; i++) {
        status = publish_deposits(p, &p->section->slots[i], first + i);
    }
    if (status == TALLY_OK && p->options->progress != NULL) {
        p->options->progress(p->options->context, p->tiles->edge.size, size);
    }
    return status;
}

/* ---- The whole ---- */

/* Where to go on: behind the full bundles that are published, unless tiles of theirs are gone. */
static enum tally_status resume(struct publication *p, uint64_t *ret_first)
{
    uint64_t first = p->has_old ? p->old.checkpoint.size : 0;
    first -= first % TL_TILE_WIDTH;
    enum tally_status status = tl_tile_builder_resume(p->tiles, first, fetch_old_node, p);
    if (status == TALLY_ENOTFOUND) {
        tl_tile_builder_init(p->tiles, publish_tile, p);
        first = 0;
        status = TALLY_OK;
    }
    *ret_first = first;
    return status == TALLY_OK ? check_old_root(p) : status;
}

static enum tally_status publish_all(struct publication *p)
{
    uint64_t size = p->head.checkpoint.size;
    uint64_t first = 0;
    enum tally_status status = resume(p, &first);
    if (status == TALLY_OK && first < size) {
        tl_section_prefetch(p->source, first, size);
    }
    for (; status == TALLY_OK && first < size; first += TL_TILE_WIDTH) {
        status = publish_section(p, first);
    }
    if (status != TALLY_OK) {
        return status;
    }
    struct tally_hash root = tl_tree_edge_root(&p->tiles->edge);
    if (!tl_hash_equal(&root, &p->head.checkpoint.root)) {
        return TALLY_EBAD;
    }
    struct tally_bytes note = tl_buffer_bytes(&p->head.bytes);
    status = tl_tile_builder_finish(p->tiles);
    if (status == TALLY_OK) {
        status = tl_publish_sync(&p->files, note);
    }
    if (status == TALLY_OK && p->options->confirm != NULL) {
        status = p->options->confirm(p->options->context, note);
    }
    return status == TALLY_OK ? tl_publish_checkpoint(&p->files, note) : status;
}

static enum tally_status begin(struct publication *p, const char *directory)
{
    p->tiles = tl_calloc(1, sizeof *p->tiles);
    p->section = tl_alloc(sizeof *p->section);
    if (p->section != NULL) {
        tl_section_init(p->section);
    }
    if (p->tiles == NULL || p->section == NULL) {
        return TALLY_ENOMEM;
    }
    tl_tile_builder_init(p->tiles, publish_tile, p);
    enum tally_status status = read_head(p->source, &p->head);
    if (status == TALLY_OK && p->head.checkpoint.size == 0) {
        status = TALLY_EFORMAT;
    }
    return status == TALLY_OK ? read_old(p, directory) : status;
}

static void end(struct publication *p)
{
    if (p->section != NULL) {
        tl_section_deinit(p->section);
    }
    tl_free(p->section);
    tl_free(p->tiles);
    tl_source_close(p->published);
    tl_publish_files_deinit(&p->files);
    tl_buffer_deinit(&p->head.bytes);
    tl_buffer_deinit(&p->old.bytes);
    tl_buffer_deinit(&p->scratch);
    tl_buffer_deinit(&p->cached_bytes);
}

enum tally_status tl_publish(struct tl_source *source, const char *directory,
                             const struct tl_publish_options *options,
                             struct tl_published *ret_published)
{
    static const struct tl_publish_options none = {.skip_objects = false};
    struct publication p;
    memset(&p, 0, sizeof p);
    p.source = source;
    p.options = options == NULL ? &none : options;
    tl_publish_files_init(&p.files, directory, p.options->is_backup);
    tl_buffer_init(&p.head.bytes, TL_NOTE_MAX);
    tl_buffer_init(&p.old.bytes, TL_NOTE_MAX);
    tl_buffer_init(&p.scratch, TL_RESOURCE_MAX);
    tl_buffer_init(&p.cached_bytes, TL_RESOURCE_MAX);
    enum tally_status status = begin(&p, directory);
    if (status == TALLY_OK) {
        status = publish_all(&p);
    }
    if (status == TALLY_OK) {
        ret_published->size = p.head.checkpoint.size;
        ret_published->files_written = p.files.written;
    }
    end(&p);
    return status;
}
