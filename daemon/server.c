/* SPDX-License-Identifier: ISC */
#include "daemon/server.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "daemon/conn.h"
#include "daemon/exit_code.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/sandbox.h"
#include "daemon/scrub.h"
#include "daemon/space.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

#define SERVER_MAGIC 0x53525652u
#define LISTENER_MAGIC 0x4c53544eu
#define HELPER_MAGIC 0x48454c50u

enum {
    TICK_MAX_MS = 1000,
    TICK_MIN_MS = 10,
    TICKS_PER_TIMEOUT = 4,
    STATUS_EVERY_MS = 5000,
    LOG_LINES_PER_SECOND = 50,
    BACKLOG = 512,
    US_PER_S = 1000000,
    ACCEPT_FAILURES_MAX = 100000,
    ACCEPT_AGAIN_MS = 1,
};

/* Whoever connects, without end or as a crowd at once, does not keep the loop from others. */
static const struct tl_bucket_rate accept_rate = {.max = 64, .per_ms = 16};

/* A worker that checks queued submissions; at most config->workers of them. */
struct tl_helper {
    uint32_t magic;
    bool active;
    struct tl_server *server;
    uv_work_t work;
};

static struct tl_server *server_of(void *data)
{
    struct tl_server *server = (struct tl_server *)data;
    TL_ASSERT(server != NULL);
    TL_ASSERT(server->magic == SERVER_MAGIC);
    return server;
}

/* ---- Submissions ---- */

static void check_job(void *context, struct tl_job *job)
{
    const struct tl_server *server = server_of(context);
    tl_job_check(job, server->ledger->store, &server->ledger->id);
}

static void help_cb(uv_work_t *work)
{
    struct tl_helper *helper = (struct tl_helper *)work->data;
    TL_ASSERT(helper->magic == HELPER_MAGIC);
    tl_queue_work(helper->server->queue);
}

static void after_help_cb(uv_work_t *work, int status)
{
    struct tl_helper *helper = (struct tl_helper *)work->data;
    TL_ASSERT(helper->magic == HELPER_MAGIC);
    TL_ASSERT(status == 0);
    helper->active = false;
}

/* One more worker; false when all are under way. */
static bool send_helper(struct tl_server *server)
{
    for (uint64_t i = 0; i < server->config->workers; i++) {
        struct tl_helper *helper = &server->helpers[i];
        if (!helper->active) {
            helper->active = true;
            helper->work.data = helper;
            int error = uv_queue_work(&server->loop, &helper->work, help_cb, after_help_cb);
            TL_ASSERT(error == 0); /* fails for a NULL callback only */
            return true;
        }
    }
    return false;
}

void tl_server_submit(struct tl_server *server, struct tl_queue_lane *lane, struct tl_job *job)
{
    if (tl_queue_push(server->queue, lane, job)) {
        (void)send_helper(server);
    }
}

/* On the sequencer's thread. */
static void call_help(void *context)
{
    struct tl_server *server = server_of(context);
    atomic_thread_fence(memory_order_seq_cst); /* as in jobs_done */
    (void)uv_async_send(&server->done_async);
}

/* On the sequencer's thread. */
static void jobs_done(void *context, struct tl_job *jobs)
{
    struct tl_server *server = server_of(context);
    struct tl_job *last = jobs;
    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    (void)pthread_mutex_lock(&server->done_mutex);
    if (jobs == NULL) {
        server->sequencer_ended = true;
    } else if (server->done_last == NULL) {
        server->done_first = jobs;
        server->done_last = last;
    } else {
        server->done_last->next = jobs;
        server->done_last = last;
    }
    (void)pthread_mutex_unlock(&server->done_mutex);
    /* libuv before 1.53 may drop a send that races with the callback unless it is fenced. */
    atomic_thread_fence(memory_order_seq_cst);
    (void)uv_async_send(&server->done_async);
}

/* ---- Stopping ---- */

static void close_server_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void close_listeners(struct tl_server *server)
{
    for (size_t i = 0; i < 2; i++) {
        if (server->listeners[i].open) {
            server->listeners[i].open = false;
            close_server_handle((uv_handle_t *)&server->listeners[i].pipe);
        }
    }
}

