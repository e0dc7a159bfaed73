/* SPDX-License-Identifier: ISC */
/* A bundle: the constitution replayed, chosen entries judged, parts against their entry. */
#include "tests/verify/proof_maker.h"

#include "lib/codec/part.h"

enum { ALDER, BIRCH, CEDAR, KEYS };

/* The ledger: charter, three ordinary entries, two amendments among them, one more behind. */
enum { CHARTER, WITH_PARTS, ADMIT, PLAIN, REVOKE, LAST, SIZE };

#define PARTS 5

struct fixture {
    struct sample sample;
    struct actor actors[KEYS];
    struct proof_maker maker;
    struct tl_buffer parts[PARTS];
    struct tally_hash commitments[PARTS];
    struct tally_hash file;
};

/* What a test puts into a bundle instead of the good lines. */
struct plan {
    const struct made *records[SIZE + 2];
    size_t count; /* records in the tree */
    size_t constitution[4];
    size_t constitution_count;
    size_t last;
    const struct made *last_record; /* on that line instead; NULL: the one of the tree */
    size_t entries[4];
    size_t entry_count;
    size_t parts[PARTS];
    size_t part_count;
    size_t part_of;                      /* index that the part lines give */
    struct tl_buffer part_bytes[PARTS];  /* instead of the fixture's; len 0: those */
    struct tally_hash part_proof_change; /* xored into the first hash of every part's proof */
    size_t index_shift;                  /* added to the index line of entry 0 */
    const struct tl_note_key *key;
    const struct tl_secret_key *secret;
    const struct tally_hash *ledger;
};

static const char *const part_names[PARTS] = {"/a", "/clock/step_us", "/exhibits/photo", "/x",
                                              "/y"};
static const char part_letters[] = "ccwsw";

static void make_part_for(const struct tally_hash *ledger, const char *name, const char *value,
                          const struct actor *author, struct tl_buffer *buffer)
{
    struct tl_part part = {.author = author->key.fingerprint,
                           .ledger = *ledger,
                           .name = tl_bytes_text(name),
                           .value = tl_bytes_text(value)};
    part.salt[0] = (uint8_t)name[1];
    tl_buffer_init(buffer, TL_PART_MAX);
    tl_part_encode(&part, buffer);
    assert_status(buffer->status, TALLY_OK);
}

static void make_part(const struct fixture *fixture, const char *name, const char *value,
                      const struct actor *author, struct tl_buffer *buffer)
{
    make_part_for(&tl_judge_roster(fixture->sample.judge)->ledger, name, value, author, buffer);
}

static void make_parts(struct fixture *fixture)
{
    struct tl_exhibit_value exhibit = {.sha256 = test_hash(3),
                                       .size = 100,
                                       .media_type = tl_bytes_text("image/png"),
                                       .is_stored = true,
                                       .stored = fixture->file};
    struct tl_buffer value;
    tl_buffer_init(&value, 1024);
    tl_exhibit_value_encode(&exhibit, &value);
    tl_buffer_add_u8(&value, 0);
    for (size_t i = 0; i < PARTS; i++) {
        bool is_exhibit = strcmp(part_names[i], "/exhibits/photo") == 0;
        make_part(fixture, part_names[i], is_exhibit ? (const char *)value.ptr : "\"text\"",
                  &fixture->actors[ALDER], &fixture->parts[i]);
        fixture->commitments[i] = tl_part_commitment(tl_buffer_bytes(&fixture->parts[i]));
    }
    tl_buffer_deinit(&value);
}

static void add_entry_with_parts(struct fixture *fixture)
{
    struct sample *sample = &fixture->sample;
    struct tl_file_line file = {.sealed = true, .hash = fixture->file, .size = 132};
    struct tl_sealed_line sealed = {.position = 3, .hash = test_hash(8), .size = 99};
    struct draft draft = draft_entry(sample, "finding", &fixture->actors[ALDER]);
    make_parts(fixture);
    draft.fields.part_count = PARTS;
    draft.fields.letters = tl_bytes_text(part_letters);
    draft.fields.parts_root = tl_tree_root_of(fixture->commitments, PARTS);
    draft.fields.files = &file;
    draft.fields.file_count = 1;
    draft.fields.sealed = &sealed;
    draft.fields.sealed_count = 1;
    (void)sample_add(sample, &draft);
}

static void grow(struct fixture *fixture)
{
    static const char *const roles[KEYS] = {"author,govern", "author,govern", "author,govern"};
    struct sample *sample = &fixture->sample;
    struct draft draft = draft_charter(&fixture->actors[ALDER]);
    charter_head(sample, &draft, 2);
    charter_founders(sample, &draft, fixture->actors, roles, KEYS);
    (void)sample_add(sample, &draft);
    add_entry_with_parts(fixture);
    draft = draft_amendment(sample, &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->actors[BIRCH]);
    draft_op(&draft, "admit dogwood D");
    assert_int_equal(sample_add(sample, &draft), ADMIT);
    draft = draft_entry(sample, "finding", &fixture->actors[CEDAR]);
    draft_sign(&draft, &fixture->actors[BIRCH]);
    (void)sample_add(sample, &draft);
    draft = draft_amendment(sample, &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->actors[BIRCH]);
    draft_sign(&draft, &fixture->actors[CEDAR]);
    draft_op(&draft, "revoke %s 2 stolen", fixture->actors[CEDAR].fingerprint);
    assert_int_equal(sample_add(sample, &draft), REVOKE);
    draft = draft_entry(sample, "finding", &fixture->actors[BIRCH]);
    assert_int_equal(sample_add(sample, &draft), LAST);
    maker_init(&fixture->maker, sample);
}

static int setup(void **state)
{
    static const char *const members[KEYS] = {"alder", "birch", "cedar"};
    struct fixture *fixture = tl_calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->sample = sample_new();
    fixture->file = test_hash(6);
    for (unsigned i = 0; i < KEYS; i++) {
        fixture->actors[i] = actor_make(members[i], i + 1);
    }
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
    for (size_t i = 0; i < PARTS; i++) {
        tl_buffer_deinit(&fixture->parts[i]);
    }
    sample_free(&fixture->sample);
    tl_free(fixture);
    return 0;
}

