/* SPDX-License-Identifier: ISC */
/* Files of an archive being published: written whole, and only where they are new. */
#ifndef TL_ARCHIVE_PUBLISH_FILES_H
#define TL_ARCHIVE_PUBLISH_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/archive/source.h"
#include "lib/base/bytes.h"

struct tl_publish_files {
    const char *directory;
    mode_t file_mode;
    mode_t directory_mode;
    uint64_t written;
    char *parent;             /* the directory that was made last; owned */
    struct tl_buffer present; /* what is there already */
};

/* is_private: nobody else may read them. */
void tl_publish_files_init(struct tl_publish_files *files, const char *directory, bool is_private);
void tl_publish_files_deinit(struct tl_publish_files *files);

/* Writes a resource, not yet durably, unless it has these bytes already. */
TALLY_NODISCARD enum tally_status tl_publish_file(struct tl_publish_files *files, const char *path,
                                                  struct tally_bytes bytes);

/*
 * Copies an object in constant memory, not yet durably, unless it is there already. EBAD when it
 * is not what its name says, ENOTFOUND.
 */
TALLY_NODISCARD enum tally_status tl_publish_object(struct tl_publish_files *files,
                                                    struct tl_source *source,
                                                    const struct tally_hash *hash, uint64_t size);

/* Makes durable all that the checkpoint stands for, unless nothing is new. */
TALLY_NODISCARD enum tally_status tl_publish_sync(struct tl_publish_files *files,
                                                  struct tally_bytes note);

/* Writes the checkpoint, durably; after tl_publish_sync. */
TALLY_NODISCARD enum tally_status tl_publish_checkpoint(struct tl_publish_files *files,
                                                        struct tally_bytes note);

#endif
