/* SPDX-License-Identifier: ISC */
/*
 * Roster: members, keys, roles, thresholds and rules number in force (docs/formats.md, "Roster").
 * Made by a charter, changed by amendments, by nothing else. A key is never forgotten: its number
 * is its place in the order of enrolment, for ever. Pure; any thread, no concurrent changes.
 */
#ifndef TL_ROSTER_ROSTER_H
#define TL_ROSTER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

#include "keys/note_key.h"
#include "keys/public_key.h"
#include "lib/codec/envelope.h"
#include "lib/codec/record.h"

#define TL_NEVER UINT64_MAX
#define TL_MEMBER_COUNT_MAX 65535u /* members ever admitted, the host included */
#define TL_MEMBER_HOST 0u /* the number of the reserved member host */

struct tl_member {
    char id[TALLY_ID_MAX + 1];
    char name[TALLY_MEMBER_NAME_MAX + 1];
    uint64_t admitted;  /* index of the record that admits it */
    uint64_t withdrawn; /* index of the amendment that withdraws it, or TL_NEVER */
};

struct tl_roster_key {
    struct tl_public_key key;
    unsigned member; /* number of its member */
    unsigned roles;
    uint64_t enrolled; /* index of the record that enrols it: in force from the next one */
    uint64_t ended;    /* index of the amendment that ends it (still in force there), or TL_NEVER */
    bool rotated;
    bool revoked;
    uint64_t last_valid; /* signatures above it are in doubt; TL_NEVER unless revoked */
};

struct tl_ledger_point {
    uint8_t bytes[32];
};

struct tl_roster {
    uint64_t position;               /* index of the charter or newest amendment */
    struct tally_hash position_leaf; /* leaf hash of that record; set by the judge */
    struct tally_hash ledger;        /* the ledger id */
    uint64_t rules;
    bool sample;
    unsigned threshold_amend;
    struct tl_note_key ledger_key; /* its name is the origin */
    size_t ledger_point_count;
    struct tl_ledger_point *ledger_points; /* of every ledger key so far; owned */
    size_t member_count;
    struct tl_member *members; /* [0] is host; owned */
    size_t key_count;
    struct tl_roster_key *keys; /* owned */
    unsigned *by_fingerprint;   /* key numbers in the order of their fingerprints; owned */
    size_t policy_count;
    char **policies; /* recommended policy lines; owned */
};

/*
 * Judges a charter's operations and signatures (quorum and consent included; that each signature
 * verifies is checked elsewhere) and makes its roster. Call with the decoded record 0's envelope
 * and signatures. *ret_reason is NONE exactly when a roster is given. Status: OK, or ENOMEM.
 */
TALLY_NODISCARD enum tally_status tl_roster_from_charter(const struct tl_envelope *envelope,
                                                         const struct tl_signatures *signatures,
                                                         struct tl_roster **ret_roster,
                                                         enum tally_reason *ret_reason);

/*
 * The same for an amendment at index, against the roster before it, which stays as it is. That
 * `amends` names its position is judged here too; not the leaf hash there (tl_judge_amended_leaf),
 * nor the author's key (tl_judge_author_key), nor any other reference. The new roster's
 * position_leaf is the caller's to set.
 */
TALLY_NODISCARD enum tally_status tl_roster_amend(const struct tl_roster *roster, uint64_t index,
                                                  const struct tl_envelope *envelope,
                                                  const struct tl_signatures *signatures,
                                                  struct tl_roster **ret_roster,
                                                  enum tally_reason *ret_reason);

void tl_roster_free(struct tl_roster *roster);

/* Key by fingerprint, in force or not; NULL when never enrolled. The number is key - roster->keys.
 */
const struct tl_roster_key *tl_roster_find_key(const struct tl_roster *roster,
                                               const struct tally_hash *fingerprint);
const struct tl_member *tl_roster_find_member(const struct tl_roster *roster,
                                              struct tally_bytes id);

/* True when the key counts in the record that comes next under this roster. */
bool tl_roster_key_in_force(const struct tl_roster *roster, const struct tl_roster_key *key);

/*
 * True for a signature at index that a revocation casts doubt on: made by a key in force there, but
 * above the last index that its revocation still vouches for.
 */
bool tl_roster_key_in_doubt(const struct tl_roster_key *key, uint64_t index);

/* Members with at least one govern key in force. */
unsigned tl_roster_governing_count(const struct tl_roster *roster);

#endif
