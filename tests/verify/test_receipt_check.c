/* SPDX-License-Identifier: ISC */
/* A receipt: everything in it is checked, nothing believed. */
#include "tests/verify/proof_maker.h"

enum { ALDER, BIRCH, CEDAR, KEYS };
enum { CHARTER, FINDING, AMENDMENT, LATER, LAST };

struct fixture {
    struct sample sample;
    struct actor actors[KEYS];
    struct actor stranger;
    struct proof_maker maker;
    struct tl_roster *first; /* after the charter */
};

static void grow(struct fixture *fixture)
{
    static const char *const roles[KEYS] = {"author,govern", "author,govern", "author,govern"};
    struct sample *sample = &fixture->sample;
    struct draft draft = draft_charter(&fixture->actors[ALDER]);
    charter_head(sample, &draft, 2);
    charter_founders(sample, &draft, fixture->actors, roles, KEYS);
    (void)sample_add(sample, &draft);
    enum tally_reason reason = TALLY_REASON_COUNT;
    assert_status(tl_roster_from_charter(&sample->records[0]->envelope,
                                         &sample->records[0]->record.signatures, &fixture->first,
                                         &reason),
                  TALLY_OK);
    fixture->first->position_leaf = sample->records[0]->leaf;
    draft = draft_entry(sample, "finding", &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->actors[CEDAR]);
    (void)sample_add(sample, &draft);
    draft = draft_amendment(sample, &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->actors[BIRCH]);
    draft_op(&draft, "admit dogwood D");
    (void)sample_add(sample, &draft);
    for (size_t i = LATER; i <= LAST; i++) {
        draft = draft_entry(sample, "finding", &fixture->actors[BIRCH]);
        (void)sample_add(sample, &draft);
    }
    maker_init(&fixture->maker, sample);
}

static int setup(void **state)
{
    static const char *const members[KEYS] = {"alder", "birch", "cedar"};
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
    tl_roster_free(fixture->first);
    sample_free(&fixture->sample);
    tl_free(fixture);
    return 0;
}

static const struct tally_hash *ledger_of(const struct fixture *fixture)
{
    return &fixture->first->ledger;
}

static const struct tl_roster *newest_roster(const struct fixture *fixture)
{
    return tl_judge_roster(fixture->sample.judge);
}

static struct tl_report check_text(struct tally_bytes text, const struct tl_note_key *key,
                                   const struct tl_roster *roster, const struct tally_hash *ledger)
{
    struct tl_receipt receipt;
    struct tl_report report;
    assert_status(tl_receipt_decode(text, &receipt), TALLY_OK);
    assert_status(tl_receipt_check(&receipt, key, roster, ledger, &report), TALLY_OK);
    tl_receipt_deinit(&receipt);
    return report;
}

/* The receipt of a record of the ledger at this size. */
static struct tl_report check_at(const struct fixture *fixture, size_t index, size_t size,
                                 const struct tl_roster *roster)
{
    struct tl_buffer text;
    maker_receipt(&fixture->maker, fixture->sample.records[index], index, size, &text);
    struct tl_report report =
        check_text(tl_buffer_bytes(&text), &fixture->sample.ledger_key, roster, ledger_of(fixture));
    tl_buffer_deinit(&text);
    return report;
}

/* A draft at the end of the ledger that no judge has seen, with everything at hand. */
static struct tl_report check_draft(struct fixture *fixture, struct draft *draft)
{
    struct made *made = sample_make(&fixture->sample, draft);
    struct proof_maker maker = fixture->maker;
    struct tl_buffer text;
    assert_non_null(made);
    size_t index = maker_push(&maker, made);
    maker_receipt(&maker, made, index, index + 1, &text);
    struct tl_report report = check_text(tl_buffer_bytes(&text), &fixture->sample.ledger_key,
                                         newest_roster(fixture), ledger_of(fixture));
    tl_buffer_deinit(&text);
    made_free(made);
    return report;
}

