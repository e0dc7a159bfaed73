/* SPDX-License-Identifier: ISC */
#include "daemon/space.h"

#include <sys/statvfs.h>

uint64_t tl_space_free(const char *path)
{
    struct statvfs info;
    if (statvfs(path, &info) != 0) {
        return UINT64_MAX;
    }
    return (uint64_t)info.f_bavail * info.f_frsize;
}

bool tl_space_is_short(const struct tl_config *config, const struct tl_store *store,
                       uint64_t disk_free)
{
    return disk_free < config->disk_reserve || !tl_store_has_room(store);
}
