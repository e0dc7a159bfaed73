/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/clock.h"

#define START_US INT64_C(1767603600000000)
#define MINUTE_US INT64_C(60000000)

static struct tl_clock_reading at(int64_t wall_us, int64_t monotonic_us)
{
    return (struct tl_clock_reading){.wall_us = START_US + wall_us, .monotonic_us = monotonic_us};
}

static void test_follows_the_wall(void **state)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(0, 0), START_US);
    assert_true(tl_clock_now(&clock, at(5, 5), &now_us));
    assert_int_equal(now_us, START_US + 5);
    assert_true(tl_clock_now(&clock, at(100 * MINUTE_US, 100 * MINUTE_US), &now_us));
    assert_int_equal(now_us, START_US + 100 * MINUTE_US);
}

static void test_never_decreases(void **state)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(0, 0), (uint64_t)START_US + 50);
    assert_true(tl_clock_now(&clock, at(1, 1), &now_us));
    assert_int_equal(now_us, START_US + 50);
    assert_true(tl_clock_now(&clock, at(MINUTE_US, 2), &now_us));
    assert_true(tl_clock_now(&clock, at(0, 3), &now_us));
    assert_int_equal(now_us, START_US + MINUTE_US);
}

static void check_step(int64_t step_us, bool stops)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    tl_clock_init(&clock, at(0, 0), START_US);
    assert_int_equal(tl_clock_now(&clock, at(step_us, 0), &now_us), !stops);
    assert_int_equal(tl_clock_is_stepped(&clock), stops);
}

static void test_ten_minutes_are_a_step(void **state)
{
    (void)state;
    check_step(10 * MINUTE_US, false);
    check_step(10 * MINUTE_US + 1, true);
    check_step(-10 * MINUTE_US, false);
    check_step(-10 * MINUTE_US - 1, true);
}

static void test_waits_for_the_operator(void **state)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(0, 0), START_US);
    assert_false(tl_clock_now(&clock, at(60 * MINUTE_US, 1), &now_us));
    /* A clock that has been set right again was still wrong in between. */
    assert_false(tl_clock_now(&clock, at(2, 2), &now_us));
    assert_true(tl_clock_confirm(&clock, at(60 * MINUTE_US, 3)));
    assert_false(tl_clock_is_stepped(&clock));
    assert_true(tl_clock_now(&clock, at(60 * MINUTE_US, 3), &now_us));
    assert_int_equal(now_us, START_US + 60 * MINUTE_US);
}

static void test_confirmation_of_nothing_excuses_nothing(void **state)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(0, 0), START_US);
    assert_false(tl_clock_confirm(&clock, at(60 * MINUTE_US, 1)));
    assert_false(tl_clock_now(&clock, at(60 * MINUTE_US, 1), &now_us));
}

static void check_start(int64_t after_us, bool stops)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    tl_clock_init(&clock, at(after_us, 0), (uint64_t)START_US);
    assert_int_equal(tl_clock_is_stepped(&clock), stops);
    assert_int_equal(tl_clock_now(&clock, at(after_us, 1), &now_us), !stops);
    assert_int_equal(tl_clock_confirm(&clock, at(after_us, 2)), stops);
    assert_true(tl_clock_now(&clock, at(after_us, 2), &now_us));
    assert_int_equal(now_us, START_US + (after_us > 0 ? after_us : 0));
}

/* A start knows the newest record only: a wrong clock cannot be told from a quiet month. */
static void test_start_far_from_the_newest_record(void **state)
{
    (void)state;
    check_start(-10 * MINUTE_US, false);
    check_start(-10 * MINUTE_US - 1, true);
    check_start(TL_CLOCK_QUIET_US, false);
    check_start(TL_CLOCK_QUIET_US + 1, true);
}

/* Set back to the right time after a wrong one was given out: held, and told how long. */
static void test_tells_how_long_it_is_behind(void **state)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(60 * MINUTE_US, 0), START_US);
    assert_true(tl_clock_now(&clock, at(60 * MINUTE_US, 0), &now_us));
    assert_int_equal(tl_clock_behind_us(&clock, at(60 * MINUTE_US, 0)), 0);
    assert_false(tl_clock_now(&clock, at(1, 1), &now_us));
    assert_true(tl_clock_confirm(&clock, at(2, 2)));
    assert_true(tl_clock_now(&clock, at(2, 2), &now_us));
    assert_int_equal(now_us, START_US + 60 * MINUTE_US);
    assert_int_equal(tl_clock_last_us(&clock), now_us);
    assert_int_equal(tl_clock_behind_us(&clock, at(2, 2)), 60 * MINUTE_US - 2);
    assert_int_equal(tl_clock_behind_us(&clock, at(-START_US - 1, 2)), now_us);
    assert_true(tl_clock_now(&clock, at(61 * MINUTE_US, 61 * MINUTE_US), &now_us));
    assert_int_equal(now_us, START_US + 61 * MINUTE_US);
    assert_int_equal(tl_clock_behind_us(&clock, at(61 * MINUTE_US, 61 * MINUTE_US)), 0);
}