static void good_receipts_hold(void **state)
{
    const struct fixture *fixture = *state;
    static const enum tl_check lines[] = {
        TL_CHECK_LEDGER, TL_CHECK_CHECKPOINT, TL_CHECK_TREE,    TL_CHECK_SEALS,
        TL_CHECK_ROSTER, TL_CHECK_SIGNATURES, TL_CHECK_RECEIPTS};
    const struct {
        size_t index;
        size_t size;
        const struct tl_roster *roster;
    } receipts[] = {
        {CHARTER, 1, NULL},
        {FINDING, 2, fixture->first},
        {FINDING, 3, fixture->first},
        {AMENDMENT, 3, fixture->first},
        {LATER, 4, newest_roster(fixture)},
        {LATER, 5, newest_roster(fixture)},
        {LAST, 5, newest_roster(fixture)},
    };
    for (size_t i = 0; i < TEST_COUNT(receipts); i++) {
        struct tl_report report =
            check_at(fixture, receipts[i].index, receipts[i].size, receipts[i].roster);
        for (size_t k = 0; k < TEST_COUNT(lines); k++) {
            assert_ok(&report, lines[k]);
        }
        assert_left(&report, TL_CHECK_CHAIN);
        assert_left(&report, TL_CHECK_AUTHORS);
        assert_left(&report, TL_CHECK_WITNESSES);
        assert_int_equal(tl_report_exit_code(&report), 0);
        assert_int_equal(report.size, receipts[i].size);
        assert_string_equal(report.origin, SAMPLE_ORIGIN);
        assert_memory_equal(&report.ledger, ledger_of(fixture), 32);
        assert_true(report.sample);
    }
}

static void what_is_not_at_hand_is_not_checked(void **state)
{
    const struct fixture *fixture = *state;
    const struct tl_note_key *key = &fixture->sample.ledger_key;
    struct tl_buffer text;
    maker_receipt(&fixture->maker, fixture->sample.records[FINDING], FINDING, 2, &text);
    struct tally_bytes bytes = tl_buffer_bytes(&text);

    struct tl_report report = check_text(bytes, key, NULL, ledger_of(fixture));
    assert_left(&report, TL_CHECK_ROSTER);
    assert_ok(&report, TL_CHECK_SEALS);
    assert_int_equal(tl_report_exit_code(&report), 4);
    report = check_text(bytes, key, fixture->first, NULL);
    assert_left(&report, TL_CHECK_LEDGER);
    assert_ok(&report, TL_CHECK_ROSTER);
    assert_int_equal(tl_report_exit_code(&report), 4);
    report = check_text(bytes, NULL, NULL, ledger_of(fixture));
    assert_left(&report, TL_CHECK_SEALS);
    assert_left(&report, TL_CHECK_CHECKPOINT);
    assert_ok(&report, TL_CHECK_SIGNATURES);
    assert_ok(&report, TL_CHECK_TREE);
    assert_int_equal(tl_report_exit_code(&report), 4);
    /* The roster holds the key. */
    report = check_text(bytes, NULL, fixture->first, ledger_of(fixture));
    assert_ok(&report, TL_CHECK_SEALS);
    assert_int_equal(tl_report_exit_code(&report), 0);
    tl_buffer_deinit(&text);

    /* A charter brings both, but not the ledger id. */
    maker_receipt(&fixture->maker, fixture->sample.records[CHARTER], CHARTER, 1, &text);
    report = check_text(tl_buffer_bytes(&text), NULL, NULL, ledger_of(fixture));
    assert_int_equal(tl_report_exit_code(&report), 0);
    report = check_text(tl_buffer_bytes(&text), NULL, NULL, NULL);
    assert_int_equal(tl_report_exit_code(&report), 4);
    tl_buffer_deinit(&text);
}

static void another_ledger_is_bad(void **state)
{
    const struct fixture *fixture = *state;
    struct tally_hash other = *ledger_of(fixture);
    other.bytes[0] ^= 1u;
    for (size_t index = CHARTER; index <= FINDING; index++) {
        struct tl_buffer text;
        maker_receipt(&fixture->maker, fixture->sample.records[index], index, index + 1, &text);
        struct tl_report report = check_text(tl_buffer_bytes(&text), NULL, fixture->first, &other);
        assert_bad(&report, TL_CHECK_LEDGER, TALLY_REASON_WRONG_LEDGER);
        assert_int_equal(tl_report_exit_code(&report), 1);
        tl_buffer_deinit(&text);
    }
}

