/* SPDX-License-Identifier: ISC */
/* Allocations: what the linker allocates before the real functions are known is never freed. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/shim.h"

#define EXPORT __attribute__((visibility("default")))

enum { EARLY_LEN = 65536, EARLY_ALIGNMENT = 16 };

static _Alignas(EARLY_ALIGNMENT) char early[EARLY_LEN];
static size_t early_len;
static bool finding; /* the first allocation comes before any thread */
static bool counted; /* from the constructors on: what the linker does is not the program's */

static void *allocate_early(size_t len)
{
    len = (len + EARLY_ALIGNMENT - 1) / EARLY_ALIGNMENT * EARLY_ALIGNMENT;
    if (len > sizeof early - early_len) {
        abort();
    }
    early_len += len;
    return early + early_len - len;
}

static bool is_early(const void *ptr)
{
    return (const char *)ptr >= early && (const char *)ptr < early + sizeof early;
}

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
} next;

/* False while they are being found: looking for a function allocates. */
static bool has_next(void)
{
    if (next.free == NULL && !finding) {
        finding = true;
        shim_find("malloc", &next.malloc);
        shim_find("calloc", &next.calloc);
        shim_find("realloc", &next.realloc);
        shim_find("free", &next.free);
        finding = false;
    }
    return !finding;
}

static bool fails(void)
{
    if (!counted || shim_next(SHIM_alloc) != SHIM_FAILS) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

EXPORT void *malloc(size_t len)
{
    if (!has_next()) {
        return allocate_early(len);
    }
    return fails() ? NULL : next.malloc(len);
}

EXPORT void *calloc(size_t count, size_t len)
{
    if (!has_next()) {
        return allocate_early(count * len); /* zero from the start */
    }
    return fails() ? NULL : next.calloc(count, len);
}

EXPORT void *realloc(void *ptr, size_t len)
{
    if (!has_next() || is_early(ptr)) {
        void *moved = malloc(len);
        size_t left = is_early(ptr) ? (size_t)(early + sizeof early - (char *)ptr) : 0;
        if (moved != NULL) {
            memcpy(moved, ptr, len < left ? len : left);
        }
        return moved;
    }
    return fails() ? NULL : next.realloc(ptr, len);
}

EXPORT void free(void *ptr)
{
    if (!is_early(ptr) && has_next()) {
        next.free(ptr);
    }
}

__attribute__((constructor)) static void start_counting(void)
{
    counted = true;
}
