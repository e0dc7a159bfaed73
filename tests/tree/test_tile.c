/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/tree/tile.h"

static const struct {
    struct tl_tile tile;
    const char *path;
} paths[] = {
    /* transparency-dev/tessera api/layout/paths_test.go */
    {{TL_TILE_ENTRIES, 0, 0, 256}, "tile/entries/000"},
    {{TL_TILE_ENTRIES, 0, 0, 255}, "tile/entries/000.p/255"},
    {{TL_TILE_ENTRIES, 0, 1, 256}, "tile/entries/001"},
    {{TL_TILE_ENTRIES, 0, 1, 1}, "tile/entries/001.p/1"},
    {{TL_TILE_ENTRIES, 0, 123456789, 256}, "tile/entries/x123/x456/789"},
    {{TL_TILE_ENTRIES, 0, 0, 8}, "tile/entries/000.p/8"},
    {{TL_TILE_ENTRIES, 0, 255, 256}, "tile/entries/255"},
    {{TL_TILE_ENTRIES, 0, 255, 253}, "tile/entries/255.p/253"},
    {{TL_TILE_HASHES, 0, 0, 256}, "tile/0/000"},
    {{TL_TILE_HASHES, 0, 0, 255}, "tile/0/000.p/255"},
    {{TL_TILE_HASHES, 1, 0, 256}, "tile/1/000"},
    {{TL_TILE_HASHES, 0, 1234067, 256}, "tile/0/x001/x234/067"},
    {{TL_TILE_HASHES, 0, 1234067, 89}, "tile/0/x001/x234/067.p/89"},
    {{TL_TILE_HASHES, 0, 1, 256}, "tile/0/001"},
    {{TL_TILE_HASHES, 7, 999999999999999999, 255},
     "tile/7/x999/x999/x999/x999/x999/999.p/255"},
    /* ours */
    {{TL_TILE_SEALS, 0, 1000, 10}, "tally/seals/x001/000.p/10"},
    {{TL_TILE_COMMITMENTS, 0, 999, 256}, "tally/commitments/999"},
    {{TL_TILE_CHECKPOINTS, 0, 1000, 3}, "tally/checkpoints/x001/000.p/3"},
    {{TL_TILE_COMMITMENTS, 0, INT64_MAX, 255},
     "tally/commitments/x009/x223/x372/x036/x854/x775/807.p/255"},
    {{TL_TILE_HASHES, 0, 1000000, 99}, "tile/0/x001/x000/000.p/99"},
};

static void test_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(paths); i++) {
        char path[TL_TILE_PATH_MAX];
        struct tl_tile tile;
        tl_tile_path(&paths[i].tile, path);
        assert_string_equal(path, paths[i].path);
        assert_status(tl_tile_path_parse(tl_bytes_text(paths[i].path), &tile), TALLY_OK);
        assert_int_equal(tile.kind, paths[i].tile.kind);
        assert_int_equal(tile.level, paths[i].tile.level);
        assert_true(tile.n == paths[i].tile.n);
        assert_int_equal(tile.width, paths[i].tile.width);
    }
}

static const char *const refused_paths[] = {
    /* transparency-dev/tessera api/layout/paths_test.go */
    "tile/0/x001/x234/067.p/",
    "tile/0/x001/x234/067.p",
    "tile/0/x001/x234/",
    "tile/0/x001/x234",
    "tile/0/x001/",
    "tile/0/x001",
    "tile/1/x001/.p/abc",
    "tile/64/x001/002",
    "tile/-1/x001/002",
    "tile/abc/x001/002",
    "tile/8/001/002",
    "tile/7/001/002",
    "tile/7/x001/0002",
    "tile/7/x001/-002",
    "tile/7/x001/002.p/256",
    "tile/7/x999/x999/x999/x999/x999/x999/999.p/255",
    /* levels that no size below 2^63 reaches */
    "tile/8/000",
    "tile/15/x455/667",
    "tile/63/000",
    /* other spellings of something */
    "",
    "tile",
    "tile/",
    "tile/0",
    "tile/0/",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/x000/000",
    "tile/0/x000/001",
    "tile/0/x000/x001/000",
    "tile/0/x1/000",
    "tile/0/1/000",
    "tile/0/xx001/000",
    "tile/0/x001//000",
    "tile/0/001/",
    "tile/00/000",
    "tile/01/000",
    "tile//000",
    "/tile/0/000",
    "tile/0/000 ",
    "tile/0/000\n",
    "tile/0/000.p/0",
    "tile/0/000.p/00",
    "tile/0/000.p/01",
    "tile/0/000.p/256",
    "tile/0/000.p/1/",
    "tile/0/000.p/ 1",
    "tile/0/000.p/+1",
    "tile/0/000.p/4294967297",
    "tile/0/000.p/18446744073709551617",
    "tile/0/000.q/1",
    "tile/0/000.",
    "tile/0/.p/1",
    "tile/entries/",
    "tile/entries/0/000",
    "tile/data/000",
    "tile/8/0/000",
    "tally/seals/",
    "tally/seals",
    "tally/seals/0/000",
    "tally/parts/000",
    "tally/commitments/x009/x223/x372/x036/x854/x775/808",
    "tally/commitments/x018/x446/x744/x073/x709/x551/616",
    "tally/commitments/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/999",
    /* longer than any path, and still the number 0 */
    "tile/entries/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/"
    "000",
};

