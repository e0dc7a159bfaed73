/* SPDX-License-Identifier: ISC */
/*
 * Quota: how many new entries, and how many bytes of them, each enrolled key may still have
 * appended. One hour's share is there at a start and comes back evenly. Only what was appended
 * counts, so nobody but the holder of the key can use it up. Sequencer thread only.
 */
#ifndef TL_DAEMON_QUOTA_H
#define TL_DAEMON_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>

#include "daemon/bucket.h"

struct tl_key_quota;

struct tl_quota {
    struct tl_bucket_rate entries; /* 0: without limit, as the next */
    struct tl_bucket_rate bytes;
    size_t count;
    struct tl_key_quota *keys; /* by the key's number in the roster */
};

void tl_quota_init(struct tl_quota *quota, uint64_t entries_per_hour, uint64_t bytes_per_hour);
void tl_quota_deinit(struct tl_quota *quota);

/*
 * Whether an entry of so many bytes is within the key's share. One that is longer than the whole
 * share is, once the share is whole. ENOMEM.
 */
TALLY_NODISCARD enum tally_status tl_quota_allows(struct tl_quota *quota, size_t key_number,
                                                  size_t bytes, uint64_t now_ms, bool *ret_allows);

/* What tl_quota_allows has allowed was accepted. */
void tl_quota_take(struct tl_quota *quota, size_t key_number, size_t bytes);

#endif