/* When the sequencer is done and every connection is gone, nothing is left to wait for. */
static void close_if_over(struct tl_server *server)
{
    if (!server->stopping || server->closing || server->sequencer != NULL ||
        server->conns != NULL) {
        return;
    }
    server->closing = true;
    for (size_t i = 0; i < 3; i++) {
        close_server_handle((uv_handle_t *)&server->signals[i]);
    }
    close_server_handle((uv_handle_t *)&server->tick);
    close_server_handle((uv_handle_t *)&server->stop_timer);
    close_server_handle((uv_handle_t *)&server->accept_timer);
    close_server_handle((uv_handle_t *)&server->done_async);
    close_server_handle((uv_handle_t *)&server->check);
    tl_scrub_detach(server->scrub);
}

static void stop_conns(struct tl_server *server, bool at_once)
{
    struct tl_conn *next = NULL;
    for (struct tl_conn *conn = server->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (at_once) {
            tl_conn_close(conn);
        } else {
            tl_conn_stop(conn);
        }
    }
}

static void stop_timer_cb(uv_timer_t *timer)
{
    struct tl_server *server = server_of(timer->data);
    tl_log(TL_LOG_WARNING, "answers were not read in time: closing %zu connections",
           server->conn_count);
    stop_conns(server, true);
}

static void stop(struct tl_server *server)
{
    if (server->stopping) {
        return;
    }
    server->stopping = true;
    tl_log(TL_LOG_NOTICE, "stopping");
    (void)tl_notify("STOPPING=1", false);
    close_listeners(server);
    stop_conns(server, false);
    tl_queue_close(server->queue);
}

/* Everything that was accepted is durable and answered; now clients have a moment to read. */
static void sequencer_over(struct tl_server *server)
{
    tl_sequencer_join(server->sequencer);
    server->sequencer = NULL;
    int error = uv_timer_start(&server->stop_timer, stop_timer_cb, server->config->stop_timeout, 0);
    TL_ASSERT(error == 0);
    close_if_over(server);
}

static void confirm_clock(struct tl_clock *clock)
{
    bool waited = tl_clock_confirm(clock, tl_clock_read());
    tl_log(TL_LOG_NOTICE, waited ? "the operator has confirmed the clock: appends go on"
                                 : "SIGHUP: the clock needs no confirmation");
}

static void signal_cb(uv_signal_t *handle, int number)
{
    struct tl_server *server = server_of(handle->data);
    if (number != SIGHUP) {
        stop(server);
    } else {
        confirm_clock(&server->ledger->clock);
    }
}

/* ---- One turn of the loop ---- */

static void done_cb(uv_async_t *async)
{
    struct tl_server *server = server_of(async->data);
    (void)pthread_mutex_lock(&server->done_mutex);
    struct tl_job *job = server->done_first;
    bool ended = server->sequencer_ended;
    server->done_first = NULL;
    server->done_last = NULL;
    (void)pthread_mutex_unlock(&server->done_mutex);
    server->wake = server->wake || job != NULL;
    while (job != NULL) {
        struct tl_job *next = job->next;
        tl_conn_job_done(job->conn, job);
        job = next;
    }
    if (ended && server->sequencer != NULL) {
        sequencer_over(server);
    } else if (tl_queue_wants_help(server->queue)) {
        while (send_helper(server)) {
        }
    }
}

static void accept_pending(struct tl_server *server)
{
    for (size_t i = 0; i < 2; i++) {
        if (server->listeners[i].open && server->listeners[i].pending) {
            tl_conn_accept(&server->listeners[i]);
        }
    }
}

static void accept_timer_cb(uv_timer_t *timer)
{
    accept_pending(server_of(timer->data));
}

bool tl_server_may_accept(struct tl_listener *listener)
{
    struct tl_server *server = listener->server;
    if (tl_bucket_refill(&accept_rate, &listener->accepts, uv_now(&server->loop)) >= 1) {
        listener->accepts.tokens -= 1;
        return true;
    }
    if (!server->closing && !uv_is_active((const uv_handle_t *)&server->accept_timer)) {
        int error = uv_timer_start(&server->accept_timer, accept_timer_cb, ACCEPT_AGAIN_MS, 0);
        TL_ASSERT(error == 0);
    }
    return false;
}

