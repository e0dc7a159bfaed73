/* SPDX-License-Identifier: ISC */
/* Temporary files and directories under TMPDIR, /var/tmp or /tmp, nobody else's to read. */
#ifndef TL_ARCHIVE_TEMPORARY_H
#define TL_ARCHIVE_TEMPORARY_H

#include <tally/status.h>

/* A file without a name, gone when the descriptor is closed or the process dies. */
TALLY_NODISCARD enum tally_status tl_temporary_file(int *ret_fd);

/* A new directory of mode 0700; the caller owns the path (tl_free). */
TALLY_NODISCARD enum tally_status tl_temporary_directory(char **ret_path);

/* Removes a directory made by tl_temporary_directory with all that is in it. NULL is fine. */
void tl_temporary_directory_remove(const char *path);

#endif
