/* SPDX-License-Identifier: ISC */
/* Tiles, bundles and nodes at the sizes where tiles fill up, against those made without a store. */
#include "tests/store/ledger_sample.h"

#include "lib/tree/tile.h"

enum {
    LEAF_COUNT = 65537,
    BUFFER_MAX = 1 << 20,
};

struct fixture {
    char dir[TEST_PATH_MAX];
    struct tl_store *store;
    struct tally_hash *leaves;
    struct sample_record sample;
    struct tl_buffer rendered;
    struct tl_buffer expected;
};

static int set_up(void **state)
{
    struct fixture *fixture = (struct fixture *)calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->leaves = (struct tally_hash *)calloc(LEAF_COUNT, sizeof *fixture->leaves);
    assert_non_null(fixture->leaves);
    sample_init(&fixture->sample);
    tl_buffer_init(&fixture->rendered, BUFFER_MAX);
    tl_buffer_init(&fixture->expected, BUFFER_MAX);
    for (uint64_t i = 0; i < LEAF_COUNT; i++) {
        fixture->leaves[i] = sample_fill(&fixture->sample, i)->leaf;
    }
    fixture->store = sample_create(fixture->dir, 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    tl_store_close(fixture->store);
    test_dir_remove(fixture->dir);
    tl_buffer_deinit(&fixture->rendered);
    tl_buffer_deinit(&fixture->expected);
    sample_deinit(&fixture->sample);
    free(fixture->leaves);
    free(fixture);
    return 0;
}

/* The node of 256 ^ level leaves from index * 256 ^ level on. */
static struct tally_hash node_of(const struct fixture *fixture, unsigned level, uint64_t index)
{
    uint64_t width = UINT64_C(1) << (8 * level);
    assert_true((index + 1) * width <= LEAF_COUNT);
    return tl_tree_root_of(fixture->leaves + index * width, (size_t)width);
}

static void expect_one(struct fixture *fixture, const struct tl_tile *tile, uint64_t index)
{
    struct tl_buffer *expected = &fixture->expected;
    if (tile->kind == TL_TILE_HASHES) {
        struct tally_hash hash = node_of(fixture, tile->level, index);
        tl_buffer_add(expected, tl_hash_bytes(&hash));
        return;
    }
    const struct tl_append *append = sample_fill(&fixture->sample, index);
    if (tile->kind == TL_TILE_ENTRIES) {
        tl_buffer_add_u16(expected, (uint16_t)append->record.len);
        tl_buffer_add(expected, append->record);
    } else if (tile->kind == TL_TILE_SEALS) {
        tl_buffer_add(expected, tl_bytes(append->seal, TALLY_SIGNATURE_LEN));
    } else {
        tl_buffer_add_u16(expected, (uint16_t)(append->commitments.len / TALLY_HASH_LEN));
        tl_buffer_add(expected, append->commitments);
    }
}

static void check_tile(struct fixture *fixture, struct tl_tile tile)
{
    tl_buffer_clear(&fixture->rendered);
    tl_buffer_clear(&fixture->expected);
    for (unsigned i = 0; i < tile.width; i++) {
        expect_one(fixture, &tile, tile.n * TL_TILE_WIDTH + i);
    }
    assert_status(tl_store_render_tile(fixture->store, &tile, &fixture->rendered), TALLY_OK);
    assert_bytes_equal(tl_buffer_bytes(&fixture->rendered), tl_buffer_bytes(&fixture->expected));
}

static void check_absent(struct fixture *fixture, struct tl_tile tile)
{
    tl_buffer_clear(&fixture->rendered);
    assert_status(tl_store_render_tile(fixture->store, &tile, &fixture->rendered), TALLY_ENOTFOUND);
    assert_int_equal(fixture->rendered.len, 0);
}

static const enum tl_tile_kind kinds[] = {TL_TILE_HASHES, TL_TILE_ENTRIES, TL_TILE_SEALS,
                                          TL_TILE_COMMITMENTS};

/* The tile as wide as the ledger has it, the tiles beside it, and nothing wider. */
static void check_last_tiles(struct fixture *fixture, struct tl_tile tile, uint64_t size)
{
    uint64_t count = tl_tile_count(size, tile.level);
    for (uint64_t n = count < 2 ? 0 : count - 2; n < count; n++) {
        tile.n = n;
        tile.width = tl_tile_width(size, tile.level, n);
        check_tile(fixture, tile);
        if (tile.width < TL_TILE_WIDTH) {
            tile.width++;
            check_absent(fixture, tile);
        }
    }
    tile.n = count;
    tile.width = 1;
    check_absent(fixture, tile);
}

static void check_tree(struct fixture *fixture, uint64_t size)
{
    struct tally_hash expected = tl_tree_root_of(fixture->leaves, (size_t)size);
    struct tally_hash root;
    assert_status(tl_tree_root(size, tl_store_fetch_node, fixture->store, &root), TALLY_OK);
    assert_true(tl_hash_equal(&root, &expected));
    const uint64_t indexes[] = {0, size / 2, size - 1};
    for (size_t i = 0; i < TEST_COUNT(indexes); i++) {
        struct tl_tree_proof proof;
        assert_status(
            tl_tree_prove_inclusion(indexes[i], size, tl_store_fetch_node, fixture->store, &proof),
            TALLY_OK);
        assert_true(tl_tree_verify_inclusion(&fixture->leaves[indexes[i]], indexes[i], size,
                                             proof.hashes, proof.count, &root));
    }
}

static void test_sizes(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 65535, 65536, 65537};
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
        sample_grow(fixture->store, sizes[i]);
        for (size_t kind = 0; kind < TEST_COUNT(kinds); kind++) {
            check_last_tiles(fixture, (struct tl_tile){.kind = kinds[kind]}, sizes[i]);
        }
        for (unsigned level = 1; level <= TL_TILE_LEVEL_MAX; level++) {
            check_last_tiles(fixture, (struct tl_tile){.level = level}, sizes[i]);
        }
        check_tree(fixture, sizes[i]);
        sample_check(fixture->store, sizes[i] - 1);
    }
    tl_store_close(fixture->store);
    fixture->store = sample_open(fixture->dir, TL_STORE_STOPPED);
    check_tree(fixture, LEAF_COUNT);
    for (uint64_t n = 0; n < 257; n += 16) {
        for (size_t kind = 0; kind < TEST_COUNT(kinds); kind++) {
            check_tile(fixture, (struct tl_tile){.kind = kinds[kind],
                                                 .n = n,
                                                 .width = n == 256 ? 1 : TL_TILE_WIDTH});
        }
    }
}

