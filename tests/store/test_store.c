/* SPDX-License-Identifier: ISC */
#include "tests/store/ledger_sample.h"

#include "lib/roster/roster.h"

static void test_create(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    test_dir_make(dir);
    assert_status(tl_store_create(dir), TALLY_OK);
    struct stat info;
    const char *const names[] = {"store", "exhibits", "exhibits/deposits", "exhibits/incoming"};
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        test_path(path, dir, names[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_true(S_ISDIR(info.st_mode));
        assert_int_equal(info.st_mode & 0777, 0700);
    }
    test_path(path, dir, "store/data.mdb");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_status(tl_store_create(dir), TALLY_EEXIST);
    struct tl_store *store = sample_open(dir, TL_STORE_WRITE);
    assert_int_equal(tl_store_size(store), 0);
    assert_string_equal(tl_store_directory(store), dir);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_create_needs_a_directory(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    test_dir_make(dir);
    test_path(path, dir, "absent");
    assert_status(tl_store_create(path), TALLY_ENOTFOUND);
    assert_int_equal(test_dir_count(dir), 0);
    test_dir_remove(dir);
}

static void test_open_needs_a_store(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    test_dir_make(dir);
    struct tl_store *store = NULL;
    assert_status(tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_WRITE, &store), TALLY_ENOTFOUND);
    assert_status(tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_STOPPED, &store), TALLY_ENOTFOUND);
    test_path(path, dir, "absent");
    assert_status(tl_store_open(path, SAMPLE_MAP_SIZE, TL_STORE_WRITE, &store), TALLY_ENOTFOUND);
    assert_null(store);
    assert_int_equal(test_dir_count(dir), 0);

    /* A lost file must not come back as an empty ledger. */
    assert_status(tl_store_create(dir), TALLY_OK);
    test_path(path, dir, "store/data.mdb");
    assert_int_equal(unlink(path), 0);
    assert_status(tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_WRITE, &store), TALLY_ENOTFOUND);
    assert_int_equal(access(path, F_OK), -1);
    test_file_put(path, tl_bytes(NULL, 0));
    assert_status(tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_WRITE, &store), TALLY_EFORMAT);
    test_dir_remove(dir);
}

static void test_open_checks_map_size(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 1));
    struct tl_store *store = NULL;
    assert_status(tl_store_open(dir, 0, TL_STORE_WRITE, &store), TALLY_EINVAL);
    assert_status(tl_store_open(dir, UINT64_MAX, TL_STORE_WRITE, &store), TALLY_EINVAL);
    assert_null(store);
    test_dir_remove(dir);
}

