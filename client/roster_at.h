/* SPDX-License-Identifier: ISC */
/* The roster as it stood at an earlier constitution record. */
#ifndef CLIENT_ROSTER_AT_H
#define CLIENT_ROSTER_AT_H

#include "client/state.h"

/*
 * The roster after the constitution record at position, from the state's verified constitution.
 * OK with *ret_roster NULL when the state does not reach that position. Owned by the caller.
 */
TALLY_NODISCARD enum tally_status roster_at(const struct state *state, uint64_t position,
                                            struct tl_roster **ret_roster);

/* Index of the newest constitution record that the state knows below index (> 0). */
uint64_t roster_position_before(const struct state *state, uint64_t index);

#endif
