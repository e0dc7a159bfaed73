/* SPDX-License-Identifier: ISC */
#include "tests/crash/check.h"

#include <string.h>
#include <unistd.h>

#include "daemon/exhibits.h"
#include "daemon/ledger.h"
#include "daemon/receipts.h"
#include "lib/base/file.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/receipt.h"

const char *const check_texts[CHECK_FINDING_COUNT] = {
#define CHECK_TEXT(name, text) text,
    CHECK_FINDINGS(CHECK_TEXT)
#undef CHECK_TEXT
};

/* Before the start, which would bring the guard up to date. */
static enum check_finding check_guard(const struct promises *promises, const char *path)
{
    struct tl_head_guard *guard = NULL;
    struct tl_checkpoint checkpoint;
    if (tl_head_guard_open(path, true, &guard) != TALLY_OK) {
        return CHECK_HEAD_GONE;
    }
    struct tally_bytes note = tl_head_guard_note(guard);
    size_t text_len = note.len - tl_note_lines(note).len - 1;
    bool reads = tl_checkpoint_decode(tl_bytes(note.ptr, text_len), &checkpoint) == TALLY_OK;
    tl_head_guard_close(guard);
    return reads && checkpoint.size >= promises->size_min ? CHECK_NOTHING : CHECK_HEAD_OLD;
}

static bool is_whole(const struct promises *promises, struct tl_store *store, uint64_t index,
                     struct tl_buffer *buffer)
{
    const struct promised_record *known = &promises->records[index];
    uint8_t seal[TALLY_SIGNATURE_LEN];
    struct tally_hash leaf;
    tl_buffer_clear(buffer);
    return index < promises->record_count &&
           tl_store_record(store, index, buffer, seal) == TALLY_OK &&
           tl_bytes_equal(tl_buffer_bytes(buffer), known->record) &&
           memcmp(seal, known->seal, sizeof seal) == 0 &&
           tl_store_fetch_node(store, 0, index, &leaf) == TALLY_OK &&
           tl_hash_equal(&leaf, &known->leaf);
}

/* The records are those of the receipts: they are a chain, and no receipt is without its own. */
static enum check_finding check_chain(const struct promises *promises, struct tl_store *store)
{
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TALLY_RECORD_MAX);
    uint64_t size = tl_store_size(store);
    uint64_t index = 0;
    while (index < size && is_whole(promises, store, index, &buffer)) {
        index++;
    }
    tl_buffer_deinit(&buffer);
    if (index < size) {
        return CHECK_CHAIN;
    }
    return size < promises->size_min ? CHECK_LOST : CHECK_NOTHING;
}

static enum check_finding check_tree(const struct promises *promises, struct tl_store *store)
{
    for (size_t i = 0; i < promises->head_count; i++) {
        struct tally_hash root;
        if (tl_tree_root(promises->heads[i].size, tl_store_fetch_node, store, &root) != TALLY_OK ||
            !tl_hash_equal(&root, &promises->heads[i].root)) {
            return CHECK_TREE;
        }
    }
    return CHECK_NOTHING;
}

static enum check_finding check_receipts(const struct promises *promises, struct tl_ledger *ledger)
{
    uint64_t count = promises->receipt_count;
    enum check_finding finding = CHECK_NOTHING;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TL_RECEIPT_MAX);
    for (uint64_t i = count > PROMISES_RECENT ? count - PROMISES_RECENT : 0; i < count; i++) {
        uint64_t index = promises->recent[i % PROMISES_RECENT];
        tl_buffer_clear(&buffer);
        if (tl_receipt_build(ledger, index, &buffer) != TALLY_OK ||
            !tl_bytes_equal(tl_buffer_bytes(&buffer), promises->records[index].receipt)) {
            finding = CHECK_RECEIPT;
        }
    }
    tl_buffer_deinit(&buffer);
    return finding;
}

static bool is_file_of(enum tally_status status, const char *path, const struct tally_hash *hash)
{
    struct tally_hash digest;
    uint64_t size;
    return status == TALLY_OK && tl_file_digest(path, &digest, &size) == TALLY_OK &&
           tl_hash_equal(&digest, hash);
}

/* Among those that records name; before that it is a deposit. */
static bool has_exhibit(struct tl_store *store, const struct tally_hash *hash, bool named)
{
    char path[TL_CONFIG_TEXT_MAX * 2];
    enum tally_status status = tl_store_exhibit_path(store, hash, path, sizeof path);
    if (is_file_of(status, path, hash)) {
        return true;
    }
    status = tl_store_deposit_path(store, hash, path, sizeof path);
    return !named && is_file_of(status, path, hash);
}

/* Those that a client was told of, and those that a record names. */
static enum check_finding check_exhibits(const struct promises *promises, struct tl_store *store)
{
    for (size_t i = 0; i < promises->exhibit_count; i++) {
        if (!has_exhibit(store, &promises->exhibits[i], false)) {
            return CHECK_EXHIBIT;
        }
    }
    for (uint64_t i = 0; i < tl_store_size(store); i++) {
        if (promises->records[i].has_exhibit &&
            !has_exhibit(store, &promises->records[i].exhibit, true)) {
            return CHECK_EXHIBIT;
        }
    }
    return CHECK_NOTHING;
}

/* One commit, of what the next batch would keep first: LMDB's free pages are sound too. */
static enum check_finding check_commit(struct tl_ledger *ledger)
{
    struct tl_head_view view;
    tl_head_read(&ledger->head, &view);
    return tl_ledger_keep_lines(ledger, &view) == TALLY_OK ? CHECK_NOTHING : CHECK_STUCK;
}

static enum check_finding check_ledger(const struct promises *promises, struct tl_ledger *ledger)
{
    enum check_finding finding = check_chain(promises, ledger->store);
    if (finding == CHECK_NOTHING) {
        finding = check_tree(promises, ledger->store);
    }
    if (finding == CHECK_NOTHING) {
        finding = check_receipts(promises, ledger);
    }
    if (finding == CHECK_NOTHING) {
        finding = check_exhibits(promises, ledger->store);
    }
    if (finding == CHECK_NOTHING && tl_exhibits_clear(ledger) != TALLY_OK) {
        finding = CHECK_STUCK;
    }
    return finding == CHECK_NOTHING ? check_commit(ledger) : finding;
}

enum check_finding check_state(const struct promises *promises, const struct tl_config *config,
                               int *ret_exit_code)
{
    struct tl_ledger *ledger = NULL;
    bool there = access(config->data, F_OK) == 0;
    enum check_finding guard =
        promises->exists ? check_guard(promises, config->head) : CHECK_NOTHING;
    *ret_exit_code = tl_ledger_open(config, false, &ledger);
    if (*ret_exit_code != 0) {
        return promises->exists ? CHECK_REFUSED : there ? CHECK_HALF_MADE : CHECK_NOTHING;
    }
    enum check_finding finding = check_ledger(promises, ledger);
    tl_ledger_close(ledger);
    return finding == CHECK_NOTHING ? guard : finding;
}
