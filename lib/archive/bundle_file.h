/* SPDX-License-Identifier: ISC */
/*
 * Rows of an archive's bundles: tile/entries, tally/seals, tally/commitments, tally/parts.
 * Makers append one item; readers walk a resource that may be hostile. Pure.
 */
#ifndef TL_ARCHIVE_BUNDLE_FILE_H
#define TL_ARCHIVE_BUNDLE_FILE_H

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"
#include "lib/codec/submission.h"

/* "u16 len | entry" */
void tl_entries_add(struct tl_buffer *buffer, struct tally_bytes record);

/*
 * Reads count entries off bytes into ret_entries. *ret_decoded, set in every case, says how many
 * are whole, so that the first one lacking has a number. ETRUNCATED; ETRAILING when all count are
 * there and bytes follow them.
 */
TALLY_NODISCARD enum tally_status tl_entries_decode(struct tally_bytes bytes, unsigned count,
                                                    struct tally_bytes *ret_entries,
                                                    unsigned *ret_decoded);

/* "u16 count | count * 32" */
void tl_commitments_add(struct tl_buffer *buffer, struct tally_bytes commitments);

/* In the same way; a row of more than TALLY_PART_COUNT_MAX commitments is ETOOBIG. */
TALLY_NODISCARD enum tally_status tl_commitments_decode(struct tally_bytes bytes, unsigned count,
                                                        struct tally_bytes *ret_commitments,
                                                        unsigned *ret_decoded);

/* All that an entry's clear parts may have together, each with its position and length. */
#define TL_PARTS_FILE_MAX (TALLY_DEPOSIT_MAX + TALLY_PART_COUNT_MAX * 6u)

/*
 * "(u16 position | u32 len | part)*" as one list, ascending; empty is malformed. EFORMAT,
 * ETRUNCATED, ETOOBIG.
 */
TALLY_NODISCARD enum tally_status tl_parts_decode(struct tally_bytes bytes,
                                                  struct tl_deposit_list *ret_list);

#endif
