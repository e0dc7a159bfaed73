/* SPDX-License-Identifier: ISC */
/*
 * Verifying: ledgers, receipts, bundles, and the small proofs they are made of.
 *
 * Call tally_init once before anything else. Every other function may be called from any thread,
 * on different objects at the same time; one object belongs to one thread at a time. Nothing here
 * opens a network socket, writes a log, or trusts what it reads. The formats and every rule are in
 * docs/formats.md of the source.
 */
#ifndef TALLY_VERIFY_H
#define TALLY_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/export.h>
#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>

TALLY_BEGIN_DECLS

/*
 * Prepares the cryptography and runs its known answers. OK; EINTERNAL when the linked libsodium
 * fails them: nothing may be verified then. Safe to call again, not from two threads at once.
 */
TALLY_EXPORT TALLY_NODISCARD enum tally_status tally_init(void);

/* ---- Reports ---- */

enum tally_verdict { TALLY_VERDICT_NOT_CHECKED = 0, TALLY_VERDICT_OK = 1, TALLY_VERDICT_BAD = 2 };

/* No record is named by a line, or by a report. */
#define TALLY_NO_INDEX UINT64_MAX

/* What a verification found. Owned by the caller who got it; free it with tally_report_free. */
struct tally_report;

/* One check of a report ("Verification" of the formats). Text lives as long as the library. */
struct tally_report_line {
    const char *name;    /* "chain", "seals" ... */
    const char *meaning; /* one English sentence without its stop */
    enum tally_verdict verdict;
    uint64_t checked;         /* items that hold */
    uint64_t unchecked;       /* items that were withheld or absent */
    uint64_t bad;             /* items that do not hold */
    uint64_t first_bad;       /* smallest index of a bad record, or TALLY_NO_INDEX */
    enum tally_reason reason; /* of first_bad; NONE unless BAD */
    bool required;            /* NOT CHECKED makes the report incomplete */
};

/* Frees a report; NULL is fine. */
TALLY_EXPORT void tally_report_free(struct tally_report *report);

/* 0 verified, 1 verification failed, 4 incomplete: the exit codes of tally(1). Never 0 by default.
 */
TALLY_EXPORT int tally_report_exit_code(const struct tally_report *report);

/* How many lines every report has, and one of them. EINVAL when number is not below the count. */
TALLY_EXPORT size_t tally_report_line_count(void);
TALLY_EXPORT TALLY_NODISCARD enum tally_status
tally_report_line(const struct tally_report *report, size_t number,
                  struct tally_report_line *ret_line);

/* The first bad record over all lines. False when nothing is bad, or no record is named. */
TALLY_EXPORT bool tally_report_first_bad(const struct tally_report *report, uint64_t *ret_index,
                                         enum tally_reason *ret_reason);

/* Records under the checkpoint that was verified, its root, the ledger id (zeros when unknown). */
TALLY_EXPORT uint64_t tally_report_size(const struct tally_report *report);
TALLY_EXPORT struct tally_hash tally_report_root(const struct tally_report *report);
TALLY_EXPORT struct tally_hash tally_report_ledger(const struct tally_report *report);

/* The origin; "" when unknown. Foreign text of a limited alphabet. Lives as long as the report. */
TALLY_EXPORT const char *tally_report_origin(const struct tally_report *report);

/* True for a ledger whose charter says that it is a sample: evidence of nothing. */
TALLY_EXPORT bool tally_report_is_sample(const struct tally_report *report);

/* ---- Whole ledgers ---- */

struct tally_ledger_options {
    const struct tally_hash *ledger;    /* the id that is trusted; NULL: none (incomplete) */
    const struct tally_bytes *receipts; /* receipt files that the ledger must agree with */
    size_t receipt_count;
    struct tally_bytes since; /* a signed checkpoint that it must extend; empty: none */
    bool require_exhibits;    /* absent exhibit files make the report incomplete */
    unsigned threads;         /* threads beside the caller's own; 0 is fine */
};

