/* SPDX-License-Identifier: ISC */
/*
 * Checks of our own mistakes, always compiled in. Hostile input never reaches one: it gets a
 * status or a reason. The store is crash-safe, so stopping is the safe act.
 */
#ifndef TL_BASE_CHECK_H
#define TL_BASE_CHECK_H

#define TL_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            tl_assert_failed(#condition, __FILE__, __LINE__);                                      \
        }                                                                                          \
    } while (0)

_Noreturn void tl_assert_failed(const char *condition, const char *file, int line);

#endif
