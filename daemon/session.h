/* SPDX-License-Identifier: ISC */
/*
 * Session: the protocol of one connection as a pure machine (docs/protocol.md). Bytes go in, calls
 * to the owner come out; a table says which message is allowed in which state on which socket.
 * No I/O, no allocation, no clock. Loop thread only.
 *
 *   GREETING  nothing but HELLO
 *   JUDGING   the owner looks at the client's checkpoint; frames wait
 *   OPEN      requests
 *   ENDED     nothing more is read
 */
#ifndef TL_DAEMON_SESSION_H
#define TL_DAEMON_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/wire/frame.h"
#include "lib/wire/message.h"

enum tl_socket {
    TL_SOCKET_SUBMIT = 0x1,
    TL_SOCKET_READ = 0x2,
};

#define TL_SESSION_STATE_MAP(X)                                                                    \
    X(GREETING, "greeting")                                                                        \
    X(JUDGING, "judging")                                                                          \
    X(OPEN, "open")                                                                                \
    X(ENDED, "ended")

enum tl_session_state {
#define TL_SESSION_STATE_ENUM(name, text) TL_SESSION_##name,
    TL_SESSION_STATE_MAP(TL_SESSION_STATE_ENUM)
#undef TL_SESSION_STATE_ENUM
};

/*
 * What the owner is asked to do. Views die with the call. The owner answers whenever it likes, and
 * may hold the session from inside a call.
 */
struct tl_session_ops {
    void (*hello)(void *owner, uint32_t request, struct tally_bytes checkpoint);
    void (*submit)(void *owner, uint32_t request, struct tally_bytes submission);
    void (*put)(void *owner, uint32_t request, const struct tl_put *put);
    void (*put_data)(void *owner, struct tally_bytes data);
    void (*put_end)(void *owner);
    void (*get)(void *owner, uint32_t request, struct tally_bytes path);
    void (*status)(void *owner, uint32_t request);
    /* The session has ended because of what the client did: tell it, then close. */
    void (*refuse)(void *owner, uint32_t request, enum tally_status status, const char *text);
};

struct tl_session {
    enum tl_session_state state;
    enum tl_socket socket;
    bool held;   /* frames wait until the owner lets go */
    bool upload; /* one is open, under upload_request */
    uint32_t upload_request;
    const struct tl_session_ops *ops;
    void *owner;
};

void tl_session_init(struct tl_session *session, enum tl_socket socket,
                     const struct tl_session_ops *ops, void *owner);

/*
 * Takes whole frames off the front of bytes until none is left, the session is held, judging or
 * ended. Returns how many bytes were taken; *ret_need is the length of the frame now in front as
 * far as it is known (at least a header's), 0 when the session wants no more bytes for now.
 */
size_t tl_session_feed(struct tl_session *session, struct tally_bytes bytes, size_t *ret_need);

void tl_session_hold(struct tl_session *session, bool held);

/* The client's checkpoint raised no alarm: requests may come. */
void tl_session_welcome(struct tl_session *session);

/* The upload is stored or has failed; what is still under way for it is ignored. */
void tl_session_upload_over(struct tl_session *session);

void tl_session_end(struct tl_session *session);

const char *tl_session_state_name(enum tl_session_state state);

#endif
