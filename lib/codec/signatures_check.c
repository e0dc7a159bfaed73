/* SPDX-License-Identifier: ISC */
#include "keys/sshsig.h"
#include "lib/codec/submission.h"

enum tally_reason tl_signatures_check(const struct tl_signatures *signatures,
                                      const struct tl_envelope *envelope)
{
    struct tl_sshsig author;
    struct tl_sshsig before;
    struct tl_sshsig sig;
    for (unsigned i = 0; i < signatures->count; i++) {
        if (tl_sshsig_decode(signatures->blobs[i], TL_SSHSIG_NAMESPACE, &sig) != TALLY_OK) {
            return TALLY_REASON_MALFORMED;
        }
        if (i == 0) {
            if (!tl_hash_equal(&sig.key.fingerprint, &envelope->key)) {
                return TALLY_REASON_SIGNATURE_MISSING;
            }
            author = sig;
            continue;
        }
        struct tally_bytes blob = tl_public_key_blob(&sig.key);
        if (tl_bytes_equal(blob, tl_public_key_blob(&author.key)) ||
            (i > 1 && tl_bytes_compare(tl_public_key_blob(&before.key), blob) >= 0)) {
            return TALLY_REASON_SIGNATURE_ORDER;
        }
        before = sig;
    }
    return signatures->count == 0 ? TALLY_REASON_SIGNATURE_MISSING : TALLY_REASON_NONE;
}

enum tally_reason tl_signature_verify(const struct tl_signatures *signatures, unsigned i,
                                      struct tally_bytes envelope)
{
    struct tl_sshsig sig;
    if (i >= signatures->count ||
        tl_sshsig_decode(signatures->blobs[i], TL_SSHSIG_NAMESPACE, &sig) != TALLY_OK) {
        return TALLY_REASON_MALFORMED;
    }
    return tl_sshsig_verify(&sig, envelope, TL_SSHSIG_NAMESPACE);
}
