/* SPDX-License-Identifier: ISC */
/*
 * SHA-256, whole or in pieces. This pair of files alone knows which library computes it: Nettle,
 * which uses the processor's own instructions where there are any. Any thread.
 */
#ifndef TL_BASE_SHA256_H
#define TL_BASE_SHA256_H

#include <nettle/sha2.h>

#include <tally/types.h>

struct tl_sha256 {
    struct sha256_ctx state;
};

void tl_sha256_init(struct tl_sha256 *sha);
void tl_sha256_update(struct tl_sha256 *sha, struct tally_bytes bytes);
struct tally_hash tl_sha256_final(struct tl_sha256 *sha);
struct tally_hash tl_sha256(struct tally_bytes bytes);

#endif
