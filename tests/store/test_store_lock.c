/* SPDX-License-Identifier: ISC */
/* One process has a data directory, and what it leaves behind when it is killed. */
#include "tests/store/ledger_sample.h"

#include <sched.h>

struct child {
    pid_t pid;
    int from; /* what the child tells */
};

/* Runs fn in a process of its own, with the end of a pipe to tell through. */
static struct child start(void (*fn)(const char *dir, int to), const char *dir)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)fflush(NULL);
    struct child child = {.pid = fork(), .from = ends[0]};
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        (void)close(ends[0]);
        fn(dir, ends[1]);
        _exit(1);
    }
    assert_int_equal(close(ends[1]), 0);
    return child;
}

static void tell(int to, uint64_t number)
{
    if (write(to, &number, sizeof number) != (ssize_t)sizeof number) {
        _exit(2);
    }
}

/* False once the child has ended without telling more. */
static bool hear(const struct child *child, uint64_t *ret_number)
{
    return read(child->from, ret_number, sizeof *ret_number) == (ssize_t)sizeof *ret_number;
}

static void end(const struct child *child)
{
    assert_int_equal(kill(child->pid, SIGKILL), 0);
    int how = 0;
    assert_int_equal(waitpid(child->pid, &how, 0), child->pid);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(close(child->from), 0);
}

static void hold(const char *dir, int to)
{
    struct tl_store *store = sample_open(dir, TL_STORE_WRITE);
    tell(to, tl_store_size(store));
    (void)pause();
}

static void hold_read_only(const char *dir, int to)
{
    struct tl_store *store = sample_open(dir, TL_STORE_STOPPED);
    tell(to, tl_store_size(store));
    (void)pause();
}

static void open_and_exit(const char *dir, int to)
{
    struct tl_store *store = sample_open(dir, TL_STORE_WRITE);
    tell(to, tl_store_size(store));
    _exit(0);
}

static void assert_open(const char *dir, enum tl_store_access access, enum tally_status expected)
{
    struct tl_store *store = NULL;
    assert_status(tl_store_open(dir, SAMPLE_MAP_SIZE, access, &store), expected);
    tl_store_close(store);
}

static void test_live_directory_is_refused(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    uint64_t size = 0;
    tl_store_close(sample_create(dir, 10));
    struct child child = start(hold, dir);
    assert_true(hear(&child, &size));
    assert_int_equal(size, 10);
    assert_open(dir, TL_STORE_WRITE, TALLY_ELOCKED);
    assert_open(dir, TL_STORE_STOPPED, TALLY_ELOCKED);
    assert_status(tl_store_create(dir), TALLY_ELOCKED);
    end(&child);
    assert_open(dir, TL_STORE_STOPPED, TALLY_OK);
    assert_open(dir, TL_STORE_WRITE, TALLY_OK);
    test_dir_remove(dir);
}

static void test_readers_share(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    uint64_t size = 0;
    tl_store_close(sample_create(dir, 10));
    struct child child = start(hold_read_only, dir);
    assert_true(hear(&child, &size));
    assert_open(dir, TL_STORE_WRITE, TALLY_ELOCKED);
    assert_open(dir, TL_STORE_STOPPED, TALLY_OK);
    end(&child);
    assert_open(dir, TL_STORE_WRITE, TALLY_OK);
    test_dir_remove(dir);
}

static void hold_beside(const char *dir, int to)
{
    struct tl_store *store = sample_open(dir, TL_STORE_BESIDE);
    tell(to, tl_store_size(store));
    (void)pause();
}

/* Whether somebody waits for a lock of the directory: /proc/locks has "-> ... :INODE ..." then. */
static bool is_waited_for(const char *dir)
{
    char path[TEST_PATH_MAX + 8];
    char line[256];
    char wanted[32];
    struct stat info;
    bool found = false;
    (void)snprintf(path, sizeof path, "%s/lock", dir);
    assert_int_equal(stat(path, &info), 0);
    FILE *locks = fopen("/proc/locks", "r");
    assert_non_null(locks);
    (void)snprintf(wanted, sizeof wanted, ":%lu ", (unsigned long)info.st_ino);
    while (fgets(line, sizeof line, locks) != NULL) {
        found = found || (strstr(line, "-> ") != NULL && strstr(line, wanted) != NULL);
    }
    assert_int_equal(fclose(locks), 0);
    return found;
}

