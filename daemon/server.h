/* SPDX-License-Identifier: ISC */
/*
 * Server: the loop and everything on it. Sockets in, connections, the queue's two ends, figures,
 * the orderly end. All of it belongs to the loop thread but for what says otherwise.
 */
#ifndef TL_DAEMON_SERVER_H
#define TL_DAEMON_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <tally/status.h>

#include "daemon/bucket.h"
#include "daemon/config.h"
#include "daemon/ledger.h"
#include "daemon/listen.h"
#include "daemon/peer.h"
#include "daemon/queue.h"
#include "daemon/sequencer.h"

struct tl_conn;
struct tl_helper;
struct tl_scrub;
struct tl_server;

struct tl_listener {
    uint32_t magic;
    uv_pipe_t pipe;
    struct tl_server *server;
    enum tl_socket socket;
    bool open;
    bool pending; /* a client waits to be accepted when there is memory */
    unsigned failures; /* of accepting, one after the other */
    struct tl_bucket accepts;
};

/* Counts and totals for STATUS; loop thread. */
struct tl_server_figures {
    uint64_t accepted;
    uint64_t turned_away; /* over a connection limit */
    uint64_t timed_out;
    uint64_t broken; /* protocol errors */
    uint64_t stored; /* exhibit files taken */
};

struct tl_server {
    uint32_t magic;
    const struct tl_config *config;
    struct tl_ledger *ledger;
    struct tl_scrub *scrub;
    uv_loop_t loop;
    struct tl_listener listeners[2];
    uv_signal_t signals[3];
    uv_timer_t tick;
    uv_timer_t stop_timer;
    uv_timer_t accept_timer;
    uv_async_t done_async;
    uv_check_t check; /* after each turn's callbacks: what was replied is written */
    struct tl_helper *helpers;

    struct tl_queue *queue;
    struct tl_sequencer *sequencer;
    pthread_mutex_t done_mutex; /* guards the two below */
    struct tl_job *done_first;
    struct tl_job *done_last;
    bool sequencer_ended;

    struct tl_user_table users;
    struct tl_conn *conns; /* all of them */
    struct tl_conn *dirty; /* with replies that were not written yet */
    size_t conn_count; /* those included that are being turned away */
    size_t admitted;   /* with a user that they count for */
    bool has_waiters;      /* some connection waits for a shared limit */
    size_t frame_bytes;    /* reserved for long frames */
    size_t read_bytes;     /* held by answers to GET */
    unsigned uploads;
    uint64_t upload_bytes; /* announced and not written yet */
    uint64_t upload_number;
    uint64_t disk_free;
    bool no_space;
    bool clock_stepped;
    bool wake;
    bool stopping; /* no new requests; what is queued is finished */
    bool closing;  /* handles are being closed */

    uint64_t started_ms;
    uint64_t watchdog_ms; /* 0: none asked for */
    uint64_t watchdog_fed_ms;
    unsigned long watchdog_batches;
    uint64_t status_ms;
    uint64_t log_second; /* connection lines are few a second */
    unsigned log_lines;
    struct tl_server_figures figures;
    uint8_t scratch[65536]; /* where every read lands; used up before the next one */
};

/*
 * Serves until SIGTERM or SIGINT; sockets come from the service manager or are made. Answers an
 * exit code. Ledger and scrub are the caller's.
 */
int tl_server_run(const struct tl_config *config, struct tl_ledger *ledger, struct tl_scrub *scrub,
                  const struct tl_listen_fds *fds);

/* ---- For connections ---- */

/*
 * Counts a client that is to be accepted. False when there were enough of them for the moment: it
 * stays pending, and its turn comes by itself.
 */
bool tl_server_may_accept(struct tl_listener *listener);

void tl_server_submit(struct tl_server *server, struct tl_queue_lane *lane, struct tl_job *job);

/* A shared limit has room again: connections that wait for one are looked at in the next turn. */
void tl_server_wake(struct tl_server *server);

/* The connection is freed: forget it, and go on stopping if that waits for it. */
void tl_server_forget(struct tl_server *server, struct tl_conn *conn);

/* True when a connection line may be logged in this second. */
bool tl_server_may_log(struct tl_server *server);

/* STATE text: lines "key value". */
void tl_server_state(struct tl_server *server, struct tl_buffer *buffer);

#endif
