/* SPDX-License-Identifier: ISC */
/*
 * The operations that a charter and an amendment share, each applied to a roster that is being
 * made. For lib/roster alone. Pure.
 *
 * An operation answers with a reason; when memory runs out it sets the change's status, and then
 * the reason says nothing.
 */
#ifndef TL_ROSTER_CHANGE_H
#define TL_ROSTER_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/roster/roster.h"
#include "lib/roster/types.h"

struct tl_change {
    struct tl_roster *roster; /* after the operations so far */
    uint64_t index;           /* of the charter or amendment */
    bool only_rotations;      /* amendments: no other operation so far */
    enum tally_status status;
};

/* One operation, given what follows its name. */
typedef enum tally_reason (*tl_change_fn)(struct tl_change *change, struct tally_bytes arguments);

/* Splits "NAME ARGUMENTS"; arguments are empty when there is no space. */
void tl_change_split(struct tally_bytes operation, struct tally_bytes *ret_name,
                     struct tally_bytes *ret_arguments);

/* "ID NAME": member of a charter, admit of an amendment. */
enum tally_reason tl_change_admit(struct tl_change *change, struct tally_bytes arguments);

/* "MEMBER ROLES TYPE BASE64": key of a charter, enrol of an amendment. */
enum tally_reason tl_change_enrol(struct tl_change *change, struct tally_bytes arguments);

/* "amend K" */
enum tally_reason tl_change_threshold(struct tl_change *change, struct tally_bytes arguments);

/* "VKEY", whose name is the origin already in the roster. */
enum tally_reason tl_change_ledger_key(struct tl_change *change, struct tally_bytes arguments);

/* "TYPE BASE64": a new key of the member. */
enum tally_reason tl_change_add_key(struct tl_change *change, struct tally_bytes text,
                                    unsigned member, unsigned roles);

/* "author", "author,govern" or "govern". */
bool tl_roles_parse(struct tally_bytes text, unsigned *ret_roles);

#endif
