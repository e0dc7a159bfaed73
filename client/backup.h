/* SPDX-License-Identifier: ISC */
/* What the verbs about backups share: the ledger asked for, threads, progress, and dated lines. */
#ifndef CLIENT_BACKUP_H
#define CLIENT_BACKUP_H

#include <stdint.h>

#include <tally/types.h>

#include "client/opt.h"
#include "client/output.h"
#include "lib/archive/backup.h"

struct backup_run {
    struct tally_hash ledger; /* of --ledger or TALLY_LEDGER */
    struct progress progress;
    struct tl_backup_options options; /* borrows from this */
};

/* Fills run->options from the command line; an exit code after a message. */
int backup_run_begin(const struct opt *opt, const char *label, struct backup_run *ret_run);
void backup_run_end(struct backup_run *run);

/* "2026-11-28T01:04:36Z", now. */
void backup_now(char *dst);

/* What a report that is not good says: all its lines, then whose they are, on standard error. */
void backup_say_bad(const char *subject, const struct tl_report *report);

#endif
