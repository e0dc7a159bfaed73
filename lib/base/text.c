/* SPDX-License-Identifier: ISC */
#include "lib/base/text.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/check.h"

#define SECONDS_PER_DAY UINT64_C(86400)
#define SECONDS_END UINT64_C(253402300800) /* 10000-01-01T00:00:00Z */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

enum tally_status tl_decimal_parse(struct tally_bytes text, uint64_t *ret_value)
{
    if (text.len == 0 || text.len > 19 || (text.len > 1 && text.ptr[0] == '0')) {
        return TALLY_EFORMAT;
    }
    uint64_t value = 0; /* 19 digits stay below 2^64 */
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i])) {
            return TALLY_EFORMAT;
        }
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    if (value > (uint64_t)TALLY_SIZE_MAX) {
        return TALLY_EFORMAT;
    }
    *ret_value = value;
    return TALLY_OK;
}

size_t tl_decimal_format(uint64_t value, char *dst)
{
    char reversed[TL_DECIMAL_MAX];
    size_t len = 0;
    do {
        reversed[len] = (char)('0' + value % 10);
        len++;
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < len; i++) {
        dst[i] = reversed[len - 1 - i];
    }
    dst[len] = '\0';
    return len;
}

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* A bit that no value has: it stays when several are combined. */
enum { BASE64_NONE = 64, BASE64_CHARACTERS = 128 };

static const uint8_t base64_values[BASE64_CHARACTERS] = {
    /* clang-format off */
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
    64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
    /* clang-format on */
};

static unsigned base64_value(uint8_t c)
{
    return c < BASE64_CHARACTERS ? base64_values[c] : BASE64_NONE;
}

static bool base64_group_parse(const uint8_t text[4], uint8_t group[3])
{
    unsigned first = base64_value(text[0]);
    unsigned second = base64_value(text[1]);
    unsigned third = base64_value(text[2]);
    unsigned fourth = base64_value(text[3]);
    group[0] = (uint8_t)(first << 2 | second >> 4);
    group[1] = (uint8_t)(second << 4 | third >> 2);
    group[2] = (uint8_t)(third << 6 | fourth);
    return ((first | second | third | fourth) & BASE64_NONE) == 0;
}

/* The last group, pad of its characters '='; false unless the bits that it does not use are 0. */
static bool base64_last_parse(const uint8_t text[4], size_t pad, uint8_t group[3])
{
    uint8_t whole[4] = {text[0], text[1], pad > 1 ? 'A' : text[2], pad > 0 ? 'A' : text[3]};
    return base64_group_parse(whole, group) && (pad < 1 || group[2] == 0) &&
           (pad < 2 || group[1] == 0);
}

enum tally_status tl_base64_parse(struct tally_bytes text, uint8_t *dst, size_t cap,
                                  size_t *ret_len)
{
    if (text.len % 4 != 0) {
        return TALLY_EFORMAT;
    }
    if (text.len == 0) {
        *ret_len = 0;
        return TALLY_OK;
    }
    size_t pad = 0;
    if (text.ptr[text.len - 1] == '=') {
        pad = text.ptr[text.len - 2] == '=' ? 2 : 1;
    }
    size_t len = text.len / 4 * 3 - pad;
    if (len > cap) {
        return TALLY_ETOOBIG;
    }
    size_t last = text.len / 4 - 1;
    for (size_t i = 0; i < last; i++) {
        if (!base64_group_parse(text.ptr + 4 * i, dst + 3 * i)) {
            return TALLY_EFORMAT;
        }
    }
    uint8_t group[3];
    if (!base64_last_parse(text.ptr + 4 * last, pad, group)) {
        return TALLY_EFORMAT;
    }
    memcpy(dst + 3 * last, group, 3 - pad);
    *ret_len = len;
    return TALLY_OK;
}

static void base64_group_format(const uint8_t group[3], char dst[4])
{
    uint32_t bits = (uint32_t)group[0] << 16 | (uint32_t)group[1] << 8 | group[2];
    dst[0] = base64_alphabet[bits >> 18];
    dst[1] = base64_alphabet[bits >> 12 & 63];
    dst[2] = base64_alphabet[bits >> 6 & 63];
    dst[3] = base64_alphabet[bits & 63];
}

void tl_base64_format(struct tally_bytes bytes, char *dst)
{
    size_t whole = bytes.len / 3;
    size_t left = bytes.len % 3;
    for (size_t i = 0; i < whole; i++) {
        base64_group_format(bytes.ptr + 3 * i, dst + 4 * i);
    }
    if (left > 0) {
        uint8_t group[3] = {0};
        memcpy(group, bytes.ptr + 3 * whole, left);
        base64_group_format(group, dst + 4 * whole);
        memset(dst + 4 * whole + left + 1, '=', 3 - left);
    }
}

enum tally_status tl_hash_parse(struct tally_bytes text, struct tally_hash *ret_hash)
{
    struct tally_hash hash;
    size_t len = 0;
    if (text.len != TL_HASH_BASE64_LEN ||
        tl_base64_parse(text, hash.bytes, sizeof hash.bytes, &len) != TALLY_OK ||
        len != sizeof hash.bytes) {
        return TALLY_EFORMAT;
    }
    *ret_hash = hash;
    return TALLY_OK;
}

void tl_hash_format(const struct tally_hash *hash, char dst[TL_HASH_BASE64_LEN + 1])
{
    tl_base64_format(tl_hash_bytes(hash), dst);
    dst[TL_HASH_BASE64_LEN] = '\0';
}

