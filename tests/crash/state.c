/* SPDX-License-Identifier: ISC */
#include "tests/crash/state.h"

#include <string.h>

enum { FEW_UNITS = 8 };

uint64_t state_count(size_t units, uint64_t quota)
{
    if (units == 0) {
        return 1;
    }
    /* A handful of units has few subsets; the rest of the allowance is for torn writes. */
    uint64_t most = units < FEW_UNITS ? UINT64_C(8) << units : UINT64_MAX;
    return quota < 1 ? 1 : quota < most ? quota : most;
}

/* splitmix64 */
static uint64_t next(uint64_t *random)
{
    *random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t value = *random;
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static void set_all(struct state *state, size_t units, bool applied)
{
    memset(state->applied, applied ? 1 : 0, units * sizeof state->applied[0]);
}

static void subset(struct state *state, size_t units, uint64_t *random)
{
    uint64_t share = 1 + next(random) % 15; /* of 16 */
    for (size_t i = 0; i < units; i++) {
        state->applied[i] = next(random) % 16 < share;
    }
}

/* The write that the crash interrupts ends somewhere: sectors before are there, later ones not. */
static void tear(const struct model *model, struct state *state, uint64_t *random)
{
    size_t first = SIZE_MAX;
    size_t count = 0;
    for (size_t i = 0; i < model->unit_count; i++) {
        if (model->units[i].in_flight && model->units[i].kind == UNIT_SECTOR) {
            first = first == SIZE_MAX ? i : first;
            count++;
        }
    }
    if (count == 0) {
        return;
    }
    size_t place = next(random) % count;
    for (size_t i = 0; i < count; i++) {
        state->applied[first + i] = i <= place;
    }
    state->torn = first + place;
    state->torn_len = next(random) % MODEL_SECTOR;
}

void state_choose(const struct model *model, uint64_t variant, uint64_t count, uint64_t random,
                  struct state *ret_state)
{
    size_t units = model->unit_count;
    ret_state->torn = SIZE_MAX;
    ret_state->torn_len = 0;
    ret_state->size_part = STATE_WHOLE;
    if (variant < 2) {
        set_all(ret_state, units, variant == 1);
        return;
    }
    if (variant < 4) {
        set_all(ret_state, units, variant == 3);
        tear(model, ret_state, &random);
        return;
    }
    uint64_t ones = (count - 4) / 2; /* as many states have one unit more, or one less */
    uint64_t place = variant - 4;
    if (place < ones) {
        bool dropped = place % 2 == 0;
        size_t one = units <= ones / 2 ? place / 2 % units : next(&random) % units;
        set_all(ret_state, units, dropped);
        ret_state->applied[one] = !dropped;
        return;
    }
    subset(ret_state, units, &random);
    if (next(&random) % 4 == 0) {
        tear(model, ret_state, &random);
    }
    if (next(&random) % 8 == 0) {
        ret_state->size_part = (unsigned)(next(&random) % (STATE_WHOLE + 1));
    }
}
