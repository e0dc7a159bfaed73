/* SPDX-License-Identifier: ISC */
/* Every tree of 0..130 leaves, every index, every pair of sizes, against RFC 6962's own words. */
#include "tests/support/test.h"

#include "lib/tree/tree.h"
#include "tests/tree/node_store.h"

#define LEAVES 130u

static struct node_store store;
static struct tally_hash leaves[LEAVES];

static int set_up(void **state)
{
    (void)state;
    node_store_init(&store, LEAVES);
    for (unsigned i = 0; i < LEAVES; i++) {
        uint8_t entry = (uint8_t)i;
        leaves[i] = tl_tree_leaf(tl_bytes(&entry, 1));
        node_store_append(&store, tl_bytes(&entry, 1));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_store_deinit(&store);
    return 0;
}

static size_t split_of(size_t n)
{
    size_t k = 1;
    while (2 * k < n) {
        k *= 2;
    }
    return k;
}

/* MTH, PATH and SUBPROOF as the RFC writes them down: recursive, in the order of its text. */
static struct tally_hash mth(size_t begin, size_t end)
{
    size_t n = end - begin;
    if (n == 0) {
        return tl_tree_empty();
    }
    if (n == 1) {
        return leaves[begin];
    }
    size_t k = split_of(n);
    struct tally_hash left = mth(begin, begin + k);
    struct tally_hash right = mth(begin + k, end);
    return tl_tree_node(&left, &right);
}

static void add(struct tl_tree_proof *proof, struct tally_hash hash)
{
    proof->hashes[proof->count] = hash;
    proof->count++;
}

static void path(size_t m, size_t begin, size_t end, struct tl_tree_proof *proof)
{
    size_t n = end - begin;
    if (n == 1) {
        return;
    }
    size_t k = split_of(n);
    if (m < k) {
        path(m, begin, begin + k, proof);
        add(proof, mth(begin + k, end));
    } else {
        path(m - k, begin + k, end, proof);
        add(proof, mth(begin, begin + k));
    }
}

static void subproof(size_t m, size_t begin, size_t end, bool b, struct tl_tree_proof *proof)
{
    size_t n = end - begin;
    if (m == n) {
        if (!b) {
            add(proof, mth(begin, end));
        }
        return;
    }
    size_t k = split_of(n);
    if (m <= k) {
        subproof(m, begin, begin + k, b, proof);
        add(proof, mth(begin + k, end));
    } else {
        subproof(m - k, begin + k, end, false, proof);
        add(proof, mth(begin, begin + k));
    }
}

static void assert_same(const struct tl_tree_proof *a, const struct tl_tree_proof *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hashes, b->hashes, a->count * sizeof a->hashes[0]);
}

static void test_roots(void **state)
{
    (void)state;
    struct tl_tree_edge edge;
    tl_tree_edge_init(&edge);
    for (size_t size = 0; size <= LEAVES; size++) {
        struct tally_hash expected = mth(0, size);
        struct tally_hash root = tl_tree_edge_root(&edge);
        assert_true(tl_hash_equal(&root, &expected));
        assert_status(tl_tree_root(size, node_store_fetch, &store, &root), TALLY_OK);
        assert_true(tl_hash_equal(&root, &expected));
        root = tl_tree_root_of(leaves, size);
        assert_true(tl_hash_equal(&root, &expected));
        struct tl_tree_edge loaded;
        assert_status(tl_tree_edge_load(size, node_store_fetch, &store, &loaded), TALLY_OK);
        assert_int_equal(loaded.size, edge.size);
        assert_int_equal(loaded.count, edge.count);
        assert_memory_equal(loaded.nodes, edge.nodes, edge.count * sizeof edge.nodes[0]);
        if (size < LEAVES) {
            tl_tree_edge_append(&edge, &leaves[size], NULL, NULL);
        }
    }
}

/* A proof and all that stands beside it; check answers whether it is believed. */
struct claim {
    uint64_t index; /* or the old size */
    uint64_t size;
    struct tally_hash first; /* leaf, or old root */
    struct tally_hash root;
    struct tally_hash hashes[TL_TREE_PROOF_MAX + 2];
    size_t count;
};

