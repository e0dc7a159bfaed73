/* SPDX-License-Identifier: ISC */
/*
 * The judge, rule by rule: each case is a good next entry and one change that makes it bad, and the
 * answer must be exactly the reason of the rule that the change breaks. What charters and
 * amendments may say is tested in tests/roster.
 */
#include "tests/roster/sample.h"

#include "lib/codec/part.h"

enum { ALDER, ALDER_DESK, BIRCH, CEDAR, GONE, KEYS };

struct fixture {
    struct sample sample;
    struct actor actors[KEYS];
    struct actor stranger;
};

enum { CHARTER, ALDER_FINDING, BIRCH_FINDING, EXHIBIT, CORROBORATION, INCIDENT };

static void grow(struct fixture *fixture)
{
    static const char *const roles[] = {"author,govern", "author", "author,govern", "govern"};
    struct sample *sample = &fixture->sample;
    const struct actor *actors = fixture->actors;
    struct draft draft = draft_charter(&actors[ALDER]);
    charter_head(sample, &draft, 2);
    charter_founders(sample, &draft, actors, roles, TEST_COUNT(roles));
    assert_int_equal(sample_add(sample, &draft), CHARTER);
    draft = draft_entry(sample, "finding", &actors[ALDER]);
    assert_int_equal(sample_add(sample, &draft), ALDER_FINDING);
    draft = draft_entry(sample, "finding", &actors[BIRCH]);
    assert_int_equal(sample_add(sample, &draft), BIRCH_FINDING);
    draft = draft_entry(sample, "exhibit", &actors[ALDER]);
    draft_ref(sample, &draft, "exhibits", ALDER_FINDING);
    assert_int_equal(sample_add(sample, &draft), EXHIBIT);
    draft = draft_entry(sample, "corroboration", &actors[BIRCH]);
    draft_ref(sample, &draft, "corroborates", ALDER_FINDING);
    assert_int_equal(sample_add(sample, &draft), CORROBORATION);
    draft = draft_entry(sample, "incident", &sample->host);
    assert_int_equal(sample_add(sample, &draft), INCIDENT);
    draft = draft_amendment(sample, &actors[ALDER]);
    draft_op(&draft, "enrol birch author %s", actors[GONE].text);
    draft_sign(&draft, &actors[BIRCH]);
    draft_sign(&draft, &actors[GONE]);
    (void)sample_add(sample, &draft);
    draft = draft_amendment(sample, &actors[ALDER]);
    draft_op(&draft, "revoke %s 6 lost", actors[GONE].fingerprint);
    draft_sign(&draft, &actors[BIRCH]);
    (void)sample_add(sample, &draft);
    draft = draft_entry(sample, "finding", &actors[ALDER]);
    (void)sample_add(sample, &draft);
}

static int setup(void **state)
{
    static const char *const members[KEYS] = {"alder", "alder", "birch", "cedar", "birch"};
    struct fixture *fixture = tl_calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->sample = sample_new();
    for (unsigned i = 0; i < KEYS; i++) {
        fixture->actors[i] = actor_make(members[i], i + 1);
    }
    fixture->stranger = actor_make("alder", 77);
    grow(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < KEYS; i++) {
        actor_end(&fixture->actors[i]);
    }
    actor_end(&fixture->stranger);
    sample_free(&fixture->sample);
    tl_free(fixture);
    return 0;
}

/* ---- Good next entries ---- */

typedef struct draft (*base_fn)(struct fixture *fixture);

static struct draft finding(struct fixture *fixture)
{
    return draft_entry(&fixture->sample, "finding", &fixture->actors[ALDER]);
}

static struct draft first_finding_of_desk(struct fixture *fixture)
{
    return draft_entry(&fixture->sample, "finding", &fixture->actors[ALDER_DESK]);
}

static struct draft with_ref(struct fixture *fixture, const char *type, unsigned author,
                             const char *relation, uint64_t index)
{
    struct draft draft = draft_entry(&fixture->sample, type, &fixture->actors[author]);
    draft_ref(&fixture->sample, &draft, relation, index);
    return draft;
}

static struct draft exhibit(struct fixture *fixture)
{
    return with_ref(fixture, "exhibit", ALDER, "exhibits", INCIDENT);
}

static struct draft custody(struct fixture *fixture)
{
    return with_ref(fixture, "custody", ALDER, "custody-of", EXHIBIT);
}

static struct draft note(struct fixture *fixture)
{
    return with_ref(fixture, "note", ALDER, "about", CHARTER);
}

static struct draft corroboration(struct fixture *fixture)
{
    return with_ref(fixture, "corroboration", ALDER, "corroborates", BIRCH_FINDING);
}

static struct draft dissent(struct fixture *fixture)
{
    return with_ref(fixture, "dissent", BIRCH, "dissents-from", EXHIBIT);
}

static struct draft dispute(struct fixture *fixture)
{
    return with_ref(fixture, "dispute", ALDER, "disputes", ALDER_FINDING);
}

static struct draft correction(struct fixture *fixture)
{
    return with_ref(fixture, "correction", ALDER, "corrects", ALDER_FINDING);
}

static struct draft supersede(struct fixture *fixture)
{
    return with_ref(fixture, "supersede", ALDER, "supersedes", EXHIBIT);
}

static struct draft retraction(struct fixture *fixture)
{
    return with_ref(fixture, "retraction", BIRCH, "retracts", CORROBORATION);
}

static struct draft incident(struct fixture *fixture)
{
    return draft_entry(&fixture->sample, "incident", &fixture->sample.host);
}

