/* SPDX-License-Identifier: ISC */
#include "daemon/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct tl_clock_reading tl_clock_read(void)
{
    /* CLOCK_BOOTTIME: a suspended machine is no clock step. */
    struct tl_clock_reading reading;
    reading.wall_us = read_us(CLOCK_REALTIME);
    reading.monotonic_us = read_us(CLOCK_BOOTTIME);
    return reading;
}

static bool is_far(int64_t a, int64_t b)
{
    return a - b > TL_CLOCK_STEP_US || b - a > TL_CLOCK_STEP_US;
}

static int64_t offset_us(struct tl_clock_reading reading)
{
    return reading.wall_us - reading.monotonic_us;
}

static uint64_t behind_us(uint64_t last_us, struct tl_clock_reading reading)
{
    uint64_t wall_us = reading.wall_us < 0 ? 0 : (uint64_t)reading.wall_us;
    return wall_us < last_us ? last_us - wall_us : 0;
}

static bool is_step(const struct tl_clock_baseline *before, struct tl_clock_reading reading)
{
    if (behind_us(before->last_us, reading) > (uint64_t)TL_CLOCK_STEP_US) {
        return true;
    }
    if (!before->is_start) {
        return is_far(offset_us(reading), before->offset_us);
    }
    return reading.wall_us > 0 && (uint64_t)reading.wall_us > before->last_us &&
           (uint64_t)reading.wall_us - before->last_us > (uint64_t)TL_CLOCK_QUIET_US;
}

void tl_clock_init(struct tl_clock *clock, struct tl_clock_reading reading, uint64_t last_us)
{
    clock->has_step = false;
    clock->baseline = (struct tl_clock_baseline){
        .offset_us = offset_us(reading), .last_us = last_us, .is_start = true};
    bool stepped = is_step(&clock->baseline, reading);
    clock->baseline.is_start = stepped;
    atomic_init(&clock->last_us, last_us);
    atomic_init(&clock->stepped, stepped);
    atomic_init(&clock->confirmed, false);
    atomic_init(&clock->confirmed_us, 0);
}

/* Whatever the clock did since the baseline is one step, or none where it was set right again. */
static void note_step(struct tl_clock *clock, struct tl_clock_reading reading)
{
    clock->before_step = clock->baseline;
    clock->before_step.last_us = tl_clock_last_us(clock);
    clock->has_step = is_step(&clock->before_step, reading);
    clock->baseline.is_start = false;
    atomic_store(&clock->stepped, false);
}

bool tl_clock_now(struct tl_clock *clock, struct tl_clock_reading reading, uint64_t *ret_us)
{
    if (reading.wall_us < 0) {
        return false;
    }
    if (is_far(offset_us(reading), clock->baseline.offset_us)) {
        atomic_store(&clock->stepped, true);
    }
    if (atomic_exchange(&clock->confirmed, false) &&
        !is_far(offset_us(reading), atomic_load(&clock->confirmed_us))) {
        note_step(clock, reading);
    }
    if (atomic_load(&clock->stepped)) {
        return false;
    }
    /* A clock that is being slewed drifts from its baseline; only a jump is a step. */
    clock->baseline.offset_us = offset_us(reading);
    if (tl_clock_behind_us(clock, reading) == 0) {
        atomic_store(&clock->last_us, (uint64_t)reading.wall_us);
    }
    *ret_us = tl_clock_last_us(clock);
    return true;
}

bool tl_clock_confirm(struct tl_clock *clock, struct tl_clock_reading reading)
{
    /* A confirmation of nothing must not excuse the next step. */
    if (!atomic_load(&clock->stepped)) {
        return false;
    }
    atomic_store(&clock->confirmed_us, offset_us(reading));
    atomic_store(&clock->confirmed, true);
    return true;
}

bool tl_clock_take_step(struct tl_clock *clock, struct tl_clock_reading reading,
                        struct tl_clock_step *ret_step)
{
    if (!clock->has_step) {
        return false;
    }
    const struct tl_clock_baseline *before = &clock->before_step;
    int64_t expected_us = reading.monotonic_us + before->offset_us;
    int64_t last_us = (int64_t)before->last_us;
    clock->has_step = false;
    ret_step->at_start = before->is_start;
    ret_step->before_us = before->is_start || last_us > expected_us ? last_us : expected_us;
    ret_step->after_us = reading.wall_us;
    return true;
}

void tl_clock_set_back(struct tl_clock *clock, uint64_t received_us)
{
    atomic_store(&clock->last_us, received_us);
}

bool tl_clock_is_stepped(const struct tl_clock *clock)
{
    return atomic_load(&clock->stepped) && !atomic_load(&clock->confirmed);
}

uint64_t tl_clock_last_us(const struct tl_clock *clock)
{
    return atomic_load(&clock->last_us);
}

uint64_t tl_clock_behind_us(const struct tl_clock *clock, struct tl_clock_reading reading)
{
    return behind_us(tl_clock_last_us(clock), reading);
}
