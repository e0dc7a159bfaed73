/* SPDX-License-Identifier: ISC */
#include "daemon/space.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
    PATH_LEN_MAX = 1024,
    MAP_MARGIN_PART = 8, /* an eighth of the map is kept, but never less than one batch takes */
};

/* One commit changes up to 32768 pages of 4096 bytes, and some more for the store's own lists. */
#define MAP_MARGIN_MIN UINT64_C(138412032)
#define MAP_MARGIN_MAX UINT64_C(268435456)

_Static_assert(TL_MAP_SIZE_MIN > MAP_MARGIN_MIN, "the smallest map has room beside its margin");

uint64_t tl_space_free(const char *path)
{
    struct statvfs info;
    if (statvfs(path, &info) != 0) {
        return UINT64_MAX;
    }
    return (uint64_t)info.f_bavail * info.f_frsize;
}

uint64_t tl_space_store_used(const char *data_directory)
{
    char path[PATH_LEN_MAX];
    struct stat info;
    int len = snprintf(path, sizeof path, "%s/store/data.mdb", data_directory);
    if (len < 0 || len >= PATH_LEN_MAX || stat(path, &info) != 0) {
        return 0;
    }
    return (uint64_t)info.st_size;
}

bool tl_space_is_short(const struct tl_config *config, uint64_t disk_free)
{
    uint64_t margin = config->map_size / MAP_MARGIN_PART;
    if (margin < MAP_MARGIN_MIN) {
        margin = MAP_MARGIN_MIN;
    } else if (margin > MAP_MARGIN_MAX) {
        margin = MAP_MARGIN_MAX;
    }
    return disk_free < config->disk_reserve ||
           tl_space_store_used(config->data) > config->map_size - margin;
}