static struct draft amendment(struct fixture *fixture)
{
    struct draft draft = draft_amendment(&fixture->sample, &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->actors[BIRCH]);
    draft_op(&draft, "admit dogwood D");
    return draft;
}

static struct draft new_charter(struct fixture *fixture)
{
    static const char *const roles[] = {"author,govern"};
    struct draft draft = draft_charter(&fixture->actors[ALDER]);
    charter_head(&fixture->sample, &draft, 1);
    charter_founders(&fixture->sample, &draft, fixture->actors, roles, 1);
    struct draft place = finding(fixture);
    draft.record = place.record;
    return draft;
}

/* ---- Changes ---- */

typedef void (*change_fn)(struct fixture *fixture, struct draft *draft);

static void set_author(struct draft *draft, const struct actor *actor)
{
    draft->fields.member = tl_bytes_text(actor->member);
    draft->fields.key = actor->key.fingerprint;
    draft->fields.sequence = draft->fields.sequence == 0 ? 0 : 1;
    draft->signers[0] = actor;
}

static void nothing(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    (void)draft;
}

static void index_too_high(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->record.index++;
}

static void index_of_the_one_before(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->record.index--;
}

static void link_to_another(struct fixture *fixture, struct draft *draft)
{
    draft->record.link = fixture->sample.records[INCIDENT]->leaf;
}

static void roster_before(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->record.roster = 6;
}

static void roster_ahead(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->record.roster = 8;
}

static void another_ledger(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->ledger.bytes[31] ^= 1u;
}

static void type_unheard_of(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->type = "rumour";
}

static void type_continuation(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->type = "continuation";
    draft->fields.ref_count = 0;
}

static void by_a_stranger(struct fixture *fixture, struct draft *draft)
{
    set_author(draft, &fixture->stranger);
}

static void by_a_revoked_key(struct fixture *fixture, struct draft *draft)
{
    set_author(draft, &fixture->actors[GONE]);
}

static void in_another_name(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->fields.member = tl_bytes_text("birch");
}

static void in_the_name_of_nobody(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->fields.member = tl_bytes_text("dogwood");
}

static void by_a_governor(struct fixture *fixture, struct draft *draft)
{
    set_author(draft, &fixture->actors[CEDAR]);
}

static void by_an_author(struct fixture *fixture, struct draft *draft)
{
    set_author(draft, &fixture->actors[ALDER_DESK]);
}

static void by_the_host(struct fixture *fixture, struct draft *draft)
{
    set_author(draft, &fixture->sample.host);
    draft->fields.sequence = draft->fields.sequence == 0 ? 0 : 2;
}

static void signed_by_another_first(struct fixture *fixture, struct draft *draft)
{
    draft->signers[0] = &fixture->actors[ALDER_DESK];
}

static void countersigned(struct fixture *fixture, struct draft *draft)
{
    draft_sign(draft, &fixture->actors[CEDAR]);
    draft_sign(draft, &fixture->sample.host);
}

static void countersigned_by_a_stranger(struct fixture *fixture, struct draft *draft)
{
    draft_sign(draft, &fixture->stranger);
}

static void countersigned_by_a_revoked_key(struct fixture *fixture, struct draft *draft)
{
    draft_sign(draft, &fixture->actors[GONE]);
}

static void sequence_ahead(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->fields.sequence++;
}

static void sequence_again(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->fields.sequence--;
}

static void sequence_from_the_start(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->fields.sequence = 1;
}

static void previous_of_another(struct fixture *fixture, struct draft *draft)
{
    draft->previous = fixture->sample.records[BIRCH_FINDING]->envelope_hash;
}

static void seen_itself(struct fixture *fixture, struct draft *draft)
{
    draft->fields.seen_index = fixture->sample.count;
}

static void seen_far_ahead(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->fields.seen_index = (uint64_t)TALLY_SIZE_MAX;
}

static void seen_a_fork(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->fields.seen_leaf.bytes[0] ^= 1u;
}

static void seen_the_wrong_index(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->fields.seen_index--;
}

static void see_up_to(const struct fixture *fixture, struct draft *draft, uint64_t index)
{
    draft->fields.seen_index = index;
    draft->fields.seen_leaf = fixture->sample.records[index]->leaf;
}

static void seen_less_than_before(struct fixture *fixture, struct draft *draft)
{
    see_up_to(fixture, draft, 6);
}

static void seen_as_much_as_before(struct fixture *fixture, struct draft *draft)
{
    see_up_to(fixture, draft, 7);
}

static void seen_the_charter_alone(struct fixture *fixture, struct draft *draft)
{
    see_up_to(fixture, draft, 0);
}

static void see_and_cite(struct fixture *fixture, struct draft *draft)
{
    unsigned count = (unsigned)draft->fields.ref_count;
    struct tl_ref_line own = draft->refs[0];
    draft->fields.ref_count = 0;
    /* Sorted: amends, cites, corrects ..., see. */
    if (count > 0 && own.relation.ptr[0] < 'c') {
        draft->refs[0] = own;
        draft->fields.ref_count = 1;
    }
    draft_ref(&fixture->sample, draft, "cites", CHARTER);
    draft_ref(&fixture->sample, draft, "cites", ALDER_FINDING);
    if (count > 0 && own.relation.ptr[0] >= 'c' && own.relation.ptr[0] < 's') {
        draft->refs[draft->fields.ref_count] = own;
        draft->fields.ref_count++;
    }
    draft_ref(&fixture->sample, draft, "see", INCIDENT);
}

static void without_refs(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->fields.ref_count = 0;
}

static void with_a_foreign_relation(struct fixture *fixture, struct draft *draft)
{
    draft->fields.ref_count = 0;
    draft_ref(&fixture->sample, draft, "about", CHARTER);
}

