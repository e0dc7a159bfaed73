/* SPDX-License-Identifier: ISC */
/* How a verification is told to a person, and to a program. */
#include <stdio.h>

#include "client/output.h"
#include "lib/base/text.h"

static const char *const shown[] = {
    "who signed each record, over which exact bytes, under which key of the roster in force",
    "the order of the records, and that none was changed, dropped, swapped or added since",
    "which parts were withheld, and how many",
};

static const char *const not_shown[] = {
    "that a statement is true: signed and unchanged is not the same as right",
    "that everything that was known was submitted",
    "who the person behind a key is, or that a clock was right",
    "that nobody was shown another ledger: compare checkpoints, or ask for witnesses",
};

static enum out_style style_of(enum tl_verdict verdict)
{
    switch (verdict) {
    case TL_VERDICT_OK:
        return OUT_GOOD;
    case TL_VERDICT_BAD:
        return OUT_BAD;
    case TL_VERDICT_NOT_CHECKED:
        break;
    }
    return OUT_WARN;
}

static void print_line(enum tl_check check, const struct tl_report_line *line)
{
    printf("  %-12s%s%-12s%s", tl_check_name(check), out_style(style_of(line->verdict)),
           tl_verdict_text(line->verdict), out_style(OUT_PLAIN));
    if (line->verdict == TL_VERDICT_BAD) {
        if (line->first_bad != TL_NO_INDEX) {
            printf("record %llu: ", (unsigned long long)line->first_bad);
        }
        printf("%s", tally_reason_text(line->reason));
    } else if (line->verdict == TL_VERDICT_OK && line->checked > 0) {
        printf("%llu", (unsigned long long)line->checked);
    }
    if (line->verdict != TL_VERDICT_BAD && line->unchecked > 0) {
        printf("%s%llu not present or withheld", line->verdict == TL_VERDICT_OK ? ", " : "",
               (unsigned long long)line->unchecked);
    }
    if (line->note != NULL) {
        printf(" (%s)", line->note);
    }
    printf("\n");
}

static void print_verdict(const struct tl_report *report)
{
    uint64_t index = 0;
    enum tally_reason reason = TALLY_REASON_NONE;
    switch (tl_report_exit_code(report)) {
    case 0:
        printf("\n%sVERIFIED%s: every check that was asked for holds.\n", out_style(OUT_GOOD),
               out_style(OUT_PLAIN));
        return;
    case 1:
        printf("\n%sVERIFICATION FAILED%s", out_style(OUT_BAD), out_style(OUT_PLAIN));
        if (tl_report_first_bad(report, &index, &reason)) {
            printf(": first bad record %llu, %s (%s)", (unsigned long long)index,
                   tally_reason_name(reason), tally_reason_text(reason));
        }
        printf(".\n");
        return;
    default:
        printf("\n%sINCOMPLETE%s: nothing bad was found, but something needed was not checked.\n",
               out_style(OUT_WARN), out_style(OUT_PLAIN));
    }
}

void out_report(const struct tl_report *report, const char *subject)
{
    char hash[TL_HASH_BASE64_LEN + 1];
    printf("%s%s%s\n", out_style(OUT_BOLD), subject, out_style(OUT_PLAIN));
    tl_hash_format(&report->ledger, hash);
    printf("  ledger      %s  ", hash);
    out_foreign(stdout, tl_bytes_text(report->origin), 0);
    printf("%s\n", report->sample ? "  (SAMPLE: not evidence of anything)" : "");
    tl_hash_format(&report->root, hash);
    printf("  size        %llu records, root %s\n\n", (unsigned long long)report->size, hash);
    for (int check = 0; check < TL_CHECK_COUNT; check++) {
        print_line((enum tl_check)check, &report->lines[check]);
    }
    if (report->in_doubt > 0) {
        printf("  %sIN DOUBT%s    %llu signatures by keys that were revoked from an earlier record"
               " on\n",
               out_style(OUT_WARN), out_style(OUT_PLAIN), (unsigned long long)report->in_doubt);
    }
    print_verdict(report);
    if (out_is_quiet() || tl_report_exit_code(report) == 1) {
        return;
    }
    printf("\nThis shows:\n");
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        printf("  - %s\n", shown[i]);
    }
    printf("This does not show:\n");
    for (size_t i = 0; i < sizeof not_shown / sizeof *not_shown; i++) {
        printf("  - %s\n", not_shown[i]);
    }
}

static json_t *index_or_null(uint64_t index)
{
    return index == TL_NO_INDEX ? json_null() : json_integer((json_int_t)index);
}

static json_t *line_json(const struct tl_report_line *line)
{
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:I, s:o}", "verdict", tl_verdict_text(line->verdict), "checked",
                  (json_int_t)line->checked, "unchecked", (json_int_t)line->unchecked, "bad",
                  (json_int_t)line->bad, "first_bad", index_or_null(line->first_bad));
    if (line->verdict == TL_VERDICT_BAD) {
        (void)json_object_set_new(object, "reason", json_string(tally_reason_name(line->reason)));
    }
    if (line->note != NULL) {
        (void)json_object_set_new(object, "note", json_string(line->note));
    }
    return object;
}

json_t *out_report_json(const struct tl_report *report)
{
    uint64_t first = TL_NO_INDEX;
    enum tally_reason reason = TALLY_REASON_NONE;
    bool is_bad = tl_report_first_bad(report, &first, &reason);
    json_t *checks = json_object();
    for (int check = 0; check < TL_CHECK_COUNT; check++) {
        (void)json_object_set_new(checks, tl_check_name((enum tl_check)check),
                                  line_json(&report->lines[check]));
    }
    static const char *const verdicts[] = {"verified", "failed", "", "", "incomplete"};
    int code = tl_report_exit_code(report);
    return json_pack(
        "{s:s, s:i, s:o, s:s, s:b, s:I, s:o, s:o, s:o, s:I, s:I, s:o}", "verdict", verdicts[code],
        "exit_code", code, "ledger", out_json_hash(&report->ledger), "origin", report->origin,
        "sample", report->sample ? 1 : 0, "size", (json_int_t)report->size, "root",
        out_json_hash(&report->root), "first_bad", index_or_null(is_bad ? first : TL_NO_INDEX),
        "reason", is_bad ? json_string(tally_reason_name(reason)) : json_null(), "in_doubt",
        (json_int_t)report->in_doubt, "withheld", (json_int_t)report->withheld, "checks", checks);
}
