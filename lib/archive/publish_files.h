/* SPDX-License-Identifier: ISC */
/* Files of an archive being published: written whole, and only where they are new. */
#ifndef TL_ARCHIVE_PUBLISH_FILES_H
#define TL_ARCHIVE_PUBLISH_FILES_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/archive/source.h"
#include "lib/base/bytes.h"

struct tl_publish_files {
    const char *directory;
    uint64_t written;
    char *parent;             /* the directory that was made last; owned */
    struct tl_buffer present; /* what is there already */
};

void tl_publish_files_init(struct tl_publish_files *files, const char *directory);
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

/* Makes all that was written durable, then writes the checkpoint, durably. */
TALLY_NODISCARD enum tally_status tl_publish_checkpoint(struct tl_publish_files *files,
                                                        struct tally_bytes note);

#endif
