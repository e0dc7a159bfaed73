/* SPDX-License-Identifier: ISC */
/* A judge that is restored is the judge that has seen every record; one that skips goes on. */
#include "tests/roster/sample.h"

#define ACTORS 24
#define LEDGERS 12
#define STEPS 60

static const char *const members[] = {"alder", "birch", "cedar", "dogwood"};

/* Not for secrets: the same numbers in every run. */
static unsigned pick(uint64_t *seed, unsigned below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*seed >> 33) % below;
}

struct crowd {
    struct actor actors[ACTORS];
    size_t enrolled; /* the first so many are enrolled, in force or not */
};

static void crowd_make(struct crowd *crowd)
{
    for (unsigned i = 0; i < ACTORS; i++) {
        crowd->actors[i] = actor_make(members[i % TEST_COUNT(members)], i + 1);
    }
}

static void crowd_end(struct crowd *crowd)
{
    for (unsigned i = 0; i < ACTORS; i++) {
        actor_end(&crowd->actors[i]);
    }
}

static void found(struct sample *sample, struct crowd *crowd)
{
    static const char *const roles[] = {"author,govern", "author,govern", "author,govern",
                                        "author,govern"};
    for (unsigned i = 0; i < ACTORS; i++) {
        crowd->actors[i].member = members[i % TEST_COUNT(members)];
    }
    struct draft draft = draft_charter(&crowd->actors[0]);
    charter_head(sample, &draft, 3);
    charter_founders(sample, &draft, crowd->actors, roles, TEST_COUNT(roles));
    (void)sample_add(sample, &draft);
    crowd->enrolled = TEST_COUNT(roles);
}

/* An actor whose key is in force; the founders' keys stay in force throughout. */
static const struct actor *someone(const struct sample *sample, const struct crowd *crowd,
                                   uint64_t *seed)
{
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    for (;;) {
        const struct actor *actor = &crowd->actors[pick(seed, (unsigned)crowd->enrolled)];
        const struct tl_roster_key *key = tl_roster_find_key(roster, &actor->key.fingerprint);
        if (key->ended == TL_NEVER && (key->roles & TL_ROLE_AUTHOR) != 0) {
            return actor;
        }
    }
}

static void amend(struct sample *sample, struct crowd *crowd, uint64_t *seed)
{
    struct draft draft = draft_amendment(sample, &crowd->actors[pick(seed, 4)]);
    const struct actor *author = draft.signers[0];
    for (size_t i = 0; i < 4; i++) {
        if (&crowd->actors[i] != author) {
            draft_sign(&draft, &crowd->actors[i]);
        }
    }
    struct actor *next = &crowd->actors[crowd->enrolled < ACTORS ? crowd->enrolled : 0];
    const struct actor *victim = someone(sample, crowd, seed);
    unsigned kind = pick(seed, 4);
    if (victim < &crowd->actors[4] || crowd->enrolled == ACTORS) {
        kind = crowd->enrolled == ACTORS ? 3 : 0;
    }
    if (kind == 0) {
        draft_op(&draft, "enrol %s author %s", next->member, next->text);
    } else if (kind == 1) {
        draft_op(&draft, "rotate %s %s", victim->fingerprint, next->text);
        next->member = victim->member;
    } else if (kind == 2) {
        draft_op(&draft, "revoke %s %u lost", victim->fingerprint,
                 pick(seed, (unsigned)sample->count));
    } else {
        draft_op(&draft, "threshold amend %u", 2 + pick(seed, 2));
    }
    if (kind < 2) {
        draft_sign(&draft, next);
        crowd->enrolled++;
    }
    (void)sample_add(sample, &draft);
}

static void step(struct sample *sample, struct crowd *crowd, uint64_t *seed)
{
    unsigned kind = pick(seed, 10);
    if (kind == 0) {
        amend(sample, crowd, seed);
        return;
    }
    if (kind == 1) {
        struct draft draft = draft_entry(sample, "incident", &sample->host);
        (void)sample_add(sample, &draft);
        return;
    }
    struct draft draft =
        draft_entry(sample, kind < 6 ? "finding" : "note", someone(sample, crowd, seed));
    if (kind >= 6) {
        draft_ref(sample, &draft, "about", pick(seed, (unsigned)sample->count));
    }
    (void)sample_add(sample, &draft);
}

