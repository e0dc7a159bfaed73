/* SPDX-License-Identifier: ISC */
#include "keys/armor.h"

#include <sodium.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/base/text.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"

static bool strip_start(struct tally_bytes *text, const char *start)
{
    if (!tl_bytes_starts_with(*text, start)) {
        return false;
    }
    size_t len = strlen(start);
    *text = tl_bytes(text->ptr + len, text->len - len);
    return true;
}

static bool strip_end(struct tally_bytes *text, const char *end)
{
    size_t len = strlen(end);
    if (text->len < len || memcmp(text->ptr + text->len - len, end, len) != 0) {
        return false;
    }
    text->len -= len;
    return true;
}

static bool strip_begin_line(struct tally_bytes *text, const char *label)
{
    return strip_start(text, BEGIN) && strip_start(text, label) && strip_start(text, DASHES "\n");
}

static bool strip_end_line(struct tally_bytes *text, const char *label)
{
    (void)strip_end(text, "\n");
    return strip_end(text, DASHES) && strip_end(text, label) && strip_end(text, "\n" END);
}

bool tl_armor_begins(struct tally_bytes text, const char *label)
{
    return strip_begin_line(&text, label);
}

/* What the lines hold, counted beforehand: libsodium does not tell "too long" from "malformed". */
static enum tally_status decoded_len(struct tally_bytes lines, size_t *ret_len)
{
    size_t skipped = 0;
    size_t padding = 0;
    for (size_t i = 0; i < lines.len; i++) {
        /* It would skip a NUL too: it looks for ignored characters with strchr. */
        if (lines.ptr[i] == 0) {
            return TALLY_EFORMAT;
        }
        skipped += lines.ptr[i] == '\n' ? 1 : 0;
        padding += lines.ptr[i] == '=' ? 1 : 0;
    }
    size_t len = lines.len - skipped;
    if (len == 0 || len % 4 != 0 || padding > 2) {
        return TALLY_EFORMAT;
    }
    *ret_len = len / 4 * 3 - padding;
    return TALLY_OK;
}

enum tally_status tl_armor_decode(struct tally_bytes text, const char *label, uint8_t *dst,
                                  size_t cap, size_t *ret_len)
{
    if (!strip_begin_line(&text, label) || !strip_end_line(&text, label)) {
        return TALLY_EFORMAT;
    }
    size_t len = 0;
    enum tally_status status = decoded_len(text, &len);
    if (status != TALLY_OK) {
        return status;
    }
    if (len > cap) {
        return TALLY_ETOOBIG;
    }
    if (sodium_base642bin(dst, cap, (const char *)text.ptr, text.len, "\n", &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return TALLY_EFORMAT;
    }
    *ret_len = len;
    return TALLY_OK;
}

static size_t line_count(size_t len)
{
    return (TL_BASE64_LEN(len) + TL_ARMOR_COLUMNS - 1) / TL_ARMOR_COLUMNS;
}

size_t tl_armor_len(size_t len, const char *label)
{
    size_t frame = strlen(BEGIN) + strlen(END) + 2 * (strlen(label) + strlen(DASHES "\n"));
    return frame + TL_BASE64_LEN(len) + line_count(len);
}

void tl_armor_encode(struct tally_bytes bytes, const char *label, uint8_t *dst)
{
    size_t total = tl_armor_len(bytes.len, label);
    size_t left = TL_BASE64_LEN(bytes.len);
    size_t lines = line_count(bytes.len);
    struct tl_writer writer = tl_writer_over(dst, total);
    tl_write_text(&writer, BEGIN);
    tl_write_text(&writer, label);
    tl_write_text(&writer, DASHES "\n");
    /* The base64 is first made where its last line ends, then moved forward line by line: each
     * line feed put in closes the gap by one, so no move overtakes what is still to be read. */
    uint8_t *from = dst + writer.len + lines;
    uint8_t *to = dst + writer.len;
    tl_base64_format(bytes, (char *)from);
    while (left > 0) {
        size_t width = left < TL_ARMOR_COLUMNS ? left : TL_ARMOR_COLUMNS;
        memmove(to, from, width);
        to[width] = '\n';
        to += width + 1;
        from += width;
        left -= width;
    }
    writer.len = (size_t)(to - dst);
    tl_write_text(&writer, END);
    tl_write_text(&writer, label);
    tl_write_text(&writer, DASHES "\n");
    TL_ASSERT(writer.status == TALLY_OK);
    TL_ASSERT(writer.len == total);
}
