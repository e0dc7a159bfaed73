/* SPDX-License-Identifier: ISC */
#include "lib/store/rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/note_key.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/codec/checkpoint.h"
#include "lib/store/head_guard.h"
#include "lib/store/item.h"
#include "lib/store/store.h"

#define MAP_SIZE (UINT64_C(1) << 40) /* a ceiling of addresses; serving has its own */
#define EXHIBIT_MODE 0600

enum {
    PATH_LEN_MAX = 1024,
    BATCH_COUNT = 256,
};

/* Signature lines that wait until the records under their checkpoint are committed. */
struct kept {
    uint64_t size;
    size_t len;
    uint8_t lines[TL_BACKUP_NOTE_MAX];
};

struct building {
    struct tl_source *backup;
    struct tl_store *store;
    struct tl_batch *batch; /* NULL: none is open */
    uint64_t size;          /* committed, and in the batch */
    size_t kept_count;
    struct kept kept[BATCH_COUNT];
    struct tl_buffer record;
    struct tl_buffer sealed;
};

/* ---- What stands beside the store ---- */

static enum tally_status write_chunk(void *context, struct tally_bytes chunk)
{
    return tl_write_full(*(const int *)context, chunk);
}

/* Its digest is checked by the verification, in the backup and again in what was built. */
static enum tally_status copy_file(struct building *building, const struct tally_hash *hash)
{
    char path[PATH_LEN_MAX];
    char resource[TL_RESOURCE_PATH_MAX];
    enum tally_status status = tl_store_exhibit_path(building->store, hash, path, sizeof path);
    if (status != TALLY_OK) {
        return status;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, EXHIBIT_MODE);
    if (fd < 0) {
        return errno == EEXIST ? TALLY_OK : tl_status_from_errno(errno); /* named before */
    }
    tl_path_object(hash, resource);
    status = tl_source_stream(building->backup, resource, write_chunk, &fd);
    tl_close(&fd);
    return status;
}

static enum tally_status copy_files(struct building *building, const struct tl_envelope *envelope)
{
    struct tally_bytes lines = envelope->file_lines;
    struct tl_file_line line;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK && tl_envelope_next_file(&lines, &line)) {
        status = copy_file(building, &line.hash);
    }
    return status;
}

/* ---- The store ---- */

static enum tally_status commit(struct building *building)
{
    if (building->batch == NULL) {
        return TALLY_OK;
    }
    enum tally_status status = tl_batch_commit(building->batch);
    building->batch = NULL;
    return status;
}

/* Begins a batch with the checkpoints of what is committed; they go up in size. */
static enum tally_status begin(struct building *building)
{
    if (building->batch != NULL) {
        return TALLY_OK;
    }
    enum tally_status status = tl_batch_begin(building->store, building->size, &building->batch);
    for (size_t i = 0; i < building->kept_count && status == TALLY_OK; i++) {
        const struct kept *kept = &building->kept[i];
        status = tl_batch_put_checkpoint(building->batch, kept->size,
                                         tl_bytes(kept->lines, kept->len));
    }
    building->kept_count = 0;
    return status;
}

static enum tally_status append(struct building *building, const struct tl_append *append)
{
    enum tally_status status = begin(building);
    if (status == TALLY_OK) {
        status = tl_batch_append(building->batch, append);
    }
    if (status != TALLY_ETOOBIG) {
        return status;
    }
    status = commit(building);
    if (status == TALLY_OK) {
        status = begin(building);
    }
    return status == TALLY_OK ? tl_batch_append(building->batch, append) : status;
}

/* The ciphertexts as a submission holds them: by position, those of the letters s. */
static enum tally_status read_sealed(struct building *building, const struct tl_envelope *envelope,
                                     struct tally_hash *hashes, struct tl_deposit_list *ret_list)
{
    struct tally_bytes lines = envelope->sealed_lines;
    struct tl_sealed_line line;
    struct tl_buffer bytes;
    unsigned count = 0;
    enum tally_status status = TALLY_OK;
    tl_buffer_clear(&building->sealed);
    tl_buffer_init(&bytes, TALLY_DEPOSIT_MAX);
    while (status == TALLY_OK && tl_envelope_next_sealed(&lines, &line)) {
        char path[TL_RESOURCE_PATH_MAX];
        tl_path_object(&line.hash, path);
        tl_buffer_clear(&bytes);
        status = tl_source_read(building->backup, path, &bytes);
        if (status == TALLY_OK) {
            tl_deposit_add(&building->sealed, (unsigned)line.position, tl_buffer_bytes(&bytes));
            status = building->sealed.status;
        }
        hashes[count] = line.hash;
        count++;
    }
    tl_buffer_deinit(&bytes);
    ret_list->count = count;
    ret_list->items = tl_buffer_bytes(&building->sealed);
    return status;
}

