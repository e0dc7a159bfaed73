/* SPDX-License-Identifier: ISC */
/* Full maps, full disks, files that are cut off, overwritten, or were never ours. */
#include "tests/store/ledger_sample.h"

#include <sys/resource.h>

#include "lib/store/store_internal.h"

#define SMALL_MAP_SIZE (UINT64_C(2) << 20)

enum {
    FILE_MAX = 4 << 20,
    DEPOSIT_LEN = 5000,
    RECORD_HEAD_LEN = 1 + 8 + 8 + 32 + 8 + 2, /* before the envelope */
};

static uint8_t file[FILE_MAX];

static void data_path(char path[TEST_PATH_MAX], const char *dir)
{
    test_path(path, dir, "store/data.mdb");
}

/* A batch of count records with a deposit each; how it ended. */
static enum tally_status append_large(struct tl_store *store, unsigned count)
{
    uint64_t size = tl_store_size(store);
    struct sample_record sample;
    sample_init(&sample);
    struct tl_buffer list;
    tl_buffer_init(&list, TALLY_DEPOSIT_MAX);
    tl_deposit_add(&list, 0, tl_bytes(file, DEPOSIT_LEN));
    struct tl_batch *batch = NULL;
    assert_status(tl_batch_begin(store, size, &batch), TALLY_OK);
    enum tally_status status = TALLY_OK;
    for (uint64_t i = size; i < size + count && status == TALLY_OK; i++) {
        struct tl_append append = *sample_fill(&sample, i);
        append.clear = (struct tl_deposit_list){.count = 1, .items = tl_buffer_bytes(&list)};
        status = tl_batch_append(batch, &append);
    }
    enum tally_status committed = tl_batch_commit(batch);
    assert_status(committed, status);
    tl_buffer_deinit(&list);
    sample_deinit(&sample);
    return status;
}

static void test_full_map(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    test_dir_make(dir);
    assert_status(tl_store_create(dir), TALLY_OK);
    struct tl_store *store = NULL;
    assert_status(tl_store_open(dir, SMALL_MAP_SIZE, TL_STORE_WRITE, &store), TALLY_OK);
    enum tally_status status = TALLY_OK;
    uint64_t size = 0;
    while (status == TALLY_OK) {
        size = tl_store_size(store);
        status = append_large(store, 20);
    }
    assert_status(status, TALLY_ENOSPC);
    assert_true(size >= 60);
    assert_int_equal(tl_store_size(store), size);
    for (uint64_t i = 0; i < size; i++) {
        sample_check(store, i);
    }
    tl_store_close(store);

    /* Still full, still readable; then with a larger map it goes on. */
    assert_status(tl_store_open(dir, SMALL_MAP_SIZE, TL_STORE_WRITE, &store), TALLY_OK);
    assert_int_equal(tl_store_size(store), size);
    assert_status(append_large(store, 20), TALLY_ENOSPC);
    tl_store_close(store);
    assert_status(tl_store_open(dir, 8 * SMALL_MAP_SIZE, TL_STORE_WRITE, &store), TALLY_OK);
    assert_int_equal(tl_store_size(store), size);
    assert_status(append_large(store, 20), TALLY_OK);
    for (uint64_t i = 0; i < size + 20; i++) {
        sample_check(store, i);
    }
    tl_store_close(store);

    /* A map smaller than the store still reads all of it. */
    assert_status(tl_store_open(dir, 1, TL_STORE_WRITE, &store), TALLY_OK);
    sample_check(store, size + 19);
    assert_status(append_large(store, 20), TALLY_ENOSPC);
    tl_store_close(store);
    test_dir_remove(dir);
}

/* Appends one record at a time until that fails; how it failed. */
static enum tally_status append_until_failure(struct tl_store *store)
{
    struct sample_record sample;
    sample_init(&sample);
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK) {
        uint64_t size = tl_store_size(store);
        struct tl_batch *batch = NULL;
        status = tl_batch_begin(store, size, &batch);
        if (status != TALLY_OK) {
            break;
        }
        status = tl_batch_append(batch, sample_fill(&sample, size));
        if (status != TALLY_OK) {
            tl_batch_abort(batch);
            status = TALLY_EINTERNAL;
            break;
        }
        status = tl_batch_commit(batch);
    }
    sample_deinit(&sample);
    return status;
}

/* After a failed commit nobody knows what the disk holds: the store takes nothing more. */
static bool stays_failed(struct tl_store *store)
{
    struct tl_batch *batch = NULL;
    return tl_batch_begin(store, tl_store_size(store), &batch) == TALLY_EIO &&
           tl_batch_begin(store, tl_store_size(store) + 1, &batch) == TALLY_EIO;
}

