/* SPDX-License-Identifier: ISC */
/* Judging a receipt or a bundle that a person holds as a file. */
#ifndef CLIENT_PROOF_FILE_H
#define CLIENT_PROOF_FILE_H

#include "client/opt.h"
#include "client/state.h"
#include "lib/base/bytes.h"
#include "lib/verify/report.h"

/*
 * Verifies the file against what is remembered of its ledger (--ledger ID, else the ledger that it
 * names), prints the report, and notes a verified receipt in the state. Returns the exit code.
 */
int proof_file_verify_receipt(const struct opt *opt, const char *path);
int proof_file_verify_bundle(const struct opt *opt, const char *path);

/*
 * Judges receipt bytes against a known ledger, without printing: the roster of the record's
 * roster position is rebuilt from the state. report is filled; EXIT code as of the report.
 */
int proof_file_judge_receipt(const struct state *state, struct tally_bytes receipt,
                             struct tl_report *report);

#endif
