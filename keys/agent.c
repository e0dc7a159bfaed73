/* SPDX-License-Identifier: ISC */
#include "keys/agent.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "lib/base/file.h"

enum {
    AGENT_FAILURE = 5,
    AGENT_REQUEST_IDENTITIES = 11,
    AGENT_IDENTITIES_ANSWER = 12,
    AGENT_SIGN_REQUEST = 13,
    AGENT_SIGN_RESPONSE = 14,
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until fd is ready for events or the deadline passes. */
static enum tally_status wait_for(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - now_ms();
        if (left <= 0) {
            return TALLY_ETIMEOUT;
        }
        struct pollfd entry = {.fd = fd, .events = events};
        int ready = poll(&entry, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0) {
            return TALLY_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return TALLY_EIO;
        }
    }
}

/* On Linux EWOULDBLOCK is the same as EAGAIN. */
static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

static enum tally_status send_all(int fd, struct tally_bytes bytes, int64_t deadline_ms)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes = tl_bytes(bytes.ptr + sent, bytes.len - (size_t)sent);
            continue;
        }
        if (sent < 0 && !would_block()) {
            return TALLY_EIO;
        }
        enum tally_status status = wait_for(fd, POLLOUT, deadline_ms);
        if (status != TALLY_OK) {
            return status;
        }
    }
    return TALLY_OK;
}

/* Exactly len bytes; EIO when the agent hangs up before. */
static enum tally_status receive_all(int fd, uint8_t *dst, size_t len, int64_t deadline_ms)
{
    while (len > 0) {
        ssize_t received = recv(fd, dst, len, 0);
        if (received > 0) {
            dst += received;
            len -= (size_t)received;
            continue;
        }
        if (received == 0 || !would_block()) {
            return TALLY_EIO;
        }
        enum tally_status status = wait_for(fd, POLLIN, deadline_ms);
        if (status != TALLY_OK) {
            return status;
        }
    }
    return TALLY_OK;
}

static enum tally_status connect_to(const char *socket_path, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(socket_path);
    if (len == 0 || len >= sizeof address.sun_path) {
        return TALLY_EAGENT;
    }
    memcpy(address.sun_path, socket_path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return TALLY_EIO;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        tl_close(&fd);
        return TALLY_EAGENT;
    }
    *ret_fd = fd;
    return TALLY_OK;
}

static enum tally_status receive_frame(int fd, int64_t deadline_ms, struct tl_buffer *reply)
{
    uint8_t prefix[4];
    enum tally_status status = receive_all(fd, prefix, sizeof prefix, deadline_ms);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_reader reader = tl_reader_over(tl_bytes(prefix, sizeof prefix));
    uint32_t len = tl_read_u32(&reader);
    if (len == 0 || len > TL_AGENT_FRAME_MAX) {
        return TALLY_EPROTOCOL;
    }
    uint8_t *dst = tl_buffer_extend(reply, len);
    return dst == NULL ? reply->status : receive_all(fd, dst, len, deadline_ms);
}

/* Sends one frame and reads the answer's, without its length, into reply. */
static enum tally_status exchange(const char *socket_path, unsigned timeout_ms,
                                  const struct tl_buffer *request, struct tl_buffer *reply)
{
    int64_t deadline_ms = now_ms() + (int64_t)timeout_ms;
    int fd = -1;
    if (request->status != TALLY_OK) {
        return request->status;
    }
    enum tally_status status = connect_to(socket_path, &fd);
    if (status != TALLY_OK) {
        return status;
    }
    status = send_all(fd, tl_buffer_bytes(request), deadline_ms);
    if (status == TALLY_OK) {
        status = receive_frame(fd, deadline_ms, reply);
    }
    tl_close(&fd);
    return status;
}

enum tally_status tl_agent_read_identities(struct tally_bytes reply,
                                           const struct tl_public_key *key)
{
    struct tl_reader reader = tl_reader_over(reply);
    uint8_t type = tl_read_u8(&reader);
    if (reader.status == TALLY_OK && type == AGENT_FAILURE) {
        return TALLY_EAGENT;
    }
    uint32_t count = tl_read_u32(&reader);
    if (reader.status != TALLY_OK || type != AGENT_IDENTITIES_ANSWER ||
        count > TL_AGENT_KEYS_MAX) {
        return TALLY_EPROTOCOL;
    }
    bool found = false;
    for (uint32_t i = 0; i < count && reader.status == TALLY_OK; i++) {
        struct tally_bytes blob = tl_read_vector32(&reader, TL_AGENT_FRAME_MAX);
        (void)tl_read_vector32(&reader, TL_AGENT_FRAME_MAX); /* comment */
        found = found || tl_bytes_equal(blob, tl_public_key_blob(key));
    }
    if (tl_reader_finish(&reader) != TALLY_OK) {
        return TALLY_EPROTOCOL;
    }
    return found ? TALLY_OK : TALLY_EAGENT;
}

