/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "lib/archive/source.h"
#include "lib/base/check.h"
#include "lib/base/text.h"

#define PARTS_PREFIX "tally/parts/"
#define OBJECTS_PREFIX "tally/objects/"

void tl_path_parts(uint64_t index, char *dst)
{
    char number[TL_TILE_PATH_MAX];
    tl_tile_number(index, number);
    int len = snprintf(dst, TL_RESOURCE_PATH_MAX, PARTS_PREFIX "%s", number);
    TL_ASSERT(len > 0 && (size_t)len < TL_RESOURCE_PATH_MAX);
}

void tl_path_object(const struct tally_hash *hash, char *dst)
{
    char hex[TL_HASH_HEX_LEN + 1];
    tl_hex_format(tl_hash_bytes(hash), hex);
    int len = snprintf(dst, TL_RESOURCE_PATH_MAX, OBJECTS_PREFIX "%s", hex);
    TL_ASSERT(len > 0 && (size_t)len < TL_RESOURCE_PATH_MAX);
}

/* What follows prefix in path; false when path does not begin with it. */
static bool after_prefix(struct tally_bytes path, const char *prefix, struct tally_bytes *ret_tail)
{
    if (!tl_bytes_starts_with(path, prefix)) {
        return false;
    }
    size_t len = strlen(prefix);
    *ret_tail = tl_bytes(path.ptr + len, path.len - len);
    return true;
}

enum tally_status tl_resource_parse(struct tally_bytes path, struct tl_resource *ret_resource)
{
    struct tl_resource resource;
    struct tally_bytes tail;
    enum tally_status status = TALLY_EFORMAT;
    memset(&resource, 0, sizeof resource);
    if (tl_bytes_equal(path, tl_bytes_text(TL_PATH_CHECKPOINT))) {
        resource.kind = TL_RESOURCE_CHECKPOINT;
        status = TALLY_OK;
    } else if (after_prefix(path, PARTS_PREFIX, &tail)) {
        resource.kind = TL_RESOURCE_PARTS;
        status = tl_tile_number_parse(tail, &resource.index);
    } else if (after_prefix(path, OBJECTS_PREFIX, &tail)) {
        resource.kind = TL_RESOURCE_OBJECT;
        status = tl_hex_parse(tail, resource.hash.bytes, sizeof resource.hash.bytes);
    } else {
        resource.kind = TL_RESOURCE_TILE;
        status = tl_tile_path_parse(path, &resource.tile);
    }
    if (status != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    *ret_resource = resource;
    return TALLY_OK;
}
