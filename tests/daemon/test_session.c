/* SPDX-License-Identifier: ISC */
/* The protocol table: every message in every state on both sockets, and bytes cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/session.h"

#define EVENT_MAX 64u

enum event_kind {
    EVENT_HELLO,
    EVENT_SUBMIT,
    EVENT_PUT,
    EVENT_PUT_DATA,
    EVENT_PUT_END,
    EVENT_GET,
    EVENT_STATUS,
    EVENT_REFUSE,
};

struct event {
    enum event_kind kind;
    uint32_t request;
    enum tally_status status;
    size_t len;
    uint8_t first;
};

struct owner {
    struct tl_session session;
    struct event events[EVENT_MAX];
    size_t count;
    size_t hold_after; /* hold once so many events have come; 0: never */
};

static void add(struct owner *owner, enum event_kind kind, uint32_t request,
                enum tally_status status, struct tally_bytes bytes)
{
    assert_true(owner->count < EVENT_MAX);
    owner->events[owner->count] = (struct event){
        .kind = kind,
        .request = request,
        .status = status,
        .len = bytes.len,
        .first = bytes.len > 0 ? bytes.ptr[0] : 0,
    };
    owner->count++;
    if (owner->count == owner->hold_after) {
        tl_session_hold(&owner->session, true);
    }
}

static void on_hello(void *owner, uint32_t request, struct tally_bytes checkpoint)
{
    add(owner, EVENT_HELLO, request, TALLY_OK, checkpoint);
}

static void on_submit(void *owner, uint32_t request, struct tally_bytes submission)
{
    add(owner, EVENT_SUBMIT, request, TALLY_OK, submission);
}

static void on_put(void *owner, uint32_t request, const struct tl_put *put)
{
    add(owner, EVENT_PUT, request, TALLY_OK, tl_hash_bytes(&put->hash));
}

static void on_put_data(void *owner, struct tally_bytes data)
{
    add(owner, EVENT_PUT_DATA, 0, TALLY_OK, data);
}

static void on_put_end(void *owner)
{
    add(owner, EVENT_PUT_END, 0, TALLY_OK, tl_bytes(NULL, 0));
}

static void on_get(void *owner, uint32_t request, struct tally_bytes path)
{
    add(owner, EVENT_GET, request, TALLY_OK, path);
}

static void on_status(void *owner, uint32_t request)
{
    add(owner, EVENT_STATUS, request, TALLY_OK, tl_bytes(NULL, 0));
}

static void on_refuse(void *owner, uint32_t request, enum tally_status status, const char *text)
{
    assert_true(strlen(text) > 0);
    add(owner, EVENT_REFUSE, request, status, tl_bytes(NULL, 0));
}

static const struct tl_session_ops ops = {
    .hello = on_hello,
    .submit = on_submit,
    .put = on_put,
    .put_data = on_put_data,
    .put_end = on_put_end,
    .get = on_get,
    .status = on_status,
    .refuse = on_refuse,
};

static void begin(struct owner *owner, enum tl_socket socket, enum tl_session_state state)
{
    memset(owner, 0, sizeof *owner);
    tl_session_init(&owner->session, socket, &ops, owner);
    owner->session.state = state;
}

static size_t feed(struct owner *owner, struct tally_bytes bytes)
{
    size_t need = 0;
    return tl_session_feed(&owner->session, bytes, &need);
}

/* A well-formed frame of any type the client may send; others carry nothing. */
static void add_message(struct tl_buffer *buffer, enum tl_message type, uint32_t request)
{
    static const uint8_t put[40] = {7};
    static const uint8_t hello[4] = {0, TL_WIRE_VERSION, 0, 0};
    struct tally_bytes payload = tl_bytes_text("payload");
    if (type == TL_MESSAGE_PUT) {
        payload = tl_bytes(put, sizeof put);
    } else if (type == TL_MESSAGE_HELLO) {
        payload = tl_bytes(hello, sizeof hello);
    } else if (type != TL_MESSAGE_SUBMIT && type != TL_MESSAGE_GET &&
               type != TL_MESSAGE_PUT_DATA) {
        payload = tl_bytes(NULL, 0);
    }
    tl_frame_add(buffer, type, request, payload);
}