typedef bool (*check_fn)(const struct claim *claim);

static bool check_inclusion(const struct claim *claim)
{
    return tl_tree_verify_inclusion(&claim->first, claim->index, claim->size, claim->hashes,
                                    claim->count, &claim->root);
}

static bool check_consistency(const struct claim *claim)
{
    return tl_tree_verify_consistency(claim->index, &claim->first, claim->size, &claim->root,
                                      claim->hashes, claim->count);
}

/* Every change of the proof's length and one changed bit anywhere must be refused. */
static void assert_refuses_changes(const struct claim *good, check_fn check)
{
    struct claim bad = *good;
    struct tally_hash garbage[] = {test_hash(0), good->root, good->first};
    bad.first.bytes[31] ^= 0x80u;
    assert_false(check(&bad));
    bad = *good;
    bad.root.bytes[0] ^= 1u;
    assert_false(check(&bad));
    for (size_t i = 0; i < good->count; i++) {
        bad = *good;
        bad.hashes[i].bytes[i % 32] ^= (uint8_t)(1u << (i % 8));
        assert_false(check(&bad));
        bad = *good;
        memmove(&bad.hashes[i], &bad.hashes[i + 1], (good->count - i - 1) * sizeof bad.hashes[0]);
        bad.count--;
        assert_false(check(&bad));
    }
    for (size_t g = 0; g < TEST_COUNT(garbage); g++) {
        bad = *good;
        bad.hashes[bad.count] = garbage[g];
        bad.count++;
        assert_false(check(&bad));
        bad = *good;
        memmove(&bad.hashes[1], &bad.hashes[0], good->count * sizeof bad.hashes[0]);
        bad.hashes[0] = garbage[g];
        bad.count++;
        assert_false(check(&bad));
    }
    bad = *good;
    bad.size = bad.index;
    bad.index = good->size + 1;
    assert_false(check(&bad));
    bad.size = 0;
    assert_false(check(&bad));
}

static void set_proof(struct claim *claim, const struct tl_tree_proof *proof)
{
    claim->count = proof->count;
    memcpy(claim->hashes, proof->hashes, proof->count * sizeof claim->hashes[0]);
}

static void test_inclusion(void **state)
{
    (void)state;
    size_t checked = 0;
    for (size_t size = 1; size <= LEAVES; size++) {
        struct claim claim = {.size = size, .root = tl_tree_root_of(leaves, size)};
        for (size_t index = 0; index < size; index++) {
            struct tl_tree_proof proof;
            struct tl_tree_proof expected = {.count = 0};
            path(index, 0, size, &expected);
            assert_status(tl_tree_prove_inclusion(index, size, node_store_fetch, &store, &proof),
                          TALLY_OK);
            assert_same(&proof, &expected);
            claim.index = index;
            claim.first = leaves[index];
            set_proof(&claim, &proof);
            assert_true(check_inclusion(&claim));
            assert_refuses_changes(&claim, check_inclusion);
            for (claim.index = 0; claim.index < size && size <= 66; claim.index++) {
                assert_int_equal(check_inclusion(&claim), claim.index == index);
            }
            checked++;
        }
    }
    assert_int_equal(checked, LEAVES * (LEAVES + 1) / 2);
}

static void test_inclusion_in_memory(void **state)
{
    (void)state;
    for (size_t size = 1; size <= LEAVES; size++) {
        for (size_t index = 0; index < size; index++) {
            struct tl_tree_proof proof;
            struct tl_tree_proof expected = {.count = 0};
            path(index, 0, size, &expected);
            assert_status(tl_tree_prove_inclusion_of(leaves, size, index, &proof), TALLY_OK);
            assert_same(&proof, &expected);
        }
    }
}