static void with_an_unknown_relation(struct fixture *fixture, struct draft *draft)
{
    draft->fields.ref_count = 0;
    draft_ref(&fixture->sample, draft, "hints-at", CHARTER);
}

/* The same relation to a second record that suits as well. */
static void with_a_second_target(struct fixture *fixture, struct draft *draft)
{
    bool is_birchs = draft->signers[0] == &fixture->actors[BIRCH];
    struct tally_bytes relation = draft->refs[0].relation;
    assert_int_equal(draft->fields.ref_count, 1);
    draft->fields.ref_count = 0;
    draft_ref(&fixture->sample, draft, "x", is_birchs ? BIRCH_FINDING : ALDER_FINDING);
    draft_ref(&fixture->sample, draft, "x", is_birchs ? CORROBORATION : EXHIBIT);
    draft->refs[0].relation = relation;
    draft->refs[1].relation = relation;
}

static void with_a_wrong_leaf(struct fixture *fixture, struct draft *draft)
{
    (void)fixture;
    draft->refs[0].leaf.bytes[5] ^= 1u;
}

static void cite_a_wrong_leaf(struct fixture *fixture, struct draft *draft)
{
    draft_ref(&fixture->sample, draft, "cites", CHARTER);
    draft->refs[draft->fields.ref_count - 1].leaf.bytes[5] ^= 1u;
}

static void retarget(struct fixture *fixture, struct draft *draft, uint64_t index)
{
    draft->refs[0].index = index;
    draft->refs[0].leaf = fixture->sample.records[index]->leaf;
}

static void at_a_finding(struct fixture *fixture, struct draft *draft)
{
    retarget(fixture, draft, ALDER_FINDING);
}

static void at_birchs_finding(struct fixture *fixture, struct draft *draft)
{
    retarget(fixture, draft, BIRCH_FINDING);
}

static void at_the_incident(struct fixture *fixture, struct draft *draft)
{
    retarget(fixture, draft, INCIDENT);
}

static void at_the_charter(struct fixture *fixture, struct draft *draft)
{
    retarget(fixture, draft, CHARTER);
}

static void at_the_corroboration(struct fixture *fixture, struct draft *draft)
{
    retarget(fixture, draft, CORROBORATION);
}

static void at_the_exhibit(struct fixture *fixture, struct draft *draft)
{
    retarget(fixture, draft, EXHIBIT);
}

static void a_microsecond_earlier(struct fixture *fixture, struct draft *draft)
{
    draft->record.received_us = tl_judge_received_us(fixture->sample.judge) - 1;
}

static void at_the_same_time(struct fixture *fixture, struct draft *draft)
{
    draft->record.received_us = tl_judge_received_us(fixture->sample.judge);
}

static void amends_an_older_roster(struct fixture *fixture, struct draft *draft)
{
    retarget(fixture, draft, 6);
}

static void amends_a_finding(struct fixture *fixture, struct draft *draft)
{
    retarget(fixture, draft, ALDER_FINDING);
}

