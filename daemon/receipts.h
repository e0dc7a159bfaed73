/* SPDX-License-Identifier: ISC */
/*
 * Receipts of records that are committed and acknowledged. The checkpoint is that of the smallest
 * committed size above the record, whose signature lines are kept: the same receipt for ever, byte
 * for byte.
 */
#ifndef TL_DAEMON_RECEIPTS_H
#define TL_DAEMON_RECEIPTS_H

#include <stdint.h>

#include <tally/status.h>

#include "daemon/ledger.h"

/* Appends the receipt of record index. ENOTFOUND at or above the published head. Any thread. */
TALLY_NODISCARD enum tally_status tl_receipt_build(struct tl_ledger *ledger, uint64_t index,
                                                   struct tl_buffer *buffer);

#endif
