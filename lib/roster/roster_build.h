/* SPDX-License-Identifier: ISC */
/*
 * How a roster grows while a charter or an amendment is read; for lib/roster alone. Whether a
 * change is allowed is the caller's to know. A roster that failed to grow is fit for
 * tl_roster_free.
 */
#ifndef TL_ROSTER_ROSTER_BUILD_H
#define TL_ROSTER_ROSTER_BUILD_H

#include "lib/roster/roster.h"

/* A roster with the member host and nothing else. */
TALLY_NODISCARD enum tally_status tl_roster_new(struct tl_roster **ret_roster);

TALLY_NODISCARD enum tally_status tl_roster_copy(const struct tl_roster *roster,
                                                 struct tl_roster **ret_copy);

/* id and name are within their limits. */
TALLY_NODISCARD enum tally_status tl_roster_add_member(struct tl_roster *roster,
                                                       struct tally_bytes id,
                                                       struct tally_bytes name, uint64_t index);

/* The fingerprint is not in the roster yet. */
TALLY_NODISCARD enum tally_status tl_roster_add_key(struct tl_roster *roster,
                                                    const struct tl_public_key *key,
                                                    unsigned member, unsigned roles,
                                                    uint64_t index);

TALLY_NODISCARD enum tally_status tl_roster_add_policy(struct tl_roster *roster,
                                                       struct tally_bytes line);

/* Makes key the ledger key in force; its point is kept for ever. */
TALLY_NODISCARD enum tally_status tl_roster_set_ledger_key(struct tl_roster *roster,
                                                           const struct tl_note_key *key);

/* True when a ledger key has the point, or has had it before. */
bool tl_roster_has_ledger_point(const struct tl_roster *roster, const uint8_t point[32]);

/* As tl_roster_find_key, for changing it. */
struct tl_roster_key *tl_roster_key_to_change(struct tl_roster *roster,
                                              const struct tally_hash *fingerprint);

#endif
