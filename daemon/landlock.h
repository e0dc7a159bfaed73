/* SPDX-License-Identifier: ISC */
/*
 * Landlock: what of the file system the daemon still reaches, by the kernel's own system calls
 * (landlock(7)). Everything that the running kernel can refuse is refused, but for the rules given.
 */
#ifndef TL_DAEMON_LANDLOCK_H
#define TL_DAEMON_LANDLOCK_H

#include <stddef.h>

#include <tally/status.h>

#define TL_LANDLOCK_ABI_MIN 2u /* the first that lets a file move from one directory to another */

enum tl_landlock_use {
    TL_LANDLOCK_KEEP = 1 << 0,   /* make and replace files, and sync their directory */
    TL_LANDLOCK_READ = 1 << 1,   /* read files and directories */
    TL_LANDLOCK_MOVE = 1 << 2,   /* rename files into and out of directories below */
    TL_LANDLOCK_REMOVE = 1 << 3, /* remove files */
};

struct tl_landlock_rule {
    const char *directory; /* and everything below it */
    unsigned uses;         /* of enum tl_landlock_use */
};

/* What the kernel offers; 0 when it has no Landlock or does not use it. */
unsigned tl_landlock_abi(void);

/*
 * For this thread and all that it starts, for ever. abi: of tl_landlock_abi, at least the smallest.
 * After a failure nothing has changed.
 */
TALLY_NODISCARD enum tally_status tl_landlock_restrict(unsigned abi,
                                                       const struct tl_landlock_rule *rules,
                                                       size_t rule_count);

#endif
