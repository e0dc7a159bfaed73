/* SPDX-License-Identifier: ISC */
/*
 * Place: a directory that appears whole or not at all. It is filled under another name beside its
 * own, synced, and renamed at the end; after a crash the other name may be left behind.
 */
#ifndef TL_BASE_PLACE_H
#define TL_BASE_PLACE_H

#include <tally/status.h>

#define TL_PLACE_PATH_MAX 1024u

struct tl_place {
    char path[TL_PLACE_PATH_MAX]; /* where it will be, without trailing slashes */
    char parent[TL_PLACE_PATH_MAX];
    char temporary[TL_PLACE_PATH_MAX]; /* where it is; "" before tl_place_make and once in place */
};

/*
 * EINVAL for a path that cannot be one. EEXIST when something else than a directory is there: an
 * empty directory (a service manager's state directory) is replaced, any other refused at the end.
 */
TALLY_NODISCARD enum tally_status tl_place_init(struct tl_place *place, const char *path);

/* Makes PATH.NAME-XXXXXX, mode 0700. */
TALLY_NODISCARD enum tally_status tl_place_make(struct tl_place *place, const char *name);

/* Syncs and renames. EEXIST: a directory is there that is not empty. */
TALLY_NODISCARD enum tally_status tl_place_commit(struct tl_place *place);

/* Removes what was made and is not in place. */
void tl_place_abandon(struct tl_place *place);

/* Removes a directory with all that is in it, on its own file system. */
void tl_remove_directory(const char *path);

#endif
