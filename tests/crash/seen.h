/* SPDX-License-Identifier: ISC */
/* Which states have been there already, by their digests. */
#ifndef TL_TESTS_CRASH_SEEN_H
#define TL_TESTS_CRASH_SEEN_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/crash/digest.h"

struct seen {
    struct digest *places; /* owned; all zero: none */
    size_t count;
    size_t cap; /* a power of two */
};

/* Zeroed: empty. False when it was there. */
bool seen_add(struct seen *seen, const struct digest *digest);

void seen_clear(struct seen *seen);

#endif
