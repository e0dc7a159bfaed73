/* SPDX-License-Identifier: ISC */
/* Exit codes of tally, stable (tally(1), "EXIT STATUS"). */
#ifndef CLIENT_EXIT_CODE_H
#define CLIENT_EXIT_CODE_H

#include <tally/status.h>

enum {
    EXIT_DONE = 0,       /* verified, or done */
    EXIT_BAD = 1,        /* verification failed */
    EXIT_USAGE = 2,      /* the command line or an input file is wrong */
    EXIT_UNREACHED = 3,  /* could not reach or read */
    EXIT_INCOMPLETE = 4, /* something asked for was not checked */
    EXIT_REJECTED = 5,   /* rejected by the ledger */
};

/* The exit code for a failed call: EBAD, ESIGNATURE, EROLLBACK -> 1; EINVAL, EFORMAT and the like
 * -> 2; EINCOMPLETE -> 4; EREJECTED -> 5; the rest -> 3. Never 0 but for OK. */
int exit_code_of(enum tally_status status);

#endif