static void assert_same_roster(const struct tl_roster *a, const struct tl_roster *b)
{
    assert_int_equal(a->position, b->position);
    assert_memory_equal(&a->position_leaf, &b->position_leaf, 32);
    assert_memory_equal(&a->ledger, &b->ledger, 32);
    assert_memory_equal(a->ledger_key.point, b->ledger_key.point, 32);
    assert_int_equal(a->ledger_point_count, b->ledger_point_count);
    assert_int_equal(a->rules, b->rules);
    assert_int_equal(a->threshold_amend, b->threshold_amend);
    assert_int_equal(a->member_count, b->member_count);
    assert_int_equal(a->key_count, b->key_count);
    for (size_t i = 0; i < a->key_count; i++) {
        assert_memory_equal(&a->keys[i].key.fingerprint, &b->keys[i].key.fingerprint, 32);
        assert_int_equal(a->keys[i].member, b->keys[i].member);
        assert_int_equal(a->keys[i].roles, b->keys[i].roles);
        assert_int_equal(a->keys[i].enrolled, b->keys[i].enrolled);
        assert_int_equal(a->keys[i].ended, b->keys[i].ended);
        assert_int_equal(a->keys[i].rotated, b->keys[i].rotated);
        assert_int_equal(a->keys[i].revoked, b->keys[i].revoked);
        assert_int_equal(a->keys[i].last_valid, b->keys[i].last_valid);
    }
}

static void assert_same_judge(const struct tl_judge *a, const struct tl_judge *b)
{
    struct tally_hash link_a = tl_judge_link(a);
    struct tally_hash link_b = tl_judge_link(b);
    assert_int_equal(tl_judge_size(a), tl_judge_size(b));
    assert_memory_equal(&link_a, &link_b, 32);
    assert_int_equal(tl_judge_received_us(a), tl_judge_received_us(b));
    assert_same_roster(tl_judge_roster(a), tl_judge_roster(b));
    for (size_t i = 0; i < tl_judge_roster(a)->key_count; i++) {
        struct tl_author_state x = tl_judge_author(a, i);
        struct tl_author_state y = tl_judge_author(b, i);
        assert_int_equal(x.sequence, y.sequence);
        assert_int_equal(x.seen_index, y.seen_index);
        assert_memory_equal(&x.previous, &y.previous, 32);
    }
}

/* What a store can tell: constitution records, the head, each key's newest entry. */
static struct tl_judge *restore(const struct sample *sample)
{
    struct tl_judge *judge = NULL;
    assert_status(tl_judge_new(&judge), TALLY_OK);
    for (size_t i = 0; i < sample->count; i++) {
        const struct made *made = sample->records[i];
        if (!tl_envelope_is_constitution(&made->envelope)) {
            continue;
        }
        enum tally_reason reason = TALLY_REASON_COUNT;
        assert_status(tl_judge_restore_constitution(judge, &made->record, &made->envelope,
                                                    &made->leaf, &reason),
                      TALLY_OK);
        assert_reason(reason, TALLY_REASON_NONE);
    }
    const struct made *newest = sample->records[sample->count - 1];
    tl_judge_restore_head(judge, sample->count, &newest->leaf, newest->record.received_us);
    const struct tl_roster *roster = tl_judge_roster(judge);
    for (size_t i = 0; i < sample->count; i++) {
        const struct made *made = sample->records[i];
        if (tl_envelope_is_constitution(&made->envelope)) {
            continue;
        }
        struct tl_author_state state = {.sequence = made->envelope.sequence,
                                        .previous = made->envelope_hash,
                                        .seen_index = made->envelope.seen_index};
        size_t number = (size_t)(tl_roster_find_key(roster, &made->envelope.key) - roster->keys);
        assert_status(tl_judge_restore_author(judge, number, &state), TALLY_OK);
    }
    return judge;
}

static void a_restored_judge_is_the_same(void **state)
{
    (void)state;
    static struct crowd crowd;
    crowd_make(&crowd);
    for (uint64_t ledger = 1; ledger <= LEDGERS; ledger++) {
        uint64_t seed = ledger;
        struct sample sample = sample_new();
        found(&sample, &crowd);
        for (unsigned i = 0; i < STEPS; i++) {
            step(&sample, &crowd, &seed);
            if (i % 7 == 0 || i + 1 == STEPS) {
                struct tl_judge *judge = restore(&sample);
                assert_same_judge(sample.judge, judge);
                /* And it goes on from there: the next step is judged by the restored one. */
                tl_judge_free(sample.judge);
                sample.judge = judge;
            }
        }
        sample_free(&sample);
    }
    crowd_end(&crowd);
}

