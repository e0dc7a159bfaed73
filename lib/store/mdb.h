/* SPDX-License-Identifier: ISC */
/*
 * LMDB, and nothing of the ledger: ordered tables of bytes in one file, read in snapshots, changed
 * in one transaction at a time. Only mdb.c and mdb_survey.c include lmdb.h; its codes end there.
 *
 * Bytes that a transaction answers are borrowed from the map: they die with the transaction, in a
 * writing one with the next change. Copy out before.
 */
#ifndef TL_STORE_MDB_H
#define TL_STORE_MDB_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/store/access.h"

/* Every table, by the name that it has in the file. Keys that are numbers are big-endian. */
#define TL_TABLE_MAP(X)                                                                            \
    X(META, "meta")                 /* "format" -> u32 */                                          \
    X(RECORDS, "records")           /* u64 index -> seal | record */                               \
    X(NODES, "nodes")               /* u64 index -> u8 type | u16 member | nodes it completes */   \
    X(AUTHORS, "authors")           /* u32 key number | u64 sequence -> u64 index | envelope */    \
    X(COMMITMENTS, "commitments")   /* u64 index -> commitments, when there are any */             \
    X(PARTS, "parts")               /* u64 index -> (u16 position | u32 len | part)*, when any */  \
    X(SEALED, "sealed")             /* u64 index | u16 position -> ciphertext */                   \
    X(OBJECTS, "objects")           /* hash of a ciphertext -> u64 index | u16 position */         \
    X(CONSTITUTION, "constitution") /* u64 index -> nothing */                                     \
    X(CHECKPOINTS, "checkpoints")   /* u64 size -> signature lines */

enum tl_table {
#define TL_TABLE_ENUM(name, text) TL_TABLE_##name,
    TL_TABLE_MAP(TL_TABLE_ENUM)
#undef TL_TABLE_ENUM
        TL_TABLE_COUNT
};

/* LMDB's own ceiling on the dirty pages of a transaction is 131,071: stay far below it. */
#define TL_MDB_PAGE_LEN 4096u
#define TL_MDB_TXN_PAGES_MAX 32768u

struct tl_mdb;

struct tl_mdb_txn {
    struct tl_mdb *mdb;
    struct MDB_txn *handle; /* NULL: ended */
};

struct tl_mdb_item {
    struct tally_bytes key;
    struct tally_bytes value;
};

struct tl_mdb_cursor {
    struct MDB_cursor *handle;
    struct tl_mdb_item item; /* what the cursor stands on */
};

/* Makes the file with its tables in an existing empty directory; the file is synced. */
TALLY_NODISCARD enum tally_status tl_mdb_create(const char *directory);

/*
 * ENOTFOUND, EFORMAT (no file of ours, cut off, of another version), EACCES, ENOMEM, EIO.
 * STOPPED: the directory is left untouched; the caller sees to it that nobody writes.
 */
TALLY_NODISCARD enum tally_status tl_mdb_open(const char *directory, uint64_t map_size,
                                              enum tl_store_access access,
                                              struct tl_mdb **ret_mdb);

/*
 * Reads through every page that a later reader or writer may come to, the list of free pages
 * included. EFORMAT, EIO. In a process that may die: LMDB follows what a damaged page says.
 */
TALLY_NODISCARD enum tally_status tl_mdb_survey(struct tl_mdb *mdb);

/* Bytes of the pages that are in use; the file may be longer. 0 when that cannot be told. */
uint64_t tl_mdb_used(const struct tl_mdb *mdb);

/* False when the largest transaction could run into the end of the map. */
bool tl_mdb_has_room(const struct tl_mdb *mdb);

/* Every transaction has ended. NULL is fine. */
void tl_mdb_close(struct tl_mdb *mdb);

/* A snapshot; any thread, any number. EBUSY when too many are open. */
TALLY_NODISCARD enum tally_status tl_mdb_read_begin(struct tl_mdb *mdb, struct tl_mdb_txn *ret_txn);
void tl_mdb_read_end(struct tl_mdb_txn *txn);

/* The one writing transaction: begun and ended on one thread. */
TALLY_NODISCARD enum tally_status tl_mdb_write_begin(struct tl_mdb *mdb,
                                                     struct tl_mdb_txn *ret_txn);

/*
 * Durable on OK. pages: how many the changes may have dirtied, at most TL_MDB_TXN_PAGES_MAX.
 * Ends the transaction in every case. After a failure it is not known what the disk holds.
 */
TALLY_NODISCARD enum tally_status tl_mdb_commit(struct tl_mdb_txn *txn, uint64_t pages);
void tl_mdb_abort(struct tl_mdb_txn *txn);

/* How many keys the table has. */
TALLY_NODISCARD enum tally_status tl_mdb_count(const struct tl_mdb_txn *txn, enum tl_table table,
                                               uint64_t *ret_count);

TALLY_NODISCARD enum tally_status tl_mdb_get(const struct tl_mdb_txn *txn, enum tl_table table,
                                             struct tally_bytes key, struct tally_bytes *ret_value);

/* Adds a key above every other; the value is head and tail together. EEXIST otherwise; ENOSPC. */
TALLY_NODISCARD enum tally_status tl_mdb_append(const struct tl_mdb_txn *txn, enum tl_table table,
                                                struct tally_bytes key, struct tally_bytes head,
                                                struct tally_bytes tail);

/* Adds a new key anywhere. EEXIST, ENOSPC. */
TALLY_NODISCARD enum tally_status tl_mdb_insert(const struct tl_mdb_txn *txn, enum tl_table table,
                                                struct tally_bytes key, struct tally_bytes value);

/* The smallest key that is not below key; the greatest that is below it. ENOTFOUND. */
TALLY_NODISCARD enum tally_status tl_mdb_first_from(const struct tl_mdb_txn *txn,
                                                    enum tl_table table, struct tally_bytes key,
                                                    struct tl_mdb_item *ret_item);
TALLY_NODISCARD enum tally_status tl_mdb_last_before(const struct tl_mdb_txn *txn,
                                                     enum tl_table table, struct tally_bytes key,
                                                     struct tl_mdb_item *ret_item);

/* Walks upwards from the smallest key that is not below key; ENOTFOUND at the end. */
TALLY_NODISCARD enum tally_status tl_mdb_cursor_open(const struct tl_mdb_txn *txn,
                                                     enum tl_table table, struct tally_bytes key,
                                                     struct tl_mdb_cursor *ret_cursor);
TALLY_NODISCARD enum tally_status tl_mdb_cursor_next(struct tl_mdb_cursor *cursor);
void tl_mdb_cursor_close(struct tl_mdb_cursor *cursor); /* before its transaction ends */

#endif
