/* SPDX-License-Identifier: ISC */
#include "client/draft.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "lib/base/mem.h"
#include "lib/tree/tree.h"

#define PADDING 8u
#define EXHIBIT_VALUE_MAX 512u

struct draft *draft_new(void)
{
    return tl_calloc(1, sizeof(struct draft));
}

void draft_free(struct draft *draft)
{
    if (draft == NULL) {
        return;
    }
    for (size_t i = 0; i < draft->part_count; i++) {
        tl_buffer_deinit(&draft->parts[i].name);
        tl_buffer_deinit(&draft->parts[i].value);
    }
    for (size_t i = 0; i < draft->exhibit_count; i++) {
        tl_free(draft->exhibits[i].path);
    }
    tl_free(draft);
}

static struct draft_part *find(struct draft *draft, struct tally_bytes name)
{
    for (size_t i = 0; i < draft->part_count; i++) {
        if (tl_bytes_equal(tl_buffer_bytes(&draft->parts[i].name), name)) {
            return &draft->parts[i];
        }
    }
    return NULL;
}

enum tally_status draft_add(struct draft *draft, struct tally_bytes name, struct tally_bytes value)
{
    if (!tl_is_json_pointer(name)) {
        return TALLY_EFORMAT;
    }
    if (find(draft, name) != NULL) {
        return TALLY_EEXIST;
    }
    if (draft->part_count == TALLY_PART_COUNT_MAX || value.len > TALLY_PART_VALUE_MAX) {
        return TALLY_ETOOBIG;
    }
    struct draft_part *part = &draft->parts[draft->part_count++];
    tl_buffer_init(&part->name, TL_PART_NAME_MAX);
    tl_buffer_init(&part->value, TALLY_PART_VALUE_MAX);
    tl_buffer_add(&part->name, name);
    tl_buffer_add(&part->value, value);
    return part->name.status != TALLY_OK ? part->name.status : part->value.status;
}

enum tally_status draft_withhold(struct draft *draft, const char *name)
{
    struct draft_part *part = find(draft, tl_bytes_text(name));
    if (part == NULL) {
        return TALLY_ENOTFOUND;
    }
    if (part->is_left) {
        return TALLY_EINVAL;
    }
    part->is_withheld = true;
    return TALLY_OK;
}

uint64_t draft_clear_len(const struct draft *draft)
{
    uint64_t len = 0;
    for (size_t i = 0; i < draft->part_count; i++) {
        const struct draft_part *part = &draft->parts[i];
        len += part->is_withheld ? 0 : TL_PART_HEADER_LEN + part->name.len + part->value.len;
    }
    return len;
}

static enum tally_status add_file(struct draft *draft, const struct tally_hash *hash, uint64_t size,
                                  const char *path)
{
    for (size_t i = 0; i < draft->exhibit_count; i++) {
        if (tl_hash_equal(&draft->exhibits[i].hash, hash)) {
            return TALLY_OK; /* the same bytes under two names are left once */
        }
    }
    struct draft_exhibit *exhibit = &draft->exhibits[draft->exhibit_count];
    *exhibit = (struct draft_exhibit){.hash = *hash, .size = size};
    exhibit->path = tl_alloc(strlen(path) + 1);
    if (exhibit->path == NULL) {
        return TALLY_ENOMEM;
    }
    memcpy(exhibit->path, path, strlen(path) + 1);
    draft->exhibit_count++;
    return TALLY_OK;
}

static void add_escaped(struct tl_buffer *pointer, const char *token)
{
    for (; *token != '\0'; token++) {
        if (*token == '~') {
            tl_buffer_add_text(pointer, "~0");
        } else if (*token == '/') {
            tl_buffer_add_text(pointer, "~1");
        } else {
            tl_buffer_add_u8(pointer, (uint8_t)*token);
        }
    }
}

static void add_pointer(struct tl_buffer *pointer, const char *name)
{
    tl_buffer_add_text(pointer, TL_EXHIBIT_PREFIX);
    add_escaped(pointer, name);
}

