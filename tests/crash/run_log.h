/* SPDX-License-Identifier: ISC */
/* The log of a run as crash_states reads it, and what is done to it to see the checks fail. */
#ifndef TL_TESTS_CRASH_RUN_LOG_H
#define TL_TESTS_CRASH_RUN_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/bytes.h"
#include "tests/crash/record.h"

struct run_op {
    enum record_op op;
    int fd;
    uint64_t offset;
    uint32_t flags;
    struct tally_bytes path; /* both point into the file, which stays mapped */
    struct tally_bytes data;
};

struct run_log {
    struct run_op *ops;
    size_t count;
};

/* Ends the program when the file is not a log. */
struct run_log run_log_read(const char *path);

/*
 * Changes the log into that of a daemon, or of a disk, with a fault that the checks must catch.
 * False when there is no such control: no-sync, no-meta-sync, lying-fdatasync, head-not-synced,
 * no-directory-sync, no-exhibit-sync, early-receipt.
 */
bool run_log_spoil(struct run_log *log, const char *control);

#endif
