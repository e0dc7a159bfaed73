/* SPDX-License-Identifier: ISC */
/*
 * Rude: one kind of bad client, until it is ended, or the honest one beside it.
 *
 *   bench_rude idle SOCKET COUNT           greet and fall silent
 *   bench_rude drip SOCKET COUNT           one byte a second of a frame
 *   bench_rude deaf SOCKET COUNT PATH      ask for PATH on and on, read nothing
 *   bench_rude storm SOCKET COUNT          connect and leave, on and on
 *   bench_rude valid SOCKET COUNT ENTRIES LEDGER-ID CHARTER-LEAF KEY-DIR NUMBER
 *   bench_rude forged SOCKET COUNT ENTRIES LEDGER-ID CHARTER-LEAF KEY-DIR NUMBER
 *   bench_rude honest SOCKET RATE ENTRIES LEDGER-ID CHARTER-LEAF KEY-DIR NUMBER
 *
 * valid: entries of one key, as fast as the daemon reads, COUNT times the same entries, each on a
 * connection of its own. forged: the first entry with a broken signature, without end, on COUNT
 * connections. Whoever is closed comes again. A line "ready" says that they are at it.
 *
 * With BENCH_UID in the environment it becomes that user before it connects.
 *
 * honest, for each line of input, greets on a new connection, then sends that many by the clock. It
 * prints how long the greeting took and p50 and p99 of its receipts, in microseconds.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/wire/frame.h"
#include "lib/wire/message.h"
#include "tests/bench/author.h"

#define PEERS_MAX 2048u
#define DRIP_LEN 5000u
#define GET_COUNT 4096u
#define IN_MAX 262144u

struct peer {
    int fd;
    size_t sent; /* bytes of the stream */
};

/* What every peer of a kind sends. */
struct stream {
    struct tl_buffer bytes;
    bool endless; /* begins again at its start */
    bool reads;
    bool drips;
};

/* One author's entries, so many at a time. */
struct chain {
    struct bench_ledger ledger;
    struct bench_author author;
    struct tally_hash previous;
    size_t made;
    size_t count;
    struct tl_buffer *frames;
};

static struct peer peers[PEERS_MAX];

static unsigned long number_of(const char *text)
{
    return strtoul(text, NULL, 10);
}

static void open_chain(char **argv, struct chain *chain)
{
    chain->count = number_of(argv[4]);
    if (!bench_ledger_parse(argv[5], argv[6], &chain->ledger)) {
        bench_die("bad arguments");
    }
    bench_author_open(&chain->author, argv[7], (unsigned)number_of(argv[8]));
    chain->frames = calloc(chain->count, sizeof *chain->frames);
}

/* The author's next entries. */
static void make_frames(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        tl_buffer_deinit(&chain->frames[i]);
        bench_make_entry(&chain->ledger, &chain->author, chain->made, &chain->previous,
                         &chain->frames[i]);
        chain->made++;
    }
}

/* ---- The rude ---- */

/* One bit of the signature that ends the author's blob. */
static void break_signature(struct tl_buffer *frame)
{
    static const char mark[] = "sha512";
    for (size_t i = frame->len - sizeof mark; i > 0; i--) {
        if (memcmp(frame->ptr + i, mark, sizeof mark - 1) == 0) {
            frame->ptr[i + 60] ^= 1;
            return;
        }
    }
    bench_die("no signature to break");
}

static void make_stream(const char *kind, char **argv, struct stream *stream)
{
    static const uint8_t zeros[DRIP_LEN];
    tl_buffer_init(&stream->bytes, SIZE_MAX / 2);
    if (strcmp(kind, "drip") == 0) {
        stream->drips = true;
        tl_frame_add(&stream->bytes, TL_MESSAGE_SUBMIT, 1, tl_bytes(zeros, sizeof zeros));
    } else if (strcmp(kind, "deaf") == 0) {
        stream->endless = true;
        for (unsigned i = 0; i < GET_COUNT; i++) {
            tl_frame_add(&stream->bytes, TL_MESSAGE_GET, i, tl_bytes_text(argv[4]));
        }
    } else if (strcmp(kind, "valid") == 0 || strcmp(kind, "forged") == 0) {
        struct chain chain = {.made = 0};
        open_chain(argv, &chain);
        make_frames(&chain);
        stream->reads = true;
        stream->endless = strcmp(kind, "forged") == 0;
        for (size_t i = 0; i < chain.count; i++) {
            if (stream->endless) {
                break_signature(&chain.frames[i]);
            }
            tl_buffer_add(&stream->bytes, tl_buffer_bytes(&chain.frames[i]));
        }
    }
}

