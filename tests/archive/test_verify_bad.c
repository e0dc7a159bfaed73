/* SPDX-License-Identifier: ISC */
/*
 * What must not pass. Each case says which line is BAD, at which index and why, and that the same
 * verification was good before the fault was put in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/archive/bundle_file.h"
#include "lib/codec/note.h"
#include "lib/codec/receipt.h"
#include "lib/tree/tree.h"
#include "tests/archive/verify_case.h"

#define NONE TL_NO_INDEX

struct scene {
    struct ledger_fixture *ledger;
    struct memory_source *memory;
    struct verify_case c;
};

static void scene_begin(struct scene *s, uint64_t size)
{
    s->ledger = fixture_new("bad", 2);
    fixture_grow(s->ledger, size);
    s->memory = fixture_archive(s->ledger, size);
    case_begin(&s->c, s->ledger, s->memory);
    case_verify(&s->c);
    case_expect_exit(&s->c, 0);
}

/* The archive as the host would publish it now. */
static void scene_republish(struct scene *s)
{
    struct memory_source *memory = fixture_archive(s->ledger, s->ledger->record_count);
    struct memory_source old = *s->memory;
    *s->memory = *memory;
    *memory = old;
    memory_source_free(memory);
}

static void scene_end(struct scene *s)
{
    case_end(&s->c);
    memory_source_free(s->memory);
    fixture_free(s->ledger);
}

static struct tl_buffer *bytes_of(const struct scene *s, const char *path)
{
    struct memory_resource *resource = memory_source_find(s->memory, path);
    assert_non_null(resource);
    return &resource->bytes;
}

static void shorten(const struct scene *s, const char *path, size_t len)
{
    struct tl_buffer *bytes = bytes_of(s, path);
    assert_true(bytes->len > len);
    bytes->len -= len;
}

#define ONLY(...) (const enum tl_check[]){__VA_ARGS__, NO_LINE}

static void test_missing_resources(void **state)
{
    static const struct {
        const char *path;
        enum tl_check check;
        uint64_t index;
        enum tally_reason reason;
    } cases[] = {
        {"tile/entries/000", TL_CHECK_CHAIN, 0, TALLY_REASON_RECORD_MISSING},
        {"tile/entries/001.p/4", TL_CHECK_CHAIN, 256, TALLY_REASON_RECORD_MISSING},
        {"tally/seals/000", TL_CHECK_SEALS, 0, TALLY_REASON_SEAL_MISSING},
        {"tally/seals/001.p/4", TL_CHECK_SEALS, 256, TALLY_REASON_SEAL_MISSING},
        {"tally/commitments/000", TL_CHECK_DEPOSITS, 0, TALLY_REASON_COMMITMENTS_MISSING},
        {"tally/commitments/001.p/4", TL_CHECK_DEPOSITS, 256, TALLY_REASON_COMMITMENTS_MISSING},
        {"tile/0/000", TL_CHECK_TREE, 0, TALLY_REASON_LEAF_MISMATCH},
        {"tile/0/001.p/4", TL_CHECK_TREE, 256, TALLY_REASON_LEAF_MISMATCH},
        {"tile/1/000.p/1", TL_CHECK_TREE, NONE, TALLY_REASON_TILE_MISMATCH},
        {"tally/parts/001", TL_CHECK_DEPOSITS, 1, TALLY_REASON_PART_MISSING},
        {"tally/parts/259", TL_CHECK_DEPOSITS, 259, TALLY_REASON_PART_MISSING},
    };
    struct scene s;
    (void)state;
    scene_begin(&s, 260);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tl_buffer kept = *bytes_of(&s, cases[i].path);
        struct tl_buffer copy;
        tl_buffer_init(&copy, kept.max);
        tl_buffer_add(&copy, tl_buffer_bytes(&kept));
        assert_true(memory_source_remove(s.memory, cases[i].path));
        case_verify(&s.c);
        case_expect_bad(&s.c, cases[i].check, cases[i].index, cases[i].reason);
        memory_source_put(s.memory, cases[i].path, tl_buffer_bytes(&copy));
        tl_buffer_deinit(&copy);
    }
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    scene_end(&s);
}

static void test_short_bundles(void **state)
{
    static const struct {
        const char *path;
        enum tl_check check;
        uint64_t index;
        enum tally_reason reason;
    } cases[] = {
        {"tile/entries/000.p/8", TL_CHECK_CHAIN, 7, TALLY_REASON_RECORD_MISSING},
        {"tally/seals/000.p/8", TL_CHECK_SEALS, 7, TALLY_REASON_SEAL_MISSING},
        {"tally/commitments/000.p/8", TL_CHECK_DEPOSITS, 7, TALLY_REASON_COMMITMENTS_MISSING},
        {"tile/0/000.p/8", TL_CHECK_TREE, 7, TALLY_REASON_LEAF_MISMATCH},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_begin(&s, 8);
        shorten(&s, cases[i].path, 1);
        case_verify(&s.c);
        case_expect_bad(&s.c, cases[i].check, cases[i].index, cases[i].reason);
        scene_end(&s);
        scene_begin(&s, 8);
        tl_buffer_add_u8(bytes_of(&s, cases[i].path), 0);
        case_verify(&s.c);
        case_expect_bad(&s.c, TL_CHECK_TREE, NONE, TALLY_REASON_TILE_MISMATCH);
        case_expect_only_bad(&s.c, ONLY(TL_CHECK_TREE));
        scene_end(&s);
    }
}