/* ---- Each field altered ---- */

struct fields {
    struct tl_buffer record;
    uint8_t seal[TALLY_SIGNATURE_LEN];
    uint64_t index;
    struct tl_tree_proof proof;
    struct tl_buffer checkpoint;
};

typedef void (*alter_fn)(struct fields *fields);

static void alter_nothing(struct fields *fields)
{
    (void)fields;
}

static void alter_record_tail(struct fields *fields)
{
    fields->record.len--;
}

static void alter_record_version(struct fields *fields)
{
    fields->record.ptr[0] = 2;
}

/* In the envelope's first line: the record's frame still decodes. */
static void alter_envelope(struct fields *fields)
{
    fields->record.ptr[1 + 8 + 8 + 32 + 8 + 2] = 'T';
}

static void alter_time(struct fields *fields)
{
    fields->record.ptr[1 + 8 + 7] ^= 1u;
}

static void alter_seal(struct fields *fields)
{
    fields->seal[3] ^= 1u;
}

static void alter_index(struct fields *fields)
{
    fields->index--;
}

static void alter_proof(struct fields *fields)
{
    fields->proof.hashes[0].bytes[9] ^= 1u;
}

static void alter_proof_short(struct fields *fields)
{
    fields->proof.count--;
}

static void alter_proof_long(struct fields *fields)
{
    fields->proof.hashes[fields->proof.count] = test_hash(1);
    fields->proof.count++;
}

static void alter_checkpoint_form(struct fields *fields)
{
    fields->checkpoint.len--;
}

static void alter_checkpoint_size(struct fields *fields)
{
    uint8_t *size = memchr(fields->checkpoint.ptr, '\n', fields->checkpoint.len);
    size[1]++;
}

/* The last byte of the base64 but one changes the signature itself. */
static void alter_checkpoint_signature(struct fields *fields)
{
    uint8_t *at = &fields->checkpoint.ptr[fields->checkpoint.len - 8];
    *at = *at == 'A' ? 'B' : 'A';
}

static void each_field_altered(void **state)
{
    const struct fixture *fixture = *state;
    static const struct {
        alter_fn alter;
        enum tl_check check;
        enum tally_reason reason;
    } alterations[] = {
        {alter_record_tail, TL_CHECK_RECEIPTS, TALLY_REASON_RECEIPT_INVALID},
        {alter_record_version, TL_CHECK_RECEIPTS, TALLY_REASON_RECEIPT_INVALID},
        {alter_envelope, TL_CHECK_RECEIPTS, TALLY_REASON_RECEIPT_INVALID},
        {alter_time, TL_CHECK_TREE, TALLY_REASON_PROOF_INVALID},
        {alter_time, TL_CHECK_SEALS, TALLY_REASON_SEAL_INVALID},
        {alter_seal, TL_CHECK_SEALS, TALLY_REASON_SEAL_INVALID},
        {alter_index, TL_CHECK_RECEIPTS, TALLY_REASON_INDEX_MISMATCH},
        {alter_proof, TL_CHECK_TREE, TALLY_REASON_PROOF_INVALID},
        {alter_proof_short, TL_CHECK_TREE, TALLY_REASON_PROOF_INVALID},
        {alter_proof_long, TL_CHECK_TREE, TALLY_REASON_PROOF_INVALID},
        {alter_checkpoint_form, TL_CHECK_RECEIPTS, TALLY_REASON_RECEIPT_INVALID},
        {alter_checkpoint_size, TL_CHECK_CHECKPOINT, TALLY_REASON_CHECKPOINT_INVALID},
        {alter_checkpoint_signature, TL_CHECK_CHECKPOINT, TALLY_REASON_CHECKPOINT_INVALID},
        {alter_nothing, TL_CHECK_COUNT, TALLY_REASON_NONE},
    };
    for (size_t i = 0; i < TEST_COUNT(alterations); i++) {
        const struct made *made = fixture->sample.records[LATER];
        struct fields fields = {.index = LATER};
        struct tl_buffer text;
        tl_buffer_init(&fields.record, TALLY_RECORD_MAX);
        tl_buffer_add(&fields.record, tl_buffer_bytes(&made->bytes));
        memcpy(fields.seal, made->seal, sizeof fields.seal);
        assert_status(tl_tree_prove_inclusion_of(fixture->maker.leaves, 4, LATER, &fields.proof),
                      TALLY_OK);
        maker_checkpoint(&fixture->maker, 4, &fields.checkpoint);
        alterations[i].alter(&fields);
        tl_buffer_init(&text, TL_RECEIPT_MAX);
        tl_receipt_encode(tl_buffer_bytes(&fields.record), fields.seal, fields.index, &fields.proof,
                          tl_buffer_bytes(&fields.checkpoint), &text);
        struct tl_report report = check_text(tl_buffer_bytes(&text), &fixture->sample.ledger_key,
                                             newest_roster(fixture), ledger_of(fixture));
        if (alterations[i].check == TL_CHECK_COUNT) {
            assert_int_equal(tl_report_exit_code(&report), 0);
        } else {
            assert_bad(&report, alterations[i].check, alterations[i].reason);
            assert_int_equal(tl_report_exit_code(&report), 1);
        }
        tl_buffer_deinit(&text);
        tl_buffer_deinit(&fields.record);
        tl_buffer_deinit(&fields.checkpoint);
    }
}

