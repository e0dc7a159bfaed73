/* SPDX-License-Identifier: ISC */
/*
 * The log of a run: what the shim writes and crash_states reads. A sequence of records, each this
 * header in the machine's byte order, then path_len bytes of path, then data_len bytes of data.
 * A call is logged after it has succeeded; all calls are made one at a time, so the order of the
 * records is the order in which they took effect.
 */
#ifndef TL_TESTS_CRASH_RECORD_H
#define TL_TESTS_CRASH_RECORD_H

#include <stdint.h>

enum record_op {
    RECORD_START = 1, /* a process begins: it has no descriptors yet */
    RECORD_OPEN,      /* fd, path, flags */
    RECORD_WRITE,     /* fd, offset, data */
    RECORD_TRUNCATE,  /* fd, offset: the new length */
    RECORD_SYNC,      /* fd; flags: RECORD_DATA_ONLY */
    RECORD_MKDIR,     /* path */
    RECORD_RENAME,    /* path: from, NUL, to */
    RECORD_LINK,      /* path: from, NUL, to */
    RECORD_REMOVE,    /* path of a file or directory */
    RECORD_ACCEPT,    /* fd of a new connection */
    RECORD_SEND,      /* fd of a connection, data */
    RECORD_MARK,      /* data: a word of whoever records, as "init": the ledger was promised */
};

enum record_flag {
    RECORD_CREATED = 1,   /* the open made the file */
    RECORD_SYNCED = 2,    /* O_SYNC or O_DSYNC: each write is durable when it returns */
    RECORD_DATA_ONLY = 4, /* fdatasync */
    RECORD_DIRECTORY = 8, /* the open was of a directory */
};

struct record_header {
    uint32_t op;
    int32_t fd;
    uint64_t offset;
    uint32_t flags;
    uint32_t path_len;
    uint64_t data_len;
};

_Static_assert(sizeof(struct record_header) == 32, "the same in every reader");

#endif
