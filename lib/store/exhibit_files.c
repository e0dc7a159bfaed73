/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/store/store.h"
#include "lib/store/store_internal.h"

static enum tally_status make_path(const struct tl_store *store, const char *directory,
                                   const struct tally_hash *hash, char *dst, size_t cap)
{
    char hex[TL_HASH_HEX_LEN + 1];
    tl_hex_format(tl_hash_bytes(hash), hex);
    int len = snprintf(dst, cap, "%s/%s/%s", store->directory, directory, hex);
    return len < 0 || (size_t)len >= cap ? TALLY_ETOOBIG : TALLY_OK;
}

enum tally_status tl_store_exhibit_path(const struct tl_store *store, const struct tally_hash *hash,
                                        char *dst, size_t cap)
{
    return make_path(store, "exhibits", hash, dst, cap);
}

enum tally_status tl_store_deposit_path(const struct tl_store *store, const struct tally_hash *hash,
                                        char *dst, size_t cap)
{
    return make_path(store, "exhibits/deposits", hash, dst, cap);
}

static enum tally_status find_file(const char *path, uint64_t *ret_size)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return tl_status_from_errno(errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return TALLY_ENOTFOUND;
    }
    *ret_size = (uint64_t)info.st_size;
    return TALLY_OK;
}

/* A file moves from the deposits to the exhibits and never back: looked for in this order. */
enum tally_status tl_store_find_exhibit(const struct tl_store *store, const struct tally_hash *hash,
                                        uint64_t *ret_size)
{
    char path[PATH_MAX];
    enum tally_status status = tl_store_deposit_path(store, hash, path, sizeof path);
    if (status == TALLY_OK) {
        status = find_file(path, ret_size);
    }
    if (status == TALLY_ENOTFOUND) {
        status = tl_store_exhibit_path(store, hash, path, sizeof path);
        if (status == TALLY_OK) {
            status = find_file(path, ret_size);
        }
    }
    return status;
}

enum tally_status tl_store_take_deposit(const struct tl_store *store, const struct tally_hash *hash)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    uint64_t size = 0;
    enum tally_status status = tl_store_deposit_path(store, hash, from, sizeof from);
    if (status == TALLY_OK) {
        status = tl_store_exhibit_path(store, hash, to, sizeof to);
    }
    if (status != TALLY_OK || rename(from, to) == 0) {
        return status;
    }
    return errno == ENOENT ? find_file(to, &size) : tl_status_from_errno(errno);
}
