/* SPDX-License-Identifier: ISC */
#include "lib/tree/tree.h"

#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/base/sha256.h"
#include "lib/tree/range.h"

struct tally_hash tl_tree_leaf(struct tally_bytes entry)
{
    const uint8_t prefix = 0x00;
    struct tl_sha256 sha;
    tl_sha256_init(&sha);
    tl_sha256_update(&sha, tl_bytes(&prefix, 1));
    tl_sha256_update(&sha, entry);
    return tl_sha256_final(&sha);
}

struct tally_hash tl_tree_node(const struct tally_hash *left, const struct tally_hash *right)
{
    const uint8_t prefix = 0x01;
    struct tl_sha256 sha;
    tl_sha256_init(&sha);
    tl_sha256_update(&sha, tl_bytes(&prefix, 1));
    tl_sha256_update(&sha, tl_hash_bytes(left));
    tl_sha256_update(&sha, tl_hash_bytes(right));
    return tl_sha256_final(&sha);
}

struct tally_hash tl_tree_empty(void)
{
    return tl_sha256(tl_bytes("", 0));
}

void tl_tree_edge_init(struct tl_tree_edge *edge)
{
    edge->size = 0;
    edge->count = 0;
}

void tl_tree_edge_append(struct tl_tree_edge *edge, const struct tally_hash *leaf,
                         tl_tree_completed_fn completed, void *context)
{
    TL_ASSERT(edge->size < (uint64_t)TALLY_SIZE_MAX);
    struct tally_hash hash = *leaf;
    unsigned level = 0;
    if (completed != NULL) {
        completed(context, 0, edge->size, &hash);
    }
    /* Like a carry: each one bit at the low end of size is a subtree that the new one completes. */
    while (((edge->size >> level) & 1u) != 0) {
        edge->count--;
        hash = tl_tree_node(&edge->nodes[edge->count], &hash);
        level++;
        if (completed != NULL) {
            completed(context, level, edge->size >> level, &hash);
        }
    }
    edge->nodes[edge->count] = hash;
    edge->count++;
    edge->size++;
}

struct tally_hash tl_tree_edge_root(const struct tl_tree_edge *edge)
{
    if (edge->count == 0) {
        return tl_tree_empty();
    }
    size_t i = edge->count - 1;
    struct tally_hash root = edge->nodes[i];
    while (i > 0) {
        i--;
        root = tl_tree_node(&edge->nodes[i], &root);
    }
    return root;
}

static enum tally_status load_range(uint64_t begin, uint64_t end, tl_tree_fetch_fn fetch,
                                    void *context, struct tl_tree_edge *edge)
{
    uint64_t at = begin;
    tl_tree_edge_init(edge);
    for (unsigned level = TL_TREE_LEVEL_MAX; level-- > 0;) {
        if ((((end - begin) >> level) & 1u) == 0) {
            continue;
        }
        enum tally_status status = fetch(context, level, at >> level, &edge->nodes[edge->count]);
        if (status != TALLY_OK) {
            return status;
        }
        edge->count++;
        at += UINT64_C(1) << level;
    }
    edge->size = end - begin;
    return TALLY_OK;
}

enum tally_status tl_tree_range_root(uint64_t begin, uint64_t end, tl_tree_fetch_fn fetch,
                                     void *context, struct tally_hash *ret_root)
{
    struct tl_tree_edge edge;
    enum tally_status status = load_range(begin, end, fetch, context, &edge);
    if (status != TALLY_OK) {
        return status;
    }
    *ret_root = tl_tree_edge_root(&edge);
    return TALLY_OK;
}

enum tally_status tl_tree_root(uint64_t size, tl_tree_fetch_fn fetch, void *context,
                               struct tally_hash *ret_root)
{
    if (size > (uint64_t)TALLY_SIZE_MAX) {
        return TALLY_EINVAL;
    }
    return tl_tree_range_root(0, size, fetch, context, ret_root);
}

enum tally_status tl_tree_edge_load(uint64_t size, tl_tree_fetch_fn fetch, void *context,
                                    struct tl_tree_edge *ret_edge)
{
    if (size > (uint64_t)TALLY_SIZE_MAX) {
        return TALLY_EINVAL;
    }
    struct tl_tree_edge edge;
    enum tally_status status = load_range(0, size, fetch, context, &edge);
    if (status != TALLY_OK) {
        return status;
    }
    *ret_edge = edge;
    return TALLY_OK;
}

struct tally_hash tl_tree_root_of(const struct tally_hash *leaves, size_t count)
{
    struct tl_tree_edge edge;
    tl_tree_edge_init(&edge);
    for (size_t i = 0; i < count; i++) {
        tl_tree_edge_append(&edge, &leaves[i], NULL, NULL);
    }
    return tl_tree_edge_root(&edge);
}

uint64_t tl_tree_node_count(uint64_t size)
{
    TL_ASSERT(size <= (uint64_t)TALLY_SIZE_MAX);
    return 2 * size - (uint64_t)__builtin_popcountll(size);
}

uint64_t tl_tree_node_position(unsigned level, uint64_t index)
{
    TL_ASSERT(level < TL_TREE_LEVEL_MAX);
    TL_ASSERT(index < (uint64_t)TALLY_SIZE_MAX >> level);
    /* The leaf that completes the node comes first, then the nodes it completes, level by level. */
    uint64_t last_leaf = ((index + 1) << level) - 1;
    return tl_tree_node_count(last_leaf) + level;
}
