/* SPDX-License-Identifier: ISC */
/*
 * The one table of entry types and what each asks (docs/formats.md, "Entry types").
 * A new type is one row. Shared by daemon, client and verifiers. Pure; any thread.
 */
#ifndef TL_ROSTER_TYPES_H
#define TL_ROSTER_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/types.h>

#define TL_RULES_NEWEST 1u /* the newest rules number that this program can judge */

/* Roles of a key, as bits. The host key has TL_ROLE_HOST and nothing else, ever. */
#define TL_ROLE_AUTHOR 0x1u
#define TL_ROLE_GOVERN 0x2u
#define TL_ROLE_HOST 0x4u

#define TL_TYPE_MAP(X)                                                                             \
    X(CHARTER, "charter")                                                                          \
    X(AMENDMENT, "amendment")                                                                      \
    X(FINDING, "finding")                                                                          \
    X(EXHIBIT, "exhibit")                                                                          \
    X(CUSTODY, "custody")                                                                          \
    X(NOTE, "note")                                                                                \
    X(CORROBORATION, "corroboration")                                                              \
    X(DISSENT, "dissent")                                                                          \
    X(DISPUTE, "dispute")                                                                          \
    X(CORRECTION, "correction")                                                                    \
    X(SUPERSEDE, "supersede")                                                                      \
    X(RETRACTION, "retraction")                                                                    \
    X(INCIDENT, "incident")

enum tl_type {
#define TL_TYPE_ENUM(name, text) TL_TYPE_##name,
    TL_TYPE_MAP(TL_TYPE_ENUM)
#undef TL_TYPE_ENUM
        TL_TYPE_COUNT
};

/* Who a required reference's target must belong to. */
enum tl_target_member {
    TL_TARGET_ANY_MEMBER,
    TL_TARGET_OTHER_MEMBER,
    TL_TARGET_OWN_MEMBER,
};

struct tl_type_row {
    enum tl_type type;
    const char *name;
    unsigned role;         /* one of the roles that the author's key must have; 0: see the judge */
    const char *relation;  /* the required relation; NULL: none */
    unsigned relation_max; /* 1: exactly one; TALLY_REF_COUNT_MAX: one or more */
    uint32_t target_types; /* bit (1 << enum tl_type) for each allowed type of its targets */
    enum tl_target_member target_member;
};

/* NULL when the table of rules 1 has no such type. */
const struct tl_type_row *tl_type_find(struct tally_bytes name);
const struct tl_type_row *tl_type_row(enum tl_type type);

/* True for the type's own relation, and for cites and see. */
bool tl_type_allows_relation(const struct tl_type_row *row, struct tally_bytes relation);

#endif
