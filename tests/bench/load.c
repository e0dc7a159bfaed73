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
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "keys/signer.h"
#include "lib/base/pool.h"
#include "lib/base/sha256.h"
#include "lib/base/text.h"
#include "lib/codec/entry_file.h"
#include "lib/codec/part.h"
#include "lib/codec/submission.h"
#include "lib/tree/tree.h"
#include "lib/wire/frame.h"
#include "lib/wire/message.h"

#define CLIENTS_MAX 256u
#define PARTS 8u
#define VALUE_LEN 512u
#define IN_MAX 262144u

struct client {
    unsigned number;
    struct tl_secret_key *secret;
    struct tl_public_key key;
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
    struct tally_hash ledger;
    struct tally_hash charter_leaf;
    unsigned client_count;
    struct client clients[CLIENTS_MAX];
    double *latencies;
    size_t latency_count;
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "bench_load: %s\n", what);
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Making entries ---- */

static void make_parts(const struct load *load, const struct client *client,
                       struct tally_hash commitments[PARTS], struct tl_buffer *clear)
{
    uint8_t value[VALUE_LEN];
    struct tl_buffer bytes;
    struct tl_part part = {.author = client->key.fingerprint,
                           .ledger = load->ledger,
                           .name = tl_bytes_text("/statement"),
                           .value = tl_bytes(value, sizeof value)};
    memset(value, 'x', sizeof value);
    randombytes_buf(part.salt, sizeof part.salt);
    tl_buffer_init(&bytes, TL_PART_MAX);
    tl_part_encode(&part, &bytes);
    commitments[0] = tl_part_commitment(tl_buffer_bytes(&bytes));
    tl_deposit_add(clear, 0, tl_buffer_bytes(&bytes));
    tl_buffer_deinit(&bytes);
    for (unsigned i = 1; i < PARTS; i++) {
        randombytes_buf(commitments[i].bytes, TALLY_HASH_LEN);
    }
}

static void make_entry(const struct load *load, struct client *client, size_t i,
                       struct tally_hash *previous)
{
    char member[16];
    struct tally_hash commitments[PARTS];
    struct tl_buffer clear;
    struct tl_buffer text;
    struct tl_buffer blob;
    struct tl_buffer bytes;
    struct tl_sshsig sig = {.key = client->key};
    tl_buffer_init(&clear, TALLY_SUBMISSION_MAX);
    tl_buffer_init(&text, TALLY_ENVELOPE_MAX);
    tl_buffer_init(&blob, TL_SSHSIG_BLOB_MAX);
    tl_buffer_init(&bytes, TALLY_SUBMISSION_MAX);
    make_parts(load, client, commitments, &clear);
    (void)snprintf(member, sizeof member, "m%u", client->number);
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text("finding"),
        .ledger = &load->ledger,
        .member = tl_bytes_text(member),
        .key = client->key.fingerprint,
        .sequence = i + 1,
        .previous = i == 0 ? NULL : previous,
        .has_seen = true,
        .seen_leaf = load->charter_leaf,
        .signed_s = (uint64_t)time(NULL),
        .part_count = PARTS,
        .parts_root = tl_tree_root_of(commitments, PARTS),
        .letters = tl_bytes_text("cwwwwwww"),
    };
    if (tl_envelope_encode(&fields, &text, NULL) != TALLY_OK) {
        die("cannot make an envelope");
    }
    *previous = tl_sha256(tl_buffer_bytes(&text));
    tl_sshsig_signed_bytes(tl_buffer_bytes(&text), TL_SSHSIG_NAMESPACE, &bytes);
    tl_secret_key_sign(client->secret, tl_buffer_bytes(&bytes), sig.signature);
    tl_sshsig_encode(&sig, TL_SSHSIG_NAMESPACE, &blob);
    struct tl_submission submission = {
        .envelope = tl_buffer_bytes(&text),
        .signatures = {.count = 1, .blobs = {tl_buffer_bytes(&blob)}},
        .commitment_count = PARTS,
        .commitments = tl_bytes(commitments, sizeof commitments),
        .clear = {.count = 1, .items = tl_buffer_bytes(&clear)},
    };
    tl_buffer_clear(&bytes);
    tl_submission_encode(&submission, &bytes);
    tl_buffer_init(&client->frames[i], TALLY_SUBMISSION_MAX);
    tl_frame_add(&client->frames[i], TL_MESSAGE_SUBMIT, (uint32_t)i, tl_buffer_bytes(&bytes));
    tl_buffer_deinit(&clear);
    tl_buffer_deinit(&text);
    tl_buffer_deinit(&blob);
    tl_buffer_deinit(&bytes);
}

static void make_entries(void *context, size_t item)
{
    struct load *load = context;
    struct client *client = &load->clients[item];
    struct tally_hash previous = {{0}};
    for (size_t i = 0; i < client->count; i++) {
        make_entry(load, client, i, &previous);
    }
}

/* ---- Talking ---- */