static void no_flipped_bit_is_overlooked(void **state)
{
    const struct fixture *fixture = *state;
    struct tl_buffer text;
    maker_receipt(&fixture->maker, fixture->sample.records[LATER], LATER, 5, &text);
    for (size_t i = 0; i < text.len; i++) {
        struct tl_receipt receipt;
        struct tl_report report;
        uint8_t bit = (uint8_t)(1u << (i % 7));
        text.ptr[i] ^= bit;
        if (tl_receipt_decode(tl_buffer_bytes(&text), &receipt) == TALLY_OK) {
            assert_status(tl_receipt_check(&receipt, &fixture->sample.ledger_key,
                                           newest_roster(fixture), ledger_of(fixture), &report),
                          TALLY_OK);
            if (tl_report_exit_code(&report) != 1) {
                fail_msg("byte %zu", i);
            }
            tl_receipt_deinit(&receipt);
        }
        text.ptr[i] ^= bit;
    }
    tl_buffer_deinit(&text);
}

/* ---- What the ledger itself must not do ---- */

static void a_constitution_record_ends_its_batch(void **state)
{
    const struct fixture *fixture = *state;
    struct tl_report report = check_at(fixture, CHARTER, 2, NULL);
    assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_BATCH_MISMATCH);
    report = check_at(fixture, AMENDMENT, 4, fixture->first);
    assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_BATCH_MISMATCH);
    assert_ok(&report, TL_CHECK_TREE);
    assert_int_equal(tl_report_exit_code(&report), 1);
}

static void the_checkpoint_covers_the_record(void **state)
{
    const struct fixture *fixture = *state;
    const struct made *made = fixture->sample.records[LATER];
    struct tl_tree_proof proof = {.count = 0};
    struct tl_buffer checkpoint;
    struct tl_buffer text;
    maker_checkpoint(&fixture->maker, LATER, &checkpoint);
    tl_buffer_init(&text, TL_RECEIPT_MAX);
    tl_receipt_encode(tl_buffer_bytes(&made->bytes), made->seal, LATER, &proof,
                      tl_buffer_bytes(&checkpoint), &text);
    struct tl_report report = check_text(tl_buffer_bytes(&text), &fixture->sample.ledger_key,
                                         newest_roster(fixture), ledger_of(fixture));
    assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_PROOF_INVALID);
    assert_bad(&report, TL_CHECK_TREE, TALLY_REASON_PROOF_INVALID);
    tl_buffer_deinit(&text);
    tl_buffer_deinit(&checkpoint);
}

