/* SPDX-License-Identifier: ISC */
/*
 * Amendments: operations in any order, applied one after the other to a copy of the roster. What
 * they may do is judged by the roster before them, what comes out by the rules for a roster.
 */
#include "lib/base/bytes.h"
#include "lib/base/text.h"
#include "lib/roster/change.h"
#include "lib/roster/quorum.h"
#include "lib/roster/roster.h"
#include "lib/roster/roster_build.h"
#include "lib/roster/signers.h"
#include "lib/roster/types.h"

static enum tally_reason withdraw(struct tl_change *change, struct tally_bytes arguments)
{
    struct tl_roster *roster = change->roster;
    const struct tl_member *found = tl_roster_find_member(roster, arguments);
    if (found == NULL || found == &roster->members[TL_MEMBER_HOST] ||
        found->withdrawn != TL_NEVER) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    size_t member = (size_t)(found - roster->members);
    roster->members[member].withdrawn = change->index;
    for (size_t i = 0; i < roster->key_count; i++) {
        struct tl_roster_key *key = &roster->keys[i];
        if (key->member == member && key->ended == TL_NEVER) {
            key->ended = change->index;
        }
    }
    return TALLY_REASON_NONE;
}

/* "SHA256:FINGERPRINT" of an enrolled key; NULL for anything else. */
static struct tl_roster_key *named_key(struct tl_change *change, struct tally_bytes text)
{
    static const char prefix[] = "SHA256:";
    const size_t prefix_len = sizeof prefix - 1;
    struct tally_hash fingerprint;
    if (!tl_bytes_starts_with(text, prefix) ||
        tl_fingerprint_parse(tl_bytes(text.ptr + prefix_len, text.len - prefix_len),
                             &fingerprint) != TALLY_OK) {
        return NULL;
    }
    return tl_roster_key_to_change(change->roster, &fingerprint);
}

static enum tally_reason rotate(struct tl_change *change, struct tally_bytes arguments)
{
    struct tally_bytes old_text;
    struct tally_bytes key_text;
    if (!tl_split_space(arguments, &old_text, &key_text)) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    struct tl_roster_key *old = named_key(change, old_text);
    if (old == NULL || old->ended != TL_NEVER) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    old->ended = change->index;
    old->rotated = true;
    return tl_change_add_key(change, key_text, old->member, old->roles);
}

static enum tally_reason grant(struct tl_change *change, struct tally_bytes arguments)
{
    struct tally_bytes key_text;
    struct tally_bytes roles_text;
    unsigned roles = 0;
    if (!tl_split_space(arguments, &key_text, &roles_text) || !tl_roles_parse(roles_text, &roles)) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    struct tl_roster_key *key = named_key(change, key_text);
    if (key == NULL || key->ended != TL_NEVER || key->member == TL_MEMBER_HOST) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    key->roles = roles;
    return TALLY_REASON_NONE;
}

static enum tally_reason revoke(struct tl_change *change, struct tally_bytes arguments)
{
    struct tally_bytes key_text;
    struct tally_bytes last_valid_text;
    struct tally_bytes reason;
    uint64_t last_valid = 0;
    if (!tl_split_space(arguments, &key_text, &arguments) ||
        !tl_split_space(arguments, &last_valid_text, &reason) ||
        tl_decimal_parse(last_valid_text, &last_valid) != TALLY_OK || !tl_is_id(reason)) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    struct tl_roster_key *key = named_key(change, key_text);
    if (key == NULL || key->revoked || last_valid >= change->index) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    key->revoked = true;
    key->last_valid = last_valid;
    if (key->ended == TL_NEVER) {
        key->ended = change->index;
    }
    return TALLY_REASON_NONE;
}

static enum tally_reason raise_rules(struct tl_change *change, struct tally_bytes arguments)
{
    uint64_t rules = 0;
    if (tl_decimal_parse(arguments, &rules) != TALLY_OK || rules <= change->roster->rules) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    change->roster->rules = rules;
    return TALLY_REASON_NONE;
}

static const struct {
    const char *name;
    bool is_rotation;
    tl_change_fn apply;
} operations[] = {
    {"admit", false, tl_change_admit},
    {"withdraw", false, withdraw},
    {"enrol", false, tl_change_enrol},
    {"rotate", true, rotate},
    {"grant", false, grant},
    {"revoke", false, revoke},
    {"threshold", false, tl_change_threshold},
    {"rules", false, raise_rules},
    {"ledger-key", false, tl_change_ledger_key},
};

