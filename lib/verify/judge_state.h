/* SPDX-License-Identifier: ISC */
/*
 * The judge's state, and one judgement under way. For lib/verify/judge*.c alone.
 *
 * A judgement is a list of steps (judge.c), each of which looks at one thing and answers with a
 * reason. The first reason that is not NONE is the answer, so the order of the steps is part of the
 * format. A step that could not be carried out sets the judgement's status.
 */
#ifndef TL_VERIFY_JUDGE_STATE_H
#define TL_VERIFY_JUDGE_STATE_H

#include "lib/roster/signers.h"
#include "lib/verify/judge.h"

/* What accepting the record that was judged last will change. */
struct tl_judge_pending {
    bool is_set;
    struct tally_hash leaf;
    uint64_t received_us;
    struct tl_entry_facts facts;
    struct tl_roster *roster; /* constitution entries: the roster that they make; owned */
    bool has_author;          /* ordinary entries: the key's chain moves */
    size_t author;            /* its number */
    uint64_t sequence;
    uint64_t seen_index;
};

struct tl_judge {
    uint64_t size;
    struct tally_hash link;
    uint64_t received_us;
    struct tl_roster *roster; /* NULL before the charter, or when it made none; owned */
    uint64_t position;        /* of the roster; known without one too, behind a bad charter */
    size_t author_cap;        /* at least roster->key_count */
    struct tl_author_state *authors;
    struct tl_judge_pending pending;
};

struct tl_judgement {
    struct tl_judge *judge;
    const struct tl_record *record;
    const struct tl_envelope *envelope;
    const struct tl_deposit_list *clear;
    const struct tally_hash *leaf;
    tl_facts_fn facts;
    void *context;
    const struct tl_type_row *row;      /* set by the type step */
    const struct tl_roster_key *author; /* set by the author step; NULL in a charter */
    bool is_unjudged;
    enum tally_status status;
};

typedef enum tally_reason (*tl_judge_step)(struct tl_judgement *judgement);

/* judge.c: the steps that a restored constitution record goes through. */
enum tally_reason tl_judge_run_restored(struct tl_judgement *judgement);

/* judge_refs.c */
enum tally_reason tl_judge_seen(struct tl_judgement *judgement);
enum tally_reason tl_judge_relations(struct tl_judgement *judgement);
enum tally_reason tl_judge_targets(struct tl_judgement *judgement);

/* What relations alone show: allowed for the type, the required one there and not too often. */
enum tally_reason tl_judge_ref_lines(const struct tl_type_row *row,
                                     const struct tl_envelope *envelope);

/* An amendment names the amended record's leaf hash: for those who judge no targets. */
enum tally_reason tl_judge_amended_leaf(const struct tl_type_row *row,
                                        const struct tl_envelope *envelope,
                                        const struct tl_roster *roster);

/* judge_constitution.c */
enum tally_reason tl_judge_constitution(struct tl_judgement *judgement);

/* Room for the state of every key of roster. */
TALLY_NODISCARD enum tally_status tl_judge_reserve_authors(struct tl_judge *judge,
                                                           const struct tl_roster *roster);

/* Makes roster, which becomes the judge's, the one in force. Its keys have their room already. */
void tl_judge_set_roster(struct tl_judge *judge, struct tl_roster *roster);

void tl_judge_drop_pending(struct tl_judge *judge);

#endif
