/* SPDX-License-Identifier: ISC */
/* Exchange: how the files of lib/client send and receive single frames on a connection. */
#ifndef TL_CLIENT_EXCHANGE_H
#define TL_CLIENT_EXCHANGE_H

#include <stdint.h>

#include <tally/status.h>

#include "lib/base/bytes.h"
#include "lib/client/connection.h"
#include "lib/wire/frame.h"

uint32_t tl_exchange_next_request(struct tl_connection *connection);

/* Where frames are added before a flush. */
struct tl_buffer *tl_exchange_out(struct tl_connection *connection);
TALLY_NODISCARD enum tally_status tl_exchange_flush(struct tl_connection *connection);

/* The next frame, whatever it answers; its payload lives until the next receive. */
TALLY_NODISCARD enum tally_status tl_exchange_receive(struct tl_connection *connection,
                                                      struct tl_frame *ret_frame);

/* The status of an ERROR frame, its text kept for tl_connection_error; EPROTOCOL for another. */
enum tally_status tl_exchange_refuse(struct tl_connection *connection,
                                     const struct tl_frame *frame);

/* True when an answer can be read without waiting. */
bool tl_exchange_is_readable(struct tl_connection *connection);

#endif