/* ---- Restoring refuses what does not fit ---- */

struct fixture {
    struct sample sample;
    struct crowd crowd;
    struct tl_judge *judge;
};

static int setup(void **state)
{
    struct fixture *fixture = tl_calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    crowd_make(&fixture->crowd);
    fixture->sample = sample_new();
    struct sample *sample = &fixture->sample;
    found(sample, &fixture->crowd);
    struct draft draft = draft_entry(sample, "finding", &fixture->crowd.actors[0]);
    (void)sample_add(sample, &draft);
    draft = draft_amendment(sample, &fixture->crowd.actors[0]);
    draft_ref(sample, &draft, "see", 1);
    draft_op(&draft, "admit elm E");
    draft_sign(&draft, &fixture->crowd.actors[1]);
    draft_sign(&draft, &fixture->crowd.actors[2]);
    (void)sample_add(sample, &draft);
    draft = draft_entry(sample, "finding", &fixture->crowd.actors[1]);
    (void)sample_add(sample, &draft);
    assert_status(tl_judge_new(&fixture->judge), TALLY_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    tl_judge_free(fixture->judge);
    sample_free(&fixture->sample);
    crowd_end(&fixture->crowd);
    tl_free(fixture);
    return 0;
}

static enum tally_reason restore_one(struct fixture *fixture, const struct made *made)
{
    enum tally_reason reason = TALLY_REASON_COUNT;
    assert_status(tl_judge_restore_constitution(fixture->judge, &made->record, &made->envelope,
                                                &made->leaf, &reason),
                  TALLY_OK);
    return reason;
}

static void restoring_judges_again(void **state)
{
    struct fixture *fixture = *state;
    struct made *const *records = fixture->sample.records;
    struct tl_author_state author = {.sequence = 1};
    assert_status(tl_judge_restore_author(fixture->judge, 0, &author), TALLY_EINVAL);
    assert_reason(restore_one(fixture, records[2]), TALLY_REASON_INDEX_MISMATCH);
    assert_reason(restore_one(fixture, records[0]), TALLY_REASON_NONE);
    assert_int_equal(tl_judge_position(fixture->judge), 0);
    assert_reason(restore_one(fixture, records[0]), TALLY_REASON_INDEX_MISMATCH);
    enum tally_reason reason = TALLY_REASON_COUNT;
    assert_status(tl_judge_restore_constitution(fixture->judge, &records[1]->record,
                                                &records[1]->envelope, &records[1]->leaf, &reason),
                  TALLY_EINVAL);

    struct made changed = *records[2];
    changed.record.roster = 1;
    assert_reason(restore_one(fixture, &changed), TALLY_REASON_ROSTER_MISMATCH);
    changed = *records[2];
    changed.envelope.ledger.bytes[0] ^= 1u;
    assert_reason(restore_one(fixture, &changed), TALLY_REASON_WRONG_LEDGER);
    changed = *records[2];
    changed.record.signatures.count = 1;
    assert_reason(restore_one(fixture, &changed), TALLY_REASON_QUORUM_MISSING);
    assert_int_equal(tl_judge_size(fixture->judge), 1);
    changed = *records[2];
    changed.leaf = test_hash(1);
    assert_reason(restore_one(fixture, &changed), TALLY_REASON_NONE); /* its own, in the roster */
    assert_int_equal(tl_judge_position(fixture->judge), 2);

    size_t keys = tl_judge_roster(fixture->judge)->key_count;
    assert_status(tl_judge_restore_author(fixture->judge, keys - 1, &author), TALLY_OK);
    assert_status(tl_judge_restore_author(fixture->judge, keys, &author), TALLY_EINVAL);
}

/* A judge that could not go on for want of memory stands where it stood. */
static void restoring_may_run_out_of_memory(void **state)
{
    struct fixture *fixture = *state;
    const struct made *made = fixture->sample.records[0];
    bool failed = true;
    for (long allowed = 0; failed; allowed++) {
        enum tally_reason reason = TALLY_REASON_COUNT;
        test_allocations_limit(allowed);
        enum tally_status status = tl_judge_restore_constitution(
            fixture->judge, &made->record, &made->envelope, &made->leaf, &reason);
        failed = test_allocations_unlimit() && status != TALLY_OK;
        assert_status(status, failed ? TALLY_ENOMEM : TALLY_OK);
        assert_int_equal(tl_judge_size(fixture->judge), failed ? 0 : 1);
        assert_int_equal(tl_judge_roster(fixture->judge) == NULL, failed);
    }
}

static void nothing_is_restored_behind_unknown_rules(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft draft = draft_amendment(sample, &fixture->crowd.actors[0]);
    draft_op(&draft, "rules %u", TL_RULES_NEWEST + 1);
    draft_sign(&draft, &fixture->crowd.actors[1]);
    draft_sign(&draft, &fixture->crowd.actors[2]);
    size_t raise = sample_add(sample, &draft);
    assert_reason(restore_one(fixture, sample->records[0]), TALLY_REASON_NONE);
    assert_reason(restore_one(fixture, sample->records[2]), TALLY_REASON_NONE);
    assert_reason(restore_one(fixture, sample->records[raise]), TALLY_REASON_NONE);
    assert_false(tl_judge_knows_rules(fixture->judge));
    struct made later = *sample->records[raise];
    later.record.index++;
    enum tally_reason reason = TALLY_REASON_COUNT;
    assert_status(tl_judge_restore_constitution(fixture->judge, &later.record, &later.envelope,
                                                &later.leaf, &reason),
                  TALLY_EUNSUPPORTED);
}

/* ---- Going on behind a bad record ---- */

/* Takes the draft as the next record although it is bad. */
static void pass_bad(struct sample *sample, struct draft *draft, enum tally_reason expected)
{
    struct made *made = sample_make(sample, draft);
    assert_non_null(made);
    assert_reason(sample_ask(sample, made, draft), expected);
    tl_judge_skip(sample->judge, &made->record, &made->envelope, &made->leaf);
    made->facts = (struct tl_entry_facts){.leaf = made->leaf,
                                          .type = tl_type_find(made->envelope.type)->type};
    sample->records[sample->count] = made;
    sample->count++;
    assert_int_equal(tl_judge_size(sample->judge), sample->count);
}

static void behind_a_bad_entry_its_chain_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct actor *author = &fixture->crowd.actors[0];
    struct draft draft = draft_entry(sample, "finding", author);
    draft.fields.sequence += 5;
    draft.previous = test_hash(1);
    pass_bad(sample, &draft, TALLY_REASON_SEQUENCE_GAP);
    struct draft next = draft_entry(sample, "finding", author);
    assert_int_equal(next.fields.sequence, draft.fields.sequence + 1);
    (void)sample_add(sample, &next);
    struct draft other = draft_entry(sample, "finding", &fixture->crowd.actors[1]);
    (void)sample_add(sample, &other);
    /* Its time too. */
    draft = draft_entry(sample, "finding", author);
    draft.fields.sequence++;
    draft.record.received_us += 1000000;
    pass_bad(sample, &draft, TALLY_REASON_SEQUENCE_GAP);
    next = draft_entry(sample, "finding", author);
    next.record.received_us = draft.record.received_us - 1;
    assert_reason(sample_judge(sample, &next), TALLY_REASON_TIME_DECREASED);
}

