/* SPDX-License-Identifier: ISC */
/* An author of the benchmarks: an enrolled key, and entries signed ahead of the measuring. */
#ifndef TESTS_BENCH_AUTHOR_H
#define TESTS_BENCH_AUTHOR_H

#include <stdbool.h>
#include <stddef.h>

#include "keys/signer.h"
#include "lib/base/bytes.h"

struct bench_ledger {
    struct tally_hash id;
    struct tally_hash charter_leaf;
};

struct bench_author {
    unsigned number; /* its member is m<number> */
    struct tl_secret_key *secret;
    struct tl_public_key key;
};

_Noreturn void bench_die(const char *what);
double bench_now_s(void);

bool bench_ledger_parse(const char *id, const char *charter_leaf, struct bench_ledger *ret_ledger);

/* The private key DIRECTORY/NUMBER. */
void bench_author_open(struct bench_author *author, const char *directory, unsigned number);

/* The author's entry i as a SUBMIT frame under request i; previous goes from each to the next. */
void bench_make_entry(const struct bench_ledger *ledger, const struct bench_author *author,
                      size_t i, struct tally_hash *previous, struct tl_buffer *ret_frame);

/* A connection that has sent HELLO, and one that has sent nothing. */
int bench_connect(const char *path);
int bench_connect_silently(const char *path);

/* Sends HELLO; false when the daemon has closed. */
bool bench_greet(int fd);

#endif