/* A whole bundle gone with its leaves: the walk ends there, and nothing behind it is OK. */
static void test_a_hole(void **state)
{
    struct scene s;
    (void)state;
    scene_begin(&s, 600);
    assert_true(memory_source_remove(s.memory, "tile/entries/001"));
    assert_true(memory_source_remove(s.memory, "tile/0/001"));
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_CHAIN, 256, TALLY_REASON_RECORD_MISSING);
    case_expect_bad(&s.c, TL_CHECK_TREE, 256, TALLY_REASON_LEAF_MISMATCH);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_CHAIN, TL_CHECK_TREE));
    case_expect_verdict(&s.c, TL_CHECK_SEALS, TL_VERDICT_NOT_CHECKED);
    case_expect_verdict(&s.c, TL_CHECK_ROSTER, TL_VERDICT_NOT_CHECKED);
    case_expect_verdict(&s.c, TL_CHECK_CHECKPOINT, TL_VERDICT_NOT_CHECKED);
    assert_true(memory_source_remove(s.memory, "tally/seals/001"));
    assert_true(memory_source_remove(s.memory, "tally/commitments/001"));
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_SEALS, 256, TALLY_REASON_SEAL_MISSING);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, 256, TALLY_REASON_COMMITMENTS_MISSING);
    /* Who signs a head behind the hole is not known; what stands before it can be compared. */
    case_since(&s.c, s.ledger, 300);
    case_verify(&s.c);
    case_expect_verdict(&s.c, TL_CHECK_SINCE, TL_VERDICT_NOT_CHECKED);
    tl_buffer_clear(&s.c.since);
    case_since(&s.c, s.ledger, 256);
    case_verify(&s.c);
    case_expect_verdict(&s.c, TL_CHECK_SINCE, TL_VERDICT_OK);
    scene_end(&s);
}

static void test_swapped_records(void **state)
{
    struct scene s;
    (void)state;
    scene_begin(&s, 12);
    struct fixture_record kept = s.ledger->records[5];
    s.ledger->records[5] = s.ledger->records[6];
    s.ledger->records[6] = kept;
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_CHAIN, 5, TALLY_REASON_INDEX_MISMATCH);
    case_expect_first(&s.c, 5, TALLY_REASON_INDEX_MISMATCH);
    /* Each has its own seal and leaf: only order is wrong. */
    case_expect_verdict(&s.c, TL_CHECK_SEALS, TL_VERDICT_OK);
    /* With indexes put right the links are wrong, and with those what authors have seen. */
    fixture_relink(s.ledger, 5);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_verdict(&s.c, TL_CHECK_CHAIN, TL_VERDICT_OK);
    case_expect_bad(&s.c, TL_CHECK_AUTHORS, 5, TALLY_REASON_SEEN_UNKNOWN);
    scene_end(&s);
}

static void test_cut_tail(void **state)
{
    struct scene s;
    (void)state;
    scene_begin(&s, 12);
    fixture_truncate(s.ledger, 10);
    struct tl_buffer checkpoint;
    tl_buffer_init(&checkpoint, 65536);
    tl_buffer_add(&checkpoint, tl_buffer_bytes(bytes_of(&s, TL_PATH_CHECKPOINT)));
    scene_republish(&s);
    memory_source_put(s.memory, TL_PATH_CHECKPOINT, tl_buffer_bytes(&checkpoint));
    case_verify(&s.c);
    /* The checkpoint of 12 over an archive of 10: there is no bundle of that width. */
    case_expect_bad(&s.c, TL_CHECK_CHAIN, 0, TALLY_REASON_RECORD_MISSING);
    static const char *const kinds[] = {"tile/0", "tile/entries", "tally/seals",
                                        "tally/commitments"};
    for (size_t i = 0; i < 4; i++) {
        char from[64];
        char to[64];
        (void)snprintf(from, sizeof from, "%s/000.p/10", kinds[i]);
        (void)snprintf(to, sizeof to, "%s/000.p/12", kinds[i]);
        struct tl_buffer copy;
        tl_buffer_init(&copy, 1 << 20);
        tl_buffer_add(&copy, tl_buffer_bytes(bytes_of(&s, from)));
        memory_source_put(s.memory, to, tl_buffer_bytes(&copy));
        tl_buffer_deinit(&copy);
    }
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_CHAIN, 10, TALLY_REASON_RECORD_MISSING);
    case_expect_bad(&s.c, TL_CHECK_TREE, 10, TALLY_REASON_LEAF_MISMATCH);
    case_expect_bad(&s.c, TL_CHECK_SEALS, 10, TALLY_REASON_SEAL_MISSING);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, 10, TALLY_REASON_COMMITMENTS_MISSING);
    case_expect_first(&s.c, 10, TALLY_REASON_RECORD_MISSING);
    tl_buffer_deinit(&checkpoint);
    scene_end(&s);
}

