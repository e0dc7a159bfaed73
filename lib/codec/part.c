/* SPDX-License-Identifier: ISC */
#include "lib/codec/part.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/codec/lines.h"
#include "lib/codec/utf8.h"
#include "lib/tree/tree.h"

#define MEDIA_TYPE_MAX 127u

enum tally_status tl_part_decode(struct tally_bytes bytes, struct tl_part *ret_part)
{
    if (bytes.len > TL_PART_MAX) {
        return TALLY_ETOOBIG;
    }
    struct tl_reader reader = tl_reader_over(bytes);
    struct tl_part part;
    struct tally_bytes salt = tl_read_bytes(&reader, TL_SALT_LEN);
    part.author = tl_read_hash(&reader);
    part.ledger = tl_read_hash(&reader);
    part.name = tl_read_vector16(&reader, TL_PART_NAME_MAX);
    part.value = tl_read_bytes(&reader, reader.rest.len);
    enum tally_status status = tl_reader_finish(&reader);
    if (status != TALLY_OK) {
        return status;
    }
    if (!tl_is_json_pointer(part.name)) {
        return TALLY_EFORMAT;
    }
    if (part.value.len > TALLY_PART_VALUE_MAX) {
        return TALLY_ETOOBIG;
    }
    memcpy(part.salt, salt.ptr, TL_SALT_LEN);
    *ret_part = part;
    return TALLY_OK;
}

void tl_part_encode(const struct tl_part *part, struct tl_buffer *buffer)
{
    if (part->name.len > TL_PART_NAME_MAX || part->value.len > TALLY_PART_VALUE_MAX) {
        buffer->status = buffer->status == TALLY_OK ? TALLY_ETOOBIG : buffer->status;
        return;
    }
    tl_buffer_add(buffer, tl_bytes(part->salt, TL_SALT_LEN));
    tl_buffer_add(buffer, tl_hash_bytes(&part->author));
    tl_buffer_add(buffer, tl_hash_bytes(&part->ledger));
    tl_buffer_add_u16(buffer, (uint16_t)part->name.len);
    tl_buffer_add(buffer, part->name);
    tl_buffer_add(buffer, part->value);
}

struct tally_hash tl_part_commitment(struct tally_bytes bytes)
{
    return tl_tree_leaf(bytes);
}

bool tl_is_json_pointer(struct tally_bytes name)
{
    if (name.len == 0 || name.len > TL_PART_NAME_MAX || name.ptr[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        bool escape = name.ptr[i] == '~';
        if (escape && (i + 1 == name.len || (name.ptr[i + 1] != '0' && name.ptr[i + 1] != '1'))) {
            return false;
        }
    }
    return tl_is_utf8(name);
}

static bool is_media_type(struct tally_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e) {
            return false;
        }
    }
    return text.len >= 1 && text.len <= MEDIA_TYPE_MAX;
}

enum tally_status tl_exhibit_value_decode(struct tally_bytes value,
                                          struct tl_exhibit_value *ret_exhibit)
{
    struct tl_reader reader = tl_reader_over(value);
    struct tl_exhibit_value exhibit = {.is_stored = false};
    struct tally_bytes sha256 = tl_read_value(&reader, "sha256 ");
    struct tally_bytes size = tl_read_value(&reader, "size ");
    exhibit.media_type = tl_read_value(&reader, "media-type ");
    struct tally_bytes stored = tl_read_value(&reader, "stored ");
    if (tl_reader_finish(&reader) != TALLY_OK ||
        tl_hex_parse(sha256, exhibit.sha256.bytes, TALLY_HASH_LEN) != TALLY_OK ||
        tl_decimal_parse(size, &exhibit.size) != TALLY_OK || !is_media_type(exhibit.media_type)) {
        return TALLY_EFORMAT;
    }
    exhibit.is_stored = !tl_bytes_equal(stored, tl_bytes_text("-"));
    if (exhibit.is_stored && tl_hash_parse(stored, &exhibit.stored) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    *ret_exhibit = exhibit;
    return TALLY_OK;
}

void tl_exhibit_value_encode(const struct tl_exhibit_value *exhibit, struct tl_buffer *buffer)
{
    tl_buffer_add_text(buffer, "sha256 ");
    tl_buffer_add_hex(buffer, tl_hash_bytes(&exhibit->sha256));
    tl_buffer_add_text(buffer, "\nsize ");
    tl_buffer_add_decimal(buffer, exhibit->size);
    tl_buffer_add_text(buffer, "\nmedia-type ");
    tl_buffer_add(buffer, exhibit->media_type);
    tl_buffer_add_text(buffer, "\nstored ");
    if (exhibit->is_stored) {
        tl_buffer_add_base64(buffer, tl_hash_bytes(&exhibit->stored));
    } else {
        tl_buffer_add_text(buffer, "-");
    }
    tl_buffer_add_text(buffer, "\n");
}

bool tl_is_exhibit_name(struct tally_bytes name)
{
    size_t len = sizeof TL_EXHIBIT_PREFIX - 1;
    return name.len > len && tl_bytes_starts_with(name, TL_EXHIBIT_PREFIX) &&
           memchr(name.ptr + len, '/', name.len - len) == NULL;
}

enum tally_status tl_clock_step_decode(struct tally_bytes value, uint64_t *ret_back_us)
{
    uint64_t back_us = 0;
    if (value.len < 2 || value.ptr[0] != '-' ||
        tl_decimal_parse(tl_bytes(value.ptr + 1, value.len - 1), &back_us) != TALLY_OK ||
        back_us == 0) {
        return TALLY_EFORMAT;
    }
    *ret_back_us = back_us;
    return TALLY_OK;
}
