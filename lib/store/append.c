/* SPDX-License-Identifier: ISC */
/*
 * A batch is one LMDB transaction. All tables but that of authors and of sealed objects grow at
 * their end, so a batch dirties few pages however large the ledger is.
 */
#include "lib/base/check.h"
#include "lib/store/store.h"
#include "lib/store/store_internal.h"

enum {
    PAGES_EACH = 6, /* of the tables, an insert into that of authors included */
    PAGES_SEALED = 4,
    NODES_VALUE_MAX = TL_NODES_HEAD_LEN + (TL_TREE_LEVEL_MAX + 1) * TALLY_HASH_LEN,
};

enum tally_status tl_batch_begin(struct tl_store *store, uint64_t size, struct tl_batch **ret_batch)
{
    struct tl_batch *batch = &store->batch;
    TL_ASSERT(!batch->open);
    if (store->access != TL_STORE_WRITE) {
        return TALLY_EACCES;
    }
    if (store->failed) {
        return TALLY_EIO;
    }
    enum tally_status status = tl_mdb_write_begin(store->mdb, &batch->txn);
    if (status != TALLY_OK) {
        return status;
    }
    uint64_t stored = 0;
    status = tl_store_txn_size(&batch->txn, &stored);
    if (status == TALLY_OK && (stored != size || store->edge.size != size)) {
        status = TALLY_EROLLBACK;
    }
    if (status != TALLY_OK) {
        tl_mdb_abort(&batch->txn);
        return status;
    }
    batch->store = store;
    batch->edge = store->edge;
    batch->start = size;
    batch->pages = 0;
    batch->status = TALLY_OK;
    batch->open = true;
    *ret_batch = batch;
    return TALLY_OK;
}

/* How many pages the record may dirty. A value too long for a shared page gets pages of its own. */
static uint64_t pages_of(const struct tl_append *append)
{
    uint64_t own = append->record.len + append->commitments.len + append->clear.items.len +
                   append->sealed.items.len;
    return PAGES_EACH + own / TL_MDB_PAGE_LEN + (uint64_t)append->sealed.count * PAGES_SEALED;
}

static void check_append(const struct tl_batch *batch, const struct tl_append *append)
{
    TL_ASSERT(append->index == batch->edge.size);
    TL_ASSERT(append->record.len <= TALLY_RECORD_MAX);
    TL_ASSERT(tl_store_is_record_of(append->record, append->index));
    TL_ASSERT(append->commitments.len % TALLY_HASH_LEN == 0);
    TL_ASSERT(append->commitments.len <= TALLY_PART_COUNT_MAX * TALLY_HASH_LEN);
    TL_ASSERT(append->sealed.count == 0 || append->sealed_hashes != NULL);
}

static void add_node(void *context, unsigned level, uint64_t index, const struct tally_hash *hash)
{
    (void)level;
    (void)index;
    tl_write_bytes((struct tl_writer *)context, tl_hash_bytes(hash));
}

/* The record's leaf hash and every node that it completes stand together, by level. */
static enum tally_status put_nodes(struct tl_batch *batch, const struct tl_append *append,
                                   struct tally_bytes key)
{
    uint8_t value[NODES_VALUE_MAX];
    struct tl_writer writer = tl_writer_over(value, sizeof value);
    tl_write_u8(&writer, append->type);
    tl_write_u16(&writer, append->member);
    tl_tree_edge_append(&batch->edge, &append->leaf, add_node, &writer);
    TL_ASSERT(writer.status == TALLY_OK);
    return tl_mdb_append(&batch->txn, TL_TABLE_NODES, key, tl_bytes(value, writer.len),
                         tl_bytes(NULL, 0));
}

static enum tally_status put_author(struct tl_batch *batch, const struct tl_append *append)
{
    struct tl_key index = tl_key_index(append->index);
    if (append->sequence == 0) {
        return tl_mdb_append(&batch->txn, TL_TABLE_CONSTITUTION, tl_key_bytes(&index),
                             tl_bytes(NULL, 0), tl_bytes(NULL, 0));
    }
    struct tl_key key = tl_key_author(append->key_number, append->sequence);
    uint8_t value[8 + TALLY_HASH_LEN];
    struct tl_writer writer = tl_writer_over(value, sizeof value);
    tl_write_u64(&writer, append->index);
    tl_write_bytes(&writer, tl_hash_bytes(&append->envelope));
    return tl_mdb_insert(&batch->txn, TL_TABLE_AUTHORS, tl_key_bytes(&key),
                         tl_bytes(value, writer.len));
}

