/* SPDX-License-Identifier: ISC */
/*
 * Bucket: tokens that come back evenly, up to a most. What is spent may exceed what is there: the
 * bucket is then in debt, and empty until that is paid back.
 */
#ifndef TL_DAEMON_BUCKET_H
#define TL_DAEMON_BUCKET_H

#include <stdint.h>

struct tl_bucket_rate {
    double max;
    double per_ms;
};

struct tl_bucket {
    double tokens;
    uint64_t refilled_ms;
};

/* Whole after period_ms, from nothing. */
struct tl_bucket_rate tl_bucket_rate(uint64_t max, uint64_t period_ms);

/* A full one. */
struct tl_bucket tl_bucket_full(const struct tl_bucket_rate *rate, uint64_t now_ms);

/* The tokens that are there now. */
double tl_bucket_refill(const struct tl_bucket_rate *rate, struct tl_bucket *bucket,
                        uint64_t now_ms);

#endif
