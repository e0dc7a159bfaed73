/* SPDX-License-Identifier: ISC */
#include "client/json_slices.h"

#include <jansson.h>

static void skip_space(struct tally_bytes *rest)
{
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t' || rest->ptr[0] == '\n' ||
                             rest->ptr[0] == '\r')) {
        rest->ptr++;
        rest->len--;
    }
}

/* Length of the string at the front, quotes included. */
static size_t string_len(struct tally_bytes text)
{
    size_t i = 1;
    while (i < text.len && text.ptr[i] != '"') {
        i += text.ptr[i] == '\\' ? 2 : 1;
    }
    return i < text.len ? i + 1 : text.len;
}

/* Length of the value at the front. The text is valid, so brackets balance. */
static size_t value_len(struct tally_bytes text)
{
    size_t depth = 0;
    size_t i = 0;
    while (i < text.len) {
        uint8_t c = text.ptr[i];
        if (c == '"') {
            i += string_len(tl_bytes(text.ptr + i, text.len - i));
            if (depth == 0) {
                break;
            }
            continue;
        }
        if (depth == 0 && i > 0 &&
            (c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
            break;
        }
        i++;
        if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            break;
        }
    }
    return i;
}

static struct tally_bytes take(struct tally_bytes *rest, size_t len)
{
    struct tally_bytes taken = tl_bytes(rest->ptr, len);
    rest->ptr += len;
    rest->len -= len;
    return taken;
}

bool json_enter(struct tally_bytes value, char bracket, struct tally_bytes *ret_rest)
{
    skip_space(&value);
    if (value.len < 2 || value.ptr[0] != (uint8_t)bracket) {
        return false;
    }
    *ret_rest = tl_bytes(value.ptr + 1, value.len - 1);
    return true;
}

bool json_next_element(struct tally_bytes *rest, struct tally_bytes *ret_value)
{
    skip_space(rest);
    if (rest->len > 0 && rest->ptr[0] == ',') {
        (void)take(rest, 1);
        skip_space(rest);
    }
    if (rest->len == 0 || rest->ptr[0] == ']' || rest->ptr[0] == '}') {
        return false;
    }
    *ret_value = take(rest, value_len(*rest));
    return true;
}

bool json_next_member(struct tally_bytes *rest, struct tally_bytes *ret_key,
                      struct tally_bytes *ret_value)
{
    if (!json_next_element(rest, ret_key)) {
        return false;
    }
    skip_space(rest);
    if (rest->len == 0 || rest->ptr[0] != ':') {
        return false;
    }
    (void)take(rest, 1);
    skip_space(rest);
    *ret_value = take(rest, value_len(*rest));
    return ret_value->len > 0;
}

bool json_add_token(struct tl_buffer *pointer, struct tally_bytes quoted_key)
{
    json_t *key = json_loadb((const char *)quoted_key.ptr, quoted_key.len, JSON_DECODE_ANY, NULL);
    const char *text = json_string_value(key);
    bool is_text = text != NULL;
    tl_buffer_add_text(pointer, "/");
    for (; is_text && *text != '\0'; text++) {
        if (*text == '~') {
            tl_buffer_add_text(pointer, "~0");
        } else if (*text == '/') {
            tl_buffer_add_text(pointer, "~1");
        } else {
            tl_buffer_add_u8(pointer, (uint8_t)*text);
        }
    }
    json_decref(key);
    return is_text && pointer->status == TALLY_OK;
}
