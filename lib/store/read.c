/* SPDX-License-Identifier: ISC */
/*
 * Single look-ups, each in a snapshot of its own: a held one keeps LMDB from using freed pages
 * again. What is appended never changes, so several look-ups agree without a common snapshot.
 */
#include <string.h>

#include "lib/codec/record.h"
#include "lib/store/store.h"
#include "lib/store/store_internal.h"

/* ---- Keys and values ---- */

struct tl_key tl_key_index(uint64_t index)
{
    struct tl_key key;
    struct tl_writer writer = tl_writer_over(key.bytes, sizeof key.bytes);
    tl_write_u64(&writer, index);
    key.len = writer.len;
    return key;
}

struct tl_key tl_key_author(uint32_t key_number, uint64_t sequence)
{
    struct tl_key key;
    struct tl_writer writer = tl_writer_over(key.bytes, sizeof key.bytes);
    tl_write_u32(&writer, key_number);
    tl_write_u64(&writer, sequence);
    key.len = writer.len;
    return key;
}

struct tl_key tl_key_part(uint64_t index, unsigned position)
{
    struct tl_key key;
    struct tl_writer writer = tl_writer_over(key.bytes, sizeof key.bytes);
    tl_write_u64(&writer, index);
    tl_write_u16(&writer, (uint16_t)position);
    key.len = writer.len;
    return key;
}

/* The number that key consists of. */
static enum tally_status index_of(struct tally_bytes key, uint64_t *ret_index)
{
    struct tl_reader reader = tl_reader_over(key);
    uint64_t index = tl_read_u64(&reader);
    if (tl_reader_finish(&reader) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    *ret_index = index;
    return TALLY_OK;
}

bool tl_store_is_record_of(struct tally_bytes record, uint64_t index)
{
    struct tl_reader reader = tl_reader_over(record);
    uint8_t version = tl_read_u8(&reader);
    uint64_t stated = tl_read_u64(&reader);
    return reader.status == TALLY_OK && version == TL_RECORD_VERSION && stated == index;
}

enum tally_status tl_store_split_record(struct tally_bytes value, const uint8_t **ret_seal,
                                        struct tally_bytes *ret_record)
{
    struct tl_reader reader = tl_reader_over(value);
    struct tally_bytes seal = tl_read_bytes(&reader, TALLY_SIGNATURE_LEN);
    if (reader.status != TALLY_OK || reader.rest.len > TALLY_RECORD_MAX) {
        return TALLY_EFORMAT;
    }
    *ret_seal = seal.ptr;
    *ret_record = reader.rest;
    return TALLY_OK;
}

bool tl_store_completed_by(unsigned level, uint64_t index, uint64_t *ret_index)
{
    if (level > TL_TREE_LEVEL_MAX || index >= (UINT64_MAX >> level)) {
        return false;
    }
    *ret_index = ((index + 1) << level) - 1;
    return true;
}

/* Leaf index i completes a node at level 0 and one more for each one bit that i ends in. */
enum tally_status tl_store_node_of(struct tally_bytes value, uint64_t index, unsigned level,
                                   struct tally_hash *ret_hash)
{
    size_t count = 1;
    while ((index & 1) != 0) {
        count++;
        index >>= 1;
    }
    if (value.len != TL_NODES_HEAD_LEN + count * TALLY_HASH_LEN || level >= count) {
        return TALLY_EFORMAT;
    }
    memcpy(ret_hash->bytes, value.ptr + TL_NODES_HEAD_LEN + (size_t)level * TALLY_HASH_LEN,
           TALLY_HASH_LEN);
    return TALLY_OK;
}

/* Every record has its nodes. */
enum tally_status tl_store_txn_size(const struct tl_mdb_txn *txn, uint64_t *ret_size)
{
    uint64_t size = 0;
    uint64_t nodes = 0;
    enum tally_status status = tl_mdb_count(txn, TL_TABLE_RECORDS, &size);
    if (status == TALLY_OK) {
        status = tl_mdb_count(txn, TL_TABLE_NODES, &nodes);
    }
    if (status != TALLY_OK) {
        return status;
    }
    if (nodes != size) {
        return TALLY_EFORMAT;
    }
    *ret_size = size;
    return TALLY_OK;
}

/* Copies out; on failure the buffer is as it was. */
static enum tally_status copy_out(struct tl_buffer *buffer, struct tally_bytes bytes)
{
    tl_buffer_add(buffer, bytes);
    return buffer->status;
}

/* ---- Records ---- */

static enum tally_status copy_record(const struct tl_mdb_txn *txn, uint64_t index,
                                     struct tl_buffer *buffer, uint8_t *ret_seal)
{
    struct tl_key key = tl_key_index(index);
    struct tally_bytes value;
    enum tally_status status = tl_mdb_get(txn, TL_TABLE_RECORDS, tl_key_bytes(&key), &value);
    if (status != TALLY_OK) {
        return status;
    }
    const uint8_t *seal;
    struct tally_bytes record;
    status = tl_store_split_record(value, &seal, &record);
    if (status == TALLY_OK && !tl_store_is_record_of(record, index)) {
        status = TALLY_EFORMAT;
    }
    if (status == TALLY_OK) {
        status = copy_out(buffer, record);
    }
    if (status == TALLY_OK && ret_seal != NULL) {
        memcpy(ret_seal, seal, TALLY_SIGNATURE_LEN);
    }
    return status;
}

enum tally_status tl_store_record(struct tl_store *store, uint64_t index, struct tl_buffer *buffer,
                                  uint8_t *ret_seal)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(store->mdb, &txn);
    if (status == TALLY_OK) {
        status = copy_record(&txn, index, buffer, ret_seal);
        tl_mdb_read_end(&txn);
    }
    return status;
}

