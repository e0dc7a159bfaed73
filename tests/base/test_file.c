/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include <errno.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/sha256.h"

struct fixture {
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX]; /* dir/file, not there yet */
};

static int setup(void **state)
{
    struct fixture *fixture = (struct fixture *)calloc(1, sizeof *fixture);
    assert_non_null(fixture);
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

static void assert_file(const char *path, const char *text)
{
    uint8_t bytes[256];
    assert_bytes_text(test_file_get(path, bytes, sizeof bytes), text);
}

static void test_errno(void **state)
{
    (void)state;
    assert_status(tl_status_from_errno(ENOENT), TALLY_ENOTFOUND);
    assert_status(tl_status_from_errno(EACCES), TALLY_EACCES);
    assert_status(tl_status_from_errno(EPERM), TALLY_EACCES);
    assert_status(tl_status_from_errno(EROFS), TALLY_EACCES);
    assert_status(tl_status_from_errno(ENOSPC), TALLY_ENOSPC);
    assert_status(tl_status_from_errno(EDQUOT), TALLY_ENOSPC);
    assert_status(tl_status_from_errno(EEXIST), TALLY_EEXIST);
    assert_status(tl_status_from_errno(ENOMEM), TALLY_ENOMEM);
    assert_status(tl_status_from_errno(EIO), TALLY_EIO);
    assert_status(tl_status_from_errno(EISDIR), TALLY_EIO);
    assert_status(tl_status_from_errno(0), TALLY_EIO);
}

static void test_close(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    int number = fd;
    tl_close(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(fcntl(number, F_GETFD), -1);
    tl_close(&fd);
    assert_int_equal(fd, -1);
}

/* Number 0 is a descriptor like any other. */
static void test_descriptor_zero(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    int saved = dup(STDIN_FILENO);
    int zero = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(zero, STDIN_FILENO), STDIN_FILENO);
    (void)close(zero);
    zero = STDIN_FILENO;
    tl_close(&zero);
    assert_int_equal(zero, -1);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    struct tally_hash hash;
    uint64_t size = 77;
    assert_status(tl_file_write(fixture->path, tl_bytes_text("x"), 0600, false), TALLY_OK);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    assert_status(tl_file_digest(fixture->path, &hash, &size), TALLY_OK);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    if (saved >= 0) {
        assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
        (void)close(saved);
    }
}

static void test_read_every_length(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const size_t lengths[] = {0, 1, 100, 65535, 65536, 65537, 131072, 200000};
    uint8_t *bytes = (uint8_t *)malloc(200000);
    assert_non_null(bytes);
    for (size_t i = 0; i < 200000; i++) {
        bytes[i] = (uint8_t)(i * 13 + i / 256);
    }
    for (size_t i = 0; i < TEST_COUNT(lengths); i++) {
        struct tl_buffer buffer;
        test_file_put(fixture->path, tl_bytes(bytes, lengths[i]));
        /* exactly enough room, after what is there */
        tl_buffer_init(&buffer, lengths[i] + 3);
        tl_buffer_add_text(&buffer, "abc");
        assert_status(tl_file_read(fixture->path, &buffer), TALLY_OK);
        assert_int_equal(buffer.len, lengths[i] + 3);
        assert_memory_equal(buffer.ptr, "abc", 3);
        assert_memory_equal(buffer.ptr + 3, bytes, lengths[i]);
        tl_buffer_deinit(&buffer);
        if (lengths[i] == 0) {
            continue;
        }
        /* much too little */
        tl_buffer_init(&buffer, lengths[i] / 2);
        assert_status(tl_file_read(fixture->path, &buffer), TALLY_ETOOBIG);
        assert_int_equal(buffer.len, 0);
        tl_buffer_deinit(&buffer);
        /* one byte too little */
        tl_buffer_init(&buffer, lengths[i] + 2);
        tl_buffer_add_text(&buffer, "abc");
        assert_status(tl_file_read(fixture->path, &buffer), TALLY_ETOOBIG);
        assert_status(buffer.status, TALLY_ETOOBIG);
        assert_bytes_text(tl_buffer_bytes(&buffer), "abc");
        assert_status(tl_file_read(fixture->path, &buffer), TALLY_ETOOBIG);
        tl_buffer_deinit(&buffer);
    }
    free(bytes);
}

static void test_read_failures(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 100);
    tl_buffer_add_text(&buffer, "abc");
    assert_status(tl_file_read(fixture->path, &buffer), TALLY_ENOTFOUND);
    assert_status(tl_file_read(fixture->dir, &buffer), TALLY_EIO);
    assert_bytes_text(tl_buffer_bytes(&buffer), "abc");
    tl_buffer_deinit(&buffer);
    test_file_put(fixture->path, tl_bytes_text("text"));
    tl_buffer_init(&buffer, 100);
    test_allocations_limit(0);
    enum tally_status status = tl_file_read(fixture->path, &buffer);
    assert_true(test_allocations_unlimit());
    assert_status(status, TALLY_ENOMEM);
    assert_int_equal(buffer.len, 0);
    tl_buffer_deinit(&buffer);
}

