/* SPDX-License-Identifier: ISC */
/* The text form of what is remembered of one ledger (state.h). Only state.c uses this. */
#ifndef CLIENT_STATE_FILE_H
#define CLIENT_STATE_FILE_H

#include <tally/status.h>

#include "client/state.h"

#define STATE_FILE_MAX 67108864u

/* Fills an empty state whose directory and ledger are set. ENOTFOUND, EFORMAT, EIO, ENOMEM. */
TALLY_NODISCARD enum tally_status state_file_read(struct state *state);
TALLY_NODISCARD enum tally_status state_file_write(const struct state *state);

/* Judges the constitution again and makes the roster. EFORMAT when it does not hold. */
TALLY_NODISCARD enum tally_status state_file_roster(struct state *state);

#endif
