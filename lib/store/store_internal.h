/* SPDX-License-Identifier: ISC */
/* What the store's own files share; nobody else includes it. */
#ifndef TL_STORE_STORE_INTERNAL_H
#define TL_STORE_STORE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/store/mdb.h"
#include "lib/store/store.h"
#include "lib/tree/tree.h"

/* Before the hashes of a value of the table of nodes: u8 type | u16 member. */
#define TL_NODES_HEAD_LEN 3u

struct tl_batch {
    struct tl_store *store;
    struct tl_mdb_txn txn;
    struct tl_tree_edge edge;
    uint64_t start;           /* committed records before it */
    uint64_t pages;           /* that it may have dirtied */
    enum tally_status status; /* sticky: nothing of it may be committed */
    bool open;
};

struct tl_store {
    char *directory;
    int lock_fd; /* -1: a read-only medium without a lock file */
    struct tl_mdb *mdb;
    enum tl_store_access access;
    bool in_memory;
    _Atomic uint64_t size;

    /* The writer thread's. */
    struct tl_tree_edge edge;
    struct tl_batch batch;
    bool failed; /* a commit failed: nobody knows what the disk holds */
};

struct tl_key {
    uint8_t bytes[12];
    size_t len;
};

static inline struct tally_bytes tl_key_bytes(const struct tl_key *key)
{
    return tl_bytes(key->bytes, key->len);
}

struct tl_key tl_key_index(uint64_t index);
struct tl_key tl_key_author(uint32_t key_number, uint64_t sequence);
struct tl_key tl_key_part(uint64_t index, unsigned position);

/* Committed records in the snapshot; EFORMAT when its tables disagree. */
TALLY_NODISCARD enum tally_status tl_store_txn_size(const struct tl_mdb_txn *txn,
                                                    uint64_t *ret_size);

/* The leaf index whose append completed the node; false when no index can have. */
bool tl_store_completed_by(unsigned level, uint64_t index, uint64_t *ret_index);

/* Checks a value of the table of nodes against its key and gives the node at level. */
TALLY_NODISCARD enum tally_status tl_store_node_of(struct tally_bytes value, uint64_t index,
                                                   unsigned level, struct tally_hash *ret_hash);

/* Splits a value of the table of records into seal and record. EFORMAT. */
TALLY_NODISCARD enum tally_status tl_store_split_record(struct tally_bytes value,
                                                        const uint8_t **ret_seal,
                                                        struct tally_bytes *ret_record);

/* True when the record says that it has this index. */
bool tl_store_is_record_of(struct tally_bytes record, uint64_t index);

/* Is a file system with this statfs type good enough to write a store on, or to read one? */
bool tl_filesystem_suits(uint32_t type, bool read_only);

#endif
