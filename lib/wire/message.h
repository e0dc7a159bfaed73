/* SPDX-License-Identifier: ISC */
/* Payloads that are more than raw bytes (docs/protocol.md, "Messages"). Pure; any thread. */
#ifndef TL_WIRE_MESSAGE_H
#define TL_WIRE_MESSAGE_H

#include <stdint.h>

#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

#define TL_WIRE_VERSION 1u
#define TL_PATH_RECEIPT "receipt/" /* receipt/<index>: only on a socket */

/* HELLO: u16 version | u16 len | the newest checkpoint that the client holds, or nothing. */
struct tl_hello {
    uint16_t version;
    struct tally_bytes checkpoint;
};

/* WELCOME: u16 version | ledger id | u16 len | newest signed checkpoint. */
struct tl_welcome {
    uint16_t version;
    struct tally_hash ledger;
    struct tally_bytes checkpoint;
};

/* PUT: SHA-256 and size of an exhibit file that is about to be sent. */
struct tl_put {
    struct tally_hash hash;
    uint64_t size;
};

/* ERROR: i32 status | text. Nothing was decided about what was sent. */
struct tl_error {
    enum tally_status status;
    struct tally_bytes text; /* printable ASCII, for a person */
};

TALLY_NODISCARD enum tally_status tl_hello_decode(struct tally_bytes payload,
                                                  struct tl_hello *ret_hello);
TALLY_NODISCARD enum tally_status tl_welcome_decode(struct tally_bytes payload,
                                                    struct tl_welcome *ret_welcome);
TALLY_NODISCARD enum tally_status tl_put_decode(struct tally_bytes payload, struct tl_put *ret_put);
TALLY_NODISCARD enum tally_status tl_error_decode(struct tally_bytes payload,
                                                  struct tl_error *ret_error);

/* Append one whole frame. */
void tl_hello_add(struct tl_buffer *buffer, uint32_t request, const struct tl_hello *hello);
void tl_welcome_add(struct tl_buffer *buffer, uint32_t request, const struct tl_welcome *welcome);
void tl_put_add(struct tl_buffer *buffer, uint32_t request, const struct tl_put *put);
void tl_error_add(struct tl_buffer *buffer, uint32_t request, enum tally_status status,
                  const char *text);

#endif