static enum tally_reason apply_operation(struct tl_change *change, struct tally_bytes operation)
{
    struct tally_bytes name;
    struct tally_bytes arguments;
    tl_change_split(operation, &name, &arguments);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (tl_bytes_equal(name, tl_bytes_text(operations[i].name))) {
            change->only_rotations = change->only_rotations && operations[i].is_rotation;
            return operations[i].apply(change, arguments);
        }
    }
    return TALLY_REASON_OPERATION_INVALID;
}

/* One reference says which roster this changes: of two amendments made at the same time, the second
 * must be made again, by people who have read the first. */
static enum tally_reason judge_amends(const struct tl_roster *roster,
                                      const struct tl_envelope *envelope)
{
    struct tally_bytes relation = tl_bytes_text(tl_type_row(TL_TYPE_AMENDMENT)->relation);
    struct tally_bytes lines = envelope->ref_lines;
    struct tl_ref_line ref;
    while (tl_envelope_next_ref(&lines, &ref)) {
        if (tl_bytes_equal(ref.relation, relation)) {
            return ref.index == roster->position ? TALLY_REASON_NONE
                                                 : TALLY_REASON_STALE_AMENDMENT;
        }
    }
    return TALLY_REASON_STALE_AMENDMENT;
}

/* Every signer was in force before, or is enrolled by this very entry. */
static enum tally_reason judge_signers(const struct tl_roster *before,
                                       const struct tl_roster *after,
                                       const struct tl_signers *signers)
{
    for (unsigned i = 0; i < signers->count; i++) {
        const struct tl_roster_key *key = tl_roster_find_key(after, &signers->keys[i]);
        if (key == NULL) {
            return TALLY_REASON_UNKNOWN_KEY;
        }
        size_t number = (size_t)(key - after->keys);
        if (number < before->key_count && !tl_roster_key_in_force(before, &before->keys[number])) {
            return TALLY_REASON_KEY_NOT_IN_FORCE;
        }
    }
    return TALLY_REASON_NONE;
}

static enum tally_reason judge(const struct tl_roster *before, struct tl_change *change,
                               const struct tl_envelope *envelope, const struct tl_signers *signers)
{
    struct tally_bytes lines = envelope->op_lines;
    struct tally_bytes operation;
    while (tl_envelope_next_op(&lines, &operation)) {
        enum tally_reason reason = apply_operation(change, operation);
        if (reason != TALLY_REASON_NONE || change->status != TALLY_OK) {
            return reason;
        }
    }
    enum tally_reason reason = judge_signers(before, change->roster, signers);
    if (reason != TALLY_REASON_NONE) {
        return reason;
    }
    if (!tl_consent_is_given(change->roster, change->index, signers)) {
        return TALLY_REASON_CONSENT_MISSING;
    }
    bool is_vouched = change->only_rotations &&
                      tl_rotations_are_vouched(before, change->roster, change->index, signers);
    if (!is_vouched && tl_quorum_count(before, change->roster, signers) < before->threshold_amend) {
        return TALLY_REASON_QUORUM_MISSING;
    }
    return tl_thresholds_hold(change->roster) ? TALLY_REASON_NONE : TALLY_REASON_THRESHOLD_INVALID;
}

enum tally_status tl_roster_amend(const struct tl_roster *roster, uint64_t index,
                                  const struct tl_envelope *envelope,
                                  const struct tl_signatures *signatures,
                                  struct tl_roster **ret_roster, enum tally_reason *ret_reason)
{
    struct tl_signers signers;
    struct tl_change change = {.index = index, .only_rotations = true, .status = TALLY_OK};
    enum tally_reason reason = tl_signers_read(signatures, &signers);
    if (reason == TALLY_REASON_NONE) {
        reason = judge_amends(roster, envelope);
    }
    if (reason != TALLY_REASON_NONE) {
        *ret_reason = reason;
        return TALLY_OK;
    }
    enum tally_status status = tl_roster_copy(roster, &change.roster);
    if (status != TALLY_OK) {
        return status;
    }
    reason = judge(roster, &change, envelope, &signers);
    status = change.status;
    if (status == TALLY_OK) {
        *ret_reason = reason;
        if (reason == TALLY_REASON_NONE) {
            change.roster->position = index;
            *ret_roster = change.roster;
            change.roster = NULL;
        }
    }
    tl_roster_free(change.roster);
    return status;
}