static bool fails_at_a_length(void *context)
{
    struct tl_store *store = NULL;
    struct rlimit limit = {.rlim_cur = 2 << 20, .rlim_max = 2 << 20};
    (void)signal(SIGXFSZ, SIG_IGN);
    bool holds = tl_store_open((const char *)context, SAMPLE_MAP_SIZE, TL_STORE_WRITE, &store) ==
                     TALLY_OK &&
                 setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                 append_until_failure(store) == TALLY_EIO && stays_failed(store);
    tl_store_close(store);
    return holds;
}

static bool fails_on_a_full_disk(void *context)
{
    struct tl_store *store = NULL;
    char path[TEST_PATH_MAX];
    data_path(path, (const char *)context);
    bool holds = tl_store_open((const char *)context, SAMPLE_MAP_SIZE, TL_STORE_WRITE, &store) ==
                     TALLY_OK &&
                 sample_fill_disk(path) && append_until_failure(store) == TALLY_ENOSPC &&
                 stays_failed(store) && tl_store_size(store) == 10;
    tl_store_close(store);
    return holds;
}

static void test_failed_commit(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 10));
    assert_true(sample_holds_in_child(fails_on_a_full_disk, dir));
    struct tl_store *store = sample_open(dir, TL_STORE_WRITE);
    assert_int_equal(tl_store_size(store), 10);
    tl_store_close(store);

    assert_true(sample_holds_in_child(fails_at_a_length, dir));
    store = sample_open(dir, TL_STORE_WRITE);
    uint64_t size = tl_store_size(store);
    assert_true(size > 10);
    sample_grow(store, size + 10);
    for (uint64_t i = 0; i < size + 10; i++) {
        sample_check(store, i);
    }
    tl_store_close(store);
    test_dir_remove(dir);
}

static void assert_refused(const char *dir, enum tally_status expected)
{
    struct tl_store *store = NULL;
    assert_status(tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_WRITE, &store), expected);
    assert_status(tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_STOPPED, &store), expected);
    assert_null(store);
}

static void test_cut_off(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 1000));
    data_path(path, dir);
    struct tally_bytes whole = test_file_get(path, file, sizeof file);
    /* The file is longer than its pages; so much may go. */
    assert_int_equal(whole.len % (1 << 20), 0);
    for (size_t len = whole.len; len >= TL_MDB_PAGE_LEN; len -= 64 * TL_MDB_PAGE_LEN) {
        assert_int_equal(truncate(path, (off_t)len - 1), 0);
        struct tl_store *store = NULL;
        enum tally_status status = tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_STOPPED, &store);
        if (status == TALLY_OK) {
            for (uint64_t i = 0; i < 1000; i++) {
                sample_check(store, i);
            }
            tl_store_close(store);
        } else {
            assert_status(status, TALLY_EFORMAT);
        }
    }
    static const off_t lengths[] = {0, 1, 4095, 4096, 8191, 8192, 8193, 12288, 100000, 300000};
    for (size_t i = TEST_COUNT(lengths); i > 0; i--) {
        assert_int_equal(truncate(path, lengths[i - 1]), 0);
        assert_refused(dir, TALLY_EFORMAT);
    }
    test_dir_remove(dir);
}

/* Pages that LMDB took and never wrote must not make a file look cut off. */
static void test_never_short(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 0);
    for (uint64_t size = 1; size < 120; size++) {
        sample_grow(store, size * size / 4 + 1);
        tl_store_close(store);
        store = sample_open(dir, TL_STORE_WRITE);
    }
    tl_store_close(store);
    test_dir_remove(dir);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static bool refuses_garbage(void *context)
{
    const char *dir = (const char *)context;
    struct tl_store *store = NULL;
    return tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_STOPPED, &store) == TALLY_EFORMAT &&
           tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_WRITE, &store) == TALLY_EFORMAT;
}

static void test_garbage(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 1));
    data_path(path, dir);
    uint32_t seed = 1;
    for (size_t len = 1; len < FILE_MAX / 8; len = len * 3 + 1) {
        for (size_t i = 0; i < len; i++) {
            file[i] = (uint8_t)next_random(&seed);
        }
        test_file_put(path, tl_bytes(file, len));
        assert_true(sample_holds_in_child(refuses_garbage, dir));
        memset(file, 0, len);
        test_file_put(path, tl_bytes(file, len));
        assert_true(sample_holds_in_child(refuses_garbage, dir));
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(dir, TALLY_EFORMAT);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(dir, TALLY_EFORMAT);
    test_dir_remove(dir);
}

/* Writes to over every from in the file, old pages included; they are of one length. */
static void replace_in_file(const char *path, struct tally_bytes from, struct tally_bytes to)
{
    struct tally_bytes whole = test_file_get(path, file, sizeof file);
    size_t count = 0;
    for (size_t i = 0; i + from.len <= whole.len; i++) {
        if (memcmp(file + i, from.ptr, from.len) == 0) {
            memcpy(file + i, to.ptr, to.len);
            count++;
        }
    }
    assert_true(count > 0);
    test_file_put(path, whole);
}

