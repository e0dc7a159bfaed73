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

static unsigned mlock_fails_at; /* which call; 0: none */
static unsigned mlock_count;

int __wrap_mlock(const void *ptr, size_t len);

/* A sanitizer's own does nothing and says that it has. */
int __wrap_mlock(const void *ptr, size_t len)
{
    (void)ptr;
    mlock_count += len > 0 ? 1 : 0;
    return mlock_count == mlock_fails_at ? -1 : 0;
}

enum { KEY_COUNT = 3 };

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
    _exit(code == TL_EXIT_OK && mlock_count != KEY_COUNT ? EXIT_FAILURE : code);
}

static void take_keys(void)
{
    static const uint8_t seeds[2][TL_ED25519_SEED_LEN] = {{1}, {2}};
    assert_int_equal(tl_secret_key_from_seed(seeds[0], &ledger->next_secret), TALLY_OK);
    assert_int_equal(tl_secret_key_from_seed(seeds[1], &ledger->host_key.secret), TALLY_OK);
}

static void drop_keys(void)
{
    tl_secret_key_free(&ledger->next_secret);
    tl_secret_key_free(&ledger->host_key.secret);
}

/* The key, the next one and the host's: each. */
static void test_no_sandbox_without_locked_keys(void **state)
{
    (void)state;
    fixture = fixture_new("harden", 2);
    test_dir_make(directory);
    ledger = fixture_ledger_new(fixture, directory);
    take_keys();
    mlock_count = 0;
    assert_int_equal(ending(enter), TL_EXIT_OK);
    for (mlock_fails_at = 1; mlock_fails_at <= KEY_COUNT; mlock_fails_at++) {
        assert_int_equal(ending(enter), TL_EXIT_SANDBOX);
    }
    mlock_fails_at = 0;
    drop_keys();
    fixture_ledger_free(ledger);
    test_dir_remove(directory);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_is_hardened),
        cmocka_unit_test(test_no_sandbox_without_locked_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
