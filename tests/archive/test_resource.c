/* SPDX-License-Identifier: ISC */
/* Names of resources, and the rows of bundles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/archive/bundle_file.h"
#include "lib/archive/source.h"
#include "lib/codec/part.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static enum tally_status parse(const char *path, struct tl_resource *ret)
{
    return tl_resource_parse(tl_bytes_text(path), ret);
}

static void test_good_names(void **state)
{
    struct tl_resource resource;
    char path[TL_RESOURCE_PATH_MAX];
    (void)state;
    assert_int_equal(parse("checkpoint", &resource), TALLY_OK);
    assert_int_equal(resource.kind, TL_RESOURCE_CHECKPOINT);
    assert_int_equal(parse("tile/3/x001/234.p/7", &resource), TALLY_OK);
    assert_int_equal(resource.kind, TL_RESOURCE_TILE);
    assert_int_equal(resource.tile.kind, TL_TILE_HASHES);
    assert_int_equal(resource.tile.level, 3);
    assert_int_equal(resource.tile.n, 1234);
    assert_int_equal(resource.tile.width, 7);
    assert_int_equal(parse("tally/commitments/000", &resource), TALLY_OK);
    assert_int_equal(resource.tile.kind, TL_TILE_COMMITMENTS);
    assert_int_equal(parse("tally/parts/x012/x345/678", &resource), TALLY_OK);
    assert_int_equal(resource.kind, TL_RESOURCE_PARTS);
    assert_int_equal(resource.index, 12345678);
    tl_path_parts(12345678, path);
    assert_string_equal(path, "tally/parts/x012/x345/678");
    assert_int_equal(parse("tally/objects/" HEX, &resource), TALLY_OK);
    assert_int_equal(resource.kind, TL_RESOURCE_OBJECT);
    tl_path_object(&resource.hash, path);
    assert_string_equal(path, "tally/objects/" HEX);
    tl_path_parts(UINT64_C(9223372036854775806), path);
    assert_int_equal(parse(path, &resource), TALLY_OK);
    assert_int_equal(resource.index, UINT64_C(9223372036854775806));
}

static void test_bad_names(void **state)
{
    static const char *const names[] = {
        "", "/", "checkpoint/", "/checkpoint", "./checkpoint", "Checkpoint", "checkpoint ",
        "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/000/", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/01", "tile/8/000", "tile/00/000", "tile/0/x000/000",
        "tile/entries/../entries/000", "tile/0/../../checkpoint", "tally/parts/", "tally/parts/1",
        "tally/parts/x000/001", "tally/parts/001.p/1", "tally/parts/../parts/001",
        "tally/objects/", ("tally/objects/" HEX "0"), "tally/objects/..",
        "tally/objects/00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
        ("tally/objects/../objects/" HEX), "tally/seals/000.p/", "tally/other/000",
        "tally/parts/x999/x999/x999/x999/x999/x999/999",
    };
    struct tl_resource resource;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (parse(names[i], &resource) != TALLY_EFORMAT) {
            fail_msg("\"%s\" names a resource", names[i]);
        }
    }
    assert_int_equal(tl_resource_parse(tl_bytes("checkpoint", 11), &resource), TALLY_EFORMAT);
}

static void test_entries(void **state)
{
    struct tl_buffer buffer;
    struct tally_bytes entries[3];
    unsigned decoded = 0;
    (void)state;
    tl_buffer_init(&buffer, 1024);
    tl_entries_add(&buffer, tl_bytes("abc", 3));
    tl_entries_add(&buffer, tl_bytes("", 0));
    tl_entries_add(&buffer, tl_bytes("d", 1));
    struct tally_bytes bytes = tl_buffer_bytes(&buffer);
    assert_int_equal(tl_entries_decode(bytes, 3, entries, &decoded), TALLY_OK);
    assert_int_equal(decoded, 3);
    assert_int_equal(entries[0].len, 3);
    assert_memory_equal(entries[2].ptr, "d", 1);
    assert_int_equal(tl_entries_decode(bytes, 2, entries, &decoded), TALLY_ETRAILING);
    assert_int_equal(decoded, 2);
    static const unsigned whole[] = {0, 0, 0, 0, 0, 1, 1, 2, 2, 2};
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(tl_entries_decode(tl_bytes(bytes.ptr, len), 3, entries, &decoded),
                         TALLY_ETRUNCATED);
        assert_int_equal(decoded, whole[len]);
    }
    tl_buffer_deinit(&buffer);
}

static void test_commitments(void **state)
{
    struct tl_buffer buffer;
    struct tally_bytes rows[2];
    uint8_t hashes[64] = {1, 2, 3};
    unsigned decoded = 0;
    (void)state;
    tl_buffer_init(&buffer, 65536);
    tl_commitments_add(&buffer, tl_bytes(hashes, 0));
    tl_commitments_add(&buffer, tl_bytes(hashes, 64));
    struct tally_bytes bytes = tl_buffer_bytes(&buffer);
    assert_int_equal(bytes.len, 2 + 2 + 64);
    assert_int_equal(tl_commitments_decode(bytes, 2, rows, &decoded), TALLY_OK);
    assert_int_equal(rows[0].len, 0);
    assert_int_equal(rows[1].len, 64);
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(tl_commitments_decode(tl_bytes(bytes.ptr, len), 2, rows, &decoded),
                         TALLY_ETRUNCATED);
        assert_int_equal(decoded, len < 2 ? 0 : 1);
    }
    tl_buffer_clear(&buffer);
    tl_buffer_add_u16(&buffer, 257);
    (void)tl_buffer_extend(&buffer, 257 * 32);
    assert_int_equal(tl_commitments_decode(tl_buffer_bytes(&buffer), 1, rows, &decoded),
                     TALLY_ETOOBIG);
    assert_int_equal(decoded, 0);
    tl_buffer_deinit(&buffer);
}

static void test_parts(void **state)
{
    struct tl_buffer buffer;
    struct tl_deposit_list list;
    struct tl_deposit deposit;
    (void)state;
    tl_buffer_init(&buffer, TL_RESOURCE_MAX);
    assert_int_equal(tl_parts_decode(tl_buffer_bytes(&buffer), &list), TALLY_EFORMAT);
    tl_deposit_add(&buffer, 2, tl_bytes("x", 1));
    tl_deposit_add(&buffer, 255, tl_bytes("yz", 2));
    assert_int_equal(tl_parts_decode(tl_buffer_bytes(&buffer), &list), TALLY_OK);
    assert_int_equal(list.count, 2);
    assert_true(tl_deposit_next(&list, &deposit));
    assert_int_equal(deposit.position, 2);
    assert_true(tl_deposit_next(&list, &deposit));
    assert_int_equal(deposit.position, 255);
    assert_false(tl_deposit_next(&list, &deposit));
    for (size_t len = 0; len < buffer.len; len++) {
        bool at_item = len == 7;
        assert_int_equal(tl_parts_decode(tl_bytes(buffer.ptr, len), &list) == TALLY_OK, at_item);
    }
    tl_deposit_add(&buffer, 255, tl_bytes("y", 1));
    assert_int_equal(tl_parts_decode(tl_buffer_bytes(&buffer), &list), TALLY_EFORMAT);
    tl_buffer_clear(&buffer);
    tl_deposit_add(&buffer, 256, tl_bytes("y", 1));
    assert_int_equal(tl_parts_decode(tl_buffer_bytes(&buffer), &list), TALLY_EFORMAT);
    tl_buffer_clear(&buffer);
    tl_buffer_add_u16(&buffer, 0);
    tl_buffer_add_u32(&buffer, TL_PART_MAX + 1);
    assert_non_null(tl_buffer_extend(&buffer, TL_PART_MAX + 1));
    assert_int_equal(tl_parts_decode(tl_buffer_bytes(&buffer), &list), TALLY_ETOOBIG);
    tl_buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_names), cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_entries),    cmocka_unit_test(test_commitments),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
