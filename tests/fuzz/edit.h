/* SPDX-License-Identifier: ISC */
/* A change to good bytes, small enough for a fuzzer to find the ones that nobody notices. */
#ifndef TL_TESTS_FUZZ_EDIT_H
#define TL_TESTS_FUZZ_EDIT_H

#include "lib/base/bytes.h"

struct edit {
    unsigned piece; /* which of several byte strings */
    unsigned kind;
    unsigned offset;
    uint8_t value;
};

#define EDIT_REMOVE 5u /* for the caller to do: the piece is not there at all */

/* False when the reader has no other one. */
bool edit_next(struct tl_reader *reader, struct edit *ret_edit);

void edit_apply(const struct edit *edit, struct tl_buffer *bytes);

#endif