static void connect_client(struct client *client, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        die("socket path too long");
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    client->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (client->fd < 0 ||
        connect(client->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        die("cannot connect");
    }
    struct tl_buffer hello;
    struct tl_hello message = {.version = TL_WIRE_VERSION};
    tl_buffer_init(&hello, IN_MAX);
    tl_hello_add(&hello, UINT32_MAX, &message);
    if (send(client->fd, hello.ptr, hello.len, MSG_NOSIGNAL) != (ssize_t)hello.len) {
        die("cannot send");
    }
    tl_buffer_deinit(&hello);
    tl_buffer_init(&client->in, IN_MAX);
}

/* Sends the entry at client->next as far as the socket takes it. False when the socket is full. */
static bool send_next(struct client *client, double scheduled)
{
    struct tl_buffer *frame = &client->frames[client->next];
    if (client->out_done == 0) {
        client->sent_at[client->next] = scheduled > 0 ? scheduled : now_s();
    }
    ssize_t sent = send(client->fd, frame->ptr + client->out_done, frame->len - client->out_done,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        die("the daemon closed a connection");
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
        die("an answer is too large");
    }
    ssize_t got = recv(client->fd, dst, IN_MAX / 4, MSG_DONTWAIT);
    client->in.len = before + (got > 0 ? (size_t)got : 0);
    if (got == 0) {
        die("the daemon closed a connection");
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
            die("an entry got no receipt");
        }
        load->latencies[load->latency_count++] = now_s() - client->sent_at[frame.request];
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
        die("poll");
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
    double start = now_s();
    while (!is_done(load, count)) {
        for (unsigned i = 0; i < count; i++) {
            struct client *client = &load->clients[i];
            while (client->next < client->phase_end && client->next - client->answered < window &&
                   send_next(client, 0)) {
            }
        }
        wait_all(load, count, 1000);
    }
    print_phase(load, name, now_s() - start);
}

/* Sends by the clock, whatever the daemon does; latency counts from when it should have gone. */
static void run_paced(struct load *load, unsigned count, size_t entries, double rate)
{
    plan(load, count, entries);
    double start = now_s();
    size_t turn = 0;
    size_t total = entries / count * count;
    while (!is_done(load, count)) {
        double now = now_s();
        while (turn < total && start + (double)turn / rate <= now) {
            struct client *client = &load->clients[turn % count];
            if (!send_next(client, start + (double)turn / rate)) {
                break;
            }
            turn++;
        }
        double wait_s = turn < total ? start + (double)turn / rate - now_s() : 1.0;
        wait_all(load, count, wait_s > 0.001 ? (int)(wait_s * 1000) : 0);
    }
    print_phase(load, "paced", now_s() - start);
}

static void load_keys(struct load *load, const char *directory, size_t entries, size_t lone)
{
    for (unsigned i = 0; i < load->client_count; i++) {
        struct client *client = &load->clients[i];
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%u", directory, i);
        if (tl_secret_key_from_file(path, false, &client->secret) != TALLY_OK) {
            die("cannot read a key");
        }
        client->number = i;
        tl_public_key_from_point(tl_secret_key_public(client->secret), &client->key);
        client->count = entries / load->client_count + (i == 0 ? lone : 0) + 2;
        client->frames = calloc(client->count, sizeof *client->frames);
        client->sent_at = calloc(client->count, sizeof *client->sent_at);
        if (client->frames == NULL || client->sent_at == NULL) {
            die("out of memory");
        }
    }
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc != 11 || tl_ed25519_init() != TALLY_OK) {
        die("see the head of tests/bench/load.c");
    }
    size_t lone = strtoul(argv[6], NULL, 10);
    size_t paced = strtoul(argv[7], NULL, 10);
    double rate = strtod(argv[8], NULL);
    size_t bulk = strtoul(argv[9], NULL, 10);
    size_t window = strtoul(argv[10], NULL, 10);
    load.client_count = (unsigned)strtoul(argv[5], NULL, 10);
    if (load.client_count == 0 || load.client_count > CLIENTS_MAX ||
        tl_hash_parse(tl_bytes_text(argv[2]), &load.ledger) != TALLY_OK ||
        tl_hash_parse(tl_bytes_text(argv[3]), &load.charter_leaf) != TALLY_OK) {
        die("bad arguments");
    }
    load.latencies = calloc(lone + paced + bulk, sizeof *load.latencies);
    load_keys(&load, argv[4], paced + bulk, lone);
    struct tl_pool *pool = NULL;
    struct tl_pool_job job;
    if (load.latencies == NULL || tl_pool_new(tl_processor_count() - 1, &pool) != TALLY_OK) {
        die("out of memory");
    }
    tl_pool_start(pool, &job, load.client_count, make_entries, &load);
    tl_pool_wait(pool, &job);
    tl_pool_free(pool);
    for (unsigned i = 0; i < load.client_count; i++) {
        connect_client(&load.clients[i], argv[1]);
    }
    run_windowed(&load, "lone", 1, lone, 1);
    run_paced(&load, load.client_count, paced, rate);
    run_windowed(&load, "bulk", load.client_count, bulk, window);
    return 0;
}
