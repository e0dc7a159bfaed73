/* SPDX-License-Identifier: ISC */
/*
 * One verification of a whole ledger under way. For lib/archive/verify_*.c alone.
 *
 * The walk takes the ledger in sections of 256 records. While the pool checks what needs no state
 * of one section (section.h), the calling thread judges the records of the one before it, in order.
 * Everything kept about records that are past is in the facts file; what a verdict needs beyond it
 * is counted. A line of the report is concluded only when the walk has covered every record for it.
 */
#ifndef TL_ARCHIVE_VERIFICATION_H
#define TL_ARCHIVE_VERIFICATION_H

#include "lib/archive/facts_file.h"
#include "lib/archive/section.h"
#include "lib/archive/tile_builder.h"
#include "lib/archive/verify_ledger.h"
#include "lib/base/pool.h"
#include "lib/verify/judge.h"

/* The ledger key that seals records from from_size on, and signs checkpoints of such sizes. */
struct tl_key_span {
    uint64_t from_size;
    struct tl_note_key key;
};

/* A size at which something held says what the root was; root is what the walk finds there. */
struct tl_probe {
    uint64_t size;
    bool is_reached;
    struct tally_hash root;
};

struct tl_verification {
    struct tl_source *source;
    const struct tl_verify_options *options;
    struct tl_verified_ledger *result;
    struct tl_report *report; /* the result's */
    uint64_t size;            /* of the checkpoint */
    struct tally_hash root;

    struct tl_pool *pool;
    struct tl_judge *judge; /* the result's */
    struct tl_facts_file *facts;
    struct tl_tile_builder *tiles;
    struct tl_section *sections[2];
    struct tl_buffer tile; /* the archive's tile under comparison */
    struct tl_buffer parts; /* clear parts of the record under judgement */

    uint64_t done; /* records that the walk has passed */
    bool has_charter; /* record 0 decodes */
    struct tally_hash charter; /* hash of its envelope: the ledger id */
    uint64_t covered[TL_CHECK_COUNT]; /* records for which the line's check was made */
    uint64_t absent_ciphertexts;
    uint64_t missing_part_count; /* records that lack a clear part */
    uint64_t missing_part_index; /* the first of them */
    uint64_t known_size; /* ledger keys are known for sizes up to this one, see knows_all_keys */
    bool knows_all_keys;

    size_t key_count;
    struct tl_key_span *keys; /* ascending */
    size_t probe_count;
    size_t probe_next;
    struct tl_probe *probes; /* ascending */
};

/* verify_record.c: the records of a checked section, in order. */
TALLY_NODISCARD enum tally_status tl_verify_section(struct tl_verification *v,
                                                    struct tl_section *section);

/* The ledger key for a record's seal (its index) or a checkpoint (its size); NULL: not known. */
const struct tl_note_key *tl_verify_key_at(const struct tl_verification *v, uint64_t size);

/*
 * verify_deposits.c: commitments, parts, ciphertexts and exhibit files of the record at index.
 * *ret_holds: commitments and clear parts are those signed for; only then is *ret_clear set, to the
 * clear parts, borrowed until the next call.
 */
TALLY_NODISCARD enum tally_status tl_verify_deposits(struct tl_verification *v,
                                                     const struct tl_section_slot *slot,
                                                     uint64_t index,
                                                     struct tl_deposit_list *ret_clear,
                                                     bool *ret_holds);
void tl_verify_prefetch_parts(struct tl_verification *v, const struct tl_section *section,
                              unsigned first, unsigned count);

/* verify_held.c: receipts and the checkpoint trusted before. */
TALLY_NODISCARD enum tally_status tl_verify_held_begin(struct tl_verification *v);
void tl_verify_held_leaf(struct tl_verification *v); /* after each leaf that the tree got */
TALLY_NODISCARD enum tally_status tl_verify_held_end(struct tl_verification *v);

/* verify_head.c: what only the end of the walk shows; concludes the lines. */
TALLY_NODISCARD enum tally_status tl_verify_head(struct tl_verification *v);

#endif
