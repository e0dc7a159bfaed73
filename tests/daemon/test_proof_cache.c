/* SPDX-License-Identifier: ISC */
/* Proofs from memory are those that the tree itself gives, for every cut of a ledger in batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/proof_cache.h"
#include "lib/base/bytes.h"

enum { LEAF_COUNT = 70 };

static struct tally_hash leaves[LEAF_COUNT];

static void make_leaves(void)
{
    for (size_t i = 0; i < LEAF_COUNT; i++) {
        uint8_t byte = (uint8_t)i;
        leaves[i] = tl_tree_leaf(tl_bytes(&byte, 1));
    }
}

static void check_batch(struct tl_proof_cache *cache, struct tl_tree_edge *edge, size_t count)
{
    size_t begin = (size_t)edge->size;
    tl_proof_cache_begin(cache, edge);
    for (size_t i = 0; i < count; i++) {
        tl_proof_cache_append(cache, edge, &leaves[begin + i]);
    }
    tl_proof_cache_end(cache, edge);
    for (size_t i = begin; i < begin + count; i++) {
        struct tl_tree_proof made;
        struct tl_tree_proof expected;
        tl_proof_cache_prove(cache, i, &made);
        assert_int_equal(tl_tree_prove_inclusion_of(leaves, begin + count, i, &expected),
                         TALLY_OK);
        assert_int_equal(made.count, expected.count);
        assert_memory_equal(made.hashes, expected.hashes, made.count * sizeof made.hashes[0]);
    }
}

static void test_every_cut(void **state)
{
    (void)state;
    make_leaves();
    for (size_t before = 0; before < LEAF_COUNT; before++) {
        for (size_t count = 1; before + count <= LEAF_COUNT; count++) {
            struct tl_proof_cache cache;
            struct tl_tree_edge edge;
            assert_int_equal(tl_proof_cache_init(&cache, count), TALLY_OK);
            tl_tree_edge_init(&edge);
            for (size_t i = 0; i < before; i++) {
                tl_tree_edge_append(&edge, &leaves[i], NULL, NULL);
            }
            check_batch(&cache, &edge, count);
            tl_proof_cache_deinit(&cache);
        }
    }
}

static void test_batch_after_batch(void **state)
{
    struct tl_proof_cache cache;
    struct tl_tree_edge edge;
    (void)state;
    make_leaves();
    assert_int_equal(tl_proof_cache_init(&cache, 16), TALLY_OK);
    tl_tree_edge_init(&edge);
    static const size_t counts[] = {1, 1, 2, 3, 16, 7, 1, 9, 16};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check_batch(&cache, &edge, counts[i]);
    }
    tl_proof_cache_deinit(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_batch_after_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
