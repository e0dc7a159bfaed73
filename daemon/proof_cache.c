/* SPDX-License-Identifier: ISC */
#include "daemon/proof_cache.h"

#include "lib/base/check.h"
#include "lib/base/mem.h"

enum tally_status tl_proof_cache_init(struct tl_proof_cache *cache, size_t count_max)
{
    /* n leaves complete fewer than 2n nodes of their own, and one a level with older ones. */
    cache->cap = 2 * count_max + TL_TREE_LEVEL_MAX;
    cache->count = 0;
    cache->nodes = (struct tally_hash *)tl_calloc(cache->cap, sizeof *cache->nodes);
    return cache->nodes == NULL ? TALLY_ENOMEM : TALLY_OK;
}

void tl_proof_cache_deinit(struct tl_proof_cache *cache)
{
    tl_free(cache->nodes);
    cache->nodes = NULL;
}

void tl_proof_cache_begin(struct tl_proof_cache *cache, const struct tl_tree_edge *edge)
{
    cache->before = *edge;
    cache->first = tl_tree_node_count(edge->size);
    cache->count = 0;
}

static void keep_node(void *context, unsigned level, uint64_t index, const struct tally_hash *hash)
{
    struct tl_proof_cache *cache = (struct tl_proof_cache *)context;
    TL_ASSERT(cache->count < cache->cap);
    TL_ASSERT(tl_tree_node_position(level, index) == cache->first + cache->count);
    cache->nodes[cache->count] = *hash;
    cache->count++;
}

void tl_proof_cache_append(struct tl_proof_cache *cache, struct tl_tree_edge *edge,
                           const struct tally_hash *leaf)
{
    tl_tree_edge_append(edge, leaf, keep_node, cache);
}

void tl_proof_cache_end(struct tl_proof_cache *cache, const struct tl_tree_edge *edge)
{
    cache->after = *edge;
    size_t i = edge->count;
    while (i > 0) {
        i--;
        cache->suffixes[i] = i + 1 == edge->count
                                 ? edge->nodes[i]
                                 : tl_tree_node(&edge->nodes[i], &cache->suffixes[i + 1]);
    }
}

/* The node of the edge before the batch that is (level, index). */
static const struct tally_hash *edge_node(const struct tl_tree_edge *edge, unsigned level,
                                          uint64_t index)
{
    uint64_t start = 0;
    size_t place = 0;
    for (unsigned bit = TL_TREE_LEVEL_MAX; bit > level; bit--) {
        if ((edge->size >> bit & 1) != 0) {
            start += UINT64_C(1) << bit;
            place++;
        }
    }
    TL_ASSERT((edge->size >> level & 1) != 0);
    TL_ASSERT(start >> level == index);
    return &edge->nodes[place];
}

/* A complete node beside a leaf of the batch is of the batch, or a whole subtree from before it. */
static const struct tally_hash *find_node(const struct tl_proof_cache *cache, unsigned level,
                                          uint64_t index)
{
    uint64_t position = tl_tree_node_position(level, index);
    if (position < cache->first) {
        return edge_node(&cache->before, level, index);
    }
    TL_ASSERT(position - cache->first < cache->count);
    return &cache->nodes[position - cache->first];
}

void tl_proof_cache_prove(const struct tl_proof_cache *cache, uint64_t index,
                          struct tl_tree_proof *ret_proof)
{
    TL_ASSERT(index >= cache->before.size);
    TL_ASSERT(index < cache->after.size);
    /* The subtree of the edge that the leaf is in. */
    uint64_t start = 0;
    size_t place = 0;
    unsigned height = TL_TREE_LEVEL_MAX;
    for (;; height--) {
        if ((cache->after.size >> height & 1) == 0) {
            continue;
        }
        if (index - start < UINT64_C(1) << height) {
            break;
        }
        start += UINT64_C(1) << height;
        place++;
    }
    ret_proof->count = 0;
    for (unsigned level = 0; level < height; level++) {
        ret_proof->hashes[ret_proof->count] = *find_node(cache, level, index >> level ^ 1);
        ret_proof->count++;
    }
    if (place + 1 < cache->after.count) {
        ret_proof->hashes[ret_proof->count] = cache->suffixes[place + 1];
        ret_proof->count++;
    }
    while (place > 0) {
        place--;
        ret_proof->hashes[ret_proof->count] = cache->after.nodes[place];
        ret_proof->count++;
    }
}
