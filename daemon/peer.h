/* SPDX-License-Identifier: ISC */
/*
 * Peer: who is at the other end of a Unix socket, and what each user of this machine has running.
 * Credentials are those of connect(2) time. They are logged and counted, never believed: who a
 * submission is by, its signatures say. Loop thread only.
 */
#ifndef TL_DAEMON_PEER_H
#define TL_DAEMON_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tally/status.h>

#include "daemon/bucket.h"
#include "daemon/queue.h"

struct tl_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

/* SO_PEERCRED of a connected socket. */
TALLY_NODISCARD enum tally_status tl_peer_read(int fd, struct tl_peer *ret_peer);

/* What one uid has open, and how many signed rejections it may still cause. */
struct tl_user {
    struct tl_user *next;
    uid_t uid;
    unsigned connections;
    unsigned uploads;
    size_t read_bytes;  /* held by its answers to GET */
    size_t frame_bytes; /* reserved for its long frames */
    struct tl_queue_share queued;
    struct tl_bucket rejections;
};

struct tl_user_table {
    struct tl_user *first;
    unsigned connections_max;
    struct tl_bucket_rate rejections;
};

void tl_users_init(struct tl_user_table *table, uint64_t connections_max,
                   uint64_t rejections_per_minute);
void tl_users_deinit(struct tl_user_table *table);

/* Counts one more connection. NULL when the uid is at its limit or memory ran out. */
struct tl_user *tl_user_enter(struct tl_user_table *table, uid_t uid, uint64_t now_ms);
void tl_user_leave(struct tl_user *user);

/* Takes one token; false when there is none. */
bool tl_user_may_be_rejected(const struct tl_user_table *table, struct tl_user *user,
                             uint64_t now_ms);

/* Forgets users without connections whose shares are whole again. */
void tl_users_sweep(struct tl_user_table *table, uint64_t now_ms);

#endif
