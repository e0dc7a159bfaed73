/* SPDX-License-Identifier: ISC */
/*
 * Load: pre-signed entries against a running tallyd, every receipt awaited and its index checked.
 *
 *   bench_load SUBMIT-SOCKET LEDGER-ID CHARTER-LEAF KEY-DIR KEYS LONE PACED RATE BULK WINDOW
 *
 * KEY-DIR holds private keys 0 .. KEYS-1, enrolled for members m0 .. m(KEYS-1). Phases: LONE
 * entries by one client, one at a time; PACED entries by all clients at RATE a second; BULK entries
 * by all clients with WINDOW each under way. One line a phase: name, entries, seconds, and the
 * latency in microseconds at p50, p99, p99.9.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/base/pool.h"
#include "lib/wire/frame.h"
#include "lib/wire/message.h"
#include "tests/bench/author.h"

#define CLIENTS_MAX 256u
#define IN_MAX 262144u

struct client {
    struct bench_author author;
    size_t count;             /* entries made */
    struct tl_buffer *frames; /* one whole SUBMIT frame an entry */
    size_t next;              /* to be sent */
    size_t answered;
    size_t phase_end; /* entries of this key that the phase may send */
    double *sent_at;  /* by entry */
    int fd;
    size_t out_done; /* bytes of the frame under way that are sent */
    struct tl_buffer in;
};

struct load {
    struct bench_ledger ledger;
    unsigned client_count;
    struct client clients[CLIENTS_MAX];
    double *latencies;
    size_t latency_count;
};

/* ---- Making entries ---- */

static void make_entries(void *context, size_t item)
{
    struct load *load = context;
    struct client *client = &load->clients[item];
    struct tally_hash previous = {{0}};
    for (size_t i = 0; i < client->count; i++) {
        bench_make_entry(&load->ledger, &client->author, i, &previous, &client->frames[i]);
    }
}

/* ---- Talking ---- */

/* Sends the entry at client->next as far as the socket takes it. False when the socket is full. */
static bool send_next(struct client *client, double scheduled)
{
    struct tl_buffer *frame = &client->frames[client->next];
    if (client->out_done == 0) {
        client->sent_at[client->next] = scheduled > 0 ? scheduled : bench_now_s();
    }
    ssize_t sent = send(client->fd, frame->ptr + client->out_done, frame->len - client->out_done,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        bench_die("the daemon closed a connection");
    }
    client->out_done += sent > 0 ? (size_t)sent : 0;
    if (client->out_done < frame->len) {
        return false;
    }
    client->out_done = 0;
    client->next++;
    return true;
}

static void take_answers(struct load *load, struct client *client)
{
    size_t before = client->in.len;
    uint8_t *dst = tl_buffer_extend(&client->in, IN_MAX / 4);
    if (dst == NULL) {
        bench_die("an answer is too large");
    }
    ssize_t got = recv(client->fd, dst, IN_MAX / 4, MSG_DONTWAIT);
    client->in.len = before + (got > 0 ? (size_t)got : 0);
    if (got == 0) {
        bench_die("the daemon closed a connection");
    }
    size_t used = 0;
    for (;;) {
        struct tl_frame frame;
        size_t len = 0;
        struct tally_bytes rest = tl_bytes(client->in.ptr + used, client->in.len - used);
        if (tl_frame_peek(rest, &frame, &len) != TALLY_OK) {
            break;
        }
        used += len;
        if (frame.type == TL_MESSAGE_WELCOME) {
            continue;
        }
        if (frame.type != TL_MESSAGE_RECEIPT || frame.request >= client->next) {
            (void)fprintf(stderr, "%s: %.*s\n", tl_message_name(frame.type), (int)frame.payload.len,
                          (const char *)frame.payload.ptr);
            bench_die("an entry got no receipt");
        }
        load->latencies[load->latency_count++] = bench_now_s() - client->sent_at[frame.request];
        client->answered++;
    }
    tl_buffer_consume(&client->in, used);
}

/* Waits up to wait_ms for answers, or for room where a frame is half sent. */
static void wait_all(struct load *load, unsigned count, int wait_ms)
{
    struct pollfd fds[CLIENTS_MAX];
    for (unsigned i = 0; i < count; i++) {
        short events = POLLIN;
        if (load->clients[i].out_done > 0) {
            events |= POLLOUT;
        }
        fds[i] = (struct pollfd){.fd = load->clients[i].fd, .events = events, .revents = 0};
    }
    if (poll(fds, count, wait_ms) < 0 && errno != EINTR) {
        bench_die("poll");
    }
    for (unsigned i = 0; i < count; i++) {
        if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            take_answers(load, &load->clients[i]);
        }
    }
}

