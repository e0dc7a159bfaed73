/* SPDX-License-Identifier: ISC */
/* One verification of a test's archive, and what must come out of it. */
#ifndef TL_TESTS_VERIFY_CASE_H
#define TL_TESTS_VERIFY_CASE_H

#include <stdint.h>

#include "lib/archive/verify_ledger.h"
#include "tests/support/ledger_fixture.h"

#define NO_LINE TL_CHECK_COUNT

struct verify_case {
    struct tl_source *source;
    struct tl_verify_options options;
    struct tl_verified_ledger verified;
    struct tally_hash ledger;
    struct tl_buffer held[4]; /* receipts */
    struct tally_bytes receipts[4];
    struct tl_buffer since;
};

/* Verifies with the fixture's ledger id; everything else is off. */
void case_begin(struct verify_case *c, const struct ledger_fixture *fixture,
                struct memory_source *memory);
void case_hold_receipt(struct verify_case *c, const struct ledger_fixture *fixture, uint64_t index,
                       uint64_t size);
void case_since(struct verify_case *c, const struct ledger_fixture *fixture, uint64_t size);
void case_verify(struct verify_case *c);
void case_end(struct verify_case *c);

/* The line is BAD with this first index and reason, and the exit code is 1. */
void case_expect_bad(const struct verify_case *c, enum tl_check check, uint64_t index,
                     enum tally_reason reason);
void case_expect_verdict(const struct verify_case *c, enum tl_check check,
                         enum tl_verdict verdict);

/* No line but these (ended by NO_LINE) is BAD. */
void case_expect_only_bad(const struct verify_case *c, const enum tl_check *lines);
void case_expect_first(const struct verify_case *c, uint64_t index, enum tally_reason reason);
void case_expect_exit(const struct verify_case *c, int code);

#endif
