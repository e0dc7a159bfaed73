/* SPDX-License-Identifier: ISC */
/* Exit codes of tallyd (tallyd(8), "EXIT STATUS"). The unit file names those that never restart. */
#ifndef TL_DAEMON_EXIT_CODE_H
#define TL_DAEMON_EXIT_CODE_H

enum tl_exit_code {
    TL_EXIT_OK = 0,
    TL_EXIT_FAILURE = 1,  /* anything that has no number of its own */
    TL_EXIT_USAGE = 2,    /* command line or configuration */
    TL_EXIT_ROLLBACK = 3, /* the store is older than its head guard, or they disagree */
    TL_EXIT_LOCKED = 4,   /* another process has the data directory */
    TL_EXIT_KEY = 5,      /* the ledger key cannot be used, or is not this ledger's */
    TL_EXIT_DAMAGED = 6,  /* the newest records do not hold */
    TL_EXIT_STORE = 7,    /* a commit, sync or head write failed: nothing of it was acknowledged */
    TL_EXIT_SANDBOX = 8,  /* a part of the sandbox cannot be put on */
};

#endif
