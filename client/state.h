/* SPDX-License-Identifier: ISC */
/*
 * State: what this client remembers of each ledger that it has verified, in one small text file
 * per ledger (STATE/<ledger id in hex>/ledger), replaced whole. Nothing here comes from the host's
 * word alone: a ledger enters by a verification against a ledger id that a person gave.
 *
 *   tally-state/v1
 *   ledger B64                              the ledger id
 *   checkpoint B64                          the newest checkpoint that was wholly verified
 *   held B64                                the newest signed checkpoint held, also from receipts
 *   newest INDEX LEAF                       the newest verified record: what a new entry has "seen"
 *   constitution B64                        the charter's and each amendment's record, ascending
 *   author FINGERPRINT SEQUENCE ENVELOPE SEEN   where each key's own chain stands
 */
#ifndef CLIENT_STATE_H
#define CLIENT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "client/opt.h"
#include "lib/base/bytes.h"
#include "lib/codec/envelope.h"
#include "lib/codec/record.h"
#include "lib/roster/roster.h"

struct state_author {
    struct tally_hash key; /* fingerprint */
    uint64_t sequence;
    struct tally_hash previous; /* hash of the envelope with that sequence */
    uint64_t seen_index;
};

struct state {
    char *directory; /* of this ledger; owned */
    struct tally_hash ledger;
    struct tl_buffer checkpoint; /* owned */
    struct tl_buffer held;       /* owned */
    uint64_t newest_index;
    struct tally_hash newest_leaf;
    struct tl_buffer constitution; /* records as "u16 len | record"; owned */
    size_t author_count;
    struct state_author *authors; /* owned */
    struct tl_roster *roster;     /* made from the constitution when loaded; owned */
};

/* An empty state for a ledger that is being verified for the first time. */
TALLY_NODISCARD enum tally_status state_new(const struct opt *opt, const struct tally_hash *ledger,
                                            struct state *ret_state);

/* ENOTFOUND when this ledger is not known; EFORMAT when the file is damaged. */
TALLY_NODISCARD enum tally_status state_load(const struct opt *opt, const struct tally_hash *ledger,
                                             struct state *ret_state);

/*
 * The ledger that --ledger or TALLY_LEDGER names, else the only one known. Prints what is wrong
 * and how to mend it; returns an exit code, 0 when *ret_state is loaded.
 */
int state_choose(const struct opt *opt, struct state *ret_state);

/* Says where what is remembered of the ledger stands and why it cannot be read or written. */
void state_say_unreadable(const struct opt *opt, const struct tally_hash *ledger,
                          enum tally_status status);

/* --ledger or TALLY_LEDGER as a ledger id. False when neither is given; EXIT_USAGE printed when
 * malformed (then *ret_code is set). */
bool state_wanted(const struct opt *opt, struct tally_hash *ret_ledger, int *ret_code);

/*
 * Replaces the file, whole and durable, under a lock. What another process has noted since this
 * state was read is taken over first: sequences, held checkpoint and verified head never go back.
 */
TALLY_NODISCARD enum tally_status state_save(struct state *state);
void state_deinit(struct state *state);

/* NULL when the key has no entry known here. */
struct state_author *state_author(const struct state *state, const struct tally_hash *key);

/* Notes an accepted entry: its author's chain moves when the sequence is higher. */
TALLY_NODISCARD enum tally_status state_note_entry(struct state *state,
                                                   const struct tl_envelope *envelope);

/* Notes a constitution record (a charter or amendment), once. */
TALLY_NODISCARD enum tally_status state_note_constitution(struct state *state,
                                                          const struct tl_record *record);

/* Notes a signed checkpoint as held when it is larger than the one held. Its signature has been
 * verified by the caller. */
TALLY_NODISCARD enum tally_status state_note_held(struct state *state, struct tally_bytes note);

/* Keeps a receipt as DIR/receipts/<index>.receipt. */
TALLY_NODISCARD enum tally_status state_keep_receipt(const struct state *state, uint64_t index,
                                                     struct tally_bytes receipt);

#endif
