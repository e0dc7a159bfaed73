/* SPDX-License-Identifier: ISC */
/* Checkpoints and proofs over records of a sample, also over records that no judge has accepted. */
#ifndef TEST_VERIFY_PROOF_MAKER_H
#define TEST_VERIFY_PROOF_MAKER_H

#include "tests/roster/sample.h"

#include "lib/codec/bundle.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/note.h"
#include "lib/codec/receipt.h"
#include "lib/verify/proof_check.h"

#define MAKER_LEAVES_MAX 64

struct proof_maker {
    struct tally_hash leaves[MAKER_LEAVES_MAX];
    size_t count;
    const struct tl_secret_key *secret; /* signs checkpoints */
    const struct tl_note_key *key;
};

static inline void maker_init(struct proof_maker *maker, const struct sample *sample)
{
    assert_true(sample->count <= MAKER_LEAVES_MAX);
    maker->count = sample->count;
    maker->secret = sample->ledger_secret;
    maker->key = &sample->ledger_key;
    for (size_t i = 0; i < sample->count; i++) {
        maker->leaves[i] = sample->records[i]->leaf;
    }
}

/* A record behind the sample's own; returns its index. */
static inline size_t maker_push(struct proof_maker *maker, const struct made *made)
{
    assert_true(maker->count < MAKER_LEAVES_MAX);
    maker->leaves[maker->count] = made->leaf;
    maker->count++;
    return maker->count - 1;
}

static inline void maker_checkpoint(const struct proof_maker *maker, size_t size,
                                    struct tl_buffer *buffer)
{
    struct tl_checkpoint checkpoint = {.origin = tl_bytes_text(maker->key->name), .size = size};
    struct tl_buffer text;
    checkpoint.root = tl_tree_root_of(maker->leaves, size);
    tl_buffer_init(&text, 1024);
    tl_checkpoint_encode(&checkpoint, &text);
    tl_buffer_init(buffer, TL_NOTE_MAX);
    tl_note_sign(tl_buffer_bytes(&text), maker->key, maker->secret, buffer);
    assert_status(buffer->status, TALLY_OK);
    tl_buffer_deinit(&text);
}

/* The receipt of a record at index under the checkpoint of this size. */
static inline void maker_receipt(const struct proof_maker *maker, const struct made *made,
                                 size_t index, size_t size, struct tl_buffer *buffer)
{
    struct tl_tree_proof proof;
    struct tl_buffer checkpoint;
    assert_status(tl_tree_prove_inclusion_of(maker->leaves, size, index, &proof), TALLY_OK);
    maker_checkpoint(maker, size, &checkpoint);
    tl_buffer_init(buffer, TL_RECEIPT_MAX);
    tl_receipt_encode(tl_buffer_bytes(&made->bytes), made->seal, index, &proof,
                      tl_buffer_bytes(&checkpoint), buffer);
    assert_status(buffer->status, TALLY_OK);
    tl_buffer_deinit(&checkpoint);
}

/* Changes bytes of a made record without signing it again, but seals it. */
static inline void made_reseal(const struct sample *sample, struct made *made)
{
    made->leaf = tl_tree_leaf(tl_buffer_bytes(&made->bytes));
    tl_seal_sign(sample->ledger_secret, &made->leaf, made->seal);
}

#define assert_line(report, check, expected_verdict, expected_reason)                              \
    do {                                                                                           \
        const struct tl_report_line *assert_line_at = &(report)->lines[check];                     \
        if (assert_line_at->verdict != (expected_verdict) ||                                       \
            assert_line_at->reason != (expected_reason)) {                                         \
            fail_msg("%s: %s, %s", tl_check_name(check), tl_verdict_text(assert_line_at->verdict), \
                     tally_reason_name(assert_line_at->reason));                                   \
        }                                                                                          \
    } while (0)

#define assert_ok(report, check) assert_line(report, check, TL_VERDICT_OK, TALLY_REASON_NONE)
#define assert_left(report, check)                                                                 \
    assert_line(report, check, TL_VERDICT_NOT_CHECKED, TALLY_REASON_NONE)
#define assert_bad(report, check, reason) assert_line(report, check, TL_VERDICT_BAD, reason)

#endif
