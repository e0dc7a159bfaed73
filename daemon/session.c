/* SPDX-License-Identifier: ISC */
#include "daemon/session.h"

#include "lib/base/check.h"

enum {
    BOTH = TL_SOCKET_SUBMIT | TL_SOCKET_READ,
};

typedef void (*message_fn)(struct tl_session *session, const struct tl_frame *frame);

static void refuse(struct tl_session *session, uint32_t request, enum tally_status status,
                   const char *text)
{
    tl_session_end(session);
    session->ops->refuse(session->owner, request, status, text);
}

static void on_hello(struct tl_session *session, const struct tl_frame *frame)
{
    struct tl_hello hello;
    if (tl_hello_decode(frame->payload, &hello) != TALLY_OK) {
        refuse(session, frame->request, TALLY_EPROTOCOL, "malformed HELLO");
        return;
    }
    if (hello.version != TL_WIRE_VERSION) {
        refuse(session, frame->request, TALLY_EUNSUPPORTED, "this daemon speaks version 1");
        return;
    }
    session->state = TL_SESSION_JUDGING;
    session->ops->hello(session->owner, frame->request, hello.checkpoint);
}

static void on_submit(struct tl_session *session, const struct tl_frame *frame)
{
    session->ops->submit(session->owner, frame->request, frame->payload);
}

static void on_put(struct tl_session *session, const struct tl_frame *frame)
{
    struct tl_put put;
    if (session->upload) {
        refuse(session, frame->request, TALLY_EPROTOCOL, "an upload is open already");
        return;
    }
    if (tl_put_decode(frame->payload, &put) != TALLY_OK) {
        refuse(session, frame->request, TALLY_EPROTOCOL, "malformed PUT");
        return;
    }
    session->upload = true;
    session->upload_request = frame->request;
    session->ops->put(session->owner, frame->request, &put);
}

/* Data for no open upload may have been under way when that upload ended: it is ignored. */
static bool is_for_upload(const struct tl_session *session, const struct tl_frame *frame)
{
    return session->upload && frame->request == session->upload_request;
}

static void on_put_data(struct tl_session *session, const struct tl_frame *frame)
{
    if (is_for_upload(session, frame)) {
        session->ops->put_data(session->owner, frame->payload);
    }
}

static void on_put_end(struct tl_session *session, const struct tl_frame *frame)
{
    if (is_for_upload(session, frame)) {
        session->ops->put_end(session->owner);
    }
}

static void on_get(struct tl_session *session, const struct tl_frame *frame)
{
    session->ops->get(session->owner, frame->request, frame->payload);
}

static void on_status(struct tl_session *session, const struct tl_frame *frame)
{
    session->ops->status(session->owner, frame->request);
}

/* What is not in the table is a protocol error. */
static const struct {
    enum tl_session_state state;
    enum tl_message message;
    int sockets;
    message_fn handle;
} table[] = {
    {TL_SESSION_GREETING, TL_MESSAGE_HELLO, BOTH, on_hello},
    {TL_SESSION_OPEN, TL_MESSAGE_SUBMIT, TL_SOCKET_SUBMIT, on_submit},
    {TL_SESSION_OPEN, TL_MESSAGE_PUT, TL_SOCKET_SUBMIT, on_put},
    {TL_SESSION_OPEN, TL_MESSAGE_PUT_DATA, TL_SOCKET_SUBMIT, on_put_data},
    {TL_SESSION_OPEN, TL_MESSAGE_PUT_END, TL_SOCKET_SUBMIT, on_put_end},
    {TL_SESSION_OPEN, TL_MESSAGE_GET, BOTH, on_get},
    {TL_SESSION_OPEN, TL_MESSAGE_STATUS, BOTH, on_status},
};

#define TABLE_COUNT (sizeof table / sizeof table[0])

/* What handles such a message now. NULL when it is not allowed: the session has ended. */
static message_fn find_handler(struct tl_session *session, const struct tl_frame *frame)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (table[i].state != session->state || table[i].message != frame->type) {
            continue;
        }
        if ((table[i].sockets & (int)session->socket) == 0) {
            refuse(session, frame->request, TALLY_EACCES, "this socket is for reading only");
            return NULL;
        }
        return table[i].handle;
    }
    refuse(session, frame->request, TALLY_EPROTOCOL, "this message is not allowed now");
    return NULL;
}

void tl_session_init(struct tl_session *session, enum tl_socket socket,
                     const struct tl_session_ops *ops, void *owner)
{
    *session = (struct tl_session){
        .state = TL_SESSION_GREETING, .socket = socket, .ops = ops, .owner = owner};
}

static bool takes_frames(const struct tl_session *session)
{
    return !session->held &&
           (session->state == TL_SESSION_GREETING || session->state == TL_SESSION_OPEN);
}

/*
 * Handles the frame in front once it is whole, and returns its length; else 0. One that may not
 * come is refused from its header.
 */
static size_t take_frame(struct tl_session *session, struct tally_bytes bytes, size_t *ret_need)
{
    struct tl_frame frame;
    size_t len = 0;
    enum tally_status status = tl_frame_peek(bytes, &frame, &len);
    if (status != TALLY_OK && status != TALLY_ETRUNCATED) {
        refuse(session, 0, TALLY_EPROTOCOL, "unknown message or too long for its type");
        return 0;
    }
    if (bytes.len < TL_FRAME_HEADER_LEN) {
        *ret_need = len;
        return 0;
    }
    message_fn handle = find_handler(session, &frame);
    if (handle != NULL && status == TALLY_OK) {
        handle(session, &frame);
    } else if (handle != NULL) {
        *ret_need = len;
    }
    return status == TALLY_OK ? len : 0;
}

size_t tl_session_feed(struct tl_session *session, struct tally_bytes bytes, size_t *ret_need)
{
    size_t taken = 0;
    size_t len = 0;
    *ret_need = 0;
    do {
        struct tally_bytes rest = tl_bytes(bytes.ptr + taken, bytes.len - taken);
        len = takes_frames(session) ? take_frame(session, rest, ret_need) : 0;
        taken += len;
    } while (len > 0);
    return taken;
}

void tl_session_hold(struct tl_session *session, bool held)
{
    session->held = held;
}

void tl_session_welcome(struct tl_session *session)
{
    TL_ASSERT(session->state == TL_SESSION_JUDGING);
    session->state = TL_SESSION_OPEN;
}

void tl_session_upload_over(struct tl_session *session)
{
    session->upload = false;
}

void tl_session_end(struct tl_session *session)
{
    session->state = TL_SESSION_ENDED;
}

const char *tl_session_state_name(enum tl_session_state state)
{
    switch (state) {
#define TL_SESSION_STATE_CASE(name, text)                                                          \
    case TL_SESSION_##name:                                                                        \
        return text;
        TL_SESSION_STATE_MAP(TL_SESSION_STATE_CASE)
#undef TL_SESSION_STATE_CASE
    }
    return "";
}