/*
 * Verifies all of a ledger: path is an archive directory, a tar of one, or a daemon's read socket.
 * options may be NULL. OK: a report was made, whatever it says. ENOTFOUND, EIO, EFORMAT (not a
 * ledger), ECONNECT, EACCES, ETIMEOUT, EPROTOCOL, ENOMEM: nothing was verified.
 */
TALLY_EXPORT TALLY_NODISCARD enum tally_status
tally_verify_ledger(const char *path, const struct tally_ledger_options *options,
                    struct tally_report **ret_report);

/* ---- Receipts and bundles ---- */

/*
 * Judges one receipt by itself. vkey: the ledger key, as a charter's `op ledger-key` gives it.
 * ledger: the id that is trusted, or NULL. A receipt alone does not show whose keys counted: the
 * exit code is 4 at best, but for a charter's. OK, EFORMAT (vkey), ENOMEM. A malformed receipt is
 * a BAD report, not a status.
 */
TALLY_EXPORT TALLY_NODISCARD enum tally_status
tally_verify_receipt(struct tally_bytes receipt, const char *vkey, const struct tally_hash *ledger,
                     struct tally_report **ret_report);

/* Judges a bundle. ledger: the id that is trusted, or NULL (incomplete). OK, ENOMEM. */
TALLY_EXPORT TALLY_NODISCARD enum tally_status
tally_verify_bundle(struct tally_bytes bundle, const struct tally_hash *ledger,
                    struct tally_report **ret_report);

/* ---- The pieces ---- */

/* A ledger id from its 44 characters of base64. EFORMAT. */
TALLY_EXPORT TALLY_NODISCARD enum tally_status tally_hash_parse(const char *text,
                                                                struct tally_hash *ret_hash);

/* Writes 44 characters and a NUL. */
TALLY_EXPORT void tally_hash_format(const struct tally_hash *hash, char dst[45]);

struct tally_checkpoint {
    uint64_t size;
    struct tally_hash root;
    char origin[TALLY_ORIGIN_MAX + 1];
};

/*
 * Opens a signed checkpoint: form, origin and the signature of the ledger key vkey. OK; EFORMAT;
 * EKEY (another origin); ENOTFOUND (not signed by that key); ESIGNATURE.
 */
TALLY_EXPORT TALLY_NODISCARD enum tally_status
tally_checkpoint_open(struct tally_bytes note, const char *vkey,
                      struct tally_checkpoint *ret_checkpoint);

/* True only when the proof leads from the leaf hash at index to the root over size leaves. */
TALLY_EXPORT bool tally_verify_inclusion(const struct tally_hash *leaf, uint64_t index,
                                         uint64_t size, const struct tally_hash *proof,
                                         size_t proof_count, const struct tally_hash *root);

/* True only when the tree of new_size extends the tree of old_size; old_size 0 is never. */
TALLY_EXPORT bool tally_verify_consistency(uint64_t old_size, const struct tally_hash *old_root,
                                           uint64_t new_size, const struct tally_hash *new_root,
                                           const struct tally_hash *proof, size_t proof_count);

/* A decoded record; views borrow from the bytes that were given. */
struct tally_record {
    uint64_t index;
    uint64_t received_us; /* microseconds since 1970 by the host's clock */
    struct tally_hash link;
    uint64_t roster;
    struct tally_bytes envelope;
    unsigned signature_count;
    struct tally_hash leaf; /* its leaf hash */
};

/* OK; EFORMAT, ETRUNCATED, ETRAILING, ETOOBIG. */
TALLY_EXPORT TALLY_NODISCARD enum tally_status tally_record_decode(struct tally_bytes bytes,
                                                                   struct tally_record *ret_record);

/*
 * Verifies every signature of a record by its own key: NONE, or the first thing that is wrong
 * (malformed, signature-missing, signature-order, signature-invalid, presence-missing). Whether
 * those keys counted is the roster's to say.
 */
TALLY_EXPORT enum tally_reason tally_verify_record_signatures(struct tally_bytes record);

/* True when seal (64 bytes) is the ledger key's over the leaf hash. False for a malformed vkey. */
TALLY_EXPORT bool tally_verify_seal(const struct tally_hash *leaf, const uint8_t *seal,
                                    const char *vkey);

TALLY_END_DECLS

#endif
