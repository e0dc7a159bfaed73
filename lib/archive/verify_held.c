/* SPDX-License-Identifier: ISC */
/*
 * What the verifier's owner holds from before: receipts, and a checkpoint trusted once. Each names
 * a size and the root there; the walk notes the roots that it passes at those sizes, and at the end
 * they are compared. A host that has rewritten its ledger cannot have both.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/archive/verification.h"
#include "lib/base/mem.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/receipt.h"
#include "lib/tree/tree.h"
#include "lib/verify/proof_check.h"

/* Form alone; whether the ledger key signed it is asked at the end of the walk. */
static bool read_checkpoint(struct tally_bytes bytes, struct tl_checkpoint *ret_checkpoint)
{
    struct tl_note note;
    return tl_note_decode(bytes, &note) == TALLY_OK &&
           tl_checkpoint_decode(note.text, ret_checkpoint) == TALLY_OK;
}

static int compare_probes(const void *a, const void *b)
{
    const struct tl_probe *left = a;
    const struct tl_probe *right = b;
    return left->size < right->size ? -1 : left->size > right->size;
}

static void add_probe(struct tl_verification *v, uint64_t size)
{
    if (size <= v->size) {
        v->probes[v->probe_count].size = size;
        v->probe_count++;
    }
}

enum tally_status tl_verify_held_begin(struct tl_verification *v)
{
    const struct tl_verify_options *options = v->options;
    struct tl_checkpoint checkpoint;
    v->probes = tl_calloc(options->receipt_count + 2, sizeof *v->probes);
    if (v->probes == NULL) {
        return TALLY_ENOMEM;
    }
    if (options->since.len > 0 && read_checkpoint(options->since, &checkpoint)) {
        add_probe(v, checkpoint.size);
    }
    if (options->remembered.len > 0 && read_checkpoint(options->remembered, &checkpoint)) {
        add_probe(v, checkpoint.size);
    }
    for (size_t i = 0; i < options->receipt_count; i++) {
        struct tl_receipt receipt;
        enum tally_status status = tl_receipt_decode(options->receipts[i], &receipt);
        if (status == TALLY_ENOMEM) {
            return status;
        }
        if (status != TALLY_OK) {
            continue; /* reported at the end */
        }
        if (read_checkpoint(receipt.checkpoint, &checkpoint)) {
            add_probe(v, checkpoint.size);
        }
        tl_receipt_deinit(&receipt);
    }
    qsort(v->probes, v->probe_count, sizeof *v->probes, compare_probes);
    tl_verify_held_leaf(v);
    return TALLY_OK;
}

void tl_verify_held_leaf(struct tl_verification *v)
{
    const struct tl_tree_edge *edge = &v->tiles->edge;
    while (v->probe_next < v->probe_count && v->probes[v->probe_next].size == edge->size) {
        v->probes[v->probe_next].root = tl_tree_edge_root(edge);
        v->probes[v->probe_next].is_reached = true;
        v->probe_next++;
    }
}

static const struct tl_probe *find_probe(const struct tl_verification *v, uint64_t size)
{
    struct tl_probe wanted = {.size = size};
    return bsearch(&wanted, v->probes, v->probe_count, sizeof *v->probes, compare_probes);
}

static bool root_agrees(const struct tl_verification *v, const struct tl_checkpoint *checkpoint)
{
    const struct tl_probe *probe = find_probe(v, checkpoint->size);
    return probe != NULL && probe->is_reached && tl_hash_equal(&probe->root, &checkpoint->root);
}

static enum tally_reason judge_since(const struct tl_verification *v, struct tally_bytes note,
                                     bool *ret_is_known)
{
    struct tl_checkpoint checkpoint;
    if (!read_checkpoint(note, &checkpoint) || checkpoint.size == 0) {
        return TALLY_REASON_CHECKPOINT_INVALID;
    }
    if (checkpoint.size > v->size) {
        return TALLY_REASON_CHECKPOINT_ROLLBACK;
    }
    const struct tl_note_key *key = tl_verify_key_at(v, checkpoint.size);
    *ret_is_known = key != NULL;
    if (key != NULL && tl_checkpoint_open(note, key, &checkpoint) != TALLY_OK) {
        return TALLY_REASON_CHECKPOINT_INVALID;
    }
    /* Two roots are two histories, whoever signed them. */
    return checkpoint.size > v->done || root_agrees(v, &checkpoint)
               ? TALLY_REASON_NONE
               : TALLY_REASON_CHECKPOINT_FORK;
}