static const enum tl_message all[] = {
#define MESSAGE(name, number, text, max) TL_MESSAGE_##name,
    TL_MESSAGE_MAP(MESSAGE)
#undef MESSAGE
};

#define ALL_COUNT (sizeof all / sizeof all[0])

enum expectation {
    TAKEN,
    IGNORED, /* data of no open upload */
    EXPECT_EPROTOCOL,
    EXPECT_EACCES,
    WAITS, /* nothing is read now */
};

static enum expectation expect(enum tl_session_state state, enum tl_message type,
                               enum tl_socket socket)
{
    bool writes = type == TL_MESSAGE_SUBMIT || type == TL_MESSAGE_PUT ||
                  type == TL_MESSAGE_PUT_DATA || type == TL_MESSAGE_PUT_END;
    if (state == TL_SESSION_JUDGING || state == TL_SESSION_ENDED) {
        return WAITS;
    }
    if (state == TL_SESSION_GREETING) {
        return type == TL_MESSAGE_HELLO ? TAKEN : EXPECT_EPROTOCOL;
    }
    if (writes && socket == TL_SOCKET_READ) {
        return EXPECT_EACCES;
    }
    if (type == TL_MESSAGE_PUT_DATA || type == TL_MESSAGE_PUT_END) {
        return IGNORED;
    }
    return writes || type == TL_MESSAGE_GET || type == TL_MESSAGE_STATUS ? TAKEN
                                                                         : EXPECT_EPROTOCOL;
}

static void check_one(enum tl_session_state state, enum tl_message type, enum tl_socket socket)
{
    struct owner owner;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 4096);
    begin(&owner, socket, state);
    add_message(&buffer, type, 9);
    size_t taken = feed(&owner, tl_buffer_bytes(&buffer));
    enum expectation expected = expect(state, type, socket);
    assert_int_equal(taken, expected == WAITS ? 0 : buffer.len);
    assert_int_equal(owner.count, expected == WAITS || expected == IGNORED ? 0 : 1);
    if (expected == EXPECT_EPROTOCOL || expected == EXPECT_EACCES) {
        assert_int_equal(owner.events[0].kind, EVENT_REFUSE);
        assert_int_equal(owner.events[0].request, 9);
        assert_int_equal(owner.events[0].status,
                         expected == EXPECT_EACCES ? TALLY_EACCES : TALLY_EPROTOCOL);
        assert_int_equal(owner.session.state, TL_SESSION_ENDED);
    } else if (expected == TAKEN) {
        assert_int_not_equal(owner.events[0].kind, EVENT_REFUSE);
    }
    tl_buffer_deinit(&buffer);
}

static void test_every_message_in_every_state(void **state)
{
    static const enum tl_session_state states[] = {TL_SESSION_GREETING, TL_SESSION_JUDGING,
                                                   TL_SESSION_OPEN, TL_SESSION_ENDED};
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        assert_true(strlen(tl_session_state_name(states[i])) > 0);
        for (size_t k = 0; k < ALL_COUNT; k++) {
            check_one(states[i], all[k], TL_SOCKET_SUBMIT);
            check_one(states[i], all[k], TL_SOCKET_READ);
        }
    }
}

/* HELLO, submissions, an upload, a GET: the stream of one whole connection. */
static void add_stream(struct tl_buffer *buffer)
{
    add_message(buffer, TL_MESSAGE_HELLO, 1);
    for (uint32_t i = 2; i < 7; i++) {
        add_message(buffer, TL_MESSAGE_SUBMIT, i);
    }
    add_message(buffer, TL_MESSAGE_PUT, 7);
    add_message(buffer, TL_MESSAGE_PUT_DATA, 7);
    add_message(buffer, TL_MESSAGE_GET, 8);
    add_message(buffer, TL_MESSAGE_PUT_DATA, 7);
    add_message(buffer, TL_MESSAGE_PUT_END, 7);
    add_message(buffer, TL_MESSAGE_STATUS, 9);
}

