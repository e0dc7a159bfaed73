/* SPDX-License-Identifier: ISC */
/* A part that somebody shows, against the entry that commits to it. For lib/verify alone. Pure. */
#ifndef TL_VERIFY_SHOWN_PART_H
#define TL_VERIFY_SHOWN_PART_H

#include <tally/reason.h>

#include "lib/codec/bundle.h"
#include "lib/codec/envelope.h"
#include "lib/codec/part.h"

/*
 * PROOF_INVALID, PART_INVALID, EXHIBIT_INVALID. name_before is the name of the part shown before of
 * the same entry, empty at first; on NONE it becomes this one's.
 */
enum tally_reason tl_shown_part_check(const struct tl_bundle_line *line,
                                      const struct tl_envelope *envelope,
                                      struct tally_bytes *name_before, struct tl_part *ret_part);

#endif
