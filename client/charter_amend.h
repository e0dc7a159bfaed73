/* SPDX-License-Identifier: ISC */
/* Amendments: changing members, keys, thresholds and rules of a ledger that is known here. */
#ifndef CLIENT_CHARTER_AMEND_H
#define CLIENT_CHARTER_AMEND_H

#include <tally/reason.h>

#include "client/opt.h"
#include "lib/codec/entry_file.h"
#include "lib/codec/envelope.h"

/* True when signatures are all that an unsigned charter or amendment lacks. */
bool charter_awaits_signatures(enum tally_reason reason);

/* Writes an unsigned amendment with the operations of --op, by --key. 0, else an exit code. */
int charter_amend(const struct opt *opt, const char *path);

/*
 * Whether the amendment could be appended now: operations, consent and quorum against the roster
 * that is remembered. The reason goes to *ret_reason. 0, else an exit code after a message.
 */
int charter_judge_amendment(const struct opt *opt, const struct tl_entry_file *entry,
                            const struct tl_envelope *envelope, enum tally_reason *ret_reason);

#endif