static void test_reading_beside(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    uint64_t size = 0;
    tl_store_close(sample_create(dir, 10));
    struct child writer = start(hold, dir);
    assert_true(hear(&writer, &size));
    assert_open(dir, TL_STORE_BESIDE, TALLY_OK);
    end(&writer);
    test_dir_remove(dir);
}

static void test_writer_waits_for_those_left_beside(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    uint64_t size = 0;
    tl_store_close(sample_create(dir, 10));
    struct child beside = start(hold_beside, dir);
    assert_true(hear(&beside, &size));
    assert_open(dir, TL_STORE_STOPPED, TALLY_OK);
    struct child writer = start(hold, dir);
    while (!is_waited_for(dir)) {
        assert_int_equal(kill(writer.pid, 0), 0);
        (void)sched_yield();
    }
    end(&beside);
    assert_true(hear(&writer, &size));
    assert_int_equal(size, 10);
    end(&writer);
    test_dir_remove(dir);
}

static void test_lock_ends_with_the_process(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    uint64_t size = 0;
    tl_store_close(sample_create(dir, 10));
    struct child child = start(open_and_exit, dir);
    assert_true(hear(&child, &size));
    int how = 0;
    assert_int_equal(waitpid(child.pid, &how, 0), child.pid);
    assert_int_equal(how, 0);
    assert_int_equal(close(child.from), 0);
    assert_open(dir, TL_STORE_WRITE, TALLY_OK);
    test_dir_remove(dir);
}

static void test_twice_in_one_process(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    struct tl_store *store = sample_create(dir, 1);
    assert_open(dir, TL_STORE_WRITE, TALLY_ELOCKED);
    assert_open(dir, TL_STORE_STOPPED, TALLY_ELOCKED);
    /* Nor does a look at the lock file, as a backup takes it, drop the lock. */
    char path[TEST_PATH_MAX];
    test_path(path, dir, "lock");
    assert_int_equal(close(open(path, O_RDWR | O_CLOEXEC)), 0);
    assert_open(dir, TL_STORE_WRITE, TALLY_ELOCKED);
    tl_store_close(store);
    assert_open(dir, TL_STORE_WRITE, TALLY_OK);
    test_dir_remove(dir);
}

static void test_link_for_a_lock(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 1));
    test_path(path, dir, "lock");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_open(dir, TL_STORE_WRITE, TALLY_EIO);
    assert_open(dir, TL_STORE_STOPPED, TALLY_EIO);
    test_dir_remove(dir);
}

static void test_reading_leaves_no_trace(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 10));
    test_path(path, dir, "store/lock.mdb");
    assert_int_equal(unlink(path), 0);
    assert_open(dir, TL_STORE_STOPPED, TALLY_OK);
    assert_int_equal(access(path, F_OK), -1);
    test_dir_remove(dir);
}

static int give_away(const char *path, const struct stat *info, int type, struct FTW *position)
{
    (void)info;
    (void)position;
    return geteuid() == 0 && lchown(path, 65534, 65534) != 0
               ? -1
               : chmod(path, type == FTW_F ? 0400 : 0500);
}

/* As on a read-only medium: no lock file, and nowhere to make one. */
static bool reads_without_writing(void *context)
{
    const char *dir = (const char *)context;
    if (geteuid() == 0 && setuid(65534) != 0) {
        return false;
    }
    struct tl_store *store = NULL;
    bool holds = tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_WRITE, &store) == TALLY_EACCES &&
                 tl_store_open(dir, SAMPLE_MAP_SIZE, TL_STORE_STOPPED, &store) == TALLY_OK &&
                 tl_store_size(store) == 10;
    tl_store_close(store);
    return holds;
}