/* What was confirmed is the time that the operator saw, not the one that came afterwards. */
static void test_a_step_after_the_confirmation_waits_again(void **state)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(0, 0), START_US);
    assert_false(tl_clock_now(&clock, at(60 * MINUTE_US, 1), &now_us));
    assert_true(tl_clock_confirm(&clock, at(60 * MINUTE_US, 2)));
    assert_false(tl_clock_now(&clock, at(600 * MINUTE_US, 3), &now_us));
    assert_true(tl_clock_is_stepped(&clock));
    /* The newest confirmation counts, also one that comes before any reading. */
    assert_true(tl_clock_confirm(&clock, at(600 * MINUTE_US, 4)));
    assert_true(tl_clock_confirm(&clock, at(90 * MINUTE_US, 5)));
    assert_true(tl_clock_now(&clock, at(90 * MINUTE_US + 1, 6), &now_us));
    assert_int_equal(now_us, START_US + 90 * MINUTE_US + 1);
}

static void confirm(struct tl_clock *clock, struct tl_clock_reading reading)
{
    uint64_t now_us = 0;
    assert_false(tl_clock_now(clock, reading, &now_us));
    assert_true(tl_clock_confirm(clock, reading));
    assert_true(tl_clock_now(clock, reading, &now_us));
}

static void assert_step(struct tl_clock *clock, struct tl_clock_reading reading, bool at_start,
                        int64_t before_us, int64_t after_us)
{
    struct tl_clock_step step;
    assert_true(tl_clock_take_step(clock, reading, &step));
    assert_int_equal(step.at_start, at_start);
    assert_int_equal(step.before_us, START_US + before_us);
    assert_int_equal(step.after_us, START_US + after_us);
    /* Told once. */
    assert_false(tl_clock_take_step(clock, reading, &step));
}

static void test_tells_of_a_confirmed_step(void **state)
{
    struct tl_clock clock;
    struct tl_clock_step step;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(0, 0), START_US);
    assert_true(tl_clock_now(&clock, at(5, 5), &now_us));
    assert_false(tl_clock_take_step(&clock, at(5, 5), &step));
    assert_false(tl_clock_now(&clock, at(60 * MINUTE_US, 10), &now_us));
    assert_false(tl_clock_take_step(&clock, at(60 * MINUTE_US, 10), &step));
    confirm(&clock, at(60 * MINUTE_US, 20));
    assert_step(&clock, at(60 * MINUTE_US, 20), false, 20, 60 * MINUTE_US);
    confirm(&clock, at(0, 30));
    assert_step(&clock, at(0, 30), false, 60 * MINUTE_US + 10, 0);
}

/* Records were received under a clock that was ahead: a step is as large as they make it. */
static void test_a_step_is_counted_from_the_newest_time(void **state)
{
    struct tl_clock clock;
    (void)state;
    tl_clock_init(&clock, at(-5 * MINUTE_US, 0), START_US);
    confirm(&clock, at(-30 * MINUTE_US, MINUTE_US));
    assert_step(&clock, at(-30 * MINUTE_US, MINUTE_US), false, 0, -30 * MINUTE_US);
    tl_clock_init(&clock, at(-60 * MINUTE_US, 0), START_US);
    assert_true(tl_clock_confirm(&clock, at(-60 * MINUTE_US, 0)));
    uint64_t now_us = 0;
    assert_true(tl_clock_now(&clock, at(-60 * MINUTE_US, 0), &now_us));
    assert_step(&clock, at(-60 * MINUTE_US, 0), true, 0, -60 * MINUTE_US);
    tl_clock_init(&clock, at(TL_CLOCK_QUIET_US + 1, 0), START_US);
    assert_true(tl_clock_confirm(&clock, at(TL_CLOCK_QUIET_US + 1, 0)));
    assert_true(tl_clock_now(&clock, at(TL_CLOCK_QUIET_US + 1, 0), &now_us));
    assert_step(&clock, at(TL_CLOCK_QUIET_US + 1, 0), true, 0, TL_CLOCK_QUIET_US + 1);
}

