/* SPDX-License-Identifier: ISC */
/*
 * Proof cache: inclusion proofs of the records of one batch, from memory. All that such a proof
 * needs is the edge before the batch and the nodes that the batch completed, so a receipt costs no
 * read of the store and no hashing.
 */
#ifndef TL_DAEMON_PROOF_CACHE_H
#define TL_DAEMON_PROOF_CACHE_H

#include <stddef.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/tree/tree.h"

struct tl_proof_cache {
    struct tl_tree_edge before; /* the edge when the batch began */
    struct tl_tree_edge after;
    struct tally_hash suffixes[TL_TREE_LEVEL_MAX]; /* [i]: root over after.nodes[i..] */
    uint64_t first; /* position of nodes[0] among all nodes */
    size_t count;
    size_t cap;
    struct tally_hash *nodes; /* completed by the batch, in order; owned */
};

/* For batches of at most count_max records. ENOMEM. */
TALLY_NODISCARD enum tally_status tl_proof_cache_init(struct tl_proof_cache *cache,
                                                      size_t count_max);
void tl_proof_cache_deinit(struct tl_proof_cache *cache);

/* A batch: begin, append each leaf to the edge through here, end. */
void tl_proof_cache_begin(struct tl_proof_cache *cache, const struct tl_tree_edge *edge);
void tl_proof_cache_append(struct tl_proof_cache *cache, struct tl_tree_edge *edge,
                           const struct tally_hash *leaf);
void tl_proof_cache_end(struct tl_proof_cache *cache, const struct tl_tree_edge *edge);

/* Inclusion of a leaf of the batch in the tree after it. */
void tl_proof_cache_prove(const struct tl_proof_cache *cache, uint64_t index,
                          struct tl_tree_proof *ret_proof);

#endif
