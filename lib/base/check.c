/* SPDX-License-Identifier: ISC */
#include "lib/base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void tl_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "tally: assertion failed at %s:%d: %s\n", file, line, condition);
    abort();
}