/* With a new checkpoint the host's own key hides the cut from everybody who holds nothing. */
static void test_cut_tail_signed_again(void **state)
{
    struct scene s;
    (void)state;
    scene_begin(&s, 12);
    case_hold_receipt(&s.c, s.ledger, 11, 12);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    case_since(&s.c, s.ledger, 11);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    fixture_truncate(s.ledger, 10);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, NONE, TALLY_REASON_CHECKPOINT_ROLLBACK);
    case_expect_bad(&s.c, TL_CHECK_SINCE, NONE, TALLY_REASON_CHECKPOINT_ROLLBACK);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_RECEIPTS, TL_CHECK_SINCE));
    s.c.options.receipt_count = 0;
    s.c.options.since = tl_bytes(NULL, 0);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    scene_end(&s);
}

/* The host rewrites its last record and seals again with its own key. */
static void test_rewritten_by_the_host(void **state)
{
    struct scene s;
    (void)state;
    scene_begin(&s, 12);
    case_hold_receipt(&s.c, s.ledger, 11, 12);
    case_since(&s.c, s.ledger, 12);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    fixture_set_received(s.ledger, 11, s.ledger->received_us + 7);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, 11, TALLY_REASON_RECEIPT_MISMATCH);
    case_expect_bad(&s.c, TL_CHECK_SINCE, NONE, TALLY_REASON_CHECKPOINT_FORK);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_RECEIPTS, TL_CHECK_SINCE));
    case_expect_first(&s.c, 11, TALLY_REASON_RECEIPT_MISMATCH);
    s.c.options.receipt_count = 0;
    s.c.options.since = tl_bytes(NULL, 0);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    /* One record earlier the next author's signature tells: it names what it had seen. */
    fixture_set_received(s.ledger, 10, s.ledger->received_us - 500);
    fixture_relink(s.ledger, 11);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_AUTHORS, 11, TALLY_REASON_SEEN_UNKNOWN);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_AUTHORS));
    scene_end(&s);
}

static void test_dropped_entry(void **state)
{
    struct scene s;
    struct fixture_entry blind = {.type = "finding", .author = 0, .has_seen = true, .seen = 0};
    (void)state;
    scene_begin(&s, 1);
    for (unsigned i = 0; i < 4; i++) {
        (void)fixture_append(s.ledger, &blind);
    }
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    fixture_remove_record(s.ledger, 2);
    fixture_relink(s.ledger, 2);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_AUTHORS, 2, TALLY_REASON_SEQUENCE_GAP);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_AUTHORS));
    /* The newest entry of a key is missed by nobody but the one who holds its receipt. */
    scene_end(&s);
}

static void test_another_ledger(void **state)
{
    struct scene s;
    struct ledger_fixture *other = fixture_new("impostor", 2);
    (void)state;
    scene_begin(&s, 6);
    fixture_grow(other, 6);
    struct memory_source *memory = fixture_archive(other, 6);
    s.c.source = &memory->source;
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_LEDGER, NONE, TALLY_REASON_PREFIX_MISMATCH);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_LEDGER));
    s.c.options.ledger = NULL;
    case_verify(&s.c);
    case_expect_exit(&s.c, 4);
    case_hold_receipt(&s.c, s.ledger, 3, 4);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, 3, TALLY_REASON_CHECKPOINT_INVALID);
    memory_source_free(memory);
    fixture_free(other);
    scene_end(&s);
}

static void test_bad_evidence(void **state)
{
    struct scene s;
    struct ledger_fixture *other = fixture_new("impostor", 2);
    (void)state;
    scene_begin(&s, 6);
    fixture_grow(other, 6);
    case_since(&s.c, other, 4);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_SINCE, NONE, TALLY_REASON_CHECKPOINT_INVALID);
    s.c.options.since = tl_bytes("nonsense", 8);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_SINCE, NONE, TALLY_REASON_CHECKPOINT_INVALID);
    s.c.options.since = tl_bytes(NULL, 0);
    s.c.receipts[0] = tl_bytes("nonsense", 8);
    s.c.options.receipt_count = 1;
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, NONE, TALLY_REASON_RECEIPT_INVALID);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_RECEIPTS));
    fixture_free(other);
    scene_end(&s);
}

/* A receipt whose checkpoint shows that an amendment did not end its batch. */
static void test_batch_past_amendment(void **state)
{
    struct scene s;
    static const char *const ops[] = {"admit m9 Another"};
    (void)state;
    scene_begin(&s, 4);
    uint64_t amendment = fixture_amend(s.ledger, ops, 1, 3);
    fixture_grow(s.ledger, 8);
    scene_republish(&s);
    case_hold_receipt(&s.c, s.ledger, 3, amendment + 1);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    case_hold_receipt(&s.c, s.ledger, 3, amendment + 2);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, 3, TALLY_REASON_BATCH_MISMATCH);
    scene_end(&s);
}