static void behind_a_bad_amendment_the_old_roster_moves(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft draft = draft_amendment(sample, &fixture->crowd.actors[0]);
    draft_op(&draft, "admit fir F");
    pass_bad(sample, &draft, TALLY_REASON_QUORUM_MISSING);
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    assert_int_equal(roster->position, sample->count - 1);
    assert_null(tl_roster_find_member(roster, tl_bytes_text("fir")));
    struct draft next = draft_entry(sample, "finding", &fixture->crowd.actors[0]);
    assert_int_equal(next.record.roster, sample->count - 1);
    (void)sample_add(sample, &next);
    draft = draft_amendment(sample, &fixture->crowd.actors[0]);
    draft_op(&draft, "admit fir F");
    draft_sign(&draft, &fixture->crowd.actors[1]);
    draft_sign(&draft, &fixture->crowd.actors[2]);
    (void)sample_add(sample, &draft);
}

/* Its place is bad, its operations are not: the roster is what the members agreed on. */
static void an_amendment_in_a_bad_place_still_amends(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft draft = draft_amendment(sample, &fixture->crowd.actors[0]);
    draft_op(&draft, "enrol elm author %s", fixture->crowd.actors[9].text);
    draft_sign(&draft, &fixture->crowd.actors[1]);
    draft_sign(&draft, &fixture->crowd.actors[2]);
    draft_sign(&draft, &fixture->crowd.actors[9]);
    draft.record.received_us = 1;
    pass_bad(sample, &draft, TALLY_REASON_TIME_DECREASED);
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    assert_int_equal(roster->position, sample->count - 1);
    assert_memory_equal(&roster->position_leaf, &sample->records[sample->count - 1]->leaf, 32);
    assert_non_null(tl_roster_find_key(roster, &fixture->crowd.actors[9].key.fingerprint));
    struct actor elm = fixture->crowd.actors[9];
    elm.member = "elm";
    struct draft next = draft_entry(sample, "finding", &elm);
    (void)sample_add(sample, &next);
}

