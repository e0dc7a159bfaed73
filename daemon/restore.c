/* SPDX-License-Identifier: ISC */
#include "daemon/restore.h"

#include <inttypes.h>

#include "daemon/exit_code.h"
#include "daemon/log.h"
#include "lib/base/mem.h"

static int damaged(uint64_t index, const char *what)
{
    tl_log(TL_LOG_CRITICAL,
           "record %" PRIu64 ": %s. The store is damaged: keep it as it is, run tally verify on a "
           "copy, restore a verified backup or mirror (tallyd(8), RECOVERY)",
           index, what);
    return TL_EXIT_DAMAGED;
}

static int unreadable(uint64_t index, enum tally_status status)
{
    tl_log(TL_LOG_CRITICAL, "record %" PRIu64 " cannot be read: %s", index,
           tally_status_text(status));
    return TL_EXIT_DAMAGED;
}

/* One stored record with its envelope; views point into buffer. */
struct stored {
    struct tl_buffer buffer;
    uint8_t seal[TALLY_SIGNATURE_LEN];
    struct tl_record record;
    struct tl_envelope envelope;
    struct tally_hash leaf;
};

static void stored_init(struct stored *stored)
{
    tl_buffer_init(&stored->buffer, TALLY_RECORD_MAX);
}

static void stored_deinit(struct stored *stored)
{
    tl_buffer_deinit(&stored->buffer);
}

static int read_record(struct tl_ledger *ledger, uint64_t index, struct stored *stored)
{
    tl_buffer_clear(&stored->buffer);
    enum tally_status status =
        tl_store_record(ledger->store, index, &stored->buffer, stored->seal);
    if (status != TALLY_OK) {
        return unreadable(index, status);
    }
    struct tally_bytes bytes = tl_buffer_bytes(&stored->buffer);
    if (tl_record_decode(bytes, &stored->record) != TALLY_OK ||
        tl_envelope_decode(stored->record.envelope, &stored->envelope, NULL) != TALLY_OK) {
        return damaged(index, "malformed");
    }
    if (stored->record.index != index) {
        return damaged(index, "carries another index");
    }
    stored->leaf = tl_tree_leaf(bytes);
    return TL_EXIT_OK;
}

static int remember_constitution(struct tl_ledger *ledger, const struct stored *stored)
{
    size_t count = ledger->constitution_count + 1;
    struct tl_constitution_entry *grown = (struct tl_constitution_entry *)tl_realloc(
        ledger->constitution, count * sizeof *grown);
    if (grown == NULL) {
        tl_log(TL_LOG_CRITICAL, "out of memory");
        return TL_EXIT_FAILURE;
    }
    grown[count - 1].index = stored->record.index;
    grown[count - 1].envelope = tl_envelope_hash(&stored->envelope);
    ledger->constitution = grown;
    ledger->constitution_count = count;
    return TL_EXIT_OK;
}

/* The first key is the charter's; later ones seal from the record after their amendment. */
static int remember_key(struct tl_ledger *ledger, uint64_t index)
{
    const struct tl_note_key *key = &tl_judge_roster(ledger->judge)->ledger_key;
    const struct tl_ledger_key *newest =
        ledger->key_count == 0 ? NULL : &ledger->keys[ledger->key_count - 1];
    if (newest != NULL && tl_bytes_equal(tl_bytes(newest->key.point, sizeof key->point),
                                         tl_bytes(key->point, sizeof key->point))) {
        return TL_EXIT_OK;
    }
    if (ledger->key_count == TL_LEDGER_KEY_COUNT_MAX) {
        tl_log(TL_LOG_CRITICAL, "the ledger has had more keys than this daemon can hold");
        return TL_EXIT_FAILURE;
    }
    ledger->keys[ledger->key_count].key = *key;
    ledger->keys[ledger->key_count].from = newest == NULL ? 0 : index + 1;
    ledger->key_count++;
    return TL_EXIT_OK;
}

static int restore_constitution(struct tl_ledger *ledger, struct stored *stored)
{
    uint64_t index = TL_NEVER;
    enum tally_status status = tl_store_next_constitution(ledger->store, &index);
    for (; status == TALLY_OK; status = tl_store_next_constitution(ledger->store, &index)) {
        enum tally_reason reason = TALLY_REASON_NONE;
        int code = read_record(ledger, index, stored);
        if (code != TL_EXIT_OK) {
            return code;
        }
        status = tl_judge_restore_constitution(ledger->judge, &stored->record, &stored->envelope,
                                               &stored->leaf, &reason);
        if (status != TALLY_OK) {
            return unreadable(index, status);
        }
        if (reason != TALLY_REASON_NONE) {
            return damaged(index, tally_reason_name(reason));
        }
        code = remember_constitution(ledger, stored);
        if (code == TL_EXIT_OK) {
            code = remember_key(ledger, index);
        }
        if (code != TL_EXIT_OK) {
            return code;
        }
    }
    if (status != TALLY_ENOTFOUND) {
        return unreadable(index, status);
    }
    if (ledger->constitution_count == 0) {
        return damaged(0, "there is no charter");
    }
    ledger->id = ledger->constitution[0].envelope;
    return TL_EXIT_OK;
}

