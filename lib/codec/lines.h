/* SPDX-License-Identifier: ISC */
/* "keyword value" lines, which most of the text formats are made of. Internal to the codec. */
#ifndef TL_CODEC_LINES_H
#define TL_CODEC_LINES_H

#include "lib/base/bytes.h"

/*
 * What follows the keyword in the next line; keyword ends with its space. The reader fails with
 * EFORMAT when the line begins otherwise.
 */
struct tally_bytes tl_read_value(struct tl_reader *reader, const char *keyword);

/*
 * Decodes text, all of it base64, to the end of a writer that writes to memory, and gives a view of
 * what is there then. EFORMAT; ETOOBIG above max or without room.
 */
TALLY_NODISCARD enum tally_status tl_store_base64(struct tl_writer *writer, struct tally_bytes text,
                                                  size_t max, struct tally_bytes *ret_bytes);

#endif
