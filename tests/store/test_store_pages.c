/* SPDX-License-Identifier: ISC */
/*
 * A machine with pages of 64 KiB, as far as LMDB asks: it takes 32 KiB, its longest. The store
 * works there, and keeps so much more of its map free for a batch.
 */
#include "tests/store/ledger_sample.h"

#include <dlfcn.h>

#include "lib/store/store_internal.h"

enum {
    MACHINE_PAGE_LEN = 65536,
    LONGEST_PAGE_LEN = 32768,
    PAGE_LEN_OFFSET = 40,
    RECORD_COUNT = 3000,
};

static long machine_page_len;

/* ThreadSanitizer asks before it is there itself. */
__attribute__((visibility("default"), no_sanitize("thread"))) long sysconf(int name)
{
    if (name == _SC_PAGESIZE && machine_page_len != 0) {
        return machine_page_len;
    }
    static long (*real)(int);
    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "sysconf");
        memcpy(&real, &found, sizeof real);
    }
    return real(name);
}

static uint32_t page_len_of(const char *dir)
{
    char path[TEST_PATH_MAX];
    uint32_t page_len = 0;
    test_path(path, dir, "store/data.mdb");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, &page_len, sizeof page_len, PAGE_LEN_OFFSET), sizeof page_len);
    (void)close(fd);
    return page_len;
}

static bool has_room(const char *dir, uint64_t map_size)
{
    struct tl_store *store = NULL;
    assert_status(tl_store_open(dir, map_size, TL_STORE_WRITE, &store), TALLY_OK);
    bool room = tl_store_has_room(store);
    assert_true(tl_store_used(store) > 0 && tl_store_used(store) < UINT64_C(32) << 20);
    tl_store_close(store);
    return room;
}

static void check_pages(long machine, uint32_t expected)
{
    char dir[TEST_PATH_MAX];
    machine_page_len = machine;
    tl_store_close(sample_create(dir, RECORD_COUNT));
    assert_int_equal(page_len_of(dir), expected);
    struct tl_store *store = sample_open(dir, TL_STORE_WRITE);
    sample_grow(store, RECORD_COUNT + 1000);
    for (uint64_t i = 0; i < RECORD_COUNT + 1000; i++) {
        sample_check(store, i);
    }
    tl_store_close(store);
    uint64_t batch = (uint64_t)TL_MDB_TXN_PAGES_MAX * expected;
    assert_false(has_room(dir, batch));
    assert_true(has_room(dir, batch + batch / 8));
    machine_page_len = 0;
    test_dir_remove(dir);
}

static void test_short_pages(void **state)
{
    (void)state;
    check_pages(TL_MDB_PAGE_LEN, TL_MDB_PAGE_LEN);
}

static void test_long_pages(void **state)
{
    (void)state;
    check_pages(MACHINE_PAGE_LEN, LONGEST_PAGE_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_pages),
        cmocka_unit_test(test_long_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
