/* SPDX-License-Identifier: ISC */
/* A tree kept in memory as a store keeps it: every node at its position, only ever appended. */
#ifndef TEST_TREE_NODE_STORE_H
#define TEST_TREE_NODE_STORE_H

#include "tests/support/test.h"

#include "lib/tree/tree.h"

struct node_store {
    struct tl_tree_edge edge;
    struct tally_hash *nodes;
    uint64_t count;
    uint64_t cap;
};

static inline void node_store_init(struct node_store *store, uint64_t size_max)
{
    tl_tree_edge_init(&store->edge);
    store->count = 0;
    store->cap = tl_tree_node_count(size_max);
    store->nodes = tl_calloc((size_t)store->cap, sizeof store->nodes[0]);
    assert_non_null(store->nodes);
}

static inline void node_store_deinit(struct node_store *store)
{
    tl_free(store->nodes);
    store->nodes = NULL;
}

static inline void node_store_put(void *context, unsigned level, uint64_t index,
                                  const struct tally_hash *hash)
{
    struct node_store *store = context;
    assert_true(store->count < store->cap);
    assert_int_equal(tl_tree_node_position(level, index), store->count);
    store->nodes[store->count] = *hash;
    store->count++;
}

static inline void node_store_append(struct node_store *store, struct tally_bytes entry)
{
    struct tally_hash leaf = tl_tree_leaf(entry);
    tl_tree_edge_append(&store->edge, &leaf, node_store_put, store);
    assert_int_equal(store->count, tl_tree_node_count(store->edge.size));
}

static inline enum tally_status node_store_fetch(void *context, unsigned level, uint64_t index,
                                                 struct tally_hash *ret_hash)
{
    const struct node_store *store = context;
    uint64_t position = tl_tree_node_position(level, index);
    if (position >= store->count) {
        return TALLY_ENOTFOUND;
    }
    *ret_hash = store->nodes[position];
    return TALLY_OK;
}

#endif