/* A pipe gives its bytes in pieces: all of them are read, to the end. */
static void test_read_standard_input(void **state)
{
    (void)state;
    int ends[2];
    int saved = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        for (size_t i = 0; i < 1000; i++) {
            if (write(ends[1], "0123456789", 10) != 10) {
                _exit(1);
            }
        }
        _exit(0);
    }
    (void)close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    (void)close(ends[0]);
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 20000);
    assert_status(tl_file_read("-", &buffer), TALLY_OK);
    assert_int_equal(buffer.len, 10000);
    assert_memory_equal(buffer.ptr + 9990, "0123456789", 10);
    tl_buffer_deinit(&buffer);
    /* Standard input itself stays open. */
    assert_int_not_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    if (saved >= 0) {
        (void)dup2(saved, STDIN_FILENO);
        (void)close(saved);
    } else {
        (void)close(STDIN_FILENO);
    }
}

static void test_read_full(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    uint8_t bytes[8] = {0};
    size_t len = 99;
    test_file_put(fixture->path, tl_bytes_text("sixsix"));
    int fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_status(tl_read_full(fd, bytes, 4, &len), TALLY_OK);
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "sixs\0\0\0\0", 8);
    assert_status(tl_read_full(fd, bytes, 8, &len), TALLY_OK);
    assert_int_equal(len, 2);
    assert_status(tl_read_full(fd, bytes, 8, &len), TALLY_OK);
    assert_int_equal(len, 0);
    tl_close(&fd);
    len = 99;
    assert_status(tl_read_full(fd, bytes, 8, &len), TALLY_EIO);
    assert_int_equal(len, 99);
}

static void test_write_full(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_status(tl_write_full(fd, tl_bytes(NULL, 0)), TALLY_OK);
    assert_status(tl_write_full(fd, tl_bytes_text("text")), TALLY_OK);
    tl_close(&fd);
    assert_file(fixture->path, "text");
    assert_status(tl_write_full(fd, tl_bytes_text("text")), TALLY_EIO);
    fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        assert_status(tl_write_full(fd, tl_bytes_text("text")), TALLY_ENOSPC);
        tl_close(&fd);
    }
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777u;
}

static void test_write_new(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    mode_t mask = umask(022);
    assert_status(tl_file_write(fixture->path, tl_bytes_text("one"), 0600, false), TALLY_OK);
    assert_file(fixture->path, "one");
    assert_int_equal(mode_of(fixture->path), 0600);
    assert_int_equal(test_dir_count(fixture->dir), 1);
    assert_status(tl_file_write(fixture->path, tl_bytes_text("two"), 0644, false), TALLY_EEXIST);
    assert_file(fixture->path, "one");
    assert_int_equal(mode_of(fixture->path), 0600);
    assert_int_equal(test_dir_count(fixture->dir), 1);
    (void)umask(mask);
}