static const struct {
    const char *name;
    base_fn base;
    change_fn change;
    enum tally_reason reason;
} cases[] = {
    /* 1 to 3 */
    {"index too high", finding, index_too_high, TALLY_REASON_INDEX_MISMATCH},
    {"index too low", finding, index_of_the_one_before, TALLY_REASON_INDEX_MISMATCH},
    {"link", finding, link_to_another, TALLY_REASON_LINK_MISMATCH},
    {"roster before", finding, roster_before, TALLY_REASON_ROSTER_MISMATCH},
    {"roster ahead", finding, roster_ahead, TALLY_REASON_ROSTER_MISMATCH},
    /* 4, 5 */
    {"second charter", new_charter, nothing, TALLY_REASON_CHARTER_ONLY_FIRST},
    {"unknown type", finding, type_unheard_of, TALLY_REASON_UNKNOWN_TYPE},
    {"continuation", amendment, type_continuation, TALLY_REASON_UNKNOWN_TYPE},
    {"another ledger", finding, another_ledger, TALLY_REASON_WRONG_LEDGER},
    {"amendment of another ledger", amendment, another_ledger, TALLY_REASON_WRONG_LEDGER},
    /* 6 */
    {"stranger", finding, by_a_stranger, TALLY_REASON_UNKNOWN_KEY},
    {"stranger amends", amendment, by_a_stranger, TALLY_REASON_UNKNOWN_KEY},
    {"revoked key", finding, by_a_revoked_key, TALLY_REASON_KEY_NOT_IN_FORCE},
    {"revoked key amends", amendment, by_a_revoked_key, TALLY_REASON_KEY_NOT_IN_FORCE},
    {"another member's name", finding, in_another_name, TALLY_REASON_WRONG_MEMBER},
    {"nobody's name", finding, in_the_name_of_nobody, TALLY_REASON_WRONG_MEMBER},
    {"amendment in another name", amendment, in_another_name, TALLY_REASON_WRONG_MEMBER},
    {"governor without author", finding, by_a_governor, TALLY_REASON_ROLE_MISSING},
    {"author who does not govern", amendment, by_an_author, TALLY_REASON_ROLE_MISSING},
    {"a governor amends", amendment, by_a_governor, TALLY_REASON_NONE},
    {"the host finds", finding, by_the_host, TALLY_REASON_ROLE_MISSING},
    {"the host amends", amendment, by_the_host, TALLY_REASON_ROLE_MISSING},
    {"a member's incident", incident, by_an_author, TALLY_REASON_ROLE_MISSING},
    /* 7 */
    {"another's signature first", finding, signed_by_another_first, TALLY_REASON_SIGNATURE_MISSING},
    {"another's signature first in an amendment", amendment, signed_by_another_first,
     TALLY_REASON_SIGNATURE_MISSING},
    {"countersigned", finding, countersigned, TALLY_REASON_NONE},
    {"countersigned by a stranger", finding, countersigned_by_a_stranger, TALLY_REASON_UNKNOWN_KEY},
    {"countersigned by a revoked key", finding, countersigned_by_a_revoked_key,
     TALLY_REASON_KEY_NOT_IN_FORCE},
    /* 8 */
    {"first of a key", first_finding_of_desk, nothing, TALLY_REASON_NONE},
    {"second before the first", first_finding_of_desk, sequence_ahead, TALLY_REASON_SEQUENCE_GAP},
    {"gap", finding, sequence_ahead, TALLY_REASON_SEQUENCE_GAP},
    {"again", finding, sequence_again, TALLY_REASON_SEQUENCE_REUSED},
    {"from the start", finding, sequence_from_the_start, TALLY_REASON_SEQUENCE_REUSED},
    {"previous", finding, previous_of_another, TALLY_REASON_PREVIOUS_MISMATCH},
    /* 9 */
    {"seen itself", finding, seen_itself, TALLY_REASON_SEEN_UNKNOWN},
    {"seen far ahead", finding, seen_far_ahead, TALLY_REASON_SEEN_UNKNOWN},
    {"seen a fork", finding, seen_a_fork, TALLY_REASON_SEEN_UNKNOWN},
    {"seen the wrong index", finding, seen_the_wrong_index, TALLY_REASON_SEEN_UNKNOWN},
    {"seen less", finding, seen_less_than_before, TALLY_REASON_SEEN_DECREASED},
    {"seen as much", finding, seen_as_much_as_before, TALLY_REASON_NONE},
    {"seen little at first", first_finding_of_desk, seen_the_charter_alone, TALLY_REASON_NONE},
    {"an amendment has seen a fork", amendment, seen_a_fork, TALLY_REASON_SEEN_UNKNOWN},
    {"an amendment waits", amendment, seen_as_much_as_before, TALLY_REASON_NONE},
    /* 10 */
    {"foreign relation", finding, with_a_foreign_relation, TALLY_REASON_RELATION_NOT_ALLOWED},
    {"unknown relation", finding, with_an_unknown_relation, TALLY_REASON_RELATION_NOT_ALLOWED},
    {"foreign relation of an incident", incident, with_a_foreign_relation,
     TALLY_REASON_RELATION_NOT_ALLOWED},
    {"foreign relation of an amendment", amendment, with_a_foreign_relation,
     TALLY_REASON_RELATION_NOT_ALLOWED},
    {"exhibit of nothing", exhibit, without_refs, TALLY_REASON_REFERENCE_MISSING},
    {"custody of nothing", custody, without_refs, TALLY_REASON_REFERENCE_MISSING},
    {"note about nothing", note, without_refs, TALLY_REASON_REFERENCE_MISSING},
    {"corroboration of nothing", corroboration, without_refs, TALLY_REASON_REFERENCE_MISSING},
    {"dissent from nothing", dissent, without_refs, TALLY_REASON_REFERENCE_MISSING},
    {"dispute of nothing", dispute, without_refs, TALLY_REASON_REFERENCE_MISSING},
    {"correction of nothing", correction, without_refs, TALLY_REASON_REFERENCE_MISSING},
    {"supersede of nothing", supersede, without_refs, TALLY_REASON_REFERENCE_MISSING},
    {"retraction of nothing", retraction, without_refs, TALLY_REASON_REFERENCE_MISSING},
    {"amendment of nothing", amendment, without_refs, TALLY_REASON_REFERENCE_MISSING},
    {"two exhibited", exhibit, with_a_second_target, TALLY_REASON_NONE},
    {"two corrected", correction, with_a_second_target, TALLY_REASON_REFERENCE_SURPLUS},
    {"two superseded", supersede, with_a_second_target, TALLY_REASON_REFERENCE_SURPLUS},
    {"two retracted", retraction, with_a_second_target, TALLY_REASON_REFERENCE_SURPLUS},
    {"finding that cites and sees", finding, see_and_cite, TALLY_REASON_NONE},
    {"note that cites and sees", note, see_and_cite, TALLY_REASON_NONE},
    {"correction that cites and sees", correction, see_and_cite, TALLY_REASON_NONE},
    {"incident that cites and sees", incident, see_and_cite, TALLY_REASON_NONE},
    {"amendment that cites and sees", amendment, see_and_cite, TALLY_REASON_NONE},
    /* 11 */
    {"wrong leaf", note, with_a_wrong_leaf, TALLY_REASON_REFERENCE_UNKNOWN},
    {"wrong leaf cited", finding, cite_a_wrong_leaf, TALLY_REASON_REFERENCE_UNKNOWN},
    {"exhibit", exhibit, nothing, TALLY_REASON_NONE},
    {"exhibit for the charter", exhibit, at_the_charter, TALLY_REASON_NONE},
    {"custody", custody, nothing, TALLY_REASON_NONE},
    {"custody of a finding", custody, at_birchs_finding, TALLY_REASON_NONE},
    {"custody of an incident", custody, at_the_incident, TALLY_REASON_REFERENCE_TARGET},
    {"custody of a corroboration", custody, at_the_corroboration, TALLY_REASON_REFERENCE_TARGET},
    {"note", note, nothing, TALLY_REASON_NONE},
    {"corroboration", corroboration, nothing, TALLY_REASON_NONE},
    {"corroboration of one's own", corroboration, at_a_finding, TALLY_REASON_REFERENCE_TARGET},
    {"corroboration of a corroboration", corroboration, at_the_corroboration,
     TALLY_REASON_REFERENCE_TARGET},
    {"dissent", dissent, nothing, TALLY_REASON_NONE},
    {"dissent from oneself", dissent, at_birchs_finding, TALLY_REASON_REFERENCE_TARGET},
    {"dissent from the host", dissent, at_the_incident, TALLY_REASON_NONE},
    {"dispute", dispute, nothing, TALLY_REASON_NONE},
    {"dispute of another's", dispute, at_birchs_finding, TALLY_REASON_NONE},
    {"correction", correction, nothing, TALLY_REASON_NONE},
    {"correction of another's", correction, at_birchs_finding, TALLY_REASON_REFERENCE_TARGET},
    {"supersede", supersede, nothing, TALLY_REASON_NONE},
    {"supersede of the host's", supersede, at_the_incident, TALLY_REASON_REFERENCE_TARGET},
    {"retraction", retraction, nothing, TALLY_REASON_NONE},
    {"retraction of another's", retraction, at_the_exhibit, TALLY_REASON_REFERENCE_TARGET},
    {"incident", incident, nothing, TALLY_REASON_NONE},
    /* 12 */
    {"earlier", finding, a_microsecond_earlier, TALLY_REASON_TIME_DECREASED},
    {"at the same time", finding, at_the_same_time, TALLY_REASON_NONE},
    {"incident without a step", incident, a_microsecond_earlier, TALLY_REASON_TIME_DECREASED},
    /* 14, as far as the state decides it */
    {"amendment", amendment, nothing, TALLY_REASON_NONE},
    {"amends an older roster", amendment, amends_an_older_roster, TALLY_REASON_STALE_AMENDMENT},
    {"amends a finding", amendment, amends_a_finding, TALLY_REASON_REFERENCE_TARGET},
};

