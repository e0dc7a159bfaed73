/* SPDX-License-Identifier: ISC */
/*
 * Section: up to 256 records of one bundle with their seals, commitments and tile of leaf hashes,
 * read from a source, and what of them can be checked without any state. Internal to this module.
 *
 * Loading reads; checking is a pool job whose items share nothing, one record each.
 */
#ifndef TL_ARCHIVE_SECTION_H
#define TL_ARCHIVE_SECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

#include "lib/archive/source.h"
#include "lib/base/bytes.h"
#include "lib/base/pool.h"
#include "lib/codec/envelope.h"
#include "lib/codec/record.h"
#include "lib/codec/submission.h"

enum tl_section_part {
    TL_SECTION_ENTRIES,
    TL_SECTION_SEALS,
    TL_SECTION_COMMITMENTS,
    TL_SECTION_LEAVES,
    TL_SECTION_PART_COUNT
};

enum tl_seal_state {
    TL_SEAL_UNCHECKED,
    TL_SEAL_GOOD,
    TL_SEAL_BAD,
};

struct tl_section_slot {
    /* As loaded; an absent item has has_x false. */
    bool has_entry;
    bool has_seal;
    bool has_commitments;
    bool has_tile_leaf;
    struct tally_bytes entry;
    struct tally_bytes commitments;
    const uint8_t *seal;
    struct tally_hash tile_leaf;

    /* As checked. */
    bool has_record;   /* the frame decodes */
    bool has_envelope; /* and the envelope in it */
    enum tally_reason form; /* why one of them does not */
    struct tl_record record;
    struct tl_envelope envelope;
    struct tally_hash leaf; /* of entry; of the tile where there is no entry */
    struct tally_hash envelope_hash;
    enum tally_reason signatures; /* the first fault, NONE: all of them verify */
    bool has_clear_letters;
    enum tally_reason deposits; /* unless has_clear_letters */
    enum tl_seal_state seal_state;
    bool has_seal_key;      /* set by the walk: seal_point is the key that was in force */
    uint8_t seal_point[32]; /* the key that seal_state is about */
};

struct tl_section {
    uint64_t first;
    unsigned count;
    bool is_absent;   /* neither entries nor leaves were there at all */
    bool is_surplus[TL_SECTION_PART_COUNT]; /* bytes follow the last item */
    bool is_missing[TL_SECTION_PART_COUNT]; /* the resource is not there */
    struct tl_buffer parts[TL_SECTION_PART_COUNT];
    bool has_seal_point; /* seals are checked in the job, under this key */
    uint8_t seal_point[32];
    struct tl_pool_job job;
    struct tl_section_slot slots[256];
};

/* The section is large: it belongs on the heap. */
void tl_section_init(struct tl_section *section);
void tl_section_deinit(struct tl_section *section);

/* Asks the source for what tl_section_load will read. */
void tl_section_prefetch(struct tl_source *source, uint64_t first, uint64_t size);

/*
 * Loads the records from first (a multiple of 256) on, in a ledger of size records. What is absent
 * or short is marked so, not an error. EIO, ENOMEM, EPROTOCOL and the like: reading failed.
 */
TALLY_NODISCARD enum tally_status tl_section_load(struct tl_section *section,
                                                struct tl_source *source, uint64_t first,
                                                uint64_t size);

/* Starts the checks; seal_point NULL leaves the seals for tl_section_start_seals. */
void tl_section_start(struct tl_section *section, struct tl_pool *pool,
                    const uint8_t *seal_point);

/* Starts the check of every seal that has a key and is UNCHECKED, each under its seal_point. */
void tl_section_start_seals(struct tl_section *section, struct tl_pool *pool);

/* Decodes a slot's record and envelope; false when one of them is malformed. No signature check. */
bool tl_section_decode(struct tl_section_slot *slot);

/*
 * Deposits of a record against its envelope, but for ciphertexts and exhibit files: those may be
 * left out of an archive. clear.count is 0 where there is no file of parts.
 */
enum tally_reason tl_section_check_deposits(const struct tl_section_slot *slot,
                                          struct tl_deposit_list clear);

/*
 * Reads a bundle or tile; a partial one that is not there is taken from the front of the full one,
 * as a reader of a growing archive must.
 */
TALLY_NODISCARD enum tally_status tl_section_read_tile(struct tl_source *source,
                                                     const struct tl_tile *tile,
                                                     struct tl_buffer *buffer, bool *ret_is_full);

#endif
