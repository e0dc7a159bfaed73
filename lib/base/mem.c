/* SPDX-License-Identifier: ISC */
#include "lib/base/mem.h"

#include <stdlib.h>

int (*tl_mem_should_fail)(void) = NULL;

static int fails(void)
{
    return tl_mem_should_fail != NULL && tl_mem_should_fail() != 0;
}

void *tl_alloc(size_t len)
{
    return fails() ? NULL : malloc(len == 0 ? 1 : len);
}

void *tl_calloc(size_t count, size_t len)
{
    return fails() ? NULL : calloc(count == 0 ? 1 : count, len == 0 ? 1 : len);
}

void *tl_realloc(void *ptr, size_t len)
{
    return fails() ? NULL : realloc(ptr, len == 0 ? 1 : len);
}

void tl_free(void *ptr)
{
    free(ptr);
}
