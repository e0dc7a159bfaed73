/* SPDX-License-Identifier: ISC */
/*
 * A store out of a backup, and what a stopped data directory is worth. Both are the verification
 * of lib/archive/backup.h, with the store's own tables written or compared record by record.
 */
#ifndef TL_STORE_REBUILD_H
#define TL_STORE_REBUILD_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/archive/backup.h"
#include "lib/archive/source.h"
#include "lib/store/store.h"

/*
 * Builds a data directory in an existing empty one: store, exhibits and head guard, all synced.
 * options->item is not the caller's. Nothing in directory may be used unless the status is OK and
 * tl_report_exit_code(&ret->report) is 0; the caller makes it appear whole.
 */
TALLY_NODISCARD enum tally_status tl_store_rebuild(struct tl_source *backup, const char *directory,
                                                   const struct tl_backup_options *options,
                                                   struct tl_verified_ledger *ret_verified);

struct tl_store_verdict {
    struct tl_verified_ledger verified; /* of the checkpoint; tl_verified_ledger_deinit */
    uint64_t size;                      /* committed records: may be more than the checkpoint's */
    uint64_t wrong_index; /* the first record of which the store's tables say something else */
    uint64_t unnamed_count; /* exhibit files that no record names */
    uint64_t unnamed_bytes;
};

/*
 * Verifies a store and its exhibits under a signed checkpoint of it. Statuses as tl_backup_verify.
 * In a process that may die: LMDB can crash over a damaged file.
 */
TALLY_NODISCARD enum tally_status tl_store_verify(struct tl_store *store,
                                                  struct tally_bytes checkpoint,
                                                  const struct tl_backup_options *options,
                                                  struct tl_store_verdict *ret_verdict);

/* The same of a stopped data directory; statuses of tl_store_open too. */
TALLY_NODISCARD enum tally_status tl_store_verify_directory(const char *directory,
                                                            struct tally_bytes checkpoint,
                                                            const struct tl_backup_options *options,
                                                            struct tl_store_verdict *ret_verdict);

/*
 * Appends the receipt of record index: under the checkpoint of the smallest kept size above it, or
 * else of the head (whose size and note are given; origin is its first line). ENOTFOUND.
 */
TALLY_NODISCARD enum tally_status tl_store_receipt(struct tl_store *store, const char *origin,
                                                   uint64_t head_size, struct tally_bytes head,
                                                   uint64_t index, struct tl_buffer *buffer);

#endif
