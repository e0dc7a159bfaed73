/* SPDX-License-Identifier: ISC */
/* The parts of composing that fill a draft: JSON members, exhibits, references. */
#ifndef CLIENT_COMPOSE_INPUT_H
#define CLIENT_COMPOSE_INPUT_H

#include <stdbool.h>

#include <jansson.h>

#include "client/draft.h"
#include "client/opt.h"
#include "client/state.h"
#include "lib/roster/types.h"

struct compose {
    const struct opt *opt;
    const char *path; /* of the JSON */
    struct tally_bytes text;
    json_t *json;
    const struct tl_type_row *type; /* NULL: there is no such type */
    const struct state *state;
    struct draft *draft;
    size_t ref_count;
    struct tl_ref_line refs[TALLY_REF_COUNT_MAX];
    char relations[TALLY_REF_COUNT_MAX][TALLY_ID_MAX + 1];
    unsigned errors;
};

__attribute__((format(printf, 2, 3))) void compose_fault(struct compose *compose,
                                                         const char *format, ...);

/* Each member of the JSON as a part; arrays that something inside is withheld from are split. */
void compose_add_members(struct compose *compose);

/* --exhibit and --exhibit-kept, checked against the JSON's exhibits. */
void compose_add_exhibits(struct compose *compose);

/* --withhold. */
void compose_withhold(struct compose *compose);

/* --ref and the JSON's refs, each target proven against the verified checkpoint; sorted. */
void compose_add_refs(struct compose *compose);

#endif
