/* SPDX-License-Identifier: ISC */
#include "lib/archive/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/place.h"

#define TEMPLATE "tally-XXXXXX"

/* /var/tmp before /tmp: what is kept there is large, and /tmp is often held in memory. */
static const char *base(size_t attempt)
{
    static const char *const fixed[] = {"/var/tmp", "/tmp"};
    if (attempt == 0) {
        return secure_getenv("TMPDIR");
    }
    return attempt <= sizeof fixed / sizeof fixed[0] ? fixed[attempt - 1] : NULL;
}

static int open_nameless(const char *directory)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0) {
        return fd;
    }
    /* Not every file system knows O_TMPFILE. */
    char *path = tl_path_join(directory, TEMPLATE);
    if (path == NULL) {
        errno = ENOMEM;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        (void)unlink(path);
    }
    tl_free(path);
    return fd;
}

enum tally_status tl_temporary_file(int *ret_fd)
{
    enum tally_status status = TALLY_ENOTFOUND;
    for (size_t i = 0; i < 3; i++) {
        const char *directory = base(i);
        if (directory == NULL) {
            continue;
        }
        int fd = open_nameless(directory);
        if (fd >= 0) {
            *ret_fd = fd;
            return TALLY_OK;
        }
        status = tl_status_from_errno(errno);
    }
    return status;
}

enum tally_status tl_temporary_directory(char **ret_path)
{
    enum tally_status status = TALLY_ENOTFOUND;
    for (size_t i = 0; i < 3; i++) {
        const char *directory = base(i);
        if (directory == NULL) {
            continue;
        }
        char *path = tl_path_join(directory, TEMPLATE);
        if (path == NULL) {
            return TALLY_ENOMEM;
        }
        if (mkdtemp(path) != NULL) {
            *ret_path = path;
            return TALLY_OK;
        }
        status = tl_status_from_errno(errno);
        tl_free(path);
    }
    return status;
}

void tl_temporary_directory_remove(const char *path)
{
    if (path != NULL) {
        tl_remove_directory(path);
    }
}
