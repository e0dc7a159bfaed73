/* SPDX-License-Identifier: ISC */
/*
 * Judge, restored judge, charters, receipts and bundle against vectors that an independent
 * implementation has made: a small ledger, records that may or may not come next, charters,
 * receipts that do not hold.
 */
#include "tests/support/test.h"

#include <jansson.h>

#include "keys/ed25519.h"
#include "lib/codec/submission.h"
#include "lib/tree/tree.h"
#include "lib/verify/judge.h"
#include "lib/verify/proof_check.h"

#define RECORDS_MAX 64
#define EXIT_SKIPPED 77

struct replay {
    struct tl_judge *judge;
    struct tl_entry_facts facts[RECORDS_MAX];
    size_t count;
};

/* A record as the vectors give it. */
struct given {
    struct tl_buffer bytes;
    struct tl_buffer clear_bytes;
    struct tl_record record;
    struct tl_envelope envelope;
    struct tl_deposit_list clear;
    struct tally_hash leaf;
};

static json_t *load(const char *name)
{
    char path[TEST_PATH_MAX];
    json_error_t error;
    test_path(path, TALLY_VECTORS_DIR, name);
    return json_load_file(path, JSON_REJECT_DUPLICATES, &error);
}

static const char *text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_string(value));
    return json_string_value(value);
}

static void unhex_to(const char *hex, struct tl_buffer *buffer)
{
    size_t len = strlen(hex) / 2;
    tl_buffer_init(buffer, TALLY_SUBMISSION_MAX);
    uint8_t *dst = tl_buffer_extend(buffer, len);
    assert_non_null(dst);
    assert_int_equal(test_unhex(hex, dst, len), len);
}

static void given_init(struct given *given, const json_t *vector)
{
    const json_t *clear = json_object_get(vector, "clear");
    unhex_to(text_of(vector, "record"), &given->bytes);
    assert_status(tl_record_decode(tl_buffer_bytes(&given->bytes), &given->record), TALLY_OK);
    assert_status(tl_envelope_decode(given->record.envelope, &given->envelope, NULL), TALLY_OK);
    given->leaf = tl_tree_leaf(tl_buffer_bytes(&given->bytes));
    tl_buffer_init(&given->clear_bytes, TALLY_SUBMISSION_MAX);
    for (size_t i = 0; i < json_array_size(clear); i++) {
        const json_t *part = json_array_get(clear, i);
        struct tl_buffer bytes;
        unhex_to(text_of(part, "part"), &bytes);
        tl_deposit_add(&given->clear_bytes,
                       (unsigned)json_integer_value(json_object_get(part, "position")),
                       tl_buffer_bytes(&bytes));
        tl_buffer_deinit(&bytes);
    }
    given->clear = (struct tl_deposit_list){.count = (unsigned)json_array_size(clear),
                                            .items = tl_buffer_bytes(&given->clear_bytes)};
}

static void given_deinit(struct given *given)
{
    tl_buffer_deinit(&given->bytes);
    tl_buffer_deinit(&given->clear_bytes);
}

static enum tally_status find_facts(void *context, uint64_t index, struct tl_entry_facts *ret_facts)
{
    const struct replay *replay = context;
    assert_true(index < replay->count);
    *ret_facts = replay->facts[index];
    return TALLY_OK;
}

/* Judges one record and appends it when it is good. */
static enum tally_reason judge_one(struct replay *replay, const json_t *vector)
{
    struct given given;
    enum tally_reason reason = TALLY_REASON_COUNT;
    given_init(&given, vector);
    assert_status(tl_judge_check(replay->judge, &given.record, &given.envelope, &given.clear,
                                 &given.leaf, find_facts, replay, &reason, NULL),
                  TALLY_OK);
    if (reason == TALLY_REASON_NONE) {
        struct tally_hash hash = tl_envelope_hash(&given.envelope);
        assert_true(replay->count < RECORDS_MAX);
        tl_judge_accept(replay->judge, &hash, &replay->facts[replay->count]);
        replay->count++;
    }
    given_deinit(&given);
    return reason;
}

