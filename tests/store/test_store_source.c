/* SPDX-License-Identifier: ISC */
#include "tests/store/ledger_sample.h"

#include "lib/archive/source.h"
#include "lib/tree/tile.h"

enum {
    SIZE = 300,
    EXHIBIT_LEN = 200000,
};

struct fixture {
    char dir[TEST_PATH_MAX];
    struct tl_source *source;
    struct tl_store *store;
    struct tl_buffer read;
    struct tl_buffer expected;
    struct tally_hash exhibit;
};

static uint8_t exhibit_bytes[EXHIBIT_LEN];

static int set_up(void **state)
{
    struct fixture *fixture = (struct fixture *)calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    tl_store_close(sample_create(fixture->dir, SIZE));
    fixture->store = sample_open(fixture->dir, TL_STORE_STOPPED);
    memset(exhibit_bytes, 'e', sizeof exhibit_bytes);
    fixture->exhibit = tl_sha256(tl_bytes(exhibit_bytes, sizeof exhibit_bytes));
    char path[2 * TEST_PATH_MAX];
    assert_status(tl_store_exhibit_path(fixture->store, &fixture->exhibit, path, sizeof path),
                  TALLY_OK);
    test_file_put(path, tl_bytes(exhibit_bytes, sizeof exhibit_bytes));
    assert_status(
        tl_source_open_store(fixture->store, tl_bytes_text("the checkpoint\n"), &fixture->source),
        TALLY_OK);
    tl_buffer_init(&fixture->read, TL_RESOURCE_MAX);
    tl_buffer_init(&fixture->expected, TL_RESOURCE_MAX);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    tl_source_close(fixture->source);
    test_dir_remove(fixture->dir);
    tl_buffer_deinit(&fixture->read);
    tl_buffer_deinit(&fixture->expected);
    free(fixture);
    return 0;
}

static enum tally_status add_chunk(void *context, struct tally_bytes chunk)
{
    assert_true(chunk.len > 0);
    tl_buffer_add((struct tl_buffer *)context, chunk);
    return TALLY_OK;
}

/* Reads and streams path; both answer expected. */
static void check_bytes(struct fixture *fixture, const char *path, struct tally_bytes expected)
{
    tl_buffer_clear(&fixture->read);
    assert_status(tl_source_read(fixture->source, path, &fixture->read), TALLY_OK);
    assert_bytes_equal(tl_buffer_bytes(&fixture->read), expected);
    tl_buffer_clear(&fixture->read);
    assert_status(tl_source_stream(fixture->source, path, add_chunk, &fixture->read), TALLY_OK);
    assert_bytes_equal(tl_buffer_bytes(&fixture->read), expected);
}

static void check_status(struct fixture *fixture, const char *path, enum tally_status expected)
{
    tl_buffer_clear(&fixture->read);
    assert_status(tl_source_read(fixture->source, path, &fixture->read), expected);
    assert_status(tl_source_stream(fixture->source, path, add_chunk, &fixture->read), expected);
    assert_int_equal(fixture->read.len, 0);
}

static void check_tile(struct fixture *fixture, struct tl_tile tile)
{
    char path[TL_TILE_PATH_MAX];
    tl_tile_path(&tile, path);
    tl_buffer_clear(&fixture->expected);
    assert_status(tl_store_render_tile(fixture->store, &tile, &fixture->expected), TALLY_OK);
    check_bytes(fixture, path, tl_buffer_bytes(&fixture->expected));
}

static void test_resources(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    check_bytes(fixture, TL_PATH_CHECKPOINT, tl_bytes_text("the checkpoint\n"));
    for (unsigned n = 0; n < 2; n++) {
        unsigned width = tl_tile_width(SIZE, 0, n);
        check_tile(fixture, (struct tl_tile){.kind = TL_TILE_HASHES, .n = n, .width = width});
        check_tile(fixture, (struct tl_tile){.kind = TL_TILE_ENTRIES, .n = n, .width = width});
        check_tile(fixture, (struct tl_tile){.kind = TL_TILE_SEALS, .n = n, .width = width});
        check_tile(fixture, (struct tl_tile){.kind = TL_TILE_COMMITMENTS, .n = n, .width = width});
    }
    check_tile(fixture, (struct tl_tile){.level = 1, .width = 1});
    char path[TL_RESOURCE_PATH_MAX];
    for (uint64_t i = 0; i < SIZE; i++) {
        tl_path_parts(i, path);
        if (!sample_has_clear(i)) {
            check_status(fixture, path, TALLY_ENOTFOUND);
            continue;
        }
        tl_buffer_clear(&fixture->expected);
        assert_status(tl_store_render_parts(fixture->store, i, &fixture->expected), TALLY_OK);
        check_bytes(fixture, path, tl_buffer_bytes(&fixture->expected));
    }
}

static void test_objects(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char path[TL_RESOURCE_PATH_MAX];
    struct sample_record sample;
    sample_init(&sample);
    (void)sample_fill(&sample, 10);
    assert_true(sample_has_sealed(10));
    tl_path_object(&sample.sealed_hashes[1], path);
    check_bytes(fixture, path, tl_bytes(sample.ciphertexts[1], sizeof sample.ciphertexts[1]));
    tl_path_object(&fixture->exhibit, path);
    check_bytes(fixture, path, tl_bytes(exhibit_bytes, sizeof exhibit_bytes));
    bool holds = false;
    for (uint64_t size = EXHIBIT_LEN - 1; size <= EXHIBIT_LEN + 1; size++) {
        assert_status(
            tl_source_holds(fixture->source, path, &fixture->exhibit, size, &holds), TALLY_OK);
        assert_int_equal(holds, size == EXHIBIT_LEN);
    }
    fixture->exhibit.bytes[0] ^= 1;
    tl_path_object(&fixture->exhibit, path);
    check_status(fixture, path, TALLY_ENOTFOUND);
    sample_deinit(&sample);
}

static void test_foreign_exhibits(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char path[2 * TEST_PATH_MAX];
    char resource[TL_RESOURCE_PATH_MAX];
    struct tally_hash hash = test_hash(7);
    tl_path_object(&hash, resource);
    assert_status(tl_store_exhibit_path(fixture->store, &hash, path, sizeof path), TALLY_OK);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    check_status(fixture, resource, TALLY_EIO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_status(fixture, resource, TALLY_EIO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    check_status(fixture, resource, TALLY_EIO);
}

static void test_other_paths(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const char *const paths[] = {
        "",
        "lock",
        "store/data.mdb",
        "../store/data.mdb",
        "tally/objects/../../lock",
        "tile/0/002",
        "tile/0/001",
        "tile/0/001.p/45",
        "tile/1/000",
        "tile/entries/002.p/1",
        "tally/parts/x001/000",
    };
    for (size_t i = 0; i < TEST_COUNT(paths); i++) {
        check_status(fixture, paths[i], TALLY_ENOTFOUND);
    }
}

static void test_small_buffer(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 10);
    assert_status(tl_source_read(fixture->source, "tile/0/000", &buffer), TALLY_ETOOBIG);
    assert_int_equal(buffer.len, 0);
    tl_buffer_deinit(&buffer);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 1);
    struct tl_source *source = NULL;
    test_allocations_limit(0);
    assert_status(tl_source_open_store(store, tl_bytes_text("x"), &source), TALLY_ENOMEM);
    assert_true(test_allocations_unlimit());
    assert_null(source);
    /* Still the caller's. */
    tl_store_close(store);
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_resources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_exhibits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_small_buffer, set_up, tear_down),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
