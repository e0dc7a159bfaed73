/* SPDX-License-Identifier: ISC */
/*
 * Each system call of a file operation fails once, in turn, until none is left to fail. Whatever
 * happened, a file is whole, old or new, or not there, and nothing else lies beside it.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "lib/base/file.h"

/* ---- the calls ---- */

static struct {
    bool armed;
    long left;        /* calls that still succeed */
    bool fired;       /* the call that was to fail has failed */
    int error;        /* what it failed with */
    size_t piece_max; /* read and write move no more at once */
    int no_flags;     /* what renameat2 says when it does not know its flags; 0: it does */
    bool write_zero;  /* write moves nothing */
    size_t syncs;     /* successful calls of fsync */
    size_t asked_max; /* the most that a read or write was asked to move */
} fault;

static bool fails(void)
{
    if (!fault.armed || fault.fired) {
        return false;
    }
    if (fault.left > 0) {
        fault.left--;
        return false;
    }
    fault.fired = true;
    errno = fault.error;
    return true;
}

static size_t piece(size_t len)
{
    fault.asked_max = len > fault.asked_max ? len : fault.asked_max;
    return fault.armed && fault.piece_max > 0 && len > fault.piece_max ? fault.piece_max : len;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *dst, size_t len);
ssize_t __wrap_read(int fd, void *dst, size_t len);
ssize_t __real_write(int fd, const void *src, size_t len);
ssize_t __wrap_write(int fd, const void *src, size_t len);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    assert_int_not_equal(flags & O_CLOEXEC, 0);
    return fails() ? -1 : __real_open(path, flags, mode);
}

ssize_t __wrap_read(int fd, void *dst, size_t len)
{
    return fails() ? -1 : __real_read(fd, dst, piece(len));
}

ssize_t __wrap_write(int fd, const void *src, size_t len)
{
    if (fault.armed && fault.write_zero) {
        return 0;
    }
    return fails() ? -1 : __real_write(fd, src, piece(len));
}

int __wrap_fsync(int fd)
{
    if (fails()) {
        return -1;
    }
    fault.syncs++;
    return __real_fsync(fd);
}

int __wrap_close(int fd)
{
    /* As on Linux: the descriptor is gone, whatever close answers. */
    int result = __real_close(fd);
    return fails() ? -1 : result;
}

int __wrap_rename(const char *from, const char *to)
{
    return fails() ? -1 : __real_rename(from, to);
}

int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (fault.armed && fault.no_flags != 0) {
        errno = fault.no_flags;
        return -1;
    }
    return fails() ? -1 : __real_renameat2(from_dir, from, to_dir, to, flags);
}

int __wrap_link(const char *from, const char *to)
{
    return fails() ? -1 : __real_link(from, to);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    return fails() ? -1 : __real_mkdir(path, mode);
}

static void arm(long n, int error)
{
    fault.armed = true;
    fault.left = n;
    fault.fired = false;
    fault.error = error;
}

/* True when a call had failed. */
static bool disarm(void)
{
    fault.armed = false;
    return fault.fired;
}

/* ---- the tests ---- */

struct fixture {
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    uint8_t bytes[64];
};

static int setup(void **state)
{
    struct fixture *fixture = (struct fixture *)calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    memset(&fault, 0, sizeof fault);
    test_dir_make(fixture->dir);
    test_path(fixture->path, fixture->dir, "file");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    test_dir_remove(fixture->dir);
    free(fixture);
    return 0;
}

static struct tally_bytes contents(struct fixture *fixture)
{
    return test_file_get(fixture->path, fixture->bytes, sizeof fixture->bytes);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static const int errors[] = {EIO, ENOSPC, EDQUOT, EACCES};

/* Lowest number of descriptors: two equal answers mean that none was left open. */
static int next_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)close(fd);
    return fd;
}

static void test_write_replacing(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    int free_fd = next_descriptor();
    for (size_t e = 0; e < TEST_COUNT(errors); e++) {
        bool failed = true;
        for (long n = 0; failed; n++) {
            test_file_put(fixture->path, tl_bytes_text("old"));
            arm(n, errors[e]);
            enum tally_status status =
                tl_file_write(fixture->path, tl_bytes_text("new"), 0600, true);
            failed = disarm();
            struct tally_bytes now = contents(fixture);
            bool old = tl_bytes_equal(now, tl_bytes_text("old"));
            assert_true(old || tl_bytes_equal(now, tl_bytes_text("new")));
            assert_int_equal(test_dir_count(fixture->dir), 1);
            assert_int_equal(next_descriptor(), free_fd);
            if (!failed) {
                assert_status(status, TALLY_OK);
                assert_false(old);
                assert_true(n >= 6); /* open, write, fsync, close, rename, open, fsync, ... */
            } else if (status == TALLY_OK) {
                /* Only the close of the directory may fail unseen. */
                assert_false(old);
                assert_int_equal(fault.syncs % 2, 0);
            } else {
                assert_status(status, tl_status_from_errno(errors[e]));
            }
            fault.syncs = 0;
        }
    }
}