static void the_roster_position_is_judged(void **state)
{
    struct fixture *fixture = *state;
    struct draft draft = draft_entry(&fixture->sample, "finding", &fixture->actors[ALDER]);
    struct tl_report report = check_draft(fixture, &draft);
    assert_int_equal(tl_report_exit_code(&report), 0);
    /* It hides the amendment. */
    draft.record.roster = CHARTER;
    report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_ROSTER_MISMATCH);
    /* It names one that is newer than what we know. */
    draft.record.roster = LATER;
    report = check_draft(fixture, &draft);
    assert_left(&report, TL_CHECK_ROSTER);
    assert_int_equal(tl_report_exit_code(&report), 4);
    /* It names itself. */
    draft.record.roster = fixture->sample.count;
    report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_ROSTER_MISMATCH);
    /* A newer roster than the record's says nothing about it. */
    report = check_at(fixture, FINDING, 2, newest_roster(fixture));
    assert_left(&report, TL_CHECK_ROSTER);
    assert_int_equal(tl_report_exit_code(&report), 4);
}

static void keys_roles_and_relations_are_judged(void **state)
{
    struct fixture *fixture = *state;
    const struct sample *sample = &fixture->sample;
    struct draft draft = draft_entry(sample, "finding", &fixture->stranger);
    struct tl_report report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_UNKNOWN_KEY);
    assert_ok(&report, TL_CHECK_SIGNATURES);

    draft = draft_entry(sample, "finding", &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->stranger);
    report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_UNKNOWN_KEY);

    draft = draft_entry(sample, "note", &fixture->actors[ALDER]);
    report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_REFERENCE_MISSING);
    draft_ref(sample, &draft, "about", FINDING);
    report = check_draft(fixture, &draft);
    assert_int_equal(tl_report_exit_code(&report), 0);

    draft.type = "rumour";
    report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_UNKNOWN_TYPE);

    draft = draft_entry(sample, "finding", &fixture->actors[ALDER]);
    draft.ledger.bytes[0] ^= 1u;
    report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_WRONG_LEDGER);
    assert_bad(&report, TL_CHECK_LEDGER, TALLY_REASON_WRONG_LEDGER);

    draft = draft_entry(sample, "finding", &fixture->actors[ALDER]);
    draft.signers[0] = &fixture->actors[BIRCH];
    report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_SIGNATURES, TALLY_REASON_SIGNATURE_MISSING);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_SIGNATURE_MISSING);
}

static void amendments_need_their_quorum(void **state)
{
    struct fixture *fixture = *state;
    struct draft draft = draft_amendment(&fixture->sample, &fixture->actors[ALDER]);
    draft_op(&draft, "admit elm E");
    struct tl_report report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_QUORUM_MISSING);
    draft_sign(&draft, &fixture->actors[BIRCH]);
    report = check_draft(fixture, &draft);
    assert_int_equal(tl_report_exit_code(&report), 0);
    draft.refs[0].leaf.bytes[0] ^= 1u;
    report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_STALE_AMENDMENT);
    draft.refs[0].leaf.bytes[0] ^= 1u;
    draft.refs[0].index--;
    report = check_draft(fixture, &draft);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_STALE_AMENDMENT);
}

static void every_signature_verifies(void **state)
{
    struct fixture *fixture = *state;
    struct draft draft = draft_entry(&fixture->sample, "finding", &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->actors[CEDAR]);
    for (size_t back = 1; back <= 2; back++) {
        struct made *made = sample_make(&fixture->sample, &draft);
        struct proof_maker maker = fixture->maker;
        struct tl_buffer text;
        /* The last byte of the second, then of the first signature. */
        size_t blob = made->record.signatures.blobs[1].len + 2;
        made->bytes.ptr[made->bytes.len - 1 - (back == 2 ? blob : 0)] ^= 1u;
        made_reseal(&fixture->sample, made);
        size_t index = maker_push(&maker, made);
        maker_receipt(&maker, made, index, index + 1, &text);
        struct tl_report report = check_text(tl_buffer_bytes(&text), &fixture->sample.ledger_key,
                                             newest_roster(fixture), ledger_of(fixture));
        assert_bad(&report, TL_CHECK_SIGNATURES, TALLY_REASON_SIGNATURE_INVALID);
        assert_int_equal(report.lines[TL_CHECK_SIGNATURES].checked, back == 1 ? 1 : 0);
        assert_ok(&report, TL_CHECK_TREE);
        assert_ok(&report, TL_CHECK_SEALS);
        tl_buffer_deinit(&text);
        made_free(made);
    }
}

