/* SPDX-License-Identifier: ISC */
#include "lib/wire/message.h"

#include "lib/base/check.h"
#include "lib/wire/frame.h"

#define NOTE_MAX 1024u
#define ERROR_TEXT_MAX 500u

enum tally_status tl_hello_decode(struct tally_bytes payload, struct tl_hello *ret_hello)
{
    struct tl_reader reader = tl_reader_over(payload);
    ret_hello->version = tl_read_u16(&reader);
    ret_hello->checkpoint = tl_read_vector16(&reader, NOTE_MAX);
    return tl_reader_finish(&reader);
}

enum tally_status tl_welcome_decode(struct tally_bytes payload, struct tl_welcome *ret_welcome)
{
    struct tl_reader reader = tl_reader_over(payload);
    ret_welcome->version = tl_read_u16(&reader);
    ret_welcome->ledger = tl_read_hash(&reader);
    ret_welcome->checkpoint = tl_read_vector16(&reader, NOTE_MAX);
    return tl_reader_finish(&reader);
}

enum tally_status tl_put_decode(struct tally_bytes payload, struct tl_put *ret_put)
{
    struct tl_reader reader = tl_reader_over(payload);
    ret_put->hash = tl_read_hash(&reader);
    ret_put->size = tl_read_u64(&reader);
    return tl_reader_finish(&reader);
}

static bool is_known_failure(int32_t number)
{
    switch (number) {
#define STATUS_CASE(name, value, text) case (value):
        TALLY_STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
        return number != TALLY_OK;
    default:
        return false;
    }
}

enum tally_status tl_error_decode(struct tally_bytes payload, struct tl_error *ret_error)
{
    struct tl_reader reader = tl_reader_over(payload);
    int32_t number = (int32_t)tl_read_u32(&reader);
    if (reader.status != TALLY_OK) {
        return reader.status;
    }
    if (!is_known_failure(number)) {
        return TALLY_EPROTOCOL;
    }
    for (size_t i = 0; i < reader.rest.len; i++) {
        if (reader.rest.ptr[i] < 0x20 || reader.rest.ptr[i] > 0x7e) {
            return TALLY_EPROTOCOL;
        }
    }
    ret_error->status = (enum tally_status)number;
    ret_error->text = reader.rest;
    return TALLY_OK;
}

void tl_hello_add(struct tl_buffer *buffer, uint32_t request, const struct tl_hello *hello)
{
    uint8_t header[TL_FRAME_HEADER_LEN];
    TL_ASSERT(hello->checkpoint.len <= NOTE_MAX - 4);
    tl_frame_header(header, TL_MESSAGE_HELLO, request, 4 + hello->checkpoint.len);
    tl_buffer_add(buffer, tl_bytes(header, sizeof header));
    tl_buffer_add_u16(buffer, hello->version);
    tl_buffer_add_u16(buffer, (uint16_t)hello->checkpoint.len);
    tl_buffer_add(buffer, hello->checkpoint);
}

void tl_welcome_add(struct tl_buffer *buffer, uint32_t request, const struct tl_welcome *welcome)
{
    uint8_t header[TL_FRAME_HEADER_LEN];
    TL_ASSERT(welcome->checkpoint.len <= NOTE_MAX - 36);
    tl_frame_header(header, TL_MESSAGE_WELCOME, request, 36 + welcome->checkpoint.len);
    tl_buffer_add(buffer, tl_bytes(header, sizeof header));
    tl_buffer_add_u16(buffer, welcome->version);
    tl_buffer_add(buffer, tl_hash_bytes(&welcome->ledger));
    tl_buffer_add_u16(buffer, (uint16_t)welcome->checkpoint.len);
    tl_buffer_add(buffer, welcome->checkpoint);
}

void tl_put_add(struct tl_buffer *buffer, uint32_t request, const struct tl_put *put)
{
    uint8_t header[TL_FRAME_HEADER_LEN];
    tl_frame_header(header, TL_MESSAGE_PUT, request, TALLY_HASH_LEN + 8);
    tl_buffer_add(buffer, tl_bytes(header, sizeof header));
    tl_buffer_add(buffer, tl_hash_bytes(&put->hash));
    tl_buffer_add_u64(buffer, put->size);
}

void tl_error_add(struct tl_buffer *buffer, uint32_t request, enum tally_status status,
                  const char *text)
{
    struct tally_bytes message = tl_bytes_text(text);
    uint8_t header[TL_FRAME_HEADER_LEN];
    TL_ASSERT(status != TALLY_OK);
    TL_ASSERT(message.len <= ERROR_TEXT_MAX);
    tl_frame_header(header, TL_MESSAGE_ERROR, request, 4 + message.len);
    tl_buffer_add(buffer, tl_bytes(header, sizeof header));
    tl_buffer_add_u32(buffer, (uint32_t)status);
    tl_buffer_add(buffer, message);
}
