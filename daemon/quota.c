/* SPDX-License-Identifier: ISC */
#include "daemon/quota.h"

#include "lib/base/check.h"
#include "lib/base/mem.h"

enum { MS_PER_HOUR = 3600000 };

struct tl_key_quota {
    struct tl_bucket entries;
    struct tl_bucket bytes;
};

void tl_quota_init(struct tl_quota *quota, uint64_t entries_per_hour, uint64_t bytes_per_hour)
{
    quota->entries = tl_bucket_rate(entries_per_hour, MS_PER_HOUR);
    quota->bytes = tl_bucket_rate(bytes_per_hour, MS_PER_HOUR);
    quota->count = 0;
    quota->keys = NULL;
}

void tl_quota_deinit(struct tl_quota *quota)
{
    tl_free(quota->keys);
    quota->keys = NULL;
    quota->count = 0;
}

/* Keys are enrolled one after the other: those up to key_number start with a whole share. */
static enum tally_status reach(struct tl_quota *quota, size_t key_number, uint64_t now_ms)
{
    if (key_number < quota->count) {
        return TALLY_OK;
    }
    struct tl_key_quota *grown = (struct tl_key_quota *)tl_realloc(
        quota->keys, (key_number + 1) * sizeof *grown);
    if (grown == NULL) {
        return TALLY_ENOMEM;
    }
    quota->keys = grown;
    for (; quota->count <= key_number; quota->count++) {
        grown[quota->count].entries = tl_bucket_full(&quota->entries, now_ms);
        grown[quota->count].bytes = tl_bucket_full(&quota->bytes, now_ms);
    }
    return TALLY_OK;
}

static bool has(const struct tl_bucket_rate *rate, struct tl_bucket *bucket, double wanted,
                uint64_t now_ms)
{
    double there = tl_bucket_refill(rate, bucket, now_ms);
    return rate->max <= 0 || there >= (wanted < rate->max ? wanted : rate->max);
}

enum tally_status tl_quota_allows(struct tl_quota *quota, size_t key_number, size_t bytes,
                                  uint64_t now_ms, bool *ret_allows)
{
    enum tally_status status = reach(quota, key_number, now_ms);
    if (status == TALLY_OK) {
        struct tl_key_quota *key = &quota->keys[key_number];
        *ret_allows = has(&quota->entries, &key->entries, 1, now_ms) &&
                      has(&quota->bytes, &key->bytes, (double)bytes, now_ms);
    }
    return status;
}

void tl_quota_take(struct tl_quota *quota, size_t key_number, size_t bytes)
{
    TL_ASSERT(key_number < quota->count);
    quota->keys[key_number].entries.tokens -= 1;
    quota->keys[key_number].bytes.tokens -= (double)bytes;
}