bool draft_has_exhibit(struct draft *draft, const char *name)
{
    struct tl_buffer pointer;
    tl_buffer_init(&pointer, TL_PART_NAME_MAX);
    add_pointer(&pointer, name);
    bool found = find(draft, tl_buffer_bytes(&pointer)) != NULL;
    tl_buffer_deinit(&pointer);
    return found;
}

enum tally_status draft_add_exhibit(struct draft *draft, const char *name, const char *media_type,
                                    const struct tally_hash *hash, uint64_t size, const char *path,
                                    bool keep)
{
    struct tl_exhibit_value exhibit = {
        .sha256 = *hash,
        .size = size,
        .media_type = tl_bytes_text(media_type),
        .is_stored = !keep,
        .stored = *hash,
    };
    struct tl_buffer pointer;
    struct tl_buffer value;
    tl_buffer_init(&pointer, TL_PART_NAME_MAX);
    tl_buffer_init(&value, EXHIBIT_VALUE_MAX);
    add_pointer(&pointer, name);
    tl_exhibit_value_encode(&exhibit, &value);
    enum tally_status status = pointer.status != TALLY_OK ? pointer.status : value.status;
    if (status == TALLY_OK) { /* a media type can be anything, until it is read back */
        status = tl_exhibit_value_decode(tl_buffer_bytes(&value), &exhibit);
    }
    if (status == TALLY_OK) {
        status = draft_add(draft, tl_buffer_bytes(&pointer), tl_buffer_bytes(&value));
    }
    if (status == TALLY_OK && !keep) {
        draft->parts[draft->part_count - 1].is_left = true;
        status = add_file(draft, hash, size, path);
    }
    tl_buffer_deinit(&pointer);
    tl_buffer_deinit(&value);
    return status;
}

/* What the envelope and the entry file are made from. */
struct sealing {
    size_t count; /* parts and decoys */
    uint8_t commitments[TALLY_PART_COUNT_MAX][TALLY_HASH_LEN];
    uint8_t letters[TALLY_PART_COUNT_MAX];
    struct tl_file_line files[TALLY_PART_COUNT_MAX];
    struct tl_entry_exhibit exhibits[TALLY_PART_COUNT_MAX];
    struct tl_buffer opened;
    unsigned opened_count;
};

static int by_name(const void *a, const void *b)
{
    const struct draft_part *left = a;
    const struct draft_part *right = b;
    return tl_bytes_compare(tl_buffer_bytes(&left->name), tl_buffer_bytes(&right->name));
}

static int by_hash(const void *a, const void *b)
{
    const struct draft_exhibit *left = a;
    const struct draft_exhibit *right = b;
    return tl_bytes_compare(tl_hash_bytes(&left->hash), tl_hash_bytes(&right->hash));
}

/* Chooses which of the padded positions are decoys: each arrangement is equally likely. */
static void place_decoys(size_t parts, size_t count, bool is_decoy[TALLY_PART_COUNT_MAX])
{
    size_t decoys_left = count - parts;
    for (size_t i = 0; i < count; i++) {
        is_decoy[i] = randombytes_uniform((uint32_t)(count - i)) < decoys_left;
        decoys_left -= is_decoy[i] ? 1 : 0;
    }
}

static enum tally_status commit_part(struct sealing *sealing, size_t position,
                                     const struct draft_part *source,
                                     const struct tl_envelope_fields *fields)
{
    struct tl_buffer bytes;
    struct tl_part part = {
        .author = fields->key,
        .ledger = *fields->ledger,
        .name = tl_buffer_bytes(&source->name),
        .value = tl_buffer_bytes(&source->value),
    };
    randombytes_buf(part.salt, sizeof part.salt);
    tl_buffer_init(&bytes, TL_PART_MAX);
    tl_part_encode(&part, &bytes);
    enum tally_status status = bytes.status;
    if (status == TALLY_OK) {
        struct tally_hash commitment = tl_part_commitment(tl_buffer_bytes(&bytes));
        memcpy(sealing->commitments[position], commitment.bytes, TALLY_HASH_LEN);
        sealing->letters[position] = source->is_withheld ? 'w' : 'c';
        tl_deposit_add(&sealing->opened, (unsigned)position, tl_buffer_bytes(&bytes));
        sealing->opened_count++;
        status = sealing->opened.status;
    }
    tl_buffer_deinit(&bytes);
    return status;
}

