/* SPDX-License-Identifier: ISC */
/*
 * Backup (docs/formats.md, "Backup"): an archive that also keeps the signature lines of every
 * checkpoint that its host has made, so that a store built from it gives the same receipts. A
 * running daemon and a stopped store answer the same names, and are verified in the same way.
 */
#ifndef TL_ARCHIVE_BACKUP_H
#define TL_ARCHIVE_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/archive/source.h"
#include "lib/archive/verify_ledger.h"

/* Bytes of a kept checkpoint, text and lines: what a daemon holds. */
#define TL_BACKUP_NOTE_MAX 900u

/* One record with all that stands or falls with it; views die with the call. */
struct tl_backup_item {
    const struct tl_record *record;
    const struct tl_envelope *envelope;
    const struct tally_hash *leaf;
    const struct tl_deposit_list *clear;
    const uint8_t *seal;
    struct tally_bytes commitments;
    struct tally_bytes lines; /* of the checkpoint of size index + 1; empty: none was made */
    const struct tl_roster *roster; /* in force after the record; may be NULL */
};

struct tl_backup_options {
    const struct tally_hash *ledger; /* NULL: the one that the source says it is */
    struct tally_bytes since;        /* a signed checkpoint held from before; empty: none */
    unsigned threads;                /* beside the caller's */
    void (*progress)(void *context, uint64_t done, uint64_t size); /* may be NULL */
    void *progress_context;
    /*
     * Every record in order, from 0 on and without a gap, as far as they decode and have all that
     * an item holds; whether they are good is known only when the report is. May be NULL.
     */
    enum tally_status (*item)(void *context, const struct tl_backup_item *item);
    void *item_context;
};

/*
 * Verifies everything that tl_verify_ledger does, every ciphertext and exhibit file included, and
 * each kept checkpoint: signed over the tree's root by the ledger key in force for its size, one
 * spelling, none missing for the charter, an amendment or the head. One that is not is a bad
 * record of the line "checkpoint": the last record under it. That another one was taken away
 * cannot be seen. Statuses as tl_verify_ledger; else that of item, which is not called again.
 */
TALLY_NODISCARD enum tally_status tl_backup_verify(struct tl_source *source,
                                                   const struct tl_backup_options *options,
                                                   struct tl_verified_ledger *ret_verified);

/* What a backup's file "verified" says: when it was last found good, and what it then was. */
struct tl_backup_mark {
    uint64_t verified_s; /* by the clock of whoever verified */
    uint64_t size;
    struct tally_hash root;
    struct tally_hash ledger;
};

#define TL_BACKUP_MARK_NAME "verified"
#define TL_BACKUP_MARK_MAX 256u

void tl_backup_mark_encode(const struct tl_backup_mark *mark, struct tl_buffer *buffer);
TALLY_NODISCARD enum tally_status tl_backup_mark_decode(struct tally_bytes bytes,
                                                        struct tl_backup_mark *ret_mark);

/* Reads directory/verified. ENOTFOUND: this was never verified; EFORMAT. */
TALLY_NODISCARD enum tally_status tl_backup_mark_read(const char *directory,
                                                      struct tl_backup_mark *ret_mark);

/*
 * Makes or extends the backup in directory: copies what is new, syncs it, verifies all of it, and
 * only then puts the new checkpoint and the mark in their places. Until then, and after a failure,
 * directory is the backup that it was. Nobody else can read it. The status says whether the work
 * could be done, as of tl_publish (ENOTFOUND: no checkpoint, or not a source of backups; EACCES
 * too when directory is open to others; ELOCKED: somebody else is at it); the verdict is
 * tl_report_exit_code(&ret->verified.report).
 */
struct tl_backup_made {
    struct tl_verified_ledger verified; /* tl_verified_ledger_deinit */
    struct tl_backup_mark mark;
    uint64_t files_written;
};

TALLY_NODISCARD enum tally_status tl_backup_write(struct tl_source *source, const char *directory,
                                                  const struct tl_backup_options *options,
                                                  struct tl_backup_made *ret_made);

/*
 * Appends the receipt of record index, as the host gave it, out of a verified backup of that size.
 */
TALLY_NODISCARD enum tally_status tl_backup_receipt(struct tl_source *source, uint64_t size,
                                                    uint64_t index, struct tl_buffer *buffer);

#endif
