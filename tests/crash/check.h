/* SPDX-License-Identifier: ISC */
/* Opens a state as tallyd does at its start, and holds what it finds against what was promised. */
#ifndef TL_TESTS_CRASH_CHECK_H
#define TL_TESTS_CRASH_CHECK_H

#include "daemon/config.h"
#include "tests/crash/promises.h"

#define CHECK_FINDINGS(X)                                                                          \
    X(NOTHING, "nothing")                                                                          \
    X(HALF_MADE, "a data directory is there, but is no ledger yet")                                \
    X(REFUSED, "the daemon refuses a ledger that it had served")                                   \
    X(LOST, "the store is shorter than a checkpoint that a client holds")                          \
    X(HEAD_OLD, "the head guard is older than a checkpoint that a client holds")                   \
    X(HEAD_GONE, "there is no head guard")                                                         \
    X(CHAIN, "a record is not the one that was acknowledged, or cannot be read")                   \
    X(TREE, "the tree does not have the root of a checkpoint that a client holds")                 \
    X(RECEIPT, "a receipt has changed")                                                            \
    X(EXHIBIT, "an exhibit is missing or is not itself")                                           \
    X(STUCK, "the ledger that was opened takes no commit")                                         \
    X(SIGNAL, "the process has died")

enum check_finding {
#define CHECK_ENUM(name, text) CHECK_##name,
    CHECK_FINDINGS(CHECK_ENUM)
#undef CHECK_ENUM
        CHECK_FINDING_COUNT
};

extern const char *const check_texts[CHECK_FINDING_COUNT];

/* *ret_exit_code: that of the start, 0 when it serves. Changes the files, as a start does. */
enum check_finding check_state(const struct promises *promises, const struct tl_config *config,
                               int *ret_exit_code);

#endif