static void test_every_width(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    sample_grow(fixture->store, 600);
    for (size_t kind = 0; kind < TEST_COUNT(kinds); kind++) {
        for (unsigned width = 1; width <= TL_TILE_WIDTH; width++) {
            check_tile(fixture, (struct tl_tile){.kind = kinds[kind], .n = 1, .width = width});
        }
    }
}

/* Every node of the first 600 records, and no other. */
static void test_every_node(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    const uint64_t size = 600;
    sample_grow(fixture->store, size);
    uint64_t count = 0;
    for (unsigned level = 0; level <= TL_TREE_LEVEL_MAX; level++) {
        for (uint64_t index = 0; index < size + 2; index++) {
            struct tally_hash hash;
            enum tally_status status = tl_store_fetch_node(fixture->store, level, index, &hash);
            if (level >= 10 || (index + 1) << level > size) {
                assert_status(status, TALLY_ENOTFOUND);
                continue;
            }
            assert_status(status, TALLY_OK);
            struct tally_hash expected =
                tl_tree_root_of(fixture->leaves + (index << level), (size_t)1 << level);
            assert_true(tl_hash_equal(&hash, &expected));
            count++;
        }
    }
    assert_int_equal(count, tl_tree_node_count(size));
}

/* Row i holds what was kept for the size i + 1, and is empty where nothing was. */
static void test_kept_checkpoints(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const uint64_t kept[] = {1, 2, 255, 256, 257, 300};
    struct tl_batch *batch = NULL;
    sample_grow(fixture->store, 300);
    assert_status(tl_batch_begin(fixture->store, 300, &batch), TALLY_OK);
    for (size_t i = 0; i < TEST_COUNT(kept); i++) {
        char lines[32];
        (void)snprintf(lines, sizeof lines, "of %u\n", (unsigned)kept[i]);
        assert_status(tl_batch_put_checkpoint(batch, kept[i], tl_bytes_text(lines)), TALLY_OK);
    }
    assert_status(tl_batch_commit(batch), TALLY_OK);
    for (unsigned n = 0; n < 2; n++) {
        struct tl_tile tile = {
            .kind = TL_TILE_CHECKPOINTS, .n = n, .width = tl_tile_width(300, 0, n)};
        tl_buffer_clear(&fixture->rendered);
        tl_buffer_clear(&fixture->expected);
        for (unsigned i = 0; i < tile.width; i++) {
            char lines[32] = "";
            for (size_t k = 0; k < TEST_COUNT(kept); k++) {
                if (kept[k] == n * TL_TILE_WIDTH + i + 1) {
                    (void)snprintf(lines, sizeof lines, "of %u\n", (unsigned)kept[k]);
                }
            }
            tl_buffer_add_u16(&fixture->expected, (uint16_t)strlen(lines));
            tl_buffer_add_text(&fixture->expected, lines);
        }
        assert_status(tl_store_render_tile(fixture->store, &tile, &fixture->rendered), TALLY_OK);
        assert_bytes_equal(tl_buffer_bytes(&fixture->rendered),
                           tl_buffer_bytes(&fixture->expected));
    }
    check_absent(fixture, (struct tl_tile){.kind = TL_TILE_CHECKPOINTS, .n = 1, .width = 45});
    check_absent(fixture, (struct tl_tile){.kind = TL_TILE_CHECKPOINTS, .n = 2, .width = 1});
}

static void test_nonsense(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    sample_grow(fixture->store, 600);
    struct tally_hash hash;
    static const uint64_t far[] = {
        UINT64_MAX,       UINT64_MAX - 1, UINT64_MAX / 2, INT64_MAX, UINT64_MAX / TL_TILE_WIDTH,
        UINT64_C(1) << 56};
    for (size_t i = 0; i < TEST_COUNT(far); i++) {
        for (unsigned level = 0; level < 80; level++) {
            assert_status(tl_store_fetch_node(fixture->store, level, far[i], &hash),
                          TALLY_ENOTFOUND);
            check_absent(fixture, (struct tl_tile){.level = level, .n = far[i], .width = 1});
        }
        for (size_t kind = 0; kind < TEST_COUNT(kinds); kind++) {
            check_absent(fixture, (struct tl_tile){.kind = kinds[kind], .n = far[i], .width = 256});
        }
    }
    check_absent(fixture, (struct tl_tile){.kind = TL_TILE_ENTRIES, .level = 1, .width = 1});
    check_absent(fixture, (struct tl_tile){.kind = TL_TILE_ENTRIES, .width = 0});
    check_absent(fixture, (struct tl_tile){.kind = TL_TILE_ENTRIES, .width = 257});
    check_absent(fixture, (struct tl_tile){.level = TL_TILE_LEVEL_MAX + 1, .width = 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_width, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_node, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kept_checkpoints, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nonsense, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
