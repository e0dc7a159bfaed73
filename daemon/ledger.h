/* SPDX-License-Identifier: ISC */
/*
 * Ledger: everything that a running daemon holds of its ledger, and how that comes to be whole:
 * the store under its lock, the judge restored from it, the tree's edge, the keys, the head guard.
 *
 * Threads: judge, edge, guard, clock and host key belong to the sequencer (to the main thread
 * before it starts); keys may be read by the sequencer while it alone adds one; the rest says so
 * itself.
 */
#ifndef TL_DAEMON_LEDGER_H
#define TL_DAEMON_LEDGER_H

#include <stdatomic.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/head.h"
#include "daemon/host_key.h"
#include "keys/ed25519.h"
#include "keys/note_key.h"
#include "lib/codec/rejection.h"
#include "lib/store/head_guard.h"
#include "lib/store/store.h"
#include "lib/tree/tree.h"
#include "lib/verify/judge.h"

/* Why nothing is signed at present, if so. */
enum tl_signing {
    TL_SIGNING_ON,
    TL_SIGNING_AWAITS_HEAD, /* confirm-head: no client has shown its checkpoint yet */
    TL_SIGNING_STOPPED,     /* a client held a signed checkpoint that the store cannot explain, or
                             * the scrub has found the store damaged */
};

/* A ledger key and the first record that it seals: keys are replaced by amendments. */
struct tl_ledger_key {
    struct tl_note_key key;
    uint64_t from;
};

#define TL_LEDGER_KEY_COUNT_MAX 64u

/* The charter and each amendment: what a resent one is recognised by. */
struct tl_constitution_entry {
    uint64_t index;
    struct tally_hash envelope;
};

struct tl_ledger {
    struct tl_store *store;
    struct tally_hash id;

    struct tl_judge *judge;
    struct tl_tree_edge edge;
    struct tl_head_guard *guard;
    struct tl_clock clock;
    size_t constitution_count;
    struct tl_constitution_entry *constitution;

    struct tl_secret_key *secret;
    struct tl_secret_key *next_secret; /* NULL unless a replacement is prepared */
    struct tl_host_key host_key;
    pthread_mutex_t keys_mutex;
    size_t key_count; /* guarded with secret and next_secret; [key_count - 1] is in force */
    struct tl_ledger_key keys[TL_LEDGER_KEY_COUNT_MAX];

    struct tl_head head;
    atomic_int signing;            /* enum tl_signing */
    pthread_mutex_t signing_mutex; /* held while something is signed, and while signing stops */
};

/*
 * Opens the data directory for serving: lock, store, judge, key, head guard, newest records. What
 * cannot be served is logged with its remedy and answered with an exit code (exit_code.h).
 * make_head: a missing head guard is made from the store.
 */
int tl_ledger_open(const struct tl_config *config, bool make_head, struct tl_ledger **ret_ledger);
void tl_ledger_close(struct tl_ledger *ledger); /* NULL is fine */

/* The key that seals record index. Any thread. */
struct tl_note_key tl_ledger_key_at(struct tl_ledger *ledger, uint64_t index);

/*
 * Opens a checkpoint under the key in force for its size; for sizes ahead of the store that is the
 * newest. ENOTFOUND under any other key of the ledger; EFORMAT, ESIGNATURE, ENOTFOUND, EKEY as
 * tl_checkpoint_open. Any thread.
 */
TALLY_NODISCARD enum tally_status tl_ledger_open_checkpoint(struct tl_ledger *ledger,
                                                            struct tally_bytes note,
                                                            uint64_t *ret_size,
                                                            struct tally_hash *ret_root);

/*
 * Signs the checkpoint of size and root into ret_view. With old_key, a line of that key and secret
 * comes first: the checkpoint over a record that replaces the key carries both.
 */
TALLY_NODISCARD enum tally_status tl_ledger_sign(const struct tl_note_key *key,
                                                 const struct tl_secret_key *secret,
                                                 const struct tl_note_key *old_key,
                                                 const struct tl_secret_key *old_secret,
                                                 uint64_t size, const struct tally_hash *root,
                                                 struct tl_head_view *ret_view);

/*
 * Keeps the view's signature lines durably in the store, in a batch of their own: those of a
 * checkpoint that a later start could not sign again. Sequencer thread.
 */
TALLY_NODISCARD enum tally_status tl_ledger_keep_lines(struct tl_ledger *ledger,
                                                       const struct tl_head_view *view);

/*
 * Between the two, signing does not stop: whoever would stop it waits. What is signed was therefore
 * signed before the stop, and a head that is published before the end was published before it.
 * ESTOPPED: nothing may be signed, and there is nothing to end. Any thread.
 */
TALLY_NODISCARD enum tally_status tl_ledger_begin_signing(struct tl_ledger *ledger);
void tl_ledger_end_signing(struct tl_ledger *ledger);

/*
 * Stops all signing until the process ends; what is being signed is done first. False when it had
 * stopped already. Any thread.
 */
bool tl_ledger_stop_signing(struct tl_ledger *ledger);

/* Appends a signed rejection. ESTOPPED. Any thread. */
TALLY_NODISCARD enum tally_status tl_ledger_sign_rejection(struct tl_ledger *ledger,
                                                           const struct tl_rejection *rejection,
                                                           struct tl_buffer *buffer);

/* The signature lines of a signed note: what follows the empty line. */
struct tally_bytes tl_note_lines(struct tally_bytes note);

/* What a client's checkpoint says about the store. */
enum tl_hello_verdict {
    TL_HELLO_IGNORED,      /* nothing, or nothing that this ledger signed */
    TL_HELLO_CONSISTENT,
    TL_HELLO_ROLLBACK,     /* signed by this ledger and ahead of the store */
    TL_HELLO_FORK,         /* signed by this ledger, another root for its size */
};

/*
 * Judges the checkpoint of a HELLO; a rollback or fork stops all signing before it returns, now and
 * at every start until the store explains it: DIR/contradiction keeps the checkpoint. A consistent
 * one ends AWAITS_HEAD. EIO when the store cannot be read. Any thread.
 */
TALLY_NODISCARD enum tally_status tl_ledger_judge_hello(struct tl_ledger *ledger,
                                                        struct tally_bytes note,
                                                        enum tl_hello_verdict *ret_verdict);

#endif
