/* SPDX-License-Identifier: ISC */
/*
 * Scrubber: a process of its own beside the daemon that reads the stored ledger through, again and
 * again. A damaged page may end it, and that is its answer. It holds no key and changes nothing
 * of the ledger.
 *
 * The two talk over a pair of sockets that keep messages apart. A result comes unasked when every
 * page has been read once, before the daemon opens the store; then one for each task. The end of
 * either is the end of both.
 */
#ifndef TL_DAEMON_SCRUBBER_H
#define TL_DAEMON_SCRUBBER_H

#include <stdint.h>

#include <tally/reason.h>
#include <tally/types.h>

#include "daemon/config.h"
#include "daemon/head.h"

/* Verify everything under this checkpoint of the ledger. */
struct tl_scrub_task {
    struct tally_hash ledger;
    uint32_t note_len;
    uint8_t note[TL_HEAD_NOTE_ROOM];
};

enum tl_scrub_finding {
    TL_SCRUB_CLEAN,
    TL_SCRUB_RECORDS,  /* records, or what the store keeps of them, do not hold */
    TL_SCRUB_EXHIBITS, /* the records hold; an exhibit file is damaged or gone */
    TL_SCRUB_UNDONE,   /* it could not be carried out */
};

struct tl_scrub_result {
    enum tl_scrub_finding finding;
    enum tally_status status; /* unless CLEAN: why it could not be read, or OK */
    enum tally_reason reason; /* of the first bad record, or NONE */
    uint64_t index;           /* of it; UINT64_MAX when none can be named */
    uint64_t size;            /* records of the checkpoint */
};

/* The life of the process, with its end of the pair. */
_Noreturn void tl_scrubber_run(const struct tl_config *config, int fd);

#endif