static void behind_a_bad_charter_no_key_is_enrolled(void **state)
{
    struct fixture *fixture = *state;
    struct sample empty = sample_new();
    static const char *const roles[] = {"author,govern"};
    struct draft charter = draft_charter(&fixture->crowd.actors[0]);
    charter_head(&empty, &charter, 2);
    charter_founders(&empty, &charter, fixture->crowd.actors, roles, 1);
    pass_bad(&empty, &charter, TALLY_REASON_THRESHOLD_INVALID);
    assert_null(tl_judge_roster(empty.judge));
    assert_true(tl_judge_knows_rules(empty.judge));

    struct draft next = draft_entry(&fixture->sample, "finding", &fixture->crowd.actors[0]);
    next.record.index = 1;
    next.record.roster = 0;
    next.record.link = empty.records[0]->leaf;
    next.ledger = empty.records[0]->envelope_hash;
    next.fields.seen_index = 0;
    next.fields.seen_leaf = empty.records[0]->leaf;
    assert_reason(sample_judge(&empty, &next), TALLY_REASON_UNKNOWN_KEY);
    next.ledger.bytes[0] ^= 1u;
    assert_reason(sample_judge(&empty, &next), TALLY_REASON_UNKNOWN_KEY);
    next.ledger.bytes[0] ^= 1u;
    pass_bad(&empty, &next, TALLY_REASON_UNKNOWN_KEY);

    /* An amendment moves the position even so. */
    struct draft amendment = draft_amendment(&fixture->sample, &fixture->crowd.actors[0]);
    draft_op(&amendment, "admit elm E");
    amendment.ledger = next.ledger;
    amendment.record.index = 2;
    amendment.record.roster = 0;
    amendment.record.link = empty.records[1]->leaf;
    pass_bad(&empty, &amendment, TALLY_REASON_UNKNOWN_KEY);
    next.record.index = 3;
    next.record.link = empty.records[2]->leaf;
    assert_reason(sample_judge(&empty, &next), TALLY_REASON_ROSTER_MISMATCH);
    next.record.roster = 2;
    assert_reason(sample_judge(&empty, &next), TALLY_REASON_UNKNOWN_KEY);
    sample_free(&empty);
}

/* Charters behind the first, and continuations, move nothing but the position, or not even that. */
static void a_second_charter_makes_no_roster(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    static const char *const roles[] = {"author,govern"};
    struct draft charter = draft_charter(&fixture->crowd.actors[5]);
    struct draft place = draft_entry(sample, "finding", &fixture->crowd.actors[0]);
    charter_head(sample, &charter, 1);
    charter_founders(sample, &charter, &fixture->crowd.actors[5], roles, 1);
    charter.record = place.record;
    size_t keys = tl_judge_roster(sample->judge)->key_count;
    pass_bad(sample, &charter, TALLY_REASON_CHARTER_ONLY_FIRST);
    assert_int_equal(tl_judge_roster(sample->judge)->key_count, keys);
    assert_int_equal(tl_judge_position(sample->judge), sample->count - 1);

    uint64_t position = tl_judge_position(sample->judge);
    struct draft draft = draft_amendment(sample, &fixture->crowd.actors[0]);
    draft.type = "continuation";
    draft_op(&draft, "x");
    struct made *made = sample_make(sample, &draft);
    assert_non_null(made);
    assert_reason(sample_ask(sample, made, &draft), TALLY_REASON_UNKNOWN_TYPE);
    tl_judge_skip(sample->judge, &made->record, &made->envelope, &made->leaf);
    assert_int_equal(tl_judge_position(sample->judge), position);
    assert_int_equal(tl_judge_size(sample->judge), sample->count + 1);
    made_free(made);
}