static void record_zero_and_only_it_is_a_charter(void **state)
{
    struct fixture *fixture = *state;
    const struct sample *sample = &fixture->sample;
    struct proof_maker maker = fixture->maker;
    struct tl_buffer text;
    struct draft draft = draft_entry(sample, "finding", &fixture->actors[ALDER]);
    draft.record.index = 0;
    draft.record.roster = 0;
    struct made *made = sample_make(sample, &draft);
    maker.leaves[0] = made->leaf;
    maker_receipt(&maker, made, 0, 1, &text);
    struct tl_report report =
        check_text(tl_buffer_bytes(&text), &sample->ledger_key, NULL, ledger_of(fixture));
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_CHARTER_ONLY_FIRST);
    tl_buffer_deinit(&text);
    made_free(made);

    static const char *const roles[] = {"author,govern"};
    struct draft charter = draft_charter(&fixture->actors[ALDER]);
    charter_head(sample, &charter, 1);
    charter_founders(sample, &charter, fixture->actors, roles, 1);
    charter.record.index = sample->count;
    charter.record.roster = AMENDMENT;
    report = check_draft(fixture, &charter);
    assert_bad(&report, TL_CHECK_ROSTER, TALLY_REASON_CHARTER_ONLY_FIRST);
}

/* ---- The ledger key ---- */

static void a_given_key_must_be_the_ledgers_own(void **state)
{
    struct fixture *fixture = *state;
    struct tl_note_key other;
    struct tl_secret_key *secret = sample_ledger_secret(1, &other);
    /* A host that has another key seals and signs everything with it. */
    struct proof_maker maker = fixture->maker;
    struct tl_buffer text;
    maker.secret = secret;
    maker.key = &other;
    for (size_t index = CHARTER; index <= FINDING; index++) {
        struct made forged = *fixture->sample.records[index];
        tl_seal_sign(secret, &forged.leaf, forged.seal);
        maker_receipt(&maker, &forged, index, index + 1, &text);
        struct tl_report report =
            check_text(tl_buffer_bytes(&text), &other, fixture->first, ledger_of(fixture));
        assert_bad(&report, TL_CHECK_SEALS, TALLY_REASON_SEAL_INVALID);
        assert_ok(&report, TL_CHECK_CHECKPOINT);
        assert_int_equal(tl_report_exit_code(&report), 1);
        tl_buffer_deinit(&text);
    }
    tl_secret_key_free(&secret);
}

static void an_amendment_may_replace_the_ledger_key(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct tl_note_key next;
    struct tl_secret_key *secret = sample_ledger_secret(1, &next);
    char vkey[TL_VKEY_MAX];
    tl_note_key_format(&next, vkey);
    struct draft draft = draft_amendment(sample, &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->actors[BIRCH]);
    draft_op(&draft, "ledger-key %s", vkey);
    struct made *made = sample_make(sample, &draft);
    struct proof_maker maker = fixture->maker;
    size_t index = maker_push(&maker, made);
    for (size_t i = 0; i < 4; i++) {
        bool by_new = i % 2 == 0;
        bool has_roster = i < 2;
        struct tl_buffer text;
        maker.secret = by_new ? secret : sample->ledger_secret;
        maker.key = by_new ? &next : &sample->ledger_key;
        maker_receipt(&maker, made, index, index + 1, &text);
        struct tl_report report =
            check_text(tl_buffer_bytes(&text), &sample->ledger_key,
                       has_roster ? newest_roster(fixture) : NULL, ledger_of(fixture));
        assert_ok(&report, TL_CHECK_SEALS);
        if (by_new) {
            assert_ok(&report, TL_CHECK_CHECKPOINT);
        } else {
            assert_bad(&report, TL_CHECK_CHECKPOINT, TALLY_REASON_CHECKPOINT_INVALID);
        }
        int worst = has_roster ? 0 : 4;
        assert_int_equal(tl_report_exit_code(&report), by_new ? worst : 1);
        tl_buffer_deinit(&text);
    }
    made_free(made);
    tl_secret_key_free(&secret);
}