static struct plan good_plan(const struct fixture *fixture)
{
    struct plan plan = {
        .count = SIZE,
        .constitution = {CHARTER, ADMIT, REVOKE},
        .constitution_count = 3,
        .last = LAST,
        .entries = {WITH_PARTS, PLAIN},
        .entry_count = 2,
        .parts = {0, 2, 4},
        .part_count = 3,
        .part_of = WITH_PARTS,
        .key = &fixture->sample.ledger_key,
        .secret = fixture->sample.ledger_secret,
        .ledger = &tl_judge_roster(fixture->sample.judge)->ledger,
    };
    for (size_t i = 0; i < SIZE; i++) {
        plan.records[i] = fixture->sample.records[i];
    }
    return plan;
}

static void add_line(const struct proof_maker *maker, const struct plan *plan, size_t index,
                     enum tl_bundle_line_kind kind, size_t shift, struct tl_buffer *text)
{
    bool is_other = kind == TL_BUNDLE_LAST && plan->last_record != NULL;
    struct tl_tree_proof proof;
    struct tl_buffer checkpoint;
    struct tl_buffer receipt;
    const struct made *made = is_other ? plan->last_record : plan->records[index];
    assert_status(tl_tree_prove_inclusion_of(maker->leaves, plan->count, index, &proof), TALLY_OK);
    maker_checkpoint(maker, plan->count, &checkpoint);
    tl_buffer_init(&receipt, TL_RECEIPT_MAX);
    tl_receipt_encode(tl_buffer_bytes(&made->bytes), made->seal, index + shift, &proof,
                      tl_buffer_bytes(&checkpoint), &receipt);
    tl_bundle_add_proof(text, kind, tl_buffer_bytes(&receipt));
    tl_buffer_deinit(&receipt);
    tl_buffer_deinit(&checkpoint);
}

static void add_part_line(const struct fixture *fixture, const struct plan *plan, size_t part,
                          struct tl_buffer *text)
{
    struct tl_tree_proof proof;
    const struct tl_buffer *bytes =
        plan->part_bytes[part].len > 0 ? &plan->part_bytes[part] : &fixture->parts[part];
    assert_status(tl_tree_prove_inclusion_of(fixture->commitments, PARTS, part, &proof), TALLY_OK);
    for (size_t i = 0; i < TALLY_HASH_LEN; i++) {
        proof.hashes[0].bytes[i] ^= plan->part_proof_change.bytes[i];
    }
    tl_bundle_add_part(text, plan->part_of, (unsigned)part, tl_buffer_bytes(bytes), proof.hashes,
                       proof.count);
}

static void write_bundle(const struct fixture *fixture, const struct plan *plan,
                         struct tl_buffer *text)
{
    struct proof_maker maker = fixture->maker;
    maker.count = plan->count;
    maker.key = plan->key;
    maker.secret = plan->secret;
    for (size_t i = 0; i < plan->count; i++) {
        maker.leaves[i] = plan->records[i]->leaf;
    }
    tl_buffer_init(text, TL_BUNDLE_MAX);
    tl_bundle_begin(text);
    for (size_t i = 0; i < plan->constitution_count; i++) {
        add_line(&maker, plan, plan->constitution[i], TL_BUNDLE_CONSTITUTION, 0, text);
    }
    add_line(&maker, plan, plan->last, TL_BUNDLE_LAST, 0, text);
    for (size_t i = 0; i < plan->entry_count; i++) {
        add_line(&maker, plan, plan->entries[i], TL_BUNDLE_ENTRY, i == 0 ? plan->index_shift : 0,
                 text);
    }
    for (size_t i = 0; i < plan->part_count; i++) {
        add_part_line(fixture, plan, plan->parts[i], text);
    }
    assert_status(text->status, TALLY_OK);
}

struct visits {
    unsigned entries;
    unsigned parts;
    uint64_t newest;
};

static void visit_entry(void *context, const struct tl_record *record,
                        const struct tl_envelope *envelope)
{
    struct visits *visits = context;
    assert_true(visits->entries == 0 || record->index > visits->newest);
    assert_true(envelope->text.len > 0);
    visits->newest = record->index;
    visits->entries++;
}

static void visit_part(void *context, uint64_t index, unsigned position, unsigned part_count,
                       struct tally_bytes name, struct tally_bytes value)
{
    struct visits *visits = context;
    assert_int_equal(index, visits->newest);
    assert_int_equal(part_count, PARTS);
    assert_bytes_text(name, part_names[position]);
    assert_true(value.len > 0);
    visits->parts++;
}

static struct tl_report check_plan(const struct fixture *fixture, const struct plan *plan,
                                   struct visits *visits)
{
    struct tl_bundle_visitor visitor = {visits, visit_entry, visit_part};
    struct tl_buffer text;
    struct tl_bundle bundle;
    struct tl_report report;
    unsigned line = 0;
    *visits = (struct visits){.entries = 0};
    write_bundle(fixture, plan, &text);
    assert_status(tl_bundle_decode(tl_buffer_bytes(&text), &bundle, &line), TALLY_OK);
    assert_status(tl_bundle_check(&bundle, plan->ledger, &visitor, &report), TALLY_OK);
    tl_bundle_deinit(&bundle);
    tl_buffer_deinit(&text);
    return report;
}

/* A made copy of a draft at the end of the ledger. */
static struct made *push(const struct fixture *fixture, struct plan *plan, struct draft *draft)
{
    struct made *made = sample_make(&fixture->sample, draft);
    assert_non_null(made);
    plan->records[plan->count] = made;
    plan->count++;
    plan->last = plan->count - 1;
    return made;
}

static void a_good_bundle_holds(void **state)
{
    const struct fixture *fixture = *state;
    static const enum tl_check lines[] = {
        TL_CHECK_LEDGER, TL_CHECK_CHECKPOINT, TL_CHECK_TREE,     TL_CHECK_SEALS,
        TL_CHECK_ROSTER, TL_CHECK_SIGNATURES, TL_CHECK_RECEIPTS, TL_CHECK_DEPOSITS};
    struct plan plan = good_plan(fixture);
    struct visits visits;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    for (size_t i = 0; i < TEST_COUNT(lines); i++) {
        assert_ok(&report, lines[i]);
    }
    assert_left(&report, TL_CHECK_CHAIN);
    assert_left(&report, TL_CHECK_AUTHORS);
    assert_left(&report, TL_CHECK_EXHIBITS);
    assert_int_equal(tl_report_exit_code(&report), 0);
    assert_int_equal(visits.entries, 2);
    assert_int_equal(visits.parts, 3);
    assert_int_equal(report.size, SIZE);
    assert_int_equal(report.withheld, PARTS - 3);
    /* Above last-valid 2 cedar has a finding, and has signed its own revocation. */
    assert_int_equal(report.in_doubt, 2);
    assert_string_equal(report.origin, SAMPLE_ORIGIN);
    assert_memory_equal(&report.ledger, plan.ledger, 32);
    assert_true(report.sample);

    plan.part_count = 0;
    report = check_plan(fixture, &plan, &visits);
    assert_left(&report, TL_CHECK_DEPOSITS);
    assert_int_equal(tl_report_exit_code(&report), 0);
    assert_int_equal(report.withheld, PARTS);
}

