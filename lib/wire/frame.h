/* SPDX-License-Identifier: ISC */
/*
 * Frame: how messages travel on a socket (docs/protocol.md, "Frames").
 * u32 length of what follows | u8 type | u32 request | payload. Pure; any thread.
 */
#ifndef TL_WIRE_FRAME_H
#define TL_WIRE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

#define TL_FRAME_HEADER_LEN 9u
#define TL_CHUNK_MAX 65536u   /* payload of one DATA or PUT_DATA frame */
#define TL_PATH_MAX_WIRE 128u /* payload of a GET */

/* Direction, number, name, largest payload. Numbers are never reused. */
#define TL_MESSAGE_MAP(X)                                                                          \
    X(HELLO, 0x01, "hello", 1024)                                                                  \
    X(SUBMIT, 0x02, "submit", TALLY_SUBMISSION_MAX)                                                \
    X(PUT, 0x03, "put", 40)                                                                        \
    X(PUT_DATA, 0x04, "put-data", TL_CHUNK_MAX)                                                    \
    X(PUT_END, 0x05, "put-end", 0)                                                                 \
    X(GET, 0x06, "get", TL_PATH_MAX_WIRE)                                                          \
    X(STATUS, 0x07, "status", 0)                                                                   \
    X(WELCOME, 0x81, "welcome", 1024)                                                              \
    X(RECEIPT, 0x82, "receipt", 131072)                                                            \
    X(REJECTION, 0x83, "rejection", 4096)                                                          \
    X(ERROR, 0x84, "error", 512)                                                                   \
    X(DATA, 0x85, "data", TL_CHUNK_MAX)                                                            \
    X(END, 0x86, "end", 0)                                                                         \
    X(READY, 0x87, "ready", 0)                                                                     \
    X(STORED, 0x88, "stored", 0)                                                                   \
    X(STATE, 0x89, "state", 65536)

enum tl_message {
#define TL_MESSAGE_ENUM(name, number, text, max) TL_MESSAGE_##name = (number),
    TL_MESSAGE_MAP(TL_MESSAGE_ENUM)
#undef TL_MESSAGE_ENUM
};

struct tl_frame {
    enum tl_message type;
    uint32_t request; /* chosen by the client, repeated in every answer */
    struct tally_bytes payload;
};

/* Largest payload of a type; false for an unknown type. */
bool tl_message_limit(uint8_t type, uint32_t *ret_max);
const char *tl_message_name(enum tl_message type);

/*
 * Looks at the front of bytes. OK: a whole frame, *ret_len its total length. ETRUNCATED: more bytes
 * are needed, *ret_len is the total that a whole frame takes once its header is there, which then
 * has given type and request, else the header's length. EPROTOCOL: unknown type or a length over
 * the type's limit; judged from the header alone, before anything is buffered.
 */
TALLY_NODISCARD enum tally_status tl_frame_peek(struct tally_bytes bytes,
                                                struct tl_frame *ret_frame, size_t *ret_len);

/* Appends header and payload. */
void tl_frame_add(struct tl_buffer *buffer, enum tl_message type, uint32_t request,
                  struct tally_bytes payload);

/* Writes a header of TL_FRAME_HEADER_LEN bytes for a payload that is sent from elsewhere. */
void tl_frame_header(uint8_t dst[TL_FRAME_HEADER_LEN], enum tl_message type, uint32_t request,
                     size_t payload_len);

#endif
