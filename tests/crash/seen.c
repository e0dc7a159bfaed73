/* SPDX-License-Identifier: ISC */
#include "tests/crash/seen.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 4096 };

static bool is_none(const struct digest *digest)
{
    return digest->high == 0 && digest->low == 0;
}

static struct digest *place_of(const struct seen *seen, const struct digest *digest)
{
    size_t i = (size_t)digest->high & (seen->cap - 1);
    while (!is_none(&seen->places[i]) && (seen->places[i].high != digest->high ||
                                          seen->places[i].low != digest->low)) {
        i = (i + 1) & (seen->cap - 1);
    }
    return &seen->places[i];
}

static void grow(struct seen *seen)
{
    struct seen grown = {.count = seen->count, .cap = seen->cap == 0 ? FIRST_CAP : seen->cap * 2};
    grown.places = (struct digest *)calloc(grown.cap, sizeof *grown.places);
    if (grown.places == NULL) {
        err(2, "states seen");
    }
    for (size_t i = 0; i < seen->cap; i++) {
        if (!is_none(&seen->places[i])) {
            *place_of(&grown, &seen->places[i]) = seen->places[i];
        }
    }
    free(seen->places);
    *seen = grown;
}

bool seen_add(struct seen *seen, const struct digest *digest)
{
    if (seen->count >= seen->cap / 2) {
        grow(seen);
    }
    struct digest *place = place_of(seen, digest);
    if (!is_none(place)) {
        return false;
    }
    *place = *digest;
    seen->count++;
    return true;
}

void seen_clear(struct seen *seen)
{
    if (seen->count > 0) {
        memset(seen->places, 0, seen->cap * sizeof *seen->places);
    }
    seen->count = 0;
}
