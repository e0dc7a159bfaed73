/* SPDX-License-Identifier: ISC */
#include "daemon/scrub.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/exit_code.h"
#include "daemon/log.h"
#include "lib/base/file.h"
#include "lib/verify/report.h"

static const char remedy[] = "Keep the store as it is, run tally fsck on it when the daemon is "
                             "stopped, and restore a verified backup (tallyd(8), RECOVERY)";

/* ---- Starting ---- */

static int refuse(const struct tl_config *config)
{
    tl_log(TL_LOG_CRITICAL, "%s: a page of the store cannot be read or is damaged. %s",
           config->data, remedy);
    return TL_EXIT_DAMAGED;
}

/* Its wait(2) status. It ends when this end is closed, if it has not ended already. */
static int await_end(struct tl_scrub *scrub)
{
    int how = 0;
    tl_close(&scrub->fd);
    while (waitpid(scrub->pid, &how, 0) < 0 && errno == EINTR) {
    }
    return how;
}

static bool is_damage(int how)
{
    int number = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    return number == SIGSEGV || number == SIGBUS || number == SIGABRT ||
           (WIFEXITED(how) && WEXITSTATUS(how) == TL_EXIT_DAMAGED);
}

static ssize_t receive(const struct tl_scrub *scrub, struct tl_scrub_result *ret_result)
{
    ssize_t got;
    do {
        got = read(scrub->fd, ret_result, sizeof *ret_result);
    } while (got < 0 && errno == EINTR);
    return got;
}

static int await_survey(struct tl_scrub *scrub)
{
    struct tl_scrub_result result;
    if (receive(scrub, &result) != (ssize_t)sizeof result) {
        return is_damage(await_end(scrub)) ? refuse(scrub->config) : TL_EXIT_OK;
    }
    return result.finding == TL_SCRUB_RECORDS ? refuse(scrub->config) : TL_EXIT_OK;
}

int tl_scrub_start(const struct tl_config *config, struct tl_scrub *ret_scrub)
{
    int fds[2];
    struct tl_scrub *scrub = ret_scrub;
    memset(scrub, 0, sizeof *scrub);
    scrub->config = config;
    scrub->fd = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        tl_log(TL_LOG_CRITICAL, "no sockets for the scrubber: %s", strerror(errno));
        return TL_EXIT_FAILURE;
    }
    scrub->pid = fork();
    if (scrub->pid == 0) {
        tl_scrubber_run(config, fds[1]);
    }
    tl_close(&fds[1]);
    scrub->fd = fds[0];
    if (scrub->pid < 0) {
        tl_close(&scrub->fd);
        tl_log(TL_LOG_CRITICAL, "no process for the scrubber: %s", strerror(errno));
        return TL_EXIT_FAILURE;
    }
    return await_survey(scrub);
}

/* ---- Results ---- */

static const char *why(const struct tl_scrub_result *result)
{
    if (result->status != TALLY_OK) {
        return tally_status_text(result->status);
    }
    return result->reason == TALLY_REASON_NONE ? "the store's tables say something else"
                                               : tally_reason_name(result->reason);
}

static void stop_for(struct tl_scrub *scrub, const char *what)
{
    if (tl_ledger_stop_signing(scrub->ledger)) {
        tl_log(TL_LOG_CRITICAL, "the stored ledger is damaged: %s. Signing has stopped, reading "
               "goes on. %s", what, remedy);
    }
}

static void take_result(struct tl_scrub *scrub, const struct tl_scrub_result *result)
{
    char what[160];
    if (result->index == TL_NO_INDEX) {
        (void)snprintf(what, sizeof what, "%s", why(result));
    } else {
        (void)snprintf(what, sizeof what, "record %" PRIu64 ": %s", result->index, why(result));
    }
    switch (result->finding) {
    case TL_SCRUB_CLEAN:
        tl_log(TL_LOG_INFO, "scrub: all %" PRIu64 " records and their exhibits hold",
               result->size);
        break;
    case TL_SCRUB_RECORDS:
        stop_for(scrub, what);
        break;
    case TL_SCRUB_EXHIBITS:
        tl_log(TL_LOG_CRITICAL,
               "scrub: an exhibit file is damaged or gone, %s. The records hold: put the file "
               "back from a backup, a mirror or its author (tallyd(8), RECOVERY)", what);
        break;
    case TL_SCRUB_UNDONE:
        tl_log(TL_LOG_ERROR, "scrub: not carried out: %s", what);
        break;
    }
    scrub->newest = *result;
    scrub->has_result = true;
    scrub->count++;
    scrub->done_s = (uint64_t)time(NULL);
}

