/* SPDX-License-Identifier: ISC */
#include "tests/archive/verify_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/codec/note.h"
#include "lib/codec/receipt.h"

void case_begin(struct verify_case *c, const struct ledger_fixture *fixture,
                struct memory_source *memory)
{
    memset(c, 0, sizeof *c);
    c->source = &memory->source;
    c->ledger = fixture->ledger;
    c->options.ledger = &c->ledger;
    c->options.threads = 1;
    c->options.receipts = c->receipts;
    for (size_t i = 0; i < 4; i++) {
        tl_buffer_init(&c->held[i], TL_RECEIPT_MAX);
    }
    tl_buffer_init(&c->since, TL_NOTE_MAX);
}

void case_hold_receipt(struct verify_case *c, const struct ledger_fixture *fixture, uint64_t index,
                       uint64_t size)
{
    size_t i = c->options.receipt_count;
    assert_true(i < 4);
    fixture_receipt(fixture, index, size, &c->held[i]);
    c->receipts[i] = tl_buffer_bytes(&c->held[i]);
    c->options.receipt_count = i + 1;
}

void case_since(struct verify_case *c, const struct ledger_fixture *fixture, uint64_t size)
{
    fixture_checkpoint(fixture, size, &c->since);
    c->options.since = tl_buffer_bytes(&c->since);
}

void case_verify(struct verify_case *c)
{
    tl_verified_ledger_deinit(&c->verified);
    assert_int_equal(tl_verify_ledger(c->source, &c->options, &c->verified), TALLY_OK);
}

void case_end(struct verify_case *c)
{
    tl_verified_ledger_deinit(&c->verified);
    for (size_t i = 0; i < 4; i++) {
        tl_buffer_deinit(&c->held[i]);
    }
    tl_buffer_deinit(&c->since);
}

void case_expect_verdict(const struct verify_case *c, enum tl_check check, enum tl_verdict verdict)
{
    const struct tl_report_line *line = &c->verified.report.lines[check];
    if (line->verdict != verdict) {
        fail_msg("%s is %s (%s, index %llu), not %s", tl_check_name(check),
                 tl_verdict_text(line->verdict), tally_reason_name(line->reason),
                 (unsigned long long)line->first_bad, tl_verdict_text(verdict));
    }
}

void case_expect_bad(const struct verify_case *c, enum tl_check check, uint64_t index,
                     enum tally_reason reason)
{
    const struct tl_report_line *line = &c->verified.report.lines[check];
    case_expect_verdict(c, check, TL_VERDICT_BAD);
    assert_string_equal(tally_reason_name(line->reason), tally_reason_name(reason));
    assert_int_equal(line->first_bad, index);
    assert_int_equal(tl_report_exit_code(&c->verified.report), 1);
}

void case_expect_only_bad(const struct verify_case *c, const enum tl_check *lines)
{
    for (unsigned i = 0; i < TL_CHECK_COUNT; i++) {
        bool is_listed = false;
        for (const enum tl_check *line = lines; *line != NO_LINE; line++) {
            is_listed = is_listed || *line == i;
        }
        bool is_bad = c->verified.report.lines[i].verdict == TL_VERDICT_BAD;
        if (is_bad != is_listed) {
            fail_msg("%s is %s (%s)", tl_check_name((enum tl_check)i),
                     tl_verdict_text(c->verified.report.lines[i].verdict),
                     tally_reason_name(c->verified.report.lines[i].reason));
        }
    }
}

void case_expect_first(const struct verify_case *c, uint64_t index, enum tally_reason reason)
{
    uint64_t found = 0;
    enum tally_reason why = TALLY_REASON_NONE;
    assert_true(tl_report_first_bad(&c->verified.report, &found, &why));
    assert_int_equal(found, index);
    assert_string_equal(tally_reason_name(why), tally_reason_name(reason));
}

void case_expect_exit(const struct verify_case *c, int code)
{
    assert_int_equal(tl_report_exit_code(&c->verified.report), code);
}
