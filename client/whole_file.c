/* SPDX-License-Identifier: ISC */
#include "client/whole_file.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "client/exit_code.h"
#include "client/output.h"
#include "lib/base/file.h"

const char *whole_file_fault(const char *path, enum tally_status status)
{
    struct stat info;
    if (status == TALLY_ENOTFOUND) {
        return "no such file";
    }
    if (status == TALLY_EIO && stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return "is a directory, not a file";
    }
    return tally_status_text(status);
}

int whole_file_read(const char *path, struct tl_buffer *buffer)
{
    enum tally_status status = tl_file_read(path, buffer);
    if (status != TALLY_OK) {
        out_error("%s: %s", path, whole_file_fault(path, status));
    }
    return exit_code_of(status);
}

enum tally_status whole_file_put(const char *path, struct tally_bytes bytes, mode_t mode,
                                 bool replace)
{
    sigset_t interrupts;
    sigset_t before;
    (void)sigemptyset(&interrupts);
    (void)sigaddset(&interrupts, SIGHUP);
    (void)sigaddset(&interrupts, SIGINT);
    (void)sigaddset(&interrupts, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &interrupts, &before);
    char *target = replace ? realpath(path, NULL) : NULL;
    enum tally_status status = tl_file_write(target == NULL ? path : target, bytes, mode, replace);
    free(target);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}

int whole_file_write(const char *path, struct tally_bytes bytes, mode_t mode, bool replace)
{
    enum tally_status status = whole_file_put(path, bytes, mode, replace);
    if (status != TALLY_OK) {
        out_error("%s: %s: not written", path,
                  status == TALLY_ENOTFOUND ? "no such directory" : tally_status_text(status));
    }
    return exit_code_of(status);
}
