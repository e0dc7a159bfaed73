/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/peer.h"

static void test_credentials(void **state)
{
    int fds[2];
    struct tl_peer peer;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(tl_peer_read(fds[0], &peer), TALLY_OK);
    assert_int_equal(peer.uid, getuid());
    assert_int_equal(peer.gid, getgid());
    assert_int_equal(peer.pid, getpid());
    assert_int_equal(close(fds[0]), 0);
    assert_int_equal(close(fds[1]), 0);
    assert_int_not_equal(tl_peer_read(-1, &peer), TALLY_OK);
}

static void test_connections_are_counted_by_user(void **state)
{
    struct tl_user_table table;
    (void)state;
    tl_users_init(&table, 2, 60);
    struct tl_user *first = tl_user_enter(&table, 7, 0);
    struct tl_user *second = tl_user_enter(&table, 7, 0);
    assert_non_null(first);
    assert_ptr_equal(first, second);
    assert_null(tl_user_enter(&table, 7, 0));
    struct tl_user *other = tl_user_enter(&table, 8, 0);
    assert_non_null(other);
    tl_user_leave(second);
    assert_non_null(tl_user_enter(&table, 7, 0));
    tl_user_leave(first);
    tl_user_leave(first);
    tl_user_leave(other);
    tl_users_deinit(&table);
}

static void test_rejections_are_rationed(void **state)
{
    struct tl_user_table table;
    (void)state;
    tl_users_init(&table, 2, 60);
    struct tl_user *user = tl_user_enter(&table, 7, 0);
    for (int i = 0; i < 60; i++) {
        assert_true(tl_user_may_be_rejected(&table, user, 0));
    }
    assert_false(tl_user_may_be_rejected(&table, user, 0));
    assert_false(tl_user_may_be_rejected(&table, user, 999));
    assert_true(tl_user_may_be_rejected(&table, user, 1000));
    assert_false(tl_user_may_be_rejected(&table, user, 1000));
    /* Leaving and coming back does not help. */
    tl_user_leave(user);
    tl_users_sweep(&table, 1500);
    user = tl_user_enter(&table, 7, 1500);
    assert_false(tl_user_may_be_rejected(&table, user, 1500));
    tl_user_leave(user);
    tl_users_sweep(&table, 100000);
    assert_null(table.first);
    tl_users_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_connections_are_counted_by_user),
        cmocka_unit_test(test_rejections_are_rationed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
