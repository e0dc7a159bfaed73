/* SPDX-License-Identifier: ISC */
/*
 * A charter's plan: the JSON file that a person writes, made into an unsigned charter.
 *
 *   { "origin": "ledger.example/eleven", "sample": true, "threshold": {"amend": 6},
 *     "ledger_key": "keys/ledger.pub", "host_key": "keys/host.pub",
 *     "members": [ {"id": "alder", "name": "Team Alder",
 *                   "keys": [ {"file": "keys/alder.pub", "roles": ["author", "govern"]} ] } ],
 *     "policy": [] }
 *
 * Key files are OpenSSH public keys; paths are relative to the plan. The first key of the first
 * member is the author.
 */
#ifndef CLIENT_CHARTER_PLAN_H
#define CLIENT_CHARTER_PLAN_H

#include "lib/base/bytes.h"

/* Appends the charter's envelope. All errors of the plan are printed. 0, else an exit code. */
int charter_plan_compose(const char *plan_path, struct tl_buffer *envelope);

#endif
