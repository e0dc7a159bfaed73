/* SPDX-License-Identifier: ISC */
/* An interrupt in the middle of a write waits: the file is whole, and nothing lies beside it. */
#include "tests/support/test.h"

#include "client/whole_file.h"

static char directory[TEST_PATH_MAX];
static char path[TEST_PATH_MAX];
static unsigned interrupts;
static unsigned too_early;

static void on_interrupt(int number)
{
    (void)number;
    interrupts++;
    too_early += access(path, F_OK) == 0 ? 0 : 1;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    (void)raise(SIGINT);
    return __real_fsync(fd);
}

static void test_interrupts_wait(void **state)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    (void)state;
    test_dir_make(directory);
    test_path(path, directory, "entry.tally");
    assert_int_equal(sigaction(SIGINT, &action, NULL), 0);
    assert_status(whole_file_put(path, tl_bytes("x", 1), 0600, false), TALLY_OK);
    assert_true(interrupts > 0);
    assert_int_equal(too_early, 0);
    assert_status(whole_file_put(path, tl_bytes("y", 1), 0600, false), TALLY_EEXIST);
    test_dir_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_interrupts_wait)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
