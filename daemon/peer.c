/* SPDX-License-Identifier: ISC */
#include "daemon/peer.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

#include "lib/base/check.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"

enum { MS_PER_MINUTE = 60000 };

enum tally_status tl_peer_read(int fd, struct tl_peer *ret_peer)
{
    struct ucred credentials;
    socklen_t len = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) != 0) {
        return tl_status_from_errno(errno);
    }
    ret_peer->uid = credentials.uid;
    ret_peer->gid = credentials.gid;
    ret_peer->pid = credentials.pid;
    return TALLY_OK;
}

void tl_users_init(struct tl_user_table *table, uint64_t connections_max,
                   uint64_t rejections_per_minute)
{
    table->first = NULL;
    table->connections_max = (unsigned)connections_max;
    table->rejections = tl_bucket_rate(rejections_per_minute, MS_PER_MINUTE);
}

void tl_users_deinit(struct tl_user_table *table)
{
    while (table->first != NULL) {
        struct tl_user *user = table->first;
        TL_ASSERT(user->connections == 0);
        table->first = user->next;
        tl_free(user);
    }
}

static struct tl_user *find_or_make(struct tl_user_table *table, uid_t uid, uint64_t now_ms)
{
    for (struct tl_user *user = table->first; user != NULL; user = user->next) {
        if (user->uid == uid) {
            return user;
        }
    }
    struct tl_user *user = (struct tl_user *)tl_calloc(1, sizeof *user);
    if (user == NULL) {
        return NULL;
    }
    user->uid = uid;
    user->rejections = tl_bucket_full(&table->rejections, now_ms);
    user->next = table->first;
    table->first = user;
    return user;
}

struct tl_user *tl_user_enter(struct tl_user_table *table, uid_t uid, uint64_t now_ms)
{
    struct tl_user *user = find_or_make(table, uid, now_ms);
    if (user == NULL || user->connections >= table->connections_max) {
        return NULL;
    }
    user->connections++;
    return user;
}

void tl_user_leave(struct tl_user *user)
{
    TL_ASSERT(user->connections > 0);
    user->connections--;
}

bool tl_user_may_be_rejected(const struct tl_user_table *table, struct tl_user *user,
                             uint64_t now_ms)
{
    if (tl_bucket_refill(&table->rejections, &user->rejections, now_ms) < 1) {
        return false;
    }
    user->rejections.tokens -= 1;
    return true;
}

void tl_users_sweep(struct tl_user_table *table, uint64_t now_ms)
{
    struct tl_user **link = &table->first;
    while (*link != NULL) {
        struct tl_user *user = *link;
        double left = tl_bucket_refill(&table->rejections, &user->rejections, now_ms);
        if (user->connections == 0 && left >= table->rejections.max) {
            *link = user->next;
            tl_free(user);
        } else {
            link = &user->next;
        }
    }
}
