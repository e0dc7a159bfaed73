/* SPDX-License-Identifier: ISC */
/*
 * A part against the entry that commits to it, whoever shows it: a submission, an archive, a
 * bundle (docs/formats.md, "Parts"). That its commitment is the entry's is the caller's to check.
 * Pure; any thread.
 */
#ifndef TL_CODEC_PART_CHECK_H
#define TL_CODEC_PART_CHECK_H

#include <tally/reason.h>
#include <tally/types.h>

#include "lib/codec/envelope.h"
#include "lib/codec/part.h"

/*
 * NONE, PART_INVALID (form, author, ledger, order of names, clock step) or EXHIBIT_INVALID.
 * name_before is the name of the part before of the same entry, empty at first; on NONE it becomes
 * this one's. ret_part borrows from bytes and is set on NONE.
 */
enum tally_reason tl_part_check(struct tally_bytes bytes, const struct tl_envelope *envelope,
                                struct tally_bytes *name_before, struct tl_part *ret_part);

#endif
