/* SPDX-License-Identifier: ISC */
/*
 * Rows of bundles, files of clear parts and names of resources, out of anybody's archive. What
 * decodes is encoded again and must give the same bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/archive/backup.h"
#include "lib/archive/bundle_file.h"
#include "lib/archive/source.h"
#include "tests/fuzz/fuzz.h"

#define ROWS_MAX 256u

static void check_same(struct tl_buffer *buffer, struct tally_bytes bytes)
{
    if (buffer->status != TALLY_OK || !tl_bytes_equal(tl_buffer_bytes(buffer), bytes)) {
        abort();
    }
    tl_buffer_deinit(buffer);
}

static void try_entries(struct tally_bytes bytes, unsigned count)
{
    struct tally_bytes rows[ROWS_MAX];
    struct tl_buffer buffer;
    unsigned decoded = 0;
    enum tally_status status = tl_entries_decode(bytes, count, rows, &decoded);
    if (decoded > count || (status == TALLY_OK && decoded != count)) {
        abort();
    }
    tl_buffer_init(&buffer, TL_RESOURCE_MAX);
    for (unsigned i = 0; i < decoded; i++) {
        tl_entries_add(&buffer, rows[i]);
    }
    check_same(&buffer, status == TALLY_OK ? bytes : tl_bytes(bytes.ptr, buffer.len));
}

static void try_commitments(struct tally_bytes bytes, unsigned count)
{
    struct tally_bytes rows[ROWS_MAX];
    struct tl_buffer buffer;
    unsigned decoded = 0;
    enum tally_status status = tl_commitments_decode(bytes, count, rows, &decoded);
    if (decoded > count || (status == TALLY_OK && decoded != count)) {
        abort();
    }
    tl_buffer_init(&buffer, TL_RESOURCE_MAX);
    for (unsigned i = 0; i < decoded; i++) {
        tl_commitments_add(&buffer, rows[i]);
    }
    check_same(&buffer, status == TALLY_OK ? bytes : tl_bytes(bytes.ptr, buffer.len));
}

static void try_parts(struct tally_bytes bytes)
{
    struct tl_deposit_list list;
    struct tl_deposit deposit;
    struct tl_buffer buffer;
    if (tl_parts_decode(bytes, &list) != TALLY_OK) {
        return;
    }
    tl_buffer_init(&buffer, TL_RESOURCE_MAX);
    while (tl_deposit_next(&list, &deposit)) {
        tl_deposit_add(&buffer, deposit.position, deposit.bytes);
    }
    check_same(&buffer, bytes);
}

static void try_name(struct tally_bytes bytes)
{
    struct tl_resource resource;
    char path[TL_RESOURCE_PATH_MAX] = TL_PATH_CHECKPOINT;
    if (tl_resource_parse(bytes, &resource) != TALLY_OK) {
        return;
    }
    switch (resource.kind) {
    case TL_RESOURCE_CHECKPOINT:
        break;
    case TL_RESOURCE_TILE:
        tl_tile_path(&resource.tile, path);
        break;
    case TL_RESOURCE_PARTS:
        tl_path_parts(resource.index, path);
        break;
    case TL_RESOURCE_OBJECT:
        tl_path_object(&resource.hash, path);
        break;
    }
    if (!tl_bytes_equal(tl_bytes_text(path), bytes)) {
        abort();
    }
}

static void try_mark(struct tally_bytes bytes)
{
    struct tl_backup_mark mark;
    struct tl_buffer buffer;
    if (tl_backup_mark_decode(bytes, &mark) != TALLY_OK) {
        return;
    }
    tl_buffer_init(&buffer, TL_BACKUP_MARK_MAX);
    tl_backup_mark_encode(&mark, &buffer);
    check_same(&buffer, bytes);
}

/* The first byte says what the rest is, the second how many rows it should have. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct tally_bytes rest = tl_bytes(data + 2, size - 2);
    unsigned count = data[1] + 1u;
    switch (data[0] % 5) {
    case 0:
        try_entries(rest, count);
        break;
    case 1:
        try_commitments(rest, count);
        break;
    case 2:
        try_parts(rest);
        break;
    case 4:
        try_mark(rest);
        break;
    default:
        try_name(rest);
        break;
    }
    return 0;
}
