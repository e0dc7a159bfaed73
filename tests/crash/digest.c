/* SPDX-License-Identifier: ISC */
#include "tests/crash/digest.h"

#include <string.h>

#include "lib/base/sha256.h"

struct digest digest_of(enum digest_kind kind, uint64_t node, uint64_t number,
                        struct tally_bytes bytes)
{
    struct digest digest;
    struct tl_sha256 sha;
    uint64_t place[] = {kind, node, number};
    tl_sha256_init(&sha);
    tl_sha256_update(&sha, tl_bytes((const uint8_t *)place, sizeof place));
    tl_sha256_update(&sha, bytes);
    struct tally_hash hash = tl_sha256_final(&sha);
    memcpy(&digest, hash.bytes, sizeof digest);
    return digest;
}

void digest_add(struct digest *sum, const struct digest *digest)
{
    sum->low += digest->low;
    sum->high += digest->high + (sum->low < digest->low);
}

void digest_take(struct digest *sum, const struct digest *digest)
{
    sum->high -= digest->high + (sum->low < digest->low);
    sum->low -= digest->low;
}
