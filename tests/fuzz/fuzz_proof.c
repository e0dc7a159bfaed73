/* SPDX-License-Identifier: ISC */
/*
 * Target: tl_bundle_check and tl_receipt_check. The input is a list of edits to the good receipts
 * and parts of a bundle: nothing that differs may be found good.
 */
#include <string.h>

#include "lib/codec/bundle.h"
#include "lib/codec/receipt.h"
#include "lib/codec/submission.h"
#include "lib/tree/tree.h"
#include "lib/verify/proof_check.h"
#include "tests/fuzz/edit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/ledger_fixture.h"

#define SIZE 3u
#define EDITS_MAX 6u
#define PIECE_MAX 65536u

enum { CHARTER, LAST, ENTRY, PART, PIECES };

static struct ledger_fixture *ledger;
static struct tl_buffer good[PIECES];
static struct tl_tree_proof part_proof;

static void make_part(void)
{
    const struct fixture_record *record = &ledger->records[1];
    struct tally_hash commitments[8];
    struct tl_deposit_list list = {.count = 1, .items = tl_buffer_bytes(&record->parts)};
    struct tl_deposit deposit;
    size_t count = record->commitments.len / TALLY_HASH_LEN;
    FUZZ_REQUIRE(count <= 8 && tl_deposit_next(&list, &deposit) && deposit.position == 0);
    memcpy(commitments, record->commitments.ptr, record->commitments.len);
    FUZZ_REQUIRE(tl_tree_prove_inclusion_of(commitments, count, 0, &part_proof) == TALLY_OK);
    tl_buffer_add(&good[PART], deposit.bytes);
}

static void make_ledger(void)
{
    static const struct fixture_part parts[] = {{"/a", "v", 'c'}, {"/b", "cipher", 's'},
                                                {"/c", "w", 'w'}, {"/d", "x", 'c'}};
    struct fixture_entry entry = {.type = "finding", .parts = parts, .part_count = 4};
    if (ledger != NULL) {
        return;
    }
    ledger = fixture_new("fuzz", 2);
    (void)fixture_append(ledger, &entry);
    (void)fixture_finding(ledger, 1);
    for (size_t i = 0; i < PIECES; i++) {
        tl_buffer_init(&good[i], PIECE_MAX);
    }
    fixture_receipt(ledger, 0, SIZE, &good[CHARTER]);
    fixture_receipt(ledger, SIZE - 1, SIZE, &good[LAST]);
    fixture_receipt(ledger, 1, SIZE, &good[ENTRY]);
    make_part();
}

static void count_part(void *context, uint64_t index, unsigned position, unsigned part_count,
                       struct tally_bytes name, struct tally_bytes value)
{
    unsigned *shown = (unsigned *)context;
    FUZZ_REQUIRE(index == 1 && position == 0 && part_count == 4 && value.len == 1);
    FUZZ_REQUIRE(tl_bytes_equal(name, tl_bytes_text("/a")));
    (*shown)++;
}

/* An exit code; 2 where the text is no bundle. */
static int judge_bundle(struct tally_bytes text)
{
    unsigned shown = 0;
    struct tl_bundle_visitor visitor = {.context = &shown, .part = count_part};
    struct tl_bundle bundle;
    struct tl_report report;
    if (tl_bundle_decode(text, &bundle, NULL) != TALLY_OK) {
        return 2;
    }
    FUZZ_REQUIRE(tl_bundle_check(&bundle, &ledger->ledger, &visitor, &report) == TALLY_OK);
    tl_bundle_deinit(&bundle);
    int code = tl_report_exit_code(&report);
    FUZZ_REQUIRE(code != 0 || shown == 1);
    return code;
}

static void check_bundle(const struct tl_buffer pieces[PIECES], bool differs)
{
    struct tl_buffer text;
    tl_buffer_init(&text, TL_BUNDLE_MAX);
    tl_bundle_begin(&text);
    tl_bundle_add_proof(&text, TL_BUNDLE_CONSTITUTION, tl_buffer_bytes(&pieces[CHARTER]));
    tl_bundle_add_proof(&text, TL_BUNDLE_LAST, tl_buffer_bytes(&pieces[LAST]));
    tl_bundle_add_proof(&text, TL_BUNDLE_ENTRY, tl_buffer_bytes(&pieces[ENTRY]));
    tl_bundle_add_part(&text, 1, 0, tl_buffer_bytes(&pieces[PART]), part_proof.hashes,
                       part_proof.count);
    FUZZ_REQUIRE(text.status == TALLY_OK);
    FUZZ_REQUIRE((judge_bundle(tl_buffer_bytes(&text)) == 0) == !differs);
    tl_buffer_deinit(&text);
}

/* Under the right key nothing that is said of a changed receipt may be good throughout. */
static void check_receipt(const struct tl_buffer *piece, bool differs)
{
    struct tl_receipt receipt;
    struct tl_report report;
    tl_report_init(&report);
    if (tl_receipt_decode(tl_buffer_bytes(piece), &receipt) != TALLY_OK) {
        FUZZ_REQUIRE(differs);
        return;
    }
    FUZZ_REQUIRE(tl_receipt_check(&receipt, &ledger->ledger_key, NULL, &ledger->ledger,
                                  &report) == TALLY_OK);
    FUZZ_REQUIRE((tl_report_exit_code(&report) == 1) == differs);
    tl_receipt_deinit(&receipt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_reader reader = tl_reader_over(tl_bytes(data, size));
    struct tl_buffer pieces[PIECES];
    struct edit edit;
    bool differs = false;
    fuzz_start();
    make_ledger();
    for (size_t i = 0; i < PIECES; i++) {
        tl_buffer_init(&pieces[i], PIECE_MAX);
        tl_buffer_add(&pieces[i], tl_buffer_bytes(&good[i]));
    }
    for (unsigned n = 0; n < EDITS_MAX && edit_next(&reader, &edit); n++) {
        edit_apply(&edit, &pieces[edit.piece % PIECES]);
    }
    for (size_t i = 0; i < PIECES; i++) {
        bool is_same = tl_bytes_equal(tl_buffer_bytes(&pieces[i]), tl_buffer_bytes(&good[i]));
        differs = differs || !is_same;
        if (i == LAST || i == ENTRY) { /* a charter has a checkpoint of its own in a receipt */
            check_receipt(&pieces[i], !is_same);
        }
    }
    check_bundle(pieces, differs);
    for (size_t i = 0; i < PIECES; i++) {
        tl_buffer_deinit(&pieces[i]);
    }
    return 0;
}
