/* SPDX-License-Identifier: ISC */
/* Damages a good sample in every small way: nothing may be accepted that has a second spelling. */
#ifndef TEST_CODEC_DAMAGE_H
#define TEST_CODEC_DAMAGE_H

#include <stddef.h>

#include "tests/codec/roundtrip.h"

/* Cuts the sample at every length below its own; returns how many of these were accepted. */
size_t damage_truncate(struct tally_bytes sample, roundtrip_fn roundtrip);

/*
 * Puts another byte in every place: each single bit flipped, and each byte that means something to
 * a format. Returns how many of these were accepted.
 */
size_t damage_flip(struct tally_bytes sample, roundtrip_fn roundtrip);

/* Deletes, doubles and appends one byte everywhere; returns how many were accepted. */
size_t damage_shift(struct tally_bytes sample, roundtrip_fn roundtrip);

/* All three, after making sure that the sample itself is accepted. */
void damage_all(struct tally_bytes sample, roundtrip_fn roundtrip);

#endif
