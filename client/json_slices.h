/* SPDX-License-Identifier: ISC */
/*
 * Slices: the author's own bytes of each value in a JSON text that a parser has accepted already.
 * Nothing is printed again, so numbers, spellings and spaces stay as they were signed.
 */
#ifndef CLIENT_JSON_SLICES_H
#define CLIENT_JSON_SLICES_H

#include <stdbool.h>

#include <tally/types.h>

#include "lib/base/bytes.h"

/* Steps into an object or array: *ret_rest is its inside. False when value is neither. */
bool json_enter(struct tally_bytes value, char bracket, struct tally_bytes *ret_rest);

/* The next member of an object: its key with quotes and its value, without surrounding space. */
bool json_next_member(struct tally_bytes *rest, struct tally_bytes *ret_key,
                      struct tally_bytes *ret_value);

/* The next element of an array. */
bool json_next_element(struct tally_bytes *rest, struct tally_bytes *ret_value);

/* Appends "/" and the reference token of a quoted key, decoded and with ~0 and ~1. */
bool json_add_token(struct tl_buffer *pointer, struct tally_bytes quoted_key);

#endif