enum tally_status tl_fingerprint_parse(struct tally_bytes text, struct tally_hash *ret_hash)
{
    char padded[TL_HASH_BASE64_LEN];
    if (text.len != TALLY_FINGERPRINT_LEN) {
        return TALLY_EFORMAT;
    }
    memcpy(padded, text.ptr, text.len);
    padded[TALLY_FINGERPRINT_LEN] = '=';
    return tl_hash_parse(tl_bytes(padded, sizeof padded), ret_hash);
}

void tl_fingerprint_format(const struct tally_hash *hash, char dst[TALLY_FINGERPRINT_LEN + 1])
{
    char padded[TL_HASH_BASE64_LEN + 1];
    tl_hash_format(hash, padded);
    memcpy(dst, padded, TALLY_FINGERPRINT_LEN);
    dst[TALLY_FINGERPRINT_LEN] = '\0';
}

/* 16 for anything but a lower-case digit. */
static unsigned hex_value(uint8_t c)
{
    if (is_digit(c)) {
        return (unsigned)(c - '0');
    }
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10u : 16u;
}

enum tally_status tl_hex_parse(struct tally_bytes text, uint8_t *dst, size_t len)
{
    if (text.len % 2 != 0 || text.len / 2 != len) {
        return TALLY_EFORMAT;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (hex_value(text.ptr[i]) > 15) {
            return TALLY_EFORMAT;
        }
    }
    for (size_t i = 0; i < len; i++) {
        dst[i] = (uint8_t)(hex_value(text.ptr[2 * i]) << 4 | hex_value(text.ptr[2 * i + 1]));
    }
    return TALLY_OK;
}

void tl_hex_format(struct tally_bytes bytes, char *dst)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        *dst++ = digits[bytes.ptr[i] >> 4];
        *dst++ = digits[bytes.ptr[i] & 15];
    }
    *dst = '\0';
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_of_year(unsigned year)
{
    return is_leap(year) ? 366 : 365;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of year (1970 or later). */
static uint64_t days_before_year(unsigned year)
{
    unsigned past = year - 1; /* the last year that is over by then */
    unsigned leaps = past / 4 - past / 100 + past / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    return UINT64_C(365) * (year - 1970) + leaps;
}

enum tally_status tl_time_parse(struct tally_bytes text, uint64_t *ret_seconds)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    if (text.len != TL_TIME_LEN) {
        return TALLY_EFORMAT;
    }
    unsigned fields[6] = {0}; /* year, month, day, hour, minute, second */
    size_t field = 0;
    for (size_t i = 0; i < TL_TIME_LEN; i++) {
        if (form[i] != 'd') {
            if (text.ptr[i] != (uint8_t)form[i]) {
                return TALLY_EFORMAT;
            }
            field++;
        } else if (is_digit(text.ptr[i])) {
            fields[field] = fields[field] * 10 + (unsigned)(text.ptr[i] - '0');
        } else {
            return TALLY_EFORMAT;
        }
    }
    unsigned year = fields[0];
    unsigned month = fields[1];
    unsigned day = fields[2];
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) ||
        fields[3] > 23 || fields[4] > 59 || fields[5] > 59) {
        return TALLY_EFORMAT;
    }
    uint64_t days = days_before_year(year) + day - 1;
    for (unsigned m = 1; m < month; m++) {
        days += days_of_month(year, m);
    }
    *ret_seconds =
        days * SECONDS_PER_DAY + fields[3] * UINT64_C(3600) + fields[4] * UINT64_C(60) + fields[5];
    return TALLY_OK;
}

static void put_digits(char *dst, unsigned count, unsigned value)
{
    for (unsigned i = count; i > 0; i--) {
        dst[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

void tl_time_format(uint64_t seconds, char dst[TL_TIME_LEN + 1])
{
    TL_ASSERT(seconds < SECONDS_END);
    unsigned day = (unsigned)(seconds / SECONDS_PER_DAY);
    unsigned clock = (unsigned)(seconds % SECONDS_PER_DAY);
    /* Never too late a year: the average year is longer than 365 days and shorter than 366. */
    unsigned year = 1970 + day / 366;
    day -= (unsigned)days_before_year(year);
    while (day >= days_of_year(year)) {
        day -= days_of_year(year);
        year++;
    }
    unsigned month = 1;
    while (day >= days_of_month(year, month)) {
        day -= days_of_month(year, month);
        month++;
    }
    memcpy(dst, "0000-00-00T00:00:00Z", TL_TIME_LEN + 1);
    put_digits(dst, 4, year);
    put_digits(dst + 5, 2, month);
    put_digits(dst + 8, 2, day + 1);
    put_digits(dst + 11, 2, clock / 3600);
    put_digits(dst + 14, 2, clock / 60 % 60);
    put_digits(dst + 17, 2, clock % 60);
}

bool tl_is_id(struct tally_bytes text)
{
    if (text.len == 0 || text.len > TALLY_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool letter = c >= 'a' && c <= 'z';
        if (!letter && (i == 0 || !(is_digit(c) || c == '-'))) {
            return false;
        }
    }
    return true;
}

bool tl_split_space(struct tally_bytes text, struct tally_bytes *ret_head,
                    struct tally_bytes *ret_tail)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ' ') {
            *ret_head = tl_bytes(text.ptr, i);
            *ret_tail = tl_bytes(text.ptr + i + 1, text.len - i - 1);
            return true;
        }
    }
    return false;
}
