/* SPDX-License-Identifier: ISC */
/*
 * Private to keys: guarded, locked memory for secrets, wiped when it is freed, under the same test
 * seam as lib/base/mem.h. Call tl_ed25519_init first.
 */
#ifndef TL_KEYS_SECRET_MEM_H
#define TL_KEYS_SECRET_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include <tally/export.h>

/* len bytes without any alignment; NULL when out of memory. */
TALLY_NODISCARD void *tl_secret_alloc(size_t len);

/*
 * What is allocated here is locked against swapping where the system allows it, and silently not
 * where it does not. False in the second case.
 */
TALLY_NODISCARD bool tl_secret_lock(const void *ptr, size_t len);

/* Wipes; NULL is fine. */
void tl_secret_free(void *ptr);

#endif
