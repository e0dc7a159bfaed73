/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/notify.h"

static int make_receiver(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                     0);
    return fd;
}

static void check_received(int fd, const char *expected)
{
    char text[512];
    ssize_t len = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    assert_true(len >= 0);
    text[len] = '\0';
    assert_string_equal(text, expected);
}

static void check_socket(const char *path)
{
    int fd = make_receiver(path);
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    assert_true(tl_notify_open());
    assert_true(tl_notify("READY=1\nSTATUS=x", true));
    check_received(fd, "READY=1\nSTATUS=x");
    assert_true(tl_notify_status("%d records", 5));
    check_received(fd, "STATUS=5 records");
    assert_int_equal(close(fd), 0);
    (void)unlink(path);
    assert_false(tl_notify("READY=1", true));
    assert_false(tl_notify_open());
}

/* A manager that has stopped reading holds up nobody who does not want to wait. */
static void test_a_deaf_manager(void **state)
{
    enum { QUEUE_MAX = 100000 };
    char path[64];
    (void)state;
    (void)snprintf(path, sizeof path, "@tally-notify-deaf-%d", (int)getpid());
    int fd = make_receiver(path);
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    assert_true(tl_notify_open());
    int count = 0;
    while (count < QUEUE_MAX && tl_notify("WATCHDOG=1", false)) {
        count++;
    }
    assert_in_range(count, 1, QUEUE_MAX - 1);
    assert_false(tl_notify_status("%d", 1));
    check_received(fd, "WATCHDOG=1");
    assert_true(tl_notify("STOPPING=1", false));
    assert_int_equal(close(fd), 0);
}

static void test_path(void **state)
{
    char path[64];
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/tally-notify-%d", (int)getpid());
    check_socket(path);
}

static void test_abstract(void **state)
{
    char path[64];
    (void)state;
    (void)snprintf(path, sizeof path, "@tally-notify-%d", (int)getpid());
    check_socket(path);
}

static void test_nobody_listens(void **state)
{
    char path[300];
    (void)state;
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_false(tl_notify_open());
    assert_int_equal(setenv("NOTIFY_SOCKET", "relative", 1), 0);
    assert_false(tl_notify_open());
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    assert_false(tl_notify_open());
    assert_false(tl_notify("READY=1", true));
}

static void check_watchdog(const char *usec, const char *pid, uint64_t expected)
{
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    if (usec != NULL) {
        assert_int_equal(setenv("WATCHDOG_USEC", usec, 1), 0);
    }
    if (pid != NULL) {
        assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    }
    assert_int_equal(tl_notify_watchdog_ms(), expected);
}

static void test_watchdog(void **state)
{
    char pid[32];
    (void)state;
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    check_watchdog(NULL, NULL, 0);
    check_watchdog("20000000", NULL, 10000);
    check_watchdog("20000000", pid, 10000);
    check_watchdog("20000000", "1", 0);
    check_watchdog("20000000", "x", 0);
    check_watchdog("10", NULL, 1);
    check_watchdog("0", NULL, 0);
    check_watchdog("-5", NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_deaf_manager),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_abstract),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
