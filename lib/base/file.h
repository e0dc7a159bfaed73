/* SPDX-License-Identifier: ISC */
/*
 * Files: bounded reads, and writes that are whole and durable or not there at all.
 * Every descriptor is close-on-exec. errno is translated here and nowhere else.
 */
#ifndef TL_BASE_FILE_H
#define TL_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

/* ENOENT -> ENOTFOUND, EACCES and EPERM -> EACCES, ENOSPC and EDQUOT -> ENOSPC, EEXIST -> EEXIST,
 * ENOMEM -> ENOMEM, the rest -> EIO. */
enum tally_status tl_status_from_errno(int error);

/* Closes and sets to -1; -1 is fine. */
void tl_close(int *fd);

/* All of a file after the buffer's contents. ETOOBIG above buffer->max. "-" is standard input. */
TALLY_NODISCARD enum tally_status tl_file_read(const char *path, struct tl_buffer *buffer);

/* Up to len bytes; *ret_len < len only at the end of the file. Repeats on EINTR. */
TALLY_NODISCARD enum tally_status tl_read_full(int fd, void *dst, size_t len, size_t *ret_len);
TALLY_NODISCARD enum tally_status tl_write_full(int fd, struct tally_bytes bytes);

/*
 * Writes path as a whole: temporary file beside it, fsync, rename, fsync of the directory.
 * replace false: EEXIST when path is there already (nothing is changed).
 */
TALLY_NODISCARD enum tally_status tl_file_write(const char *path, struct tally_bytes bytes,
                                                mode_t mode, bool replace);

/* The same without any sync: for copies that can be made again. */
TALLY_NODISCARD enum tally_status tl_file_write_unsynced(const char *path, struct tally_bytes bytes,
                                                         mode_t mode);

/* mkdir -p; existing directories are fine. */
TALLY_NODISCARD enum tally_status tl_make_directories(const char *path, mode_t mode);

TALLY_NODISCARD enum tally_status tl_sync_directory(const char *path);

/*
 * One flush of the whole file system that a directory is on, instead of two for each of a great
 * many small files.
 */
TALLY_NODISCARD enum tally_status tl_sync_filesystem(const char *path);

/* dir + "/" + name, owned by the caller (tl_free); NULL when out of memory. */
TALLY_NODISCARD char *tl_path_join(const char *dir, const char *name);

/* SHA-256 and size of a file, read in pieces. */
TALLY_NODISCARD enum tally_status tl_file_digest(const char *path, struct tally_hash *ret_hash,
                                                 uint64_t *ret_size);

#endif
