/* SPDX-License-Identifier: ISC */
#include "tests/bench/author.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <sodium.h>

#include "lib/base/sha256.h"
#include "lib/base/text.h"
#include "lib/codec/part.h"
#include "lib/codec/submission.h"
#include "lib/tree/tree.h"
#include "lib/wire/frame.h"
#include "lib/wire/message.h"

#define PARTS 8u
#define VALUE_LEN 512u
#define HELLO_MAX 4096u

_Noreturn void bench_die(const char *what)
{
    (void)fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

double bench_now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool bench_ledger_parse(const char *id, const char *charter_leaf, struct bench_ledger *ret_ledger)
{
    return tl_hash_parse(tl_bytes_text(id), &ret_ledger->id) == TALLY_OK &&
           tl_hash_parse(tl_bytes_text(charter_leaf), &ret_ledger->charter_leaf) == TALLY_OK;
}

void bench_author_open(struct bench_author *author, const char *directory, unsigned number)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%u", directory, number);
    if (tl_secret_key_from_file(path, false, &author->secret) != TALLY_OK) {
        bench_die("cannot read a key");
    }
    author->number = number;
    tl_public_key_from_point(tl_secret_key_public(author->secret), &author->key);
}

static void make_parts(const struct bench_ledger *ledger, const struct bench_author *author,
                       struct tally_hash commitments[PARTS], struct tl_buffer *clear)
{
    uint8_t value[VALUE_LEN];
    struct tl_buffer bytes;
    struct tl_part part = {.author = author->key.fingerprint,
                           .ledger = ledger->id,
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

void bench_make_entry(const struct bench_ledger *ledger, const struct bench_author *author,
                      size_t i, struct tally_hash *previous, struct tl_buffer *ret_frame)
{
    char member[16];
    struct tally_hash commitments[PARTS];
    struct tl_buffer clear;
    struct tl_buffer text;
    struct tl_buffer blob;
    struct tl_buffer bytes;
    struct tl_sshsig sig = {.key = author->key};
    tl_buffer_init(&clear, TALLY_SUBMISSION_MAX);
    tl_buffer_init(&text, TALLY_ENVELOPE_MAX);
    tl_buffer_init(&blob, TL_SSHSIG_BLOB_MAX);
    tl_buffer_init(&bytes, TALLY_SUBMISSION_MAX);
    make_parts(ledger, author, commitments, &clear);
    (void)snprintf(member, sizeof member, "m%u", author->number);
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text("finding"),
        .ledger = &ledger->id,
        .member = tl_bytes_text(member),
        .key = author->key.fingerprint,
        .sequence = i + 1,
        .previous = i == 0 ? NULL : previous,
        .has_seen = true,
        .seen_leaf = ledger->charter_leaf,
        .signed_s = (uint64_t)time(NULL),
        .part_count = PARTS,
        .parts_root = tl_tree_root_of(commitments, PARTS),
        .letters = tl_bytes_text("cwwwwwww"),
    };
    if (tl_envelope_encode(&fields, &text, NULL) != TALLY_OK) {
        bench_die("cannot make an envelope");
    }
    *previous = tl_sha256(tl_buffer_bytes(&text));
    tl_sshsig_signed_bytes(tl_buffer_bytes(&text), TL_SSHSIG_NAMESPACE, &bytes);
    tl_secret_key_sign(author->secret, tl_buffer_bytes(&bytes), sig.signature);
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
    tl_buffer_init(ret_frame, TALLY_SUBMISSION_MAX);
    tl_frame_add(ret_frame, TL_MESSAGE_SUBMIT, (uint32_t)i, tl_buffer_bytes(&bytes));
    tl_buffer_deinit(&clear);
    tl_buffer_deinit(&text);
    tl_buffer_deinit(&blob);
    tl_buffer_deinit(&bytes);
}

int bench_connect_silently(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        bench_die("socket path too long");
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        bench_die("cannot connect");
    }
    return fd;
}

bool bench_greet(int fd)
{
    struct tl_buffer hello;
    struct tl_hello message = {.version = TL_WIRE_VERSION};
    tl_buffer_init(&hello, HELLO_MAX);
    tl_hello_add(&hello, UINT32_MAX, &message);
    bool sent = send(fd, hello.ptr, hello.len, MSG_NOSIGNAL) == (ssize_t)hello.len;
    tl_buffer_deinit(&hello);
    return sent;
}

int bench_connect(const char *path)
{
    int fd = bench_connect_silently(path);
    if (!bench_greet(fd)) {
        bench_die("cannot send");
    }
    return fd;
}
