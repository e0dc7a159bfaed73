/* SPDX-License-Identifier: ISC */
/*
 * Health: what a daemon says of itself, and a backup's date, judged against thresholds that suit a
 * ledger with an operator who sleeps at night. Pure but for the clock that the caller reads.
 */
#ifndef CLIENT_HEALTH_H
#define CLIENT_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/types.h>

#include "lib/archive/backup.h"

#define HEALTH_FINDING_MAX 10u
#define HEALTH_FINDING_LEN 192u

enum health_backup {
    HEALTH_BACKUP_NONE,       /* nobody asked */
    HEALTH_BACKUP_UNVERIFIED, /* there is none, or it was never verified */
    HEALTH_BACKUP_DATED,
};

struct health {
    /* in */
    struct tally_bytes state; /* of the daemon: lines "key value" */
    uint64_t now_s;
    enum health_backup backup;
    struct tl_backup_mark mark; /* HEALTH_BACKUP_DATED */
    uint64_t backup_max_s;      /* an older one needs attention */
    /* out */
    uint64_t checkpoint_age_s;
    uint64_t backup_age_s; /* HEALTH_BACKUP_DATED */
    unsigned finding_count; /* 0: healthy */
    char findings[HEALTH_FINDING_MAX][HEALTH_FINDING_LEN]; /* printable */
};

void health_judge(struct health *health);

/* The value of a key of the state; false when it is not there, or not a number. */
bool health_text(const struct health *health, const char *key, struct tally_bytes *ret_value);
bool health_number(const struct health *health, const char *key, uint64_t *ret_value);

/* The whole in Prometheus' text exposition format. health NULL: the daemon cannot be reached. */
void health_print_prometheus(const struct health *health);

#endif