static void test_empty(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 0);
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1000);
    struct tl_stored_facts facts;
    struct tally_hash hash = test_hash(0);
    uint64_t number = TL_NEVER;
    uint64_t sequence;
    assert_status(tl_store_record(store, 0, &buffer, NULL), TALLY_ENOTFOUND);
    assert_status(tl_store_facts(store, 0, &facts), TALLY_ENOTFOUND);
    assert_status(tl_store_next_constitution(store, &number), TALLY_ENOTFOUND);
    assert_int_equal(number, TL_NEVER);
    assert_status(tl_store_checkpoint_above(store, 0, &number, &buffer), TALLY_ENOTFOUND);
    assert_status(tl_store_author_last(store, 0, &sequence, &number, &hash), TALLY_ENOTFOUND);
    assert_status(tl_store_author_entry(store, 0, 1, &number, &hash), TALLY_ENOTFOUND);
    assert_status(tl_store_fetch_node(store, 0, 0, &hash), TALLY_ENOTFOUND);
    assert_status(tl_store_render_parts(store, 0, &buffer), TALLY_ENOTFOUND);
    assert_status(tl_store_ciphertext(store, &hash, &buffer), TALLY_ENOTFOUND);
    struct tl_tile tile = {.kind = TL_TILE_ENTRIES, .width = 1};
    assert_status(tl_store_render_tile(store, &tile, &buffer), TALLY_ENOTFOUND);
    assert_int_equal(buffer.len, 0);
    tl_buffer_deinit(&buffer);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_reopen(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 300);
    for (uint64_t i = 0; i < 300; i++) {
        sample_check(store, i);
    }
    tl_store_close(store);
    for (int round = 0; round < 3; round++) {
        store = sample_open(dir, round == 1);
        assert_int_equal(tl_store_size(store), 300);
        for (uint64_t i = 0; i < 300; i += 7) {
            sample_check(store, i);
        }
        tl_store_close(store);
    }
    store = sample_open(dir, TL_STORE_WRITE);
    sample_grow(store, 700);
    for (uint64_t i = 0; i < 700; i++) {
        sample_check(store, i);
    }
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1000);
    assert_status(tl_store_record(store, 700, &buffer, NULL), TALLY_ENOTFOUND);
    assert_status(tl_store_record(store, UINT64_MAX, &buffer, NULL), TALLY_ENOTFOUND);
    tl_buffer_deinit(&buffer);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_authors(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 2003);
    struct sample_record sample;
    sample_init(&sample);
    uint64_t index = 0;
    uint64_t sequence = 0;
    struct tally_hash envelope;
    for (uint64_t i = 1; i < 2003; i++) {
        if (sample_is_constitution(i)) {
            assert_status(tl_store_author_entry(store, sample_key(i), i, &index, &envelope),
                          TALLY_ENOTFOUND);
            continue;
        }
        assert_status(tl_store_author_entry(store, sample_key(i), i, &index, &envelope), TALLY_OK);
        assert_int_equal(index, i);
        assert_true(tl_hash_equal(&envelope, &sample_fill(&sample, i)->envelope));
    }
    assert_status(tl_store_author_entry(store, 0, 1, &index, &envelope), TALLY_ENOTFOUND);
    for (uint32_t key = 0; key < SAMPLE_KEYS; key++) {
        /* The newest of each key, of which 2000 is none. */
        uint64_t newest = key < 3 && key != 0 ? 2000 + key : 1995 + key;
        assert_status(tl_store_author_last(store, key, &sequence, &index, &envelope), TALLY_OK);
        assert_int_equal(index, newest);
        assert_int_equal(sequence, newest);
        assert_true(tl_hash_equal(&envelope, &sample_fill(&sample, newest)->envelope));
    }
    assert_status(tl_store_author_last(store, SAMPLE_KEYS, &sequence, &index, &envelope),
                  TALLY_ENOTFOUND);
    assert_status(tl_store_author_last(store, UINT32_MAX, &sequence, &index, &envelope),
                  TALLY_ENOTFOUND);
    sample_deinit(&sample);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_constitution(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 2001);
    uint64_t index = TL_NEVER;
    for (uint64_t i = 0; i <= 2000; i += SAMPLE_CONSTITUTION_EVERY) {
        assert_status(tl_store_next_constitution(store, &index), TALLY_OK);
        assert_int_equal(index, i);
    }
    assert_status(tl_store_next_constitution(store, &index), TALLY_ENOTFOUND);
    assert_int_equal(index, 2000);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void put_checkpoint(struct tl_store *store, uint64_t size, const char *lines,
                           enum tally_status expected)
{
    uint64_t start = tl_store_size(store);
    struct tl_batch *batch = NULL;
    assert_status(tl_batch_begin(store, start, &batch), TALLY_OK);
    assert_status(tl_batch_put_checkpoint(batch, size, tl_bytes_text(lines)), expected);
    if (expected == TALLY_OK) {
        sample_append(batch, start, start + 3);
    }
    assert_status(tl_batch_commit(batch), expected);
    assert_int_equal(tl_store_size(store), start + (expected == TALLY_OK ? 3 : 0));
}

static void assert_checkpoint(struct tl_store *store, uint64_t index, uint64_t size,
                              const char *lines)
{
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1000);
    tl_buffer_add_text(&buffer, "before ");
    uint64_t found = 0;
    assert_status(tl_store_checkpoint_above(store, index, &found, &buffer), TALLY_OK);
    assert_int_equal(found, size);
    tl_buffer_consume(&buffer, strlen("before "));
    assert_bytes_text(tl_buffer_bytes(&buffer), lines);
    tl_buffer_deinit(&buffer);
}