/* The same ciphertext may come again with a later entry: the first one is found by its hash. */
static enum tally_status put_sealed(struct tl_batch *batch, const struct tl_append *append)
{
    struct tl_deposit_list list = append->sealed;
    struct tl_deposit deposit;
    const struct tally_hash *hash = append->sealed_hashes;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK && tl_deposit_next(&list, &deposit)) {
        struct tl_key key = tl_key_part(append->index, deposit.position);
        status = tl_mdb_append(&batch->txn, TL_TABLE_SEALED, tl_key_bytes(&key), deposit.bytes,
                               tl_bytes(NULL, 0));
        if (status == TALLY_OK) {
            status = tl_mdb_insert(&batch->txn, TL_TABLE_OBJECTS, tl_hash_bytes(hash),
                                   tl_key_bytes(&key));
            status = status == TALLY_EEXIST ? TALLY_OK : status;
        }
        hash++;
    }
    return status;
}

static enum tally_status put_record(struct tl_batch *batch, const struct tl_append *append)
{
    struct tl_key key = tl_key_index(append->index);
    enum tally_status status =
        tl_mdb_append(&batch->txn, TL_TABLE_RECORDS, tl_key_bytes(&key),
                      tl_bytes(append->seal, TALLY_SIGNATURE_LEN), append->record);
    if (status == TALLY_OK) {
        status = put_nodes(batch, append, tl_key_bytes(&key));
    }
    if (status == TALLY_OK) {
        status = put_author(batch, append);
    }
    if (status == TALLY_OK && append->commitments.len > 0) {
        status = tl_mdb_append(&batch->txn, TL_TABLE_COMMITMENTS, tl_key_bytes(&key),
                               append->commitments, tl_bytes(NULL, 0));
    }
    if (status == TALLY_OK && append->clear.count > 0) {
        status = tl_mdb_append(&batch->txn, TL_TABLE_PARTS, tl_key_bytes(&key), append->clear.items,
                               tl_bytes(NULL, 0));
    }
    return status == TALLY_OK ? put_sealed(batch, append) : status;
}

enum tally_status tl_batch_append(struct tl_batch *batch, const struct tl_append *append)
{
    TL_ASSERT(batch->open);
    if (batch->status != TALLY_OK) {
        return batch->status;
    }
    check_append(batch, append);
    uint64_t pages = pages_of(append);
    if (batch->pages + pages > TL_MDB_TXN_PAGES_MAX) {
        return TALLY_ETOOBIG;
    }
    batch->pages += pages;
    batch->status = put_record(batch, append);
    return batch->status;
}

enum tally_status tl_batch_put_checkpoint(struct tl_batch *batch, uint64_t size,
                                          struct tally_bytes signature_lines)
{
    TL_ASSERT(batch->open);
    TL_ASSERT(size <= batch->start);
    if (batch->status != TALLY_OK) {
        return batch->status;
    }
    struct tl_key key = tl_key_index(size);
    struct tally_bytes stored;
    enum tally_status status =
        tl_mdb_get(&batch->txn, TL_TABLE_CHECKPOINTS, tl_key_bytes(&key), &stored);
    if (status == TALLY_OK) {
        /* Kept before a restart already: the receipts made with it stay as they are. */
        status = tl_bytes_equal(stored, signature_lines) ? TALLY_OK : TALLY_EEXIST;
    } else if (status == TALLY_ENOTFOUND) {
        status = tl_mdb_append(&batch->txn, TL_TABLE_CHECKPOINTS, tl_key_bytes(&key),
                               signature_lines, tl_bytes(NULL, 0));
    }
    batch->pages += PAGES_EACH;
    batch->status = status;
    return status;
}

enum tally_status tl_batch_commit(struct tl_batch *batch)
{
    TL_ASSERT(batch->open);
    if (batch->status != TALLY_OK) {
        enum tally_status status = batch->status;
        tl_batch_abort(batch);
        return status;
    }
    struct tl_store *store = batch->store;
    uint64_t pages = batch->pages;
    batch->open = false;
    enum tally_status status =
        tl_mdb_commit(&batch->txn, pages < TL_MDB_TXN_PAGES_MAX ? pages : TL_MDB_TXN_PAGES_MAX);
    if (status != TALLY_OK) {
        store->failed = true;
        return status;
    }
    store->edge = batch->edge;
    atomic_store(&store->size, batch->edge.size);
    return TALLY_OK;
}

void tl_batch_abort(struct tl_batch *batch)
{
    TL_ASSERT(batch->open);
    tl_mdb_abort(&batch->txn);
    batch->open = false;
}
