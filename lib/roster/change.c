/* SPDX-License-Identifier: ISC */
#include "lib/roster/change.h"

#include <string.h>

#include "keys/ed25519.h"
#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/base/text.h"
#include "lib/roster/roster_build.h"

void tl_change_split(struct tally_bytes operation, struct tally_bytes *ret_name,
                     struct tally_bytes *ret_arguments)
{
    if (!tl_split_space(operation, ret_name, ret_arguments)) {
        *ret_name = operation;
        *ret_arguments = tl_bytes(operation.ptr + operation.len, 0);
    }
}

bool tl_roles_parse(struct tally_bytes text, unsigned *ret_roles)
{
    static const struct {
        const char *text;
        unsigned roles;
    } spellings[] = {
        {"author", TL_ROLE_AUTHOR},
        {"author,govern", TL_ROLE_AUTHOR | TL_ROLE_GOVERN},
        {"govern", TL_ROLE_GOVERN},
    };
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        if (tl_bytes_equal(text, tl_bytes_text(spellings[i].text))) {
            *ret_roles = spellings[i].roles;
            return true;
        }
    }
    return false;
}

static bool is_reserved_id(struct tally_bytes id)
{
    return tl_bytes_equal(id, tl_bytes_text("host")) ||
           tl_bytes_equal(id, tl_bytes_text("ledger")) ||
           tl_bytes_equal(id, tl_bytes_text("public"));
}

enum tally_reason tl_change_admit(struct tl_change *change, struct tally_bytes arguments)
{
    struct tally_bytes id;
    struct tally_bytes name; /* printable ASCII, as every operation is */
    if (!tl_split_space(arguments, &id, &name) || !tl_is_id(id) || is_reserved_id(id) ||
        name.len == 0 || name.len > TALLY_MEMBER_NAME_MAX) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    /* An id is taken for ever, also by a member that has left. */
    if (tl_roster_find_member(change->roster, id) != NULL ||
        change->roster->member_count >= TL_MEMBER_COUNT_MAX) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    change->status = tl_roster_add_member(change->roster, id, name, change->index);
    return TALLY_REASON_NONE;
}

enum tally_reason tl_change_enrol(struct tl_change *change, struct tally_bytes arguments)
{
    struct tally_bytes id;
    struct tally_bytes roles_text;
    struct tally_bytes key_text;
    unsigned roles = 0;
    if (!tl_split_space(arguments, &id, &arguments) ||
        !tl_split_space(arguments, &roles_text, &key_text) || !tl_roles_parse(roles_text, &roles)) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    const struct tl_member *member = tl_roster_find_member(change->roster, id);
    if (member == NULL || member == &change->roster->members[TL_MEMBER_HOST] ||
        member->withdrawn != TL_NEVER) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    return tl_change_add_key(change, key_text, (unsigned)(member - change->roster->members), roles);
}

enum tally_reason tl_change_add_key(struct tl_change *change, struct tally_bytes text,
                                    unsigned member, unsigned roles)
{
    struct tl_public_key key;
    if (tl_public_key_from_text(text, &key) != TALLY_OK) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    if (!tl_ed25519_public_is_valid(key.point)) {
        return TALLY_REASON_KEY_UNUSABLE;
    }
    if (tl_roster_find_key(change->roster, &key.fingerprint) != NULL) {
        return TALLY_REASON_KEY_REUSED;
    }
    if (tl_roster_has_ledger_point(change->roster, key.point)) {
        return TALLY_REASON_KEY_REUSED;
    }
    change->status = tl_roster_add_key(change->roster, &key, member, roles, change->index);
    return TALLY_REASON_NONE;
}

enum tally_reason tl_change_threshold(struct tl_change *change, struct tally_bytes arguments)
{
    struct tally_bytes name;
    struct tally_bytes number;
    uint64_t threshold = 0;
    if (!tl_split_space(arguments, &name, &number) ||
        !tl_bytes_equal(name, tl_bytes_text("amend")) ||
        tl_decimal_parse(number, &threshold) != TALLY_OK) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    /* Whether it can be reached is judged after the last operation; this one never can. */
    change->roster->threshold_amend = threshold > UINT32_MAX ? UINT32_MAX : (unsigned)threshold;
    return TALLY_REASON_NONE;
}

enum tally_reason tl_change_ledger_key(struct tl_change *change, struct tally_bytes arguments)
{
    struct tl_roster *roster = change->roster;
    struct tl_note_key key;
    if (tl_note_key_parse(arguments, &key) != TALLY_OK || key.type != TL_NOTE_ED25519 ||
        strcmp(key.name, roster->ledger_key.name) != 0) {
        return TALLY_REASON_OPERATION_INVALID;
    }
    if (!tl_ed25519_public_is_valid(key.point)) {
        return TALLY_REASON_KEY_UNUSABLE;
    }
    if (tl_roster_has_ledger_point(roster, key.point)) {
        return TALLY_REASON_KEY_REUSED;
    }
    for (size_t i = 0; i < roster->key_count; i++) {
        if (memcmp(key.point, roster->keys[i].key.point, sizeof key.point) == 0) {
            return TALLY_REASON_KEY_REUSED;
        }
    }
    change->status = tl_roster_set_ledger_key(roster, &key);
    return TALLY_REASON_NONE;
}