static void records_may_stand_on_several_lines(void **state)
{
    const struct fixture *fixture = *state;
    struct plan plan = good_plan(fixture);
    struct visits visits;
    plan.entries[0] = CHARTER;
    plan.entries[1] = REVOKE;
    plan.entries[2] = LAST;
    plan.entry_count = 3;
    plan.part_count = 0;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_int_equal(tl_report_exit_code(&report), 0);
    assert_int_equal(visits.entries, 3);
    assert_int_equal(report.in_doubt, 1);

    /* The newest record is an amendment: constitution, last and entry at once. */
    plan.count = REVOKE + 1;
    plan.last = REVOKE;
    plan.entry_count = 2;
    report = check_plan(fixture, &plan, &visits);
    assert_int_equal(tl_report_exit_code(&report), 0);
    assert_int_equal(visits.entries, 2);
    assert_int_equal(report.in_doubt, 1);

    /* Each line brings its own seal. */
    struct made unsealed = *plan.records[REVOKE];
    unsealed.seal[0] ^= 1u;
    plan.last_record = &unsealed;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_SEALS, TALLY_REASON_SEAL_INVALID);
    assert_int_equal(report.lines[TL_CHECK_SEALS].first_bad, REVOKE);
    plan.last_record = NULL;

    /* The smallest: a charter and nothing else. */
    plan.count = 1;
    plan.constitution_count = 1;
    plan.last = CHARTER;
    plan.entry_count = 1;
    report = check_plan(fixture, &plan, &visits);
    assert_int_equal(tl_report_exit_code(&report), 0);
}

static void the_ledger_id_is_compared(void **state)
{
    const struct fixture *fixture = *state;
    struct plan plan = good_plan(fixture);
    struct tally_hash other = test_hash(1);
    struct visits visits;
    plan.ledger = NULL;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_left(&report, TL_CHECK_LEDGER);
    assert_int_equal(tl_report_exit_code(&report), 4);
    plan.ledger = &other;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_LEDGER, TALLY_REASON_PREFIX_MISMATCH);
    assert_int_equal(report.lines[TL_CHECK_LEDGER].first_bad, TL_NO_INDEX);
    assert_int_equal(tl_report_exit_code(&report), 1);
}

static void no_amendment_may_be_missing(void **state)
{
    const struct fixture *fixture = *state;
    struct visits visits;
    /* Without the charter. */
    struct plan plan = good_plan(fixture);
    plan.constitution[0] = ADMIT;
    plan.constitution[1] = REVOKE;
    plan.constitution_count = 2;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_ROSTER_MISMATCH);
    assert_int_equal(visits.entries, 0);
    assert_int_equal(tl_report_exit_code(&report), 1);
    /* Without one in the middle: the next one names it. */
    plan = good_plan(fixture);
    plan.constitution[1] = REVOKE;
    plan.constitution_count = 2;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_ROSTER_MISMATCH);
    assert_int_equal(report.lines[TL_CHECK_ROSTER].first_bad, PLAIN);
    plan.entry_count = 1;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_ROSTER_MISMATCH);
    assert_int_equal(report.lines[TL_CHECK_ROSTER].first_bad, REVOKE);
    /* Without the newest, which revokes cedar's key: `last` names it. */
    plan = good_plan(fixture);
    plan.constitution_count = 2;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_ROSTER_MISMATCH);
    assert_int_equal(report.lines[TL_CHECK_ROSTER].first_bad, LAST);
    /* `last` must be the last, or it shows nothing. */
    plan = good_plan(fixture);
    plan.constitution_count = 2;
    plan.last = PLAIN;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_ROSTER_MISMATCH);
    /* Nor when that line alone brings the record. */
    plan.entry_count = 1;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_ROSTER_MISMATCH);
    assert_int_equal(report.lines[TL_CHECK_ROSTER].first_bad, PLAIN);
    plan = good_plan(fixture);
    plan.last = REVOKE;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_ROSTER_MISMATCH);
    assert_int_equal(report.lines[TL_CHECK_ROSTER].first_bad, REVOKE);
    /* An amendment that is only `last`, or only an entry. */
    plan = good_plan(fixture);
    plan.constitution_count = 2;
    plan.count = REVOKE + 1;
    plan.last = REVOKE;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_BUNDLE_INVALID);
    assert_int_equal(report.lines[TL_CHECK_RECEIPTS].first_bad, REVOKE);
    /* An ordinary record on a constitution line. */
    plan = good_plan(fixture);
    plan.constitution[1] = WITH_PARTS;
    plan.constitution[2] = ADMIT;
    plan.constitution[3] = REVOKE;
    plan.constitution_count = 4;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_BUNDLE_INVALID);
    assert_int_equal(report.lines[TL_CHECK_RECEIPTS].first_bad, WITH_PARTS);
}

static void entries_are_judged_under_their_roster(void **state)
{
    const struct fixture *fixture = *state;
    const struct sample *sample = &fixture->sample;
    struct visits visits;
    static const enum tally_reason reasons[] = {TALLY_REASON_NONE,
                                                TALLY_REASON_KEY_NOT_IN_FORCE,
                                                TALLY_REASON_REFERENCE_MISSING,
                                                TALLY_REASON_ROSTER_MISMATCH,
                                                TALLY_REASON_WRONG_LEDGER,
                                                TALLY_REASON_UNKNOWN_TYPE};
    for (size_t i = 0; i < TEST_COUNT(reasons); i++) {
        enum tally_reason reason = reasons[i];
        bool is_revoked = reason == TALLY_REASON_KEY_NOT_IN_FORCE;
        struct plan plan = good_plan(fixture);
        struct draft draft =
            draft_entry(sample, "finding", &fixture->actors[is_revoked ? CEDAR : BIRCH]);
        if (reason == TALLY_REASON_REFERENCE_MISSING) {
            draft.type = "note";
        } else if (reason == TALLY_REASON_ROSTER_MISMATCH) {
            draft.record.roster = ADMIT;
        } else if (reason == TALLY_REASON_WRONG_LEDGER) {
            draft.ledger.bytes[0] ^= 1u;
        } else if (reason == TALLY_REASON_UNKNOWN_TYPE) {
            draft.type = "rumour";
        }
        struct made *made = push(fixture, &plan, &draft);
        /* One more behind it, so that it is not `last`. */
        struct draft behind = draft_entry(sample, "finding", &fixture->actors[BIRCH]);
        behind.record.index++;
        struct made *last = push(fixture, &plan, &behind);
        plan.entries[2] = made->record.index;
        plan.entry_count = 3;
        struct tl_report report = check_plan(fixture, &plan, &visits);
        if (reason == TALLY_REASON_NONE) {
            assert_int_equal(tl_report_exit_code(&report), 0);
            assert_int_equal(visits.entries, 3);
        } else {
            assert_bad(&report, TL_CHECK_ROSTER, reason);
            assert_int_equal(report.lines[TL_CHECK_ROSTER].first_bad, SIZE);
            assert_int_equal(visits.entries, 2);
        }
        made_free(made);
        made_free(last);
    }
}

