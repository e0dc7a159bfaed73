/* SPDX-License-Identifier: ISC */
/*
 * Quorum and consent (docs/formats.md, "Quorum"): who must have signed a charter or an amendment.
 * `before` is the roster in force when the amendment is appended, `after` the one that it makes.
 * For lib/roster alone. Pure.
 */
#ifndef TL_ROSTER_QUORUM_H
#define TL_ROSTER_QUORUM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/roster/roster.h"
#include "lib/roster/signers.h"

/* Every key that the entry at index enrols has signed it. */
bool tl_consent_is_given(const struct tl_roster *after, uint64_t index,
                         const struct tl_signers *signers);

/* Members with a govern key among the signers, the way that thresholds count them. */
unsigned tl_quorum_count(const struct tl_roster *before, const struct tl_roster *after,
                         const struct tl_signers *signers);

/* True when every key that the entry at index rotates is vouched for by another of its member. */
bool tl_rotations_are_vouched(const struct tl_roster *before, const struct tl_roster *after,
                              uint64_t index, const struct tl_signers *signers);

/* Every threshold can be reached, and no member can block its own removal. */
bool tl_thresholds_hold(const struct tl_roster *roster);

#endif
