/* SPDX-License-Identifier: ISC */
/* Whether what was restored is what the backup holds. */
#ifndef CLIENT_RESTORE_CHECK_H
#define CLIENT_RESTORE_CHECK_H

#include <stdint.h>

#include "lib/archive/backup.h"

/*
 * Verifies the data directory that was built, and compares the receipts that it gives with those
 * out of the backup: all of a small ledger, a sample of others that follows from the root. Exit
 * code, after a message unless 0.
 */
int restore_check(const char *directory, struct tl_source *backup,
                  const struct tl_verified_ledger *verified, unsigned threads,
                  uint64_t *ret_receipt_count);

#endif