/* ---- Phases ---- */

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double percentile_us(const struct load *load, double part)
{
    size_t i = (size_t)(part * (double)load->latency_count);
    return load->latencies[i < load->latency_count ? i : load->latency_count - 1] * 1e6;
}

static void print_phase(struct load *load, const char *name, double seconds)
{
    qsort(load->latencies, load->latency_count, sizeof *load->latencies, by_value);
    printf("%s %zu %.3f %.0f %.0f %.0f\n", name, load->latency_count, seconds,
           percentile_us(load, 0.5), percentile_us(load, 0.99), percentile_us(load, 0.999));
    (void)fflush(stdout);
    load->latency_count = 0;
}

static void plan(struct load *load, unsigned count, size_t entries)
{
    for (unsigned i = 0; i < count; i++) {
        load->clients[i].phase_end = load->clients[i].next + entries / count;
    }
}

static bool is_done(const struct load *load, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (load->clients[i].answered < load->clients[i].phase_end) {
            return false;
        }
    }
    return true;
}

static void run_windowed(struct load *load, const char *name, unsigned count, size_t entries,
                         size_t window)
{
    plan(load, count, entries);
    double start = bench_now_s();
    while (!is_done(load, count)) {
        for (unsigned i = 0; i < count; i++) {
            struct client *client = &load->clients[i];
            while (client->next < client->phase_end && client->next - client->answered < window &&
                   send_next(client, 0)) {
            }
        }
        wait_all(load, count, 1000);
    }
    print_phase(load, name, bench_now_s() - start);
}

/* Sends by the clock, whatever the daemon does; latency counts from when it should have gone. */
static void run_paced(struct load *load, unsigned count, size_t entries, double rate)
{
    plan(load, count, entries);
    double start = bench_now_s();
    size_t turn = 0;
    size_t total = entries / count * count;
    while (!is_done(load, count)) {
        double now = bench_now_s();
        while (turn < total && start + (double)turn / rate <= now) {
            struct client *client = &load->clients[turn % count];
            if (!send_next(client, start + (double)turn / rate)) {
                break;
            }
            turn++;
        }
        double wait_s = turn < total ? start + (double)turn / rate - bench_now_s() : 1.0;
        wait_all(load, count, wait_s > 0.001 ? (int)(wait_s * 1000) : 0);
    }
    print_phase(load, "paced", bench_now_s() - start);
}

static void load_keys(struct load *load, const char *directory, size_t entries, size_t lone)
{
    for (unsigned i = 0; i < load->client_count; i++) {
        struct client *client = &load->clients[i];
        bench_author_open(&client->author, directory, i);
        client->count = entries / load->client_count + (i == 0 ? lone : 0) + 2;
        client->frames = calloc(client->count, sizeof *client->frames);
        client->sent_at = calloc(client->count, sizeof *client->sent_at);
        if (client->frames == NULL || client->sent_at == NULL) {
            bench_die("out of memory");
        }
    }
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc != 11 || tl_ed25519_init() != TALLY_OK) {
        bench_die("see the head of tests/bench/load.c");
    }
    size_t lone = strtoul(argv[6], NULL, 10);
    size_t paced = strtoul(argv[7], NULL, 10);
    double rate = strtod(argv[8], NULL);
    size_t bulk = strtoul(argv[9], NULL, 10);
    size_t window = strtoul(argv[10], NULL, 10);
    load.client_count = (unsigned)strtoul(argv[5], NULL, 10);
    if (load.client_count == 0 || load.client_count > CLIENTS_MAX ||
        !bench_ledger_parse(argv[2], argv[3], &load.ledger)) {
        bench_die("bad arguments");
    }
    load.latencies = calloc(lone + paced + bulk, sizeof *load.latencies);
    load_keys(&load, argv[4], paced + bulk, lone);
    struct tl_pool *pool = NULL;
    struct tl_pool_job job;
    if (load.latencies == NULL || tl_pool_new(tl_processor_count() - 1, &pool) != TALLY_OK) {
        bench_die("out of memory");
    }
    tl_pool_start(pool, &job, load.client_count, make_entries, &load);
    tl_pool_wait(pool, &job);
    tl_pool_free(pool);
    for (unsigned i = 0; i < load.client_count; i++) {
        load.clients[i].fd = bench_connect(argv[1]);
        tl_buffer_init(&load.clients[i].in, IN_MAX);
    }
    run_windowed(&load, "lone", 1, lone, 1);
    run_paced(&load, load.client_count, paced, rate);
    run_windowed(&load, "bulk", load.client_count, bulk, window);
    return 0;
}