static void test_ledger_key_change(void **state)
{
    struct scene s;
    char vkey[TL_VKEY_MAX];
    char operation[TL_VKEY_MAX + 16];
    (void)state;
    scene_begin(&s, 4);
    fixture_ledger_vkey(s.ledger, "second", vkey);
    (void)snprintf(operation, sizeof operation, "ledger-key %s", vkey);
    const char *ops[] = {operation};
    case_hold_receipt(&s.c, s.ledger, 2, 3);
    (void)fixture_amend(s.ledger, ops, 1, 3);
    fixture_set_ledger_key(s.ledger, "second");
    fixture_grow(s.ledger, 300);
    scene_republish(&s);
    case_hold_receipt(&s.c, s.ledger, 4, 5); /* sealed by the old key, its head by the new one */
    case_hold_receipt(&s.c, s.ledger, 3, 5); /* in one batch with the change */
    case_hold_receipt(&s.c, s.ledger, 10, 11);
    case_since(&s.c, s.ledger, 200);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    case_expect_verdict(&s.c, TL_CHECK_SEALS, TL_VERDICT_OK);
    case_expect_verdict(&s.c, TL_CHECK_RECEIPTS, TL_VERDICT_OK);
    /* The amendment is the last that the old key seals. */
    struct fixture_record *amendment = &s.ledger->records[4];
    tl_seal_sign(s.ledger->ledger_secret, &amendment->leaf, amendment->seal);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_SEALS, 4, TALLY_REASON_SEAL_INVALID);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_SEALS));
    /* The old key after the change. */
    fixture_set_ledger_key(s.ledger, "bad");
    tl_seal_sign(s.ledger->ledger_secret, &amendment->leaf, amendment->seal);
    tl_seal_sign(s.ledger->ledger_secret, &s.ledger->records[299].leaf,
                 s.ledger->records[299].seal);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_SEALS, 299, TALLY_REASON_SEAL_INVALID);
    case_expect_bad(&s.c, TL_CHECK_CHECKPOINT, NONE, TALLY_REASON_CHECKPOINT_INVALID);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_SEALS, TL_CHECK_CHECKPOINT));
    scene_end(&s);
}

/* A receipt from a batch with the change, under a head that neither key has signed. */
static void test_receipt_by_a_third_key(void **state)
{
    struct scene s;
    char vkey[TL_VKEY_MAX];
    char operation[TL_VKEY_MAX + 16];
    (void)state;
    scene_begin(&s, 4);
    fixture_ledger_vkey(s.ledger, "second", vkey);
    (void)snprintf(operation, sizeof operation, "ledger-key %s", vkey);
    const char *ops[] = {operation};
    (void)fixture_amend(s.ledger, ops, 1, 3);
    fixture_set_ledger_key(s.ledger, "third");
    case_hold_receipt(&s.c, s.ledger, 3, 5);
    fixture_set_ledger_key(s.ledger, "second");
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, 3, TALLY_REASON_CHECKPOINT_INVALID);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_RECEIPTS));
    scene_end(&s);
}

static void hold_receipt_of_size_0(struct scene *s)
{
    struct tl_tree_proof proof = {.count = 0};
    const struct fixture_record *record = &s->ledger->records[0];
    struct tl_buffer checkpoint;
    tl_buffer_init(&checkpoint, TL_NOTE_MAX);
    fixture_checkpoint(s->ledger, 0, &checkpoint);
    tl_receipt_encode(tl_buffer_bytes(&record->bytes), record->seal, 0, &proof,
                      tl_buffer_bytes(&checkpoint), &s->c.held[0]);
    tl_buffer_deinit(&checkpoint);
    s->c.receipts[0] = tl_buffer_bytes(&s->c.held[0]);
    s->c.options.receipt_count = 1;
}

static void test_receipt_of_size_0(void **state)
{
    struct scene s;
    (void)state;
    scene_begin(&s, 4);
    hold_receipt_of_size_0(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, 0, TALLY_REASON_PROOF_INVALID);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_RECEIPTS));
    scene_end(&s);
}

/* A ledger cut before its key changed does not show the key that a later receipt is by. */
static void test_receipt_by_a_later_key(void **state)
{
    struct scene s;
    char vkey[TL_VKEY_MAX];
    char operation[TL_VKEY_MAX + 16];
    (void)state;
    scene_begin(&s, 4);
    fixture_ledger_vkey(s.ledger, "second", vkey);
    (void)snprintf(operation, sizeof operation, "ledger-key %s", vkey);
    const char *ops[] = {operation};
    (void)fixture_amend(s.ledger, ops, 1, 3);
    fixture_set_ledger_key(s.ledger, "second");
    fixture_grow(s.ledger, 8);
    case_hold_receipt(&s.c, s.ledger, 6, 8);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, NONE, TALLY_REASON_CHECKPOINT_ROLLBACK);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    scene_end(&s);
}