static void check_stream(const struct owner *owner)
{
    static const enum event_kind kinds[] = {
        EVENT_HELLO, EVENT_SUBMIT, EVENT_SUBMIT, EVENT_SUBMIT, EVENT_SUBMIT, EVENT_SUBMIT,
        EVENT_PUT,   EVENT_PUT_DATA, EVENT_GET, EVENT_PUT_DATA, EVENT_PUT_END, EVENT_STATUS,
    };
    assert_int_equal(owner->count, sizeof kinds / sizeof kinds[0]);
    for (size_t i = 0; i < owner->count; i++) {
        assert_int_equal(owner->events[i].kind, kinds[i]);
    }
    assert_int_equal(owner->events[3].request, 4);
    assert_int_equal(owner->events[3].len, 7);
    assert_int_equal(owner->events[3].first, 'p');
}

/* Gives the session what it has not taken yet, up to len bytes of the stream. */
static size_t feed_up_to(struct owner *owner, struct tally_bytes stream, size_t taken, size_t len)
{
    taken += feed(owner, tl_bytes(stream.ptr + taken, len - taken));
    if (owner->session.state == TL_SESSION_JUDGING) {
        tl_session_welcome(&owner->session);
        taken += feed(owner, tl_bytes(stream.ptr + taken, len - taken));
    }
    return taken;
}

static void test_pipelined_in_one_piece(void **state)
{
    struct owner owner;
    struct tl_buffer buffer;
    (void)state;
    tl_buffer_init(&buffer, 4096);
    add_stream(&buffer);
    begin(&owner, TL_SOCKET_SUBMIT, TL_SESSION_GREETING);
    assert_int_equal(feed_up_to(&owner, tl_buffer_bytes(&buffer), 0, buffer.len), buffer.len);
    check_stream(&owner);
    tl_buffer_deinit(&buffer);
}

static void test_byte_by_byte(void **state)
{
    struct owner owner;
    struct tl_buffer buffer;
    (void)state;
    tl_buffer_init(&buffer, 4096);
    add_stream(&buffer);
    begin(&owner, TL_SOCKET_SUBMIT, TL_SESSION_GREETING);
    size_t taken = 0;
    for (size_t len = 1; len <= buffer.len; len++) {
        taken = feed_up_to(&owner, tl_buffer_bytes(&buffer), taken, len);
    }
    assert_int_equal(taken, buffer.len);
    check_stream(&owner);
    tl_buffer_deinit(&buffer);
}

static void test_hold_stops_between_frames(void **state)
{
    struct owner owner;
    struct tl_buffer buffer;
    (void)state;
    tl_buffer_init(&buffer, 4096);
    for (uint32_t i = 0; i < 4; i++) {
        add_message(&buffer, TL_MESSAGE_SUBMIT, i);
    }
    size_t frame = buffer.len / 4;
    begin(&owner, TL_SOCKET_SUBMIT, TL_SESSION_OPEN);
    owner.hold_after = 2;
    size_t need = 99;
    size_t taken = tl_session_feed(&owner.session, tl_buffer_bytes(&buffer), &need);
    assert_int_equal(taken, 2 * frame);
    assert_int_equal(need, 0);
    assert_int_equal(feed(&owner, tl_bytes(buffer.ptr + taken, buffer.len - taken)), 0);
    tl_session_hold(&owner.session, false);
    taken += feed(&owner, tl_bytes(buffer.ptr + taken, buffer.len - taken));
    assert_int_equal(taken, buffer.len);
    assert_int_equal(owner.count, 4);
    tl_buffer_deinit(&buffer);
}

