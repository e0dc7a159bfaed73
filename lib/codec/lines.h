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

#endif
