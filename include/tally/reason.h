/* SPDX-License-Identifier: ISC */
/*
 * Reason: what is wrong with one submission or one record.
 *
 * The judge answers with a reason, a rejection carries its name, and a verdict names the first bad
 * record by index and reason. Names are part of the formats (docs/formats.md, "Reasons"): they are
 * never changed and never reused.
 */
#ifndef TALLY_REASON_H
#define TALLY_REASON_H

#include <tally/export.h>

TALLY_BEGIN_DECLS

/* name, text of the format, what it means in English */
#define TALLY_REASON_MAP(X)                                                                        \
    X(NONE, "none", "nothing is wrong")                                                            \
    /* form of the submission; needs no state */                                                   \
    X(MALFORMED, "malformed", "the bytes do not follow the format")                                \
    X(TOO_LARGE, "too-large", "over a size or count limit")                                        \
    X(SIGNATURE_MISSING, "signature-missing", "the author's signature is not the first one")       \
    X(SIGNATURE_ORDER, "signature-order", "signatures are not sorted by key or a key repeats")     \
    X(SIGNATURE_INVALID, "signature-invalid", "a signature does not verify")                       \
    X(PRESENCE_MISSING, "presence-missing", "a hardware signature lacks the user-presence flag")   \
    X(COMMITMENTS_MISMATCH, "commitments-mismatch", "the commitments do not give the parts root")  \
    X(PART_MISSING, "part-missing", "a clear part was not handed over")                            \
    X(PART_INVALID, "part-invalid", "a part is malformed, misplaced or not the committed one")     \
    X(SEALED_MISSING, "sealed-missing", "a sealed part's ciphertext was not handed over")          \
    X(SEALED_INVALID, "sealed-invalid", "a ciphertext differs from its sealed line")               \
    X(FILE_MISSING, "file-missing", "an exhibit file was not handed over")                         \
    X(FILE_INVALID, "file-invalid", "an exhibit file differs from its file line")                  \
    X(EXHIBIT_INVALID, "exhibit-invalid", "an /exhibits/ part does not fit its form or file line") \
    /* against the roster and the ledger's state */                                                \
    X(WRONG_LEDGER, "wrong-ledger", "made for another ledger")                                     \
    X(UNKNOWN_TYPE, "unknown-type", "the entry type is not in the table of the rules in force")    \
    X(UNKNOWN_KEY, "unknown-key", "a signing key is not enrolled")                                 \
    X(KEY_NOT_IN_FORCE, "key-not-in-force", "a signing key is revoked, rotated or withdrawn")      \
    X(WRONG_MEMBER, "wrong-member", "the key belongs to another member")                           \
    X(ROLE_MISSING, "role-missing", "the author's key lacks the role that the type needs")         \
    X(SEQUENCE_GAP, "sequence-gap", "the key's sequence number leaves a gap")                      \
    X(SEQUENCE_REUSED, "sequence-reused", "the key's sequence number is taken by another entry")   \
    X(PREVIOUS_MISMATCH, "previous-mismatch", "previous is not the key's preceding envelope")      \
    X(SEEN_UNKNOWN, "seen-unknown", "seen does not name a record of this ledger")                  \
    X(SEEN_DECREASED, "seen-decreased", "seen is older than in the key's preceding entry")         \
    X(RELATION_NOT_ALLOWED, "relation-not-allowed", "the type may not carry that relation")        \
    X(REFERENCE_MISSING, "reference-missing", "a relation that the type needs is missing")         \
    X(REFERENCE_SURPLUS, "reference-surplus", "a relation that must be single stands twice")       \
    X(REFERENCE_UNKNOWN, "reference-unknown", "a ref does not name a record up to seen")           \
    X(REFERENCE_TARGET, "reference-target", "a ref's target has the wrong type or member")         \
    X(PART_REQUIRED, "part-required", "a part that the type needs is missing")                     \
    X(TIME_DECREASED, "time-decreased", "received time decreases without an incident saying so")   \
    /* constitution */                                                                             \
    X(CHARTER_ONLY_FIRST, "charter-only-first", "a charter must be record 0, and record 0 one")    \
    X(OPERATION_INVALID, "operation-invalid", "an operation does not apply")                       \
    X(STALE_AMENDMENT, "stale-amendment", "the amendment does not amend the roster in force")      \
    X(QUORUM_MISSING, "quorum-missing", "too few members signed")                                  \
    X(CONSENT_MISSING, "consent-missing", "an enrolled key did not sign the entry that enrols it") \
    X(KEY_REUSED, "key-reused", "a key was enrolled before")                                       \
    X(KEY_UNUSABLE, "key-unusable", "a key is not a point of the prime-order subgroup")            \
    X(THRESHOLD_INVALID, "threshold-invalid", "a threshold cannot be reached or gives one a veto") \
    /* of a record as kept */                                                                      \
    X(RECORD_MISSING, "record-missing", "the record is absent")                                    \
    X(INDEX_MISMATCH, "index-mismatch", "the record carries another index")                        \
    X(LINK_MISMATCH, "link-mismatch", "the link is not the preceding record's leaf hash")          \
    X(ROSTER_MISMATCH, "roster-mismatch", "the record names another roster position")              \
    X(SEAL_MISSING, "seal-missing", "the seal is absent")                                          \
    X(SEAL_INVALID, "seal-invalid", "the seal does not verify under the ledger key")               \
    X(LEAF_MISMATCH, "leaf-mismatch", "the record's hash differs from the tree's leaf")            \
    X(TILE_MISMATCH, "tile-mismatch", "a tree tile differs from the hashes below it")              \
    X(COMMITMENTS_MISSING, "commitments-missing", "the record's commitments are absent")           \
    X(ROOT_MISMATCH, "root-mismatch", "the records do not give the checkpoint's root")             \
    X(CHECKPOINT_INVALID, "checkpoint-invalid", "the checkpoint is malformed or not signed")       \
    X(CHECKPOINT_ROLLBACK, "checkpoint-rollback", "the ledger is shorter than a held checkpoint")  \
    X(CHECKPOINT_FORK, "checkpoint-fork", "a held checkpoint has another root: a split view")      \
    X(RECEIPT_INVALID, "receipt-invalid", "the receipt does not hold by itself")                   \
    X(RECEIPT_MISMATCH, "receipt-mismatch", "a held receipt has another leaf at that index")       \
    X(PROOF_INVALID, "proof-invalid", "the inclusion proof does not lead to the root")             \
    X(BATCH_MISMATCH, "batch-mismatch", "a checkpoint size runs past a constitution record")       \
    X(BUNDLE_INVALID, "bundle-invalid", "the bundle does not follow its form")                     \
    X(PREFIX_MISMATCH, "prefix-mismatch", "another charter than the expected ledger's")            \
    /* of the service, not of the submission */                                                    \
    X(OVERLOADED, "overloaded", "the daemon is at a limit: try again")                             \
    X(NO_SPACE, "no-space", "the daemon has no room: appends resume when there is")                \
    X(STOPPED, "stopped", "the daemon has stopped signing: the operator must act")                 \
    X(KEY_QUOTA, "key-quota", "the key has had its share for now: try again later")

enum tally_reason {
#define TALLY_REASON_ENUM(name, text, meaning) TALLY_REASON_##name,
    TALLY_REASON_MAP(TALLY_REASON_ENUM)
#undef TALLY_REASON_ENUM
        TALLY_REASON_COUNT
};

/* The format's name of a reason ("sequence-gap"), never NULL, valid for ever. Any thread. */
TALLY_EXPORT const char *tally_reason_name(enum tally_reason reason);

/* One English sentence without its stop. Never NULL, valid for ever. Any thread. */
TALLY_EXPORT const char *tally_reason_text(enum tally_reason reason);

TALLY_END_DECLS

#endif
