/* SPDX-License-Identifier: ISC */
/* What needs attention and what does not, from one healthy state with one thing changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/health.h"
#include "lib/base/bytes.h"
#include "lib/base/text.h"

#define LEDGER "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define NOW "2026-01-05T12:00:00Z"

struct line {
    const char *key;
    const char *value;
};

static const struct line healthy[] = {
    {"ledger", LEDGER}, {"size", "100"}, {"signing", "on"}, {"clock", "ok"}, {"time", NOW},
    {"checkpoint-signed", "2026-01-05T11:00:00Z"}, {"connections", "3"},
    {"connections-max", "64"}, {"queue", "0"}, {"queue-max", "50"},
    {"disk-free-bytes", "536870912"}, {"disk-reserve-bytes", "268435456"},
    {"scrub", "clean"}, {"scrub-every-s", "86400"}, {"scrub-finished", "2026-01-04T12:00:00Z"},
    {"map-used-bytes", "799999999999"}, {"map-size-bytes", "1000000000000"},
};

/* The healthy state with one value changed (NULL: the line left out). */
static void make_state(const char *key, const char *value, char *dst, size_t cap)
{
    size_t len = 0;
    for (size_t i = 0; i < sizeof healthy / sizeof healthy[0]; i++) {
        bool is_changed = key != NULL && strcmp(healthy[i].key, key) == 0;
        const char *text = is_changed ? value : healthy[i].value;
        if (text != NULL) {
            len += (size_t)snprintf(dst + len, cap - len, "%s %s\n", healthy[i].key, text);
            assert_true(len < cap);
        }
    }
}

static void begin(struct health *health, const char *state)
{
    memset(health, 0, sizeof *health);
    health->state = tl_bytes_text(state);
    health->backup_max_s = 26 * 3600;
    assert_int_equal(tl_time_parse(tl_bytes_text(NOW), &health->now_s), TALLY_OK);
}

static void expect(const char *key, const char *value, const char *said)
{
    struct health health;
    char state[1024];
    make_state(key, value, state, sizeof state);
    begin(&health, state);
    health_judge(&health);
    assert_int_equal(health.finding_count, said == NULL ? 0 : 1);
    if (said != NULL && strstr(health.findings[0], said) == NULL) {
        fail_msg("%s %s: %s", key, value, health.findings[0]);
    }
}

static void test_figures(void **state)
{
    (void)state;
    expect(NULL, NULL, NULL);
    expect("signing", "stopped", "signing has stopped");
    expect("signing", "waits-for-head", "confirm-head");
    expect("signing", "no-space", "no space");
    expect("signing", "clock-stepped", "the clock has stepped");
    expect("signing", "damaged", "the stored ledger is damaged");
    expect("scrub", "waiting", NULL);
    expect("scrub", "exhibits", "an exhibit file is damaged or gone");
    expect("scrub", "undone", "could not be carried out");
    expect("scrub", "ended", "the scrubber has ended");
    expect("scrub-finished", "2026-01-03T11:00:00Z", NULL);
    expect("scrub-finished", "2026-01-03T10:59:59Z", "last looked through 49 hours ago");
    expect("signing", "otherwise", "does not say");
    expect("signing", NULL, "does not say");
    expect("clock", "stepped", "stepped too");
    expect("time", "2026-01-05T12:09:59Z", NULL);
    expect("time", "2026-01-05T12:10:01Z", "minutes apart");
    expect("time", "2026-01-05T11:49:59Z", "minutes apart");
    expect("disk-free-bytes", "536870911", "appends stop below 268435456");
    expect("disk-free-bytes", "18446744073709551615", NULL); /* not known */
    expect("map-used-bytes", "800000000000", "raise map-size");
    expect("map-size-bytes", "1000000000000000", NULL);
    expect("map-size-bytes", "800268435455", "raise map-size");
    expect("queue", "39", "39 entries wait, and there was no checkpoint for 3600 seconds");
    expect("connections", "56", NULL);
    expect("connections", "57", "connections are taken: 57");
    expect("connections-max", NULL, NULL);
}

static void test_busy_queue(void **state)
{
    struct health health;
    char text[1024];
    (void)state;
    make_state("queue", "40", text, sizeof text);
    begin(&health, text);
    health.now_s -= 3600 - 60;
    health.state = tl_bytes_text(text);
    health_judge(&health);
    /* The clock is now an hour behind the daemon's, which is the one other thing to say. */
    assert_int_equal(health.finding_count, 2);
    assert_non_null(strstr(health.findings[1], "the queue is nearly full: 40"));
    assert_int_equal(health.checkpoint_age_s, 60);
}

static void expect_backup(enum health_backup kind, uint64_t age_s, uint64_t size, bool is_other,
                          const char *said)
{
    struct health health;
    char text[1024];
    make_state(NULL, NULL, text, sizeof text);
    begin(&health, text);
    health.backup = kind;
    health.mark.verified_s = health.now_s - age_s;
    health.mark.size = size;
    assert_int_equal(tl_hash_parse(tl_bytes_text(LEDGER), &health.mark.ledger), TALLY_OK);
    health.mark.ledger.bytes[0] ^= is_other ? 1 : 0;
    health_judge(&health);
    assert_int_equal(health.finding_count, said == NULL ? 0 : 1);
    if (said != NULL) {
        assert_non_null(strstr(health.findings[0], said));
    }
    if (kind == HEALTH_BACKUP_DATED) {
        assert_int_equal(health.backup_age_s, age_s);
    }
}

static void test_backup(void **state)
{
    (void)state;
    expect_backup(HEALTH_BACKUP_UNVERIFIED, 0, 0, false, "no verified backup");
    expect_backup(HEALTH_BACKUP_DATED, 26 * 3600, 100, false, NULL);
    expect_backup(HEALTH_BACKUP_DATED, 26 * 3600 + 1, 100, false, "verified 26 hours ago");
    expect_backup(HEALTH_BACKUP_DATED, 60, 101, false, "the backup holds 101 records");
    expect_backup(HEALTH_BACKUP_DATED, 60, 10, true, "another ledger's");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_busy_queue),
        cmocka_unit_test(test_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