static void replay_ledger(struct replay *replay, const json_t *ledger)
{
    const json_t *records = json_object_get(ledger, "records");
    *replay = (struct replay){.count = 0};
    assert_status(tl_judge_new(&replay->judge), TALLY_OK);
    for (size_t i = 0; ledger != NULL && i < json_array_size(records); i++) {
        enum tally_reason reason = judge_one(replay, json_array_get(records, i));
        assert_string_equal(tally_reason_name(reason), "none");
    }
}

static int load_ledger(void **state)
{
    assert_status(tl_ed25519_init(), TALLY_OK);
    json_t *ledger = load("ledger.json");
    assert_non_null(ledger);
    *state = ledger;
    return 0;
}

static int drop_ledger(void **state)
{
    json_decref(*state);
    return 0;
}

static void the_sample_ledger_is_accepted(void **state)
{
    const json_t *ledger = *state;
    struct replay replay;
    replay_ledger(&replay, ledger);
    const json_t *records = json_object_get(ledger, "records");
    const struct tl_roster *roster = tl_judge_roster(replay.judge);
    uint8_t id[TALLY_HASH_LEN];
    assert_int_equal(test_unhex(text_of(ledger, "ledger_id"), id, sizeof id), sizeof id);
    assert_memory_equal(&roster->ledger, id, sizeof id);
    assert_string_equal(roster->ledger_key.name, text_of(ledger, "origin"));
    assert_int_equal(replay.count, json_array_size(records));
    for (size_t i = 0; i < replay.count; i++) {
        const json_t *record = json_array_get(records, i);
        uint8_t leaf[TALLY_HASH_LEN];
        assert_int_equal(test_unhex(text_of(record, "leaf"), leaf, sizeof leaf), sizeof leaf);
        assert_memory_equal(&replay.facts[i].leaf, leaf, sizeof leaf);
        assert_string_equal(tl_type_row(replay.facts[i].type)->name, text_of(record, "type"));
    }
    tl_judge_free(replay.judge);
}

/* The roster after the newest charter or amendment up to and including record index. */
static struct tl_judge *judge_up_to(const json_t *ledger, size_t index)
{
    struct replay replay = {.count = 0};
    const json_t *records = json_object_get(ledger, "records");
    assert_status(tl_judge_new(&replay.judge), TALLY_OK);
    for (size_t i = 0; i < index; i++) {
        assert_int_equal(judge_one(&replay, json_array_get(records, i)), TALLY_REASON_NONE);
    }
    return replay.judge;
}

static void its_receipts_hold(void **state)
{
    const json_t *ledger = *state;
    const json_t *receipts = json_object_get(ledger, "receipts");
    struct tl_note_key key;
    struct tally_hash id;
    assert_status(tl_note_key_parse(tl_bytes_text(text_of(ledger, "vkey")), &key), TALLY_OK);
    assert_int_equal(test_unhex(text_of(ledger, "ledger_id"), id.bytes, sizeof id.bytes), 32);
    assert_true(json_array_size(receipts) > 0);
    for (size_t i = 0; i < json_array_size(receipts); i++) {
        struct tl_receipt receipt;
        struct tl_report report;
        struct tl_judge *judge = judge_up_to(ledger, i);
        const char *text = json_string_value(json_array_get(receipts, i));
        assert_status(tl_receipt_decode(tl_bytes_text(text), &receipt), TALLY_OK);
        assert_status(tl_receipt_check(&receipt, &key, tl_judge_roster(judge), &id, &report),
                      TALLY_OK);
        assert_int_equal(tl_report_exit_code(&report), 0);
        tl_receipt_deinit(&receipt);
        tl_judge_free(judge);
    }
}