/* The node that index completes at level, and what stands before the nodes. */
static enum tally_status get_node(const struct tl_mdb_txn *txn, uint64_t index, unsigned level,
                                  struct tl_stored_facts *ret_facts)
{
    struct tl_key key = tl_key_index(index);
    struct tally_bytes value;
    enum tally_status status = tl_mdb_get(txn, TL_TABLE_NODES, tl_key_bytes(&key), &value);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_stored_facts facts;
    status = tl_store_node_of(value, index, level, &facts.leaf);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_reader reader = tl_reader_over(value);
    facts.type = tl_read_u8(&reader);
    facts.member = tl_read_u16(&reader);
    *ret_facts = facts;
    return TALLY_OK;
}

enum tally_status tl_store_facts(struct tl_store *store, uint64_t index,
                                 struct tl_stored_facts *ret_facts)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(store->mdb, &txn);
    if (status == TALLY_OK) {
        status = get_node(&txn, index, 0, ret_facts);
        tl_mdb_read_end(&txn);
    }
    return status;
}

enum tally_status tl_store_fetch_node(void *store, unsigned level, uint64_t index,
                                      struct tally_hash *ret_hash)
{
    uint64_t by;
    if (!tl_store_completed_by(level, index, &by)) {
        return TALLY_ENOTFOUND;
    }
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(((struct tl_store *)store)->mdb, &txn);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_stored_facts facts;
    status = get_node(&txn, by, level, &facts);
    tl_mdb_read_end(&txn);
    if (status == TALLY_OK) {
        *ret_hash = facts.leaf;
    }
    return status;
}

/* ---- Authors ---- */

struct author_entry {
    uint64_t sequence;
    uint64_t index;
    struct tally_hash envelope;
};

static enum tally_status read_author(struct tally_bytes value, struct author_entry *entry)
{
    struct tl_reader reader = tl_reader_over(value);
    entry->index = tl_read_u64(&reader);
    entry->envelope = tl_read_hash(&reader);
    return tl_reader_finish(&reader) == TALLY_OK ? TALLY_OK : TALLY_EFORMAT;
}

