/* SPDX-License-Identifier: ISC */
/*
 * Scrub: what the daemon knows of its scrubber. It is started before the store is opened, reads
 * every page once, so that a damaged one is found before anything is served, and then verifies the
 * whole ledger at once and every scrub-every after. Records that do not hold stop all signing; a
 * damaged exhibit is told. Loop thread, but for the start.
 */
#ifndef TL_DAEMON_SCRUB_H
#define TL_DAEMON_SCRUB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "daemon/config.h"
#include "daemon/ledger.h"
#include "daemon/scrubber.h"

struct tl_scrub {
    const struct tl_config *config;
    struct tl_ledger *ledger; /* from tl_scrub_attach on */
    pid_t pid;
    int fd; /* -1: the scrubber is gone */
    uv_poll_t poll;
    bool polls;
    bool runs;        /* a task is being worked on */
    bool has_result;  /* of a task */
    uint64_t due_ms;  /* when the next task is given, by the loop's time */
    uint64_t count;   /* tasks that were carried out */
    uint64_t done_s;  /* when the newest of them ended, by this host's clock */
    struct tl_scrub_result newest;
};

/*
 * Starts the scrubber and waits until it has read every page. To be called before there are
 * threads. TL_EXIT_DAMAGED when a page cannot be read, TL_EXIT_FAILURE: logged with the remedy.
 * What else keeps the scrubber from opening the store is left to tl_ledger_open to tell.
 */
int tl_scrub_start(const struct tl_config *config, struct tl_scrub *ret_scrub);

/* Results arrive on the loop from now on. False when the loop cannot take it. */
bool tl_scrub_attach(struct tl_scrub *scrub, uv_loop_t *loop, struct tl_ledger *ledger);

/* Gives the next task when it is time. */
void tl_scrub_tick(struct tl_scrub *scrub, uint64_t now_ms);

/* Its handle leaves the loop. Twice is fine. */
void tl_scrub_detach(struct tl_scrub *scrub);

/* Ends the scrubber and waits for that. */
void tl_scrub_end(struct tl_scrub *scrub);

/* The store itself is damaged. */
bool tl_scrub_is_damage(const struct tl_scrub *scrub);

/* For STATUS: "waiting", "clean", "exhibits", "damaged", "undone" or "ended". */
const char *tl_scrub_text(const struct tl_scrub *scrub);

#endif