static void every_rule(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        struct draft draft = cases[i].base(fixture);
        if (cases[i].base != new_charter) {
            assert_reason(sample_judge(&fixture->sample, &draft), TALLY_REASON_NONE);
        }
        cases[i].change(fixture, &draft);
        enum tally_reason reason = sample_judge(&fixture->sample, &draft);
        if (reason != cases[i].reason) {
            fail_msg("%s: %s", cases[i].name, tally_reason_name(reason));
        }
    }
}

/* Of two faults the one that stands first in the order of judging is the answer. */
static void the_first_rule_broken_is_the_answer(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        change_fn change;
        enum tally_reason reason;
    } order[] = {
        {a_microsecond_earlier, TALLY_REASON_TIME_DECREASED},
        {with_a_wrong_leaf, TALLY_REASON_REFERENCE_UNKNOWN},
        {with_an_unknown_relation, TALLY_REASON_RELATION_NOT_ALLOWED},
        {seen_a_fork, TALLY_REASON_SEEN_UNKNOWN},
        {sequence_ahead, TALLY_REASON_SEQUENCE_GAP},
        {countersigned_by_a_stranger, TALLY_REASON_UNKNOWN_KEY},
        {in_another_name, TALLY_REASON_WRONG_MEMBER},
        {another_ledger, TALLY_REASON_WRONG_LEDGER},
        {type_unheard_of, TALLY_REASON_UNKNOWN_TYPE},
        {roster_before, TALLY_REASON_ROSTER_MISMATCH},
        {link_to_another, TALLY_REASON_LINK_MISMATCH},
        {index_too_high, TALLY_REASON_INDEX_MISMATCH},
    };
    struct draft draft = note(fixture);
    for (size_t i = 0; i < TEST_COUNT(order); i++) {
        order[i].change(fixture, &draft);
        assert_reason(sample_judge(&fixture->sample, &draft), order[i].reason);
    }
}

static void record_zero_is_a_charter(void **state)
{
    struct fixture *fixture = *state;
    struct sample empty = sample_new();
    struct draft charter = new_charter(fixture);
    charter.record.index = 0;
    charter.record.roster = 0;
    charter.record.link = (struct tally_hash){.bytes = {0}};
    assert_reason(sample_judge(&empty, &charter), TALLY_REASON_NONE);
    charter.record.roster = 1;
    assert_reason(sample_judge(&empty, &charter), TALLY_REASON_ROSTER_MISMATCH);
    charter.record.roster = 0;
    charter.record.link.bytes[31] = 1;
    assert_reason(sample_judge(&empty, &charter), TALLY_REASON_LINK_MISMATCH);
    charter.record.link.bytes[31] = 0;
    charter.signers[0] = &fixture->actors[BIRCH];
    assert_reason(sample_judge(&empty, &charter), TALLY_REASON_SIGNATURE_MISSING);

    struct draft other = finding(fixture);
    other.record = charter.record;
    assert_reason(sample_judge(&empty, &other), TALLY_REASON_CHARTER_ONLY_FIRST);
    other.type = "rumour";
    assert_reason(sample_judge(&empty, &other), TALLY_REASON_CHARTER_ONLY_FIRST);
    sample_free(&empty);
}

static void a_blob_that_is_no_signature(void **state)
{
    struct fixture *fixture = *state;
    struct draft draft = finding(fixture);
    draft_sign(&draft, &fixture->actors[CEDAR]);
    struct made *made = sample_make(&fixture->sample, &draft);
    assert_reason(sample_ask(&fixture->sample, made, &draft), TALLY_REASON_NONE);
    made->record.signatures.blobs[1].len--;
    assert_reason(sample_ask(&fixture->sample, made, &draft), TALLY_REASON_MALFORMED);
    made->record.signatures.blobs[1].len++;
    made->record.signatures.count = 0;
    assert_reason(sample_ask(&fixture->sample, made, &draft), TALLY_REASON_SIGNATURE_MISSING);
    made_free(made);
}