static void test_write_replacing(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    mode_t mask = umask(022);
    assert_status(tl_file_write(fixture->path, tl_bytes_text("one"), 0600, true), TALLY_OK);
    assert_status(tl_file_write(fixture->path, tl_bytes_text("second"), 0666, true), TALLY_OK);
    assert_file(fixture->path, "second");
    assert_int_equal(mode_of(fixture->path), 0644);
    assert_status(tl_file_write(fixture->path, tl_bytes(NULL, 0), 0600, true), TALLY_OK);
    assert_file(fixture->path, "");
    assert_int_equal(test_dir_count(fixture->dir), 1);
    (void)umask(mask);
}

static void test_write_unsynced(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    mode_t mask = umask(022);
    assert_status(tl_file_write_unsynced(fixture->path, tl_bytes_text("one"), 0640), TALLY_OK);
    assert_status(tl_file_write_unsynced(fixture->path, tl_bytes_text("2"), 0640), TALLY_OK);
    assert_file(fixture->path, "2");
    assert_int_equal(mode_of(fixture->path), 0640);
    assert_int_equal(test_dir_count(fixture->dir), 1);
    (void)umask(mask);
}

/* The file of a reader that opened it before stays what it was. */
static void test_write_is_a_new_file(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    uint8_t bytes[8];
    size_t len = 0;
    assert_status(tl_file_write(fixture->path, tl_bytes_text("old"), 0600, true), TALLY_OK);
    int fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
    assert_status(tl_file_write(fixture->path, tl_bytes_text("new"), 0600, true), TALLY_OK);
    assert_status(tl_read_full(fd, bytes, sizeof bytes, &len), TALLY_OK);
    assert_bytes_text(tl_bytes(bytes, len), "old");
    tl_close(&fd);
}

static void test_write_does_not_follow_links(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char target[TEST_PATH_MAX];
    test_path(target, fixture->dir, "target");
    test_file_put(target, tl_bytes_text("target"));
    assert_int_equal(symlink("target", fixture->path), 0);
    assert_status(tl_file_write(fixture->path, tl_bytes_text("x"), 0600, false), TALLY_EEXIST);
    assert_status(tl_file_write(fixture->path, tl_bytes_text("x"), 0600, true), TALLY_OK);
    assert_file(target, "target");
    assert_file(fixture->path, "x");
}

static void test_write_failures(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char path[TEST_PATH_MAX];
    test_path(path, fixture->dir, "absent/file");
    assert_status(tl_file_write(path, tl_bytes_text("x"), 0600, true), TALLY_ENOTFOUND);
    test_path(path, fixture->dir, "sub");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_status(tl_file_write(path, tl_bytes_text("x"), 0600, true), TALLY_EIO);
    assert_status(tl_file_write(path, tl_bytes_text("x"), 0600, false), TALLY_EEXIST);
    assert_int_equal(test_dir_count(fixture->dir), 1);
}

/* The longest name that a file may have can be written: the temporary one is not longer. */
static void test_write_longest_name(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char name[256];
    char path[TEST_PATH_MAX];
    memset(name, 'n', 255);
    name[255] = '\0';
    test_path(path, fixture->dir, name);
    assert_status(tl_file_write(path, tl_bytes_text("x"), 0600, false), TALLY_OK);
    assert_file(path, "x");
}

static void test_write_relative_and_root(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(before >= 0);
    assert_int_equal(chdir(fixture->dir), 0);
    assert_status(tl_file_write("plain", tl_bytes_text("x"), 0600, false), TALLY_OK);
    assert_status(tl_file_write("./dotted", tl_bytes_text("y"), 0600, false), TALLY_OK);
    assert_status(tl_make_directories("a/b", 0700), TALLY_OK);
    assert_int_equal(access("a/b", F_OK), 0);
    assert_int_equal(fchdir(before), 0);
    (void)close(before);
    assert_int_equal(test_dir_count(fixture->dir), 3);
    /* The directory of "/name" is "/"; what stands there is not written over. */
    assert_int_not_equal(tl_file_write("/proc", tl_bytes_text("x"), 0600, false), TALLY_OK);
}

static void test_stale_temporary_is_passed_over(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    for (unsigned i = 0; i < 50; i++) {
        char name[64];
        char path[TEST_PATH_MAX];
        (void)snprintf(name, sizeof name, ".tally-%ld-%u.tmp", (long)getpid(), i);
        test_path(path, fixture->dir, name);
        test_file_put(path, tl_bytes_text("stale"));
    }
    assert_status(tl_file_write(fixture->path, tl_bytes_text("x"), 0600, false), TALLY_OK);
    assert_file(fixture->path, "x");
    assert_int_equal(test_dir_count(fixture->dir), 51);
}

