/* SPDX-License-Identifier: ISC */
/*
 * The clock of received times. Wall time is compared with monotonic time from one reading to the
 * next: the two drifting apart by more than ten minutes since the baseline is a step, and after a
 * step no time is given out until the operator confirms it. A start, which has no baseline, is
 * compared with the newest record: more than ten minutes before it, or more than a month after it,
 * is taken for a step.
 *
 * Times given out never decrease: while the clock stands before the newest record, that record's
 * time is given out again and again, and how far it is ahead is told.
 * One thread reads; any thread confirms and asks.
 */
#ifndef TL_DAEMON_CLOCK_H
#define TL_DAEMON_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TL_CLOCK_STEP_US INT64_C(600000000)
#define TL_CLOCK_QUIET_US (INT64_C(31) * 86400 * 1000000) /* nothing was appended so long: odd */

/* Microseconds of wall clock and of the clock that includes suspended time. */
struct tl_clock_reading {
    int64_t wall_us;
    int64_t monotonic_us;
};

struct tl_clock {
    int64_t offset_us; /* wall - monotonic at the baseline */
    atomic_uint_fast64_t last_us; /* newest time given out or found in the ledger */
    atomic_bool stepped;
    atomic_bool confirmed;
};

struct tl_clock_reading tl_clock_read(void);

/* last_us: received time of the newest record. */
void tl_clock_init(struct tl_clock *clock, struct tl_clock_reading reading, uint64_t last_us);

/* The received time for records appended now; false after an unconfirmed step. */
bool tl_clock_now(struct tl_clock *clock, struct tl_clock_reading reading, uint64_t *ret_us);

/* The operator says that the present wall time is right. Any thread. */
void tl_clock_confirm(struct tl_clock *clock);

/* True while appends wait for the operator. Any thread. */
bool tl_clock_is_stepped(const struct tl_clock *clock);

/* The newest time given out or found in the ledger. Any thread. */
uint64_t tl_clock_last_us(const struct tl_clock *clock);

/* How long until the wall clock has come to it; 0 when it is past it. Any thread. */
uint64_t tl_clock_behind_us(const struct tl_clock *clock, struct tl_clock_reading reading);

#endif