static void leave(struct peer *peer)
{
    (void)close(peer->fd);
    peer->fd = -1;
}

static void come(struct peer *peer, const char *path)
{
    peer->fd = bench_connect_silently(path);
    peer->sent = 0;
    if (!bench_greet(peer->fd)) {
        leave(peer);
    }
}

static void send_more(struct peer *peer, const struct stream *stream)
{
    size_t rest = stream->bytes.len - peer->sent;
    ssize_t sent = send(peer->fd, stream->bytes.ptr + peer->sent, stream->drips ? 1 : rest,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        leave(peer);
        return;
    }
    peer->sent += sent > 0 ? (size_t)sent : 0;
    if (peer->sent == stream->bytes.len && stream->endless) {
        peer->sent = 0;
    }
}

static void read_some(struct peer *peer)
{
    static uint8_t junk[IN_MAX];
    ssize_t got = recv(peer->fd, junk, sizeof junk, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        leave(peer);
    }
}

static short events_of(const struct peer *peer, const struct stream *stream)
{
    bool sends = !stream->drips && peer->sent < stream->bytes.len;
    return (short)((stream->reads ? POLLIN : 0) | (sends ? POLLOUT : 0));
}

static void turn(size_t count, const struct stream *stream, int wait_ms)
{
    static struct pollfd fds[PEERS_MAX];
    for (size_t i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = peers[i].fd, .events = events_of(&peers[i], stream)};
    }
    if (poll(fds, count, wait_ms) < 0 && errno != EINTR) {
        bench_die("poll");
    }
    for (size_t i = 0; i < count; i++) {
        if ((fds[i].revents & POLLIN) != 0) {
            read_some(&peers[i]);
        }
        if (peers[i].fd >= 0 && (fds[i].revents & (POLLHUP | POLLERR)) != 0) {
            leave(&peers[i]);
        }
        if (peers[i].fd >= 0 && (fds[i].revents & POLLOUT) != 0) {
            send_more(&peers[i], stream);
        }
    }
}

/* Once a second those that were closed come again, and those that drip send a byte. */
static void each_second(size_t count, const char *path, const struct stream *stream)
{
    for (size_t i = 0; i < count; i++) {
        if (peers[i].fd < 0) {
            come(&peers[i], path);
        } else if (stream->drips) {
            send_more(&peers[i], stream);
        }
    }
}

static void say_ready(void)
{
    (void)puts("ready");
    (void)fflush(stdout);
}

/* After the keys are read. */
static void change_user(void)
{
    const char *uid = getenv("BENCH_UID");
    if (uid != NULL && setuid((uid_t)number_of(uid)) != 0) {
        bench_die("cannot change the user");
    }
}

static _Noreturn void be_rude(const char *path, size_t count, const struct stream *stream)
{
    for (size_t i = 0; i < count; i++) {
        come(&peers[i], path);
    }
    say_ready();
    double second_s = bench_now_s();
    for (;;) {
        turn(count, stream, 100);
        if (bench_now_s() - second_s >= 1) {
            second_s = bench_now_s();
            each_second(count, path, stream);
        }
    }
}

static _Noreturn void storm(const char *path, size_t count)
{
    say_ready();
    for (;;) {
        for (size_t i = 0; i < count; i++) {
            peers[i].fd = bench_connect_silently(path);
        }
        for (size_t i = 0; i < count; i++) {
            leave(&peers[i]);
        }
    }
}

/* ---- The honest ---- */

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

