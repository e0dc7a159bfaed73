/* SPDX-License-Identifier: ISC */
/* What the two files that know LMDB share. */
#ifndef TL_STORE_MDB_INTERNAL_H
#define TL_STORE_MDB_INTERNAL_H

#include <lmdb.h>
#include <stdatomic.h>

#include "lib/store/mdb.h"

enum {
    TL_MDB_IDLE_COUNT = 8, /* snapshots kept for the next reader */
    TL_MDB_META_PAGES = 2, /* the least that a file of LMDB holds */
};

struct tl_mdb {
    MDB_env *env;
    int fd; /* of env */
    uint64_t map_size;
    uint64_t file_len;
    unsigned page_len;
    MDB_dbi tables[TL_TABLE_COUNT];
    _Atomic(MDB_txn *) idle[TL_MDB_IDLE_COUNT];
};

enum tally_status tl_mdb_status(int code);

/* The file begins with two meta pages that agree in what never changes. */
bool tl_mdb_has_meta_pages(int fd);

/* A code of LMDB. */
int tl_mdb_move_cursor(MDB_cursor *cursor, MDB_cursor_op op, struct tally_bytes key,
                       struct tl_mdb_item *ret_item);

#endif
