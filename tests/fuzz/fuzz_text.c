/* SPDX-License-Identifier: ISC */
/*
 * Target: the small text forms. What is read is written the same way, every value reads back, and
 * where another program knows the form too (libc, libunistring) the two agree.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistr.h>

#include "client/output.h"
#include "lib/archive/source.h"
#include "lib/base/text.h"
#include "lib/codec/part.h"
#include "lib/codec/utf8.h"
#include "lib/roster/change.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 4096u

static bool is_digits(struct tally_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0 && (text.len == 1 || text.ptr[0] != '0');
}

static void try_decimal(struct tally_bytes text, const char *c_text)
{
    char again[TL_DECIMAL_MAX];
    uint64_t value = 0;
    bool is_read = tl_decimal_parse(text, &value) == TALLY_OK;
    errno = 0;
    unsigned long long other = strtoull(c_text, NULL, 10);
    bool expected = is_digits(text) && errno == 0 && other <= INT64_MAX;
    FUZZ_REQUIRE(is_read == expected);
    if (is_read) {
        FUZZ_REQUIRE(value == other);
        FUZZ_REQUIRE(tl_bytes_equal(tl_bytes(again, tl_decimal_format(value, again)), text));
    }
}

static void try_time(struct tally_bytes text, const char *c_text)
{
    char again[TL_TIME_LEN + 1];
    uint64_t seconds = 0;
    struct tm tm = {.tm_year = 0};
    if (tl_time_parse(text, &seconds) != TALLY_OK) {
        return;
    }
    tl_time_format(seconds, again);
    FUZZ_REQUIRE(tl_bytes_equal(tl_bytes_text(again), text));
    const char *end = strptime(c_text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    FUZZ_REQUIRE(end != NULL && *end == '\0' && timegm(&tm) == (time_t)seconds);
}

static void try_coded(struct tally_bytes text)
{
    uint8_t bytes[TEXT_MAX];
    char again[TL_BASE64_LEN(TEXT_MAX) + 1];
    struct tally_hash hash;
    size_t len = 0;
    if (tl_base64_parse(text, bytes, sizeof bytes, &len) == TALLY_OK) {
        tl_base64_format(tl_bytes(bytes, len), again);
        FUZZ_REQUIRE(tl_bytes_equal(tl_bytes(again, TL_BASE64_LEN(len)), text));
    }
    if (tl_hex_parse(text, bytes, text.len / 2) == TALLY_OK) {
        tl_hex_format(tl_bytes(bytes, text.len / 2), again);
        FUZZ_REQUIRE(tl_bytes_equal(tl_bytes_text(again), text));
    }
    if (tl_hash_parse(text, &hash) == TALLY_OK) {
        tl_hash_format(&hash, again);
        FUZZ_REQUIRE(tl_bytes_equal(tl_bytes_text(again), text));
    }
    if (tl_fingerprint_parse(text, &hash) == TALLY_OK) {
        tl_fingerprint_format(&hash, again);
        FUZZ_REQUIRE(tl_bytes_equal(tl_bytes_text(again), text));
    }
}

static void try_names(struct tally_bytes text, const char *c_text)
{
    char again[TL_TILE_PATH_MAX];
    struct tl_tile tile;
    struct tl_resource resource;
    uint64_t n = 0;
    unsigned roles = 0;
    if (tl_tile_path_parse(text, &tile) == TALLY_OK) {
        tl_tile_path(&tile, again);
        FUZZ_REQUIRE(strcmp(again, c_text) == 0 && tile.width >= 1 && tile.width <= 256);
    }
    if (tl_tile_number_parse(text, &n) == TALLY_OK) {
        tl_tile_number(n, again);
        FUZZ_REQUIRE(strcmp(again, c_text) == 0);
    }
    if (tl_resource_parse(text, &resource) == TALLY_OK) {
        FUZZ_REQUIRE(text.len < TL_RESOURCE_PATH_MAX && strstr(c_text, "..") == NULL &&
                     c_text[0] != '/');
    }
    if (tl_roles_parse(text, &roles)) {
        FUZZ_REQUIRE(roles != 0 && (roles & ~(TL_ROLE_AUTHOR | TL_ROLE_GOVERN)) == 0);
    }
    if (tl_is_id(text)) {
        FUZZ_REQUIRE(text.len <= TALLY_ID_MAX && strcspn(c_text, " \n=") == text.len);
    }
}

static void try_entry_id(const char *c_text)
{
    char again[ENTRY_ID_MAX];
    struct tally_hash leaf = {{0x3a}};
    uint64_t index = 0;
    bool has_check = false;
    if (!out_entry_id_parse(c_text, &index, &has_check)) {
        return;
    }
    FUZZ_REQUIRE(has_check == (strchr(c_text, '-') != NULL));
    out_entry_id(index, &leaf, again);
    FUZZ_REQUIRE(strncmp(again, c_text, strcspn(c_text, "-")) == 0);
    FUZZ_REQUIRE(out_entry_id_is(c_text, index, &leaf) ==
                 (!has_check || strcmp(again, c_text) == 0));
    FUZZ_REQUIRE(out_entry_id_parse(again, &index, &has_check) && has_check);
}

static void try_utf8(struct tally_bytes text)
{
    bool is_good = u8_check(text.ptr, text.len) == NULL;
    struct tally_bytes rest = text;
    uint32_t ours = 0;
    ucs4_t theirs = 0;
    FUZZ_REQUIRE(tl_is_utf8(text) == is_good);
    while (tl_utf8_next(&rest, &ours)) {
        const uint8_t *at = text.ptr + (text.len - rest.len);
        const uint8_t *before = u8_prev(&theirs, at, text.ptr);
        FUZZ_REQUIRE(before != NULL && theirs == ours);
    }
    FUZZ_REQUIRE((rest.len == 0) == is_good);
    FUZZ_REQUIRE(!tl_is_json_pointer(text) || (is_good && text.len > 0 && text.ptr[0] == '/'));
}

static void try_exhibit(struct tally_bytes text)
{
    struct tl_exhibit_value value;
    struct tl_buffer buffer;
    if (tl_exhibit_value_decode(text, &value) == TALLY_OK) {
        tl_buffer_init(&buffer, TEXT_MAX * 2);
        tl_exhibit_value_encode(&value, &buffer);
        fuzz_require_same(&buffer, text);
    }
}

static void try_clock_step(struct tally_bytes text, const char *c_text)
{
    char again[TL_DECIMAL_MAX + 1] = "-";
    uint64_t back_us = 0;
    if (tl_clock_step_decode(text, &back_us) == TALLY_OK) {
        (void)tl_decimal_format(back_us, again + 1);
        FUZZ_REQUIRE(strcmp(again, c_text) == 0);
    }
}

/* The bytes as values: each form of them reads back. */
static void try_values(struct tally_bytes bytes)
{
    struct tl_reader reader = tl_reader_over(bytes);
    char text[TL_TILE_PATH_MAX];
    struct tally_hash hash;
    uint64_t value = tl_read_u64(&reader);
    uint64_t again = 0;
    struct tl_tile tile = {.kind = (enum tl_tile_kind)(value % 5),
                           .level = value % 5 == TL_TILE_HASHES ? value / 8 % 8 : 0,
                           .n = value >> 12,
                           .width = 1 + value / 64 % 256};
    struct tl_tile same;
    if (reader.status != TALLY_OK) {
        return;
    }
    tl_decimal_format(value & INT64_MAX, text);
    FUZZ_REQUIRE(tl_decimal_parse(tl_bytes_text(text), &again) == TALLY_OK &&
                 again == (value & INT64_MAX));
    tl_time_format(value % UINT64_C(253402300800), text);
    FUZZ_REQUIRE(tl_time_parse(tl_bytes_text(text), &again) == TALLY_OK &&
                 again == value % UINT64_C(253402300800));
    tl_tile_path(&tile, text);
    FUZZ_REQUIRE(tl_tile_path_parse(tl_bytes_text(text), &same) == TALLY_OK &&
                 same.kind == tile.kind && same.level == tile.level && same.n == tile.n &&
                 same.width == tile.width);
    memset(&hash, (int)(value & 0xff), sizeof hash);
    tl_hash_format(&hash, text);
    FUZZ_REQUIRE(tl_hash_parse(tl_bytes_text(text), &hash) == TALLY_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char c_text[TEXT_MAX + 1];
    struct tally_bytes text = tl_bytes(data, size);
    if (size > TEXT_MAX) {
        return 0;
    }
    fuzz_start();
    memcpy(c_text, data, size);
    c_text[size] = '\0';
    try_coded(text);
    try_utf8(text);
    try_exhibit(text);
    try_values(text);
    if (strlen(c_text) == size) {
        try_decimal(text, c_text);
        try_time(text, c_text);
        try_clock_step(text, c_text);
        try_names(text, c_text);
        try_entry_id(c_text);
    }
    return 0;
}
