/* SPDX-License-Identifier: ISC */
/*
 * Entry file (NAME.tally): an entry on its author's machine, composed, signed, not yet or already
 * submitted (docs/formats.md, "Entry file"). Holds withheld openings: private. Pure; no I/O.
 */
#ifndef TL_CODEC_ENTRY_FILE_H
#define TL_CODEC_ENTRY_FILE_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"
#include "lib/codec/envelope.h"
#include "lib/codec/record.h"
#include "lib/codec/submission.h"

struct tl_entry_exhibit {
    struct tally_hash hash;
    uint64_t size;
    struct tally_bytes path; /* decoded bytes */
};

struct tl_entry_file {
    struct tl_buffer storage; /* every view points into it; owned */
    struct tally_bytes envelope;
    struct tl_signatures signatures;
    unsigned commitment_count;
    struct tally_bytes commitments;
    struct tl_deposit_list opened; /* clear and withheld part bytes */
    struct tl_deposit_list sealed;
    unsigned exhibit_count;
    struct tl_entry_exhibit *exhibits; /* owned */
};

/*
 * On success the caller ends it with tl_entry_file_deinit. EFORMAT, ETRUNCATED, ETOOBIG,
 * ENOMEM; the line, counted from 1, is set on failure only and may be NULL.
 */
TALLY_NODISCARD enum tally_status tl_entry_file_decode(struct tally_bytes text,
                                                       struct tl_entry_file *ret_entry,
                                                       unsigned *reterr_line);
void tl_entry_file_deinit(struct tl_entry_file *entry);

void tl_entry_file_encode(const struct tl_entry_file *entry, struct tl_buffer *buffer);

/* The submission of a decoded entry file: the opened parts whose letter is c. Appends its bytes. */
TALLY_NODISCARD enum tally_status tl_entry_file_submission(const struct tl_entry_file *entry,
                                                           struct tl_buffer *buffer);

#endif
