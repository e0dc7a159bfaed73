/* SPDX-License-Identifier: ISC */
#include "lib/archive/source.h"

#include "lib/base/sha256.h"

enum tally_status tl_source_read(struct tl_source *source, const char *path,
                                 struct tl_buffer *buffer)
{
    return source->ops->read(source, path, buffer);
}

enum tally_status tl_source_stream(struct tl_source *source, const char *path, tl_chunk_fn chunk,
                                   void *context)
{
    return source->ops->stream(source, path, chunk, context);
}

void tl_source_prefetch(struct tl_source *source, const char *const *paths, size_t count)
{
    if (source->ops->prefetch != NULL) {
        source->ops->prefetch(source, paths, count);
    }
}

void tl_source_close(struct tl_source *source)
{
    if (source != NULL) {
        source->ops->close(source);
    }
}

struct digest {
    struct tl_sha256 sha;
    uint64_t left; /* bytes that may still come */
    bool is_beyond;
};

static enum tally_status digest_chunk(void *context, struct tally_bytes chunk)
{
    struct digest *digest = context;
    if (chunk.len > digest->left) {
        digest->is_beyond = true;
        return TALLY_ETOOBIG;
    }
    tl_sha256_update(&digest->sha, chunk);
    digest->left -= chunk.len;
    return TALLY_OK;
}

enum tally_status tl_source_holds(struct tl_source *source, const char *path,
                                  const struct tally_hash *hash, uint64_t size, bool *ret_holds)
{
    struct digest digest = {.left = size};
    tl_sha256_init(&digest.sha);
    enum tally_status status = tl_source_stream(source, path, digest_chunk, &digest);
    if (digest.is_beyond) {
        *ret_holds = false;
        return TALLY_OK;
    }
    if (status == TALLY_OK) {
        struct tally_hash found = tl_sha256_final(&digest.sha);
        *ret_holds = digest.left == 0 && tl_hash_equal(&found, hash);
    }
    return status;
}
