/* SPDX-License-Identifier: ISC */
/* Which call goes wrong, and how. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/shim.h"

enum {
    INJECTED = SHIM_CALL_COUNT,
    SENT_AFTER,
    SYNC_FAILED_NS,
    COUNTS_LEN,
    SHORT = -1,
    KILL = -2,
};

#define NS_PER_S UINT64_C(1000000000)

static const char *const names[] = {
#define NAME(name) #name,
    SHIM_CALLS(NAME)
#undef NAME
};

static _Atomic uint64_t own_counts[COUNTS_LEN];
static _Atomic uint64_t *counts = own_counts;
static atomic_bool sync_failed;

static struct {
    int call; /* -1: none */
    uint64_t first;
    uint64_t count;
    uint64_t each;
    int what; /* errno, SHORT or KILL */
} fault = {.call = -1, .each = 1};

void shim_find(const char *name, void *ret_function)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    *(void **)ret_function = found; /* no memcpy: a sanitizer's may not be there yet */
}

static bool is_hit(enum shim_call call)
{
    uint64_t number = atomic_fetch_add(&counts[call], 1) + 1;
    return (int)call == fault.call && number >= fault.first && number - fault.first < fault.count &&
           (number - fault.first) % fault.each == 0;
}

static void note_failed_sync(void)
{
    struct timespec now = {0};
    if (!atomic_exchange(&sync_failed, true) && clock_gettime(CLOCK_MONOTONIC, &now) == 0) {
        atomic_store(&counts[SYNC_FAILED_NS],
                     (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec);
    }
}

enum shim_fate shim_next(enum shim_call call)
{
    if (call == SHIM_send && atomic_load(&sync_failed)) {
        atomic_fetch_add(&counts[SENT_AFTER], 1);
    }
    if (!is_hit(call)) {
        return SHIM_GOES_ON;
    }
    atomic_fetch_add(&counts[INJECTED], 1);
    if (fault.what == KILL) {
        (void)syscall(SYS_kill, getpid(), SIGKILL);
    }
    if (fault.what == SHORT) {
        return SHIM_IS_SHORT;
    }
    /* A write that was interrupted is made again; a sync is not, whatever it says. */
    if (call == SHIM_fsync || call == SHIM_fdatasync ||
        (call == SHIM_swrite && fault.what != EINTR)) {
        note_failed_sync();
    }
    errno = fault.what;
    return SHIM_FAILS;
}

/* The next word of text up to a colon; NULL when there is none. */
static char *next_word(char **text)
{
    return strsep(text, ":");
}

static void parse(char *text)
{
    char *call = next_word(&text);
    char *first = next_word(&text);
    char *what = next_word(&text);
    char *count = next_word(&text);
    if (call == NULL || first == NULL || what == NULL || count == NULL) {
        abort();
    }
    for (int i = 0; i < SHIM_CALL_COUNT; i++) {
        if (strcmp(names[i], call) == 0) {
            fault.call = i;
        }
    }
    if (fault.call < 0) {
        abort();
    }
    fault.first = strtoull(first, NULL, 10);
    fault.count = strtoull(count, NULL, 10);
    if (text != NULL) {
        fault.each = strtoull(text, NULL, 10);
    }
    fault.what = strcmp(what, "short") == 0  ? SHORT
                 : strcmp(what, "kill") == 0 ? KILL
                                             : (int)strtol(what, NULL, 10);
}

static void map_counts(const char *path)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || syscall(SYS_ftruncate, fd, sizeof own_counts) != 0) {
        abort();
    }
    long map = syscall(SYS_mmap, NULL, sizeof own_counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                       0L);
    if (map == -1) {
        abort();
    }
    counts = (_Atomic uint64_t *)(uintptr_t)map;
    (void)syscall(SYS_close, fd);
}

/* Nor does it go wrong, or count. */
static void leave_plan(void)
{
    counts = own_counts;
    fault.call = -1;
}

__attribute__((constructor)) static void load_plan(void)
{
    const char *path = getenv("CRASH_COUNTS");
    const char *plan = getenv("CRASH_FAULT");
    if (pthread_atfork(NULL, NULL, leave_plan) != 0) {
        abort();
    }
    if (path != NULL) {
        map_counts(path);
    }
    if (plan != NULL) {
        static char text[256];
        (void)strncpy(text, plan, sizeof text - 1);
        parse(text);
    }
}
