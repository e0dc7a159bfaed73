/* SPDX-License-Identifier: ISC */
/*
 * Files that the command line names, read and written whole: what goes wrong is said once, with
 * the path. Returns are exit codes, 0 or after a message, where not said otherwise.
 */
#ifndef CLIENT_WHOLE_FILE_H
#define CLIENT_WHOLE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

/* All of a file after the buffer's contents; "-" is standard input. */
int whole_file_read(const char *path, struct tl_buffer *buffer);

/* The words for a failed reading of path: "is a directory", "no such file", or the status. */
const char *whole_file_fault(const char *path, enum tally_status status);

int whole_file_write(const char *path, struct tally_bytes bytes, mode_t mode, bool replace);

/*
 * The same without a message. An interrupt waits until it is done, so that nothing half written is
 * left behind; what is replaced through a symbolic link is the file that the link names.
 */
TALLY_NODISCARD enum tally_status whole_file_put(const char *path, struct tally_bytes bytes,
                                                 mode_t mode, bool replace);

#endif