static void test_checkpoints(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 3);
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1000);
    uint64_t size = 77;
    put_checkpoint(store, 3, "three\n", TALLY_OK);
    put_checkpoint(store, 6, "six\n", TALLY_OK);
    put_checkpoint(store, 6, "six\n", TALLY_OK);
    put_checkpoint(store, 6, "another\n", TALLY_EEXIST);
    put_checkpoint(store, 5, "five\n", TALLY_EEXIST);
    assert_checkpoint(store, 0, 3, "three\n");
    assert_checkpoint(store, 2, 3, "three\n");
    assert_checkpoint(store, 3, 6, "six\n");
    assert_checkpoint(store, 5, 6, "six\n");
    assert_status(tl_store_checkpoint_above(store, 6, &size, &buffer), TALLY_ENOTFOUND);
    assert_status(tl_store_checkpoint_above(store, 11, &size, &buffer), TALLY_ENOTFOUND);
    assert_status(tl_store_checkpoint_above(store, UINT64_MAX, &size, &buffer), TALLY_ENOTFOUND);
    assert_int_equal(size, 77);
    assert_int_equal(buffer.len, 0);
    put_checkpoint(store, 12, "twelve\n", TALLY_OK);
    assert_checkpoint(store, 6, 12, "twelve\n");
    tl_buffer_deinit(&buffer);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_checkpoint_alone(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 3);
    struct tl_batch *batch = NULL;
    assert_status(tl_batch_begin(store, 3, &batch), TALLY_OK);
    assert_status(tl_batch_put_checkpoint(batch, 3, tl_bytes_text("three\n")), TALLY_OK);
    assert_status(tl_batch_commit(batch), TALLY_OK);
    tl_store_close(store);
    store = sample_open(dir, TL_STORE_STOPPED);
    assert_int_equal(tl_store_size(store), 3);
    assert_checkpoint(store, 2, 3, "three\n");
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_compare_and_swap(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 5);
    struct tl_batch *batch = NULL;
    assert_status(tl_batch_begin(store, 4, &batch), TALLY_EROLLBACK);
    assert_status(tl_batch_begin(store, 6, &batch), TALLY_EROLLBACK);
    assert_status(tl_batch_begin(store, 0, &batch), TALLY_EROLLBACK);
    assert_null(batch);
    assert_status(tl_batch_begin(store, 5, &batch), TALLY_OK);
    tl_batch_abort(batch);
    assert_status(tl_batch_begin(store, 5, &batch), TALLY_OK);
    assert_status(tl_batch_commit(batch), TALLY_OK);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_abort(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 10);
    struct tl_batch *batch = NULL;
    struct tl_stored_facts facts;
    assert_status(tl_batch_begin(store, 10, &batch), TALLY_OK);
    sample_append(batch, 10, 200);
    /* Readers see nothing of a batch before its commit. */
    assert_int_equal(tl_store_size(store), 10);
    assert_status(tl_store_facts(store, 10, &facts), TALLY_ENOTFOUND);
    tl_batch_abort(batch);
    assert_int_equal(tl_store_size(store), 10);
    assert_status(tl_store_facts(store, 10, &facts), TALLY_ENOTFOUND);
    sample_grow(store, 300);
    for (uint64_t i = 0; i < 300; i++) {
        sample_check(store, i);
    }
    assert_status(tl_batch_begin(store, 300, &batch), TALLY_OK);
    sample_append(batch, 300, 310);
    /* Closing drops an open batch. */
    tl_store_close(store);
    store = sample_open(dir, TL_STORE_WRITE);
    assert_int_equal(tl_store_size(store), 300);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_taken_sequence(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 10);
    struct sample_record sample;
    sample_init(&sample);
    struct tl_append append = *sample_fill(&sample, 10);
    append.key_number = sample_key(7);
    append.sequence = 7;
    struct tl_batch *batch = NULL;
    assert_status(tl_batch_begin(store, 10, &batch), TALLY_OK);
    assert_status(tl_batch_append(batch, &append), TALLY_EEXIST);
    /* The failure stays with the batch. */
    assert_status(tl_batch_append(batch, sample_fill(&sample, 10)), TALLY_EEXIST);
    assert_status(tl_batch_put_checkpoint(batch, 10, tl_bytes_text("x")), TALLY_EEXIST);
    assert_status(tl_batch_commit(batch), TALLY_EEXIST);
    assert_int_equal(tl_store_size(store), 10);
    sample_grow(store, 11);
    sample_check(store, 10);
    sample_deinit(&sample);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_read_only(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 10));
    struct tl_store *store = sample_open(dir, TL_STORE_STOPPED);
    struct tl_batch *batch = NULL;
    assert_status(tl_batch_begin(store, 10, &batch), TALLY_EACCES);
    assert_null(batch);
    sample_check(store, 9);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_deposits(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 200);
    struct sample_record sample;
    sample_init(&sample);
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 10000);
    for (uint64_t i = 0; i < 200; i++) {
        const struct tl_append *expected = sample_fill(&sample, i);
        tl_buffer_clear(&buffer);
        if (expected->clear.count == 0) {
            assert_status(tl_store_render_parts(store, i, &buffer), TALLY_ENOTFOUND);
        } else {
            assert_status(tl_store_render_parts(store, i, &buffer), TALLY_OK);
            assert_bytes_equal(tl_buffer_bytes(&buffer), expected->clear.items);
        }
        for (unsigned k = 0; k < expected->sealed.count; k++) {
            tl_buffer_clear(&buffer);
            assert_status(tl_store_ciphertext(store, &sample.sealed_hashes[k], &buffer), TALLY_OK);
            assert_bytes_equal(tl_buffer_bytes(&buffer),
                               tl_bytes(sample.ciphertexts[k], sizeof sample.ciphertexts[k]));
            sample.sealed_hashes[k].bytes[31] ^= 1;
            assert_status(tl_store_ciphertext(store, &sample.sealed_hashes[k], &buffer),
                          TALLY_ENOTFOUND);
        }
    }
    tl_buffer_deinit(&buffer);
    sample_deinit(&sample);
    tl_store_close(store);
    test_dir_remove(dir);
}

