/* SPDX-License-Identifier: ISC */
/*
 * Publishing: copies a source's resources into an archive directory, tiles first and the checkpoint
 * last, each file whole or absent. Repeating it adds only what is new; readers of the archive never
 * see it half done.
 *
 * What is written has been checked: the records give the root of the checkpoint, which is written
 * only then, and commitments, parts and objects are those that the records name. Signatures are
 * not: that is the work of whoever reads (tl_verify_ledger).
 */
#ifndef TL_ARCHIVE_PUBLISH_H
#define TL_ARCHIVE_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>

#include "lib/archive/source.h"

struct tl_publish_options {
    bool skip_objects; /* leave out what may be absent: ciphertexts of parts and of files */
    bool is_backup;    /* for nobody else's eyes, and with the kept checkpoints (backup.h) */
    /*
     * Asked when all but the checkpoint is written and synced, with the checkpoint that would be
     * put in place: any status but OK ends the work, and the one that was there stays. May be NULL.
     */
    enum tally_status (*confirm)(void *context, struct tally_bytes checkpoint);
    void (*progress)(void *context, uint64_t done, uint64_t size);
    void *context;
};

struct tl_published {
    uint64_t size;
    uint64_t files_written;
};

/*
 * options may be NULL. EROLLBACK: the directory's archive has more records than the source's. EBAD:
 * it has another history, or the source does not hold together. EFORMAT: one of the two checkpoints
 * is malformed. ENOTFOUND: the source has none. The directory is made when it is not there.
 * What belongs to records that were published before is not looked for again.
 */
TALLY_NODISCARD enum tally_status tl_publish(struct tl_source *source, const char *directory,
                                             const struct tl_publish_options *options,
                                             struct tl_published *ret_published);

/*
 * Writes an archive directory as one tar (ustar, names sorted, times zero): the same ledger at the
 * same size gives the same bytes. Partial tiles of earlier sizes and strange files stay out.
 */
TALLY_NODISCARD enum tally_status tl_archive_to_tar(const char *directory, const char *tar_path);

#endif