/* What holds as far as it could be judged is good only when all of it could. */
static void report_held(struct tl_verification *v, enum tl_check check, bool is_known)
{
    if (is_known) {
        tl_report_good(v->report, check);
    } else {
        tl_report_unchecked(v->report, check);
    }
}

static void check_since(struct tl_verification *v, struct tally_bytes note)
{
    bool is_known = false;
    enum tally_reason reason = judge_since(v, note, &is_known);
    if (reason != TALLY_REASON_NONE) {
        tl_report_bad(v->report, TL_CHECK_SINCE, TL_NO_INDEX, reason);
    } else {
        report_held(v, TL_CHECK_SINCE, is_known);
    }
}

/* Charter and amendments end their batch: none but the last record below size may be one. */
static enum tally_status check_batch_end(struct tl_verification *v, uint64_t index, uint64_t size,
                                         bool *ret_holds)
{
    struct tl_fact fact;
    *ret_holds = true;
    if (size <= index + 1) {
        return TALLY_OK;
    }
    enum tally_status status = tl_facts_file_get(v->facts, size - 2, &fact);
    if (status == TALLY_OK) {
        *ret_holds = fact.roster < index;
    }
    return status;
}

/* Of several faults: first what the receipt's own line says, then the others in their order. */
static enum tally_reason reason_of(const struct tl_report *report)
{
    static const enum tl_check order[] = {
        TL_CHECK_RECEIPTS, TL_CHECK_LEDGER, TL_CHECK_CHECKPOINT,
        TL_CHECK_TREE,     TL_CHECK_SEALS,  TL_CHECK_SIGNATURES,
    };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const struct tl_report_line *line = &report->lines[order[i]];
        if (line->verdict == TL_VERDICT_BAD) {
            return line->reason;
        }
    }
    return TALLY_REASON_NONE;
}

/*
 * The receipt by itself: everything in it against everything else in it. Where the ledger key
 * changes behind its record, seal and checkpoint are by two keys.
 */
static enum tally_status check_by_itself(struct tl_verification *v,
                                         const struct tl_receipt *receipt,
                                         const struct tl_note_key *seal_key,
                                         const struct tl_note_key *checkpoint_key,
                                         enum tally_reason *ret_reason)
{
    struct tl_report sealed;
    struct tl_report headed;
    const struct tally_hash *ledger = v->options->ledger;
    enum tally_status status = tl_receipt_check(receipt, seal_key, NULL, ledger, &sealed);
    if (status == TALLY_OK) {
        status = tl_receipt_check(receipt, checkpoint_key, NULL, ledger, &headed);
    }
    if (status == TALLY_OK) {
        sealed.lines[TL_CHECK_CHECKPOINT] = headed.lines[TL_CHECK_CHECKPOINT];
        *ret_reason = reason_of(&sealed);
    }
    return status;
}

/* A receipt against the ledger, which for all but its batch needs no key. */
static enum tally_status compare_receipt(struct tl_verification *v,
                                         const struct tl_receipt *receipt,
                                         const struct tl_checkpoint *checkpoint, bool is_known)
{
    struct tl_fact fact;
    uint64_t index = receipt->index;
    bool holds = false;
    if (checkpoint->size > v->size) {
        tl_report_bad(v->report, TL_CHECK_RECEIPTS, TL_NO_INDEX, TALLY_REASON_CHECKPOINT_ROLLBACK);
        return TALLY_OK;
    }
    if (checkpoint->size > v->done) {
        tl_report_unchecked(v->report, TL_CHECK_RECEIPTS);
        return TALLY_OK;
    }
    bool is_here = index < v->done;
    enum tally_status status = is_here ? tl_facts_file_get(v->facts, index, &fact) : TALLY_OK;
    if (status == TALLY_OK) {
        status = check_batch_end(v, index, checkpoint->size, &holds);
    }
    if (status != TALLY_OK) {
        return status;
    }
    struct tally_hash leaf = tl_tree_leaf(receipt->record);
    if (!is_here || !tl_hash_equal(&leaf, &fact.leaf)) {
        tl_report_bad(v->report, TL_CHECK_RECEIPTS, index, TALLY_REASON_RECEIPT_MISMATCH);
    } else if (!root_agrees(v, checkpoint)) {
        tl_report_bad(v->report, TL_CHECK_RECEIPTS, TL_NO_INDEX, TALLY_REASON_CHECKPOINT_FORK);
    } else if (!holds) {
        tl_report_bad(v->report, TL_CHECK_RECEIPTS, index, TALLY_REASON_BATCH_MISMATCH);
    } else {
        report_held(v, TL_CHECK_RECEIPTS, is_known);
    }
    return TALLY_OK;
}

