/* SPDX-License-Identifier: ISC */
/* A store is made and opened only where the kernel says that its file system can hold one. */
#include "tests/support/test.h"

#include <sys/vfs.h>

#include "lib/store/store.h"

#define MAP_SIZE (UINT64_C(1) << 28)

static uint32_t type_said; /* 0: the truth */

int __real_statfs(const char *path, struct statfs *info);
int __wrap_statfs(const char *path, struct statfs *info);

int __wrap_statfs(const char *path, struct statfs *info)
{
    int result = __real_statfs(path, info);
    if (result == 0 && type_said != 0) {
        info->f_type = (__fsword_t)type_said;
    }
    return result;
}

static enum tally_status open_and_close(const char *directory, bool read_only)
{
    struct tl_store *store = NULL;
    enum tally_status status = tl_store_open(directory, MAP_SIZE, read_only, &store);
    tl_store_close(store);
    return status;
}

static void test_the_file_system_is_asked(void **state)
{
    (void)state;
    static const uint32_t nfs = 0x6969;
    static const uint32_t vfat = 0x4D44;
    static const uint32_t ext4 = 0xEF53;
    char directory[TEST_PATH_MAX];
    test_dir_make(directory);
    type_said = nfs;
    assert_status(tl_store_create(directory), TALLY_EUNSUPPORTED);
    type_said = vfat;
    assert_status(tl_store_create(directory), TALLY_EUNSUPPORTED);
    assert_int_equal(test_dir_count(directory), 0);
    type_said = ext4;
    assert_status(tl_store_create(directory), TALLY_OK);
    assert_status(open_and_close(directory, false), TALLY_OK);
    type_said = nfs;
    assert_status(open_and_close(directory, false), TALLY_EUNSUPPORTED);
    assert_status(open_and_close(directory, true), TALLY_EUNSUPPORTED);
    type_said = vfat;
    assert_status(open_and_close(directory, false), TALLY_EUNSUPPORTED);
    assert_status(open_and_close(directory, true), TALLY_OK);
    type_said = 0;
    test_dir_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file_system_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
