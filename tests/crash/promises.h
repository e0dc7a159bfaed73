/* SPDX-License-Identifier: ISC */
/* What the daemon of the run has told its clients: a disk that breaks it has lost something. */
#ifndef TL_TESTS_CRASH_PROMISES_H
#define TL_TESTS_CRASH_PROMISES_H

#include <tally/types.h>

#include "lib/base/bytes.h"
#include "tests/crash/run_log.h"

enum {
    PROMISES_RECORDS_MAX = 8192,
    PROMISES_HEADS_MAX = 8192,
    PROMISES_EXHIBITS_MAX = 64,
    PROMISES_RECENT = 4,
    PROMISES_FDS_MAX = 65536,
};

/* A record as its receipt shows it. */
struct promised_record {
    struct tally_bytes record; /* owned */
    uint8_t seal[TALLY_SIGNATURE_LEN];
    struct tally_hash leaf;
    struct tally_bytes receipt;  /* owned */
    struct tally_hash exhibit;   /* that its envelope names, when has_exhibit */
    bool has_exhibit;
};

struct promised_head {
    uint64_t size;
    struct tally_hash root;
};

struct promises {
    /* All of the run: nothing else may ever be in the ledger. */
    size_t record_count;
    struct promised_record records[PROMISES_RECORDS_MAX];

    /* Up to where the log has been taken in. */
    bool exists;       /* init has ended well */
    uint64_t size_min; /* of the store and of its head guard */
    size_t head_count;
    struct promised_head heads[PROMISES_HEADS_MAX];
    size_t exhibit_count;
    struct tally_hash exhibits[PROMISES_EXHIBITS_MAX];
    uint64_t recent[PROMISES_RECENT]; /* the newest receipts, by index */
    uint64_t receipt_count;
    uint64_t version; /* another one: something else is promised */

    struct tl_buffer streams[PROMISES_FDS_MAX];
    bool learning;
};

/*
 * Reads the whole log, and the charter's receipt, for the records; then forgets what was promised.
 * Each receipt must hold by itself. Ends the program when one does not.
 */
struct promises *promises_new(const struct run_log *log, const char *charter_receipt);

/* Takes in what a call tells a client. */
void promises_take(struct promises *promises, const struct run_op *op);

#endif
