/* SPDX-License-Identifier: ISC */
/*
 * The charter: record 0, which makes the first roster. Its operations stand in the order of the
 * table below, and every key that it names has signed it.
 */
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/text.h"
#include "lib/roster/change.h"
#include "lib/roster/quorum.h"
#include "lib/roster/roster.h"
#include "lib/roster/roster_build.h"
#include "lib/roster/signers.h"
#include "lib/roster/types.h"

static enum tally_reason set_origin(struct tl_change *change, struct tally_bytes arguments)
{
    struct tl_note_key *ledger_key = &change->roster->ledger_key;
    if (!tl_is_origin(arguments)) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    memset(ledger_key->name, 0, sizeof ledger_key->name);
    memcpy(ledger_key->name, arguments.ptr, arguments.len);
    return TALLY_REASON_NONE;
}

static enum tally_reason set_host_key(struct tl_change *change, struct tally_bytes arguments)
{
    return tl_change_add_key(change, arguments, TL_MEMBER_HOST, TL_ROLE_HOST);
}

static enum tally_reason set_rules(struct tl_change *change, struct tally_bytes arguments)
{
    if (tl_decimal_parse(arguments, &change->roster->rules) != TALLY_OK ||
        change->roster->rules != 1) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    return TALLY_REASON_NONE;
}

static enum tally_reason set_sample(struct tl_change *change, struct tally_bytes arguments)
{
    change->roster->sample = tl_bytes_equal(arguments, tl_bytes_text("yes"));
    if (!change->roster->sample && !tl_bytes_equal(arguments, tl_bytes_text("no"))) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    return TALLY_REASON_NONE;
}

static enum tally_reason add_policy(struct tl_change *change, struct tally_bytes arguments)
{
    if (arguments.len == 0) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    change->status = tl_roster_add_policy(change->roster, arguments);
    return TALLY_REASON_NONE;
}

#define ANY_NUMBER UINT32_MAX

static const struct {
    const char *name;
    unsigned min;
    unsigned max;
    tl_change_fn apply;
} operations[] = {
    {"origin", 1, 1, set_origin},
    {"ledger-key", 1, 1, tl_change_ledger_key},
    {"host-key", 1, 1, set_host_key},
    {"rules", 1, 1, set_rules},
    {"sample", 1, 1, set_sample},
    {"threshold", 1, 1, tl_change_threshold},
    {"member", 1, ANY_NUMBER, tl_change_admit},
    {"key", 1, ANY_NUMBER, tl_change_enrol},
    {"policy", 0, ANY_NUMBER, add_policy},
};

#define OPERATION_COUNT (sizeof operations / sizeof operations[0])

static enum tally_reason apply_operations(struct tl_change *change, struct tally_bytes lines)
{
    struct tally_bytes operation;
    size_t row = 0;
    unsigned count = 0; /* operations of this row */
    while (tl_envelope_next_op(&lines, &operation)) {
        struct tally_bytes name;
        struct tally_bytes arguments;
        tl_change_split(operation, &name, &arguments);
        while (row < OPERATION_COUNT &&
               (count == operations[row].max ||
                !tl_bytes_equal(name, tl_bytes_text(operations[row].name)))) {
            if (count < operations[row].min) {
                return TALLY_REASON_OPERATION_INVALID;
            }
            row++;
            count = 0;
        }
        if (row == OPERATION_COUNT) {
            return TALLY_REASON_OPERATION_INVALID;
        }
        count++;
        enum tally_reason reason = operations[row].apply(change, arguments);
        if (reason != TALLY_REASON_NONE || change->status != TALLY_OK) {
            return reason;
        }
    }
    for (; row < OPERATION_COUNT; row++) {
        if (count < operations[row].min) {
            return TALLY_REASON_OPERATION_INVALID;
        }
        count = 0;
    }
    return TALLY_REASON_NONE;
}

/* A founder is its author, and nobody signs but the keys that it enrols. */
static enum tally_reason judge_signers(const struct tl_roster *roster,
                                       const struct tl_envelope *envelope,
                                       const struct tl_signers *signers)
{
    const struct tl_roster_key *author = tl_roster_find_key(roster, &envelope->key);
    if (author == NULL) {
        return TALLY_REASON_UNKNOWN_KEY;
    }
    if (!tl_bytes_equal(envelope->member, tl_bytes_text(roster->members[author->member].id))) {
        return TALLY_REASON_WRONG_MEMBER;
    }
    if (author->member == TL_MEMBER_HOST) {
        return TALLY_REASON_ROLE_MISSING;
    }
    for (unsigned i = 0; i < signers->count; i++) {
        if (tl_roster_find_key(roster, &signers->keys[i]) == NULL) {
            return TALLY_REASON_UNKNOWN_KEY;
        }
    }
    return TALLY_REASON_NONE;
}

static enum tally_reason judge(struct tl_change *change, const struct tl_envelope *envelope,
                               const struct tl_signers *signers)
{
    enum tally_reason reason = apply_operations(change, envelope->op_lines);
    if (reason != TALLY_REASON_NONE || change->status != TALLY_OK) {
        return reason;
    }
    reason = judge_signers(change->roster, envelope, signers);
    if (reason != TALLY_REASON_NONE) {
        return reason;
    }
    if (!tl_consent_is_given(change->roster, change->index, signers)) {
        return TALLY_REASON_CONSENT_MISSING;
    }
    if (!tl_thresholds_hold(change->roster)) {
        return TALLY_REASON_THRESHOLD_INVALID;
    }
    return TALLY_REASON_NONE;
}

enum tally_status tl_roster_from_charter(const struct tl_envelope *envelope,
                                         const struct tl_signatures *signatures,
                                         struct tl_roster **ret_roster,
                                         enum tally_reason *ret_reason)
{
    struct tl_signers signers;
    struct tl_change change = {.index = 0, .status = TALLY_OK};
    enum tally_reason reason = tl_signers_read(signatures, &signers);
    if (reason != TALLY_REASON_NONE) {
        *ret_reason = reason;
        return TALLY_OK;
    }
    enum tally_status status = tl_roster_new(&change.roster);
    if (status != TALLY_OK) {
        return status;
    }
    reason = judge(&change, envelope, &signers);
    status = change.status;
    if (status == TALLY_OK) {
        *ret_reason = reason;
        if (reason == TALLY_REASON_NONE) {
            change.roster->ledger = tl_envelope_hash(envelope);
            *ret_roster = change.roster;
            change.roster = NULL;
        }
    }
    tl_roster_free(change.roster);
    return status;
}