/* Without a roster nobody has judged the operations: only what may be a ledger key replaces one. */
static void only_a_ledger_key_replaces_the_ledger_key(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct tl_note_key next;
    struct tl_secret_key *secret = sample_ledger_secret(1, &next);
    for (size_t i = 0; i < 2; i++) {
        struct tl_note_key other;
        char vkey[TL_VKEY_MAX];
        assert_status(tl_note_key_make(tl_bytes_text(i == 0 ? "example.org/b" : SAMPLE_ORIGIN),
                                       i == 0 ? TL_NOTE_ED25519 : TL_NOTE_COSIGNATURE, next.point,
                                       &other),
                      TALLY_OK);
        tl_note_key_format(&other, vkey);
        struct draft draft = draft_amendment(sample, &fixture->actors[ALDER]);
        draft_op(&draft, "ledger-key %s", vkey);
        struct made *made = sample_make(sample, &draft);
        struct proof_maker maker = fixture->maker;
        struct tl_buffer text;
        size_t index = maker_push(&maker, made);
        maker_receipt(&maker, made, index, index + 1, &text);
        struct tl_report report =
            check_text(tl_buffer_bytes(&text), &sample->ledger_key, NULL, ledger_of(fixture));
        assert_ok(&report, TL_CHECK_CHECKPOINT);
        assert_int_equal(tl_report_exit_code(&report), 4);
        tl_buffer_deinit(&text);
        made_free(made);
    }
    tl_secret_key_free(&secret);
}

/* Nor does anything that is no key at all. */
static void what_is_no_key_replaces_nothing(void **state)
{
    struct fixture *fixture = *state;
    static const char *const operations[] = {"ledger-key ", "ledger-key x", "ledger-keys x"};
    for (size_t i = 0; i < TEST_COUNT(operations); i++) {
        struct draft draft = draft_amendment(&fixture->sample, &fixture->actors[ALDER]);
        draft_op(&draft, "%s", operations[i]);
        struct made *made = sample_make(&fixture->sample, &draft);
        struct proof_maker maker = fixture->maker;
        struct tl_buffer text;
        size_t index = maker_push(&maker, made);
        maker_receipt(&maker, made, index, index + 1, &text);
        struct tl_report report = check_text(tl_buffer_bytes(&text), &fixture->sample.ledger_key,
                                             NULL, ledger_of(fixture));
        assert_ok(&report, TL_CHECK_CHECKPOINT);
        assert_int_equal(tl_report_exit_code(&report), 4);
        tl_buffer_deinit(&text);
        made_free(made);
    }
}

/* The report says of a ledger that it is a sample when its charter does, and not otherwise. */
static void a_sample_is_called_one(void **state)
{
    struct fixture *fixture = *state;
    struct tl_report report = check_at(fixture, FINDING, FINDING + 1, fixture->first);
    assert_int_equal(tl_report_exit_code(&report), 0);
    assert_true(report.sample);
    fixture->first->sample = false;
    report = check_at(fixture, FINDING, FINDING + 1, fixture->first);
    assert_int_equal(tl_report_exit_code(&report), 0);
    assert_false(report.sample);
}

static void a_key_whose_name_is_no_origin_is_no_ledger_key(void **state)
{
    struct fixture *fixture = *state;
    char longer[TALLY_ORIGIN_MAX + 2];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const char *const names[] = {"Example.org", longer, SAMPLE_ORIGIN};
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        struct tl_note_key key;
        struct proof_maker maker = fixture->maker;
        struct tl_buffer text;
        assert_status(tl_note_key_make(tl_bytes_text(names[i]), TL_NOTE_ED25519,
                                       fixture->sample.ledger_key.point, &key),
                      TALLY_OK);
        maker.key = &key;
        maker_receipt(&maker, fixture->sample.records[FINDING], FINDING, 2, &text);
        struct tl_report report = check_text(tl_buffer_bytes(&text), &key, NULL, NULL);
        if (i + 1 == TEST_COUNT(names)) {
            assert_ok(&report, TL_CHECK_CHECKPOINT);
        } else {
            assert_bad(&report, TL_CHECK_RECEIPTS, TALLY_REASON_RECEIPT_INVALID);
        }
        tl_buffer_deinit(&text);
    }
}