static void check_write_new(struct fixture *fixture, int no_flags)
{
    int free_fd = next_descriptor();
    bool failed = true;
    for (long n = 0; failed; n++) {
        (void)unlink(fixture->path);
        arm(n, EIO);
        fault.no_flags = no_flags;
        enum tally_status status = tl_file_write(fixture->path, tl_bytes_text("new"), 0600, false);
        failed = disarm();
        assert_int_equal(next_descriptor(), free_fd);
        if (status == TALLY_OK) {
            assert_bytes_text(contents(fixture), "new");
            assert_int_equal(test_dir_count(fixture->dir), 1);
        } else {
            assert_true(failed);
            assert_status(status, TALLY_EIO);
            assert_false(exists(fixture->path));
            assert_int_equal(test_dir_count(fixture->dir), 0);
        }
    }
}

static void test_write_new(void **state)
{
    check_write_new((struct fixture *)*state, 0);
}

static void test_write_new_without_rename_flags(void **state)
{
    check_write_new((struct fixture *)*state, EINVAL);
    check_write_new((struct fixture *)*state, ENOSYS);
}

static void test_write_new_refuses_without_rename_flags(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    test_file_put(fixture->path, tl_bytes_text("old"));
    arm(1000, EIO);
    fault.no_flags = EINVAL;
    enum tally_status status = tl_file_write(fixture->path, tl_bytes_text("new"), 0600, false);
    (void)disarm();
    assert_status(status, TALLY_EEXIST);
    assert_bytes_text(contents(fixture), "old");
    assert_int_equal(test_dir_count(fixture->dir), 1);
}

static void test_write_syncs_file_and_directory(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    assert_status(tl_file_write(fixture->path, tl_bytes_text("x"), 0600, false), TALLY_OK);
    assert_int_equal(fault.syncs, 2);
    assert_status(tl_file_write(fixture->path, tl_bytes_text("y"), 0600, true), TALLY_OK);
    assert_int_equal(fault.syncs, 4);
    assert_status(tl_file_write_unsynced(fixture->path, tl_bytes_text("z"), 0600), TALLY_OK);
    assert_int_equal(fault.syncs, 4);
}

static void test_write_unsynced(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    bool failed = true;
    for (long n = 0; failed; n++) {
        test_file_put(fixture->path, tl_bytes_text("old"));
        arm(n, ENOSPC);
        enum tally_status status =
            tl_file_write_unsynced(fixture->path, tl_bytes_text("new"), 0600);
        failed = disarm();
        assert_status(status, failed ? TALLY_ENOSPC : TALLY_OK);
        assert_bytes_text(contents(fixture), failed ? "old" : "new");
        assert_int_equal(test_dir_count(fixture->dir), 1);
    }
}

static void test_write_allocations(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    bool reached = true;
    for (long n = 0; reached; n++) {
        test_file_put(fixture->path, tl_bytes_text("old"));
        test_allocations_limit(n);
        enum tally_status status = tl_file_write(fixture->path, tl_bytes_text("new"), 0600, true);
        (void)test_allocations_unlimit();
        reached = status != TALLY_OK;
        assert_status(status, reached ? TALLY_ENOMEM : TALLY_OK);
        assert_bytes_text(contents(fixture), reached ? "old" : "new");
        assert_int_equal(test_dir_count(fixture->dir), 1);
        assert_true(reached || n == 2);
    }
}

static void test_other_allocations(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    test_allocations_limit(0);
    char *path = tl_path_join("a", "b");
    enum tally_status status = tl_make_directories(fixture->path, 0700);
    assert_true(test_allocations_unlimit());
    assert_null(path);
    assert_status(status, TALLY_ENOMEM);
    assert_false(exists(fixture->path));
}