/* Nothing was received under the wrong time, so there is nothing to tell. */
static void test_a_clock_that_is_set_right_again_tells_nothing(void **state)
{
    struct tl_clock clock;
    struct tl_clock_step step;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(0, 0), START_US);
    assert_false(tl_clock_now(&clock, at(-60 * MINUTE_US, 1), &now_us));
    assert_true(tl_clock_confirm(&clock, at(2, 2)));
    assert_true(tl_clock_now(&clock, at(2, 2), &now_us));
    assert_false(tl_clock_take_step(&clock, at(2, 2), &step));
    tl_clock_init(&clock, at(-60 * MINUTE_US, 0), START_US);
    assert_true(tl_clock_confirm(&clock, at(MINUTE_US, 1)));
    assert_true(tl_clock_now(&clock, at(MINUTE_US, 1), &now_us));
    assert_false(tl_clock_take_step(&clock, at(MINUTE_US, 1), &step));
}

static void test_two_steps_before_a_confirmation_are_one(void **state)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(0, 0), START_US);
    assert_false(tl_clock_now(&clock, at(60 * MINUTE_US, 1), &now_us));
    confirm(&clock, at(-20 * MINUTE_US, 2));
    assert_step(&clock, at(-20 * MINUTE_US, 2), false, 2, -20 * MINUTE_US);
    /* At a start too, where only the newest record's time is known. */
    tl_clock_init(&clock, at(-60 * MINUTE_US, 0), START_US);
    assert_false(tl_clock_now(&clock, at(TL_CLOCK_QUIET_US, 1), &now_us));
    confirm(&clock, at(-30 * MINUTE_US, 2));
    assert_step(&clock, at(-30 * MINUTE_US, 2), true, 0, -30 * MINUTE_US);
}

/* Before 1970 no record can have been received, whoever confirms it. */
static void test_a_time_before_1970_is_never_given_out(void **state)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(0, 0), START_US);
    assert_false(tl_clock_now(&clock, at(-60 * MINUTE_US, 1), &now_us));
    assert_true(tl_clock_confirm(&clock, at(-START_US - 1, 2)));
    assert_false(tl_clock_now(&clock, at(-START_US - 1, 3), &now_us));
    assert_false(tl_clock_now(&clock, at(0, 4), &now_us));
    confirm(&clock, at(-60 * MINUTE_US, 5));
    assert_step(&clock, at(-60 * MINUTE_US, 5), false, 5, -60 * MINUTE_US);
}

static void test_times_go_on_from_where_it_is_set_back(void **state)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, at(60 * MINUTE_US, 0), START_US);
    assert_true(tl_clock_now(&clock, at(60 * MINUTE_US, 0), &now_us));
    confirm(&clock, at(0, 1));
    assert_int_equal(tl_clock_behind_us(&clock, at(0, 1)), 60 * MINUTE_US);
    tl_clock_set_back(&clock, START_US);
    assert_int_equal(tl_clock_behind_us(&clock, at(0, 1)), 0);
    assert_true(tl_clock_now(&clock, at(5, 6), &now_us));
    assert_int_equal(now_us, START_US + 5);
}

static void test_real_clocks(void **state)
{
    struct tl_clock clock;
    uint64_t now_us = 0;
    (void)state;
    tl_clock_init(&clock, tl_clock_read(), (uint64_t)tl_clock_read().wall_us);
    assert_true(tl_clock_now(&clock, tl_clock_read(), &now_us));
    assert_true(now_us > (uint64_t)START_US / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_the_wall),
        cmocka_unit_test(test_never_decreases),
        cmocka_unit_test(test_ten_minutes_are_a_step),
        cmocka_unit_test(test_waits_for_the_operator),
        cmocka_unit_test(test_confirmation_of_nothing_excuses_nothing),
        cmocka_unit_test(test_start_far_from_the_newest_record),
        cmocka_unit_test(test_tells_how_long_it_is_behind),
        cmocka_unit_test(test_a_step_after_the_confirmation_waits_again),
        cmocka_unit_test(test_tells_of_a_confirmed_step),
        cmocka_unit_test(test_a_step_is_counted_from_the_newest_time),
        cmocka_unit_test(test_a_clock_that_is_set_right_again_tells_nothing),
        cmocka_unit_test(test_two_steps_before_a_confirmation_are_one),
        cmocka_unit_test(test_a_time_before_1970_is_never_given_out),
        cmocka_unit_test(test_times_go_on_from_where_it_is_set_back),
        cmocka_unit_test(test_real_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
