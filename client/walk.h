/* SPDX-License-Identifier: ISC */
/*
 * Walk: one verified pass over a whole ledger, for every verb that reads one. Starts from what is
 * remembered of the ledger, verifies everything, and remembers a ledger that verified.
 */
#ifndef CLIENT_WALK_H
#define CLIENT_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include <tally/types.h>

#include "client/opt.h"
#include "client/state.h"
#include "lib/archive/source.h"
#include "lib/archive/verify_ledger.h"

typedef void (*walk_record_fn)(void *context, const struct tl_record *record,
                               const struct tl_envelope *envelope, const struct tally_hash *leaf,
                               const struct tl_deposit_list *clear);

struct walk {
    /* in */
    const struct opt *opt;
    const char *subject;                /* path of the source */
    const struct tally_bytes *receipts; /* held receipts */
    size_t receipt_count;
    struct tally_bytes since; /* --since, beside what is remembered; empty: none */
    bool require_objects;
    walk_record_fn record; /* NULL: none */
    void *context;
    /* out */
    struct tl_source *source; /* open until walk_deinit */
    bool was_known;           /* the ledger was remembered before */
    bool is_verified;         /* verified is there, whatever its verdict */
    struct tl_verified_ledger verified;
};

/*
 * Runs the walk. Returns the exit code of the report, or of what went wrong before there was one
 * (after a message). End it with walk_deinit in every case.
 */
int walk_run(struct walk *walk);
void walk_deinit(struct walk *walk);

/* The options of walking verbs, for their tables. */
#define WALK_OPTIONS                                                                               \
    {"ledger", "ID", "the ledger id that you trust (or $TALLY_LEDGER)", false},                    \
    {                                                                                              \
        "jobs", "N", "threads (default: all processors)", false                                    \
    }

/* One closing line for verbs that print something else than the report; nothing with --json. */
void walk_print_verdict(const struct walk *walk);

#endif
