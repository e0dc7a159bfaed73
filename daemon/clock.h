/* SPDX-License-Identifier: ISC */
/*
 * The clock of received times. Wall time is compared with monotonic time from one reading to the
 * next: the two drifting apart by more than ten minutes since the baseline is a step, and after a
 * step no time is given out until the operator confirms it. A start, which has no baseline, is
 * compared with the newest record: more than ten minutes before it, or more than a month after it,
 * is taken for a step. What is confirmed is the time that the operator saw: a clock that steps once
 * more before the next reading waits again.
 *
 * Times given out never decrease: while the clock stands before the newest record, that record's
 * time is given out again and again, and how far it is ahead is told. A record that owns up to the
 * step ends that (tl_clock_take_step, tl_clock_set_back).
 * One thread reads, takes and sets back; any thread confirms and asks.
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

/* What a step is compared with. */
struct tl_clock_baseline {
    int64_t offset_us; /* wall - monotonic */
    uint64_t last_us;  /* the newest time then; before a step only */
    bool is_start;     /* there is no offset yet: only the newest record's time is known */
};

struct tl_clock {
    struct tl_clock_baseline baseline;
    bool has_step; /* confirmed, not yet taken */
    struct tl_clock_baseline before_step;
    atomic_uint_fast64_t last_us; /* newest time given out or found in the ledger */
    atomic_bool stepped;
    atomic_bool confirmed;
    atomic_int_fast64_t confirmed_us; /* wall - monotonic that the operator saw */
};

/* What a record can say about a confirmed step. */
struct tl_clock_step {
    bool at_start;     /* found at a start: before is the newest record's time */
    int64_t before_us; /* what the clock would say without it; never below the newest record */
    int64_t after_us;  /* what it says */
};

struct tl_clock_reading tl_clock_read(void);

/* last_us: received time of the newest record. */
void tl_clock_init(struct tl_clock *clock, struct tl_clock_reading reading, uint64_t last_us);

/* The received time for records appended now; false after an unconfirmed step. */
bool tl_clock_now(struct tl_clock *clock, struct tl_clock_reading reading, uint64_t *ret_us);

/*
 * The operator says that the wall time of the reading is right. False when no step waits for that.
 * Any thread.
 */
bool tl_clock_confirm(struct tl_clock *clock, struct tl_clock_reading reading);

/*
 * The step that the operator has confirmed, once: true when there is one. The reading is the one
 * that tl_clock_now has just given a time for.
 */
bool tl_clock_take_step(struct tl_clock *clock, struct tl_clock_reading reading,
                        struct tl_clock_step *ret_step);

/* A record owns up to the step back to this time: times go on from here. */
void tl_clock_set_back(struct tl_clock *clock, uint64_t received_us);

/* True while appends wait for the operator. Any thread. */
bool tl_clock_is_stepped(const struct tl_clock *clock);

/* The newest time given out or found in the ledger. Any thread. */
uint64_t tl_clock_last_us(const struct tl_clock *clock);

/* How long until the wall clock has come to it; 0 when it is past it. Any thread. */
uint64_t tl_clock_behind_us(const struct tl_clock *clock, struct tl_clock_reading reading);

#endif
