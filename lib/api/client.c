/* SPDX-License-Identifier: ISC */
#include <tally/client.h>

#include "lib/archive/source.h"
#include "lib/base/bytes.h"
#include "lib/base/mem.h"
#include "lib/client/connection.h"
#include "lib/codec/entry_file.h"

#define ANSWER_MAX 131072u

/* The connection, and the source that reads through it: one thing to its user. */
struct tally_connection {
    struct tl_connection *connection; /* owned by source */
    struct tl_source *source;
};

void tally_data_free(struct tally_data *data)
{
    tl_free(data->ptr);
    *data = (struct tally_data){.ptr = NULL, .len = 0};
}

enum tally_status tally_connect(const char *socket_path, int timeout_ms,
                                struct tally_bytes checkpoint,
                                struct tally_connection **ret_connection)
{
    struct tally_connection *self = tl_calloc(1, sizeof *self);
    if (self == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status =
        tl_connection_open(socket_path, timeout_ms, checkpoint, &self->connection);
    if (status == TALLY_OK) {
        status = tl_source_open_connection(self->connection, &self->source);
        if (status != TALLY_OK) {
            tl_connection_close(self->connection);
        }
    }
    if (status != TALLY_OK) {
        tl_free(self);
        return status;
    }
    *ret_connection = self;
    return TALLY_OK;
}

void tally_disconnect(struct tally_connection *connection)
{
    if (connection != NULL) {
        tl_source_close(connection->source);
        tl_free(connection);
    }
}

const char *tally_connection_error(const struct tally_connection *connection)
{
    return tl_connection_error(connection->connection);
}

/* Hands the buffer's memory over to the caller. */
static enum tally_status give(struct tl_buffer *buffer, enum tally_status status,
                              struct tally_data *ret_data)
{
    if (status == TALLY_OK) {
        *ret_data = (struct tally_data){.ptr = buffer->ptr, .len = buffer->len};
    } else {
        tl_buffer_deinit(buffer);
    }
    return status;
}

enum tally_status tally_submit(struct tally_connection *connection, struct tally_bytes submission,
                               bool *ret_accepted, struct tally_data *ret_answer)
{
    struct tl_buffer answer;
    enum tl_answer kind = TL_ANSWER_REJECTION;
    tl_buffer_init(&answer, ANSWER_MAX);
    enum tally_status status =
        tl_connection_submit(connection->connection, submission, &kind, &answer);
    if (status == TALLY_OK) {
        *ret_accepted = kind == TL_ANSWER_RECEIPT;
    }
    return give(&answer, status, ret_answer);
}

enum tally_status tally_put_file(struct tally_connection *connection, const char *path,
                                 const struct tally_hash *hash, uint64_t size)
{
    return tl_connection_put(connection->connection, path, hash, size, NULL, NULL);
}

enum tally_status tally_entry_submission(struct tally_bytes entry_file, struct tally_data *ret_data)
{
    struct tl_entry_file entry;
    struct tl_buffer submission;
    enum tally_status status = tl_entry_file_decode(entry_file, &entry, NULL);
    if (status != TALLY_OK) {
        return status;
    }
    tl_buffer_init(&submission, TALLY_SUBMISSION_MAX);
    status = tl_entry_file_submission(&entry, &submission);
    tl_entry_file_deinit(&entry);
    return give(&submission, status, ret_data);
}

enum tally_status tally_read(struct tally_connection *connection, const char *path,
                             struct tally_data *ret_data)
{
    struct tl_buffer data;
    tl_buffer_init(&data, TL_RESOURCE_MAX);
    enum tally_status status = tl_source_read(connection->source, path, &data);
    return give(&data, status, ret_data);
}
