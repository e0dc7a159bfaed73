/* SPDX-License-Identifier: ISC */
/*
 * Proofs (RFC 6962, sections 2.1.1 and 2.1.2), made and checked without recursion.
 *
 * Making one walks from the root down and notes at each split the half that is not entered; a
 * proof lists these halves the other way round. Checking one walks up with two numbers: fn, the
 * node that is followed, and sn, the last node of its row; sn reaches 0 exactly at the root, which
 * is what ties the length of a proof to the sizes it speaks of.
 */
#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/tree/range.h"
#include "lib/tree/tree.h"

/* The largest power of two below n, which is at least 2. */
static uint64_t split_of(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static enum tally_status add_range(struct tl_tree_proof *proof, uint64_t begin, uint64_t end,
                                   tl_tree_fetch_fn fetch, void *context)
{
    TL_ASSERT(proof->count < TL_TREE_PROOF_MAX);
    enum tally_status status =
        tl_tree_range_root(begin, end, fetch, context, &proof->hashes[proof->count]);
    if (status == TALLY_OK) {
        proof->count++;
    }
    return status;
}

static void reverse_into(const struct tl_tree_proof *proof, struct tl_tree_proof *ret_proof)
{
    ret_proof->count = proof->count;
    for (size_t i = 0; i < proof->count; i++) {
        ret_proof->hashes[i] = proof->hashes[proof->count - 1 - i];
    }
}

enum tally_status tl_tree_prove_inclusion(uint64_t index, uint64_t size, tl_tree_fetch_fn fetch,
                                          void *context, struct tl_tree_proof *ret_proof)
{
    if (size > (uint64_t)TALLY_SIZE_MAX || index >= size) {
        return TALLY_EINVAL;
    }
    struct tl_tree_proof proof = {.count = 0};
    uint64_t begin = 0;
    uint64_t end = size;
    while (end - begin > 1) {
        enum tally_status status = TALLY_EINTERNAL;
        uint64_t middle = begin + split_of(end - begin);
        if (index < middle) {
            status = add_range(&proof, middle, end, fetch, context);
            end = middle;
        } else {
            status = add_range(&proof, begin, middle, fetch, context);
            begin = middle;
        }
        if (status != TALLY_OK) {
            return status;
        }
    }
    reverse_into(&proof, ret_proof);
    return TALLY_OK;
}

struct leaves {
    const struct tally_hash *hashes;
    size_t count;
};

static enum tally_status fetch_from_leaves(void *context, unsigned level, uint64_t index,
                                           struct tally_hash *ret_hash)
{
    const struct leaves *leaves = context;
    size_t width = (size_t)1 << level;
    size_t begin = (size_t)index << level;
    TL_ASSERT(begin <= leaves->count);
    TL_ASSERT(width <= leaves->count - begin);
    *ret_hash = tl_tree_root_of(leaves->hashes + begin, width);
    return TALLY_OK;
}

enum tally_status tl_tree_prove_inclusion_of(const struct tally_hash *leaves, size_t count,
                                             size_t index, struct tl_tree_proof *ret_proof)
{
    struct leaves context = {.hashes = leaves, .count = count};
    return tl_tree_prove_inclusion(index, count, fetch_from_leaves, &context, ret_proof);
}

enum tally_status tl_tree_prove_consistency(uint64_t old_size, uint64_t new_size,
                                            tl_tree_fetch_fn fetch, void *context,
                                            struct tl_tree_proof *ret_proof)
{
    if (new_size > (uint64_t)TALLY_SIZE_MAX || old_size == 0 || old_size > new_size) {
        return TALLY_EINVAL;
    }
    struct tl_tree_proof proof = {.count = 0};
    uint64_t begin = 0;
    uint64_t end = new_size;
    enum tally_status status = TALLY_OK;
    while (end != old_size) {
        uint64_t middle = begin + split_of(end - begin);
        if (old_size <= middle) {
            status = add_range(&proof, middle, end, fetch, context);
            end = middle;
        } else {
            status = add_range(&proof, begin, middle, fetch, context);
            begin = middle;
        }
        if (status != TALLY_OK) {
            return status;
        }
    }
    /* Where the old tree is itself a node of the new one, the verifier holds its root already. */
    if (begin != 0) {
        status = add_range(&proof, begin, end, fetch, context);
        if (status != TALLY_OK) {
            return status;
        }
    }
    reverse_into(&proof, ret_proof);
    return TALLY_OK;
}

struct walk {
    uint64_t fn;
    uint64_t sn;
};

static bool is_right_side(const struct walk *walk)
{
    return (walk->fn & 1u) != 0 || walk->fn == walk->sn;
}

static void ascend(struct walk *walk)
{
    walk->fn >>= 1;
    walk->sn >>= 1;
}

/* A last node without a sibling moves up unchanged until it is a right child: which it is once, as
 * it is not the first node of its row. */
static void skip_missing_siblings(struct walk *walk)
{
    TL_ASSERT(walk->fn != 0);
    while ((walk->fn & 1u) == 0) {
        ascend(walk);
    }
}

bool tl_tree_verify_inclusion(const struct tally_hash *leaf, uint64_t index, uint64_t size,
                              const struct tally_hash *proof, size_t proof_count,
                              const struct tally_hash *root)
{
    if (index >= size) {
        return false;
    }
    struct walk walk = {.fn = index, .sn = size - 1};
    struct tally_hash hash = *leaf;
    for (size_t i = 0; i < proof_count; i++) {
        if (walk.sn == 0) {
            return false;
        }
        if (is_right_side(&walk)) {
            hash = tl_tree_node(&proof[i], &hash);
            skip_missing_siblings(&walk);
        } else {
            hash = tl_tree_node(&hash, &proof[i]);
        }
        ascend(&walk);
    }
    return walk.sn == 0 && tl_hash_equal(&hash, root);
}

static bool verify_growth(uint64_t old_size, const struct tally_hash *old_root, uint64_t new_size,
                          const struct tally_hash *new_root, const struct tally_hash *proof,
                          size_t proof_count)
{
    struct walk walk = {.fn = old_size - 1, .sn = new_size - 1};
    while ((walk.fn & 1u) != 0) {
        ascend(&walk);
    }
    /* fn is 0 here exactly when old_size is a power of two: the proof then starts at old_root. */
    size_t next = walk.fn == 0 ? 0 : 1;
    struct tally_hash old_hash = walk.fn == 0 ? *old_root : proof[0];
    struct tally_hash new_hash = old_hash;
    for (size_t i = next; i < proof_count; i++) {
        if (walk.sn == 0) {
            return false;
        }
        if (is_right_side(&walk)) {
            old_hash = tl_tree_node(&proof[i], &old_hash);
            new_hash = tl_tree_node(&proof[i], &new_hash);
            skip_missing_siblings(&walk);
        } else {
            new_hash = tl_tree_node(&new_hash, &proof[i]);
        }
        ascend(&walk);
    }
    return walk.sn == 0 && tl_hash_equal(&old_hash, old_root) && tl_hash_equal(&new_hash, new_root);
}

bool tl_tree_verify_consistency(uint64_t old_size, const struct tally_hash *old_root,
                                uint64_t new_size, const struct tally_hash *new_root,
                                const struct tally_hash *proof, size_t proof_count)
{
    if (old_size == 0 || old_size > new_size) {
        return false;
    }
    if (old_size == new_size) {
        return proof_count == 0 && tl_hash_equal(old_root, new_root);
    }
    if (proof_count == 0) {
        return false;
    }
    return verify_growth(old_size, old_root, new_size, new_root, proof, proof_count);
}