/* What a receipt says of sizes that no ledger has is BAD by itself, whatever the key. */
static const struct tl_note_key *key_within(const struct tl_verification *v, uint64_t size)
{
    uint64_t within = size > v->size ? v->size : size;
    return tl_verify_key_at(v, within == 0 ? 1 : within);
}

static enum tally_status check_decoded_receipt(struct tl_verification *v,
                                               const struct tl_receipt *receipt)
{
    struct tl_checkpoint checkpoint;
    if (!read_checkpoint(receipt->checkpoint, &checkpoint)) {
        tl_report_bad(v->report, TL_CHECK_RECEIPTS, receipt->index, TALLY_REASON_RECEIPT_INVALID);
        return TALLY_OK;
    }
    const struct tl_note_key *seal_key = key_within(v, receipt->index);
    const struct tl_note_key *checkpoint_key = key_within(v, checkpoint.size);
    bool is_known = seal_key != NULL && checkpoint_key != NULL;
    enum tally_reason reason = TALLY_REASON_NONE;
    enum tally_status status = TALLY_OK;
    if (checkpoint.size > v->size) {
        /* The keys of what this ledger does not hold may be others. */
        status = check_by_itself(v, receipt, NULL, NULL, &reason);
    } else if (is_known) {
        status = check_by_itself(v, receipt, seal_key, checkpoint_key, &reason);
    }
    if (status == TALLY_OK && reason != TALLY_REASON_NONE) {
        tl_report_bad(v->report, TL_CHECK_RECEIPTS, receipt->index, reason);
    } else if (status == TALLY_OK) {
        status = compare_receipt(v, receipt, &checkpoint, is_known);
    }
    return status;
}

static enum tally_status check_receipt(struct tl_verification *v, struct tally_bytes bytes)
{
    struct tl_receipt receipt;
    enum tally_status status = tl_receipt_decode(bytes, &receipt);
    if (status == TALLY_ENOMEM) {
        return status;
    }
    if (status != TALLY_OK) {
        tl_report_bad(v->report, TL_CHECK_RECEIPTS, TL_NO_INDEX, TALLY_REASON_RECEIPT_INVALID);
        return TALLY_OK;
    }
    status = check_decoded_receipt(v, &receipt);
    tl_receipt_deinit(&receipt);
    return status;
}

/* OK only when every one of them was compared. */
static void conclude(struct tl_verification *v, enum tl_check check)
{
    v->report->lines[check].required = true;
    if (v->report->lines[check].unchecked == 0) {
        tl_report_conclude(v->report, check);
    } else {
        v->report->lines[check].note = "the ledger key or the record itself could not be judged";
    }
}

enum tally_status tl_verify_held_end(struct tl_verification *v)
{
    enum tally_status status = TALLY_OK;
    for (size_t i = 0; i < v->options->receipt_count && status == TALLY_OK; i++) {
        status = check_receipt(v, v->options->receipts[i]);
    }
    if (status != TALLY_OK) {
        return status;
    }
    if (v->options->receipt_count > 0) {
        conclude(v, TL_CHECK_RECEIPTS);
    } else {
        v->report->lines[TL_CHECK_RECEIPTS].note = "no receipt was given";
    }
    const struct tally_bytes trusted[] = {v->options->since, v->options->remembered};
    bool is_asked = false;
    for (size_t i = 0; i < sizeof trusted / sizeof *trusted; i++) {
        if (trusted[i].len > 0) {
            check_since(v, trusted[i]);
            is_asked = true;
        }
    }
    if (is_asked) {
        conclude(v, TL_CHECK_SINCE);
    } else {
        v->report->lines[TL_CHECK_SINCE].note = "no earlier checkpoint was given";
    }
    return TALLY_OK;
}
