/* SPDX-License-Identifier: ISC */
#include "lib/codec/utf8.h"

#include "lib/base/bytes.h"

/* How many bytes follow the first one; 4 for a byte that cannot be first. */
static size_t following(uint8_t first)
{
    if (first < 0x80) {
        return 0;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return 1;
    }
    if (first >= 0xe0 && first <= 0xef) {
        return 2;
    }
    return first >= 0xf0 && first <= 0xf4 ? 3 : 4;
}

bool tl_utf8_next(struct tally_bytes *text, uint32_t *ret_character)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    static const uint8_t first_mask[] = {0x7f, 0x1f, 0x0f, 0x07};
    if (text->len == 0) {
        return false;
    }
    size_t more = following(text->ptr[0]);
    if (more > 3 || text->len <= more) {
        return false;
    }
    uint32_t character = text->ptr[0] & first_mask[more];
    for (size_t i = 1; i <= more; i++) {
        if ((text->ptr[i] & 0xc0) != 0x80) {
            return false;
        }
        character = character << 6 | (text->ptr[i] & 0x3fu);
    }
    if (character < smallest[more] || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff)) {
        return false;
    }
    *text = tl_bytes(text->ptr + more + 1, text->len - more - 1);
    *ret_character = character;
    return true;
}

bool tl_is_utf8(struct tally_bytes text)
{
    uint32_t character = 0;
    while (text.len > 0) {
        if (!tl_utf8_next(&text, &character)) {
            return false;
        }
    }
    return true;
}
