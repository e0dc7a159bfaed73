/* SPDX-License-Identifier: ISC */
#include "lib/roster/signers.h"

#include "keys/sshsig.h"
#include "lib/base/bytes.h"
#include "lib/base/check.h"

enum tally_reason tl_signers_read(const struct tl_signatures *signatures,
                                  struct tl_signers *ret_signers)
{
    TL_ASSERT(signatures->count <= TALLY_SIGNATURE_COUNT_MAX);
    ret_signers->count = 0;
    for (unsigned i = 0; i < signatures->count; i++) {
        struct tl_sshsig sig;
        if (tl_sshsig_decode(signatures->blobs[i], TL_SSHSIG_NAMESPACE, &sig) != TALLY_OK) {
            return TALLY_REASON_MALFORMED;
        }
        ret_signers->keys[i] = sig.key.fingerprint;
        ret_signers->count = i + 1;
    }
    return TALLY_REASON_NONE;
}

bool tl_signers_include(const struct tl_signers *signers, const struct tally_hash *fingerprint)
{
    for (unsigned i = 0; i < signers->count; i++) {
        if (tl_hash_equal(&signers->keys[i], fingerprint)) {
            return true;
        }
    }
    return false;
}

enum tally_reason tl_judge_author_key(const struct tl_roster *roster,
                                      const struct tl_envelope *envelope,
                                      const struct tl_type_row *row,
                                      const struct tl_roster_key **ret_author)
{
    const struct tl_roster_key *author = tl_roster_find_key(roster, &envelope->key);
    if (author == NULL) {
        return TALLY_REASON_UNKNOWN_KEY;
    }
    if (!tl_roster_key_in_force(roster, author)) {
        return TALLY_REASON_KEY_NOT_IN_FORCE;
    }
    if (!tl_bytes_equal(envelope->member, tl_bytes_text(roster->members[author->member].id))) {
        return TALLY_REASON_WRONG_MEMBER;
    }
    if ((author->roles & row->role) == 0) {
        return TALLY_REASON_ROLE_MISSING;
    }
    if (ret_author != NULL) {
        *ret_author = author;
    }
    return TALLY_REASON_NONE;
}

enum tally_reason tl_judge_signer_keys(const struct tl_roster *roster,
                                       const struct tl_envelope *envelope,
                                       const struct tl_signatures *signatures)
{
    struct tl_signers signers;
    enum tally_reason reason = tl_signers_read(signatures, &signers);
    if (reason != TALLY_REASON_NONE) {
        return reason;
    }
    if (signers.count == 0 || !tl_hash_equal(&signers.keys[0], &envelope->key)) {
        return TALLY_REASON_SIGNATURE_MISSING;
    }
    if (tl_envelope_is_constitution(envelope)) {
        return TALLY_REASON_NONE;
    }
    for (unsigned i = 0; i < signers.count; i++) {
        const struct tl_roster_key *key = tl_roster_find_key(roster, &signers.keys[i]);
        if (key == NULL) {
            return TALLY_REASON_UNKNOWN_KEY;
        }
        if (!tl_roster_key_in_force(roster, key)) {
            return TALLY_REASON_KEY_NOT_IN_FORCE;
        }
    }
    return TALLY_REASON_NONE;
}
