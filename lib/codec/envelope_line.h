/* SPDX-License-Identifier: ISC */
/*
 * The value of one sealed, file or ref line, without its keyword: read when an envelope is decoded,
 * and again by whoever walks its lists. Internal to the codec.
 */
#ifndef TL_CODEC_ENVELOPE_LINE_H
#define TL_CODEC_ENVELOPE_LINE_H

#include <stdbool.h>

#include "lib/codec/envelope.h"

bool tl_sealed_line_parse(struct tally_bytes value, struct tl_sealed_line *ret_line);
bool tl_file_line_parse(struct tally_bytes value, struct tl_file_line *ret_line);
bool tl_ref_line_parse(struct tally_bytes value, struct tl_ref_line *ret_line);

/* An operation is one or more printable ASCII characters; what they mean is the roster's work. */
bool tl_op_line_parse(struct tally_bytes value, struct tally_bytes *ret_operation);

/* True for the types whose operations change the constitution: charter, amendment, continuation. */
bool tl_is_constitution_type(struct tally_bytes type);

#endif
