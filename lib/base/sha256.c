/* SPDX-License-Identifier: ISC */
#include "lib/base/sha256.h"

/* libsodium's return values here are constant: these functions cannot fail. */

void tl_sha256_init(struct tl_sha256 *sha)
{
    (void)crypto_hash_sha256_init(&sha->state);
}

void tl_sha256_update(struct tl_sha256 *sha, struct tally_bytes bytes)
{
    if (bytes.len > 0) {
        (void)crypto_hash_sha256_update(&sha->state, bytes.ptr, bytes.len);
    }
}

struct tally_hash tl_sha256_final(struct tl_sha256 *sha)
{
    struct tally_hash hash;
    (void)crypto_hash_sha256_final(&sha->state, hash.bytes);
    return hash;
}

struct tally_hash tl_sha256(struct tally_bytes bytes)
{
    struct tl_sha256 sha;
    tl_sha256_init(&sha);
    tl_sha256_update(&sha, bytes);
    return tl_sha256_final(&sha);
}
