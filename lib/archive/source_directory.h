/* SPDX-License-Identifier: ISC */
/* An archive directory as a source, for those inside this module who own the directory. */
#ifndef TL_ARCHIVE_SOURCE_DIRECTORY_H
#define TL_ARCHIVE_SOURCE_DIRECTORY_H

#include "lib/archive/source.h"

/* As tl_source_open_directory, but without asking for a checkpoint. ENOTFOUND: no directory. */
TALLY_NODISCARD enum tally_status tl_source_over_directory(const char *path,
                                                           struct tl_source **ret_source);

/* The same with checkpoint in the place of the directory's own, which may not be there yet. */
TALLY_NODISCARD enum tally_status tl_source_over_directory_at(const char *path,
                                                              struct tally_bytes checkpoint,
                                                              struct tl_source **ret_source);

#endif
