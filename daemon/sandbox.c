/* SPDX-License-Identifier: ISC */
#include "daemon/sandbox.h"

#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/exit_code.h"
#include "daemon/landlock.h"
#include "daemon/log.h"
#include "daemon/syscall_filter.h"

enum {
    RULE_COUNT_MAX = 5,
    PATH_LEN_MAX = TL_CONFIG_TEXT_MAX + 32,
    TEXT_LEN_MAX = 64,
};

static char text[TEXT_LEN_MAX] = "off";

#ifdef TALLY_SANITIZED
/*
 * A sanitizer looks for leaks at the end from a process of its own, which stops and reads this
 * one, and it reads what /proc says of the process. Only in builds for tests.
 */
#define SANITIZER_CALLS                                                                            \
    SCMP_SYS(clone), SCMP_SYS(getdents), SCMP_SYS(getppid), SCMP_SYS(gettimeofday),                \
        SCMP_SYS(ioctl), SCMP_SYS(nanosleep), SCMP_SYS(open), SCMP_SYS(prctl), SCMP_SYS(ptrace),   \
        SCMP_SYS(readlink), SCMP_SYS(sigaltstack)
static const int daemon_calls[] = {SANITIZER_CALLS};
static const int scrubber_calls[] = {SCMP_SYS(getdents64), SCMP_SYS(clock_nanosleep),
                                     SCMP_SYS(poll), SCMP_SYS(ppoll), SANITIZER_CALLS};
static const size_t daemon_call_count = sizeof daemon_calls / sizeof daemon_calls[0];
static const struct tl_landlock_rule more_rule = {"/proc", TL_LANDLOCK_READ};
#else
static const int *const daemon_calls = NULL;
/* It lists the exhibits, rests, and looks whether its daemon is there. */
static const int scrubber_calls[] = {SCMP_SYS(getdents64), SCMP_SYS(clock_nanosleep),
                                     SCMP_SYS(poll), SCMP_SYS(ppoll)};
static const size_t daemon_call_count = 0;
#endif
static const size_t scrubber_call_count = sizeof scrubber_calls / sizeof scrubber_calls[0];

struct rules {
    struct tl_landlock_rule list[RULE_COUNT_MAX];
    size_t count;
    char exhibits[PATH_LEN_MAX];
    char sockets[2][PATH_LEN_MAX];
};

__attribute__((format(printf, 1, 2))) static int refuse(const char *format, ...)
{
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    tl_log(TL_LOG_CRITICAL,
           "sandbox: %s. Nothing is served without it, unless the configuration says "
           "\"sandbox no\" (tallyd.conf(5))",
           what);
    return TL_EXIT_SANDBOX;
}

static void add(struct rules *rules, const char *directory, unsigned uses)
{
    rules->list[rules->count] = (struct tl_landlock_rule){directory, uses};
    rules->count++;
}

/* A socket that was made here is removed at the end. */
static void add_socket(struct rules *rules, bool made, const char *path, char *directory)
{
    const char *slash = strrchr(path, '/');
    if (made) {
        (void)snprintf(directory, PATH_LEN_MAX, "%.*s/",
                       slash == NULL ? 1 : (int)(slash - path), slash == NULL ? "." : path);
        add(rules, directory, TL_LANDLOCK_REMOVE);
    }
}

/*
 * The store, the lock and the head guard are open. What is still opened by name: exhibits, and the
 * contradiction, which is written beside them.
 */
static void make_rules(const struct tl_config *config, const struct tl_listen_fds *fds,
                       struct rules *rules)
{
    rules->count = 0;
    (void)snprintf(rules->exhibits, PATH_LEN_MAX, "%s/exhibits", config->data);
    add(rules, config->data, TL_LANDLOCK_KEEP);
    add(rules, rules->exhibits, TL_LANDLOCK_KEEP | TL_LANDLOCK_READ | TL_LANDLOCK_MOVE);
    add_socket(rules, fds->submit_made, config->submit_socket, rules->sockets[0]);
    add_socket(rules, fds->read_made, config->read_socket, rules->sockets[1]);
#ifdef TALLY_SANITIZED
    add(rules, more_rule.directory, more_rule.uses);
#endif
}

static int lock_keys(const struct tl_ledger *ledger)
{
    if (tl_secret_key_lock(ledger->secret) &&
        (ledger->next_secret == NULL || tl_secret_key_lock(ledger->next_secret)) &&
        (ledger->host_key.secret == NULL || tl_secret_key_lock(ledger->host_key.secret))) {
        return TL_EXIT_OK;
    }
    return refuse("the memory of the keys cannot be locked: raise LimitMEMLOCK= "
                  "(RLIMIT_MEMLOCK), and let mlock(2) pass where a container forbids it");
}

int tl_sandbox_enter(const struct tl_config *config, const struct tl_ledger *ledger,
                     const struct tl_listen_fds *fds)
{
    struct rules rules;
    size_t allowed = 0;
    if (config->sandbox == 0) {
        tl_log(TL_LOG_WARNING, "the sandbox is off, as configured");
        return TL_EXIT_OK;
    }
    int code = lock_keys(ledger);
    if (code != TL_EXIT_OK) {
        return code;
    }
    unsigned abi = tl_landlock_abi();
    if (abi < TL_LANDLOCK_ABI_MIN) {
        return refuse("Landlock ABI %u is needed, and %u is there: take Linux 5.19 or newer with "
                      "landlock in its lsm= list, and let its calls pass where a container or a "
                      "unit forbids them",
                      TL_LANDLOCK_ABI_MIN, abi);
    }
    make_rules(config, fds, &rules);
    enum tally_status status = tl_landlock_restrict(abi, rules.list, rules.count);
    if (status != TALLY_OK) {
        return refuse("Landlock refuses its rules: %s", tally_status_text(status));
    }
    status = tl_syscall_filter_load(daemon_calls, daemon_call_count, &allowed);
    if (status != TALLY_OK) {
        return refuse("the filter of system calls is refused (%s): take a kernel with seccomp "
                      "filters",
                      tally_status_text(status));
    }
    (void)snprintf(text, sizeof text, "landlock-%u calls-%zu", abi, allowed);
    tl_log(TL_LOG_NOTICE, "sandbox: %s, key memory locked, no core dumps, no new privileges", text);
    return TL_EXIT_OK;
}

enum tally_status tl_sandbox_enter_scrubber(const struct tl_config *config)
{
    struct rules rules = {.count = 0};
    char incoming[PATH_LEN_MAX];
    size_t allowed = 0;
    unsigned abi = tl_landlock_abi();
    if (config->sandbox == 0) {
        return TALLY_OK;
    }
    if (abi < TL_LANDLOCK_ABI_MIN) {
        return TALLY_EUNSUPPORTED;
    }
    (void)snprintf(rules.exhibits, PATH_LEN_MAX, "%s/exhibits", config->data);
    (void)snprintf(incoming, PATH_LEN_MAX, "%s/exhibits/incoming", config->data);
    add(&rules, rules.exhibits, TL_LANDLOCK_READ);
    add(&rules, incoming, TL_LANDLOCK_KEEP);
#ifdef TALLY_SANITIZED
    add(&rules, more_rule.directory, more_rule.uses);
#endif
    enum tally_status status = tl_landlock_restrict(abi, rules.list, rules.count);
    return status == TALLY_OK
               ? tl_syscall_filter_load(scrubber_calls, scrubber_call_count, &allowed)
               : status;
}

const char *tl_sandbox_text(void)
{
    return text;
}