enum tally_status tl_store_author_entry(struct tl_store *store, uint32_t key_number,
                                        uint64_t sequence, uint64_t *ret_index,
                                        struct tally_hash *ret_envelope)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(store->mdb, &txn);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_key key = tl_key_author(key_number, sequence);
    struct tally_bytes value;
    struct author_entry entry;
    status = tl_mdb_get(&txn, TL_TABLE_AUTHORS, tl_key_bytes(&key), &value);
    if (status == TALLY_OK) {
        status = read_author(value, &entry);
    }
    tl_mdb_read_end(&txn);
    if (status == TALLY_OK) {
        *ret_index = entry.index;
        *ret_envelope = entry.envelope;
    }
    return status;
}

static enum tally_status newest_of(const struct tl_mdb_txn *txn, uint32_t key_number,
                                   struct author_entry *entry)
{
    struct tl_key end = tl_key_author(key_number, UINT64_MAX);
    struct tl_mdb_item item;
    enum tally_status status = tl_mdb_last_before(txn, TL_TABLE_AUTHORS, tl_key_bytes(&end), &item);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_reader reader = tl_reader_over(item.key);
    uint32_t found = tl_read_u32(&reader);
    entry->sequence = tl_read_u64(&reader);
    if (tl_reader_finish(&reader) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    return found == key_number ? read_author(item.value, entry) : TALLY_ENOTFOUND;
}

enum tally_status tl_store_author_last(struct tl_store *store, uint32_t key_number,
                                       uint64_t *ret_sequence, uint64_t *ret_index,
                                       struct tally_hash *ret_envelope)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(store->mdb, &txn);
    if (status != TALLY_OK) {
        return status;
    }
    struct author_entry entry;
    status = newest_of(&txn, key_number, &entry);
    tl_mdb_read_end(&txn);
    if (status == TALLY_OK) {
        *ret_sequence = entry.sequence;
        *ret_index = entry.index;
        *ret_envelope = entry.envelope;
    }
    return status;
}

/* ---- Checkpoints and constitution ---- */

enum tally_status tl_store_checkpoint_above(struct tl_store *store, uint64_t index,
                                            uint64_t *ret_size, struct tl_buffer *signature_lines)
{
    if (index == UINT64_MAX) {
        return TALLY_ENOTFOUND;
    }
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(store->mdb, &txn);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_key key = tl_key_index(index + 1);
    struct tl_mdb_item item;
    uint64_t size = 0;
    status = tl_mdb_first_from(&txn, TL_TABLE_CHECKPOINTS, tl_key_bytes(&key), &item);
    if (status == TALLY_OK) {
        status = index_of(item.key, &size);
    }
    if (status == TALLY_OK) {
        status = copy_out(signature_lines, item.value);
    }
    tl_mdb_read_end(&txn);
    if (status == TALLY_OK) {
        *ret_size = size;
    }
    return status;
}

enum tally_status tl_store_next_constitution(struct tl_store *store, uint64_t *index)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(store->mdb, &txn);
    if (status != TALLY_OK) {
        return status;
    }
    /* TL_NEVER, which begins, is the number before 0. */
    struct tl_key key = tl_key_index(*index + 1);
    struct tl_mdb_item item;
    status = tl_mdb_first_from(&txn, TL_TABLE_CONSTITUTION, tl_key_bytes(&key), &item);
    if (status == TALLY_OK) {
        status = index_of(item.key, index);
    }
    tl_mdb_read_end(&txn);
    return status;
}

/* ---- Ciphertexts ---- */

static enum tally_status copy_ciphertext(const struct tl_mdb_txn *txn,
                                         const struct tally_hash *hash, struct tl_buffer *buffer)
{
    struct tally_bytes place;
    struct tally_bytes ciphertext;
    enum tally_status status = tl_mdb_get(txn, TL_TABLE_OBJECTS, tl_hash_bytes(hash), &place);
    if (status == TALLY_OK) {
        status = tl_mdb_get(txn, TL_TABLE_SEALED, place, &ciphertext);
    }
    return status == TALLY_OK ? copy_out(buffer, ciphertext) : status;
}

enum tally_status tl_store_ciphertext(struct tl_store *store, const struct tally_hash *hash,
                                      struct tl_buffer *buffer)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(store->mdb, &txn);
    if (status == TALLY_OK) {
        status = copy_ciphertext(&txn, hash, buffer);
        tl_mdb_read_end(&txn);
    }
    return status;
}