struct paced {
    const struct chain *chain;
    int fd;
    double rate;
    double start;
    struct tl_buffer in;
    double *latencies;
    size_t answered;
    bool welcome;
};

/* When the entry of this request should have gone. */
static double due_s(const struct paced *paced, size_t request)
{
    size_t first = paced->chain->made - paced->chain->count;
    return paced->start + (double)(request - first) / paced->rate;
}

static void take_answers(struct paced *paced)
{
    uint8_t *dst = tl_buffer_extend(&paced->in, IN_MAX / 4);
    ssize_t got = recv(paced->fd, dst, IN_MAX / 4, 0);
    paced->in.len = paced->in.len - IN_MAX / 4 + (got > 0 ? (size_t)got : 0);
    if (got <= 0) {
        bench_die("the honest client was closed");
    }
    struct tl_frame frame;
    size_t len = 0;
    while (tl_frame_peek(tl_buffer_bytes(&paced->in), &frame, &len) == TALLY_OK) {
        if (frame.type == TL_MESSAGE_RECEIPT) {
            paced->latencies[paced->answered] = bench_now_s() - due_s(paced, frame.request);
            paced->answered++;
        } else if (frame.type == TL_MESSAGE_WELCOME) {
            paced->welcome = true;
        } else {
            bench_die("an honest entry got no receipt");
        }
        tl_buffer_consume(&paced->in, len);
    }
}

static void send_paced(struct paced *paced)
{
    const struct chain *chain = paced->chain;
    size_t sent = 0;
    while (paced->answered < chain->count) {
        double due = sent < chain->count ? due_s(paced, chain->made - chain->count + sent)
                                         : bench_now_s() + 1;
        double wait_s = due - bench_now_s();
        struct timespec wait = {.tv_nsec = wait_s > 0 ? (long)(wait_s * 999999999) : 0};
        struct pollfd polled = {.fd = paced->fd, .events = POLLIN};
        if (ppoll(&polled, 1, &wait, NULL) > 0) {
            take_answers(paced);
        }
        if (sent < chain->count && due <= bench_now_s()) {
            struct tally_bytes frame = tl_buffer_bytes(&chain->frames[sent]);
            if (send(paced->fd, frame.ptr, frame.len, MSG_NOSIGNAL) != (ssize_t)frame.len) {
                bench_die("the honest client was closed");
            }
            sent++;
        }
    }
}

/* For each line of input one measurement on a connection of its own. */
static void be_honest(const char *path, double rate, char **argv)
{
    struct chain chain = {.made = 0};
    open_chain(argv, &chain);
    struct paced paced = {.chain = &chain, .rate = rate};
    paced.latencies = calloc(chain.count, sizeof *paced.latencies);
    while (getchar() == '\n') {
        make_frames(&chain);
        double begin = bench_now_s();
        paced.fd = bench_connect(path);
        tl_buffer_init(&paced.in, IN_MAX);
        paced.welcome = false;
        while (!paced.welcome) {
            take_answers(&paced);
        }
        paced.start = bench_now_s();
        paced.answered = 0;
        send_paced(&paced);
        (void)close(paced.fd);
        tl_buffer_deinit(&paced.in);
        qsort(paced.latencies, chain.count, sizeof *paced.latencies, by_value);
        printf("%.0f %.0f %.0f\n", (paced.start - begin) * 1e6,
               paced.latencies[chain.count / 2] * 1e6,
               paced.latencies[chain.count * 99 / 100] * 1e6);
        (void)fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct stream stream = {.reads = false};
    if (argc < 4 || tl_ed25519_init() != TALLY_OK) {
        bench_die("see the head of tests/bench/rude.c");
    }
    size_t count = number_of(argv[3]);
    if (strcmp(argv[1], "honest") == 0) {
        be_honest(argv[2], (double)count, argv);
        return 0;
    }
    if (count == 0 || count > PEERS_MAX) {
        bench_die("bad count");
    }
    make_stream(argv[1], argv, &stream);
    change_user();
    if (strcmp(argv[1], "storm") == 0) {
        storm(argv[2], count);
    }
    be_rude(argv[2], count, &stream);
}
