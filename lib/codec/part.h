/* SPDX-License-Identifier: ISC */
/*
 * Part: one named piece of content under its own salt (docs/formats.md, "Parts").
 * The commitment is the leaf hash of the part's bytes; the parts root is the tree over them.
 * Pure; any thread.
 */
#ifndef TL_CODEC_PART_H
#define TL_CODEC_PART_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

#define TL_SALT_LEN 32u
#define TL_PART_HEADER_LEN 98u /* salt, author, ledger, name length */
#define TL_PART_NAME_MAX 4096u /* bytes */
#define TL_PART_MAX (TL_PART_HEADER_LEN + TL_PART_NAME_MAX + TALLY_PART_VALUE_MAX)

struct tl_part {
    uint8_t salt[TL_SALT_LEN];
    struct tally_hash author; /* fingerprint of the author's key */
    struct tally_hash ledger;
    struct tally_bytes name;  /* a JSON Pointer, not empty; borrowed */
    struct tally_bytes value; /* borrowed */
};

/* EFORMAT (the name is no JSON Pointer), ETRUNCATED, ETOOBIG. */
TALLY_NODISCARD enum tally_status tl_part_decode(struct tally_bytes bytes,
                                                 struct tl_part *ret_part);

void tl_part_encode(const struct tl_part *part, struct tl_buffer *buffer);

/* SHA-256(0x00 || part bytes). */
struct tally_hash tl_part_commitment(struct tally_bytes bytes);

/* "/" reference tokens with ~0 and ~1 escapes, valid UTF-8, at most TL_PART_NAME_MAX bytes. */
bool tl_is_json_pointer(struct tally_bytes name);

/* The four lines of an /exhibits/NAME part. */
struct tl_exhibit_value {
    struct tally_hash sha256;
    uint64_t size;
    struct tally_bytes media_type; /* printable ASCII, 1..127 bytes; borrowed */
    bool is_stored;                /* false: the bytes stay with the author */
    struct tally_hash stored;      /* the hash of its file line */
};

#define TL_EXHIBIT_PREFIX "/exhibits/"

TALLY_NODISCARD enum tally_status tl_exhibit_value_decode(struct tally_bytes value,
                                                          struct tl_exhibit_value *ret_exhibit);
void tl_exhibit_value_encode(const struct tl_exhibit_value *exhibit, struct tl_buffer *buffer);

/* True for "/exhibits/" and exactly one non-empty token after it. */
bool tl_is_exhibit_name(struct tally_bytes name);

#define TL_CLOCK_STEP_NAME "/clock/step_us"

/* A negative decimal ("-1500000") as its magnitude. EFORMAT. */
TALLY_NODISCARD enum tally_status tl_clock_step_decode(struct tally_bytes value,
                                                       uint64_t *ret_back_us);

#endif
