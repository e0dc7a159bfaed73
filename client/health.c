/* SPDX-License-Identifier: ISC */
#include "client/health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/bytes.h"
#include "lib/base/text.h"

enum {
    MAP_PERCENT_MAX = 80,
    QUEUE_PERCENT_MAX = 80,
    CONNECTION_PERCENT_MAX = 90,
    STALLED_S = 60,      /* a queue that waits longer than this for a checkpoint is stuck */
    CLOCK_APART_S = 600, /* what the daemon itself takes for a step */
    RESERVE_FACTOR = 2,  /* of free disk, before appends stop at one */
    SCRUB_LATE_FACTOR = 2,
    SCRUB_LATE_S = 3600, /* a long ledger takes its time */
};

#define MAP_KEPT UINT64_C(268435456) /* bytes of the map that a daemon keeps free at most */

static void __attribute__((format(printf, 2, 3))) find(struct health *health, const char *format,
                                                       ...)
{
    va_list arguments;
    if (health->finding_count == HEALTH_FINDING_MAX) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(health->findings[health->finding_count], HEALTH_FINDING_LEN, format,
                    arguments);
    va_end(arguments);
    health->finding_count++;
}

bool health_text(const struct health *health, const char *key, struct tally_bytes *ret_value)
{
    struct tl_reader reader = tl_reader_over(health->state);
    while (reader.rest.len > 0 && reader.status == TALLY_OK) {
        struct tally_bytes name;
        struct tally_bytes value;
        if (tl_split_space(tl_read_line(&reader), &name, &value) &&
            tl_bytes_equal(name, tl_bytes_text(key))) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

bool health_number(const struct health *health, const char *key, uint64_t *ret_value)
{
    struct tally_bytes value;
    return health_text(health, key, &value) && tl_decimal_parse(value, ret_value) == TALLY_OK;
}

static uint64_t number(const struct health *health, const char *key)
{
    uint64_t value = 0;
    return health_number(health, key, &value) ? value : 0;
}

static bool time_of(const struct health *health, const char *key, uint64_t *ret_s)
{
    struct tally_bytes value;
    return health_text(health, key, &value) && tl_time_parse(value, ret_s) == TALLY_OK;
}

static bool is(const struct health *health, const char *key, const char *expected)
{
    struct tally_bytes value;
    return health_text(health, key, &value) && tl_bytes_equal(value, tl_bytes_text(expected));
}

/* A daemon that says no maximum has none. */
static bool exceeds(uint64_t used, uint64_t max, unsigned percent)
{
    return max > 0 && used >= max / 100 * percent + max % 100 * percent / 100;
}

static void judge_signing(struct health *health)
{
    static const struct {
        const char *value;
        const char *text;
    } table[] = {
        {"stopped", "signing has stopped: a client holds a checkpoint that the store does not "
                    "explain (tallyd(8), RECOVERY)"},
        {"damaged", "signing has stopped: the stored ledger is damaged (tallyd(8), RECOVERY)"},
        {"waits-for-head", "signing waits until a member has shown a checkpoint (confirm-head)"},
        {"no-space", "appends are rejected: no space"},
        {"clock-stepped", "appends are rejected: the clock has stepped. Set it right, then "
                          "systemctl reload tallyd"},
    };
    if (is(health, "signing", "on")) {
        return;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (is(health, "signing", table[i].value)) {
            find(health, "%s", table[i].text);
            return;
        }
    }
    find(health, "the daemon does not say that it signs");
}

static void judge_scrub(struct health *health)
{
    static const struct {
        const char *value;
        const char *text;
    } table[] = {
        {"exhibits", "an exhibit file is damaged or gone: the log says which record names it "
                     "(tallyd(8), RECOVERY)"},
        {"undone", "the last scrub of the stored ledger could not be carried out"},
        {"ended", "the scrubber has ended: restart the daemon to have the stored ledger looked "
                  "through"},
    };
    uint64_t done_s = 0;
    uint64_t most_s = number(health, "scrub-every-s") * SCRUB_LATE_FACTOR + SCRUB_LATE_S;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (is(health, "scrub", table[i].value)) {
            find(health, "%s", table[i].text);
            return;
        }
    }
    if (time_of(health, "scrub-finished", &done_s) && done_s < health->now_s &&
        health->now_s - done_s > most_s) {
        find(health, "the stored ledger was last looked through %" PRIu64 " hours ago",
             (health->now_s - done_s) / 3600);
    }
}

static void judge_clock(struct health *health)
{
    uint64_t theirs = 0;
    if (time_of(health, "time", &theirs) &&
        (theirs > health->now_s + CLOCK_APART_S || health->now_s > theirs + CLOCK_APART_S)) {
        find(health, "the daemon's clock and this one are more than ten minutes apart");
    }
    if (is(health, "clock", "stepped") && !is(health, "signing", "clock-stepped")) {
        find(health, "the clock has stepped too");
    }
}

static void judge_room(struct health *health)
{
    uint64_t free = 0;
    uint64_t reserve = number(health, "disk-reserve-bytes");
    uint64_t used = number(health, "map-used-bytes");
    uint64_t map = number(health, "map-size-bytes");
    if (health_number(health, "disk-free-bytes", &free) && free / RESERVE_FACTOR < reserve) {
        find(health, "the disk has %" PRIu64 " bytes left; appends stop below %" PRIu64, free,
             reserve);
    }
    if (exceeds(used, map, MAP_PERCENT_MAX) || (used < map && map - used < MAP_KEPT)) {
        find(health, "the store takes %" PRIu64 " bytes of a map of %" PRIu64
             ": raise map-size and restart", used, map);
    }
}

static void judge_load(struct health *health)
{
    uint64_t signed_s = 0;
    uint64_t queue = number(health, "queue");
    health->checkpoint_age_s = 0;
    if (time_of(health, "checkpoint-signed", &signed_s) && signed_s < health->now_s) {
        health->checkpoint_age_s = health->now_s - signed_s;
    }
    if (queue > 0 && health->checkpoint_age_s > STALLED_S) {
        find(health, "%" PRIu64 " entries wait, and there was no checkpoint for %" PRIu64
             " seconds", queue, health->checkpoint_age_s);
    }
    if (exceeds(queue, number(health, "queue-max"), QUEUE_PERCENT_MAX)) {
        find(health, "the queue is nearly full: %" PRIu64, queue);
    }
    if (exceeds(number(health, "connections"), number(health, "connections-max"),
                CONNECTION_PERCENT_MAX)) {
        find(health, "nearly all connections are taken: %" PRIu64, number(health, "connections"));
    }
}

static void judge_backup(struct health *health)
{
    char ledger[TL_HASH_BASE64_LEN + 1];
    uint64_t size = number(health, "size");
    health->backup_age_s = 0;
    if (health->backup == HEALTH_BACKUP_NONE) {
        return;
    }
    if (health->backup == HEALTH_BACKUP_UNVERIFIED) {
        find(health, "there is no verified backup");
        return;
    }
    if (health->mark.verified_s < health->now_s) {
        health->backup_age_s = health->now_s - health->mark.verified_s;
    }
    tl_hash_format(&health->mark.ledger, ledger);
    if (!is(health, "ledger", ledger)) {
        find(health, "the backup is another ledger's");
    } else if (health->mark.size > size) {
        find(health, "the backup holds %" PRIu64 " records, the ledger %" PRIu64
             ": it may itself be an old copy", health->mark.size, size);
    }
    if (health->backup_age_s > health->backup_max_s) {
        find(health, "the backup was last verified %" PRIu64 " hours ago",
             health->backup_age_s / 3600);
    }
}

void health_judge(struct health *health)
{
    health->finding_count = 0;
    judge_signing(health);
    judge_scrub(health);
    judge_clock(health);
    judge_room(health);
    judge_load(health);
    judge_backup(health);
}
