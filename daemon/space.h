/* SPDX-License-Identifier: ISC */
/* Room on the disk and in the store's map, looked at early: entries are rejected by name. */
#ifndef TL_DAEMON_SPACE_H
#define TL_DAEMON_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/config.h"

/* Bytes that this user may still write on the file system of path; UINT64_MAX when unknown. */
uint64_t tl_space_free(const char *path);

/* Bytes that the store takes of its map size; 0 when unknown. */
uint64_t tl_space_store_used(const char *data_directory);

/* True when the disk is below its reserve or the map is nearly full. */
bool tl_space_is_short(const struct tl_config *config, uint64_t disk_free);

#endif
