/* SPDX-License-Identifier: ISC */
#include "keys/secret_mem.h"

#include <sodium.h>
#include <sys/mman.h>

#include "lib/base/mem.h"

void *tl_secret_alloc(size_t len)
{
    if (tl_mem_should_fail != NULL && tl_mem_should_fail() != 0) {
        return NULL;
    }
    return sodium_malloc(len);
}

bool tl_secret_lock(const void *ptr, size_t len)
{
    return mlock(ptr, len) == 0;
}

void tl_secret_free(void *ptr)
{
    sodium_free(ptr);
}