/* Two histories with a common beginning: a receipt for the common part, under the other's head. */
static void test_receipt_from_a_fork(void **state)
{
    struct scene s;
    struct ledger_fixture *fork = fixture_new("bad", 2);
    (void)state;
    scene_begin(&s, 8);
    fixture_grow(fork, 5);
    (void)fixture_finding(fork, 0);
    fixture_grow(fork, 8);
    case_hold_receipt(&s.c, fork, 3, 5);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    case_hold_receipt(&s.c, fork, 3, 7);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, NONE, TALLY_REASON_CHECKPOINT_FORK);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_RECEIPTS));
    fixture_free(fork);
    scene_end(&s);
}

static void test_unknown_rules(void **state)
{
    struct scene s;
    static const char *const ops[] = {"rules 2"};
    (void)state;
    scene_begin(&s, 4);
    (void)fixture_amend(s.ledger, ops, 1, 3);
    fixture_grow(s.ledger, 8);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_exit(&s.c, 4);
    case_expect_verdict(&s.c, TL_CHECK_CHAIN, TL_VERDICT_OK);
    case_expect_verdict(&s.c, TL_CHECK_TREE, TL_VERDICT_OK);
    static const enum tl_check unchecked[] = {
        TL_CHECK_ROSTER,     TL_CHECK_AUTHORS,  TL_CHECK_SEALS,   TL_CHECK_CHECKPOINT,
        TL_CHECK_SIGNATURES, TL_CHECK_DEPOSITS, TL_CHECK_EXHIBITS};
    for (size_t i = 0; i < sizeof unchecked / sizeof unchecked[0]; i++) {
        case_expect_verdict(&s.c, unchecked[i], TL_VERDICT_NOT_CHECKED);
    }
    /* The amendment itself, and all before it, is judged. */
    assert_int_equal(s.c.verified.report.lines[TL_CHECK_ROSTER].checked, 5);
    assert_int_equal(s.c.verified.report.lines[TL_CHECK_SEALS].checked, 5);
    s.ledger->records[4].seal[0] ^= 1;
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_SEALS, 4, TALLY_REASON_SEAL_INVALID);
    s.ledger->records[4].seal[0] ^= 1;
    s.ledger->records[5].seal[0] ^= 1;
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_exit(&s.c, 4);
    /* A checkpoint that was trusted before cannot be judged: neither good nor bad. */
    case_since(&s.c, s.ledger, 7);
    case_verify(&s.c);
    case_expect_exit(&s.c, 4);
    case_expect_verdict(&s.c, TL_CHECK_SINCE, TL_VERDICT_NOT_CHECKED);
    scene_end(&s);
}

/* Whose key signs is not known behind such an amendment; that there are two histories is. */
static void test_held_under_unknown_rules(void **state)
{
    struct scene s;
    static const char *const ops[] = {"rules 2"};
    struct ledger_fixture *fork = fixture_new("bad", 2);
    (void)state;
    scene_begin(&s, 4);
    (void)fixture_amend(s.ledger, ops, 1, 3);
    fixture_grow(s.ledger, 8);
    scene_republish(&s);
    fixture_grow(fork, 8);
    case_since(&s.c, fork, 7);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_SINCE, NONE, TALLY_REASON_CHECKPOINT_FORK);
    tl_buffer_clear(&s.c.since);
    s.c.options.since = tl_bytes(NULL, 0);
    case_hold_receipt(&s.c, s.ledger, 6, 8);
    case_verify(&s.c);
    case_expect_verdict(&s.c, TL_CHECK_RECEIPTS, TL_VERDICT_NOT_CHECKED);
    case_hold_receipt(&s.c, s.ledger, 4, 8);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, 4, TALLY_REASON_BATCH_MISMATCH);
    case_hold_receipt(&s.c, fork, 3, 7);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_RECEIPTS, 4, TALLY_REASON_BATCH_MISMATCH);
    assert_int_equal(s.c.verified.report.lines[TL_CHECK_RECEIPTS].bad, 2);
    fixture_free(fork);
    scene_end(&s);
}