/* The judge asks again what decoding has seen: an envelope that has not come from there. */
static void a_previous_where_none_may_be(void **state)
{
    struct fixture *fixture = *state;
    struct draft later = finding(fixture);
    struct made *made = sample_make(&fixture->sample, &later);
    assert_reason(sample_ask(&fixture->sample, made, &later), TALLY_REASON_NONE);
    made->envelope.has_previous = false;
    assert_reason(sample_ask(&fixture->sample, made, &later), TALLY_REASON_PREVIOUS_MISMATCH);
    made_free(made);
    struct draft first = first_finding_of_desk(fixture);
    made = sample_make(&fixture->sample, &first);
    assert_reason(sample_ask(&fixture->sample, made, &first), TALLY_REASON_NONE);
    made->envelope.has_previous = true;
    assert_reason(sample_ask(&fixture->sample, made, &first), TALLY_REASON_PREVIOUS_MISMATCH);
    made_free(made);
}

/* A record under rules that are not known is nobody's finding, whatever it called itself. */
static void a_record_of_no_known_type_is_no_target(void **state)
{
    struct fixture *fixture = *state;
    struct draft about = note(fixture);
    struct draft see = finding(fixture);
    draft_ref(&fixture->sample, &see, "see", CHARTER);
    assert_reason(sample_judge(&fixture->sample, &about), TALLY_REASON_NONE);
    fixture->sample.records[CHARTER]->facts.type = TL_TYPE_COUNT;
    assert_reason(sample_judge(&fixture->sample, &about), TALLY_REASON_REFERENCE_TARGET);
    assert_reason(sample_judge(&fixture->sample, &see), TALLY_REASON_NONE);
    /* Nor is one of a number that was never a type's. */
    fixture->sample.records[CHARTER]->facts.type = (enum tl_type)(TL_TYPE_FINDING + 32);
    assert_reason(sample_judge(&fixture->sample, &about), TALLY_REASON_REFERENCE_TARGET);
}

/* ---- Received time ---- */

static void clock_part(const struct sample *sample, const char *name, const char *value,
                       struct tl_buffer *buffer)
{
    struct tl_part part = {.author = sample->host.key.fingerprint,
                           .ledger = tl_judge_roster(sample->judge)->ledger,
                           .name = tl_bytes_text(name),
                           .value = tl_bytes_text(value)};
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, 4096);
    tl_part_encode(&part, &bytes);
    assert_status(bytes.status, TALLY_OK);
    tl_buffer_init(buffer, 4096);
    tl_deposit_add(buffer, 0, tl_buffer_bytes(&bytes));
    tl_buffer_deinit(&bytes);
}

static struct draft incident_with_part(struct fixture *fixture, const char *letters,
                                       const struct tl_buffer *part, uint64_t back_us)
{
    struct draft draft = incident(fixture);
    draft.fields.part_count = 1;
    draft.fields.parts_root = test_hash(9);
    draft.fields.letters = tl_bytes_text(letters);
    draft.record.received_us = tl_judge_received_us(fixture->sample.judge) - back_us;
    draft.clear = (struct tl_deposit_list){.count = 1, .items = tl_buffer_bytes(part)};
    draft.has_clear = true;
    return draft;
}

static void an_incident_owns_up_to_a_clock_step(void **state)
{
    struct fixture *fixture = *state;
    const struct {
        const char *name;
        const char *value;
        uint64_t back_us;
        enum tally_reason reason;
    } steps[] = {
        {"/clock/step_us", "-5000", 4999, TALLY_REASON_NONE},
        {"/clock/step_us", "-5000", 5000, TALLY_REASON_NONE},
        {"/clock/step_us", "-5000", 5001, TALLY_REASON_TIME_DECREASED},
        {"/clock/step_us", "5000", 1, TALLY_REASON_TIME_DECREASED},
        {"/clock/step_us", "-0", 1, TALLY_REASON_TIME_DECREASED},
        {"/clock/step_ms", "-5000", 1, TALLY_REASON_TIME_DECREASED},
    };
    for (size_t i = 0; i < TEST_COUNT(steps); i++) {
        struct tl_buffer part;
        clock_part(&fixture->sample, steps[i].name, steps[i].value, &part);
        struct draft draft = incident_with_part(fixture, "c", &part, steps[i].back_us);
        assert_reason(sample_judge(&fixture->sample, &draft), steps[i].reason);
        tl_buffer_deinit(&part);
    }
}

/* A part that is none states no step, and hides none that stands beside it. */
static void a_part_that_is_none_states_no_step(void **state)
{
    struct fixture *fixture = *state;
    struct tl_buffer part;
    struct tl_buffer parts;
    clock_part(&fixture->sample, "/clock/step_us", "-5000", &part);
    tl_buffer_init(&parts, 4096);
    tl_deposit_add(&parts, 0, tl_bytes_text("no part"));
    struct draft draft = incident_with_part(fixture, "c", &parts, 1);
    assert_reason(sample_judge(&fixture->sample, &draft), TALLY_REASON_TIME_DECREASED);
    tl_buffer_add(&parts, tl_buffer_bytes(&part));
    draft = incident_with_part(fixture, "c", &parts, 1);
    draft.clear.count = 2;
    assert_reason(sample_judge(&fixture->sample, &draft), TALLY_REASON_NONE);
    tl_buffer_deinit(&parts);
    tl_buffer_deinit(&part);
}

