/* SPDX-License-Identifier: ISC */
/* Which of the units of a crash point have reached the disk: the state of a number, always the
 * same for a seed. */
#ifndef TL_TESTS_CRASH_STATE_H
#define TL_TESTS_CRASH_STATE_H

#include "tests/crash/model.h"

enum { STATE_WHOLE = 256 };

struct state {
    bool applied[MODEL_UNIT_MAX];
    size_t torn;        /* a sector of which only the first torn_len bytes arrived; SIZE_MAX */
    size_t torn_len;
    unsigned size_part; /* of STATE_WHOLE: how far sizes have come from the durable ones */
};

/* How many states are made of a crash point with so many units, when at most quota are wanted. */
uint64_t state_count(size_t units, uint64_t quota);

/* State variant of state_count of the model's crash point; random: of the seed and the state. */
void state_choose(const struct model *model, uint64_t variant, uint64_t count, uint64_t random,
                  struct state *ret_state);

#endif