static void test_in_doubt(void **state)
{
    struct scene s;
    char fingerprint[64];
    char operation[128];
    struct fixture_entry entry = {.type = "finding", .author = 0, .countersigners = 2};
    (void)state;
    scene_begin(&s, 1);
    for (unsigned i = 0; i < 3; i++) {
        (void)fixture_finding(s.ledger, 1); /* 1, 2, 3 */
    }
    (void)fixture_append(s.ledger, &entry); /* 4: as a countersigner */
    fixture_fingerprint(s.ledger, 1, fingerprint);
    (void)snprintf(operation, sizeof operation, "revoke %s 2 key-lost", fingerprint);
    size_t key = fixture_add_key(s.ledger, 1);
    char text[TL_KEY_LINE_MAX];
    char enrol[TL_KEY_LINE_MAX + 64];
    fixture_key_text(s.ledger, key, text);
    (void)snprintf(enrol, sizeof enrol, "enrol m1 author,govern %s", text);
    const char *first[] = {enrol};
    const char *second[] = {operation};
    (void)fixture_amend(s.ledger, first, 1, 7); /* 5 */
    (void)fixture_amend(s.ledger, second, 1, 5); /* 6 */
    fixture_grow(s.ledger, 7);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    /* Records 3, 4 and 5 bear its signature above 2. */
    assert_int_equal(s.c.verified.report.in_doubt, 3);
    (void)fixture_finding(s.ledger, 1);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_ROSTER, 7, TALLY_REASON_KEY_NOT_IN_FORCE);
    scene_end(&s);
}

static void test_objects(void **state)
{
    static const struct fixture_part parts[] = {{"/a", "ciphertext of a", 's'},
                                                {"/b", "in clear", 'c'}};
    static const struct fixture_file files[] = {{false, "a file in clear", 0},
                                                {true, "a file's ciphertext", 0}};
    struct fixture_entry entry = {.type = "finding",
                                  .parts = parts,
                                  .part_count = 2,
                                  .files = files,
                                  .file_count = 2};
    struct scene s;
    char paths[3][TL_RESOURCE_PATH_MAX];
    (void)state;
    scene_begin(&s, 2);
    (void)fixture_append(s.ledger, &entry);
    scene_republish(&s);
    /* The fixture keeps files before ciphertexts of parts. */
    tl_path_object(&s.ledger->objects[2].hash, paths[0]);
    tl_path_object(&s.ledger->objects[0].hash, paths[1]);
    tl_path_object(&s.ledger->objects[1].hash, paths[2]);
    s.c.options.require_objects = true;
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    assert_int_equal(s.c.verified.report.lines[TL_CHECK_EXHIBITS].checked, 2);
    bytes_of(&s, paths[0])->ptr[0] ^= 1;
    bytes_of(&s, paths[1])->ptr[0] ^= 1;
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, 2, TALLY_REASON_SEALED_INVALID);
    case_expect_bad(&s.c, TL_CHECK_EXHIBITS, 2, TALLY_REASON_FILE_INVALID);
    bytes_of(&s, paths[0])->ptr[0] ^= 1;
    bytes_of(&s, paths[1])->ptr[0] ^= 1;
    assert_true(memory_source_remove(s.memory, paths[0]));
    assert_true(memory_source_remove(s.memory, paths[2]));
    case_verify(&s.c);
    case_expect_exit(&s.c, 4);
    case_expect_verdict(&s.c, TL_CHECK_DEPOSITS, TL_VERDICT_NOT_CHECKED);
    case_expect_verdict(&s.c, TL_CHECK_EXHIBITS, TL_VERDICT_NOT_CHECKED);
    s.c.options.require_objects = false;
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    assert_int_equal(s.c.verified.report.lines[TL_CHECK_DEPOSITS].unchecked, 1);
    assert_int_equal(s.c.verified.report.lines[TL_CHECK_EXHIBITS].unchecked, 1);
    assert_true(memory_source_remove(s.memory, paths[1]));
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_EXHIBITS, 2, TALLY_REASON_FILE_MISSING);
    scene_end(&s);
}

/* What is longer than it may be is not read to its end, however far that is. */
static void test_long_objects(void **state)
{
    enum { LEN = 1000, LONGER = 1000000 };
    static uint8_t bytes[LONGER];
    static char text[LEN + 1];
    memset(text, 'x', LEN);
    const struct fixture_part parts[] = {{"/a", text, 's'}};
    const struct fixture_file files[] = {{false, text, 0}, {true, "sealed", 0}};
    struct fixture_entry entry = {
        .type = "finding", .parts = parts, .part_count = 1, .files = files, .file_count = 2};
    struct scene s;
    (void)state;
    scene_begin(&s, 2);
    (void)fixture_append(s.ledger, &entry);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    for (size_t i = 0; i < s.ledger->object_count; i++) {
        char path[TL_RESOURCE_PATH_MAX];
        tl_path_object(&s.ledger->objects[i].hash, path);
        memory_source_put(s.memory, path, tl_bytes(bytes, sizeof bytes));
    }
    s.memory->streamed = 0;
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, 2, TALLY_REASON_SEALED_INVALID);
    case_expect_bad(&s.c, TL_CHECK_EXHIBITS, 2, TALLY_REASON_FILE_INVALID);
    assert_true(s.memory->streamed < 3 * (LEN + 8));
    scene_end(&s);
}