static void test_consistency(void **state)
{
    (void)state;
    for (size_t new_size = 1; new_size <= LEAVES; new_size++) {
        struct claim claim = {.size = new_size, .root = tl_tree_root_of(leaves, new_size)};
        for (size_t old_size = 1; old_size <= new_size; old_size++) {
            struct tl_tree_proof proof;
            struct tl_tree_proof expected = {.count = 0};
            subproof(old_size, 0, new_size, true, &expected);
            assert_status(
                tl_tree_prove_consistency(old_size, new_size, node_store_fetch, &store, &proof),
                TALLY_OK);
            assert_same(&proof, &expected);
            claim.index = old_size;
            claim.first = tl_tree_root_of(leaves, old_size);
            set_proof(&claim, &proof);
            assert_true(check_consistency(&claim));
            assert_refuses_changes(&claim, check_consistency);
            claim.index = 0;
            assert_false(check_consistency(&claim));
        }
    }
}

static enum tally_status fetch_nothing(void *context, unsigned level, uint64_t index,
                                       struct tally_hash *ret_hash)
{
    (void)level;
    (void)index;
    (void)ret_hash;
    int *calls_left = context;
    (*calls_left)--;
    return *calls_left < 0 ? TALLY_EIO : TALLY_OK;
}

/* The nodes of a tree whose leaf hashes are all zero: the same at every index of a level. */
static enum tally_status fetch_zeros(void *context, unsigned level, uint64_t index,
                                     struct tally_hash *ret_hash)
{
    (void)context;
    assert_true(level < TL_TREE_LEVEL_MAX);
    assert_true(index < (uint64_t)TALLY_SIZE_MAX >> level);
    *ret_hash = test_hash(0);
    for (unsigned i = 0; i < level; i++) {
        *ret_hash = tl_tree_node(ret_hash, ret_hash);
    }
    return TALLY_OK;
}

static void test_arguments(void **state)
{
    (void)state;
    const uint64_t max = (uint64_t)TALLY_SIZE_MAX;
    struct tl_tree_proof proof;
    struct tl_tree_edge edge;
    struct tally_hash root;
    assert_status(tl_tree_prove_inclusion(0, 0, fetch_zeros, NULL, &proof), TALLY_EINVAL);
    assert_status(tl_tree_prove_inclusion(5, 5, fetch_zeros, NULL, &proof), TALLY_EINVAL);
    assert_status(tl_tree_prove_inclusion(0, max + 1, fetch_zeros, NULL, &proof), TALLY_EINVAL);
    assert_status(tl_tree_prove_inclusion_of(leaves, 3, 3, &proof), TALLY_EINVAL);
    assert_status(tl_tree_prove_consistency(0, 5, fetch_zeros, NULL, &proof), TALLY_EINVAL);
    assert_status(tl_tree_prove_consistency(6, 5, fetch_zeros, NULL, &proof), TALLY_EINVAL);
    assert_status(tl_tree_prove_consistency(1, max + 1, fetch_zeros, NULL, &proof), TALLY_EINVAL);
    assert_status(tl_tree_root(max + 1, fetch_zeros, NULL, &root), TALLY_EINVAL);
    assert_status(tl_tree_edge_load(max + 1, fetch_zeros, NULL, &edge), TALLY_EINVAL);
}

/* A store that fails at the nth node ends every computation with its own status. */
static void test_failing_store(void **state)
{
    (void)state;
    for (int calls = 0; calls < 3; calls++) {
        struct tl_tree_proof proof;
        struct tl_tree_edge edge;
        struct tally_hash root;
        int left = calls;
        assert_status(tl_tree_prove_inclusion(5, 127, fetch_nothing, &left, &proof), TALLY_EIO);
        left = calls;
        assert_status(tl_tree_prove_consistency(5, 127, fetch_nothing, &left, &proof), TALLY_EIO);
        left = calls;
        assert_status(tl_tree_root(127, fetch_nothing, &left, &root), TALLY_EIO);
        left = calls;
        assert_status(tl_tree_edge_load(127, fetch_nothing, &left, &edge), TALLY_EIO);
    }
    /* Four nodes, the last of them that of the old tree. */
    for (int calls = 0; calls <= 4; calls++) {
        struct tl_tree_proof proof;
        int left = calls;
        assert_status(tl_tree_prove_consistency(7, 8, fetch_nothing, &left, &proof),
                      calls < 4 ? TALLY_EIO : TALLY_OK);
    }
}

