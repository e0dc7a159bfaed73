/* SPDX-License-Identifier: ISC */
/*
 * Draft: an entry while it is being composed. Parts are salted, sorted, padded with decoys and
 * committed to at the end, so that nothing about withheld ones shows but their padded count.
 */
#ifndef CLIENT_DRAFT_H
#define CLIENT_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/types.h>

#include "lib/base/bytes.h"
#include "lib/codec/entry_file.h"
#include "lib/codec/envelope.h"
#include "lib/codec/part.h"

struct draft_part {
    struct tl_buffer name;
    struct tl_buffer value;
    bool is_withheld;
    bool is_left; /* an exhibit whose file is left with the ledger */
};

struct draft_exhibit {
    struct tally_hash hash;
    uint64_t size;
    char *path; /* owned */
};

struct draft {
    size_t part_count;
    struct draft_part parts[TALLY_PART_COUNT_MAX];
    size_t exhibit_count;
    struct draft_exhibit exhibits[TALLY_PART_COUNT_MAX]; /* files left with the ledger */
};

/* NULL when out of memory. */
struct draft *draft_new(void);
void draft_free(struct draft *draft);

/* EEXIST for a name that is there; ETOOBIG for too many or too long; EFORMAT for a bad name. */
TALLY_NODISCARD enum tally_status draft_add(struct draft *draft, struct tally_bytes name,
                                            struct tally_bytes value);

/* Marks the part of that name. ENOTFOUND; EINVAL for an exhibit whose file is left. */
TALLY_NODISCARD enum tally_status draft_withhold(struct draft *draft, const char *name);

bool draft_has_exhibit(struct draft *draft, const char *name);

/* Bytes of all parts that are handed over, as the ledger counts them. */
uint64_t draft_clear_len(const struct draft *draft);

/*
 * Adds the part /exhibits/NAME for a file of that digest; keep: the bytes stay with the author,
 * else they are to be left with the ledger from path.
 */
TALLY_NODISCARD enum tally_status draft_add_exhibit(struct draft *draft, const char *name,
                                                    const char *media_type,
                                                    const struct tally_hash *hash, uint64_t size,
                                                    const char *path, bool keep);

/*
 * Salts, sorts, pads and commits. fields has everything but parts and files; those are filled in
 * and the envelope is encoded. Appends a whole unsigned entry file.
 */
TALLY_NODISCARD enum tally_status draft_finish(struct draft *draft,
                                               struct tl_envelope_fields *fields,
                                               struct tl_buffer *entry_file,
                                               struct tl_envelope_fault *reterr_fault);

#endif
