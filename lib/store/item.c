/* SPDX-License-Identifier: ISC */
#include "lib/store/item.h"

#include <string.h>

#include "lib/roster/types.h"

bool tl_item_append(const struct tl_backup_item *item, struct tl_append *ret_append)
{
    const struct tl_roster *roster = item->roster;
    const struct tl_envelope *envelope = item->envelope;
    const struct tl_type_row *row = tl_type_find(envelope->type);
    if (roster == NULL || row == NULL) {
        return false;
    }
    const struct tl_member *member = tl_roster_find_member(roster, envelope->member);
    const struct tl_roster_key *key = tl_roster_find_key(roster, &envelope->key);
    if (member == NULL || key == NULL) {
        return false;
    }
    memset(ret_append, 0, sizeof *ret_append);
    ret_append->index = item->record->index;
    ret_append->seal = item->seal;
    ret_append->leaf = *item->leaf;
    ret_append->envelope = tl_envelope_hash(envelope);
    ret_append->type = (uint8_t)row->type;
    ret_append->member = (uint16_t)(member - roster->members);
    ret_append->key_number = (uint32_t)(key - roster->keys);
    ret_append->sequence = envelope->sequence;
    ret_append->commitments = item->commitments;
    ret_append->clear = *item->clear;
    return true;
}