static void the_constitution_is_judged(void **state)
{
    const struct fixture *fixture = *state;
    const struct sample *sample = &fixture->sample;
    struct visits visits;
    for (size_t i = 0; i < 2; i++) {
        bool has_quorum = i == 0;
        struct plan plan = good_plan(fixture);
        struct draft draft = draft_amendment(sample, &fixture->actors[ALDER]);
        draft_op(&draft, "admit elm E");
        if (has_quorum) {
            draft_sign(&draft, &fixture->actors[BIRCH]);
        }
        struct made *made = push(fixture, &plan, &draft);
        plan.constitution[3] = SIZE;
        plan.constitution_count = 4;
        struct draft behind = draft_entry(sample, "finding", &fixture->actors[BIRCH]);
        behind.record.index++;
        behind.record.roster = SIZE;
        struct made *last = push(fixture, &plan, &behind);
        plan.entries[2] = SIZE + 1;
        plan.entry_count = 3;
        struct tl_report report = check_plan(fixture, &plan, &visits);
        if (has_quorum) {
            assert_int_equal(tl_report_exit_code(&report), 0);
        } else {
            assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_QUORUM_MISSING);
            assert_int_equal(report.lines[TL_CHECK_ROSTER].first_bad, SIZE);
        }
        /* What stands behind a bad amendment is judged under the roster before it. */
        assert_int_equal(report.lines[TL_CHECK_ROSTER].bad, has_quorum ? 0 : 1);
        assert_int_equal(visits.entries, 3);
        made_free(made);
        made_free(last);
    }
}

/* A charter that makes no roster: nothing that rests on one is judged, and nobody is told of it. */
static void behind_a_bad_charter_little_is_checked(void **state)
{
    const struct fixture *fixture = *state;
    static const char *const roles[KEYS] = {"author,govern", "author,govern", "author,govern"};
    struct plan plan = good_plan(fixture);
    struct visits visits;
    struct draft charter = draft_charter(&fixture->actors[ALDER]);
    charter_head(&fixture->sample, &charter, KEYS + 1);
    charter_founders(&fixture->sample, &charter, fixture->actors, roles, KEYS);
    struct made *made = sample_make(&fixture->sample, &charter);
    assert_non_null(made);
    plan.records[CHARTER] = made;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_THRESHOLD_INVALID);
    assert_int_equal(report.lines[TL_CHECK_ROSTER].first_bad, CHARTER);
    assert_ok(&report, TL_CHECK_RECEIPTS);
    assert_ok(&report, TL_CHECK_TREE);
    assert_left(&report, TL_CHECK_LEDGER);
    assert_left(&report, TL_CHECK_CHECKPOINT);
    assert_left(&report, TL_CHECK_SEALS);
    assert_left(&report, TL_CHECK_SIGNATURES);
    assert_left(&report, TL_CHECK_DEPOSITS);
    assert_int_equal(visits.entries, 0);
    assert_int_equal(visits.parts, 0);
    assert_int_equal(report.in_doubt, 0);
    made_free(made);
}

/* A bundle judges no targets of references but this one, which it holds. */
static void an_amendment_names_the_record_that_it_amends(void **state)
{
    const struct fixture *fixture = *state;
    const struct sample *sample = &fixture->sample;
    struct visits visits;
    for (size_t i = 0; i < 2; i++) {
        bool names_it = i == 0;
        struct plan plan = good_plan(fixture);
        struct draft draft = draft_amendment(sample, &fixture->actors[ALDER]);
        draft_op(&draft, "admit elm E");
        draft_sign(&draft, &fixture->actors[BIRCH]);
        if (!names_it) {
            draft.refs[0].leaf.bytes[0] ^= 1;
        }
        struct made *made = push(fixture, &plan, &draft);
        plan.constitution[3] = SIZE;
        plan.constitution_count = 4;
        struct tl_report report = check_plan(fixture, &plan, &visits);
        if (names_it) {
            assert_int_equal(tl_report_exit_code(&report), 0);
        } else {
            assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_STALE_AMENDMENT);
            assert_int_equal(report.lines[TL_CHECK_ROSTER].first_bad, SIZE);
        }
        made_free(made);
    }
}

static void seals_signatures_and_inclusion_are_checked(void **state)
{
    const struct fixture *fixture = *state;
    struct visits visits;
    for (size_t index = 0; index < SIZE; index++) {
        struct plan plan = good_plan(fixture);
        struct made changed = *fixture->sample.records[index];
        changed.seal[5] ^= 1u;
        plan.records[index] = &changed;
        struct tl_report report = check_plan(fixture, &plan, &visits);
        assert_bad(&report, TL_CHECK_SEALS, TALLY_REASON_SEAL_INVALID);
        assert_int_equal(report.lines[TL_CHECK_SEALS].first_bad, index);
        assert_int_equal(tl_report_exit_code(&report), 1);

        /* The last signature's last byte, sealed and in the tree. */
        changed = *fixture->sample.records[index];
        tl_buffer_init(&changed.bytes, TALLY_RECORD_MAX);
        tl_buffer_add(&changed.bytes, tl_buffer_bytes(&fixture->sample.records[index]->bytes));
        changed.bytes.ptr[changed.bytes.len - 1] ^= 1u;
        made_reseal(&fixture->sample, &changed);
        report = check_plan(fixture, &plan, &visits);
        assert_bad(&report, TL_CHECK_SIGNATURES, TALLY_REASON_SIGNATURE_INVALID);
        assert_int_equal(report.lines[TL_CHECK_SIGNATURES].first_bad, index);

        /* In the tree stands another leaf. */
        changed.leaf.bytes[0] ^= 1u;
        report = check_plan(fixture, &plan, &visits);
        assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_PROOF_INVALID);
        assert_int_equal(report.lines[TL_CHECK_RECEIPTS].first_bad, index);
        assert_left(&report, TL_CHECK_TREE);
        assert_int_equal(tl_report_exit_code(&report), 1);
        tl_buffer_deinit(&changed.bytes);
    }
}