static void update_waiters(struct tl_server *server)
{
    struct tl_conn *next = NULL;
    server->wake = false;
    if (!server->has_waiters) {
        return;
    }
    server->has_waiters = false;
    for (struct tl_conn *conn = server->conns; conn != NULL; conn = next) {
        next = conn->next;
        tl_conn_update(conn);
    }
    accept_pending(server);
}

/*
 * Without free descriptors libuv drops waiting clients by giving up one that it keeps for that, and
 * takes the next one from "/", which the sandbox denies. Without one it would accept for ever.
 */
static void keep_spare_descriptor(struct tl_server *server)
{
    if (server->loop.emfile_fd < 0) {
        server->loop.emfile_fd = fcntl(uv_backend_fd(&server->loop), F_DUPFD_CLOEXEC, 0);
    }
}

/* Answers of one turn to one client leave in one write. */
static void check_cb(uv_check_t *check)
{
    struct tl_server *server = server_of(check->data);
    keep_spare_descriptor(server);
    if (server->wake) {
        update_waiters(server);
    }
    while (server->dirty != NULL) {
        struct tl_conn *conn = server->dirty;
        server->dirty = conn->dirty_next;
        conn->is_dirty = false;
        tl_conn_flush(conn);
        tl_conn_update(conn);
    }
}

void tl_server_wake(struct tl_server *server)
{
    server->wake = true;
    if (server->has_waiters && !server->closing) {
        (void)uv_async_send(&server->done_async);
    }
}

void tl_server_forget(struct tl_server *server, struct tl_conn *conn)
{
    if (conn->previous != NULL) {
        conn->previous->next = conn->next;
    } else {
        TL_ASSERT(server->conns == conn);
        server->conns = conn->next;
    }
    if (conn->next != NULL) {
        conn->next->previous = conn->previous;
    }
    server->conn_count--;
    close_if_over(server);
}

bool tl_server_may_log(struct tl_server *server)
{
    uint64_t second = uv_now(&server->loop) / 1000;
    if (second != server->log_second) {
        server->log_second = second;
        server->log_lines = 0;
    }
    server->log_lines++;
    return server->log_lines <= LOG_LINES_PER_SECOND;
}

/* ---- The tick ---- */

static void check_space(struct tl_server *server)
{
    server->disk_free = tl_space_free(server->config->data);
    bool is_short = tl_space_is_short(server->config, server->ledger->store, server->disk_free);
    if (is_short != server->no_space) {
        tl_log(is_short ? TL_LOG_ERROR : TL_LOG_NOTICE,
               is_short ? "%" PRIu64 " bytes are free on the disk, or the map is nearly full: "
                          "entries are rejected until there is room"
                        : "%" PRIu64 " bytes are free on the disk: appends go on",
               server->disk_free);
    }
    server->no_space = is_short;
}

static void check_clock(struct tl_server *server)
{
    struct tl_clock *clock = &server->ledger->clock;
    bool stepped = tl_clock_is_stepped(clock);
    if (stepped && !server->clock_stepped) {
        char newest[TL_TIME_LEN + 1];
        char now[TL_TIME_LEN + 1];
        tl_time_format(tl_clock_last_us(clock) / US_PER_S, newest);
        tl_time_format((uint64_t)time(NULL), now);
        tl_log(TL_LOG_ERROR,
               "the clock was set, or stands far from the newest record: it says %s, that record "
               "%s. Entries are rejected until the clock is right and SIGHUP confirms it "
               "(systemctl reload tallyd)",
               now, newest);
    }
    server->clock_stepped = stepped;
}

/* The watchdog is fed only while submissions move, or none waits. */
static void tell_manager(struct tl_server *server, uint64_t now_ms)
{
    struct tl_queue_figures queue = tl_queue_figures(server->queue);
    bool moves = queue.idle || queue.batches != server->watchdog_batches ||
                 server->sequencer == NULL;
    if (server->watchdog_ms > 0 && moves &&
        now_ms - server->watchdog_fed_ms >= server->watchdog_ms / 2 &&
        tl_notify("WATCHDOG=1", false)) {
        server->watchdog_fed_ms = now_ms;
        server->watchdog_batches = queue.batches;
    }
    if (now_ms - server->status_ms >= STATUS_EVERY_MS) {
        struct tl_head_view head;
        tl_head_read(&server->ledger->head, &head);
        server->status_ms = now_ms;
        (void)tl_notify_status("%" PRIu64 " records, %zu connections, %zu waiting, sandbox %s%s",
                               head.size, server->conn_count, queue.count, tl_sandbox_text(),
                               atomic_load(&server->ledger->signing) == TL_SIGNING_STOPPED
                                   ? ", SIGNING STOPPED"
                                   : "");
    }
}

