/* SPDX-License-Identifier: ISC */
/*
 * The text forms of the formats (docs/formats.md, "Conventions"), each canonical: what a parser
 * accepts, its formatter gives back byte for byte. Parsers take the whole view and answer EFORMAT
 * for anything else; outputs are set on success only.
 */
#ifndef TL_BASE_TEXT_H
#define TL_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#define TL_DECIMAL_MAX 21u /* characters of the longest decimal of 64 bits and a NUL */
#define TL_TIME_LEN 20u    /* 2026-11-23T15:56:07Z */
#define TL_HASH_BASE64_LEN 44u
#define TL_HASH_HEX_LEN 64u

/* 0 .. 2^63-1, no leading zero, no sign. */
TALLY_NODISCARD enum tally_status tl_decimal_parse(struct tally_bytes text, uint64_t *ret_value);

/*
 * Writes the digits and a NUL to dst (TL_DECIMAL_MAX bytes); returns the number of digits. Any
 * value can be written, so that a message can show it; what is 2^63 or more does not parse again.
 */
size_t tl_decimal_format(uint64_t value, char *dst);

#define TL_BASE64_LEN(len) (((len) + 2u) / 3u * 4u)

/* RFC 4648 section 4, padded, trailing bits zero. dst holds cap bytes; ETOOBIG when it is short. */
TALLY_NODISCARD enum tally_status tl_base64_parse(struct tally_bytes text, uint8_t *dst, size_t cap,
                                                  size_t *ret_len);

/* Writes TL_BASE64_LEN(bytes.len) characters, no NUL. */
void tl_base64_format(struct tally_bytes bytes, char *dst);

/* 32 bytes as 44 characters. */
TALLY_NODISCARD enum tally_status tl_hash_parse(struct tally_bytes text,
                                                struct tally_hash *ret_hash);
/* Writes 44 characters and a NUL. */
void tl_hash_format(const struct tally_hash *hash, char dst[TL_HASH_BASE64_LEN + 1]);

/* 32 bytes as 43 unpadded characters: an OpenSSH fingerprint without "SHA256:". */
TALLY_NODISCARD enum tally_status tl_fingerprint_parse(struct tally_bytes text,
                                                       struct tally_hash *ret_hash);
/* Writes 43 characters and a NUL. */
void tl_fingerprint_format(const struct tally_hash *hash, char dst[TALLY_FINGERPRINT_LEN + 1]);

/* Lower-case hexadecimal, two characters a byte; len is exactly half of the text. */
TALLY_NODISCARD enum tally_status tl_hex_parse(struct tally_bytes text, uint8_t *dst, size_t len);
/* Writes 2 * bytes.len characters and a NUL. */
void tl_hex_format(struct tally_bytes bytes, char *dst);

/* A real UTC time of the years 1970 to 9999 to the second, as seconds since 1970. */
TALLY_NODISCARD enum tally_status tl_time_parse(struct tally_bytes text, uint64_t *ret_seconds);
/* Writes 20 characters and a NUL; seconds must be before the year 10000. */
void tl_time_format(uint64_t seconds, char dst[TL_TIME_LEN + 1]);

/* [a-z][a-z0-9-]{0,31}: member ids, types, relations, reasons. */
bool tl_is_id(struct tally_bytes text);

/* Splits at the first space: *ret_head up to it, *ret_tail after it. False when there is none. */
bool tl_split_space(struct tally_bytes text, struct tally_bytes *ret_head,
                    struct tally_bytes *ret_tail);

#endif
