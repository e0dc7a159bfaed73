/* SPDX-License-Identifier: ISC */
/* What a function of some bytes has answered: found again by all of them, so that a byte that has
 * changed is never taken for one that has not. */
#ifndef TL_TESTS_CRASH_MEMO_H
#define TL_TESTS_CRASH_MEMO_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"

enum { MEMO_PLACES = 16384 };

struct memo_place {
    uint8_t *bytes; /* owned: the input, and behind it the answer; NULL: none */
    size_t len;     /* of the input */
};

/* Zeroed: empty. Where there is no room, a later input takes the place of an earlier one. */
struct memo {
    struct memo_place places[MEMO_PLACES];
};

/* The answer, until the next call for this memo; NULL when there is none. */
const uint8_t *memo_find(const struct memo *memo, struct tally_bytes input);

/* Takes the input in; the caller writes its answer to where this says. */
uint8_t *memo_keep(struct memo *memo, struct tally_bytes input, size_t answer_len);

#endif
