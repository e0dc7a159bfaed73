/* SPDX-License-Identifier: ISC */
#include "lib/verify/report.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/check.h"

/*
 * What every verification must have looked at: whose ledger it is, its head and tree, the ledger
 * key, the members' signatures, roster and rules. The rest is required by those who ask for it.
 */
static const bool always_required[TL_CHECK_COUNT] = {
    [TL_CHECK_LEDGER] = true, [TL_CHECK_CHECKPOINT] = true, [TL_CHECK_TREE] = true,
    [TL_CHECK_SEALS] = true,  [TL_CHECK_SIGNATURES] = true, [TL_CHECK_ROSTER] = true,
};

void tl_report_init(struct tl_report *report)
{
    memset(report, 0, sizeof *report);
    for (size_t i = 0; i < TL_CHECK_COUNT; i++) {
        report->lines[i].verdict = TL_VERDICT_NOT_CHECKED;
        report->lines[i].first_bad = TL_NO_INDEX;
        report->lines[i].reason = TALLY_REASON_NONE;
        report->lines[i].required = always_required[i];
    }
}

static struct tl_report_line *line_of(struct tl_report *report, enum tl_check check)
{
    TL_ASSERT(check < TL_CHECK_COUNT);
    return &report->lines[check];
}

void tl_report_good(struct tl_report *report, enum tl_check check)
{
    line_of(report, check)->checked++;
}

void tl_report_unchecked(struct tl_report *report, enum tl_check check)
{
    line_of(report, check)->unchecked++;
}

void tl_report_bad(struct tl_report *report, enum tl_check check, uint64_t index,
                   enum tally_reason reason)
{
    struct tl_report_line *line = line_of(report, check);
    bool is_first = line->bad == 0;
    line->verdict = TL_VERDICT_BAD;
    line->bad++;
    /* TL_NO_INDEX is above every index, so a finding that names a record replaces one that does
     * not, and never the other way round. */
    if (is_first || index < line->first_bad) {
        line->first_bad = index;
        line->reason = reason;
    }
}

void tl_report_conclude(struct tl_report *report, enum tl_check check)
{
    struct tl_report_line *line = line_of(report, check);
    if (line->verdict != TL_VERDICT_BAD) {
        line->verdict = TL_VERDICT_OK;
    }
}

bool tl_report_first_bad(const struct tl_report *report, uint64_t *ret_index,
                         enum tally_reason *ret_reason)
{
    const struct tl_report_line *first = NULL;
    for (size_t i = 0; i < TL_CHECK_COUNT; i++) {
        const struct tl_report_line *line = &report->lines[i];
        if (line->verdict != TL_VERDICT_BAD || line->first_bad == TL_NO_INDEX) {
            continue;
        }
        if (first == NULL || line->first_bad < first->first_bad) {
            first = line;
        }
    }
    if (first == NULL) {
        return false;
    }
    *ret_index = first->first_bad;
    *ret_reason = first->reason;
    return true;
}

int tl_report_exit_code(const struct tl_report *report)
{
    bool is_incomplete = false;
    bool has_verdict = false;
    for (size_t i = 0; i < TL_CHECK_COUNT; i++) {
        const struct tl_report_line *line = &report->lines[i];
        switch (line->verdict) {
        case TL_VERDICT_BAD:
            return 1;
        case TL_VERDICT_OK:
            has_verdict = true;
            break;
        case TL_VERDICT_NOT_CHECKED:
            is_incomplete = is_incomplete || line->required;
            break;
        }
    }
    return has_verdict && !is_incomplete ? 0 : 4;
}

const char *tl_check_name(enum tl_check check)
{
    /* No default: the compiler names a check without a name. */
    switch (check) {
#define CHECK_NAME(name, text, meaning)                                                            \
    case TL_CHECK_##name:                                                                          \
        return text;
        TL_CHECK_MAP(CHECK_NAME)
#undef CHECK_NAME
    case TL_CHECK_COUNT:
        break;
    }
    return "unknown";
}

const char *tl_check_text(enum tl_check check)
{
    switch (check) {
#define CHECK_TEXT(name, text, meaning)                                                            \
    case TL_CHECK_##name:                                                                          \
        return meaning;
        TL_CHECK_MAP(CHECK_TEXT)
#undef CHECK_TEXT
    case TL_CHECK_COUNT:
        break;
    }
    return "unknown check";
}

const char *tl_verdict_text(enum tl_verdict verdict)
{
    switch (verdict) {
    case TL_VERDICT_NOT_CHECKED:
        return "NOT CHECKED";
    case TL_VERDICT_OK:
        return "OK";
    case TL_VERDICT_BAD:
        return "BAD";
    }
    return "NOT CHECKED";
}