static int restore_author(struct tl_ledger *ledger, size_t number, struct stored *stored)
{
    struct tl_author_state author = {.sequence = 0};
    uint64_t index = 0;
    enum tally_status status = tl_store_author_last(ledger->store, (uint32_t)number,
                                                    &author.sequence, &index, &author.previous);
    if (status == TALLY_ENOTFOUND) {
        return TL_EXIT_OK;
    }
    if (status != TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "state of key %zu cannot be read: %s", number,
               tally_status_text(status));
        return TL_EXIT_DAMAGED;
    }
    int code = read_record(ledger, index, stored);
    if (code != TL_EXIT_OK) {
        return code;
    }
    struct tally_hash envelope = tl_envelope_hash(&stored->envelope);
    if (!tl_hash_equal(&envelope, &author.previous) ||
        stored->envelope.sequence != author.sequence) {
        return damaged(index, "is not what the author table says of it");
    }
    author.seen_index = stored->envelope.seen_index;
    status = tl_judge_restore_author(ledger->judge, number, &author);
    return status == TALLY_OK ? TL_EXIT_OK : unreadable(index, status);
}

static int restore_all(struct tl_ledger *ledger, struct stored *stored)
{
    uint64_t size = tl_store_size(ledger->store);
    int code = restore_constitution(ledger, stored);
    if (code == TL_EXIT_OK) {
        code = read_record(ledger, size - 1, stored);
    }
    if (code != TL_EXIT_OK) {
        return code;
    }
    tl_judge_restore_head(ledger->judge, size, &stored->leaf, stored->record.received_us);
    tl_clock_init(&ledger->clock, tl_clock_read(), stored->record.received_us);
    size_t keys = tl_judge_roster(ledger->judge)->key_count;
    for (size_t i = 0; i < keys && code == TL_EXIT_OK; i++) {
        code = restore_author(ledger, i, stored);
    }
    if (code != TL_EXIT_OK) {
        return code;
    }
    enum tally_status status =
        tl_tree_edge_load(size, tl_store_fetch_node, ledger->store, &ledger->edge);
    return status == TALLY_OK ? TL_EXIT_OK : unreadable(size - 1, status);
}

int tl_restore(struct tl_ledger *ledger)
{
    if (tl_store_size(ledger->store) == 0) {
        return damaged(0, "there is no charter");
    }
    enum tally_status status = tl_judge_new(&ledger->judge);
    if (status != TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "out of memory");
        return TL_EXIT_FAILURE;
    }
    struct stored stored;
    stored_init(&stored);
    int code = restore_all(ledger, &stored);
    stored_deinit(&stored);
    return code;
}

static int check_record(struct tl_ledger *ledger, struct stored *stored, uint64_t index,
                        const struct tally_hash *link)
{
    int code = read_record(ledger, index, stored);
    if (code != TL_EXIT_OK) {
        return code;
    }
    if (link != NULL && !tl_hash_equal(&stored->record.link, link)) {
        return damaged(index, tally_reason_name(TALLY_REASON_LINK_MISMATCH));
    }
    struct tally_hash node;
    enum tally_status status = tl_store_fetch_node(ledger->store, 0, index, &node);
    if (status != TALLY_OK) {
        return unreadable(index, status);
    }
    if (!tl_hash_equal(&node, &stored->leaf)) {
        return damaged(index, tally_reason_name(TALLY_REASON_LEAF_MISMATCH));
    }
    struct tl_note_key key = tl_ledger_key_at(ledger, index);
    if (!tl_seal_verify(key.point, &stored->leaf, stored->seal)) {
        return damaged(index, tally_reason_name(TALLY_REASON_SEAL_INVALID));
    }
    return TL_EXIT_OK;
}

int tl_restore_check_tail(struct tl_ledger *ledger, uint64_t count)
{
    uint64_t size = tl_store_size(ledger->store);
    uint64_t begin = size > count ? size - count : 0;
    struct tally_hash link;
    struct stored stored;
    int code = TL_EXIT_OK;
    stored_init(&stored);
    for (uint64_t index = begin; index < size && code == TL_EXIT_OK; index++) {
        code = check_record(ledger, &stored, index, index == begin ? NULL : &link);
        link = stored.leaf;
    }
    stored_deinit(&stored);
    return code;
}