static void the_checkpoint_is_signed_by_the_last_rosters_key(void **state)
{
    const struct fixture *fixture = *state;
    const struct sample *sample = &fixture->sample;
    struct tl_note_key next;
    struct tl_secret_key *secret = sample_ledger_secret(1, &next);
    char vkey[TL_VKEY_MAX];
    struct visits visits;
    struct plan plan = good_plan(fixture);
    plan.key = &next;
    plan.secret = secret;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_CHECKPOINT, TALLY_REASON_CHECKPOINT_INVALID);
    assert_int_equal(tl_report_exit_code(&report), 1);

    tl_note_key_format(&next, vkey);
    struct draft draft = draft_amendment(sample, &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->actors[BIRCH]);
    draft_op(&draft, "ledger-key %s", vkey);
    struct made *made = push(fixture, &plan, &draft);
    plan.constitution[3] = SIZE;
    plan.constitution_count = 4;
    report = check_plan(fixture, &plan, &visits);
    assert_int_equal(tl_report_exit_code(&report), 0);
    plan.key = &sample->ledger_key;
    plan.secret = sample->ledger_secret;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_CHECKPOINT, TALLY_REASON_CHECKPOINT_INVALID);
    made_free(made);
    tl_secret_key_free(&secret);
}

/* ---- Parts ---- */

static void assert_part_reason(const struct fixture *fixture, const struct plan *plan,
                               enum tally_reason reason)
{
    struct visits visits;
    struct tl_report report = check_plan(fixture, plan, &visits);
    assert_bad(&report, TL_CHECK_DEPOSITS, reason);
    assert_int_equal(report.lines[TL_CHECK_DEPOSITS].first_bad, WITH_PARTS);
    assert_int_equal(tl_report_exit_code(&report), 1);
}

static void parts_are_those_committed(void **state)
{
    struct fixture *fixture = *state;
    /* Any part may be shown, whatever its letter. */
    for (size_t i = 0; i < PARTS; i++) {
        struct plan plan = good_plan(fixture);
        struct visits visits;
        plan.parts[0] = i;
        plan.part_count = 1;
        struct tl_report report = check_plan(fixture, &plan, &visits);
        assert_int_equal(tl_report_exit_code(&report), 0);
        assert_int_equal(visits.parts, 1);
        plan.part_proof_change.bytes[0] = 1;
        assert_part_reason(fixture, &plan, TALLY_REASON_PROOF_INVALID);
        plan.part_proof_change.bytes[0] = 0;
        make_part(fixture, part_names[i], "\"another\"", &fixture->actors[ALDER],
                  &plan.part_bytes[i]);
        assert_part_reason(fixture, &plan, TALLY_REASON_PROOF_INVALID);
        tl_buffer_deinit(&plan.part_bytes[i]);
    }
    /* Of another entry, which has none. */
    struct plan plan = good_plan(fixture);
    struct visits visits;
    plan.part_of = PLAIN;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_DEPOSITS, TALLY_REASON_PROOF_INVALID);
    assert_int_equal(visits.parts, 0);
}

#define OTHER_LEDGER (KEYS + 1)

/* An entry whose author committed to parts that break the rules for parts. */
static enum tally_reason judge_parts(const struct fixture *fixture, const char *const *names,
                                     const char *const *values, size_t author, const char *type)
{
    const struct actor *by =
        strcmp(type, "incident") == 0 ? &fixture->sample.host : &fixture->actors[ALDER];
    struct draft draft = draft_entry(&fixture->sample, type, by);
    struct tl_buffer parts[2];
    struct tally_hash commitments[2];
    struct tally_hash ledger = draft.ledger;
    ledger.bytes[0] ^= author == OTHER_LEDGER ? 1u : 0u;
    for (size_t i = 0; i < 2; i++) {
        make_part_for(&ledger, names[i], values[i], author >= KEYS ? by : &fixture->actors[author],
                      &parts[i]);
        commitments[i] = tl_part_commitment(tl_buffer_bytes(&parts[i]));
    }
    draft.fields.part_count = 2;
    draft.fields.letters = tl_bytes_text("ww");
    const struct tl_file_line files[] = {{false, test_hash(5), 100}, {true, test_hash(6), 132}};
    draft.fields.files = files;
    draft.fields.file_count = TEST_COUNT(files);
    draft.fields.parts_root = tl_tree_root_of(commitments, 2);
    struct plan plan = good_plan(fixture);
    struct made *made = push(fixture, &plan, &draft);
    struct tl_buffer text;
    plan.entries[0] = SIZE;
    plan.entry_count = 1;
    plan.part_count = 0;
    write_bundle(fixture, &plan, &text);
    for (unsigned i = 0; i < 2; i++) {
        struct tl_tree_proof proof;
        assert_status(tl_tree_prove_inclusion_of(commitments, 2, i, &proof), TALLY_OK);
        tl_bundle_add_part(&text, SIZE, i, tl_buffer_bytes(&parts[i]), proof.hashes, proof.count);
        tl_buffer_deinit(&parts[i]);
    }
    struct tl_bundle bundle;
    struct tl_report report;
    assert_status(tl_bundle_decode(tl_buffer_bytes(&text), &bundle, NULL), TALLY_OK);
    assert_status(tl_bundle_check(&bundle, plan.ledger, NULL, &report), TALLY_OK);
    tl_bundle_deinit(&bundle);
    tl_buffer_deinit(&text);
    made_free(made);
    assert_int_equal(tl_report_exit_code(&report),
                     report.lines[TL_CHECK_DEPOSITS].verdict == TL_VERDICT_BAD ? 1 : 0);
    return report.lines[TL_CHECK_DEPOSITS].reason;
}