static void tick_cb(uv_timer_t *timer)
{
    struct tl_server *server = server_of(timer->data);
    uint64_t now_ms = uv_now(&server->loop);
    struct tl_conn *next = NULL;
    for (struct tl_conn *conn = server->conns; conn != NULL; conn = next) {
        next = conn->next;
        tl_conn_tick(conn, now_ms);
    }
    accept_pending(server);
    tl_users_sweep(&server->users, now_ms);
    check_space(server);
    check_clock(server);
    if (!server->stopping) {
        tl_scrub_tick(server->scrub, now_ms);
    }
    tell_manager(server, now_ms);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t tick_ms(const struct tl_server *server)
{
    const struct tl_config *config = server->config;
    uint64_t ms = smaller(smaller(config->handshake_timeout, config->frame_timeout),
                          smaller(config->write_timeout, config->idle_timeout));
    ms = smaller(ms, config->upload_timeout);
    if (server->watchdog_ms > 0) {
        ms = smaller(ms, server->watchdog_ms);
    }
    ms /= TICKS_PER_TIMEOUT;
    return ms < TICK_MIN_MS ? TICK_MIN_MS : smaller(ms, TICK_MAX_MS);
}

/* ---- Starting ---- */

static void connection_cb(uv_stream_t *stream, int status)
{
    struct tl_listener *listener = (struct tl_listener *)stream->data;
    TL_ASSERT(listener->magic == LISTENER_MAGIC);
    listener->failures = status == 0 ? 0 : listener->failures + 1;
    if (listener->failures == ACCEPT_FAILURES_MAX) {
        /* libuv tries again at once, for ever: nobody would be served, nor could it be stopped. */
        tl_log_die(TL_EXIT_FAILURE, "accepting fails again and again: error %d; ending", status);
    }
    if (status == 0) {
        tl_conn_accept(listener);
    } else if (tl_server_may_log(listener->server)) {
        /* libuv itself drops waiting clients when descriptors have run out. */
        tl_log(TL_LOG_WARNING, "accepting failed: error %d", status);
    }
}

static bool open_listener(struct tl_server *server, size_t i, enum tl_socket socket, int fd)
{
    struct tl_listener *listener = &server->listeners[i];
    if (fd < 0) {
        return true;
    }
    listener->magic = LISTENER_MAGIC;
    listener->server = server;
    listener->socket = socket;
    listener->accepts = tl_bucket_full(&accept_rate, uv_now(&server->loop));
    int error = uv_pipe_init(&server->loop, &listener->pipe, 0);
    TL_ASSERT(error == 0); /* cannot fail on Unix */
    listener->pipe.data = listener;
    listener->open = true;
    return uv_pipe_open(&listener->pipe, fd) == 0 &&
           uv_listen((uv_stream_t *)&listener->pipe, BACKLOG, connection_cb) == 0;
}

static void init_handles(struct tl_server *server)
{
    int error = uv_async_init(&server->loop, &server->done_async, done_cb);
    TL_ASSERT(error == 0);
    server->done_async.data = server;
    error = uv_check_init(&server->loop, &server->check);
    TL_ASSERT(error == 0);
    server->check.data = server;
    error = uv_check_start(&server->check, check_cb);
    TL_ASSERT(error == 0);
    error = uv_timer_init(&server->loop, &server->tick);
    TL_ASSERT(error == 0);
    server->tick.data = server;
    error = uv_timer_init(&server->loop, &server->stop_timer);
    TL_ASSERT(error == 0);
    server->stop_timer.data = server;
    error = uv_timer_init(&server->loop, &server->accept_timer);
    TL_ASSERT(error == 0);
    server->accept_timer.data = server;
    for (size_t i = 0; i < 3; i++) {
        error = uv_signal_init(&server->loop, &server->signals[i]);
        TL_ASSERT(error == 0);
        server->signals[i].data = server;
    }
}

static bool start_handles(struct tl_server *server, const struct tl_listen_fds *fds)
{
    static const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        if (uv_signal_start(&server->signals[i], signal_cb, numbers[i]) != 0) {
            return false;
        }
    }
    uint64_t ms = tick_ms(server);
    return uv_timer_start(&server->tick, tick_cb, ms, ms) == 0 &&
           tl_scrub_attach(server->scrub, &server->loop, server->ledger) &&
           open_listener(server, 0, TL_SOCKET_SUBMIT, fds->submit) &&
           open_listener(server, 1, TL_SOCKET_READ, fds->read);
}

