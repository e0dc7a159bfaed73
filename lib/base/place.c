/* SPDX-License-Identifier: ISC */
#include "lib/base/place.h"

#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"

#define WALK_FDS 16

static bool copy_path(char *dst, const char *text, size_t len)
{
    if (len == 0 || len >= TL_PLACE_PATH_MAX) {
        return false;
    }
    memcpy(dst, text, len);
    dst[len] = '\0';
    return true;
}

enum tally_status tl_place_init(struct tl_place *place, const char *path)
{
    struct stat info;
    size_t len = strlen(path);
    place->temporary[0] = '\0';
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    if (!copy_path(place->path, path, len)) {
        return TALLY_EINVAL;
    }
    const char *slash = strrchr(place->path, '/');
    size_t parent = slash == NULL ? 0 : (size_t)(slash - place->path);
    bool fits = slash == NULL ? copy_path(place->parent, ".", 1)
                              : copy_path(place->parent, place->path, parent == 0 ? 1 : parent);
    if (!fits) {
        return TALLY_EINVAL;
    }
    if (lstat(place->path, &info) != 0) {
        return errno == ENOENT ? TALLY_OK : tl_status_from_errno(errno);
    }
    return S_ISDIR(info.st_mode) ? TALLY_OK : TALLY_EEXIST;
}

enum tally_status tl_place_make(struct tl_place *place, const char *name)
{
    char path[TL_PLACE_PATH_MAX];
    int len = snprintf(path, sizeof path, "%s.%s-XXXXXX", place->path, name);
    if (len < 0 || (size_t)len >= sizeof path) {
        return TALLY_EINVAL;
    }
    if (mkdtemp(path) == NULL) {
        return tl_status_from_errno(errno);
    }
    memcpy(place->temporary, path, (size_t)len + 1);
    return TALLY_OK;
}

/* rename(2) replaces an empty directory and refuses any other. */
enum tally_status tl_place_commit(struct tl_place *place)
{
    enum tally_status status = tl_sync_directory(place->temporary);
    if (status != TALLY_OK) {
        return status;
    }
    if (rename(place->temporary, place->path) != 0) {
        bool is_taken = errno == ENOTEMPTY || errno == EEXIST;
        return is_taken ? TALLY_EEXIST : tl_status_from_errno(errno);
    }
    place->temporary[0] = '\0';
    return tl_sync_directory(place->parent);
}

void tl_place_abandon(struct tl_place *place)
{
    if (place->temporary[0] != '\0') {
        tl_remove_directory(place->temporary);
        place->temporary[0] = '\0';
    }
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

void tl_remove_directory(const char *path)
{
    (void)nftw(path, remove_one, WALK_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
