/* SPDX-License-Identifier: ISC */
#include "lib/wire/frame.h"

#include "lib/base/check.h"

bool tl_message_limit(uint8_t type, uint32_t *ret_max)
{
    switch (type) {
#define TL_MESSAGE_CASE(name, number, text, max)                                                   \
    case (number):                                                                                 \
        *ret_max = (max);                                                                          \
        return true;
        TL_MESSAGE_MAP(TL_MESSAGE_CASE)
#undef TL_MESSAGE_CASE
    default:
        return false;
    }
}

const char *tl_message_name(enum tl_message type)
{
    switch (type) {
#define TL_MESSAGE_CASE(name, number, text, max)                                                   \
    case TL_MESSAGE_##name:                                                                        \
        return text;
        TL_MESSAGE_MAP(TL_MESSAGE_CASE)
#undef TL_MESSAGE_CASE
    }
    return "unknown";
}

enum tally_status tl_frame_peek(struct tally_bytes bytes, struct tl_frame *ret_frame,
                                size_t *ret_len)
{
    if (bytes.len < TL_FRAME_HEADER_LEN) {
        *ret_len = TL_FRAME_HEADER_LEN;
        return TALLY_ETRUNCATED;
    }
    struct tl_reader reader = tl_reader_over(bytes);
    uint32_t len = tl_read_u32(&reader);
    uint8_t type = tl_read_u8(&reader);
    uint32_t request = tl_read_u32(&reader);
    uint32_t max = 0;
    if (!tl_message_limit(type, &max) || len < TL_FRAME_HEADER_LEN - 4 ||
        len - (TL_FRAME_HEADER_LEN - 4) > max) {
        return TALLY_EPROTOCOL;
    }
    size_t payload_len = len - (TL_FRAME_HEADER_LEN - 4);
    *ret_len = TL_FRAME_HEADER_LEN + payload_len;
    ret_frame->type = (enum tl_message)type;
    ret_frame->request = request;
    if (bytes.len < *ret_len) {
        return TALLY_ETRUNCATED;
    }
    ret_frame->payload = tl_read_bytes(&reader, payload_len);
    return TALLY_OK;
}

void tl_frame_header(uint8_t dst[TL_FRAME_HEADER_LEN], enum tl_message type, uint32_t request,
                     size_t payload_len)
{
    uint32_t max = 0;
    TL_ASSERT(tl_message_limit((uint8_t)type, &max));
    TL_ASSERT(payload_len <= max);
    struct tl_writer writer = tl_writer_over(dst, TL_FRAME_HEADER_LEN);
    tl_write_u32(&writer, (uint32_t)(TL_FRAME_HEADER_LEN - 4 + payload_len));
    tl_write_u8(&writer, (uint8_t)type);
    tl_write_u32(&writer, request);
}

void tl_frame_add(struct tl_buffer *buffer, enum tl_message type, uint32_t request,
                  struct tally_bytes payload)
{
    uint8_t header[TL_FRAME_HEADER_LEN];
    tl_frame_header(header, type, request, payload.len);
    tl_buffer_add(buffer, tl_bytes(header, sizeof header));
    tl_buffer_add(buffer, payload);
}
