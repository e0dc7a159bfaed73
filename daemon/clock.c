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

void tl_clock_init(struct tl_clock *clock, struct tl_clock_reading reading, uint64_t last_us)
{
    clock->offset_us = reading.wall_us - reading.monotonic_us;
    atomic_init(&clock->last_us, last_us);
    bool behind = tl_clock_behind_us(clock, reading) > (uint64_t)TL_CLOCK_STEP_US;
    bool ahead = reading.wall_us > 0 && (uint64_t)reading.wall_us > last_us &&
                 (uint64_t)reading.wall_us - last_us > (uint64_t)TL_CLOCK_QUIET_US;
    atomic_init(&clock->stepped, behind || ahead);
    atomic_init(&clock->confirmed, false);
}

bool tl_clock_now(struct tl_clock *clock, struct tl_clock_reading reading, uint64_t *ret_us)
{
    int64_t offset_us = reading.wall_us - reading.monotonic_us;
    if (is_far(offset_us, clock->offset_us)) {
        atomic_store(&clock->stepped, true);
    }
    if (atomic_exchange(&clock->confirmed, false)) {
        atomic_store(&clock->stepped, false);
        clock->offset_us = offset_us;
    }
    if (atomic_load(&clock->stepped) || reading.wall_us < 0) {
        return false;
    }
    /* A clock that is being slewed drifts from its baseline; only a jump is a step. */
    clock->offset_us = offset_us;
    if (tl_clock_behind_us(clock, reading) == 0) {
        atomic_store(&clock->last_us, (uint64_t)reading.wall_us);
    }
    *ret_us = tl_clock_last_us(clock);
    return true;
}

void tl_clock_confirm(struct tl_clock *clock)
{
    /* A confirmation of nothing must not excuse the next step. */
    if (atomic_load(&clock->stepped)) {
        atomic_store(&clock->confirmed, true);
    }
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
    uint64_t last_us = atomic_load(&clock->last_us);
    uint64_t wall_us = reading.wall_us < 0 ? 0 : (uint64_t)reading.wall_us;
    return wall_us < last_us ? last_us - wall_us : 0;
}
