/* SPDX-License-Identifier: ISC */
#include "daemon/syscall_filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/file.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const int free_calls[] = {
    /* threads and memory */
    SCMP_SYS(brk), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(getpid),
    SCMP_SYS(getrandom), SCMP_SYS(gettid), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(munlock),
    SCMP_SYS(munmap), SCMP_SYS(restart_syscall), SCMP_SYS(rseq), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list),
    /* the scrubber, when it has ended */
    SCMP_SYS(wait4),
    /* time, where the kernel gives it by a call only */
    SCMP_SYS(clock_gettime), SCMP_SYS(time),
    /* the loop and its sockets, which exist already */
    SCMP_SYS(accept4), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_wait),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
    /* files, where Landlock lets them be */
    SCMP_SYS(close), SCMP_SYS(fcntl), SCMP_SYS(fdatasync), SCMP_SYS(fstat), SCMP_SYS(fsync),
    SCMP_SYS(ftruncate), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(lseek), SCMP_SYS(newfstatat),
    SCMP_SYS(openat), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(read),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(statfs), SCMP_SYS(unlink),
    SCMP_SYS(unlinkat), SCMP_SYS(utimensat), SCMP_SYS(write), SCMP_SYS(writev),
};

/* With one argument of one value; mask 0 is the whole argument. */
struct condition {
    int call;
    unsigned argument;
    uint64_t mask;
    uint64_t value;
};

static const struct condition conditions[] = {
    {SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD}, /* no process */
    {SCMP_SYS(mmap), 2, PROT_EXEC, 0},                /* no new code */
    {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
    {SCMP_SYS(ioctl), 1, 0, FIONBIO},
    {SCMP_SYS(prlimit64), 2, 0, 0}, /* asking only */
    {SCMP_SYS(sendto), 4, 0, 0},    /* on a connected socket, the service manager's */
};

/* What libc and libuv try first and do without: they are told that the kernel is an older one. */
static const int refused_calls[] = {
    SCMP_SYS(clone3),
    SCMP_SYS(io_uring_setup),
};

static int allow_free(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int error = 0;
    for (size_t i = 0; i < count && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    }
    return error;
}

static int allow_if(scmp_filter_ctx filter, const struct condition *condition)
{
    uint64_t mask = condition->mask == 0 ? UINT64_MAX : condition->mask;
    struct scmp_arg_cmp compare =
        SCMP_CMP64(condition->argument, SCMP_CMP_MASKED_EQ, mask, condition->value);
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, condition->call, 1, &compare);
}

static int add_rules(scmp_filter_ctx filter)
{
    const struct condition abort_only = {SCMP_SYS(tgkill), 0, 0, (uint64_t)getpid()};
    int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (error == 0) {
        error = allow_free(filter, free_calls, COUNT(free_calls));
    }
    if (error == 0) {
        error = allow_if(filter, &abort_only);
    }
    for (size_t i = 0; i < COUNT(conditions) && error == 0; i++) {
        error = allow_if(filter, &conditions[i]);
    }
    for (size_t i = 0; i < COUNT(refused_calls) && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), refused_calls[i], 0);
    }
    return error;
}

enum tally_status tl_syscall_filter_load(const int *more, size_t more_count, size_t *ret_allowed)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        return TALLY_ENOMEM;
    }
    int error = add_rules(filter);
    if (error == 0) {
        error = allow_free(filter, more, more_count);
    }
    if (error == 0) {
        error = seccomp_load(filter);
    }
    seccomp_release(filter);
    *ret_allowed = COUNT(free_calls) + 1 + COUNT(conditions) + more_count;
    return error == 0 ? TALLY_OK : tl_status_from_errno(-error);
}
