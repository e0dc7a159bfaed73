/* SPDX-License-Identifier: ISC */
/*
 * Target: tl_frame_peek and the payloads of lib/wire/message.h. A frame is the same however much of
 * it has arrived, and what decodes is encoded to the same bytes.
 */
#include "lib/wire/frame.h"
#include "lib/wire/message.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 500u /* of an ERROR that the daemon would write */
#define FRAME_MAX (TALLY_SUBMISSION_MAX + TL_FRAME_HEADER_LEN)

static void encode_hello(const struct tl_frame *frame, struct tl_buffer *buffer)
{
    struct tl_hello hello;
    if (tl_hello_decode(frame->payload, &hello) == TALLY_OK) {
        tl_hello_add(buffer, frame->request, &hello);
    }
}

static void encode_welcome(const struct tl_frame *frame, struct tl_buffer *buffer)
{
    struct tl_welcome welcome;
    if (tl_welcome_decode(frame->payload, &welcome) == TALLY_OK) {
        tl_welcome_add(buffer, frame->request, &welcome);
    }
}

static void encode_put(const struct tl_frame *frame, struct tl_buffer *buffer)
{
    struct tl_put put;
    if (tl_put_decode(frame->payload, &put) == TALLY_OK) {
        tl_put_add(buffer, frame->request, &put);
    }
}

static void encode_error(const struct tl_frame *frame, struct tl_buffer *buffer)
{
    char text[TEXT_MAX + 1];
    struct tl_error error;
    if (tl_error_decode(frame->payload, &error) != TALLY_OK || error.text.len > TEXT_MAX) {
        return;
    }
    for (size_t i = 0; i < error.text.len; i++) {
        text[i] = (char)error.text.ptr[i];
    }
    text[error.text.len] = '\0';
    tl_error_add(buffer, frame->request, error.status, text);
}

static void check_payload(const struct tl_frame *frame, struct tally_bytes whole)
{
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, FRAME_MAX);
    if (frame->type == TL_MESSAGE_HELLO) {
        encode_hello(frame, &buffer);
    } else if (frame->type == TL_MESSAGE_WELCOME) {
        encode_welcome(frame, &buffer);
    } else if (frame->type == TL_MESSAGE_PUT) {
        encode_put(frame, &buffer);
    } else if (frame->type == TL_MESSAGE_ERROR) {
        encode_error(frame, &buffer);
    }
    if (buffer.len == 0) {
        tl_frame_add(&buffer, frame->type, frame->request, frame->payload);
    }
    fuzz_require_same(&buffer, whole);
}

static void check_prefix(struct tally_bytes whole, size_t len)
{
    struct tl_frame frame;
    size_t need = 0;
    FUZZ_REQUIRE(tl_frame_peek(tl_bytes(whole.ptr, len), &frame, &need) == TALLY_ETRUNCATED);
    FUZZ_REQUIRE(need == (len < TL_FRAME_HEADER_LEN ? TL_FRAME_HEADER_LEN : whole.len));
}

/* The length of the frame at the front; 0: there is none. */
static size_t check_frame(struct tally_bytes bytes)
{
    struct tl_frame frame;
    size_t len = 0;
    enum tally_status status = tl_frame_peek(bytes, &frame, &len);
    if (status == TALLY_EPROTOCOL) {
        struct tally_bytes header = tl_bytes(bytes.ptr, TL_FRAME_HEADER_LEN);
        FUZZ_REQUIRE(tl_frame_peek(header, &frame, &len) == TALLY_EPROTOCOL);
    }
    if (status != TALLY_OK) {
        return 0;
    }
    struct tally_bytes whole = tl_bytes(bytes.ptr, len);
    FUZZ_REQUIRE(len <= bytes.len && len == TL_FRAME_HEADER_LEN + frame.payload.len);
    for (size_t i = 0; i < len; i += i < TL_FRAME_HEADER_LEN ? 1 : 1 + len / 8) {
        check_prefix(whole, i);
    }
    check_payload(&frame, whole);
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_bytes rest = tl_bytes(data, size);
    size_t len = 0;
    do {
        len = check_frame(rest);
        rest = tl_bytes(rest.ptr + len, rest.len - len);
    } while (len > 0);
    return 0;
}