static void its_bundle_holds(void **state)
{
    const json_t *ledger = *state;
    struct tl_bundle bundle;
    struct tl_report report;
    struct tally_hash id;
    assert_int_equal(test_unhex(text_of(ledger, "ledger_id"), id.bytes, sizeof id.bytes), 32);
    assert_status(tl_bundle_decode(tl_bytes_text(text_of(ledger, "bundle")), &bundle, NULL),
                  TALLY_OK);
    assert_status(tl_bundle_check(&bundle, &id, NULL, &report), TALLY_OK);
    assert_int_equal(tl_report_exit_code(&report), 0);
    assert_int_equal(report.lines[TL_CHECK_DEPOSITS].verdict, TL_VERDICT_OK);
    tl_bundle_deinit(&bundle);
}

static void restore_authors(struct tl_judge *judge, const json_t *records, size_t count)
{
    const struct tl_roster *roster = tl_judge_roster(judge);
    for (size_t i = 0; i < count; i++) {
        struct given given;
        given_init(&given, json_array_get(records, i));
        if (!tl_envelope_is_constitution(&given.envelope)) {
            const struct tl_roster_key *key = tl_roster_find_key(roster, &given.envelope.key);
            struct tl_author_state state = {.sequence = given.envelope.sequence,
                                            .previous = tl_envelope_hash(&given.envelope),
                                            .seen_index = given.envelope.seen_index};
            assert_non_null(key);
            assert_status(tl_judge_restore_author(judge, (size_t)(key - roster->keys), &state),
                          TALLY_OK);
        }
        given_deinit(&given);
    }
}

/* A judge behind the first count records, from what a store can tell. */
static struct tl_judge *restore(const json_t *records, size_t count)
{
    struct tl_judge *judge = NULL;
    struct given given;
    assert_status(tl_judge_new(&judge), TALLY_OK);
    for (size_t i = 0; i < count; i++) {
        enum tally_reason reason = TALLY_REASON_NONE;
        given_init(&given, json_array_get(records, i));
        if (tl_envelope_is_constitution(&given.envelope)) {
            assert_status(tl_judge_restore_constitution(judge, &given.record, &given.envelope,
                                                        &given.leaf, &reason),
                          TALLY_OK);
        }
        assert_string_equal(tally_reason_name(reason), "none");
        given_deinit(&given);
    }
    given_init(&given, json_array_get(records, count - 1));
    tl_judge_restore_head(judge, count, &given.leaf, given.record.received_us);
    given_deinit(&given);
    restore_authors(judge, records, count);
    return judge;
}

static void assert_same_keys(const struct tl_judge *a, const struct tl_judge *b)
{
    const struct tl_roster *left = tl_judge_roster(a);
    const struct tl_roster *right = tl_judge_roster(b);
    assert_int_equal(left->key_count, right->key_count);
    for (size_t i = 0; i < left->key_count; i++) {
        const struct tl_roster_key *x = &left->keys[i];
        const struct tl_roster_key *y = &right->keys[i];
        struct tl_author_state chain_x = tl_judge_author(a, i);
        struct tl_author_state chain_y = tl_judge_author(b, i);
        assert_memory_equal(&x->key.fingerprint, &y->key.fingerprint, TALLY_HASH_LEN);
        assert_int_equal(x->member, y->member);
        assert_int_equal(x->roles, y->roles);
        assert_int_equal(x->enrolled, y->enrolled);
        assert_int_equal(x->ended, y->ended);
        assert_int_equal(chain_x.sequence, chain_y.sequence);
        assert_int_equal(chain_x.seen_index, chain_y.seen_index);
        assert_memory_equal(&chain_x.previous, &chain_y.previous, TALLY_HASH_LEN);
    }
}

