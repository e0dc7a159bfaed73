/* SPDX-License-Identifier: ISC */
#include "daemon/scrubber.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/exit_code.h"
#include "daemon/sandbox.h"
#include "lib/store/rebuild.h"

#define NS_PER_S UINT64_C(1000000000)

enum {
    OWN_FD = 3,
    REST_SHARE = 3, /* rests so many times as long as it worked */
    PATH_LEN_MAX = TL_CONFIG_TEXT_MAX + 32,
};

/* Whatever it is at, the end of the daemon is its own: then the other end of the pair is closed. */
static void on_io(int number)
{
    int error = errno;
    struct pollfd other = {.fd = OWN_FD};
    (void)number;
    if (poll(&other, 1, 0) > 0 && (other.revents & POLLHUP) != 0) {
        _exit(TL_EXIT_OK);
    }
    errno = error;
}

static bool watch_other_end(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_io;
    action.sa_flags = SA_RESTART; /* of what is being read */
    return sigaction(SIGIO, &action, NULL) == 0 && fcntl(OWN_FD, F_SETOWN, getpid()) == 0 &&
           fcntl(OWN_FD, F_SETFL, O_ASYNC) == 0;
}

/* Deaf to what a service manager tells both. */
static void settle(int fd)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        (void)signal(numbers[i], SIG_IGN);
    }
    if (fd != OWN_FD && dup2(fd, OWN_FD) != OWN_FD) {
        _exit(TL_EXIT_FAILURE);
    }
    closefrom(OWN_FD + 1);
    if (!watch_other_end()) {
        _exit(TL_EXIT_FAILURE);
    }
    on_io(SIGIO); /* it may have ended before */
}

static bool is_sent(const struct tl_scrub_result *result)
{
    ssize_t sent;
    do {
        sent = write(OWN_FD, result, sizeof *result);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof *result;
}

static bool is_told(struct tl_scrub_task *ret_task)
{
    ssize_t got;
    do {
        got = read(OWN_FD, ret_task, sizeof *ret_task);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof *ret_task && ret_task->note_len <= sizeof ret_task->note;
}

static struct tl_scrub_result result_of(enum tally_status status)
{
    struct tl_scrub_result result = {
        .finding = TL_SCRUB_UNDONE, .status = status, .index = TL_NO_INDEX};
    if (status == TALLY_OK) {
        result.finding = TL_SCRUB_CLEAN;
    } else if (status == TALLY_EFORMAT || status == TALLY_EIO) {
        result.finding = TL_SCRUB_RECORDS;
    }
    return result;
}

/* Its own opening: no page of the file is held when the daemon opens it. */
static struct tl_scrub_result survey(const struct tl_config *config)
{
    struct tl_store *store = NULL;
    struct tl_scrub_result result = {.finding = TL_SCRUB_UNDONE, .index = TL_NO_INDEX};
    result.status = tl_store_open(config->data, config->map_size, TL_STORE_BESIDE, &store);
    if (result.status == TALLY_OK) {
        result = result_of(tl_store_survey(store));
    }
    tl_store_close(store);
    return result;
}

static bool are_records_good(const struct tl_report *report)
{
    bool good = true;
    for (unsigned i = TL_CHECK_LEDGER; i < TL_CHECK_EXHIBITS; i++) {
        good = good && report->lines[i].verdict == TL_VERDICT_OK;
    }
    return good;
}

static struct tl_scrub_result judge(const struct tl_store_verdict *verdict)
{
    const struct tl_report *report = &verdict->verified.report;
    struct tl_scrub_result result = {.finding = TL_SCRUB_CLEAN, .index = TL_NO_INDEX};
    (void)tl_report_first_bad(report, &result.index, &result.reason);
    if (!are_records_good(report)) {
        result.finding = TL_SCRUB_RECORDS;
    } else if (verdict->wrong_index != TL_NO_INDEX) {
        result.finding = TL_SCRUB_RECORDS;
        result.index = verdict->wrong_index;
        result.reason = TALLY_REASON_NONE;
    } else if (tl_report_exit_code(report) != 0) {
        result.finding = TL_SCRUB_EXHIBITS;
    }
    return result;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* The processor is the daemon's first. A unit forbids to lower one's priority, so: by sleeping. */
static void rest(void *context, uint64_t done, uint64_t size)
{
    uint64_t *since_ns = (uint64_t *)context;
    uint64_t rest_ns = (now_ns() - *since_ns) * REST_SHARE;
    const struct timespec span = {.tv_sec = (time_t)(rest_ns / NS_PER_S),
                                  .tv_nsec = (long)(rest_ns % NS_PER_S)};
    (void)done;
    (void)size;
    (void)nanosleep(&span, NULL);
    *since_ns = now_ns();
}

static struct tl_scrub_result scrub(struct tl_store *store, const struct tl_scrub_task *task)
{
    struct tl_store_verdict verdict;
    uint64_t since_ns = now_ns();
    const struct tl_backup_options options = {
        .ledger = &task->ledger, .progress = rest, .progress_context = &since_ns};
    enum tally_status status = tl_store_refresh(store);
    if (status == TALLY_OK) {
        status = tl_store_survey(store);
    }
    if (status == TALLY_OK) {
        status = tl_store_verify(store, tl_bytes(task->note, task->note_len), &options, &verdict);
    }
    struct tl_scrub_result result = result_of(status);
    if (status == TALLY_OK) {
        result = judge(&verdict);
        result.size = verdict.verified.report.size;
        tl_verified_ledger_deinit(&verdict.verified);
    }
    return result;
}

/* What a verification sets aside goes where unfinished uploads do: a start empties it. */
static enum tally_status prepare(const struct tl_config *config, struct tl_store **ret_store)
{
    char aside[PATH_LEN_MAX];
    (void)snprintf(aside, sizeof aside, "%s/exhibits/incoming", config->data);
    if (setenv("TMPDIR", aside, 1) != 0) {
        return TALLY_ENOMEM;
    }
    enum tally_status status =
        tl_store_open(config->data, config->map_size, TL_STORE_BESIDE, ret_store);
    return status == TALLY_OK ? tl_sandbox_enter_scrubber(config) : status;
}

void tl_scrubber_run(const struct tl_config *config, int fd)
{
    struct tl_scrub_task task;
    struct tl_store *store = NULL;
    settle(fd);
    struct tl_scrub_result result = survey(config);
    while (is_sent(&result) && is_told(&task)) {
        enum tally_status status = store == NULL ? prepare(config, &store) : TALLY_OK;
        if (status != TALLY_OK && store != NULL) {
            _exit(TL_EXIT_SANDBOX);
        }
        result = store == NULL ? result_of(status) : scrub(store, &task);
    }
    _exit(TL_EXIT_OK);
}