static void test_make_directories(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const char *const names[] = {"a", "a/b/c", "a//b///d", "a/b/e/", "a/b", "x/y/"};
    char path[TEST_PATH_MAX];
    mode_t mask = umask(0);
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        test_path(path, fixture->dir, names[i]);
        assert_status(tl_make_directories(path, 0750), TALLY_OK);
        assert_int_equal(mode_of(path), 0750);
        assert_status(tl_make_directories(path, 0700), TALLY_OK);
        assert_int_equal(mode_of(path), 0750);
    }
    (void)umask(mask);
    assert_status(tl_make_directories("/", 0700), TALLY_OK);
    assert_status(tl_make_directories(".", 0700), TALLY_OK);
    assert_status(tl_make_directories("", 0700), TALLY_ENOTFOUND);
    test_file_put(fixture->path, tl_bytes_text("x"));
    assert_status(tl_make_directories(fixture->path, 0700), TALLY_EEXIST);
    test_path(path, fixture->path, "below");
    assert_int_not_equal(tl_make_directories(path, 0700), TALLY_OK);
}

static void test_sync_directory(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    assert_status(tl_sync_directory(fixture->dir), TALLY_OK);
    assert_status(tl_sync_directory(fixture->path), TALLY_ENOTFOUND);
    test_file_put(fixture->path, tl_bytes_text("x"));
    assert_status(tl_sync_directory(fixture->path), TALLY_EIO);
}

static void test_path_join(void **state)
{
    (void)state;
    char *path = tl_path_join("dir", "name");
    assert_string_equal(path, "dir/name");
    tl_free(path);
    path = tl_path_join("", "");
    assert_string_equal(path, "/");
    tl_free(path);
}

static void test_digest(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const size_t lengths[] = {0, 1, 8191, 8192, 8193, 16384, 20000};
    static uint8_t bytes[20000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 17 + i / 256);
    }
    for (size_t i = 0; i < TEST_COUNT(lengths); i++) {
        struct tally_hash hash = test_hash(0);
        uint64_t size = 77;
        test_file_put(fixture->path, tl_bytes(bytes, lengths[i]));
        struct tally_hash expected = tl_sha256(tl_bytes(bytes, lengths[i]));
        assert_status(tl_file_digest(fixture->path, &hash, &size), TALLY_OK);
        assert_int_equal(size, lengths[i]);
        assert_true(tl_hash_equal(&hash, &expected));
    }
}

static void test_digest_failures(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct tally_hash hash = test_hash(7);
    struct tally_hash untouched = hash;
    uint64_t size = 77;
    assert_status(tl_file_digest(fixture->path, &hash, &size), TALLY_ENOTFOUND);
    assert_status(tl_file_digest(fixture->dir, &hash, &size), TALLY_EIO);
    assert_true(tl_hash_equal(&hash, &untouched));
    assert_int_equal(size, 77);
}

int main(void)
{
#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_errno),
        FILE_TEST(test_close),
        FILE_TEST(test_descriptor_zero),
        FILE_TEST(test_read_every_length),
        FILE_TEST(test_read_failures),
        FILE_TEST(test_read_standard_input),
        FILE_TEST(test_read_full),
        FILE_TEST(test_write_full),
        FILE_TEST(test_write_new),
        FILE_TEST(test_write_replacing),
        FILE_TEST(test_write_unsynced),
        FILE_TEST(test_write_is_a_new_file),
        FILE_TEST(test_write_does_not_follow_links),
        FILE_TEST(test_write_failures),
        FILE_TEST(test_write_longest_name),
        FILE_TEST(test_write_relative_and_root),
        FILE_TEST(test_stale_temporary_is_passed_over),
        FILE_TEST(test_make_directories),
        FILE_TEST(test_sync_directory),
        FILE_TEST(test_path_join),
        FILE_TEST(test_digest),
        FILE_TEST(test_digest_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
