/* SPDX-License-Identifier: ISC */
#include "daemon/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

enum { STATUS_MAX_LEN = 256 };

static int notify_fd = -1;

static bool make_address(const char *path, struct sockaddr_un *ret_address, socklen_t *ret_len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof address.sun_path) {
        return false;
    }
    size_t len = strlen(path);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* the abstract namespace */
    }
    *ret_address = address;
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

bool tl_notify_open(void)
{
    struct sockaddr_un address;
    socklen_t len = 0;
    tl_close(&notify_fd);
    if (!make_address(getenv("NOTIFY_SOCKET"), &address, &len)) {
        return false;
    }
    notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify_fd < 0) {
        return false;
    }
    if (connect(notify_fd, (const struct sockaddr *)&address, len) != 0) {
        tl_close(&notify_fd);
        return false;
    }
    return true;
}

bool tl_notify(const char *text, bool wait)
{
    int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
    ssize_t sent = notify_fd < 0 ? -1 : send(notify_fd, text, strlen(text), flags);
    return sent == (ssize_t)strlen(text);
}

bool tl_notify_status(const char *format, ...)
{
    char text[STATUS_MAX_LEN] = "STATUS=";
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text + 7, sizeof text - 7, format, arguments);
    va_end(arguments);
    return len >= 0 && tl_notify(text, false);
}

static bool parse_environment(const char *name, uint64_t *ret_value)
{
    const char *text = getenv(name);
    return text != NULL && tl_decimal_parse(tl_bytes_text(text), ret_value) == TALLY_OK;
}

uint64_t tl_notify_watchdog_ms(void)
{
    uint64_t usec = 0;
    uint64_t pid = 0;
    if (!parse_environment("WATCHDOG_USEC", &usec)) {
        return 0;
    }
    if (getenv("WATCHDOG_PID") != NULL &&
        (!parse_environment("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid())) {
        return 0;
    }
    uint64_t half_ms = usec / 2000;
    return usec > 0 && half_ms == 0 ? 1 : half_ms;
}
