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
    uint64_t size;
};

static enum tally_status digest_chunk(void *context, struct tally_bytes chunk)
{
    struct digest *digest = context;
    tl_sha256_update(&digest->sha, chunk);
    digest->size += chunk.len;
    return TALLY_OK;
}

enum tally_status tl_source_digest(struct tl_source *source, const char *path,
                                   struct tally_hash *ret_hash, uint64_t *ret_size)
{
    struct digest digest = {.size = 0};
    tl_sha256_init(&digest.sha);
    enum tally_status status = tl_source_stream(source, path, digest_chunk, &digest);
    if (status != TALLY_OK) {
        return status;
    }
    *ret_hash = tl_sha256_final(&digest.sha);
    *ret_size = digest.size;
    return TALLY_OK;
}
