/* SPDX-License-Identifier: ISC */
/* Many readers beside the writer: none ever sees half a batch. */
#include "tests/store/ledger_sample.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    READER_COUNT = 12, /* more than the store keeps snapshots for */
    BATCH_LEN = 37,
    BATCH_COUNT = 60,
};

struct shared {
    struct tl_store *store;
    atomic_bool done;
    atomic_uint failures;
    atomic_uint reads;
};

/* Assertions of cmocka belong to the main thread. */
static bool reads_well(struct tl_store *store, struct tl_buffer *buffer, uint64_t salt)
{
    uint64_t size = tl_store_size(store);
    uint64_t index = salt % size;
    struct tl_stored_facts facts;
    tl_buffer_clear(buffer);
    if (size % BATCH_LEN != 0 || tl_store_record(store, index, buffer, NULL) != TALLY_OK ||
        tl_store_facts(store, index, &facts) != TALLY_OK) {
        return false;
    }
    struct tally_hash leaf = tl_tree_leaf(tl_buffer_bytes(buffer));
    if (!tl_hash_equal(&leaf, &facts.leaf)) {
        return false;
    }
    /* What the size promises is there, to its last record. */
    struct tl_tree_proof proof;
    struct tally_hash root;
    return tl_tree_prove_inclusion(index, size, tl_store_fetch_node, store, &proof) == TALLY_OK &&
           tl_tree_root(size, tl_store_fetch_node, store, &root) == TALLY_OK &&
           tl_tree_verify_inclusion(&leaf, index, size, proof.hashes, proof.count, &root);
}

static bool renders_well(struct tl_store *store, struct tl_buffer *buffer)
{
    uint64_t size = tl_store_size(store);
    struct tl_tile tile = {.kind = TL_TILE_ENTRIES, .n = (size - 1) / TL_TILE_WIDTH};
    tile.width = tl_tile_width(size, 0, tile.n);
    tl_buffer_clear(buffer);
    return tl_store_render_tile(store, &tile, buffer) == TALLY_OK;
}

static void *read_on(void *context)
{
    struct shared *shared = (struct shared *)context;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1 << 20);
    uint64_t salt = 1;
    while (!atomic_load(&shared->done)) {
        salt = salt * UINT64_C(6364136223846793005) + 1;
        if (!reads_well(shared->store, &buffer, salt >> 20) ||
            !renders_well(shared->store, &buffer)) {
            atomic_fetch_add(&shared->failures, 1);
        }
        atomic_fetch_add(&shared->reads, 1);
    }
    tl_buffer_deinit(&buffer);
    return NULL;
}

static void test_readers_beside_the_writer(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct shared shared = {.store = sample_create(dir, BATCH_LEN)};
    pthread_t threads[READER_COUNT];
    for (size_t i = 0; i < READER_COUNT; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &shared), 0);
    }
    for (uint64_t i = 2; i <= BATCH_COUNT; i++) {
        sample_grow(shared.store, i * BATCH_LEN);
    }
    while (atomic_load(&shared.reads) < 100) {
        (void)sched_yield();
    }
    atomic_store(&shared.done, true);
    for (size_t i = 0; i < READER_COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&shared.failures), 0);
    tl_store_close(shared.store);
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_beside_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
