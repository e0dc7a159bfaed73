/* SPDX-License-Identifier: ISC */
/* tallyd: options, the order of starting, exit codes. See tallyd(8). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tally/version.h>

#include "daemon/config.h"
#include "daemon/conn.h"
#include "daemon/exhibits.h"
#include "daemon/exit_code.h"
#include "daemon/fault.h"
#include "daemon/harden.h"
#include "daemon/init.h"
#include "daemon/ledger.h"
#include "daemon/listen.h"
#include "daemon/log.h"
#include "daemon/scrub.h"
#include "daemon/server.h"
#include "lib/base/mem.h"

#define MAKE_HEAD "--make-head"

enum { OWN_DESCRIPTORS = 32 }; /* sockets, store, guard, loop, and what is opened in passing */

static void print_usage(void)
{
    (void)printf("tallyd %s: keeps a Tally ledger\n"
                 "  tallyd [serve] --config FILE [--KEY VALUE ...] [" MAKE_HEAD "]\n"
                 "  tallyd init --charter FILE --data DIR --ledger-key FILE [--head FILE]\n"
                 "              [--receipt FILE]\n"
                 "Keys are those of tallyd.conf(5); see tallyd(8).\n",
                 TALLY_VERSION);
}

/* The only option without a value is taken out before the others are read. */
static bool take_flag(int *argc, char **argv, const char *flag)
{
    bool found = false;
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], flag) == 0) {
            found = true;
        } else {
            argv[kept] = argv[i];
            kept++;
        }
    }
    *argc = kept;
    return found;
}

/* Before libuv first uses its pool: Submissions and disk work never starve each other. */
static bool size_pool(const struct tl_config *config)
{
    char count[24];
    (void)snprintf(count, sizeof count, "%llu",
                   (unsigned long long)(config->workers + config->io_threads));
    return setenv("UV_THREADPOOL_SIZE", count, 1) == 0;
}

/* From here on the sockets exist; their descriptors are the server's. */
static int serve_ledger(const struct tl_config *config, struct tl_ledger *ledger,
                        struct tl_scrub *scrub)
{
    struct tl_listen_fds fds;
    enum tally_status status = tl_exhibits_clear(ledger);
    if (status != TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "%s/exhibits: %s", config->data, tally_status_text(status));
        return TL_EXIT_FAILURE;
    }
    int code = tl_listen_open(config, &fds);
    if (code == TL_EXIT_OK) {
        code = tl_server_run(config, ledger, scrub, &fds);
        tl_listen_remove(config, &fds);
    }
    return code;
}

static int serve_with(const struct tl_config *config, bool make_head)
{
    struct tl_ledger *ledger = NULL;
    struct tl_scrub scrub;
    if (!size_pool(config)) {
        tl_log(TL_LOG_CRITICAL, "out of memory");
        return TL_EXIT_FAILURE;
    }
    int code = tl_scrub_start(config, &scrub);
    if (code == TL_EXIT_OK) {
        code = tl_ledger_open(config, make_head, &ledger);
    }
    if (code == TL_EXIT_OK && tl_store_in_memory(ledger->store)) {
        tl_log(TL_LOG_WARNING, "%s is in memory: nothing survives a power cut", config->data);
    }
    if (code == TL_EXIT_OK) {
        code = serve_ledger(config, ledger, &scrub);
    }
    tl_ledger_close(ledger);
    tl_scrub_end(&scrub);
    return code;
}

/*
 * Peers must not use up what the ledger itself opens: a directory that cannot be synced for want of
 * a descriptor ends the process. A connection takes one, and one more for an exhibit that it reads.
 */
static void fit_connections(struct tl_config *config)
{
    uint64_t limit = tl_harden_descriptors();
    uint64_t own = OWN_DESCRIPTORS + TL_CONN_TURNED_AWAY_MAX + config->uploads + config->workers +
                   config->io_threads;
    uint64_t most = limit > own + 2 ? (limit - own) / 2 : 1;
    if (config->connections > most) {
        /* One user does not get a larger part of the few than it would have of all. */
        uint64_t each = config->connections_per_user * most / config->connections;
        config->connections_per_user = each > 0 ? each : 1;
        tl_log(TL_LOG_WARNING,
               "%" PRIu64 " descriptors are not enough for %" PRIu64
               " connections: at most %" PRIu64 ", %" PRIu64
               " of one user, are taken (LimitNOFILE of the unit, ulimit -n)",
               limit, config->connections, most, config->connections_per_user);
        config->connections = most;
    }
}

static int serve(int argc, char **argv)
{
    struct tl_config_fault fault;
    bool make_head = take_flag(&argc, argv, MAKE_HEAD);
    struct tl_config *config = (struct tl_config *)tl_alloc(sizeof *config);
    if (config == NULL) {
        return TL_EXIT_FAILURE;
    }
    int code = TL_EXIT_USAGE;
    if (tl_config_load(argc, argv, config, &fault) != TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "%s", fault.text);
    } else {
        tl_log_set_level((enum tl_log_level)config->log_level);
        fit_connections(config);
        code = serve_with(config, make_head);
    }
    tl_free(config);
    if (code == TL_EXIT_OK) {
        tl_log(TL_LOG_NOTICE, "stopped");
    }
    return code;
}

int main(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        print_usage();
        return TL_EXIT_OK;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        (void)printf("tallyd %s\n", TALLY_VERSION);
        return TL_EXIT_OK;
    }
    if (!tl_harden_process()) {
        tl_log(TL_LOG_CRITICAL, "the process cannot be hardened (prctl, RLIMIT_CORE)");
        return TL_EXIT_FAILURE;
    }
    tl_fault_watch();
    if (tl_ed25519_init() != TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "libsodium fails its known answers: nothing is signed with it");
        return TL_EXIT_FAILURE;
    }
    if (argc > 1 && strcmp(argv[1], "init") == 0) {
        return tl_init_main(argc - 2, argv + 2);
    }
    bool named = argc > 1 && strcmp(argv[1], "serve") == 0;
    int skipped = named ? 2 : 1;
    return serve(argc - skipped, argv + skipped);
}
