/* SPDX-License-Identifier: ISC */
#include "lib/roster/quorum.h"

#include "lib/base/bytes.h"

bool tl_consent_is_given(const struct tl_roster *after, uint64_t index,
                         const struct tl_signers *signers)
{
    for (size_t i = 0; i < after->key_count; i++) {
        const struct tl_roster_key *key = &after->keys[i];
        if (key->enrolled == index && !tl_signers_include(signers, &key->key.fingerprint)) {
            return false;
        }
    }
    return true;
}

/*
 * The roster before the entry decides, so that no entry gives itself votes: keys that it enrols are
 * not in `before`. A key that it rotates or revokes does not count either; one whose member it
 * withdraws, or whose roles it replaces, still does. The host key never has the role.
 */
static bool counts(const struct tl_roster *before, const struct tl_roster *after, size_t number)
{
    const struct tl_roster_key *was = &before->keys[number];
    const struct tl_roster_key *is = &after->keys[number];
    return (was->roles & TL_ROLE_GOVERN) != 0 && tl_roster_key_in_force(before, was) &&
           !is->rotated && !is->revoked;
}

unsigned tl_quorum_count(const struct tl_roster *before, const struct tl_roster *after,
                         const struct tl_signers *signers)
{
    unsigned members[TALLY_SIGNATURE_COUNT_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < signers->count; i++) {
        const struct tl_roster_key *key = tl_roster_find_key(before, &signers->keys[i]);
        if (key == NULL || !counts(before, after, (size_t)(key - before->keys))) {
            continue;
        }
        bool is_new = true;
        for (unsigned j = 0; j < count; j++) {
            is_new = is_new && members[j] != key->member;
        }
        if (is_new) {
            members[count] = key->member;
            count++;
        }
    }
    return count;
}

/* Another key of the member, in force before and after, with every role of the rotated one. */
static bool is_vouched(const struct tl_roster *before, const struct tl_roster *after,
                       const struct tl_signers *signers, const struct tl_roster_key *rotated)
{
    for (unsigned i = 0; i < signers->count; i++) {
        const struct tl_roster_key *was = tl_roster_find_key(before, &signers->keys[i]);
        if (was == NULL || was->member != rotated->member) {
            continue;
        }
        const struct tl_roster_key *is = &after->keys[was - before->keys];
        /* What is in force still was in force before. */
        if (tl_roster_key_in_force(after, is) && (was->roles & rotated->roles) == rotated->roles) {
            return true;
        }
    }
    return false;
}

bool tl_rotations_are_vouched(const struct tl_roster *before, const struct tl_roster *after,
                              uint64_t index, const struct tl_signers *signers)
{
    for (size_t i = 0; i < after->key_count; i++) {
        const struct tl_roster_key *key = &after->keys[i];
        if (key->rotated && key->ended == index && !is_vouched(before, after, signers, key)) {
            return false;
        }
    }
    return true;
}

unsigned tl_roster_governing_count(const struct tl_roster *roster)
{
    unsigned count = 0;
    for (size_t member = 0; member < roster->member_count; member++) {
        for (size_t i = 0; i < roster->key_count; i++) {
            const struct tl_roster_key *key = &roster->keys[i];
            if (key->member == member && (key->roles & TL_ROLE_GOVERN) != 0 &&
                tl_roster_key_in_force(roster, key)) {
                count++;
                break;
            }
        }
    }
    return count;
}

bool tl_thresholds_hold(const struct tl_roster *roster)
{
    unsigned governing = tl_roster_governing_count(roster);
    unsigned highest = governing >= 3 ? governing - 1 : governing;
    return roster->threshold_amend >= 1 && roster->threshold_amend <= highest;
}