static void test_refused_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(refused_paths); i++) {
        struct tl_tile tile;
        if (tl_tile_path_parse(tl_bytes_text(refused_paths[i]), &tile) != TALLY_EFORMAT) {
            fail_msg("%s", refused_paths[i]);
        }
    }
}

/* Whatever single byte is changed, what is still accepted is written back as it was. */
static void test_changed_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(paths); i++) {
        for (size_t at = 0; at < strlen(paths[i].path); at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char changed[TL_TILE_PATH_MAX];
                char again[TL_TILE_PATH_MAX];
                struct tl_tile tile;
                size_t len = strlen(paths[i].path);
                memcpy(changed, paths[i].path, len + 1);
                changed[at] = (char)byte;
                if (tl_tile_path_parse(tl_bytes(changed, len), &tile) == TALLY_OK) {
                    tl_tile_path(&tile, again);
                    assert_int_equal(strlen(again), len);
                    assert_memory_equal(again, changed, len);
                }
            }
            struct tl_tile tile;
            enum tally_status status = tl_tile_path_parse(tl_bytes(paths[i].path, at), &tile);
            assert_true(status == TALLY_OK || status == TALLY_EFORMAT);
        }
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t n;
        const char *text;
    } numbers[] = {
        {0, "000"},
        {5, "005"},
        {999, "999"},
        {1000, "x001/000"},
        {455667, "x455/667"},
        {1234067, "x001/x234/067"},
        {123456789, "x123/x456/789"},
        {INT64_MAX, "x009/x223/x372/x036/x854/x775/807"},
    };
    static const char *const refused[] = {"",      "0",         "x000/000", "x001",
                                          "1000",  "x001/0000", "x001.000", "x009/x223/x372/x036",
                                          "x000/x000/x000/x000/x000/x000/x000/x000/000"};
    for (size_t i = 0; i < TEST_COUNT(numbers); i++) {
        char text[TL_TILE_PATH_MAX];
        uint64_t n = 0;
        tl_tile_number(numbers[i].n, text);
        assert_string_equal(text, numbers[i].text);
        assert_status(tl_tile_number_parse(tl_bytes_text(numbers[i].text), &n), TALLY_OK);
        assert_true(n == numbers[i].n);
    }
    for (size_t i = 0; i < TEST_COUNT(refused); i++) {
        uint64_t n = 0;
        assert_status(tl_tile_number_parse(tl_bytes_text(refused[i]), &n), TALLY_EFORMAT);
    }
}

static void test_widths(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        unsigned level;
        uint64_t n;
        unsigned width;
        uint64_t count;
    } widths[] = {
        {0, 0, 0, 0, 0},
        {1, 0, 0, 1, 1},
        {1, 1, 0, 0, 0},
        {255, 0, 0, 255, 1},
        {255, 1, 0, 0, 0},
        {256, 0, 0, 256, 1},
        {256, 0, 1, 0, 1},
        {256, 1, 0, 1, 1},
        {257, 0, 0, 256, 2},
        {257, 0, 1, 1, 2},
        {257, 1, 0, 1, 1},
        {65536, 0, 255, 256, 256},
        {65536, 0, 256, 0, 256},
        {65536, 1, 0, 256, 1},
        {65536, 2, 0, 1, 1},
        {70000, 0, 272, 256, 274},
        {70000, 0, 273, 112, 274},
        {70000, 0, 274, 0, 274},
        {70000, 1, 0, 256, 2},
        {70000, 1, 1, 17, 2},
        {70000, 1, 2, 0, 2},
        {70000, 2, 0, 1, 1},
        {70000, 3, 0, 0, 0},
        {INT64_MAX, 7, 0, 127, 1},
        {INT64_MAX, 8, 0, 0, 0},
        {INT64_MAX, 63, 0, 0, 0},
        {UINT64_MAX, 0, UINT64_MAX, 0, UINT64_C(1) << 56},
    };
    for (size_t i = 0; i < TEST_COUNT(widths); i++) {
        assert_int_equal(tl_tile_width(widths[i].size, widths[i].level, widths[i].n),
                         widths[i].width);
        assert_true(tl_tile_count(widths[i].size, widths[i].level) == widths[i].count);
    }
}

static void write_path(void *context)
{
    char path[TL_TILE_PATH_MAX];
    tl_tile_path(context, path);
}

static void test_own_mistakes_stop(void **state)
{
    (void)state;
    struct tl_tile wrong[] = {
        {TL_TILE_HASHES, 8, 0, 256},
        {TL_TILE_SEALS, 1, 0, 256},
        {TL_TILE_HASHES, 0, 0, 0},
        {TL_TILE_HASHES, 0, 0, 257},
    };
    for (size_t i = 0; i < TEST_COUNT(wrong); i++) {
        assert_true(test_aborts(write_path, &wrong[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),         cmocka_unit_test(test_refused_paths),
        cmocka_unit_test(test_changed_paths), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_widths),        cmocka_unit_test(test_own_mistakes_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
