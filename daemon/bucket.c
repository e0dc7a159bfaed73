/* SPDX-License-Identifier: ISC */
#include "daemon/bucket.h"

struct tl_bucket_rate tl_bucket_rate(uint64_t max, uint64_t period_ms)
{
    struct tl_bucket_rate rate = {.max = (double)max, .per_ms = (double)max / (double)period_ms};
    return rate;
}

struct tl_bucket tl_bucket_full(const struct tl_bucket_rate *rate, uint64_t now_ms)
{
    struct tl_bucket bucket = {.tokens = rate->max, .refilled_ms = now_ms};
    return bucket;
}

double tl_bucket_refill(const struct tl_bucket_rate *rate, struct tl_bucket *bucket,
                        uint64_t now_ms)
{
    bucket->tokens += (double)(now_ms - bucket->refilled_ms) * rate->per_ms;
    if (bucket->tokens > rate->max) {
        bucket->tokens = rate->max;
    }
    bucket->refilled_ms = now_ms;
    return bucket->tokens;
}