static void test_bad_parts(void **state)
{
    struct scene s;
    (void)state;
    scene_begin(&s, 4);
    /* Another record's parts in the place of this one's. */
    tl_buffer_clear(&s.ledger->records[2].parts);
    tl_buffer_add(&s.ledger->records[2].parts, tl_buffer_bytes(&s.ledger->records[3].parts));
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, 2, TALLY_REASON_PART_INVALID);
    tl_buffer_clear(&s.ledger->records[2].parts);
    tl_buffer_add_text(&s.ledger->records[2].parts, "x");
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, 2, TALLY_REASON_PART_INVALID);
    s.ledger->records[1].commitments.ptr[40] ^= 1;
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, 1, TALLY_REASON_COMMITMENTS_MISMATCH);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_DEPOSITS));
    scene_end(&s);
}

/* A file of parts is judged where parts are due, and by its length before anything else. */
static void test_order_of_faults_in_parts(void **state)
{
    struct scene s;
    (void)state;
    scene_begin(&s, 4);
    tl_buffer_clear(&s.ledger->records[2].parts);
    tl_buffer_add_text(&s.ledger->records[2].parts, "x");
    s.ledger->records[2].commitments.ptr[40] ^= 1;
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, 2, TALLY_REASON_COMMITMENTS_MISMATCH);
    memset(tl_buffer_extend(bytes_of(&s, "tally/parts/002"), TL_PARTS_FILE_MAX - 1), 0,
           TL_PARTS_FILE_MAX - 1);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, 2, TALLY_REASON_COMMITMENTS_MISMATCH);
    tl_buffer_add_u8(bytes_of(&s, "tally/parts/002"), 0);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, 2, TALLY_REASON_TOO_LARGE);
    scene_end(&s);
}

/* Only the part that is committed says by how much a clock went back. */
static void test_clock_step_that_is_not_known(void **state)
{
    static const struct fixture_part step = {"/clock/step_us", "-2000000", 'c'};
    struct fixture_entry incident = {
        .type = "incident", .author = FIXTURE_HOST, .parts = &step, .part_count = 1};
    struct scene s;
    (void)state;
    scene_begin(&s, 4);
    uint64_t index = fixture_append(s.ledger, &incident);
    fixture_set_received(s.ledger, index, s.ledger->received_us - 1500000);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    struct tl_buffer *parts = bytes_of(&s, "tally/parts/004");
    parts->ptr[parts->len - 7] = '1';
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, index, TALLY_REASON_PART_INVALID);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_DEPOSITS));
    case_expect_verdict(&s.c, TL_CHECK_ROSTER, TL_VERDICT_NOT_CHECKED);
    case_expect_verdict(&s.c, TL_CHECK_AUTHORS, TL_VERDICT_OK);
    assert_true(memory_source_remove(s.memory, "tally/parts/004"));
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, index, TALLY_REASON_PART_MISSING);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_DEPOSITS));
    case_expect_verdict(&s.c, TL_CHECK_ROSTER, TL_VERDICT_NOT_CHECKED);
    case_expect_verdict(&s.c, TL_CHECK_AUTHORS, TL_VERDICT_OK);
    scene_end(&s);
}

/* An amendment of a charter that the host has rewritten still enrols whom it enrols. */
static void test_rewritten_charter(void **state)
{
    struct scene s;
    char key[TL_KEY_LINE_MAX];
    char operation[TL_KEY_LINE_MAX + 32];
    const char *ops[] = {operation};
    (void)state;
    scene_begin(&s, 3);
    size_t number = fixture_add_key(s.ledger, 1);
    fixture_key_text(s.ledger, number, key);
    (void)snprintf(operation, sizeof operation, "enrol m1 author %s", key);
    (void)fixture_amend(s.ledger, ops, 1, 3 | UINT64_C(1) << number);
    (void)fixture_finding(s.ledger, number);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    fixture_set_received(s.ledger, 0, 1);
    fixture_relink(s.ledger, 1);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_AUTHORS, 1, TALLY_REASON_SEEN_UNKNOWN);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_AUTHORS));
    scene_end(&s);
}

/* Consistent in everything that the host can make: only the author's signature is not its own. */
static void test_forged_signature(void **state)
{
    struct scene s;
    struct tl_buffer bytes;
    (void)state;
    scene_begin(&s, 6);
    tl_buffer_init(&bytes, 65536);
    tl_buffer_add(&bytes, tl_buffer_bytes(&s.ledger->records[5].bytes));
    bytes.ptr[bytes.len - 40] ^= 1;
    fixture_set_bytes(s.ledger, 5, tl_buffer_bytes(&bytes));
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_SIGNATURES, 5, TALLY_REASON_SIGNATURE_INVALID);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_SIGNATURES));
    tl_buffer_deinit(&bytes);
    scene_end(&s);
}

