/* SPDX-License-Identifier: ISC */
/*
 * The client of ssh-agent over a socket that a signal interrupts, that takes one byte at a time, or
 * that breaks. The calls answer as told; the connection itself is a real one.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "keys/agent.h"
#include "keys/ed25519.h"

#define PATIENCE_MS 60000u

/* What one call does: fails with this errno, or moves at most so many bytes. */
struct step {
    int error;
    size_t most;
};

/* Answers of a call, one after the other; behind them it moves everything. */
struct script {
    const struct step *steps;
    size_t count;
    size_t used;
};

static struct script sends;
static struct script receives;
static struct script polls;
static int poll_timeout; /* of the last poll */
static bool no_socket;

static const uint8_t *reply;
static size_t reply_len;
static uint8_t request[64];
static size_t request_len;

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *dst, size_t len, int flags);
int __wrap_poll(struct pollfd *entries, nfds_t count, int timeout);

int __wrap_socket(int domain, int type, int protocol)
{
    if (no_socket) {
        errno = EMFILE;
        return -1;
    }
    return __real_socket(domain, type, protocol);
}

/* How many of len bytes the next call moves; -1 with errno when it fails. */
static ssize_t next(struct script *script, size_t len)
{
    if (script->used == script->count) {
        return (ssize_t)len;
    }
    const struct step *step = &script->steps[script->used++];
    errno = step->error;
    return step->error != 0 ? -1 : (ssize_t)(len < step->most ? len : step->most);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    (void)fd;
    assert_int_equal(flags, MSG_NOSIGNAL);
    ssize_t sent = next(&sends, len);
    if (sent > 0) {
        assert_true(request_len + (size_t)sent <= sizeof request);
        memcpy(request + request_len, bytes, (size_t)sent);
        request_len += (size_t)sent;
    }
    return sent;
}

ssize_t __wrap_recv(int fd, void *dst, size_t len, int flags)
{
    (void)fd;
    (void)flags;
    ssize_t got = next(&receives, len < reply_len ? len : reply_len);
    if (got > 0) {
        memcpy(dst, reply, (size_t)got);
        reply += got;
        reply_len -= (size_t)got;
    }
    return got;
}

int __wrap_poll(struct pollfd *entries, nfds_t count, int timeout)
{
    assert_int_equal(count, 1);
    assert_true(entries->events == POLLIN || entries->events == POLLOUT);
    poll_timeout = timeout;
    return (int)next(&polls, 1);
}

static char dir[TEST_PATH_MAX];
static char path[TEST_PATH_MAX];
static int listener;

static int set_up(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    test_dir_make(dir);
    test_path(path, dir, "agent");
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 64), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(close(listener), 0);
    test_dir_remove(dir);
    return 0;
}

/* The agent refuses, which shows that request and reply were whole. */
static const uint8_t refusal[] = {0, 0, 0, 1, 5};

static enum tally_status ask(unsigned timeout_ms)
{
    const uint8_t point[32] = {5};
    struct tl_public_key key;
    tl_public_key_from_point(point, &key);
    reply = refusal;
    reply_len = sizeof refusal;
    request_len = 0;
    poll_timeout = 0;
    return tl_agent_find(path, timeout_ms, &key);
}

#define SCRIPT(name)                                                                               \
    (struct script)                                                                                \
    {                                                                                              \
        .steps = (name), .count = TEST_COUNT(name)                                                 \
    }

static int reset(void **state)
{
    (void)state;
    sends = receives = polls = (struct script){.steps = NULL};
    no_socket = false;
    return 0;
}

/* Interrupted, not ready, one byte, nothing: each is tried again, and every byte goes over once. */
static void test_small_steps(void **state)
{
    (void)state;
    static const uint8_t whole[] = {0, 0, 0, 1, 11};
    static const struct step steps[] = {{EINTR, 0}, {0, 1}, {EAGAIN, 0}, {0, 2}};
    static const struct step idle[] = {{0, 0}};
    static const struct step waits[] = {{EINTR, 0}, {0, 0}, {0, 1}};
    sends = SCRIPT(steps);
    receives = SCRIPT(steps);
    polls = SCRIPT(waits);
    assert_status(ask(PATIENCE_MS), TALLY_EAGENT);
    assert_int_equal(request_len, sizeof whole);
    assert_memory_equal(request, whole, sizeof whole);
    assert_int_equal(sends.used, sends.count);
    assert_int_equal(receives.used, receives.count);
    assert_int_equal(polls.used, polls.count);
    (void)reset(NULL);
    sends = SCRIPT(idle);
    assert_status(ask(PATIENCE_MS), TALLY_EAGENT);
}

static void test_broken(void **state)
{
    (void)state;
    static const struct step broken[] = {{ECONNRESET, 0}};
    static const struct step not_ready[] = {{EAGAIN, 0}};
    sends = SCRIPT(broken);
    assert_status(ask(PATIENCE_MS), TALLY_EIO);
    (void)reset(NULL);
    receives = SCRIPT(broken);
    assert_status(ask(PATIENCE_MS), TALLY_EIO);
    (void)reset(NULL);
    sends = SCRIPT(not_ready);
    polls = SCRIPT(broken);
    assert_status(ask(PATIENCE_MS), TALLY_EIO);
    (void)reset(NULL);
    no_socket = true;
    assert_status(ask(PATIENCE_MS), TALLY_EIO);
}

static void test_deadline(void **state)
{
    (void)state;
    static const struct step not_ready[] = {{EAGAIN, 0}};
    sends = SCRIPT(not_ready);
    assert_status(ask(0), TALLY_ETIMEOUT);
    (void)reset(NULL);
    receives = SCRIPT(not_ready);
    assert_status(ask(0), TALLY_ETIMEOUT);
    /* A deadline further away than poll can say. */
    (void)reset(NULL);
    receives = SCRIPT(not_ready);
    assert_status(ask(UINT_MAX), TALLY_EAGENT);
    assert_int_equal(poll_timeout, INT_MAX);
}

/* The request fits, the reply does not. */
static void test_no_memory(void **state)
{
    (void)state;
    test_allocations_limit(1);
    assert_status(ask(PATIENCE_MS), TALLY_ENOMEM);
    (void)test_allocations_unlimit();
    assert_status(ask(PATIENCE_MS), TALLY_EAGENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_small_steps, reset),
        cmocka_unit_test_setup(test_broken, reset),
        cmocka_unit_test_setup(test_deadline, reset),
        cmocka_unit_test_setup(test_no_memory, reset),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