/* Calls that are interrupted or move one byte only are carried on. */
static void test_small_pieces(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const char text[] = "all of this";
    for (long n = 0; n < 40; n++) {
        struct tl_buffer buffer;
        size_t len = 0;
        uint8_t bytes[sizeof text];
        int fd = __real_open(fixture->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        arm(n, EINTR);
        fault.piece_max = 1;
        fault.asked_max = 0;
        assert_status(tl_write_full(fd, tl_bytes_text(text)), TALLY_OK);
        (void)disarm();
        assert_int_equal(fault.asked_max, strlen(text));
        assert_bytes_text(contents(fixture), text);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        arm(n, EINTR);
        fault.asked_max = 0;
        assert_status(tl_read_full(fd, bytes, sizeof bytes, &len), TALLY_OK);
        (void)disarm();
        assert_int_equal(fault.asked_max, sizeof bytes);
        assert_bytes_text(tl_bytes(bytes, len), text);
        (void)__real_close(fd);
        tl_buffer_init(&buffer, 64);
        arm(n + 1, EINTR); /* not the open: an interrupted one is reported */
        assert_status(tl_file_read(fixture->path, &buffer), TALLY_OK);
        (void)disarm();
        assert_bytes_text(tl_buffer_bytes(&buffer), text);
        tl_buffer_deinit(&buffer);
    }
}

static void test_write_that_moves_nothing(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    arm(1000, EIO);
    fault.write_zero = true;
    enum tally_status status = tl_file_write(fixture->path, tl_bytes_text("x"), 0600, true);
    (void)disarm();
    assert_status(status, TALLY_EIO);
    assert_int_equal(test_dir_count(fixture->dir), 0);
}

static void test_read_and_digest(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    int free_fd = next_descriptor();
    test_file_put(fixture->path, tl_bytes_text("text"));
    for (long n = 0; n < 2; n++) { /* open, read; the close is of no interest */
        struct tl_buffer buffer;
        struct tally_hash hash;
        uint64_t size = 77;
        tl_buffer_init(&buffer, 64);
        tl_buffer_add_text(&buffer, "abc");
        arm(n, EACCES);
        assert_status(tl_file_read(fixture->path, &buffer), TALLY_EACCES);
        assert_true(disarm());
        assert_bytes_text(tl_buffer_bytes(&buffer), "abc");
        tl_buffer_deinit(&buffer);
        arm(n, EACCES);
        assert_status(tl_file_digest(fixture->path, &hash, &size), TALLY_EACCES);
        assert_true(disarm());
        assert_int_equal(size, 77);
        assert_int_equal(next_descriptor(), free_fd);
    }
}

static void test_make_directories(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char path[TEST_PATH_MAX];
    char below[TEST_PATH_MAX];
    test_path(path, fixture->dir, "new");
    test_path(below, fixture->dir, "new/below");
    for (size_t e = 0; e < TEST_COUNT(errors); e++) {
        /* the first mkdirs find directories that exist, and a failure there is of no interest */
        long first = 0;
        for (const char *p = fixture->dir + 1; *p != '\0'; p++) {
            first += *p == '/' ? 1 : 0;
        }
        for (long n = 0; n <= first; n++) {
            arm(n, errors[e]);
            assert_status(tl_make_directories(below, 0700), TALLY_OK);
            assert_true(disarm());
            assert_int_equal(rmdir(below), 0);
            assert_int_equal(rmdir(path), 0);
        }
        arm(first + 1, errors[e]);
        assert_status(tl_make_directories(below, 0700), tl_status_from_errno(errors[e]));
        assert_true(disarm());
        assert_false(exists(path));
        arm(first + 2, errors[e]);
        assert_status(tl_make_directories(below, 0700), tl_status_from_errno(errors[e]));
        assert_true(disarm());
        assert_true(exists(path));
        assert_false(exists(below));
        assert_int_equal(rmdir(path), 0);
    }
}

static void test_sync_directory(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    int free_fd = next_descriptor();
    for (long n = 0; n < 2; n++) {
        arm(n, EIO);
        assert_status(tl_sync_directory(fixture->dir), TALLY_EIO);
        assert_true(disarm());
        assert_int_equal(next_descriptor(), free_fd);
    }
}

int main(void)
{
#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_write_replacing),
        FILE_TEST(test_write_new),
        FILE_TEST(test_write_new_without_rename_flags),
        FILE_TEST(test_write_new_refuses_without_rename_flags),
        FILE_TEST(test_write_syncs_file_and_directory),
        FILE_TEST(test_write_unsynced),
        FILE_TEST(test_write_allocations),
        FILE_TEST(test_other_allocations),
        FILE_TEST(test_small_pieces),
        FILE_TEST(test_write_that_moves_nothing),
        FILE_TEST(test_read_and_digest),
        FILE_TEST(test_make_directories),
        FILE_TEST(test_sync_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
