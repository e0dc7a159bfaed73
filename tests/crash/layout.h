/* SPDX-License-Identifier: ISC */
/* The names and sizes of a state, and all that it holds as one digest. */
#ifndef TL_TESTS_CRASH_LAYOUT_H
#define TL_TESTS_CRASH_LAYOUT_H

#include "tests/crash/state.h"

struct layout {
    struct model_names names;
    bool has[MODEL_NODE_MAX]; /* a file with a name */
    uint64_t sizes[MODEL_NODE_MAX];
};

void layout_make(const struct model *model, const struct state *state, struct layout *ret_layout);

/* States of one run that have the same digest hold the same names and bytes. */
struct digest layout_digest(const struct model *model, const struct state *state,
                            const struct layout *layout);

#endif
