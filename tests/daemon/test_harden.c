/* SPDX-License-Identifier: ISC */
/* What the process gives up, beside what it had before; a key is locked, or nothing is served. */
#include "tests/daemon/fixture_store.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/exit_code.h"
#include "daemon/harden.h"
#include "daemon/sandbox.h"

static bool mlock_fails;
static size_t locked_len;

int __wrap_mlock(const void *ptr, size_t len);

/* A sanitizer's own does nothing and says that it has. */
int __wrap_mlock(const void *ptr, size_t len)
{
    (void)ptr;
    locked_len = mlock_fails ? 0 : len;
    return mlock_fails ? -1 : 0;
}

enum {
    DUMPABLE = 1,
    MORE_PRIVILEGES = 2,
    CORE_DUMPS = 4,
    OPEN_FILES = 8,
    SIGNALS = 16,
};

/* What of it the process has. */
static int look(void)
{
    struct rlimit core;
    struct sigaction pipe_action;
    mode_t mask = umask(0);
    (void)getrlimit(RLIMIT_CORE, &core);
    (void)sigaction(SIGPIPE, NULL, &pipe_action);
    return (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 ? DUMPABLE : 0) |
           (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ? MORE_PRIVILEGES : 0) |
           (core.rlim_cur != 0 || core.rlim_max != 0 ? CORE_DUMPS : 0) |
           ((mask & 077) != 077 ? OPEN_FILES : 0) |
           (pipe_action.sa_handler != SIG_IGN ? SIGNALS : 0);
}

static int ending(void (*body)(void))
{
    int how = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        body();
        _exit(EXIT_FAILURE);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

static void be_hardened(void)
{
    _exit(tl_harden_process() ? look() : EXIT_FAILURE << 6);
}

static void be_as_before(void)
{
    (void)umask(022);
    (void)signal(SIGPIPE, SIG_DFL);
    _exit(look());
}

static void test_process_is_hardened(void **state)
{
    (void)state;
    assert_int_equal(ending(be_hardened), 0);
    /* Core dumps and privileges may be gone already where the tests run. */
    int before = ending(be_as_before);
    assert_int_equal(before & (DUMPABLE | OPEN_FILES | SIGNALS), DUMPABLE | OPEN_FILES | SIGNALS);
}

static struct ledger_fixture *fixture;
static struct tl_ledger *ledger;
static char directory[TEST_PATH_MAX];

static void enter(void)
{
    static struct tl_config config;
    struct tl_listen_fds fds = {.submit = -1, .read = -1};
    tl_config_init(&config);
    (void)snprintf(config.data, sizeof config.data, "%s", directory);
    int code = tl_sandbox_enter(&config, ledger, &fds);
    _exit(code == TL_EXIT_OK && locked_len == 0 ? EXIT_FAILURE : code);
}

static void test_no_sandbox_without_a_locked_key(void **state)
{
    (void)state;
    fixture = fixture_new("harden", 2);
    test_dir_make(directory);
    ledger = fixture_ledger_new(fixture, directory);
    assert_int_equal(ending(enter), TL_EXIT_OK);
    mlock_fails = true;
    assert_int_equal(ending(enter), TL_EXIT_SANDBOX);
    mlock_fails = false;
    fixture_ledger_free(ledger);
    test_dir_remove(directory);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_is_hardened),
        cmocka_unit_test(test_no_sandbox_without_a_locked_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
