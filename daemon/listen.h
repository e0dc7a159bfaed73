/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets: handed over by the service manager (sd_listen_fds(3)'s protocol), or made at
 * configured paths with their mode and group.
 */
#ifndef TL_DAEMON_LISTEN_H
#define TL_DAEMON_LISTEN_H

#include <stdbool.h>

#include "daemon/config.h"
#include "daemon/session.h"

struct tl_listen_fds {
    int submit; /* -1: none */
    int read;
    bool submit_made; /* the path is ours to remove */
    bool read_made;
};

/*
 * Takes what the service manager passed under the names submit and read; else makes those that are
 * configured. Logs and answers an exit code; 0 when at least one socket is there.
 */
int tl_listen_open(const struct tl_config *config, struct tl_listen_fds *ret_fds);

/* Removes the paths of sockets that were made here. The descriptors are closed by their handles. */
void tl_listen_remove(const struct tl_config *config, const struct tl_listen_fds *fds);

#endif