void tl_scrub_detach(struct tl_scrub *scrub)
{
    if (scrub->polls) {
        scrub->polls = false;
        uv_close((uv_handle_t *)&scrub->poll, NULL);
    }
}

/* Nothing but damage should have ended it; it cannot be started again from inside the sandbox. */
static void take_end(struct tl_scrub *scrub)
{
    tl_scrub_detach(scrub);
    scrub->runs = false;
    int how = await_end(scrub);
    if (is_damage(how)) {
        scrub->newest = (struct tl_scrub_result){
            .finding = TL_SCRUB_RECORDS, .status = TALLY_EIO, .index = TL_NO_INDEX};
        scrub->has_result = true;
        stop_for(scrub, "a page of it ended the process that read it");
    } else {
        tl_log(TL_LOG_ERROR,
               "the scrubber has ended with %s %d: the stored ledger is not looked through any "
               "more until the daemon is restarted",
               WIFSIGNALED(how) ? "signal" : "exit code",
               WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
    }
}

static void poll_cb(uv_poll_t *poll, int status, int events)
{
    struct tl_scrub *scrub = (struct tl_scrub *)poll->data;
    struct tl_scrub_result result;
    (void)status;
    (void)events;
    ssize_t got = receive(scrub, &result);
    if (got == (ssize_t)sizeof result) {
        scrub->runs = false;
        scrub->due_ms = uv_now(poll->loop) + scrub->config->scrub_every;
        take_result(scrub, &result);
    } else if (got >= 0 || errno != EAGAIN) {
        take_end(scrub);
    }
}

bool tl_scrub_attach(struct tl_scrub *scrub, uv_loop_t *loop, struct tl_ledger *ledger)
{
    scrub->ledger = ledger;
    if (scrub->fd < 0) {
        tl_log(TL_LOG_ERROR, "the scrubber has ended: the stored ledger is not looked through");
        return true;
    }
    if (uv_poll_init(loop, &scrub->poll, scrub->fd) != 0) {
        return false;
    }
    scrub->polls = true;
    scrub->poll.data = scrub;
    return uv_poll_start(&scrub->poll, UV_READABLE, poll_cb) == 0;
}

/* ---- Tasks ---- */

void tl_scrub_tick(struct tl_scrub *scrub, uint64_t now_ms)
{
    struct tl_scrub_task task;
    struct tl_head_view head;
    if (scrub->fd < 0 || scrub->runs || now_ms < scrub->due_ms) {
        return;
    }
    memset(&task, 0, sizeof task);
    tl_head_read(&scrub->ledger->head, &head);
    task.ledger = scrub->ledger->id;
    task.note_len = (uint32_t)head.note_len;
    memcpy(task.note, head.note, head.note_len);
    ssize_t sent = write(scrub->fd, &task, sizeof task);
    scrub->runs = sent == (ssize_t)sizeof task;
}

void tl_scrub_end(struct tl_scrub *scrub)
{
    if (scrub->fd >= 0) {
        (void)await_end(scrub);
    }
}

bool tl_scrub_is_damage(const struct tl_scrub *scrub)
{
    return scrub->has_result && scrub->newest.finding == TL_SCRUB_RECORDS;
}

const char *tl_scrub_text(const struct tl_scrub *scrub)
{
    static const char *const texts[] = {
        [TL_SCRUB_CLEAN] = "clean",
        [TL_SCRUB_RECORDS] = "damaged",
        [TL_SCRUB_EXHIBITS] = "exhibits",
        [TL_SCRUB_UNDONE] = "undone",
    };
    if (tl_scrub_is_damage(scrub)) {
        return "damaged";
    }
    if (scrub->fd < 0) {
        return "ended";
    }
    return scrub->has_result ? texts[scrub->newest.finding] : "waiting";
}
