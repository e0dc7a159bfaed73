/* SPDX-License-Identifier: ISC */
/*
 * The one seam through which the library allocates, so that a test can fail any allocation.
 * Memory is released with tl_free; NULL is fine. Nothing here aborts: every caller checks.
 */
#ifndef TL_BASE_MEM_H
#define TL_BASE_MEM_H

#include <stddef.h>

#include <tally/export.h>

/* len bytes, uninitialised; NULL when out of memory. len 0 gives a freeable pointer. */
TALLY_NODISCARD void *tl_alloc(size_t len);

/* count * len zeroed bytes; NULL when out of memory or when the product overflows. */
TALLY_NODISCARD void *tl_calloc(size_t count, size_t len);

/* As realloc; on NULL the old block stays valid. */
TALLY_NODISCARD void *tl_realloc(void *ptr, size_t len);

void tl_free(void *ptr);

/* Test seam: called before each allocation when set; returning nonzero makes it fail. */
extern int (*tl_mem_should_fail)(void);

#endif
