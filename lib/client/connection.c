/* SPDX-License-Identifier: ISC */
#include "lib/client/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "lib/base/check.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/client/exchange.h"
#include "lib/wire/frame.h"
#include "lib/wire/message.h"

#define READ_STEP 65536u
#define ERROR_TEXT_MAX 512u

struct tl_connection {
    int fd;
    int timeout_ms;
    uint32_t next_request;
    struct tl_buffer in;
    size_t in_used; /* bytes of the frame handed out last */
    struct tl_buffer out;
    struct tally_hash ledger;
    struct tl_buffer checkpoint;
    char error[ERROR_TEXT_MAX];
};

static enum tally_status fail(struct tl_connection *connection, enum tally_status status,
                              const char *text)
{
    size_t len = strlen(text);
    if (len >= sizeof connection->error) {
        len = sizeof connection->error - 1;
    }
    memcpy(connection->error, text, len);
    connection->error[len] = '\0';
    return status;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum tally_status wait_for(struct tl_connection *connection, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - now_ms();
        if (left <= 0) {
            return fail(connection, TALLY_ETIMEOUT, "the daemon did not answer in time");
        }
        struct pollfd poll_fd = {.fd = connection->fd, .events = events, .revents = 0};
        int ready = poll(&poll_fd, 1, (int)left);
        if (ready > 0) {
            return TALLY_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return fail(connection, TALLY_EIO, "waiting for the daemon failed");
        }
    }
}

static enum tally_status send_bytes(struct tl_connection *connection, struct tally_bytes bytes)
{
    int64_t deadline = now_ms() + connection->timeout_ms;
    while (bytes.len > 0) {
        ssize_t sent = send(connection->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes.ptr += sent;
            bytes.len -= (size_t)sent;
            deadline = now_ms() + connection->timeout_ms;
            continue;
        }
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno != EAGAIN) {
            return fail(connection, TALLY_ECONNECT, "the daemon closed the connection");
        }
        enum tally_status status = wait_for(connection, POLLOUT, deadline);
        if (status != TALLY_OK) {
            return status;
        }
    }
    return TALLY_OK;
}

enum tally_status tl_exchange_flush(struct tl_connection *connection)
{
    if (connection->out.status != TALLY_OK) {
        return connection->out.status;
    }
    enum tally_status status = send_bytes(connection, tl_buffer_bytes(&connection->out));
    tl_buffer_clear(&connection->out);
    return status;
}

static enum tally_status receive_more(struct tl_connection *connection, int64_t deadline)
{
    for (;;) {
        size_t before = connection->in.len;
        uint8_t *dst = tl_buffer_extend(&connection->in, READ_STEP);
        if (dst == NULL) {
            return connection->in.status;
        }
        ssize_t got = recv(connection->fd, dst, READ_STEP, 0);
        connection->in.len = before + (got > 0 ? (size_t)got : 0);
        if (got > 0) {
            return TALLY_OK;
        }
        if (got == 0) {
            return fail(connection, TALLY_ECONNECT, "the daemon closed the connection");
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN) {
            return fail(connection, TALLY_ECONNECT, "the connection to the daemon broke");
        }
        enum tally_status status = wait_for(connection, POLLIN, deadline);
        if (status != TALLY_OK) {
            return status;
        }
    }
}

enum tally_status tl_exchange_receive(struct tl_connection *connection, struct tl_frame *ret_frame)
{
    tl_buffer_consume(&connection->in, connection->in_used);
    connection->in_used = 0;
    int64_t deadline = now_ms() + connection->timeout_ms;
    for (;;) {
        size_t len = 0;
        enum tally_status status = tl_frame_peek(tl_buffer_bytes(&connection->in), ret_frame, &len);
        if (status == TALLY_OK) {
            connection->in_used = len;
            return TALLY_OK;
        }
        if (status != TALLY_ETRUNCATED) {
            return fail(connection, status, "the daemon broke the protocol");
        }
        status = receive_more(connection, deadline);
        if (status != TALLY_OK) {
            return status;
        }
    }
}

enum tally_status tl_exchange_refuse(struct tl_connection *connection, const struct tl_frame *frame)
{
    struct tl_error error;
    if (frame->type != TL_MESSAGE_ERROR || tl_error_decode(frame->payload, &error) != TALLY_OK) {
        return fail(connection, TALLY_EPROTOCOL, "the daemon gave an answer to another question");
    }
    size_t len = error.text.len < ERROR_TEXT_MAX ? error.text.len : ERROR_TEXT_MAX - 1;
    if (len > 0) {
        memcpy(connection->error, error.text.ptr, len);
    }
    connection->error[len] = '\0';
    return error.status;
}

bool tl_exchange_is_readable(struct tl_connection *connection)
{
    struct pollfd poll_fd = {.fd = connection->fd, .events = POLLIN, .revents = 0};
    return connection->in.len > connection->in_used || poll(&poll_fd, 1, 0) > 0;
}

struct tl_buffer *tl_exchange_out(struct tl_connection *connection)
{
    return &connection->out;
}

uint32_t tl_exchange_next_request(struct tl_connection *connection)
{
    return connection->next_request++;
}

