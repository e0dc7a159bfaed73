/* SPDX-License-Identifier: ISC */
#include "lib/api/report.h"

#include "lib/base/mem.h"

struct tally_report *tl_api_report_new(void)
{
    struct tally_report *report = tl_calloc(1, sizeof *report);
    if (report != NULL) {
        tl_report_init(&report->report);
    }
    return report;
}

void tally_report_free(struct tally_report *report)
{
    tl_free(report);
}

int tally_report_exit_code(const struct tally_report *report)
{
    return tl_report_exit_code(&report->report);
}

size_t tally_report_line_count(void)
{
    return TL_CHECK_COUNT;
}

static enum tally_verdict verdict_of(enum tl_verdict verdict)
{
    switch (verdict) {
    case TL_VERDICT_OK:
        return TALLY_VERDICT_OK;
    case TL_VERDICT_BAD:
        return TALLY_VERDICT_BAD;
    case TL_VERDICT_NOT_CHECKED:
        break;
    }
    return TALLY_VERDICT_NOT_CHECKED;
}

enum tally_status tally_report_line(const struct tally_report *report, size_t number,
                                    struct tally_report_line *ret_line)
{
    if (number >= TL_CHECK_COUNT) {
        return TALLY_EINVAL;
    }
    const struct tl_report_line *line = &report->report.lines[number];
    *ret_line = (struct tally_report_line){
        .name = tl_check_name((enum tl_check)number),
        .meaning = tl_check_text((enum tl_check)number),
        .verdict = verdict_of(line->verdict),
        .checked = line->checked,
        .unchecked = line->unchecked,
        .bad = line->bad,
        .first_bad = line->first_bad,
        .reason = line->verdict == TL_VERDICT_BAD ? line->reason : TALLY_REASON_NONE,
        .required = line->required,
    };
    return TALLY_OK;
}

bool tally_report_first_bad(const struct tally_report *report, uint64_t *ret_index,
                            enum tally_reason *ret_reason)
{
    return tl_report_first_bad(&report->report, ret_index, ret_reason);
}

uint64_t tally_report_size(const struct tally_report *report)
{
    return report->report.size;
}

struct tally_hash tally_report_root(const struct tally_report *report)
{
    return report->report.root;
}

struct tally_hash tally_report_ledger(const struct tally_report *report)
{
    return report->report.ledger;
}

const char *tally_report_origin(const struct tally_report *report)
{
    return report->report.origin;
}

bool tally_report_is_sample(const struct tally_report *report)
{
    return report->report.sample;
}