static void behind_unknown_rules_little_is_checked(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft draft = draft_amendment(sample, &fixture->actors[ALDER]);
    draft_sign(&draft, &fixture->actors[BIRCH]);
    draft_op(&draft, "rules %u", TL_RULES_NEWEST + 1);
    struct tl_report report = check_draft(fixture, &draft);
    assert_ok(&report, TL_CHECK_ROSTER);
    assert_ok(&report, TL_CHECK_SEALS);
    assert_left(&report, TL_CHECK_CHECKPOINT);
    assert_int_equal(tl_report_exit_code(&report), 4);

    size_t position = sample_add(sample, &draft);
    fixture->maker.count = sample->count;
    fixture->maker.leaves[position] = sample->records[position]->leaf;
    draft = draft_entry(sample, "finding", &fixture->actors[ALDER]);
    report = check_draft(fixture, &draft);
    assert_ok(&report, TL_CHECK_TREE);
    assert_ok(&report, TL_CHECK_LEDGER);
    assert_left(&report, TL_CHECK_ROSTER);
    assert_left(&report, TL_CHECK_SEALS);
    assert_left(&report, TL_CHECK_SIGNATURES);
    assert_left(&report, TL_CHECK_CHECKPOINT);
    assert_int_equal(tl_report_exit_code(&report), 4);
}

static void out_of_memory_is_a_status(void **state)
{
    const struct fixture *fixture = *state;
    struct tl_buffer text;
    struct tl_receipt receipt;
    maker_receipt(&fixture->maker, fixture->sample.records[AMENDMENT], AMENDMENT, 3, &text);
    assert_status(tl_receipt_decode(tl_buffer_bytes(&text), &receipt), TALLY_OK);
    bool failed = true;
    for (long allowed = 0; failed; allowed++) {
        struct tl_report report;
        test_allocations_limit(allowed);
        enum tally_status status = tl_receipt_check(&receipt, &fixture->sample.ledger_key,
                                                    fixture->first, ledger_of(fixture), &report);
        failed = test_allocations_unlimit() && status != TALLY_OK;
        assert_status(status, failed ? TALLY_ENOMEM : TALLY_OK);
        assert_int_equal(tl_report_exit_code(&report), failed ? 4 : 0);
    }
    tl_receipt_deinit(&receipt);
    tl_buffer_deinit(&text);
}

int main(void)
{
#define RECEIPT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        RECEIPT_TEST(good_receipts_hold),
        RECEIPT_TEST(what_is_not_at_hand_is_not_checked),
        RECEIPT_TEST(another_ledger_is_bad),
        RECEIPT_TEST(each_field_altered),
        RECEIPT_TEST(no_flipped_bit_is_overlooked),
        RECEIPT_TEST(a_constitution_record_ends_its_batch),
        RECEIPT_TEST(the_checkpoint_covers_the_record),
        RECEIPT_TEST(the_roster_position_is_judged),
        RECEIPT_TEST(keys_roles_and_relations_are_judged),
        RECEIPT_TEST(amendments_need_their_quorum),
        RECEIPT_TEST(every_signature_verifies),
        RECEIPT_TEST(record_zero_and_only_it_is_a_charter),
        RECEIPT_TEST(a_given_key_must_be_the_ledgers_own),
        RECEIPT_TEST(an_amendment_may_replace_the_ledger_key),
        RECEIPT_TEST(only_a_ledger_key_replaces_the_ledger_key),
        RECEIPT_TEST(what_is_no_key_replaces_nothing),
        RECEIPT_TEST(a_sample_is_called_one),
        RECEIPT_TEST(a_key_whose_name_is_no_origin_is_no_ledger_key),
        RECEIPT_TEST(behind_unknown_rules_little_is_checked),
        RECEIPT_TEST(out_of_memory_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
