/* SPDX-License-Identifier: ISC */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure. */
#ifndef TL_CODEC_UTF8_H
#define TL_CODEC_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/types.h>

/* Takes one character off the front of *text. False when the text is empty or not UTF-8 there. */
bool tl_utf8_next(struct tally_bytes *text, uint32_t *ret_character);

bool tl_is_utf8(struct tally_bytes text);

#endif