/* A ciphertext that two entries carry, and deposits of the largest kind. */
static void test_large_deposits(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 4);
    struct sample_record sample;
    sample_init(&sample);
    struct tl_buffer large;
    tl_buffer_init(&large, TALLY_SUBMISSION_MAX);
    uint8_t *bytes = tl_buffer_extend(&large, TALLY_DEPOSIT_MAX);
    assert_non_null(bytes);
    memset(bytes, 'x', TALLY_DEPOSIT_MAX);
    struct tally_hash hash = tl_sha256(tl_buffer_bytes(&large));
    struct tl_buffer list;
    tl_buffer_init(&list, TALLY_SUBMISSION_MAX);
    tl_deposit_add(&list, 255, tl_buffer_bytes(&large));
    struct tl_batch *batch = NULL;
    assert_status(tl_batch_begin(store, 4, &batch), TALLY_OK);
    uint64_t next = 4;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK) {
        struct tl_append append = *sample_fill(&sample, next);
        append.sealed = (struct tl_deposit_list){.count = 1, .items = tl_buffer_bytes(&list)};
        append.clear = append.sealed;
        append.sealed_hashes = &hash;
        status = tl_batch_append(batch, &append);
        next += status == TALLY_OK ? 1 : 0;
    }
    /* A full batch takes no more, but what it has. */
    assert_status(status, TALLY_ETOOBIG);
    assert_true(next > 10);
    assert_status(tl_batch_append(batch, sample_fill(&sample, next)), TALLY_OK);
    assert_status(tl_batch_commit(batch), TALLY_OK);
    assert_int_equal(tl_store_size(store), next + 1);
    tl_buffer_clear(&large);
    assert_status(tl_store_ciphertext(store, &hash, &large), TALLY_OK);
    assert_int_equal(large.len, TALLY_DEPOSIT_MAX);
    struct tally_hash again = tl_sha256(tl_buffer_bytes(&large));
    assert_true(tl_hash_equal(&again, &hash));
    tl_buffer_clear(&large);
    assert_status(tl_store_render_parts(store, next - 1, &large), TALLY_OK);
    assert_bytes_equal(tl_buffer_bytes(&large), tl_buffer_bytes(&list));
    tl_buffer_deinit(&list);
    tl_buffer_deinit(&large);
    sample_deinit(&sample);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_small_buffer(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 300);
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 40);
    tl_buffer_add_text(&buffer, "kept");
    assert_status(tl_store_record(store, 1, &buffer, NULL), TALLY_ETOOBIG);
    assert_bytes_text(tl_buffer_bytes(&buffer), "kept");
    buffer.status = TALLY_OK;
    struct tl_tile tile = {.kind = TL_TILE_HASHES, .width = 2};
    assert_status(tl_store_render_tile(store, &tile, &buffer), TALLY_ETOOBIG);
    assert_bytes_text(tl_buffer_bytes(&buffer), "kept");
    tl_buffer_deinit(&buffer);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_exhibit_path(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char expected[2 * TEST_PATH_MAX];
    char path[2 * TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 0);
    struct tally_hash hash = test_hash(0xa5);
    size_t len =
        (size_t)snprintf(expected, sizeof expected, "%s/exhibits/%s", dir,
                         "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
    assert_status(tl_store_exhibit_path(store, &hash, path, len + 1), TALLY_OK);
    assert_string_equal(path, expected);
    assert_status(tl_store_exhibit_path(store, &hash, path, len), TALLY_ETOOBIG);
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 260));
    bool reached = true;
    for (long count = 0; reached; count++) {
        struct tl_store *store = NULL;
        test_allocations_limit(count);
        enum tally_status status = tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_WRITE, &store);
        reached = test_allocations_unlimit();
        assert_status(status, store == NULL ? TALLY_ENOMEM : TALLY_OK);
        tl_store_close(store);
    }
    test_dir_remove(dir);
    reached = true;
    for (long count = 0; reached; count++) {
        test_dir_make(dir);
        test_allocations_limit(count);
        enum tally_status status = tl_store_create(dir);
        reached = test_allocations_unlimit();
        assert_true(status == TALLY_OK || status == TALLY_ENOMEM);
        test_dir_remove(dir);
    }
}