static void parts_keep_their_rules(void **state)
{
    const struct fixture *fixture = *state;
    static const char kept_back[] =
        "sha256 0303030303030303030303030303030303030303030303030303030303030303\n"
        "size 100\nmedia-type image/png\n"
        "stored -\n";
    static const char sealed[] =
        "sha256 0303030303030303030303030303030303030303030303030303030303030303\n"
        "size 100\nmedia-type image/png\n"
        "stored BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY=\n";
    static const char clear[] =
        "sha256 0505050505050505050505050505050505050505050505050505050505050505\n"
        "size 100\nmedia-type image/png\n"
        "stored BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\n";
    static const char nowhere[] =
        "sha256 0303030303030303030303030303030303030303030303030303030303030303\n"
        "size 100\nmedia-type image/png\n"
        "stored BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";
    static const char another_file[] =
        "sha256 0303030303030303030303030303030303030303030303030303030303030303\n"
        "size 100\nmedia-type image/png\n"
        "stored BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\n";
    static const char another_size[] =
        "sha256 0505050505050505050505050505050505050505050505050505050505050505\n"
        "size 101\nmedia-type image/png\n"
        "stored BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\n";
    static const struct {
        const char *names[2];
        const char *values[2];
        size_t author;
        const char *type;
        enum tally_reason reason;
    } cases[] = {
        {{"/a", "/b"}, {"1", "2"}, KEYS, "finding", TALLY_REASON_NONE},
        {{"/b", "/a"}, {"1", "2"}, KEYS, "finding", TALLY_REASON_PART_INVALID},
        {{"/a", "/a"}, {"1", "2"}, KEYS, "finding", TALLY_REASON_PART_INVALID},
        {{"/a", "/b"}, {"1", "2"}, BIRCH, "finding", TALLY_REASON_PART_INVALID},
        {{"/a", "/b"}, {"1", "2"}, OTHER_LEDGER, "finding", TALLY_REASON_PART_INVALID},
        {{"/a", "b"}, {"1", "2"}, KEYS, "finding", TALLY_REASON_PART_INVALID},
        {{"/a", "/exhibits/b"}, {"1", "2"}, KEYS, "finding", TALLY_REASON_EXHIBIT_INVALID},
        {{"/a", "/exhibits/b"}, {"1", kept_back}, KEYS, "finding", TALLY_REASON_NONE},
        {{"/a", "/exhibits/b"}, {"1", sealed}, KEYS, "finding", TALLY_REASON_NONE},
        {{"/a", "/exhibits/b"}, {"1", clear}, KEYS, "finding", TALLY_REASON_NONE},
        {{"/a", "/exhibits/b"}, {"1", another_file}, KEYS, "finding", TALLY_REASON_EXHIBIT_INVALID},
        {{"/a", "/exhibits/b"}, {"1", another_size}, KEYS, "finding", TALLY_REASON_EXHIBIT_INVALID},
        {{"/a", "/exhibits/b"}, {"1", nowhere}, KEYS, "finding", TALLY_REASON_EXHIBIT_INVALID},
        {{"/a", "/exhibits/b/c"}, {"1", "2"}, KEYS, "finding", TALLY_REASON_NONE},
        {{"/a", "/clock/step_us"}, {"1", "-5"}, KEYS, "incident", TALLY_REASON_NONE},
        {{"/a", "/clock/step_us"}, {"1", "5"}, KEYS, "incident", TALLY_REASON_PART_INVALID},
        {{"/a", "/clock/step_us"}, {"1", "5"}, KEYS, "finding", TALLY_REASON_NONE},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        enum tally_reason reason =
            judge_parts(fixture, cases[i].names, cases[i].values, cases[i].author, cases[i].type);
        if (reason != cases[i].reason) {
            fail_msg("case %zu: %s", i, tally_reason_name(reason));
        }
    }
}

/* ---- Hostile bytes ---- */

static void no_flipped_bit_is_overlooked(void **state)
{
    const struct fixture *fixture = *state;
    struct plan plan = good_plan(fixture);
    struct tl_buffer text;
    write_bundle(fixture, &plan, &text);
    unsigned decoded = 0;
    for (size_t i = 0; i < text.len; i += 11) {
        struct tl_bundle bundle;
        struct tl_report report;
        uint8_t bit = (uint8_t)(1u << (i % 7));
        text.ptr[i] ^= bit;
        if (tl_bundle_decode(tl_buffer_bytes(&text), &bundle, NULL) == TALLY_OK) {
            assert_status(tl_bundle_check(&bundle, plan.ledger, NULL, &report), TALLY_OK);
            if (tl_report_exit_code(&report) != 1) {
                fail_msg("byte %zu", i);
            }
            decoded++;
            tl_bundle_deinit(&bundle);
        }
        text.ptr[i] ^= bit;
    }
    assert_true(decoded > 100);
    tl_buffer_deinit(&text);
}

static void an_index_line_must_be_the_records(void **state)
{
    const struct fixture *fixture = *state;
    struct visits visits;
    struct plan plan = good_plan(fixture);
    plan.part_count = 0;
    plan.entry_count = 1;
    plan.index_shift = 1;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_int_equal(report.lines[TL_CHECK_RECEIPTS].verdict, TL_VERDICT_BAD);
    assert_int_equal(tl_report_exit_code(&report), 1);
}

/* Included, sealed and signed where it does not belong. */
static void a_record_of_another_index(void **state)
{
    const struct fixture *fixture = *state;
    const struct sample *sample = &fixture->sample;
    struct visits visits;
    struct plan plan = good_plan(fixture);
    struct draft draft = draft_entry(sample, "finding", &fixture->actors[BIRCH]);
    draft.record.index--;
    struct made *made = push(fixture, &plan, &draft);
    struct draft behind = draft_entry(sample, "finding", &fixture->actors[BIRCH]);
    behind.record.index++;
    struct made *last = push(fixture, &plan, &behind);
    plan.entries[2] = SIZE;
    plan.entry_count = 3;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_INDEX_MISMATCH);
    assert_int_equal(report.lines[TL_CHECK_RECEIPTS].first_bad, SIZE);
    assert_int_equal(visits.entries, 2);
    made_free(made);
    made_free(last);
}

/* Its type is in no table, which is asked of entries alone. */
static void a_continuation_is_no_constitution_line(void **state)
{
    const struct fixture *fixture = *state;
    struct plan plan = good_plan(fixture);
    struct visits visits;
    struct draft draft = draft_amendment(&fixture->sample, &fixture->actors[ALDER]);
    draft_op(&draft, "x");
    draft.type = "continuation";
    struct made *made = push(fixture, &plan, &draft);
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_int_equal(tl_report_exit_code(&report), 0);
    plan.constitution[3] = SIZE;
    plan.constitution_count = 4;
    report = check_plan(fixture, &plan, &visits);
    assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_BUNDLE_INVALID);
    made_free(made);
}

