/* SPDX-License-Identifier: ISC */
/* Bringing judge, edge and keys of a ledger back from its store. Logs what is wrong. */
#ifndef TL_DAEMON_RESTORE_H
#define TL_DAEMON_RESTORE_H

#include "daemon/ledger.h"

/*
 * The judge from the constitution, the newest record and each key's newest entry; the edge; the
 * ledger keys; the ledger id. 0 or an exit code.
 */
int tl_restore(struct tl_ledger *ledger);

/*
 * Reads the newest records again: form, index, link, leaf against the tree's node, seal. What was
 * written last is what a fault may have spoiled. 0 or an exit code.
 */
int tl_restore_check_tail(struct tl_ledger *ledger, uint64_t count);

#endif
