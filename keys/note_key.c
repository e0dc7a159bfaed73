/* SPDX-License-Identifier: ISC */
#include "keys/note_key.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/sha256.h"
#include "lib/base/text.h"

#define ID_HEX_LEN 8u

static bool is_key_name(struct tally_bytes name)
{
    if (name.len == 0 || name.len >= TL_NOTE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] <= 0x20 || name.ptr[i] >= 0x7f || name.ptr[i] == '+') {
            return false;
        }
    }
    return true;
}

enum tally_status tl_note_key_make(struct tally_bytes name, uint8_t type, const uint8_t point[32],
                                   struct tl_note_key *ret_key)
{
    if (!is_key_name(name)) {
        return TALLY_EFORMAT;
    }
    if (type != TL_NOTE_ED25519 && type != TL_NOTE_COSIGNATURE) {
        return TALLY_EUNSUPPORTED;
    }
    struct tl_note_key key = {.type = type};
    struct tl_sha256 sha;
    memcpy(key.name, name.ptr, name.len);
    memcpy(key.point, point, sizeof key.point);
    tl_sha256_init(&sha);
    tl_sha256_update(&sha, name);
    tl_sha256_update(&sha, tl_bytes("\n", 1));
    tl_sha256_update(&sha, tl_bytes(&key.type, 1));
    tl_sha256_update(&sha, tl_bytes(key.point, sizeof key.point));
    struct tally_hash hash = tl_sha256_final(&sha);
    memcpy(key.id, hash.bytes, sizeof key.id);
    *ret_key = key;
    return TALLY_OK;
}

/* Splits at the first plus. */
static bool split_plus(struct tally_bytes text, struct tally_bytes *head, struct tally_bytes *tail)
{
    const uint8_t *plus = text.len == 0 ? NULL : memchr(text.ptr, '+', text.len);
    if (plus == NULL) {
        return false;
    }
    size_t len = (size_t)(plus - text.ptr);
    *head = tl_bytes(text.ptr, len);
    *tail = tl_bytes(plus + 1, text.len - len - 1);
    return true;
}

enum tally_status tl_note_key_parse(struct tally_bytes vkey, struct tl_note_key *ret_key)
{
    struct tally_bytes name;
    struct tally_bytes rest;
    struct tally_bytes hex;
    struct tally_bytes base64;
    struct tl_note_key key;
    uint8_t id[sizeof key.id];
    uint8_t typed[1 + sizeof key.point];
    size_t typed_len = 0;
    /* The base64 may hold pluses of its own: only the first two separate. */
    if (!split_plus(vkey, &name, &rest) || !split_plus(rest, &hex, &base64)) {
        return TALLY_EFORMAT;
    }
    if (hex.len != ID_HEX_LEN || tl_hex_parse(hex, id, sizeof id) != TALLY_OK ||
        tl_base64_parse(base64, typed, sizeof typed, &typed_len) != TALLY_OK ||
        typed_len != sizeof typed) {
        return TALLY_EFORMAT;
    }
    enum tally_status status = tl_note_key_make(name, typed[0], typed + 1, &key);
    if (status != TALLY_OK) {
        return status;
    }
    if (memcmp(key.id, id, sizeof id) != 0) {
        return TALLY_EFORMAT;
    }
    *ret_key = key;
    return TALLY_OK;
}

void tl_note_key_format(const struct tl_note_key *key, char dst[TL_VKEY_MAX])
{
    char hex[ID_HEX_LEN + 1];
    uint8_t typed[1 + sizeof key->point];
    char base64[TL_BASE64_LEN(sizeof typed)];
    struct tl_writer writer = tl_writer_over(dst, TL_VKEY_MAX);
    tl_hex_format(tl_bytes(key->id, sizeof key->id), hex);
    typed[0] = key->type;
    memcpy(typed + 1, key->point, sizeof key->point);
    tl_base64_format(tl_bytes(typed, sizeof typed), base64);
    tl_write_text(&writer, key->name);
    tl_write_u8(&writer, '+');
    tl_write_text(&writer, hex);
    tl_write_u8(&writer, '+');
    tl_write_bytes(&writer, tl_bytes(base64, sizeof base64));
    tl_write_u8(&writer, 0);
    TL_ASSERT(writer.status == TALLY_OK);
}

static bool is_lower_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Beginnings that other signed texts have: one key could otherwise be made to sign for two. */
static bool is_reserved(struct tally_bytes text)
{
    static const char *const beginnings[] = {"tally-", "cosignature/", "subtree/", "sshsig"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        if (tl_bytes_starts_with(text, beginnings[i])) {
            return true;
        }
    }
    return false;
}

bool tl_is_origin(struct tally_bytes text)
{
    if (text.len == 0 || text.len > TALLY_ORIGIN_MAX || !is_lower_or_digit(text.ptr[0]) ||
        is_reserved(text)) {
        return false;
    }
    bool in_host = true;
    for (size_t i = 1; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '/') {
            if (text.ptr[i - 1] == '/' || i + 1 == text.len) {
                return false;
            }
            in_host = false;
        } else if (!is_lower_or_digit(c) && c != '.' && c != '-' && (c != '_' || in_host)) {
            return false;
        }
    }
    return true;
}
