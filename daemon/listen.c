/* SPDX-License-Identifier: ISC */
#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/exit_code.h"
#include "daemon/log.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

enum {
    FIRST_FD = 3,
    FD_COUNT_MAX = 16,
    BACKLOG = 512,
};

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

static bool is_unix_listener(int fd)
{
    return socket_option(fd, SO_DOMAIN) == AF_UNIX && socket_option(fd, SO_TYPE) == SOCK_STREAM &&
           socket_option(fd, SO_ACCEPTCONN) == 1;
}

static bool environment_number(const char *name, uint64_t *ret_value)
{
    const char *text = getenv(name);
    return text != NULL && tl_decimal_parse(tl_bytes_text(text), ret_value) == TALLY_OK;
}

/* The next of the colon-separated names. */
static struct tally_bytes next_name(struct tally_bytes *names)
{
    size_t len = 0;
    while (len < names->len && names->ptr[len] != ':') {
        len++;
    }
    struct tally_bytes name = tl_bytes(names->ptr, len);
    size_t taken = len < names->len ? len + 1 : len;
    *names = tl_bytes(names->ptr + taken, names->len - taken);
    return name;
}

static int take_fd(int fd, struct tally_bytes name, struct tl_listen_fds *fds)
{
    int *place = NULL;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (tl_bytes_equal(name, tl_bytes_text("submit"))) {
        place = &fds->submit;
    } else if (tl_bytes_equal(name, tl_bytes_text("read"))) {
        place = &fds->read;
    }
    if (place == NULL || *place >= 0 || !is_unix_listener(fd)) {
        tl_log(TL_LOG_CRITICAL,
               "descriptor %d from the service manager is not a listening Unix stream socket "
               "named submit or read (FileDescriptorName= in its .socket unit)",
               fd);
        return TL_EXIT_USAGE;
    }
    *place = fd;
    return TL_EXIT_OK;
}

static int take_passed(struct tl_listen_fds *fds)
{
    uint64_t pid = 0;
    uint64_t count = 0;
    const char *text = getenv("LISTEN_FDNAMES");
    if (!environment_number("LISTEN_PID", &pid) || pid != (uint64_t)getpid() ||
        !environment_number("LISTEN_FDS", &count)) {
        return TL_EXIT_OK;
    }
    struct tally_bytes names = tl_bytes_text(text == NULL ? "" : text);
    if (count > FD_COUNT_MAX) {
        count = FD_COUNT_MAX;
    }
    int code = TL_EXIT_OK;
    for (int i = 0; i < (int)count && code == TL_EXIT_OK; i++) {
        code = take_fd(FIRST_FD + i, next_name(&names), fds);
    }
    return code;
}

/* A path left behind by a daemon that ended badly is removed; one that answers is not. */
static bool remove_stale(const char *path, const struct sockaddr_un *address)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return errno == ENOENT;
    }
    if (!S_ISSOCK(info.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
    bool refused = result != 0 && errno == ECONNREFUSED;
    tl_close(&fd);
    return refused && unlink(path) == 0;
}

static bool find_group(const char *name, gid_t *ret_gid)
{
    errno = 0;
    const struct group *group = getgrnam(name);
    if (group == NULL) {
        return false;
    }
    *ret_gid = group->gr_gid;
    return true;
}

/* Bound without any permission, which comes when owner and group are right. */
static bool bind_path(int fd, const char *path, const struct sockaddr_un *address, mode_t mode,
                      const char *group)
{
    gid_t gid = (gid_t)-1;
    if (group[0] != '\0' && !find_group(group, &gid)) {
        tl_log(TL_LOG_CRITICAL, "there is no group \"%s\"", group);
        return false;
    }
    mode_t mask = umask(0777);
    int result = bind(fd, (const struct sockaddr *)address, sizeof *address);
    (void)umask(mask);
    return result == 0 && (gid == (gid_t)-1 || chown(path, (uid_t)-1, gid) == 0) &&
           chmod(path, mode) == 0 && listen(fd, BACKLOG) == 0;
}

static int make_socket(const char *path, uint64_t mode, const char *group, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        tl_log(TL_LOG_CRITICAL, "%s: the path of a socket has at most 107 characters", path);
        return TL_EXIT_USAGE;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (!remove_stale(path, &address)) {
        tl_log(TL_LOG_CRITICAL, "%s: something is there already, and it is no dead socket", path);
        return TL_EXIT_FAILURE;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !bind_path(fd, path, &address, (mode_t)mode, group)) {
        tl_log(TL_LOG_CRITICAL, "%s: the socket cannot be made: %s", path,
               tally_status_text(tl_status_from_errno(errno)));
        tl_close(&fd);
        return TL_EXIT_FAILURE;
    }
    *ret_fd = fd;
    return TL_EXIT_OK;
}

int tl_listen_open(const struct tl_config *config, struct tl_listen_fds *ret_fds)
{
    struct tl_listen_fds fds = {.submit = -1, .read = -1};
    int code = take_passed(&fds);
    if (code == TL_EXIT_OK && fds.submit < 0 && config->submit_socket[0] != '\0') {
        code = make_socket(config->submit_socket, config->submit_mode, config->submit_group,
                           &fds.submit);
        fds.submit_made = code == TL_EXIT_OK;
    }
    if (code == TL_EXIT_OK && fds.read < 0 && config->read_socket[0] != '\0') {
        code = make_socket(config->read_socket, config->read_mode, config->read_group, &fds.read);
        fds.read_made = code == TL_EXIT_OK;
    }
    if (code == TL_EXIT_OK && fds.submit < 0 && fds.read < 0) {
        tl_log(TL_LOG_CRITICAL,
               "no socket: start it from tally-submit.socket and tally-read.socket, or say "
               "\"submit-socket PATH\" and \"read-socket PATH\"");
        code = TL_EXIT_USAGE;
    }
    if (code != TL_EXIT_OK) {
        tl_listen_remove(config, &fds);
        tl_close(&fds.submit);
        tl_close(&fds.read);
        return code;
    }
    *ret_fds = fds;
    return TL_EXIT_OK;
}

void tl_listen_remove(const struct tl_config *config, const struct tl_listen_fds *fds)
{
    if (fds->submit_made) {
        (void)unlink(config->submit_socket);
    }
    if (fds->read_made) {
        (void)unlink(config->read_socket);
    }
}
