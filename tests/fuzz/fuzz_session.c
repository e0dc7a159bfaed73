/* SPDX-License-Identifier: ISC */
/*
 * Target: tl_session_feed. The stream must mean the same however it is cut: fed whole and fed in
 * pieces, the owner is called with the same things in the same order.
 */
#include <stdlib.h>

#include "daemon/session.h"
#include "lib/base/sha256.h"
#include "tests/fuzz/fuzz.h"

struct owner {
    struct tl_session session;
    struct tl_sha256 calls; /* of everything that the owner was called with */
    unsigned count;
};

static void note(void *data, uint8_t kind, uint32_t number, struct tally_bytes bytes)
{
    struct owner *owner = (struct owner *)data;
    uint8_t head[13];
    struct tl_writer writer = tl_writer_over(head, sizeof head);
    tl_write_u8(&writer, kind);
    tl_write_u32(&writer, number);
    tl_write_u64(&writer, bytes.len);
    tl_sha256_update(&owner->calls, tl_bytes(head, sizeof head));
    tl_sha256_update(&owner->calls, bytes);
    owner->count++;
}

static void on_hello(void *owner, uint32_t request, struct tally_bytes checkpoint)
{
    note(owner, 1, request, checkpoint);
}

static void on_submit(void *owner, uint32_t request, struct tally_bytes submission)
{
    note(owner, 2, request, submission);
}

static void on_put(void *owner, uint32_t request, const struct tl_put *put)
{
    note(owner, 3, request, tl_hash_bytes(&put->hash));
}

static void on_put_data(void *data, struct tally_bytes bytes)
{
    note(data, 4, 0, bytes);
}

static void on_put_end(void *data)
{
    struct owner *owner = (struct owner *)data;
    note(owner, 5, 0, tl_bytes(NULL, 0));
    tl_session_upload_over(&owner->session);
}

static void on_get(void *owner, uint32_t request, struct tally_bytes path)
{
    note(owner, 6, request, path);
}

static void on_status(void *owner, uint32_t request)
{
    note(owner, 7, request, tl_bytes(NULL, 0));
}

static void on_refuse(void *owner, uint32_t request, enum tally_status status, const char *text)
{
    note(owner, 8, request ^ (uint32_t)status, tl_bytes_text(text));
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

static struct tally_hash run(struct tally_bytes stream, enum tl_socket socket, size_t step)
{
    struct owner owner;
    size_t taken = 0;
    size_t arrived = 0;
    owner.count = 0;
    tl_sha256_init(&owner.calls);
    tl_session_init(&owner.session, socket, &ops, &owner);
    while (arrived < stream.len) {
        arrived = step < stream.len - arrived ? arrived + step : stream.len;
        for (;;) {
            size_t need = 0;
            size_t more = tl_session_feed(
                &owner.session, tl_bytes(stream.ptr + taken, arrived - taken), &need);
            if (more > arrived - taken) {
                abort();
            }
            taken += more;
            if (owner.session.state != TL_SESSION_JUDGING) {
                break;
            }
            tl_session_welcome(&owner.session);
        }
    }
    return tl_sha256_final(&owner.calls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    /* The first byte chooses the socket and the cut. */
    enum tl_socket socket = (data[0] & 1) != 0 ? TL_SOCKET_READ : TL_SOCKET_SUBMIT;
    struct tally_bytes stream = tl_bytes(data + 1, size - 1);
    struct tally_hash whole = run(stream, socket, size);
    struct tally_hash cut = run(stream, socket, (size_t)(data[0] >> 1) + 1);
    if (!tl_hash_equal(&whole, &cut)) {
        abort();
    }
    return 0;
}
