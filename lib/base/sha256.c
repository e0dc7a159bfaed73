/* SPDX-License-Identifier: ISC */
#include "lib/base/sha256.h"

void tl_sha256_init(struct tl_sha256 *sha)
{
    sha256_init(&sha->state);
}

void tl_sha256_update(struct tl_sha256 *sha, struct tally_bytes bytes)
{
    if (bytes.len > 0) {
        sha256_update(&sha->state, bytes.len, bytes.ptr);
    }
}

struct tally_hash tl_sha256_final(struct tl_sha256 *sha)
{
    struct tally_hash hash;
    sha256_digest(&sha->state, sizeof hash.bytes, hash.bytes);
    return hash;
}

struct tally_hash tl_sha256(struct tally_bytes bytes)
{
    struct tl_sha256 sha;
    tl_sha256_init(&sha);
    tl_sha256_update(&sha, bytes);
    return tl_sha256_final(&sha);
}