/* Short of memory the old roster stays, whole, and moves. */
static void skipping_may_run_out_of_memory(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft draft = draft_amendment(sample, &fixture->crowd.actors[0]);
    draft_op(&draft, "enrol elm author %s", fixture->crowd.actors[9].text);
    draft_sign(&draft, &fixture->crowd.actors[1]);
    draft_sign(&draft, &fixture->crowd.actors[2]);
    draft_sign(&draft, &fixture->crowd.actors[9]);
    struct made *made = sample_make(sample, &draft);
    const struct tally_hash *key = &fixture->crowd.actors[9].key.fingerprint;
    bool failed = true;
    for (long allowed = 0; failed; allowed++) {
        struct tl_judge *judge = restore(sample);
        test_allocations_limit(allowed);
        tl_judge_skip(judge, &made->record, &made->envelope, &made->leaf);
        bool reached = test_allocations_unlimit();
        failed = tl_roster_find_key(tl_judge_roster(judge), key) == NULL;
        assert_true(reached || !failed);
        assert_int_equal(tl_judge_roster(judge)->position, sample->count);
        assert_int_equal(tl_judge_position(judge), sample->count);
        assert_int_equal(tl_judge_size(judge), sample->count + 1);
        tl_judge_free(judge);
    }
    made_free(made);
}

/* A record that decodes, with an envelope that does not, gives its time and nothing else. */
static void an_envelope_that_does_not_decode_moves_no_chain(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft draft = draft_entry(sample, "finding", &fixture->crowd.actors[0]);
    draft.record.received_us += 77;
    struct made *made = sample_make(sample, &draft);
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    size_t number = (size_t)(tl_roster_find_key(roster, &made->envelope.key) - roster->keys);
    uint64_t sequence = tl_judge_author(sample->judge, number).sequence;
    tl_judge_skip(sample->judge, &made->record, NULL, &made->leaf);
    assert_int_equal(tl_judge_author(sample->judge, number).sequence, sequence);
    assert_int_equal(tl_judge_received_us(sample->judge), draft.record.received_us);
    /* The same record with its envelope would have moved the chain. */
    tl_judge_skip(sample->judge, &made->record, &made->envelope, &made->leaf);
    assert_int_equal(tl_judge_author(sample->judge, number).sequence, sequence + 1);
    made_free(made);
}

/* Under rules that are not known an envelope says nothing about its author. */
static void behind_unknown_rules_no_chain_moves(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft raise = draft_amendment(sample, &fixture->crowd.actors[0]);
    draft_op(&raise, "rules %u", TL_RULES_NEWEST + 1);
    draft_sign(&raise, &fixture->crowd.actors[1]);
    draft_sign(&raise, &fixture->crowd.actors[2]);
    (void)sample_add(sample, &raise);
    struct draft draft = draft_entry(sample, "finding", &fixture->crowd.actors[0]);
    struct made *made = sample_make(sample, &draft);
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    size_t number = (size_t)(tl_roster_find_key(roster, &made->envelope.key) - roster->keys);
    uint64_t sequence = tl_judge_author(sample->judge, number).sequence;
    tl_judge_skip(sample->judge, &made->record, &made->envelope, &made->leaf);
    assert_int_equal(tl_judge_author(sample->judge, number).sequence, sequence);
    assert_int_equal(tl_judge_size(sample->judge), sample->count + 1);
    made_free(made);
}

static void what_does_not_decode_is_skipped_by_its_leaf(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct tally_hash leaf = test_hash(0x44);
    uint64_t received_us = tl_judge_received_us(sample->judge);
    uint64_t size = tl_judge_size(sample->judge);
    tl_judge_skip(sample->judge, NULL, NULL, &leaf);
    struct tally_hash link = tl_judge_link(sample->judge);
    assert_memory_equal(&link, &leaf, 32);
    assert_int_equal(tl_judge_size(sample->judge), size + 1);
    assert_int_equal(tl_judge_received_us(sample->judge), received_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restored_judge_is_the_same),
        cmocka_unit_test_setup_teardown(restoring_judges_again, setup, teardown),
        cmocka_unit_test_setup_teardown(restoring_may_run_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_restored_behind_unknown_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_a_bad_entry_its_chain_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_a_bad_amendment_the_old_roster_moves, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_amendment_in_a_bad_place_still_amends, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_a_bad_charter_no_key_is_enrolled, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_charter_makes_no_roster, setup, teardown),
        cmocka_unit_test_setup_teardown(skipping_may_run_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(an_envelope_that_does_not_decode_moves_no_chain, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(behind_unknown_rules_no_chain_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_decode_is_skipped_by_its_leaf, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
