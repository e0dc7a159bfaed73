/* SPDX-License-Identifier: ISC */
/* How a verification is told to a person, and to a program. */
#include <stdio.h>

#include "client/output.h"
#include "lib/base/text.h"

#define LINES_MAX 5u
#define NOT_REACHED "not reached"

/* What a good verdict says, and what no verdict says, in words that can be quoted. */
static const struct subject {
    const char *title;
    const char *absent; /* why a line was not checked that says nothing itself */
    const char *shown[LINES_MAX];
    const char *not_shown[LINES_MAX];
} subjects[] = {
    [OUT_LEDGER] =
        {
            .title = "Verification",
            .absent = NOT_REACHED,
            .shown = {"who signed each record, over which exact bytes, under which key of the "
                      "roster in force",
                      "the order of the records up to this checkpoint, and that none of them was "
                      "changed,\n    dropped, swapped or added since it was signed",
                      "how many parts are not shown, decoys included"},
            .not_shown = {"that a statement is true: signed and unchanged is not the same as right",
                          "that everything that was known was submitted",
                          "who the person behind a key is, or that a clock was right",
                          "that everybody was shown this ledger, and all of it: hold receipts and "
                          "earlier\n    checkpoints against it, compare with others, ask for "
                          "witnesses"},
        },
    [OUT_RECEIPT] =
        {
            .title = "Receipt",
            .absent = "a receipt does not answer this",
            .shown = {"who signed this one record, over which exact bytes, under which key of the "
                      "roster in force",
                      "that the ledger's key has promised it a place in the history of this "
                      "checkpoint"},
            .not_shown = {"that a statement is true: signed and unchanged is not the same as right",
                          "what stands before and after it: verify the ledger with --receipt",
                          "who the person behind a key is, or that a clock was right",
                          "that everybody was shown this history: compare checkpoints, ask for "
                          "witnesses"},
        },
    [OUT_BUNDLE] =
        {
            .title = "Bundle",
            .absent = "a bundle does not answer this",
            .shown = {"who signed each entry of the bundle, over which exact bytes, under which "
                      "key of the\n    roster in force",
                      "that they stand in the history of this checkpoint, and that no amendment "
                      "is missing",
                      "that the parts above are those that were committed to"},
            .not_shown = {"that a statement is true: signed and unchanged is not the same as right",
                          "what other entries and other parts say: they may qualify these",
                          "who the person behind a key is, or that a clock was right",
                          "that everybody was shown this history: compare checkpoints, ask for "
                          "witnesses"},
        },
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

static void print_line(enum tl_check check, const struct tl_report_line *line, const char *absent)
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
    } else if (line->verdict == TL_VERDICT_NOT_CHECKED && line->unchecked == 0) {
        printf(" (%s)", absent);
    }
    printf("\n");
}

/* The lines that fail where no single record can be named. */
static void print_bad_lines(const struct tl_report *report)
{
    const char *before = ": ";
    for (int check = 0; check < TL_CHECK_COUNT; check++) {
        const struct tl_report_line *line = &report->lines[check];
        if (line->verdict == TL_VERDICT_BAD) {
            printf("%s%s, %s (%s)", before, tl_check_name((enum tl_check)check),
                   tally_reason_name(line->reason), tally_reason_text(line->reason));
            before = "; ";
        }
    }
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
        } else {
            print_bad_lines(report);
        }
        printf(".\n");
        return;
    default:
        printf("\n%sINCOMPLETE%s: nothing bad was found, but something needed was not checked.\n",
               out_style(OUT_WARN), out_style(OUT_PLAIN));
    }
}

/* What a report has not come to know is zero in it. */
static bool is_known(const struct tally_hash *hash)
{
    static const struct tally_hash unknown;
    return !tl_hash_equal(hash, &unknown);
}

static void print_ledger(const struct tl_report *report)
{
    char hash[TL_HASH_BASE64_LEN + 1];
    if (report->origin[0] == '\0') {
        printf("  ledger      could not be read\n\n");
        return;
    }
    tl_hash_format(&report->ledger, hash);
    printf("  ledger      %s  ", is_known(&report->ledger) ? hash : "not known");
    out_foreign(stdout, tl_bytes_text(report->origin), 0);
    printf("%s\n", report->sample ? "  (SAMPLE: not evidence of anything)" : "");
    tl_hash_format(&report->root, hash);
    printf("  size        %llu records, root %s\n\n", (unsigned long long)report->size, hash);
}

static void print_list(const char *title, const char *const lines[LINES_MAX])
{
    printf("%s\n", title);
    for (size_t i = 0; i < LINES_MAX && lines[i] != NULL; i++) {
        printf("  - %s\n", lines[i]);
    }
}

static void print_meaning(const struct subject *subject, int code)
{
    if (code == 1) {
        printf("This does not show who did it, or that it was meant: keep all as it is, and "
               "compare with others.\n");
        return;
    }
    if (code == 0) {
        print_list("\nThis shows:", subject->shown);
    } else {
        printf("\nThis shows no more than the lines that say OK.\n");
    }
    print_list("This does not show:", subject->not_shown);
}

void out_report(const struct tl_report *report, enum out_subject kind)
{
    const struct subject *subject = &subjects[kind];
    const char *absent = report->origin[0] == '\0' ? NOT_REACHED : subject->absent;
    printf("%s%s%s\n", out_style(OUT_BOLD), subject->title, out_style(OUT_PLAIN));
    print_ledger(report);
    for (int check = 0; check < TL_CHECK_COUNT; check++) {
        print_line((enum tl_check)check, &report->lines[check], absent);
    }
    if (report->withheld > 0) {
        printf("  %-12s%llu parts are not shown, decoys included\n", "withheld",
               (unsigned long long)report->withheld);
    }
    if (report->in_doubt > 0) {
        printf("  %sIN DOUBT%s    %llu signatures by keys that were revoked from an earlier record"
               " on\n",
               out_style(OUT_WARN), out_style(OUT_PLAIN), (unsigned long long)report->in_doubt);
    }
    print_verdict(report);
    if (!out_is_quiet()) {
        print_meaning(subject, tl_report_exit_code(report));
    }
}

static json_t *index_or_null(uint64_t index)
{
    return index == TL_NO_INDEX ? json_null() : json_integer((json_int_t)index);
}

static json_t *hash_or_null(const struct tally_hash *hash)
{
    return is_known(hash) ? out_json_hash(hash) : json_null();
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
    const char *origin = report->origin[0] == '\0' ? NULL : report->origin;
    uint64_t size = report->size == 0 ? TL_NO_INDEX : report->size;
    return json_pack(
        "{s:s, s:i, s:o, s:s?, s:b, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "verdict", verdicts[code],
        "exit_code", code, "ledger", hash_or_null(&report->ledger), "origin", origin, "sample",
        report->sample ? 1 : 0, "size", index_or_null(size), "root", hash_or_null(&report->root),
        "first_bad", index_or_null(is_bad ? first : TL_NO_INDEX),
        "reason", is_bad ? json_string(tally_reason_name(reason)) : json_null(), "in_doubt",
        (json_int_t)report->in_doubt, "withheld", (json_int_t)report->withheld, "checks", checks);
}