static void test_unwritable_copy(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 10));
    test_path(path, dir, "lock");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(nftw(dir, give_away, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_true(sample_holds_in_child(reads_without_writing, dir));
    assert_int_equal(access(path, F_OK), -1);
    const char *const names[] = {".", "store", "exhibits", "exhibits/deposits",
                                 "exhibits/incoming"};
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        test_path(path, dir, names[i]);
        assert_int_equal(chmod(path, 0700), 0);
    }
    test_dir_remove(dir);
}

static void test_descriptors_end_with_exec(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    bool before[256];
    for (int fd = 0; fd < 256; fd++) {
        before[fd] = fcntl(fd, F_GETFD) >= 0;
    }
    struct tl_store *store = sample_create(dir, 1);
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (!before[fd] && flags >= 0) {
            assert_int_equal(flags & FD_CLOEXEC, FD_CLOEXEC);
            count++;
        }
    }
    assert_true(count >= 3);
    tl_store_close(store);
    for (int fd = 0; fd < 256; fd++) {
        assert_int_equal(fcntl(fd, F_GETFD) >= 0, before[fd]);
    }
    test_dir_remove(dir);
}

static void stop_in_a_batch(const char *dir, int to)
{
    struct tl_store *store = sample_open(dir, TL_STORE_WRITE);
    uint64_t size = tl_store_size(store);
    struct tl_batch *batch = NULL;
    assert_status(tl_batch_begin(store, size, &batch), TALLY_OK);
    sample_append(batch, size, size + 50);
    tell(to, size);
    (void)pause();
}

static void test_killed_in_a_batch(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 300));
    for (uint64_t round = 0; round < 4; round++) {
        uint64_t size = 0;
        struct child child = start(stop_in_a_batch, dir);
        assert_true(hear(&child, &size));
        assert_int_equal(size, 300 + round);
        end(&child);
        struct tl_store *store = sample_open(dir, TL_STORE_WRITE);
        assert_int_equal(tl_store_size(store), 300 + round);
        sample_check(store, 299 + round);
        sample_grow(store, 301 + round);
        sample_check(store, 300 + round);
        tl_store_close(store);
    }
    test_dir_remove(dir);
}

static void append_for_ever(const char *dir, int to)
{
    struct tl_store *store = sample_open(dir, TL_STORE_WRITE);
    for (;;) {
        sample_grow(store, tl_store_size(store) + 3);
        tell(to, tl_store_size(store));
    }
}

/* Nothing that was told is lost, and nothing half is found, wherever the child stood. */
static void test_killed_anywhere(void **state)
{
    (void)state;
    char dir[TEST_PATH_MAX];
    tl_store_close(sample_create(dir, 0));
    uint64_t told = 0;
    for (int round = 0; round < 25; round++) {
        struct child child = start(append_for_ever, dir);
        for (int i = 0; i <= round; i++) {
            assert_true(hear(&child, &told));
        }
        assert_int_equal(kill(child.pid, SIGKILL), 0);
        uint64_t later = 0;
        while (hear(&child, &later)) {
            told = later;
        }
        int how = 0;
        assert_int_equal(waitpid(child.pid, &how, 0), child.pid);
        assert_int_equal(close(child.from), 0);
        struct tl_store *store = sample_open(dir, TL_STORE_STOPPED);
        uint64_t size = tl_store_size(store);
        assert_true(size == told || size == told + 3);
        for (uint64_t i = 0; i < size; i++) {
            sample_check(store, i);
        }
        tl_store_close(store);
    }
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_directory_is_refused),
        cmocka_unit_test(test_readers_share),
        cmocka_unit_test(test_reading_beside),
        cmocka_unit_test(test_writer_waits_for_those_left_beside),
        cmocka_unit_test(test_lock_ends_with_the_process),
        cmocka_unit_test(test_twice_in_one_process),
        cmocka_unit_test(test_link_for_a_lock),
        cmocka_unit_test(test_reading_leaves_no_trace),
        cmocka_unit_test(test_unwritable_copy),
        cmocka_unit_test(test_descriptors_end_with_exec),
        cmocka_unit_test(test_killed_in_a_batch),
        cmocka_unit_test(test_killed_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