static enum tally_status start_threads(struct tl_server *server)
{
    const struct tl_config *config = server->config;
    server->helpers =
        (struct tl_helper *)tl_calloc((size_t)config->workers, sizeof *server->helpers);
    if (server->helpers == NULL) {
        return TALLY_ENOMEM;
    }
    for (uint64_t i = 0; i < config->workers; i++) {
        server->helpers[i].magic = HELPER_MAGIC;
        server->helpers[i].server = server;
    }
    enum tally_status status = tl_queue_new((size_t)config->queue_count,
                                            (size_t)config->queue_size, check_job, call_help,
                                            server, &server->queue);
    if (status != TALLY_OK) {
        return status;
    }
    return tl_sequencer_start(server->ledger, server->queue, config, jobs_done, server,
                              &server->sequencer);
}

static struct tl_server *make_server(const struct tl_config *config, struct tl_ledger *ledger,
                                     struct tl_scrub *scrub)
{
    struct tl_server *server = (struct tl_server *)tl_calloc(1, sizeof *server);
    if (server == NULL || uv_loop_init(&server->loop) != 0) {
        tl_free(server);
        return NULL;
    }
    server->magic = SERVER_MAGIC;
    server->config = config;
    server->ledger = ledger;
    server->scrub = scrub;
    (void)pthread_mutex_init(&server->done_mutex, NULL);
    tl_users_init(&server->users, config->connections_per_user, config->rejections_per_minute);
    server->started_ms = uv_now(&server->loop);
    server->watchdog_ms = tl_notify_watchdog_ms();
    return server;
}

static void free_server(struct tl_server *server)
{
    int error = uv_loop_close(&server->loop);
    TL_ASSERT(error == 0);
    tl_queue_free(server->queue);
    tl_free(server->helpers);
    tl_users_deinit(&server->users);
    (void)pthread_mutex_destroy(&server->done_mutex);
    server->magic = 0;
    tl_free(server);
}

static void announce(struct tl_server *server)
{
    struct tl_head_view head;
    tl_head_read(&server->ledger->head, &head);
    tl_log(TL_LOG_NOTICE, "serving %" PRIu64 " records", head.size);
    (void)tl_notify("READY=1", true);
}

/* Whatever has to be opened is, then the sandbox is put on, then there are threads, all in it. */
static int start(struct tl_server *server, const struct tl_listen_fds *fds)
{
    if (!start_handles(server, fds)) {
        tl_log(TL_LOG_CRITICAL, "the sockets cannot be served");
        return TL_EXIT_FAILURE;
    }
    (void)tl_notify_open();
    int code = tl_sandbox_enter(server->config, server->ledger, fds);
    if (code == TL_EXIT_OK && start_threads(server) != TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "the threads cannot be started");
        code = TL_EXIT_FAILURE;
    }
    return code;
}

int tl_server_run(const struct tl_config *config, struct tl_ledger *ledger, struct tl_scrub *scrub,
                  const struct tl_listen_fds *fds)
{
    struct tl_server *server = make_server(config, ledger, scrub);
    if (server == NULL) {
        tl_log(TL_LOG_CRITICAL, "out of memory");
        return TL_EXIT_FAILURE;
    }
    init_handles(server);
    int code = start(server, fds);
    if (code == TL_EXIT_OK) {
        check_space(server);
        announce(server);
    } else {
        server->stopping = true;
        close_listeners(server);
        close_if_over(server);
    }
    int left = uv_run(&server->loop, UV_RUN_DEFAULT);
    TL_ASSERT(left == 0);
    free_server(server);
    uv_library_shutdown(); /* ends the worker threads */
    return code;
}