static void put_header(uint8_t header[TL_FRAME_HEADER_LEN], uint8_t type, uint32_t length)
{
    struct tl_writer writer = tl_writer_over(header, TL_FRAME_HEADER_LEN);
    tl_write_u32(&writer, length);
    tl_write_u8(&writer, type);
    tl_write_u32(&writer, 5);
}

/* The first frame of a session, announced and not sent. */
static void check_announced(enum tl_socket socket, enum tl_session_state state, uint8_t type,
                            size_t expected_need, enum tally_status expected)
{
    struct owner owner;
    uint8_t header[TL_FRAME_HEADER_LEN];
    size_t need = 0;
    put_header(header, type, 5 + 1000);
    begin(&owner, socket, state);
    assert_int_equal(tl_session_feed(&owner.session, tl_bytes(header, sizeof header), &need), 0);
    assert_int_equal(need, expected_need);
    assert_int_equal(owner.count, expected == TALLY_OK ? 0 : 1);
    if (expected != TALLY_OK) {
        assert_int_equal(owner.events[0].kind, EVENT_REFUSE);
        assert_int_equal(owner.events[0].status, expected);
        assert_int_equal(owner.session.state, TL_SESSION_ENDED);
    }
}

static void test_not_allowed_from_the_header(void **state)
{
    const size_t whole = TL_FRAME_HEADER_LEN + 1000;
    (void)state;
    check_announced(TL_SOCKET_SUBMIT, TL_SESSION_OPEN, TL_MESSAGE_SUBMIT, whole, TALLY_OK);
    check_announced(TL_SOCKET_READ, TL_SESSION_OPEN, TL_MESSAGE_SUBMIT, 0, TALLY_EACCES);
    check_announced(TL_SOCKET_SUBMIT, TL_SESSION_GREETING, TL_MESSAGE_HELLO, whole, TALLY_OK);
    check_announced(TL_SOCKET_SUBMIT, TL_SESSION_GREETING, TL_MESSAGE_SUBMIT, 0, TALLY_EPROTOCOL);
    check_announced(TL_SOCKET_SUBMIT, TL_SESSION_OPEN, TL_MESSAGE_RECEIPT, 0, TALLY_EPROTOCOL);
}

/* Nine bytes are enough to refuse: nothing is buffered for a frame that will not be taken. */
static void test_refused_from_the_header(void **state)
{
    static const struct {
        uint8_t type;
        uint32_t length;
    } cases[] = {
        {TL_MESSAGE_SUBMIT, 5 + TALLY_SUBMISSION_MAX + 1},
        {TL_MESSAGE_GET, 5 + TL_PATH_MAX_WIRE + 1},
        {TL_MESSAGE_PUT_DATA, 5 + TL_CHUNK_MAX + 1},
        {TL_MESSAGE_STATUS, 6},
        {TL_MESSAGE_STATUS, 4},
        {TL_MESSAGE_STATUS, 0},
        {TL_MESSAGE_SUBMIT, UINT32_MAX},
        {0x00, 5},
        {0x7f, 5},
        {0xff, 5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct owner owner;
        uint8_t header[TL_FRAME_HEADER_LEN];
        put_header(header, cases[i].type, cases[i].length);
        begin(&owner, TL_SOCKET_SUBMIT, TL_SESSION_OPEN);
        assert_int_equal(feed(&owner, tl_bytes(header, sizeof header - 1)), 0);
        assert_int_equal(owner.count, 0);
        assert_int_equal(feed(&owner, tl_bytes(header, sizeof header)), 0);
        assert_int_equal(owner.count, 1);
        assert_int_equal(owner.events[0].kind, EVENT_REFUSE);
        assert_int_equal(owner.events[0].status, TALLY_EPROTOCOL);
        assert_int_equal(owner.session.state, TL_SESSION_ENDED);
    }
}

static void test_need_is_told(void **state)
{
    struct owner owner;
    uint8_t header[TL_FRAME_HEADER_LEN];
    size_t need = 0;
    (void)state;
    put_header(header, TL_MESSAGE_SUBMIT, 5 + TALLY_SUBMISSION_MAX);
    begin(&owner, TL_SOCKET_SUBMIT, TL_SESSION_OPEN);
    (void)tl_session_feed(&owner.session, tl_bytes(header, 3), &need);
    assert_int_equal(need, TL_FRAME_HEADER_LEN);
    (void)tl_session_feed(&owner.session, tl_bytes(header, sizeof header), &need);
    assert_int_equal(need, TL_FRAME_HEADER_LEN + TALLY_SUBMISSION_MAX);
}

static void refuse_payload(enum tl_message type, const void *payload, size_t len,
                           enum tl_session_state before, enum tally_status status)
{
    struct owner owner;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 4096);
    tl_frame_add(&buffer, type, 3, tl_bytes(payload, len));
    begin(&owner, TL_SOCKET_SUBMIT, before);
    (void)feed(&owner, tl_buffer_bytes(&buffer));
    assert_int_equal(owner.count, 1);
    assert_int_equal(owner.events[0].kind, EVENT_REFUSE);
    assert_int_equal(owner.events[0].status, status);
    tl_buffer_deinit(&buffer);
}