static void a_members_clock_part_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct tl_buffer part;
    clock_part(&fixture->sample, "/clock/step_us", "-5000", &part);
    struct draft draft = incident_with_part(fixture, "c", &part, 1);
    struct draft as_finding = finding(fixture);
    as_finding.fields.part_count = 1;
    as_finding.fields.parts_root = draft.fields.parts_root;
    as_finding.fields.letters = draft.fields.letters;
    as_finding.clear = draft.clear;
    as_finding.has_clear = true;
    assert_reason(sample_judge(&fixture->sample, &as_finding), TALLY_REASON_NONE);
    as_finding.record.received_us = draft.record.received_us;
    assert_reason(sample_judge(&fixture->sample, &as_finding), TALLY_REASON_TIME_DECREASED);
    tl_buffer_deinit(&part);
}

static void without_parts_a_step_is_left_unjudged(void **state)
{
    struct fixture *fixture = *state;
    struct tl_buffer part;
    clock_part(&fixture->sample, "/clock/step_us", "-5000", &part);
    for (size_t i = 0; i < 2; i++) {
        bool has_clear_letter = i == 0;
        struct draft draft = incident_with_part(fixture, has_clear_letter ? "c" : "w", &part, 1);
        struct made *made = sample_make(&fixture->sample, &draft);
        enum tally_reason reason = TALLY_REASON_COUNT;
        bool is_unjudged = false;
        assert_status(tl_judge_check(fixture->sample.judge, &made->record, &made->envelope, NULL,
                                     &made->leaf, sample_facts, &fixture->sample, &reason,
                                     &is_unjudged),
                      TALLY_OK);
        assert_int_equal(is_unjudged, has_clear_letter);
        assert_reason(reason, has_clear_letter ? TALLY_REASON_NONE : TALLY_REASON_TIME_DECREASED);
        /* Who does not ask is never told that all is well. */
        enum tally_status status =
            tl_judge_check(fixture->sample.judge, &made->record, &made->envelope, NULL, &made->leaf,
                           sample_facts, &fixture->sample, &reason, NULL);
        assert_status(status, has_clear_letter ? TALLY_EINCOMPLETE : TALLY_OK);
        made_free(made);
    }
    tl_buffer_deinit(&part);
}

/* ---- State ---- */

static void constitution_entries_do_not_move_their_keys_chain(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    size_t alder = (size_t)(tl_roster_find_key(roster, &fixture->actors[ALDER].key.fingerprint) -
                            roster->keys);
    struct tl_author_state before = tl_judge_author(sample->judge, alder);
    assert_int_equal(before.sequence, 3);
    assert_int_equal(before.seen_index, 7);
    assert_memory_equal(&before.previous, &sample->records[8]->envelope_hash, 32);
    struct draft draft = amendment(fixture);
    (void)sample_add(sample, &draft);
    struct tl_author_state after = tl_judge_author(sample->judge, alder);
    assert_int_equal(after.sequence, before.sequence);
    assert_int_equal(after.seen_index, before.seen_index);
    assert_memory_equal(&after.previous, &before.previous, 32);
    /* And an ordinary entry may have seen less than the amendment before it. */
    struct draft next = finding(fixture);
    see_up_to(fixture, &next, 7);
    assert_reason(sample_judge(sample, &next), TALLY_REASON_NONE);
    /* An amendment less than the entry before it: it waited for its signatures. */
    next = finding(fixture);
    (void)sample_add(sample, &next);
    next = finding(fixture);
    (void)sample_add(sample, &next);
    struct draft waited = amendment(fixture);
    see_up_to(fixture, &waited, 9);
    waited.fields.op_count = 0;
    draft_op(&waited, "admit elm E");
    assert_reason(sample_judge(sample, &waited), TALLY_REASON_NONE);
}

static void accepting_tells_the_facts(void **state)
{
    struct fixture *fixture = *state;
    const struct sample *sample = &fixture->sample;
    static const struct {
        size_t index;
        enum tl_type type;
        unsigned member;
    } facts[] = {
        {CHARTER, TL_TYPE_CHARTER, 1},       {ALDER_FINDING, TL_TYPE_FINDING, 1},
        {BIRCH_FINDING, TL_TYPE_FINDING, 2}, {EXHIBIT, TL_TYPE_EXHIBIT, 1},
        {INCIDENT, TL_TYPE_INCIDENT, 0},     {6, TL_TYPE_AMENDMENT, 1},
    };
    for (size_t i = 0; i < TEST_COUNT(facts); i++) {
        const struct made *made = sample->records[facts[i].index];
        assert_int_equal(made->facts.type, facts[i].type);
        assert_int_equal(made->facts.member, facts[i].member);
        assert_memory_equal(&made->facts.leaf, &made->leaf, 32);
    }
    assert_int_equal(tl_judge_size(sample->judge), 9);
    struct tally_hash link = tl_judge_link(sample->judge);
    assert_memory_equal(&link, &sample->records[8]->leaf, 32);
}

static void accept_without_check(void *context)
{
    struct fixture *fixture = context;
    struct tl_entry_facts facts;
    struct tally_hash hash = test_hash(1);
    tl_judge_accept(fixture->sample.judge, &hash, &facts);
}

static void accept_after_a_bad_record(void *context)
{
    struct fixture *fixture = context;
    struct draft good = finding(fixture);
    assert_reason(sample_judge(&fixture->sample, &good), TALLY_REASON_NONE);
    struct draft draft = finding(fixture);
    sequence_ahead(fixture, &draft);
    assert_reason(sample_judge(&fixture->sample, &draft), TALLY_REASON_SEQUENCE_GAP);
    accept_without_check(fixture);
}