static void append_out_of_order(void *context)
{
    struct tl_batch *batch = NULL;
    if (tl_batch_begin((struct tl_store *)context, 3, &batch) == TALLY_OK) {
        struct sample_record sample;
        sample_init(&sample);
        (void)!tl_batch_append(batch, sample_fill(&sample, 4));
    }
}

static void append_another_record(void *context)
{
    struct tl_batch *batch = NULL;
    if (tl_batch_begin((struct tl_store *)context, 3, &batch) == TALLY_OK) {
        struct sample_record sample;
        sample_init(&sample);
        struct tl_append append = *sample_fill(&sample, 4);
        append.index = 3;
        (void)!tl_batch_append(batch, &append);
    }
}

static void put_future_checkpoint(void *context)
{
    struct tl_batch *batch = NULL;
    if (tl_batch_begin((struct tl_store *)context, 3, &batch) == TALLY_OK) {
        (void)!tl_batch_put_checkpoint(batch, 4, tl_bytes_text("four\n"));
    }
}

static void begin_twice(void *context)
{
    struct tl_batch *batch = NULL;
    if (tl_batch_begin((struct tl_store *)context, 3, &batch) == TALLY_OK) {
        (void)!tl_batch_begin((struct tl_store *)context, 3, &batch);
    }
}

static void test_own_mistakes_stop(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 3);
    assert_true(test_aborts(append_out_of_order, store));
    assert_true(test_aborts(append_another_record, store));
    assert_true(test_aborts(put_future_checkpoint, store));
    assert_true(test_aborts(begin_twice, store));
    tl_store_close(store);
    test_dir_remove(dir);
}

static void test_deposits_become_exhibits(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 0);
    struct tally_hash hash = test_hash(0xa5);
    uint64_t size = 0;
    assert_status(tl_store_find_exhibit(store, &hash, &size), TALLY_ENOTFOUND);
    assert_status(tl_store_take_deposit(store, &hash), TALLY_ENOTFOUND);
    assert_status(tl_store_deposit_path(store, &hash, path, sizeof path), TALLY_OK);
    test_file_put(path, tl_bytes_text("12345"));
    assert_status(tl_store_find_exhibit(store, &hash, &size), TALLY_OK);
    assert_int_equal(size, 5);
    for (int i = 0; i < 2; i++) {
        assert_status(tl_store_take_deposit(store, &hash), TALLY_OK);
        assert_int_equal(access(path, F_OK), -1);
        size = 0;
        assert_status(tl_store_find_exhibit(store, &hash, &size), TALLY_OK);
        assert_int_equal(size, 5);
    }
    /* The same file uploaded again, while the first was being named. */
    test_file_put(path, tl_bytes_text("12345"));
    assert_status(tl_store_take_deposit(store, &hash), TALLY_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_status(tl_store_exhibit_path(store, &hash, path, sizeof path), TALLY_OK);
    assert_int_equal(access(path, F_OK), 0);
    struct tally_hash odd = test_hash(0x5a);
    assert_status(tl_store_exhibit_path(store, &odd, path, sizeof path), TALLY_OK);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_status(tl_store_find_exhibit(store, &odd, &size), TALLY_ENOTFOUND);
    assert_status(tl_store_take_deposit(store, &odd), TALLY_ENOTFOUND);
    /* A link is not the file: what it leads to may be gone tomorrow. */
    struct tally_hash linked = test_hash(0x3c);
    char link_path[TEST_PATH_MAX];
    assert_status(tl_store_exhibit_path(store, &hash, path, sizeof path), TALLY_OK);
    assert_status(tl_store_deposit_path(store, &linked, link_path, sizeof link_path), TALLY_OK);
    assert_int_equal(symlink(path, link_path), 0);
    assert_status(tl_store_find_exhibit(store, &linked, &size), TALLY_ENOTFOUND);
    tl_store_close(store);
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_create_needs_a_directory),
        cmocka_unit_test(test_open_needs_a_store),
        cmocka_unit_test(test_open_checks_map_size),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_authors),
        cmocka_unit_test(test_constitution),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_checkpoint_alone),
        cmocka_unit_test(test_compare_and_swap),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_taken_sequence),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_deposits),
        cmocka_unit_test(test_large_deposits),
        cmocka_unit_test(test_small_buffer),
        cmocka_unit_test(test_exhibit_path),
        cmocka_unit_test(test_deposits_become_exhibits),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_own_mistakes_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
