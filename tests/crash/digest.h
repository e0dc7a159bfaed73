/* SPDX-License-Identifier: ISC */
/*
 * What a state holds, in 128 bits: the sum of what its names, sizes and sectors give, each of them
 * the beginning of a SHA-256. A sum, so that what a state shares with the next is not hashed again.
 */
#ifndef TL_TESTS_CRASH_DIGEST_H
#define TL_TESTS_CRASH_DIGEST_H

#include <stdint.h>

#include "lib/base/bytes.h"

struct digest {
    uint64_t high;
    uint64_t low;
};

enum digest_kind {
    DIGEST_SECTOR,
    DIGEST_SIZE,
    DIGEST_NAME,
};

/* Of what has these bytes at a place: a sector of a node, a name in a directory. */
struct digest digest_of(enum digest_kind kind, uint64_t node, uint64_t number,
                        struct tally_bytes bytes);

void digest_add(struct digest *sum, const struct digest *digest);
void digest_take(struct digest *sum, const struct digest *digest);

#endif