static void assert_same_judge(const struct tl_judge *a, const struct tl_judge *b)
{
    const struct tl_roster *left = tl_judge_roster(a);
    const struct tl_roster *right = tl_judge_roster(b);
    struct tally_hash link_a = tl_judge_link(a);
    struct tally_hash link_b = tl_judge_link(b);
    assert_int_equal(tl_judge_size(a), tl_judge_size(b));
    assert_int_equal(tl_judge_received_us(a), tl_judge_received_us(b));
    assert_memory_equal(&link_a, &link_b, TALLY_HASH_LEN);
    assert_int_equal(left->position, right->position);
    assert_memory_equal(&left->position_leaf, &right->position_leaf, TALLY_HASH_LEN);
    assert_memory_equal(&left->ledger, &right->ledger, TALLY_HASH_LEN);
    assert_memory_equal(left->ledger_key.point, right->ledger_key.point, 32);
    assert_int_equal(left->ledger_point_count, right->ledger_point_count);
    assert_int_equal(left->rules, right->rules);
    assert_int_equal(left->threshold_amend, right->threshold_amend);
    assert_int_equal(left->member_count, right->member_count);
    assert_same_keys(a, b);
}

/* Behind every record of the sample ledger. */
static void a_restored_judge_is_the_same(void **state)
{
    const json_t *ledger = *state;
    const json_t *records = json_object_get(ledger, "records");
    for (size_t count = 1; count <= json_array_size(records); count++) {
        struct tl_judge *replayed = judge_up_to(ledger, count);
        struct tl_judge *restored = restore(records, count);
        assert_same_judge(replayed, restored);
        tl_judge_free(replayed);
        tl_judge_free(restored);
    }
}

/*
 * The last record of each vector, behind the ledger or behind nothing, gets exactly its reason.
 * is_restored: from a judge that has not seen the ledger's records but was restored.
 */
static size_t judge_all(const json_t *vectors, const json_t *ledger, bool is_restored)
{
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        const json_t *records = json_object_get(vector, "records");
        const json_t *why = json_object_get(vector, "why");
        const char *expected = json_is_null(why) ? "none" : json_string_value(why);
        enum tally_reason reason = TALLY_REASON_COUNT;
        struct replay replay;
        replay_ledger(&replay, ledger);
        if (is_restored) {
            tl_judge_free(replay.judge);
            replay.judge = restore(json_object_get(ledger, "records"), replay.count);
        }
        for (size_t k = 0; k < json_array_size(records); k++) {
            reason = judge_one(&replay, json_array_get(records, k));
            if (k + 1 < json_array_size(records)) {
                assert_string_equal(tally_reason_name(reason), "none");
            }
        }
        if (strcmp(tally_reason_name(reason), expected) != 0) {
            fail_msg("%s: %s, not %s", text_of(vector, "name"), tally_reason_name(reason),
                     expected);
        }
        tl_judge_free(replay.judge);
    }
    return json_array_size(vectors);
}

static void every_vector_gets_its_reason(void **state)
{
    const json_t *ledger = *state;
    json_t *vectors = load("judge.json");
    assert_non_null(vectors);
    const json_t *charters = json_object_get(vectors, "charters");
    for (int is_restored = 0; is_restored <= 1; is_restored++) {
        assert_true(judge_all(json_object_get(vectors, "good"), ledger, is_restored) > 40);
        assert_true(judge_all(json_object_get(vectors, "bad"), ledger, is_restored) > 200);
    }
    assert_true(judge_all(json_object_get(charters, "good"), NULL, false) > 0);
    assert_true(judge_all(json_object_get(charters, "bad"), NULL, false) > 60);
    json_decref(vectors);
}

/* What is wrong about the record around a charter, which its roster knows nothing of. */
static bool is_of_record(const char *why)
{
    return strcmp(why, "index-mismatch") == 0 || strcmp(why, "link-mismatch") == 0 ||
           strcmp(why, "roster-mismatch") == 0;
}

