/* SPDX-License-Identifier: ISC */
/*
 * The clock of received times. Wall time is compared with monotonic time from one reading to the
 * next: the two drifting apart by more than ten minutes since the baseline is a step, and after a
 * step no time is given out until the operator confirms it. Times given out never decrease.
 * One thread reads; any thread confirms.
 */
#ifndef TL_DAEMON_CLOCK_H
#define TL_DAEMON_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TL_CLOCK_STEP_US INT64_C(600000000)

/* Microseconds of wall clock and of the clock that includes suspended time. */
struct tl_clock_reading {
    int64_t wall_us;
    int64_t monotonic_us;
};

struct tl_clock {
    int64_t offset_us; /* wall - monotonic at the baseline */
    uint64_t last_us;  /* newest time given out or found in the ledger */
    atomic_bool stepped;
    atomic_bool confirmed;
};

struct tl_clock_reading tl_clock_read(void);

/* last_us: received time of the newest record. A wall clock far behind it is a step already. */
void tl_clock_init(struct tl_clock *clock, struct tl_clock_reading reading, uint64_t last_us);

/* The received time for records appended now; false after an unconfirmed step. */
bool tl_clock_now(struct tl_clock *clock, struct tl_clock_reading reading, uint64_t *ret_us);

/* The operator says that the present wall time is right. Any thread. */
void tl_clock_confirm(struct tl_clock *clock);

/* True while appends wait for the operator. Any thread. */
bool tl_clock_is_stepped(const struct tl_clock *clock);

#endif