/* What stands as an entry is judged as one, on whatever other line it stands. */
static void the_newest_record_is_judged_as_an_entry(void **state)
{
    const struct fixture *fixture = *state;
    static const char *const types[] = {"finding", "invention"};
    for (size_t i = 0; i < TEST_COUNT(types); i++) {
        struct plan plan = good_plan(fixture);
        struct visits visits;
        struct draft draft = draft_entry(&fixture->sample, types[i], &fixture->actors[BIRCH]);
        struct made *made = push(fixture, &plan, &draft);
        struct tl_report report = check_plan(fixture, &plan, &visits);
        assert_int_equal(tl_report_exit_code(&report), 0);
        plan.entries[2] = SIZE;
        plan.entry_count = 3;
        report = check_plan(fixture, &plan, &visits);
        assert_int_equal(tl_report_exit_code(&report), i);
        if (i > 0) {
            assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_UNKNOWN_TYPE);
        }
        made_free(made);
    }
}

static void lines_out_of_place_are_no_bundle(void **state)
{
    const struct fixture *fixture = *state;
    struct plan plan = good_plan(fixture);
    struct tl_buffer text;
    struct tl_bundle bundle;
    struct tl_report report;
    write_bundle(fixture, &plan, &text);
    assert_status(tl_bundle_decode(tl_buffer_bytes(&text), &bundle, NULL), TALLY_OK);
    enum tl_bundle_line_kind kind = bundle.lines[3].kind;
    assert_int_equal(kind, TL_BUNDLE_LAST);
    static const struct {
        size_t line;
        enum tl_bundle_line_kind kind;
    } others[] = {
        {3, TL_BUNDLE_ENTRY},        /* no last */
        {0, TL_BUNDLE_LAST},         /* no constitution */
        {8, TL_BUNDLE_CONSTITUTION}, /* something behind the parts */
    };
    assert_int_equal(bundle.count, 9);
    for (size_t i = 0; i < TEST_COUNT(others); i++) {
        kind = bundle.lines[others[i].line].kind;
        bundle.lines[others[i].line].kind = others[i].kind;
        assert_status(tl_bundle_check(&bundle, plan.ledger, NULL, &report), TALLY_OK);
        assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_BUNDLE_INVALID);
        bundle.lines[others[i].line].kind = kind;
    }
    struct tl_bundle without = {.lines = bundle.lines + 3, .count = bundle.count - 3};
    assert_status(tl_bundle_check(&without, plan.ledger, NULL, &report), TALLY_OK);
    assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_BUNDLE_INVALID);
    size_t count = bundle.count;
    bundle.count = 4;
    assert_status(tl_bundle_check(&bundle, plan.ledger, NULL, &report), TALLY_OK);
    assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_BUNDLE_INVALID);
    bundle.count = count;
    assert_status(tl_bundle_check(&bundle, plan.ledger, NULL, &report), TALLY_OK);
    assert_int_equal(tl_report_exit_code(&report), 0);
    tl_bundle_deinit(&bundle);
    tl_buffer_deinit(&text);
}

/* Who hands over lines that no decoder has seen made a mistake, and is told so. */
static void lines_are_those_of_a_decoded_bundle(void **state)
{
    const struct fixture *fixture = *state;
    struct plan plan = good_plan(fixture);
    struct tl_buffer text;
    struct tl_bundle bundle;
    struct tl_report report;
    write_bundle(fixture, &plan, &text);
    assert_status(tl_bundle_decode(tl_buffer_bytes(&text), &bundle, NULL), TALLY_OK);
    for (size_t i = 0; i < 6; i++) {
        struct tally_bytes good = bundle.lines[i].bytes;
        bundle.lines[i].bytes.len = 7;
        assert_status(tl_bundle_check(&bundle, plan.ledger, NULL, &report), TALLY_EINVAL);
        bundle.lines[i].bytes = good;
    }
    assert_status(tl_bundle_check(&bundle, plan.ledger, NULL, &report), TALLY_OK);
    tl_bundle_deinit(&bundle);
    tl_buffer_deinit(&text);
}

/* The first line's receipt with another checkpoint, in the bundle as it was decoded. */
static struct tl_report check_with_checkpoint(const struct fixture *fixture,
                                              struct tally_bytes checkpoint)
{
    struct plan plan = good_plan(fixture);
    const struct made *charter = plan.records[CHARTER];
    struct tl_tree_proof proof;
    struct tl_buffer text;
    struct tl_buffer receipt;
    struct tl_bundle bundle;
    struct tl_report report;
    write_bundle(fixture, &plan, &text);
    assert_status(tl_bundle_decode(tl_buffer_bytes(&text), &bundle, NULL), TALLY_OK);
    assert_status(tl_tree_prove_inclusion_of(fixture->maker.leaves, SIZE, CHARTER, &proof),
                  TALLY_OK);
    tl_buffer_init(&receipt, TL_RECEIPT_MAX);
    tl_receipt_encode(tl_buffer_bytes(&charter->bytes), charter->seal, CHARTER, &proof, checkpoint,
                      &receipt);
    bundle.lines[0].bytes = tl_buffer_bytes(&receipt);
    assert_status(tl_bundle_check(&bundle, plan.ledger, NULL, &report), TALLY_OK);
    tl_buffer_deinit(&receipt);
    tl_bundle_deinit(&bundle);
    tl_buffer_deinit(&text);
    return report;
}

static void without_a_checkpoint_there_is_nothing(void **state)
{
    const struct fixture *fixture = *state;
    struct tl_buffer checkpoint;
    maker_checkpoint(&fixture->maker, SIZE, &checkpoint);
    struct tl_report report = check_with_checkpoint(fixture, tl_buffer_bytes(&checkpoint));
    assert_int_equal(tl_report_exit_code(&report), 0);
    /* No note, and a good note about something else. */
    report = check_with_checkpoint(fixture, tl_bytes(checkpoint.ptr, checkpoint.len - 1));
    assert_bad(&report, TL_CHECK_CHECKPOINT, TALLY_REASON_CHECKPOINT_INVALID);
    assert_left(&report, TL_CHECK_TREE);
    tl_buffer_clear(&checkpoint);
    tl_note_sign(tl_bytes_text("hello\n"), fixture->maker.key, fixture->maker.secret, &checkpoint);
    report = check_with_checkpoint(fixture, tl_buffer_bytes(&checkpoint));
    assert_bad(&report, TL_CHECK_CHECKPOINT, TALLY_REASON_CHECKPOINT_INVALID);
    assert_left(&report, TL_CHECK_TREE);
    tl_buffer_deinit(&checkpoint);
}

