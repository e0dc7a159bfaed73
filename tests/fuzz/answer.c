/* SPDX-License-Identifier: ISC */
#include "tests/fuzz/answer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "tests/fuzz/fuzz.h"

int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __real_recv(int fd, void *data, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);

static int listener = -1;
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static struct {
    int fd; /* the accepted end */
    struct tl_reader script;
    size_t cut;
    bool hangs_up;
} answer = {.fd = -1};

const char *answer_socket(void)
{
    if (listener >= 0) {
        return address.sun_path;
    }
    const char *directory = fuzz_directory();
    size_t len = strlen(directory);
    FUZZ_REQUIRE(len + 3 <= sizeof address.sun_path);
    memcpy(address.sun_path, directory, len);
    memcpy(address.sun_path + len, "/s", 3);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_REQUIRE(listener >= 0);
    FUZZ_REQUIRE(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0);
    FUZZ_REQUIRE(listen(listener, 1) == 0);
    return address.sun_path;
}

void answer_begin(struct tally_bytes script, size_t cut, bool hangs_up)
{
    answer.script = tl_reader_over(script);
    answer.cut = cut;
    answer.hangs_up = hangs_up;
}

void answer_end(void)
{
    tl_close(&answer.fd);
}

static void send_piece(void)
{
    struct tally_bytes piece = fuzz_take(&answer.script);
    if (piece.len > 0) {
        (void)__real_send(answer.fd, piece.ptr, piece.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (answer.hangs_up && answer.script.rest.len == 0) {
        (void)shutdown(answer.fd, SHUT_WR);
    }
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
    int result = __real_connect(fd, to, len);
    if (result == 0) {
        tl_close(&answer.fd);
        answer.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        FUZZ_REQUIRE(answer.fd >= 0);
    }
    return result;
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    uint8_t unused[4096];
    ssize_t sent = __real_send(fd, data, len, flags);
    if (sent > 0) {
        while (read(answer.fd, unused, sizeof unused) > 0) {
        }
        send_piece();
    }
    return sent;
}

ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
    return __real_recv(fd, data, len < answer.cut ? len : answer.cut, flags);
}
