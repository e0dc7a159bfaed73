/* SPDX-License-Identifier: ISC */
/*
 * A daemon's socket as a source. Prefetched paths are asked for at once and their answers kept
 * until they are read, whatever the order in which the daemon gives them.
 */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/client/connection.h"
#include "lib/client/exchange.h"
#include "lib/wire/frame.h"
#include "lib/wire/message.h"

#define PENDING_MAX 16u

struct pending {
    bool in_use;
    bool complete;
    bool is_refused; /* nobody wants the rest of the answer: it is dropped as it comes */
    uint32_t request;
    enum tally_status status;
    char path[TL_PATH_MAX_WIRE + 1];
    struct tl_buffer data;
};

struct connection_source {
    struct tl_source source; /* first: a tl_source is cast back to this */
    struct tl_connection *connection;
    struct pending pending[PENDING_MAX];
};

static struct pending *find_path(struct connection_source *self, const char *path)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *pending = &self->pending[i];
        if (pending->in_use && !pending->is_refused && strcmp(pending->path, path) == 0) {
            return pending;
        }
    }
    return NULL;
}

static struct pending *find_request(struct connection_source *self, uint32_t request)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (self->pending[i].in_use && self->pending[i].request == request) {
            return &self->pending[i];
        }
    }
    return NULL;
}

static void release(struct pending *pending)
{
    pending->in_use = false;
    tl_buffer_clear(&pending->data);
}

/* Adds the request to the outgoing bytes. NULL when no place is free or the path is too long. */
static struct pending *start(struct connection_source *self, const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < PENDING_MAX && len <= TL_PATH_MAX_WIRE; i++) {
        struct pending *pending = &self->pending[i];
        if (pending->in_use) {
            continue;
        }
        pending->in_use = true;
        pending->complete = false;
        pending->is_refused = false;
        pending->status = TALLY_OK;
        pending->request = tl_exchange_next_request(self->connection);
        memcpy(pending->path, path, len + 1);
        tl_buffer_clear(&pending->data);
        tl_frame_add(tl_exchange_out(self->connection), TL_MESSAGE_GET, pending->request,
                     tl_bytes(path, len));
        return pending;
    }
    return NULL;
}

static enum tally_status start_and_flush(struct connection_source *self, const char *path,
                                         struct pending **ret_pending)
{
    struct pending *pending = start(self, path);
    if (pending == NULL) {
        return strlen(path) > TL_PATH_MAX_WIRE ? TALLY_EINVAL : TALLY_EBUSY;
    }
    enum tally_status status = tl_exchange_flush(self->connection);
    if (status != TALLY_OK) {
        release(pending);
        return status;
    }
    *ret_pending = pending;
    return TALLY_OK;
}

/* Takes one frame off the connection. *ret_data: its chunk, where it belongs to direct. */
static enum tally_status route(struct connection_source *self, const struct pending *direct,
                               struct tally_bytes *ret_data)
{
    struct tl_frame frame;
    *ret_data = tl_bytes(NULL, 0);
    enum tally_status status = tl_exchange_receive(self->connection, &frame);
    if (status != TALLY_OK) {
        return status;
    }
    struct pending *pending = find_request(self, frame.request);
    if (pending == NULL || pending->complete) {
        return TALLY_EPROTOCOL;
    }
    if (frame.type == TL_MESSAGE_DATA && pending == direct) {
        *ret_data = frame.payload;
    } else if (pending->is_refused) {
        pending->in_use = frame.type == TL_MESSAGE_DATA;
    } else if (frame.type == TL_MESSAGE_DATA) {
        tl_buffer_add(&pending->data, frame.payload);
        return pending->data.status;
    } else {
        pending->complete = true;
        pending->status =
            frame.type == TL_MESSAGE_END ? TALLY_OK : tl_exchange_refuse(self->connection, &frame);
    }
    return TALLY_OK;
}

static enum tally_status source_stream(struct tl_source *source, const char *path,
                                       tl_chunk_fn chunk, void *context)
{
    struct connection_source *self = (struct connection_source *)source;
    struct pending *pending = NULL;
    enum tally_status status = start_and_flush(self, path, &pending);
    if (status != TALLY_OK) {
        return status;
    }
    while (status == TALLY_OK && !pending->complete) {
        struct tally_bytes data;
        status = route(self, pending, &data);
        enum tally_status result = TALLY_OK;
        if (status == TALLY_OK && data.len > 0) {
            result = chunk(context, data);
        }
        if (result != TALLY_OK) {
            pending->is_refused = true;
            return result;
        }
    }
    if (status == TALLY_OK) {
        status = pending->status;
    }
    release(pending);
    return status;
}

static enum tally_status source_read(struct tl_source *source, const char *path,
                                     struct tl_buffer *buffer)
{
    struct connection_source *self = (struct connection_source *)source;
    struct pending *pending = find_path(self, path);
    enum tally_status status = TALLY_OK;
    if (pending == NULL) {
        status = start_and_flush(self, path, &pending);
    }
    while (status == TALLY_OK && !pending->complete) {
        struct tally_bytes unused;
        status = route(self, NULL, &unused);
    }
    if (status == TALLY_OK) {
        status = pending->status;
    }
    if (status == TALLY_OK) {
        tl_buffer_add(buffer, tl_buffer_bytes(&pending->data));
        status = buffer->status;
    }
    if (pending != NULL) {
        release(pending);
    }
    return status;
}

static void source_prefetch(struct tl_source *source, const char *const *paths, size_t count)
{
    struct connection_source *self = (struct connection_source *)source;
    for (size_t i = 0; i < count; i++) {
        /* One place stays free for a read that nobody announced. */
        size_t in_use = 0;
        for (size_t k = 0; k < PENDING_MAX; k++) {
            in_use += self->pending[k].in_use ? 1 : 0;
        }
        if (in_use + 1 >= PENDING_MAX) {
            break;
        }
        if (find_path(self, paths[i]) == NULL) {
            (void)start(self, paths[i]);
        }
    }
    /* A failure shows again in the read that wants the answer. */
    (void)!tl_exchange_flush(self->connection);
}

static void source_close(struct tl_source *source)
{
    struct connection_source *self = (struct connection_source *)source;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        tl_buffer_deinit(&self->pending[i].data);
    }
    tl_connection_close(self->connection);
    tl_free(self);
}

enum tally_status tl_source_open_connection(struct tl_connection *connection,
                                            struct tl_source **ret_source)
{
    static const struct tl_source_ops ops = {
        .read = source_read,
        .stream = source_stream,
        .prefetch = source_prefetch,
        .close = source_close,
    };
    struct connection_source *self = tl_calloc(1, sizeof *self);
    if (self == NULL) {
        return TALLY_ENOMEM;
    }
    self->source.ops = &ops;
    self->connection = connection;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        tl_buffer_init(&self->pending[i].data, TL_RESOURCE_MAX);
    }
    *ret_source = &self->source;
    return TALLY_OK;
}