/* Parts whose entry's proof fails, and no entry behind it. */
static void parts_of_an_unproven_entry_are_left(void **state)
{
    const struct fixture *fixture = *state;
    struct visits visits;
    struct plan plan = good_plan(fixture);
    plan.entry_count = 1;
    plan.index_shift = 1;
    plan.part_of = WITH_PARTS + 1;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_int_equal(report.lines[TL_CHECK_RECEIPTS].verdict, TL_VERDICT_BAD);
    assert_left(&report, TL_CHECK_DEPOSITS);
    assert_int_equal(report.lines[TL_CHECK_DEPOSITS].unchecked, plan.part_count);
    assert_int_equal(visits.parts, 0);
}

/* A visitor may ask for entries alone, for parts alone, and for nothing. */
static void a_visitor_is_told_what_it_asks_for(void **state)
{
    const struct fixture *fixture = *state;
    struct plan plan = good_plan(fixture);
    struct tl_buffer text;
    struct tl_bundle bundle;
    write_bundle(fixture, &plan, &text);
    assert_status(tl_bundle_decode(tl_buffer_bytes(&text), &bundle, NULL), TALLY_OK);
    for (unsigned asked = 0; asked < 4; asked++) {
        struct visits visits = {.newest = WITH_PARTS};
        struct tl_report report;
        const struct tl_bundle_visitor visitor = {
            .context = &visits,
            .entry = (asked & 1u) != 0 ? visit_entry : NULL,
            .part = (asked & 2u) != 0 ? visit_part : NULL,
        };
        assert_status(tl_bundle_check(&bundle, plan.ledger, &visitor, &report), TALLY_OK);
        assert_int_equal(tl_report_exit_code(&report), 0);
        assert_int_equal(visits.entries, (asked & 1u) != 0 ? plan.entry_count : 0);
        assert_int_equal(visits.parts, (asked & 2u) != 0 ? plan.part_count : 0);
    }
    tl_bundle_deinit(&bundle);
    tl_buffer_deinit(&text);
}

static void behind_unknown_rules_little_is_checked(void **state)
{
    const struct fixture *fixture = *state;
    const struct sample *sample = &fixture->sample;
    struct visits visits;
    struct plan plan = good_plan(fixture);
    struct draft draft = draft_amendment(sample, &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->actors[BIRCH]);
    draft_op(&draft, "rules %u", TL_RULES_NEWEST + 1);
    struct made *raise = push(fixture, &plan, &draft);
    struct draft behind = draft_entry(sample, "finding", &fixture->actors[BIRCH]);
    behind.type = "rumour";
    behind.record.index++;
    behind.record.roster = SIZE;
    struct made *rumour = push(fixture, &plan, &behind);
    plan.constitution[3] = SIZE;
    plan.constitution_count = 4;
    plan.entries[2] = SIZE + 1;
    plan.entry_count = 3;
    struct tl_report report = check_plan(fixture, &plan, &visits);
    assert_ok(&report, TL_CHECK_RECEIPTS);
    assert_ok(&report, TL_CHECK_TREE);
    assert_ok(&report, TL_CHECK_LEDGER);
    assert_left(&report, TL_CHECK_ROSTER);
    assert_left(&report, TL_CHECK_SEALS);
    assert_left(&report, TL_CHECK_SIGNATURES);
    assert_left(&report, TL_CHECK_CHECKPOINT);
    assert_int_equal(tl_report_exit_code(&report), 4);
    assert_int_equal(visits.entries, 2);
    made_free(raise);
    made_free(rumour);
}

static void out_of_memory_is_a_status(void **state)
{
    const struct fixture *fixture = *state;
    struct plan plan = good_plan(fixture);
    struct tl_buffer text;
    struct tl_bundle bundle;
    write_bundle(fixture, &plan, &text);
    assert_status(tl_bundle_decode(tl_buffer_bytes(&text), &bundle, NULL), TALLY_OK);
    bool failed = true;
    for (long allowed = 0; failed; allowed++) {
        struct tl_report report;
        test_allocations_limit(allowed);
        enum tally_status status = tl_bundle_check(&bundle, plan.ledger, NULL, &report);
        failed = test_allocations_unlimit() && status != TALLY_OK;
        assert_status(status, failed ? TALLY_ENOMEM : TALLY_OK);
        assert_true(tl_report_exit_code(&report) == 0 || failed);
    }
    tl_bundle_deinit(&bundle);
    tl_buffer_deinit(&text);
}

int main(void)
{
#define BUNDLE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        BUNDLE_TEST(a_good_bundle_holds),
        BUNDLE_TEST(records_may_stand_on_several_lines),
        BUNDLE_TEST(the_ledger_id_is_compared),
        BUNDLE_TEST(no_amendment_may_be_missing),
        BUNDLE_TEST(entries_are_judged_under_their_roster),
        BUNDLE_TEST(the_constitution_is_judged),
        BUNDLE_TEST(behind_a_bad_charter_little_is_checked),
        BUNDLE_TEST(an_amendment_names_the_record_that_it_amends),
        BUNDLE_TEST(seals_signatures_and_inclusion_are_checked),
        BUNDLE_TEST(the_checkpoint_is_signed_by_the_last_rosters_key),
        BUNDLE_TEST(parts_are_those_committed),
        BUNDLE_TEST(parts_keep_their_rules),
        BUNDLE_TEST(no_flipped_bit_is_overlooked),
        BUNDLE_TEST(an_index_line_must_be_the_records),
        BUNDLE_TEST(a_record_of_another_index),
        BUNDLE_TEST(a_continuation_is_no_constitution_line),
        BUNDLE_TEST(the_newest_record_is_judged_as_an_entry),
        BUNDLE_TEST(lines_out_of_place_are_no_bundle),
        BUNDLE_TEST(lines_are_those_of_a_decoded_bundle),
        BUNDLE_TEST(without_a_checkpoint_there_is_nothing),
        BUNDLE_TEST(parts_of_an_unproven_entry_are_left),
        BUNDLE_TEST(a_visitor_is_told_what_it_asks_for),
        BUNDLE_TEST(behind_unknown_rules_little_is_checked),
        BUNDLE_TEST(out_of_memory_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