static enum tally_status commit_parts(struct draft *draft, struct sealing *sealing,
                                      const struct tl_envelope_fields *fields)
{
    bool is_decoy[TALLY_PART_COUNT_MAX];
    sealing->count = (draft->part_count + PADDING - 1) / PADDING * PADDING;
    qsort(draft->parts, draft->part_count, sizeof *draft->parts, by_name);
    place_decoys(draft->part_count, sealing->count, is_decoy);
    enum tally_status status = TALLY_OK;
    for (size_t i = 0, next = 0; i < sealing->count && status == TALLY_OK; i++) {
        if (is_decoy[i]) {
            randombytes_buf(sealing->commitments[i], TALLY_HASH_LEN);
            sealing->letters[i] = 'w';
        } else {
            status = commit_part(sealing, i, &draft->parts[next++], fields);
        }
    }
    return status;
}

static void list_files(struct draft *draft, struct sealing *sealing)
{
    qsort(draft->exhibits, draft->exhibit_count, sizeof *draft->exhibits, by_hash);
    for (size_t i = 0; i < draft->exhibit_count; i++) {
        const struct draft_exhibit *exhibit = &draft->exhibits[i];
        sealing->files[i] =
            (struct tl_file_line){.sealed = false, .hash = exhibit->hash, .size = exhibit->size};
        sealing->exhibits[i] = (struct tl_entry_exhibit){
            .hash = exhibit->hash, .size = exhibit->size, .path = tl_bytes_text(exhibit->path)};
    }
}

static enum tally_status write_entry(const struct draft *draft, struct sealing *sealing,
                                     struct tl_envelope_fields *fields,
                                     struct tl_buffer *entry_file,
                                     struct tl_envelope_fault *reterr_fault)
{
    struct tally_hash hashes[TALLY_PART_COUNT_MAX];
    memcpy(hashes, sealing->commitments, sealing->count * TALLY_HASH_LEN);
    fields->part_count = (unsigned)sealing->count;
    fields->parts_root = tl_tree_root_of(hashes, sealing->count);
    fields->letters = tl_bytes(sealing->letters, sealing->count);
    fields->files = sealing->files;
    fields->file_count = draft->exhibit_count;
    struct tl_buffer envelope;
    tl_buffer_init(&envelope, TALLY_ENVELOPE_MAX);
    enum tally_status status = tl_envelope_encode(fields, &envelope, reterr_fault);
    if (status == TALLY_OK) {
        struct tl_entry_file entry = {
            .envelope = tl_buffer_bytes(&envelope),
            .commitment_count = (unsigned)sealing->count,
            .commitments = tl_bytes(sealing->commitments, sealing->count * TALLY_HASH_LEN),
            .opened = {.count = sealing->opened_count, .items = tl_buffer_bytes(&sealing->opened)},
            .exhibit_count = (unsigned)draft->exhibit_count,
            .exhibits = sealing->exhibits,
        };
        tl_entry_file_encode(&entry, entry_file);
        status = entry_file->status;
    }
    tl_buffer_deinit(&envelope);
    return status;
}

enum tally_status draft_finish(struct draft *draft, struct tl_envelope_fields *fields,
                               struct tl_buffer *entry_file, struct tl_envelope_fault *reterr_fault)
{
    struct sealing *sealing = tl_calloc(1, sizeof *sealing);
    if (sealing == NULL) {
        return TALLY_ENOMEM;
    }
    tl_buffer_init(&sealing->opened, TALLY_ENTRY_FILE_MAX);
    enum tally_status status = commit_parts(draft, sealing, fields);
    if (status == TALLY_OK) {
        list_files(draft, sealing);
        status = write_entry(draft, sealing, fields, entry_file, reterr_fault);
    }
    tl_buffer_deinit(&sealing->opened);
    tl_free(sealing);
    return status;
}