/* Step 13 alone: the charter by itself makes a roster, or is refused with the same reason. */
static size_t found_all(const json_t *vectors)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        const char *why = json_string_value(json_object_get(vector, "why"));
        const char *expected = why == NULL || is_of_record(why) ? "none" : why;
        struct tl_roster *roster = NULL;
        enum tally_reason reason = TALLY_REASON_COUNT;
        struct given given;
        given_init(&given, json_array_get(json_object_get(vector, "records"), 0));
        if (tl_bytes_equal(given.envelope.type, tl_bytes_text("charter"))) {
            assert_status(
                tl_roster_from_charter(&given.envelope, &given.record.signatures, &roster, &reason),
                TALLY_OK);
            if (strcmp(tally_reason_name(reason), expected) != 0) {
                fail_msg("%s: %s, not %s", text_of(vector, "name"), tally_reason_name(reason),
                         expected);
            }
            assert_int_equal(roster != NULL, reason == TALLY_REASON_NONE);
            count++;
        }
        tl_roster_free(roster);
        given_deinit(&given);
    }
    return count;
}

static void every_charter_makes_its_roster(void **state)
{
    (void)state;
    json_t *vectors = load("judge.json");
    assert_non_null(vectors);
    const json_t *charters = json_object_get(vectors, "charters");
    assert_true(found_all(json_object_get(charters, "good")) > 5);
    assert_true(found_all(json_object_get(charters, "bad")) > 60);
    json_decref(vectors);
}

static enum tl_check check_named(const char *name)
{
    enum tl_check check = TL_CHECK_LEDGER;
    while (check < TL_CHECK_COUNT && strcmp(tl_check_name(check), name) != 0) {
        check++;
    }
    assert_true(check < TL_CHECK_COUNT);
    return check;
}

/* It decodes, and is BAD in that line at least. */
static void expect_unsound(const json_t *vector, const struct tl_note_key *key)
{
    struct tl_receipt receipt;
    struct tl_report report;
    assert_status(tl_receipt_decode(tl_bytes_text(text_of(vector, "text")), &receipt), TALLY_OK);
    assert_status(tl_receipt_check(&receipt, key, NULL, NULL, &report), TALLY_OK);
    assert_int_equal(tl_report_exit_code(&report), 1);
    const struct tl_report_line *line = &report.lines[check_named(text_of(vector, "line"))];
    if (line->verdict != TL_VERDICT_BAD ||
        strcmp(tally_reason_name(line->reason), text_of(vector, "why")) != 0) {
        fail_msg("%s: %s (%s)", text_of(vector, "name"), tl_verdict_text(line->verdict),
                 tally_reason_name(line->reason));
    }
    tl_receipt_deinit(&receipt);
}

static void unsound_receipts_are_bad(void **state)
{
    (void)state;
    struct tl_note_key key;
    json_t *vectors = load("receipt.json");
    assert_non_null(vectors);
    const json_t *unsound = json_object_get(vectors, "unsound");
    assert_status(tl_note_key_parse(tl_bytes_text(text_of(vectors, "vkey")), &key), TALLY_OK);
    assert_true(json_array_size(unsound) > 10);
    for (size_t i = 0; i < json_array_size(unsound); i++) {
        expect_unsound(json_array_get(unsound, i), &key);
    }
    json_decref(vectors);
}

int main(void)
{
    json_t *there = load("ledger.json");
    if (there == NULL) {
        return EXIT_SKIPPED;
    }
    json_decref(there);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_ledger_is_accepted),
        cmocka_unit_test(its_receipts_hold),
        cmocka_unit_test(its_bundle_holds),
        cmocka_unit_test(a_restored_judge_is_the_same),
        cmocka_unit_test(every_vector_gets_its_reason),
        cmocka_unit_test(every_charter_makes_its_roster),
        cmocka_unit_test(unsound_receipts_are_bad),
    };
    return cmocka_run_group_tests(tests, load_ledger, drop_ledger);
}
