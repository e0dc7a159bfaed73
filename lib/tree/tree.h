/* SPDX-License-Identifier: ISC */
/*
 * The RFC 6962 tree (docs/formats.md, "Tree"): hashing, the append-only edge, proofs.
 *
 * A node is named by (level, index): level 0 holds the leaf hashes, node (l, i) covers the leaves
 * i * 2^l up to (i + 1) * 2^l. Only complete nodes are ever stored; everything else is computed.
 * Nothing here does I/O: proofs ask for complete nodes through a callback. Any thread.
 */
#ifndef TL_TREE_TREE_H
#define TL_TREE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#define TL_TREE_LEVEL_MAX 63u

/* SHA-256(0x00 || entry) */
struct tally_hash tl_tree_leaf(struct tally_bytes entry);

/* SHA-256(0x01 || left || right) */
struct tally_hash tl_tree_node(const struct tally_hash *left, const struct tally_hash *right);

/* SHA-256 of nothing: the root of the empty tree. */
struct tally_hash tl_tree_empty(void);

/* The roots of the complete subtrees of the first size leaves, largest first. */
struct tl_tree_edge {
    uint64_t size;
    size_t count; /* = number of one bits of size */
    struct tally_hash nodes[TL_TREE_LEVEL_MAX];
};

void tl_tree_edge_init(struct tl_tree_edge *edge);

/* Called once for every node that an append completes, level 0 first. */
typedef void (*tl_tree_completed_fn)(void *context, unsigned level, uint64_t index,
                                     const struct tally_hash *hash);

/* Appends one leaf hash. completed may be NULL. size must be below TALLY_SIZE_MAX. */
void tl_tree_edge_append(struct tl_tree_edge *edge, const struct tally_hash *leaf,
                         tl_tree_completed_fn completed, void *context);

struct tally_hash tl_tree_edge_root(const struct tl_tree_edge *edge);

/* Answers the complete node (level, index). Any status but TALLY_OK ends the computation. */
typedef enum tally_status (*tl_tree_fetch_fn)(void *context, unsigned level, uint64_t index,
                                              struct tally_hash *ret_hash);

/* The root over the first size leaves, from stored nodes. */
TALLY_NODISCARD enum tally_status tl_tree_root(uint64_t size, tl_tree_fetch_fn fetch, void *context,
                                               struct tally_hash *ret_root);

/* The edge over the first size leaves, from stored nodes: how a store is opened. */
TALLY_NODISCARD enum tally_status tl_tree_edge_load(uint64_t size, tl_tree_fetch_fn fetch,
                                                    void *context, struct tl_tree_edge *ret_edge);

/* RFC 6962 root over count hashes in memory (the parts of an entry); 0 gives the empty root. */
struct tally_hash tl_tree_root_of(const struct tally_hash *leaves, size_t count);

/*
 * Inclusion needs at most TALLY_PROOF_LEN_MAX hashes, and so does consistency up to the size 2^62;
 * beyond, a consistency proof can have one more.
 */
#define TL_TREE_PROOF_MAX (TALLY_PROOF_LEN_MAX + 1u)

struct tl_tree_proof {
    size_t count;
    struct tally_hash hashes[TL_TREE_PROOF_MAX];
};

/* Inclusion of leaf index in the tree of size leaves. EINVAL unless index < size. */
TALLY_NODISCARD enum tally_status tl_tree_prove_inclusion(uint64_t index, uint64_t size,
                                                          tl_tree_fetch_fn fetch, void *context,
                                                          struct tl_tree_proof *ret_proof);

/* The same over count leaf hashes in memory (a part in its entry). */
TALLY_NODISCARD enum tally_status tl_tree_prove_inclusion_of(const struct tally_hash *leaves,
                                                             size_t count, size_t index,
                                                             struct tl_tree_proof *ret_proof);

/* Consistency from old_size to new_size; EINVAL unless 0 < old_size <= new_size. */
TALLY_NODISCARD enum tally_status tl_tree_prove_consistency(uint64_t old_size, uint64_t new_size,
                                                            tl_tree_fetch_fn fetch, void *context,
                                                            struct tl_tree_proof *ret_proof);

/* True only for a proof of exactly the right length that leads from leaf to root. */
bool tl_tree_verify_inclusion(const struct tally_hash *leaf, uint64_t index, uint64_t size,
                              const struct tally_hash *proof, size_t proof_count,
                              const struct tally_hash *root);

/* old_size 0 is the caller's to handle: always false here. */
bool tl_tree_verify_consistency(uint64_t old_size, const struct tally_hash *old_root,
                                uint64_t new_size, const struct tally_hash *new_root,
                                const struct tally_hash *proof, size_t proof_count);

/*
 * Where a complete node stands when all nodes are written in the order in which appends complete
 * them: the key that lets a store only ever append.
 */
uint64_t tl_tree_node_position(unsigned level, uint64_t index);

/* How many nodes the first size leaves complete: 2 * size - popcount(size). */
uint64_t tl_tree_node_count(uint64_t size);

#endif