enum tally_status tl_agent_read_signature(struct tally_bytes reply, struct tl_sshsig *sig)
{
    struct tl_reader reader = tl_reader_over(reply);
    uint8_t type = tl_read_u8(&reader);
    if (reader.status == TALLY_OK && type == AGENT_FAILURE) {
        return TALLY_EAGENT;
    }
    struct tally_bytes blob = tl_read_vector32(&reader, TL_SSHSIG_BLOB_MAX);
    if (tl_reader_finish(&reader) != TALLY_OK || type != AGENT_SIGN_RESPONSE) {
        return TALLY_EPROTOCOL;
    }
    struct tl_reader inner = tl_reader_over(blob);
    struct tally_bytes algorithm = tl_read_vector32(&inner, blob.len);
    struct tally_bytes signature = tl_read_vector32(&inner, blob.len);
    uint8_t flags = 0;
    uint32_t counter = 0;
    if (sig->key.type == TL_KEY_SK_ED25519) {
        flags = tl_read_u8(&inner);
        counter = tl_read_u32(&inner);
    }
    if (tl_reader_finish(&inner) != TALLY_OK || signature.len != TALLY_SIGNATURE_LEN ||
        !tl_bytes_equal(algorithm, tl_bytes_text(tl_key_type_name(sig->key.type)))) {
        return TALLY_EPROTOCOL;
    }
    memcpy(sig->signature, signature.ptr, TALLY_SIGNATURE_LEN);
    sig->flags = flags;
    sig->counter = counter;
    return TALLY_OK;
}

static void add_string(struct tl_buffer *buffer, struct tally_bytes bytes)
{
    tl_buffer_add_u32(buffer, (uint32_t)bytes.len);
    tl_buffer_add(buffer, bytes);
}

void tl_agent_sign_request(const struct tl_public_key *key, struct tally_bytes data,
                           struct tl_buffer *frame)
{
    size_t len = 1 + 4 + key->blob_len + 4 + data.len + 4;
    tl_buffer_add_u32(frame, (uint32_t)len);
    tl_buffer_add_u8(frame, AGENT_SIGN_REQUEST);
    add_string(frame, tl_public_key_blob(key));
    add_string(frame, data);
    tl_buffer_add_u32(frame, 0); /* flags */
}

enum tally_status tl_agent_find(const char *socket_path, unsigned timeout_ms,
                                const struct tl_public_key *key)
{
    struct tl_buffer request;
    struct tl_buffer reply;
    tl_buffer_init(&request, TL_AGENT_FRAME_MAX);
    tl_buffer_init(&reply, TL_AGENT_FRAME_MAX);
    tl_buffer_add_u32(&request, 1);
    tl_buffer_add_u8(&request, AGENT_REQUEST_IDENTITIES);
    enum tally_status status = exchange(socket_path, timeout_ms, &request, &reply);
    if (status == TALLY_OK) {
        status = tl_agent_read_identities(tl_buffer_bytes(&reply), key);
    }
    tl_buffer_deinit(&request);
    tl_buffer_deinit(&reply);
    return status;
}

enum tally_status tl_agent_sign(const char *socket_path, unsigned timeout_ms,
                                struct tally_bytes data, struct tl_sshsig *sig)
{
    struct tl_buffer request;
    struct tl_buffer reply;
    if (data.len > TL_AGENT_FRAME_MAX / 2) {
        return TALLY_ETOOBIG;
    }
    tl_buffer_init(&request, TL_AGENT_FRAME_MAX);
    tl_buffer_init(&reply, TL_AGENT_FRAME_MAX);
    tl_agent_sign_request(&sig->key, data, &request);
    enum tally_status status = exchange(socket_path, timeout_ms, &request, &reply);
    if (status == TALLY_OK) {
        status = tl_agent_read_signature(tl_buffer_bytes(&reply), sig);
    }
    tl_buffer_deinit(&request);
    tl_buffer_deinit(&reply);
    return status;
}
