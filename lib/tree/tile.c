/* SPDX-License-Identifier: ISC */
#include "lib/tree/tile.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/base/text.h"

#define NUMBER_TEXT_MAX 40u /* "x009/x223/x372/x036/x854/x775/807" and a NUL */
#define WIDTH_BITS 8u

static const char *const directories[] = {
    [TL_TILE_HASHES] = "tile/",
    [TL_TILE_ENTRIES] = "tile/entries/",
    [TL_TILE_SEALS] = "tally/seals/",
    [TL_TILE_COMMITMENTS] = "tally/commitments/",
    [TL_TILE_CHECKPOINTS] = "tally/checkpoints/",
};

#define KIND_COUNT (sizeof directories / sizeof directories[0])

static void write_digit(struct tl_writer *writer, uint64_t digit)
{
    tl_write_u8(writer, (uint8_t)('0' + digit % 10));
}

static void write_number(struct tl_writer *writer, uint64_t n)
{
    uint64_t unit = 1;
    while (n / unit >= 1000) {
        unit *= 1000;
    }
    while (unit > 0) {
        uint64_t group = n / unit % 1000;
        if (unit > 1) {
            tl_write_u8(writer, 'x');
        }
        write_digit(writer, group / 100);
        write_digit(writer, group / 10);
        write_digit(writer, group);
        if (unit > 1) {
            tl_write_u8(writer, '/');
        }
        unit /= 1000;
    }
}

void tl_tile_number(uint64_t n, char *dst)
{
    struct tl_writer writer = tl_writer_over(dst, TL_TILE_PATH_MAX);
    write_number(&writer, n);
    tl_write_u8(&writer, 0);
    TL_ASSERT(writer.status == TALLY_OK);
}

/* Takes digits and skips the x and / between them; where these belong is checked by re-encoding. */
static bool take_number(struct tally_bytes *text, uint64_t *value)
{
    size_t used = 0;
    *value = 0;
    while (used < text->len && text->ptr[used] != '.') {
        uint8_t c = text->ptr[used];
        used++;
        if (c == 'x' || c == '/') {
            continue;
        }
        if (c < '0' || c > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(c - '0');
        if (*value > ((uint64_t)TALLY_SIZE_MAX - digit) / 10) {
            return false;
        }
        *value = *value * 10 + digit;
    }
    *text = tl_bytes(text->ptr + used, text->len - used);
    return used > 0;
}

enum tally_status tl_tile_number_parse(struct tally_bytes text, uint64_t *ret_n)
{
    char again[TL_TILE_PATH_MAX];
    struct tally_bytes rest = text;
    uint64_t n = 0;
    if (text.len >= NUMBER_TEXT_MAX || !take_number(&rest, &n)) {
        return TALLY_EFORMAT;
    }
    tl_tile_number(n, again);
    if (!tl_bytes_equal(text, tl_bytes_text(again))) {
        return TALLY_EFORMAT;
    }
    *ret_n = n;
    return TALLY_OK;
}

void tl_tile_path(const struct tl_tile *tile, char dst[TL_TILE_PATH_MAX])
{
    TL_ASSERT(tile->level <= TL_TILE_LEVEL_MAX);
    TL_ASSERT(tile->kind == TL_TILE_HASHES || tile->level == 0);
    TL_ASSERT(tile->width >= 1);
    TL_ASSERT(tile->width <= TL_TILE_WIDTH);
    struct tl_writer writer = tl_writer_over(dst, TL_TILE_PATH_MAX);
    tl_write_text(&writer, directories[tile->kind]);
    if (tile->kind == TL_TILE_HASHES) {
        write_digit(&writer, tile->level);
        tl_write_u8(&writer, '/');
    }
    write_number(&writer, tile->n);
    if (tile->width < TL_TILE_WIDTH) {
        char digits[TL_DECIMAL_MAX];
        (void)tl_decimal_format(tile->width, digits);
        tl_write_text(&writer, ".p/");
        tl_write_text(&writer, digits);
    }
    tl_write_u8(&writer, 0);
    TL_ASSERT(writer.status == TALLY_OK);
}

static bool take_text(struct tally_bytes *text, const char *prefix)
{
    if (!tl_bytes_starts_with(*text, prefix)) {
        return false;
    }
    size_t len = strlen(prefix);
    *text = tl_bytes(text->ptr + len, text->len - len);
    return true;
}

/* "tile/" also begins "tile/entries/": the hashes, which are kind 0, are tried last. */
static bool take_kind(struct tally_bytes *text, enum tl_tile_kind *kind)
{
    for (size_t i = KIND_COUNT; i-- > 0;) {
        if (take_text(text, directories[i])) {
            *kind = (enum tl_tile_kind)i;
            return true;
        }
    }
    return false;
}

static bool take_level(struct tally_bytes *text, unsigned *level)
{
    if (text->len == 0 || text->ptr[0] < '0' || text->ptr[0] > '0' + TL_TILE_LEVEL_MAX) {
        return false;
    }
    *level = (unsigned)(text->ptr[0] - '0');
    *text = tl_bytes(text->ptr + 1, text->len - 1);
    return take_text(text, "/");
}

static bool take_width(struct tally_bytes *text, unsigned *width)
{
    uint64_t value = TL_TILE_WIDTH;
    if (text->len > 0 &&
        (!take_text(text, ".p/") || tl_decimal_parse(*text, &value) != TALLY_OK || value == 0 ||
         value >= TL_TILE_WIDTH)) {
        return false;
    }
    *width = (unsigned)value;
    return true;
}

/* Reads the coordinates from anything that resembles a path. */
static bool read_path(struct tally_bytes path, struct tl_tile *tile)
{
    struct tally_bytes rest = path;
    if (!take_kind(&rest, &tile->kind)) {
        return false;
    }
    if (tile->kind == TL_TILE_HASHES && !take_level(&rest, &tile->level)) {
        return false;
    }
    return take_number(&rest, &tile->n) && take_width(&rest, &tile->width);
}

enum tally_status tl_tile_path_parse(struct tally_bytes path, struct tl_tile *ret_tile)
{
    char again[TL_TILE_PATH_MAX];
    struct tl_tile tile = {.kind = TL_TILE_HASHES};
    if (path.len >= TL_TILE_PATH_MAX || !read_path(path, &tile)) {
        return TALLY_EFORMAT;
    }
    /* One spelling per tile: whatever the reading let pass must be what would be written. */
    tl_tile_path(&tile, again);
    if (!tl_bytes_equal(path, tl_bytes_text(again))) {
        return TALLY_EFORMAT;
    }
    *ret_tile = tile;
    return TALLY_OK;
}

/* How many hashes the level has; a tile row above the highest has none. */
static uint64_t row_len(uint64_t size, unsigned level)
{
    return level > TL_TILE_LEVEL_MAX ? 0 : size >> (WIDTH_BITS * level);
}

unsigned tl_tile_width(uint64_t size, unsigned level, uint64_t n)
{
    uint64_t len = row_len(size, level);
    uint64_t full = len / TL_TILE_WIDTH;
    if (n < full) {
        return TL_TILE_WIDTH;
    }
    return n == full ? (unsigned)(len % TL_TILE_WIDTH) : 0;
}

uint64_t tl_tile_count(uint64_t size, unsigned level)
{
    uint64_t len = row_len(size, level);
    return len / TL_TILE_WIDTH + (len % TL_TILE_WIDTH != 0 ? 1 : 0);
}
