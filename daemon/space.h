/* SPDX-License-Identifier: ISC */
/* Room on the disk and in the store's map, looked at early: entries are rejected by name. */
#ifndef TL_DAEMON_SPACE_H
#define TL_DAEMON_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/config.h"
#include "lib/store/store.h"

/* Bytes that this user may still write on the file system of path; UINT64_MAX when unknown. */
uint64_t tl_space_free(const char *path);

/* True when the disk is below its reserve, or a batch could fill the store's map. Any thread. */
bool tl_space_is_short(const struct tl_config *config, const struct tl_store *store,
                       uint64_t disk_free);

#endif