static void only_what_was_found_good_is_accepted(void **state)
{
    assert_true(test_aborts(accept_without_check, *state));
    assert_true(test_aborts(accept_after_a_bad_record, *state));
}

static enum tally_status failing_facts(void *context, uint64_t index,
                                       struct tl_entry_facts *ret_facts)
{
    (void)context;
    (void)index;
    (void)ret_facts;
    return TALLY_EIO;
}

static void facts_that_fail_end_the_judgement(void **state)
{
    struct fixture *fixture = *state;
    struct draft draft = note(fixture);
    struct made *made = sample_make(&fixture->sample, &draft);
    enum tally_reason reason = TALLY_REASON_COUNT;
    assert_status(tl_judge_check(fixture->sample.judge, &made->record, &made->envelope, NULL,
                                 &made->leaf, failing_facts, NULL, &reason, NULL),
                  TALLY_EIO);
    made_free(made);
}

static void out_of_memory_is_a_status(void **state)
{
    struct fixture *fixture = *state;
    struct draft draft = amendment(fixture);
    draft_op(&draft, "enrol dogwood author %s", fixture->stranger.text);
    draft_sign(&draft, &fixture->stranger);
    struct made *made = sample_make(&fixture->sample, &draft);
    struct tl_judge *judge = NULL;
    test_allocations_limit(0);
    assert_status(tl_judge_new(&judge), TALLY_ENOMEM);
    (void)test_allocations_unlimit();
    assert_null(judge);
    tl_judge_free(NULL);
    bool failed = true;
    for (long allowed = 0; failed; allowed++) {
        enum tally_reason reason = TALLY_REASON_COUNT;
        test_allocations_limit(allowed);
        enum tally_status status =
            tl_judge_check(fixture->sample.judge, &made->record, &made->envelope, NULL, &made->leaf,
                           sample_facts, &fixture->sample, &reason, NULL);
        failed = test_allocations_unlimit() && status != TALLY_OK;
        assert_status(status, failed ? TALLY_ENOMEM : TALLY_OK);
    }
    assert_int_equal(tl_judge_size(fixture->sample.judge), 9);
    made_free(made);
}

/* ---- Unknown rules ---- */

static void unknown_rules_are_not_judged(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft raise = amendment(fixture);
    draft_op(&raise, "rules %u", TL_RULES_NEWEST + 1);
    assert_true(tl_judge_knows_rules(sample->judge));
    (void)sample_add(sample, &raise);
    assert_false(tl_judge_knows_rules(sample->judge));

    struct draft draft = finding(fixture);
    draft.type = "rumour";
    struct made *made = sample_make(sample, &draft);
    enum tally_reason reason = TALLY_REASON_COUNT;
    bool is_unjudged = false;
    assert_status(tl_judge_check(sample->judge, &made->record, &made->envelope, NULL, &made->leaf,
                                 sample_facts, sample, &reason, &is_unjudged),
                  TALLY_OK);
    assert_reason(reason, TALLY_REASON_NONE);
    assert_true(is_unjudged);
    assert_status(tl_judge_check(sample->judge, &made->record, &made->envelope, NULL, &made->leaf,
                                 sample_facts, sample, &reason, NULL),
                  TALLY_EINCOMPLETE);
    made->record.link.bytes[0] ^= 1u;
    assert_status(tl_judge_check(sample->judge, &made->record, &made->envelope, NULL, &made->leaf,
                                 sample_facts, sample, &reason, &is_unjudged),
                  TALLY_OK);
    assert_reason(reason, TALLY_REASON_LINK_MISMATCH);
    reason = TALLY_REASON_COUNT;
    assert_status(tl_judge_check(sample->judge, &made->record, &made->envelope, NULL, &made->leaf,
                                 sample_facts, sample, &reason, NULL),
                  TALLY_OK);
    assert_reason(reason, TALLY_REASON_LINK_MISMATCH);
    made->record.link.bytes[0] ^= 1u;
    assert_status(tl_judge_check(sample->judge, &made->record, &made->envelope, NULL, &made->leaf,
                                 sample_facts, sample, &reason, &is_unjudged),
                  TALLY_OK);
    struct tl_entry_facts facts;
    tl_judge_accept(sample->judge, &made->envelope_hash, &facts);
    assert_int_equal(facts.type, TL_TYPE_COUNT);
    assert_int_equal(tl_judge_size(sample->judge), 11);
    made_free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_rule, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_rule_broken_is_the_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(record_zero_is_a_charter, setup, teardown),
        cmocka_unit_test_setup_teardown(a_blob_that_is_no_signature, setup, teardown),
        cmocka_unit_test_setup_teardown(an_incident_owns_up_to_a_clock_step, setup, teardown),
        cmocka_unit_test_setup_teardown(a_previous_where_none_may_be, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_of_no_known_type_is_no_target, setup, teardown),
        cmocka_unit_test_setup_teardown(a_part_that_is_none_states_no_step, setup, teardown),
        cmocka_unit_test_setup_teardown(a_members_clock_part_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(without_parts_a_step_is_left_unjudged, setup, teardown),
        cmocka_unit_test_setup_teardown(constitution_entries_do_not_move_their_keys_chain, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(accepting_tells_the_facts, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_was_found_good_is_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(facts_that_fail_end_the_judgement, setup, teardown),
        cmocka_unit_test_setup_teardown(out_of_memory_is_a_status, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_rules_are_not_judged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
