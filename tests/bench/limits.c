/* SPDX-License-Identifier: ISC */
/*
 * Limits: what the machine allows, measured as the benchmark's yardstick.
 *
 *   bench_limits SECONDS
 *
 * Lines "name value": libsodium's Ed25519 verify and sign over messages of the real sizes, on one
 * core and on all, in operations a second and in CPU time each; and verify followed by sign on all
 * cores, which bounds appends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "lib/base/pool.h"

#define AUTHOR_MESSAGE_LEN 103u /* the signed bytes of an SSHSIG */
#define SEAL_MESSAGE_LEN 46u

struct yardstick {
    double seconds;
    int verifies;
    int signs;
    unsigned long long *done; /* by thread */
    unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
    unsigned char secret_key[crypto_sign_SECRETKEYBYTES];
    unsigned char message[AUTHOR_MESSAGE_LEN];
    unsigned char signature[crypto_sign_BYTES];
};

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure(void *context, size_t item)
{
    struct yardstick *yardstick = context;
    unsigned char signature[crypto_sign_BYTES];
    unsigned long long count = 0;
    double end = now_s() + yardstick->seconds;
    while (now_s() < end) {
        for (int i = 0; i < yardstick->verifies; i++) {
            if (crypto_sign_verify_detached(yardstick->signature, yardstick->message,
                                            AUTHOR_MESSAGE_LEN, yardstick->public_key) != 0) {
                abort();
            }
        }
        for (int i = 0; i < yardstick->signs; i++) {
            (void)crypto_sign_detached(signature, NULL, yardstick->message, SEAL_MESSAGE_LEN,
                                       yardstick->secret_key);
        }
        count++;
    }
    yardstick->done[item] = count;
}

static double cpu_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run(struct yardstick *yardstick, const char *name, unsigned threads, int verifies,
                int signs)
{
    struct tl_pool *pool = NULL;
    struct tl_pool_job job;
    unsigned long long total = 0;
    yardstick->verifies = verifies;
    yardstick->signs = signs;
    if (tl_pool_new(threads - 1, &pool) != TALLY_OK) {
        abort();
    }
    double before = cpu_s();
    tl_pool_start(pool, &job, threads, measure, yardstick);
    tl_pool_wait(pool, &job);
    double cpu = cpu_s() - before;
    tl_pool_free(pool);
    for (unsigned i = 0; i < threads; i++) {
        total += yardstick->done[i];
    }
    printf("%s %.0f\n", name, (double)total / yardstick->seconds);
    printf("%s_cpu_us %.2f\n", name, cpu / (double)total * 1e6);
}

int main(int argc, char **argv)
{
    static struct yardstick yardstick;
    unsigned cores = tl_processor_count();
    if (argc != 2 || sodium_init() < 0) {
        (void)fprintf(stderr, "usage: bench_limits SECONDS\n");
        return 2;
    }
    yardstick.seconds = strtod(argv[1], NULL);
    yardstick.done = calloc(cores, sizeof *yardstick.done);
    if (yardstick.done == NULL ||
        crypto_sign_keypair(yardstick.public_key, yardstick.secret_key) != 0) {
        return 1;
    }
    memset(yardstick.message, 'm', sizeof yardstick.message);
    (void)crypto_sign_detached(yardstick.signature, NULL, yardstick.message, AUTHOR_MESSAGE_LEN,
                               yardstick.secret_key);
    printf("cores %u\n", cores);
    run(&yardstick, "verify_one_core", 1, 1, 0);
    run(&yardstick, "sign_one_core", 1, 0, 1);
    run(&yardstick, "verify_all_cores", cores, 1, 0);
    run(&yardstick, "verify_and_sign_all_cores", cores, 1, 1);
    return 0;
}
