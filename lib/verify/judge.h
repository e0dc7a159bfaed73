/* SPDX-License-Identifier: ISC */
/*
 * The judge: one pure state machine that says whether the next record may stand
 * (docs/formats.md, "Judging"). The sequencer asks it before it appends, the verifiers ask it
 * about every record that they read: they cannot disagree. No I/O, no clock, no log.
 *
 * Signatures are checked elsewhere (tl_signature_verify needs no state); the judge says whose keys
 * they must be. Forms of parts are checked elsewhere too (tl_submission_check).
 */
#ifndef TL_VERIFY_JUDGE_H
#define TL_VERIFY_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

#include "lib/codec/envelope.h"
#include "lib/codec/record.h"
#include "lib/codec/submission.h"
#include "lib/roster/roster.h"
#include "lib/roster/types.h"

/* What the judge may ask about an earlier record. */
struct tl_entry_facts {
    struct tally_hash leaf;
    enum tl_type type;
    unsigned member;
};

/* Facts of an earlier index (< size of the judge). Any status but OK ends the judgement. */
typedef enum tally_status (*tl_facts_fn)(void *context, uint64_t index,
                                         struct tl_entry_facts *ret_facts);

/* Where one key's own chain stands. */
struct tl_author_state {
    uint64_t sequence;          /* of its newest entry; 0 when it has none */
    struct tally_hash previous; /* hash of that envelope */
    uint64_t seen_index;
};

struct tl_judge;

TALLY_NODISCARD enum tally_status tl_judge_new(struct tl_judge **ret_judge);
void tl_judge_free(struct tl_judge *judge);

/* Records accepted so far: the index of the next one. */
uint64_t tl_judge_size(const struct tl_judge *judge);

/* NULL before the charter; borrowed until the next accept. */
const struct tl_roster *tl_judge_roster(const struct tl_judge *judge);

/* Index of the newest charter or amendment, good or bad; 0 before the charter. */
uint64_t tl_judge_position(const struct tl_judge *judge);

/* Leaf hash of the newest record (zeros before the charter) and its received time. */
struct tally_hash tl_judge_link(const struct tl_judge *judge);
uint64_t tl_judge_received_us(const struct tl_judge *judge);

/* State of key number of the roster. */
struct tl_author_state tl_judge_author(const struct tl_judge *judge, size_t key_number);

/* False once an amendment has raised the rules beyond TL_RULES_NEWEST: nothing more is judged. */
bool tl_judge_knows_rules(const struct tl_judge *judge);

/*
 * Judges the record as the next one. clear: its clear parts when at hand, else NULL (then nothing
 * that depends on them is judged, and *ret_unjudged, which may be NULL, is set where a part would
 * have mattered). leaf is the record's leaf hash (kept with a constitution record's roster).
 * The reason goes to *ret_reason; the status is OK unless facts failed or memory ran out.
 * ret_unjudged NULL: a record of which something is left unjudged is EINCOMPLETE, never NONE.
 * A judgement of NONE is pending until tl_judge_accept, or until the next tl_judge_check.
 */
TALLY_NODISCARD enum tally_status
tl_judge_check(struct tl_judge *judge, const struct tl_record *record,
               const struct tl_envelope *envelope, const struct tl_deposit_list *clear,
               const struct tally_hash *leaf, tl_facts_fn facts, void *context,
               enum tally_reason *ret_reason, bool *ret_unjudged);

/*
 * Takes the record that tl_judge_check has just found good. envelope_hash: of its envelope, which
 * the key's next entry must name (not computed here: callers have it, or get it on other threads).
 * *ret_facts: what later lookups want; the type is TL_TYPE_COUNT when the rules are not known.
 */
void tl_judge_accept(struct tl_judge *judge, const struct tally_hash *envelope_hash,
                     struct tl_entry_facts *ret_facts);

/*
 * Takes a record that was found bad all the same, so that a verifier can go on and report every
 * check: position, link and time move, author state and roster only as far as it names them.
 * record and envelope are NULL where they could not be decoded.
 */
void tl_judge_skip(struct tl_judge *judge, const struct tl_record *record,
                   const struct tl_envelope *envelope, const struct tally_hash *leaf);

/*
 * Restoring a judge from a store without replaying every record: constitution records in order
 * with their leaf hashes (each is judged again, but for seen and refs), then the newest record,
 * then each key's state. EUNSUPPORTED behind an amendment that raised the rules too far; EINVAL
 * for a key that was never enrolled.
 */
TALLY_NODISCARD enum tally_status tl_judge_restore_constitution(struct tl_judge *judge,
                                                                const struct tl_record *record,
                                                                const struct tl_envelope *envelope,
                                                                const struct tally_hash *leaf,
                                                                enum tally_reason *ret_reason);
void tl_judge_restore_head(struct tl_judge *judge, uint64_t size, const struct tally_hash *link,
                           uint64_t received_us);
TALLY_NODISCARD enum tally_status tl_judge_restore_author(struct tl_judge *judge, size_t key_number,
                                                          const struct tl_author_state *state);

#endif
