/* SPDX-License-Identifier: ISC */
/* What the targets share. A property that does not hold aborts, which both drivers report. */
#ifndef TL_TESTS_FUZZ_H
#define TL_TESTS_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says on descriptor 2 what did not hold, and where. */
_Noreturn void fuzz_fail(const char *condition, const char *file, int line);

#define FUZZ_REQUIRE(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fuzz_fail(#condition, __FILE__, __LINE__);                                             \
        }                                                                                          \
    } while (0)

/* Compares what was encoded with what was decoded, and ends the buffer. */
void fuzz_require_same(struct tl_buffer *encoded, struct tally_bytes decoded);

/* Once: the library is ready, standard input is empty, and what the client prints goes nowhere. */
void fuzz_start(void);

/* An empty private directory, removed with all that is in it when the process ends. */
const char *fuzz_directory(void);

/* Writes a file of that directory. */
void fuzz_write(const char *path, struct tally_bytes bytes);

/* The next u16 length and as many bytes, or what is left. */
struct tally_bytes fuzz_take(struct tl_reader *reader);

#endif