/* The largest sizes: no shift by 64, no overflow, and proofs that check against their own root. */
static void test_largest_sizes(void **state)
{
    (void)state;
    const uint64_t max = (uint64_t)TALLY_SIZE_MAX;
    const uint64_t sizes[] = {max, max - 1, UINT64_C(1) << 62, (UINT64_C(1) << 62) + 1};
    size_t longest = 0;
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
        const uint64_t indexes[] = {0, 1, 2, sizes[i] / 2, sizes[i] / 2 + 1, sizes[i] - 1};
        struct tally_hash root;
        struct tally_hash leaf = test_hash(0);
        assert_status(tl_tree_root(sizes[i], fetch_zeros, NULL, &root), TALLY_OK);
        for (size_t j = 0; j < TEST_COUNT(indexes); j++) {
            struct tl_tree_proof proof;
            assert_status(
                tl_tree_prove_inclusion(indexes[j], sizes[i], fetch_zeros, NULL, &proof),
                TALLY_OK);
            assert_true(proof.count <= TALLY_PROOF_LEN_MAX);
            assert_true(tl_tree_verify_inclusion(&leaf, indexes[j], sizes[i], proof.hashes,
                                                 proof.count, &root));
            uint64_t old_size = indexes[j] + 1;
            struct tally_hash old_root;
            assert_status(tl_tree_root(old_size, fetch_zeros, NULL, &old_root), TALLY_OK);
            assert_status(
                tl_tree_prove_consistency(old_size, sizes[i], fetch_zeros, NULL, &proof),
                TALLY_OK);
            assert_true(tl_tree_verify_consistency(old_size, &old_root, sizes[i], &root,
                                                   proof.hashes, proof.count));
            longest = proof.count > longest ? proof.count : longest;
        }
    }
    assert_int_equal(longest, TL_TREE_PROOF_MAX);
    struct tally_hash hash = test_hash(0);
    struct tally_hash many[70];
    memset(many, 0, sizeof many);
    for (size_t count = 0; count <= TEST_COUNT(many); count++) {
        assert_false(
            tl_tree_verify_inclusion(&hash, UINT64_MAX, UINT64_MAX, many, count, &hash));
        assert_false(
            tl_tree_verify_inclusion(&hash, UINT64_MAX - 1, UINT64_MAX, many, count, &hash));
        assert_false(tl_tree_verify_consistency(UINT64_MAX - 1, &hash, UINT64_MAX, &hash, many,
                                                count));
    }
}

static void test_node_positions(void **state)
{
    (void)state;
    const uint64_t max = (uint64_t)TALLY_SIZE_MAX;
    assert_int_equal(tl_tree_node_count(0), 0);
    assert_int_equal(tl_tree_node_position(0, 0), 0);
    assert_int_equal(tl_tree_node_position(1, 0), 2);
    assert_int_equal(tl_tree_node_position(2, 0), 6);
    assert_true(tl_tree_node_count(max) == UINT64_MAX - 1 - 63);
    assert_true(tl_tree_node_position(0, max - 1) == tl_tree_node_count(max) - 1);
    assert_true(tl_tree_node_position(62, 0) == (UINT64_C(1) << 63) - 2);
}

static void position_above_the_tree(void *context)
{
    (void)context;
    (void)tl_tree_node_position(63, 0);
}

static void position_beyond_the_tree(void *context)
{
    (void)context;
    (void)tl_tree_node_position(62, 1);
}

static void append_to_a_full_edge(void *context)
{
    (void)context;
    struct tl_tree_edge edge = {.size = (uint64_t)TALLY_SIZE_MAX, .count = 63};
    struct tally_hash leaf = test_hash(0);
    tl_tree_edge_append(&edge, &leaf, NULL, NULL);
}

static void test_own_mistakes_stop(void **state)
{
    (void)state;
    assert_true(test_aborts(position_above_the_tree, NULL));
    assert_true(test_aborts(position_beyond_the_tree, NULL));
    assert_true(test_aborts(append_to_a_full_edge, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_inclusion),
        cmocka_unit_test(test_inclusion_in_memory),
        cmocka_unit_test(test_consistency),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_failing_store),
        cmocka_unit_test(test_largest_sizes),
        cmocka_unit_test(test_node_positions),
        cmocka_unit_test(test_own_mistakes_stop),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
