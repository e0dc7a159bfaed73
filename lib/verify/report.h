/* SPDX-License-Identifier: ISC */
/*
 * Report: what a verification has found, line by line. Every line starts as NOT CHECKED and only
 * the check itself can make it OK; nothing is OK by default. Pure.
 */
#ifndef TL_VERIFY_REPORT_H
#define TL_VERIFY_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/reason.h>
#include <tally/types.h>

#define TL_NO_INDEX UINT64_MAX

/* name of the line in JSON and on the terminal, what it means */
#define TL_CHECK_MAP(X)                                                                            \
    X(LEDGER, "ledger", "the charter is that of the ledger asked for")                             \
    X(CHECKPOINT, "checkpoint", "the head is signed by the ledger key in force")                   \
    X(CHAIN, "chain", "every record links to the one before it")                                   \
    X(TREE, "tree", "the records give the checkpoint's root, tiles agree")                         \
    X(SEALS, "seals", "every record is sealed by the ledger key in force")                         \
    X(SIGNATURES, "signatures", "every author signature and countersignature verifies")            \
    X(ROSTER, "roster", "keys, roles, quorums, types and references obey the rules")               \
    X(AUTHORS, "authors", "every key's own chain is whole: sequence, previous, seen")              \
    X(DEPOSITS, "deposits", "commitments, clear parts and ciphertexts are those signed for")       \
    X(EXHIBITS, "exhibits", "exhibit files left with the ledger have their digests")               \
    X(RECEIPTS, "receipts", "the receipts held agree with the ledger")                             \
    X(SINCE, "since", "the ledger extends the checkpoint trusted before")                          \
    X(WITNESSES, "witnesses", "witnesses have cosigned the head")                                  \
    X(ANCHORS, "anchors", "outside time stamps bound the head's age")

enum tl_check {
#define TL_CHECK_ENUM(name, text, meaning) TL_CHECK_##name,
    TL_CHECK_MAP(TL_CHECK_ENUM)
#undef TL_CHECK_ENUM
        TL_CHECK_COUNT
};

enum tl_verdict {
    TL_VERDICT_NOT_CHECKED,
    TL_VERDICT_OK,
    TL_VERDICT_BAD,
};

struct tl_report_line {
    enum tl_verdict verdict;
    uint64_t checked;   /* items that were checked and hold */
    uint64_t unchecked; /* items that could not be checked (withheld, not present) */
    uint64_t bad;       /* items that do not hold */
    uint64_t first_bad; /* smallest index of a bad record, or TL_NO_INDEX when none is named */
    enum tally_reason reason; /* of first_bad, or of the first finding that names no record */
    bool required;            /* NOT CHECKED makes the verification incomplete (exit 4) */
    const char *note;         /* static text, or NULL: why NOT CHECKED, or a caution */
};

struct tl_report {
    struct tl_report_line lines[TL_CHECK_COUNT];
    uint64_t size; /* records of the checkpoint that was verified */
    struct tally_hash root;
    struct tally_hash ledger;
    char origin[TALLY_ORIGIN_MAX + 1];
    bool sample;
    uint64_t in_doubt; /* signatures by keys revoked with an earlier last-valid index */
    uint64_t withheld; /* parts not disclosed */
};

void tl_report_init(struct tl_report *report);

/* One more item of the line holds. Does not make the line OK: tl_report_conclude does. */
void tl_report_good(struct tl_report *report, enum tl_check check);
void tl_report_unchecked(struct tl_report *report, enum tl_check check);

/* Makes the line BAD for good; keeps the smallest index. index may be TL_NO_INDEX. */
void tl_report_bad(struct tl_report *report, enum tl_check check, uint64_t index,
                   enum tally_reason reason);

/* The check was carried out over everything that it covers: OK unless BAD already. */
void tl_report_conclude(struct tl_report *report, enum tl_check check);

/* The first bad record over all lines: false when no BAD line names one. */
bool tl_report_first_bad(const struct tl_report *report, uint64_t *ret_index,
                         enum tally_reason *ret_reason);

/* 0, 1 or 4 of docs/formats.md, "Exit codes". Never 0 for a report nobody concluded. */
int tl_report_exit_code(const struct tl_report *report);

const char *tl_check_name(enum tl_check check);
const char *tl_check_text(enum tl_check check);
const char *tl_verdict_text(enum tl_verdict verdict);

#endif
