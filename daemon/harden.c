/* SPDX-License-Identifier: ISC */
#include "daemon/harden.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* A service manager may have done it already, and forbidden to change limits. */
static bool drop_core_dumps(void)
{
    struct rlimit limit;
    struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0) {
        return true;
    }
    return setrlimit(RLIMIT_CORE, &none) == 0;
}

bool tl_harden_process(void)
{
    (void)umask(077);
    /* libuv writes with write(2): a client that has gone must be an error, not a signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           drop_core_dumps();
}

uint64_t tl_harden_descriptors(void)
{
    struct rlimit limit = {.rlim_cur = 0, .rlim_max = 0};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            return raised.rlim_cur;
        }
    }
    return limit.rlim_cur;
}