static enum tally_status keep_lines(struct building *building, const struct tl_backup_item *item)
{
    struct kept *kept = &building->kept[building->kept_count];
    if (item->lines.len == 0) {
        return TALLY_OK;
    }
    if (item->lines.len > sizeof kept->lines) {
        return TALLY_ETOOBIG; /* and so a bad row */
    }
    kept->size = building->size;
    kept->len = item->lines.len;
    memcpy(kept->lines, item->lines.ptr, item->lines.len);
    building->kept_count++;
    return TALLY_OK;
}

static enum tally_status take_item(void *context, const struct tl_backup_item *item)
{
    struct building *building = (struct building *)context;
    struct tally_hash hashes[TALLY_PART_COUNT_MAX];
    struct tl_append entry;
    if (!tl_item_append(item, &entry)) {
        return TALLY_EBAD; /* no record that stands: the report says why */
    }
    tl_buffer_clear(&building->record);
    enum tally_status status = tl_record_encode(item->record, &building->record);
    if (status == TALLY_OK) {
        status = read_sealed(building, item->envelope, hashes, &entry.sealed);
    }
    if (status == TALLY_OK) {
        status = copy_files(building, item->envelope);
    }
    if (status == TALLY_OK) {
        entry.record = tl_buffer_bytes(&building->record);
        entry.sealed_hashes = hashes;
        status = append(building, &entry);
    }
    if (status == TALLY_OK) {
        building->size++;
        status = keep_lines(building, item);
    }
    if (status == TALLY_OK && building->size % BATCH_COUNT == 0) {
        status = commit(building);
    }
    return status;
}

/* What the last records' checkpoints are; the head's own among them. */
static enum tally_status finish(struct building *building)
{
    enum tally_status status = commit(building);
    if (status == TALLY_OK) {
        status = begin(building);
    }
    return status == TALLY_OK ? commit(building) : status;
}

/* ---- The head guard ---- */

/* It holds the line of the key in force alone: that of a key which was replaced stays out. */
static enum tally_status make_guard(const char *directory,
                                    const struct tl_verified_ledger *verified)
{
    const struct tl_note_key *key = &verified->roster->ledger_key;
    struct tl_note note;
    struct tl_note_signature line;
    struct tl_buffer guarded;
    char path[PATH_LEN_MAX];
    int len = snprintf(path, sizeof path, "%s/head", directory);
    enum tally_status status =
        len > 0 && len < PATH_LEN_MAX ? TALLY_OK : TALLY_ETOOBIG;
    tl_buffer_init(&guarded, TL_HEAD_NOTE_MAX);
    if (status == TALLY_OK) {
        status = tl_note_decode(tl_buffer_bytes(&verified->checkpoint), &note);
    }
    if (status == TALLY_OK) {
        tl_buffer_add(&guarded, note.text);
        tl_buffer_add_text(&guarded, "\n");
        while (tl_note_next_signature(&note.signatures, &line)) {
            if (memcmp(line.id, key->id, sizeof key->id) == 0) {
                tl_note_add_line(key, tl_bytes(line.bytes, line.bytes_len), &guarded);
            }
        }
        status = guarded.status;
    }
    if (status == TALLY_OK) {
        status = tl_head_guard_create(path, tl_buffer_bytes(&guarded));
    }
    tl_buffer_deinit(&guarded);
    return status;
}

static enum tally_status build(struct building *building, const char *directory,
                               const struct tl_backup_options *options,
                               struct tl_verified_ledger *ret_verified)
{
    struct tl_backup_options asked = *options;
    asked.item = take_item;
    asked.item_context = building;
    enum tally_status status = tl_store_create(directory);
    if (status == TALLY_OK) {
        status = tl_store_open(directory, MAP_SIZE, TL_STORE_WRITE, &building->store);
    }
    if (status != TALLY_OK) {
        return status;
    }
    status = tl_backup_verify(building->backup, &asked, ret_verified);
    if (status != TALLY_OK || tl_report_exit_code(&ret_verified->report) != 0) {
        return status;
    }
    status = finish(building);
    if (status == TALLY_OK) {
        status = make_guard(directory, ret_verified);
    }
    if (status == TALLY_OK) {
        status = tl_sync_filesystem(directory);
    }
    if (status != TALLY_OK) {
        tl_verified_ledger_deinit(ret_verified);
    }
    return status;
}

enum tally_status tl_store_rebuild(struct tl_source *backup, const char *directory,
                                   const struct tl_backup_options *options,
                                   struct tl_verified_ledger *ret_verified)
{
    struct building *building = (struct building *)tl_calloc(1, sizeof *building);
    if (building == NULL) {
        return TALLY_ENOMEM;
    }
    building->backup = backup;
    tl_buffer_init(&building->record, TALLY_RECORD_MAX);
    tl_buffer_init(&building->sealed, TALLY_SUBMISSION_MAX);
    enum tally_status status = build(building, directory, options, ret_verified);
    tl_store_close(building->store);
    tl_buffer_deinit(&building->record);
    tl_buffer_deinit(&building->sealed);
    tl_free(building);
    return status;
}