static void test_malformed_payloads(void **state)
{
    (void)state;
    refuse_payload(TL_MESSAGE_HELLO, "\0\1\0", 3, TL_SESSION_GREETING, TALLY_EPROTOCOL);
    refuse_payload(TL_MESSAGE_HELLO, "\0\1\0\1", 4, TL_SESSION_GREETING, TALLY_EPROTOCOL);
    refuse_payload(TL_MESSAGE_HELLO, "\0\1\0\0x", 5, TL_SESSION_GREETING, TALLY_EPROTOCOL);
    refuse_payload(TL_MESSAGE_HELLO, "\0\2\0\0", 4, TL_SESSION_GREETING, TALLY_EUNSUPPORTED);
    refuse_payload(TL_MESSAGE_PUT, "short", 5, TL_SESSION_OPEN, TALLY_EPROTOCOL);
}

static void test_upload_belongs_to_its_request(void **state)
{
    struct owner owner;
    struct tl_buffer buffer;
    (void)state;
    tl_buffer_init(&buffer, 4096);
    begin(&owner, TL_SOCKET_SUBMIT, TL_SESSION_OPEN);
    add_message(&buffer, TL_MESSAGE_PUT, 4);
    add_message(&buffer, TL_MESSAGE_PUT_DATA, 5);
    add_message(&buffer, TL_MESSAGE_PUT_END, 5);
    add_message(&buffer, TL_MESSAGE_PUT_DATA, 4);
    assert_int_equal(feed(&owner, tl_buffer_bytes(&buffer)), buffer.len);
    assert_int_equal(owner.count, 2);
    tl_session_upload_over(&owner.session);
    tl_buffer_clear(&buffer);
    add_message(&buffer, TL_MESSAGE_PUT_DATA, 4);
    add_message(&buffer, TL_MESSAGE_PUT_END, 4);
    add_message(&buffer, TL_MESSAGE_PUT, 4);
    add_message(&buffer, TL_MESSAGE_PUT, 6);
    add_message(&buffer, TL_MESSAGE_STATUS, 7);
    (void)feed(&owner, tl_buffer_bytes(&buffer));
    assert_int_equal(owner.count, 4);
    assert_int_equal(owner.events[2].kind, EVENT_PUT);
    assert_int_equal(owner.events[3].kind, EVENT_REFUSE);
    assert_int_equal(owner.events[3].request, 6);
    tl_buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_message_in_every_state),
        cmocka_unit_test(test_pipelined_in_one_piece),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_hold_stops_between_frames),
        cmocka_unit_test(test_not_allowed_from_the_header),
        cmocka_unit_test(test_refused_from_the_header),
        cmocka_unit_test(test_need_is_told),
        cmocka_unit_test(test_malformed_payloads),
        cmocka_unit_test(test_upload_belongs_to_its_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
