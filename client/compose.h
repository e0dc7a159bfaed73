/* SPDX-License-Identifier: ISC */
/* From a person's JSON and exhibits to an unsigned entry file: what `compose` and `submit` do. */
#ifndef CLIENT_COMPOSE_H
#define CLIENT_COMPOSE_H

#include "client/opt.h"
#include "client/state.h"
#include "keys/public_key.h"
#include "lib/base/bytes.h"

/* The options of composing, for the tables of both verbs. */
#define COMPOSE_OPTIONS                                                                            \
    {"ledger", "ID", "which ledger (default: $TALLY_LEDGER, or the only one known)", false},       \
        {"key", "FILE", "the author's key, private or .pub (or $TALLY_KEY)", false},               \
        {"type", "TYPE", "entry type (default: the JSON's \"type\", else finding)", false},        \
        {"exhibit", "FILE", "leave this file with the ledger as an exhibit", true},                \
        {"exhibit-kept", "FILE", "commit to this file; its bytes stay with you", true},            \
        {"withhold", "POINTER", "keep this part to yourself (a JSON Pointer)", true},              \
        {"ref", "RELATION=ENTRY", "refer to an earlier entry (412 or 412-7F3K-9QXD)", true},       \
        {"after", "FILE.tally", "follow this entry, which is not submitted yet", false},           \
    {                                                                                              \
        "source", "SOURCE", "where entries that are referred to are read", false                   \
    }

/*
 * Composes json_path for the key. Appends the entry file. Every fault of the input is printed.
 * 0, else an exit code.
 */
int compose_entry(const struct opt *opt, const char *json_path, const struct tl_public_key *key,
                  const struct state *state, struct tl_buffer *entry_file);

#endif