static void test_bytes_that_are_no_record(void **state)
{
    static uint8_t large[TALLY_RECORD_MAX + 1];
    struct scene s;
    (void)state;
    scene_begin(&s, 6);
    fixture_set_bytes(s.ledger, 5, tl_bytes("no record", 9));
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_CHAIN, 5, TALLY_REASON_MALFORMED);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_CHAIN));
    /* Nobody could say whose it is. */
    case_expect_verdict(&s.c, TL_CHECK_ROSTER, TL_VERDICT_NOT_CHECKED);
    case_expect_verdict(&s.c, TL_CHECK_SIGNATURES, TL_VERDICT_NOT_CHECKED);
    memcpy(large, s.ledger->records[4].bytes.ptr, s.ledger->records[4].bytes.len);
    fixture_set_bytes(s.ledger, 5, tl_bytes(large, sizeof large));
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_CHAIN, 5, TALLY_REASON_TOO_LARGE);
    scene_end(&s);
}

/* The key changes while the section behind is under check already, by the key before. */
static void test_ledger_key_change_between_sections(void **state)
{
    struct scene s;
    char vkey[TL_VKEY_MAX];
    char operation[TL_VKEY_MAX + 16];
    (void)state;
    scene_begin(&s, 300);
    fixture_ledger_vkey(s.ledger, "second", vkey);
    (void)snprintf(operation, sizeof operation, "ledger-key %s", vkey);
    const char *ops[] = {operation};
    (void)fixture_amend(s.ledger, ops, 1, 3);
    fixture_set_ledger_key(s.ledger, "second");
    fixture_grow(s.ledger, 800);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_exit(&s.c, 0);
    struct fixture_record *record = &s.ledger->records[520];
    fixture_set_ledger_key(s.ledger, "bad");
    tl_seal_sign(s.ledger->ledger_secret, &record->leaf, record->seal);
    fixture_set_ledger_key(s.ledger, "second");
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_SEALS, 520, TALLY_REASON_SEAL_INVALID);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_SEALS));
    scene_end(&s);
}

static void test_signed_lies_about_deposits(void **state)
{
    static const struct fixture_part withheld[] = {{NULL, "1", 'w'}, {NULL, "2", 'w'}};
    static const struct fixture_file files[] = {{false, "a file", 7}};
    struct fixture_entry entry = {
        .type = "finding", .author = 0, .parts = withheld, .part_count = 2};
    struct scene s;
    (void)state;
    scene_begin(&s, 2);
    uint64_t index = fixture_append(s.ledger, &entry);
    s.ledger->records[index].commitments.ptr[0] ^= 1;
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_DEPOSITS, index, TALLY_REASON_COMMITMENTS_MISMATCH);
    s.ledger->records[index].commitments.ptr[0] ^= 1;
    entry.files = files;
    entry.file_count = 1;
    index = fixture_append(s.ledger, &entry);
    scene_republish(&s);
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_EXHIBITS, index, TALLY_REASON_FILE_INVALID);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_EXHIBITS));
    scene_end(&s);
}

static void test_head_of_another_root(void **state)
{
    struct scene s;
    struct tl_buffer note;
    (void)state;
    scene_begin(&s, 6);
    struct tally_hash kept = s.ledger->records[4].leaf;
    s.ledger->records[4].leaf.bytes[0] ^= 1;
    tl_buffer_init(&note, 65536);
    fixture_checkpoint(s.ledger, 6, &note);
    s.ledger->records[4].leaf = kept;
    memory_source_put(s.memory, TL_PATH_CHECKPOINT, tl_buffer_bytes(&note));
    case_verify(&s.c);
    case_expect_bad(&s.c, TL_CHECK_TREE, NONE, TALLY_REASON_ROOT_MISMATCH);
    case_expect_only_bad(&s.c, ONLY(TL_CHECK_TREE));
    tl_buffer_deinit(&note);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_resources),
        cmocka_unit_test(test_short_bundles),
        cmocka_unit_test(test_a_hole),
        cmocka_unit_test(test_swapped_records),
        cmocka_unit_test(test_cut_tail),
        cmocka_unit_test(test_cut_tail_signed_again),
        cmocka_unit_test(test_rewritten_by_the_host),
        cmocka_unit_test(test_dropped_entry),
        cmocka_unit_test(test_another_ledger),
        cmocka_unit_test(test_bad_evidence),
        cmocka_unit_test(test_batch_past_amendment),
        cmocka_unit_test(test_ledger_key_change),
        cmocka_unit_test(test_receipt_by_a_third_key),
        cmocka_unit_test(test_receipt_of_size_0),
        cmocka_unit_test(test_receipt_by_a_later_key),
        cmocka_unit_test(test_receipt_from_a_fork),
        cmocka_unit_test(test_unknown_rules),
        cmocka_unit_test(test_held_under_unknown_rules),
        cmocka_unit_test(test_in_doubt),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_long_objects),
        cmocka_unit_test(test_bad_parts),
        cmocka_unit_test(test_order_of_faults_in_parts),
        cmocka_unit_test(test_clock_step_that_is_not_known),
        cmocka_unit_test(test_rewritten_charter),
        cmocka_unit_test(test_forged_signature),
        cmocka_unit_test(test_bytes_that_are_no_record),
        cmocka_unit_test(test_ledger_key_change_between_sections),
        cmocka_unit_test(test_signed_lies_about_deposits),
        cmocka_unit_test(test_head_of_another_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
