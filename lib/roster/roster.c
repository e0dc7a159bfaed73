/* SPDX-License-Identifier: ISC */
#include "lib/roster/roster.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/roster/roster_build.h"

/* Room for one more element behind count of them; false when out of memory. */
static bool grow(void **array, size_t count, size_t element_len)
{
    void *grown = tl_realloc(*array, (count + 1) * element_len);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    return true;
}

static void *copy_of(const void *array, size_t count, size_t element_len)
{
    void *copy = tl_alloc(count * element_len);
    if (copy != NULL && count > 0) {
        memcpy(copy, array, count * element_len);
    }
    return copy;
}

static void copy_text(char *dst, size_t cap, struct tally_bytes text)
{
    TL_ASSERT(text.len < cap);
    if (text.len > 0) {
        memcpy(dst, text.ptr, text.len);
    }
    dst[text.len] = '\0';
}

enum tally_status tl_roster_new(struct tl_roster **ret_roster)
{
    struct tl_roster *roster = tl_calloc(1, sizeof *roster);
    if (roster == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status =
        tl_roster_add_member(roster, tl_bytes_text("host"), tl_bytes_text("ledger host"), 0);
    if (status != TALLY_OK) {
        tl_roster_free(roster);
        return status;
    }
    *ret_roster = roster;
    return TALLY_OK;
}

static enum tally_status copy_lists(const struct tl_roster *roster, struct tl_roster *copy)
{
    copy->members = copy_of(roster->members, roster->member_count, sizeof *roster->members);
    copy->keys = copy_of(roster->keys, roster->key_count, sizeof *roster->keys);
    copy->by_fingerprint =
        copy_of(roster->by_fingerprint, roster->key_count, sizeof *roster->by_fingerprint);
    copy->ledger_points =
        copy_of(roster->ledger_points, roster->ledger_point_count, sizeof *roster->ledger_points);
    if (copy->members == NULL || copy->keys == NULL || copy->by_fingerprint == NULL ||
        copy->ledger_points == NULL) {
        return TALLY_ENOMEM;
    }
    for (size_t i = 0; i < roster->policy_count; i++) {
        enum tally_status status = tl_roster_add_policy(copy, tl_bytes_text(roster->policies[i]));
        if (status != TALLY_OK) {
            return status;
        }
    }
    return TALLY_OK;
}

enum tally_status tl_roster_copy(const struct tl_roster *roster, struct tl_roster **ret_copy)
{
    struct tl_roster *copy = tl_alloc(sizeof *copy);
    if (copy == NULL) {
        return TALLY_ENOMEM;
    }
    *copy = *roster;
    copy->members = NULL;
    copy->keys = NULL;
    copy->by_fingerprint = NULL;
    copy->ledger_points = NULL;
    copy->policies = NULL;
    copy->policy_count = 0;
    enum tally_status status = copy_lists(roster, copy);
    if (status != TALLY_OK) {
        tl_roster_free(copy);
        return status;
    }
    *ret_copy = copy;
    return TALLY_OK;
}

void tl_roster_free(struct tl_roster *roster)
{
    if (roster == NULL) {
        return;
    }
    for (size_t i = 0; i < roster->policy_count; i++) {
        tl_free(roster->policies[i]);
    }
    tl_free(roster->policies);
    tl_free(roster->ledger_points);
    tl_free(roster->by_fingerprint);
    tl_free(roster->keys);
    tl_free(roster->members);
    tl_free(roster);
}

enum tally_status tl_roster_add_member(struct tl_roster *roster, struct tally_bytes id,
                                       struct tally_bytes name, uint64_t index)
{
    void *members = roster->members;
    if (!grow(&members, roster->member_count, sizeof *roster->members)) {
        return TALLY_ENOMEM;
    }
    roster->members = members;
    struct tl_member *member = &roster->members[roster->member_count];
    memset(member, 0, sizeof *member);
    copy_text(member->id, sizeof member->id, id);
    copy_text(member->name, sizeof member->name, name);
    member->admitted = index;
    member->withdrawn = TL_NEVER;
    roster->member_count++;
    return TALLY_OK;
}

/* The place in by_fingerprint of the first key that is not below fingerprint. */
static size_t place_of(const struct tl_roster *roster, const struct tally_hash *fingerprint)
{
    size_t low = 0;
    size_t high = roster->key_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct tl_roster_key *key = &roster->keys[roster->by_fingerprint[middle]];
        if (memcmp(key->key.fingerprint.bytes, fingerprint->bytes, TALLY_HASH_LEN) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

enum tally_status tl_roster_add_key(struct tl_roster *roster, const struct tl_public_key *key,
                                    unsigned member, unsigned roles, uint64_t index)
{
    TL_ASSERT(tl_roster_find_key(roster, &key->fingerprint) == NULL);
    TL_ASSERT(member < roster->member_count);
    void *keys = roster->keys;
    if (!grow(&keys, roster->key_count, sizeof *roster->keys)) {
        return TALLY_ENOMEM;
    }
    roster->keys = keys;
    void *places = roster->by_fingerprint;
    if (!grow(&places, roster->key_count, sizeof *roster->by_fingerprint)) {
        return TALLY_ENOMEM;
    }
    roster->by_fingerprint = places;

    size_t place = place_of(roster, &key->fingerprint);
    memmove(&roster->by_fingerprint[place + 1], &roster->by_fingerprint[place],
            (roster->key_count - place) * sizeof *roster->by_fingerprint);
    roster->by_fingerprint[place] = (unsigned)roster->key_count;
    roster->keys[roster->key_count] = (struct tl_roster_key){
        .key = *key,
        .member = member,
        .roles = roles,
        .enrolled = index,
        .ended = TL_NEVER,
        .last_valid = TL_NEVER,
    };
    roster->key_count++;
    return TALLY_OK;
}

enum tally_status tl_roster_set_ledger_key(struct tl_roster *roster, const struct tl_note_key *key)
{
    void *points = roster->ledger_points;
    if (!grow(&points, roster->ledger_point_count, sizeof *roster->ledger_points)) {
        return TALLY_ENOMEM;
    }
    roster->ledger_points = points;
    struct tl_ledger_point *point = &roster->ledger_points[roster->ledger_point_count];
    memcpy(point->bytes, key->point, sizeof point->bytes);
    roster->ledger_point_count++;
    roster->ledger_key = *key;
    return TALLY_OK;
}

bool tl_roster_has_ledger_point(const struct tl_roster *roster, const uint8_t point[32])
{
    for (size_t i = 0; i < roster->ledger_point_count; i++) {
        if (memcmp(roster->ledger_points[i].bytes, point, sizeof roster->ledger_points[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum tally_status tl_roster_add_policy(struct tl_roster *roster, struct tally_bytes line)
{
    void *policies = roster->policies;
    if (!grow(&policies, roster->policy_count, sizeof *roster->policies)) {
        return TALLY_ENOMEM;
    }
    roster->policies = policies;
    char *copy = tl_alloc(line.len + 1);
    if (copy == NULL) {
        return TALLY_ENOMEM;
    }
    copy_text(copy, line.len + 1, line);
    roster->policies[roster->policy_count] = copy;
    roster->policy_count++;
    return TALLY_OK;
}

struct tl_roster_key *tl_roster_key_to_change(struct tl_roster *roster,
                                              const struct tally_hash *fingerprint)
{
    size_t place = place_of(roster, fingerprint);
    if (place == roster->key_count) {
        return NULL;
    }
    struct tl_roster_key *key = &roster->keys[roster->by_fingerprint[place]];
    return tl_hash_equal(&key->key.fingerprint, fingerprint) ? key : NULL;
}

const struct tl_roster_key *tl_roster_find_key(const struct tl_roster *roster,
                                               const struct tally_hash *fingerprint)
{
    size_t place = place_of(roster, fingerprint);
    if (place == roster->key_count) {
        return NULL;
    }
    const struct tl_roster_key *key = &roster->keys[roster->by_fingerprint[place]];
    return tl_hash_equal(&key->key.fingerprint, fingerprint) ? key : NULL;
}

const struct tl_member *tl_roster_find_member(const struct tl_roster *roster, struct tally_bytes id)
{
    for (size_t i = 0; i < roster->member_count; i++) {
        if (tl_bytes_equal(id, tl_bytes_text(roster->members[i].id))) {
            return &roster->members[i];
        }
    }
    return NULL;
}

bool tl_roster_key_in_force(const struct tl_roster *roster, const struct tl_roster_key *key)
{
    TL_ASSERT(key >= roster->keys && key < roster->keys + roster->key_count);
    return key->ended == TL_NEVER;
}

bool tl_roster_key_in_doubt(const struct tl_roster_key *key, uint64_t index)
{
    return index > key->last_valid && index <= key->ended;
}
