/* SPDX-License-Identifier: ISC */
/* Leaving an exhibit file with the ledger: PUT, PUT_DATA ..., PUT_END. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/sha256.h"
#include "lib/client/connection.h"
#include "lib/client/exchange.h"
#include "lib/wire/frame.h"
#include "lib/wire/message.h"

struct upload {
    struct tl_connection *connection;
    uint32_t request;
    int fd;
    uint64_t size;
    void (*progress)(void *context, uint64_t done, uint64_t size);
    void *context;
};

/* Waits for READY or STORED; *ret_stored tells them apart. */
static enum tally_status await(const struct upload *upload, bool *ret_stored)
{
    for (;;) {
        struct tl_frame frame;
        enum tally_status status = tl_exchange_receive(upload->connection, &frame);
        if (status != TALLY_OK) {
            return status;
        }
        if (frame.request != upload->request) {
            continue;
        }
        *ret_stored = frame.type == TL_MESSAGE_STORED;
        return *ret_stored || frame.type == TL_MESSAGE_READY
                   ? TALLY_OK
                   : tl_exchange_refuse(upload->connection, &frame);
    }
}

static enum tally_status send_chunk(const struct upload *upload, struct tally_bytes chunk)
{
    tl_frame_add(tl_exchange_out(upload->connection), TL_MESSAGE_PUT_DATA, upload->request, chunk);
    enum tally_status status = tl_exchange_flush(upload->connection);
    if (status != TALLY_OK || !tl_exchange_is_readable(upload->connection)) {
        return status;
    }
    bool stored = false;
    status = await(upload, &stored);
    return status == TALLY_OK ? TALLY_EPROTOCOL : status;
}

/* The file is hashed again while it is sent: a file that changed since composing stops here. */
static enum tally_status send_file(const struct upload *upload, uint8_t *chunk,
                                   const struct tally_hash *expected)
{
    struct tl_sha256 sha;
    tl_sha256_init(&sha);
    uint64_t done = 0;
    while (done < upload->size) {
        size_t want =
            upload->size - done < TL_CHUNK_MAX ? (size_t)(upload->size - done) : TL_CHUNK_MAX;
        size_t len = 0;
        enum tally_status status = tl_read_full(upload->fd, chunk, want, &len);
        if (status != TALLY_OK) {
            return status;
        }
        if (len < want) {
            return TALLY_EFORMAT;
        }
        tl_sha256_update(&sha, tl_bytes(chunk, len));
        done += len;
        if (done == upload->size) {
            struct tally_hash hash = tl_sha256_final(&sha);
            if (!tl_hash_equal(&hash, expected)) {
                return TALLY_EFORMAT;
            }
        }
        status = send_chunk(upload, tl_bytes(chunk, len));
        if (status != TALLY_OK) {
            return status;
        }
        if (upload->progress != NULL) {
            upload->progress(upload->context, done, upload->size);
        }
    }
    return TALLY_OK;
}

static enum tally_status run(const struct upload *upload, const struct tally_hash *hash)
{
    struct tl_put put = {.hash = *hash, .size = upload->size};
    tl_put_add(tl_exchange_out(upload->connection), upload->request, &put);
    enum tally_status status = tl_exchange_flush(upload->connection);
    bool stored = false;
    if (status == TALLY_OK) {
        status = await(upload, &stored);
    }
    if (status != TALLY_OK || stored) {
        return status;
    }
    uint8_t *chunk = tl_alloc(TL_CHUNK_MAX);
    if (chunk == NULL) {
        return TALLY_ENOMEM;
    }
    status = send_file(upload, chunk, hash);
    tl_free(chunk);
    if (status != TALLY_OK) {
        return status;
    }
    tl_frame_add(tl_exchange_out(upload->connection), TL_MESSAGE_PUT_END, upload->request,
                 tl_bytes(NULL, 0));
    status = tl_exchange_flush(upload->connection);
    if (status == TALLY_OK) {
        status = await(upload, &stored);
    }
    return status == TALLY_OK && !stored ? TALLY_EPROTOCOL : status;
}

enum tally_status tl_connection_put(struct tl_connection *connection, const char *path,
                                    const struct tally_hash *hash, uint64_t size,
                                    void (*progress)(void *context, uint64_t done, uint64_t size),
                                    void *context)
{
    struct upload upload = {
        .connection = connection,
        .request = tl_exchange_next_request(connection),
        .fd = open(path, O_RDONLY | O_CLOEXEC),
        .size = size,
        .progress = progress,
        .context = context,
    };
    if (upload.fd < 0) {
        return tl_status_from_errno(errno);
    }
    enum tally_status status = run(&upload, hash);
    tl_close(&upload.fd);
    return status;
}