static enum tally_status connect_to(const char *socket_path, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(socket_path) >= sizeof address.sun_path) {
        return TALLY_EINVAL;
    }
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return tl_status_from_errno(errno);
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        enum tally_status status = errno == EACCES ? TALLY_EACCES : TALLY_ECONNECT;
        tl_close(&fd);
        return status;
    }
    *ret_fd = fd;
    return TALLY_OK;
}

/* A daemon that turns somebody away may say so and close before it has read everything: what it
 * said is still there to be received. */
static enum tally_status flush_or_hear(struct tl_connection *connection)
{
    enum tally_status status = tl_exchange_flush(connection);
    return status == TALLY_ECONNECT ? TALLY_OK : status;
}

static enum tally_status greet(struct tl_connection *connection, struct tally_bytes checkpoint)
{
    struct tl_hello hello = {.version = TL_WIRE_VERSION, .checkpoint = checkpoint};
    tl_hello_add(&connection->out, tl_exchange_next_request(connection), &hello);
    enum tally_status status = flush_or_hear(connection);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_frame frame;
    status = tl_exchange_receive(connection, &frame);
    if (status != TALLY_OK) {
        return status;
    }
    if (frame.type != TL_MESSAGE_WELCOME) {
        return tl_exchange_refuse(connection, &frame);
    }
    struct tl_welcome welcome;
    status = tl_welcome_decode(frame.payload, &welcome);
    if (status != TALLY_OK || welcome.version != TL_WIRE_VERSION) {
        return fail(connection, TALLY_EPROTOCOL, "the daemon speaks another protocol version");
    }
    connection->ledger = welcome.ledger;
    tl_buffer_add(&connection->checkpoint, welcome.checkpoint);
    return connection->checkpoint.status;
}

enum tally_status tl_connection_open(const char *socket_path, int timeout_ms,
                                     struct tally_bytes checkpoint,
                                     struct tl_connection **ret_connection)
{
    struct tl_connection *connection = tl_calloc(1, sizeof *connection);
    if (connection == NULL) {
        return TALLY_ENOMEM;
    }
    connection->fd = -1;
    connection->timeout_ms = timeout_ms;
    connection->next_request = 1;
    tl_buffer_init(&connection->in, TALLY_SUBMISSION_MAX + 2 * READ_STEP);
    tl_buffer_init(&connection->out, TALLY_SUBMISSION_MAX + READ_STEP);
    tl_buffer_init(&connection->checkpoint, READ_STEP);
    enum tally_status status = connect_to(socket_path, &connection->fd);
    if (status == TALLY_OK) {
        status = greet(connection, checkpoint);
    }
    if (status != TALLY_OK) {
        tl_connection_close(connection);
        return status;
    }
    *ret_connection = connection;
    return TALLY_OK;
}

void tl_connection_close(struct tl_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    tl_close(&connection->fd);
    tl_buffer_deinit(&connection->in);
    tl_buffer_deinit(&connection->out);
    tl_buffer_deinit(&connection->checkpoint);
    tl_free(connection);
}

const struct tally_hash *tl_connection_ledger(const struct tl_connection *connection)
{
    return &connection->ledger;
}

struct tally_bytes tl_connection_checkpoint(const struct tl_connection *connection)
{
    return tl_buffer_bytes(&connection->checkpoint);
}

const char *tl_connection_error(const struct tl_connection *connection)
{
    return connection->error;
}

/* Sends one request and waits for its answer. */
static enum tally_status ask(struct tl_connection *connection, enum tl_message type,
                             struct tally_bytes payload, struct tl_frame *ret_frame)
{
    uint32_t request = tl_exchange_next_request(connection);
    tl_frame_add(&connection->out, type, request, payload);
    enum tally_status status = flush_or_hear(connection);
    while (status == TALLY_OK) {
        status = tl_exchange_receive(connection, ret_frame);
        if (status == TALLY_OK && ret_frame->request == request) {
            return TALLY_OK;
        }
    }
    return status;
}

enum tally_status tl_connection_submit(struct tl_connection *connection,
                                       struct tally_bytes submission, enum tl_answer *ret_answer,
                                       struct tl_buffer *answer)
{
    if (submission.len > TALLY_SUBMISSION_MAX) {
        return TALLY_ETOOBIG;
    }
    struct tl_frame frame;
    enum tally_status status = ask(connection, TL_MESSAGE_SUBMIT, submission, &frame);
    if (status != TALLY_OK) {
        return status;
    }
    if (frame.type != TL_MESSAGE_RECEIPT && frame.type != TL_MESSAGE_REJECTION) {
        return tl_exchange_refuse(connection, &frame);
    }
    *ret_answer = frame.type == TL_MESSAGE_RECEIPT ? TL_ANSWER_RECEIPT : TL_ANSWER_REJECTION;
    tl_buffer_add(answer, frame.payload);
    return answer->status;
}

enum tally_status tl_connection_state(struct tl_connection *connection, struct tl_buffer *state)
{
    struct tl_frame frame;
    enum tally_status status = ask(connection, TL_MESSAGE_STATUS, tl_bytes(NULL, 0), &frame);
    if (status != TALLY_OK) {
        return status;
    }
    if (frame.type != TL_MESSAGE_STATE) {
        return tl_exchange_refuse(connection, &frame);
    }
    tl_buffer_add(state, frame.payload);
    return state->status;
}
