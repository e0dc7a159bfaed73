/* SPDX-License-Identifier: ISC */
/*
 * What every unit test needs: cmocka with the headers it wants first, hexadecimal, a directory of
 * its own, an allocation that fails, a function that must stop the program.
 */
#ifndef TEST_SUPPORT_TEST_H
#define TEST_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"
#include "lib/base/mem.h"

#define TEST_PATH_MAX 512
#define TEST_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define assert_status(actual, expected)                                                            \
    assert_string_equal(tally_status_text(actual), tally_status_text(expected))

#define assert_bytes_text(bytes, text)                                                             \
    do {                                                                                           \
        struct tally_bytes assert_bytes_view = (bytes);                                            \
        assert_int_equal(assert_bytes_view.len, strlen(text));                                     \
        if (assert_bytes_view.len > 0) {                                                           \
            assert_memory_equal(assert_bytes_view.ptr, text, strlen(text));                        \
        }                                                                                          \
    } while (0)

#define assert_bytes_equal(actual, expected)                                                       \
    do {                                                                                           \
        struct tally_bytes assert_bytes_a = (actual);                                              \
        struct tally_bytes assert_bytes_b = (expected);                                            \
        assert_int_equal(assert_bytes_a.len, assert_bytes_b.len);                                  \
        if (assert_bytes_a.len > 0) {                                                              \
            assert_memory_equal(assert_bytes_a.ptr, assert_bytes_b.ptr, assert_bytes_a.len);       \
        }                                                                                          \
    } while (0)

static inline uint8_t test_hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    assert_non_null(found);
    return (uint8_t)(found - digits);
}

/* Lower-case hexadecimal to dst; spaces and line ends between bytes are skipped. */
static inline size_t test_unhex(const char *hex, uint8_t *dst, size_t cap)
{
    size_t len = 0;
    while (*hex != '\0') {
        if (*hex == ' ' || *hex == '\n') {
            hex++;
            continue;
        }
        assert_true(len < cap);
        dst[len] = (uint8_t)(test_hex_digit(hex[0]) << 4 | test_hex_digit(hex[1]));
        len++;
        hex += 2;
    }
    return len;
}

/* A hash of 32 equal bytes. */
static inline struct tally_hash test_hash(uint8_t fill)
{
    struct tally_hash hash;
    memset(hash.bytes, fill, sizeof hash.bytes);
    return hash;
}

static inline void test_path(char dst[TEST_PATH_MAX], const char *dir, const char *name)
{
    int len = snprintf(dst, TEST_PATH_MAX, "%s/%s", dir, name);
    assert_true(len > 0 && len < TEST_PATH_MAX);
}

/* A new empty directory; remove it with test_dir_remove. */
static inline void test_dir_make(char dst[TEST_PATH_MAX])
{
    const char *parent = getenv("TMPDIR");
    test_path(dst, parent == NULL || *parent == '\0' ? "/tmp" : parent, "tally-test-XXXXXX");
    assert_non_null(mkdtemp(dst));
}

static inline int test_remove_one(const char *path, const struct stat *info, int type,
                                  struct FTW *position)
{
    (void)info;
    (void)type;
    (void)position;
    return remove(path);
}

static inline void test_dir_remove(const char *dir)
{
    assert_int_equal(nftw(dir, test_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Entries of a directory, hidden ones too. */
static inline size_t test_dir_count(const char *dir)
{
    DIR *stream = opendir(dir);
    assert_non_null(stream);
    size_t count = 0;
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            count++;
        }
    }
    assert_int_equal(closedir(stream), 0);
    return count;
}

static inline void test_file_put(const char *path, struct tally_bytes bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (size_t done = 0; done < bytes.len;) {
        ssize_t put = write(fd, bytes.ptr + done, bytes.len - done);
        assert_true(put > 0);
        done += (size_t)put;
    }
    assert_int_equal(close(fd), 0);
}

/* The bytes of a file of at most cap bytes. */
static inline struct tally_bytes test_file_get(const char *path, uint8_t *dst, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    size_t len = 0;
    for (;;) {
        ssize_t got = read(fd, dst + len, cap - len);
        assert_true(got >= 0);
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    assert_int_equal(close(fd), 0);
    return tl_bytes(dst, len);
}

/* Allocations that still succeed; negative: all of them. */
static inline long *test_allocations_left(void)
{
    static long left = -1;
    return &left;
}

static inline int test_allocation_fails(void)
{
    long *left = test_allocations_left();
    if (*left < 0) {
        return 0;
    }
    if (*left == 0) {
        return 1;
    }
    (*left)--;
    return 0;
}

/* From now on count allocations succeed and all later ones fail. */
static inline void test_allocations_limit(long count)
{
    *test_allocations_left() = count;
    tl_mem_should_fail = test_allocation_fails;
}

/* True when the limit was reached, so that a later allocation would fail. Lifts it. */
static inline bool test_allocations_unlimit(void)
{
    bool reached = *test_allocations_left() == 0;
    *test_allocations_left() = -1;
    tl_mem_should_fail = NULL;
    return reached;
}

/* True when fn(context) ends in abort(), as a failed TL_ASSERT does. */
static inline bool test_aborts(void (*fn)(void *context), void *context)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, STDERR_FILENO);
        fn(context);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT;
}

#endif