/* LMDB would divide by it. */
static void test_page_length(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 1));
    data_path(path, dir);
    struct tally_bytes whole = test_file_get(path, file, sizeof file);
    for (size_t page = 0; page < 2; page++) {
        for (size_t bit = 0; bit < 32; bit++) {
            uint8_t *byte = &file[page * TL_MDB_PAGE_LEN + 40 + bit / 8];
            *byte ^= (uint8_t)(1u << bit % 8);
            test_file_put(path, whole);
            assert_true(sample_holds_in_child(refuses_garbage, dir));
            *byte ^= (uint8_t)(1u << bit % 8);
        }
    }
    test_file_put(path, whole);
    tl_store_close(sample_open(dir, TL_STORE_WRITE));
    test_dir_remove(dir);
}

static void test_another_version(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 1));
    data_path(path, dir);
    replace_in_file(path, tl_bytes("format\0\0\0\1", 10), tl_bytes("format\0\0\0\2", 10));
    assert_refused(dir, TALLY_EFORMAT);
    replace_in_file(path, tl_bytes("format\0\0\0\2", 10), tl_bytes("format\0\0\0\1", 10));
    tl_store_close(sample_open(dir, TL_STORE_WRITE));
    replace_in_file(path, tl_bytes_text("format"), tl_bytes_text("fXrmat"));
    assert_refused(dir, TALLY_EFORMAT);
    test_dir_remove(dir);
}

static void test_another_database(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 1));
    data_path(path, dir);
    replace_in_file(path, tl_bytes_text("constitution"), tl_bytes_text("constipation"));
    assert_refused(dir, TALLY_EFORMAT);
    test_dir_remove(dir);
}

/* Changes the index that record 5 states. */
static void damage_record(const char *path, const char *envelope)
{
    struct tally_bytes whole = test_file_get(path, file, sizeof file);
    size_t len = strlen(envelope);
    for (size_t i = RECORD_HEAD_LEN; i + len <= whole.len; i++) {
        if (memcmp(file + i, envelope, len) == 0) {
            file[i - RECORD_HEAD_LEN + 8] ^= 1;
        }
    }
    test_file_put(path, whole);
}

static void test_record_of_another_index(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 20));
    data_path(path, dir);
    damage_record(path, "envelope 5\n");
    struct tl_store *store = sample_open(dir, TL_STORE_STOPPED);
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TALLY_RECORD_MAX);
    assert_status(tl_store_record(store, 5, &buffer, NULL), TALLY_EFORMAT);
    assert_int_equal(buffer.len, 0);
    sample_check(store, 4);
    sample_check(store, 6);
    /* A bundle shows it as it is, so that its reader can name the record. */
    struct tl_tile tile = {.kind = TL_TILE_ENTRIES, .width = 20};
    assert_status(tl_store_render_tile(store, &tile, &buffer), TALLY_OK);
    tl_buffer_deinit(&buffer);
    tl_store_close(store);
    damage_record(path, "envelope 19\n");
    assert_refused(dir, TALLY_EFORMAT);
    test_dir_remove(dir);
}

static void test_filesystems(void **state)
{
    (void)state;
    static const uint32_t durable[] = {0xEF53,     0x58465342, 0x9123683E,
                                       0x2FC12FC1, 0x01021994, 0x794C7630};
    /* NFS, CIFS, SMB2, FUSE, 9p, AFS, Ceph, Lustre, GFS2, proc, sysfs, nothing. */
    static const uint32_t refused[] = {0x6969,     0xFF534D42, 0xFE534D42, 0x65735546,
                                       0x01021997, 0x5346414F, 0x00C36400, 0x0BD00BD0,
                                       0x01161970, 0x9FA0,     0x62656572, 0};
    static const uint32_t readable[] = {0x73717368, 0x9660, 0x15013346, 0x4D44};
    for (size_t i = 0; i < TEST_COUNT(durable); i++) {
        assert_true(tl_filesystem_suits(durable[i], false));
        assert_true(tl_filesystem_suits(durable[i], true));
    }
    for (size_t i = 0; i < TEST_COUNT(refused); i++) {
        assert_false(tl_filesystem_suits(refused[i], false));
        assert_false(tl_filesystem_suits(refused[i], true));
    }
    for (size_t i = 0; i < TEST_COUNT(readable); i++) {
        assert_false(tl_filesystem_suits(readable[i], false));
        assert_true(tl_filesystem_suits(readable[i], true));
    }
    assert_status(tl_store_create("/proc"), TALLY_EUNSUPPORTED);
    assert_refused("/proc", TALLY_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_map),
        cmocka_unit_test(test_failed_commit),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_never_short),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_page_length),
        cmocka_unit_test(test_another_version),
        cmocka_unit_test(test_another_database),
        cmocka_unit_test(test_record_of_another_index),
        cmocka_unit_test(test_filesystems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
