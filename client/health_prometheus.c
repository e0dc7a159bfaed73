/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>

#include "client/health.h"
#include "lib/base/bytes.h"

static const struct metric {
    const char *key; /* of the daemon's state */
    const char *name;
    const char *type;
    const char *help;
} metrics[] = {
    {"size", "tally_records", "gauge", "Records in the ledger."},
    {"uptime-s", "tally_uptime_seconds", "gauge", "Since the daemon started."},
    {"connections", "tally_connections", "gauge", "Open connections."},
    {"connections-max", "tally_connections_max", "gauge", "The most that there may be."},
    {"connections-accepted", "tally_connections_accepted_total", "counter", "Accepted."},
    {"connections-turned-away", "tally_connections_turned_away_total", "counter", "At a limit."},
    {"connections-timed-out", "tally_connections_timed_out_total", "counter", "Too slow."},
    {"connections-broken", "tally_connections_broken_total", "counter", "Broke the protocol."},
    {"queue", "tally_queue_entries", "gauge", "Entries that wait."},
    {"queue-max", "tally_queue_entries_max", "gauge", "The most that may wait."},
    {"queue-bytes", "tally_queue_bytes", "gauge", "Bytes of them."},
    {"batches", "tally_batches_total", "counter", "Batches committed."},
    {"records", "tally_records_appended_total", "counter", "Records appended."},
    {"repeats", "tally_repeats_total", "counter", "Entries sent again."},
    {"rejections", "tally_rejections_total", "counter", "Entries rejected."},
    {"scrub-count", "tally_scrubs_total", "counter", "Times the stored ledger was looked through."},
    {"rejections-key-quota", "tally_rejections_key_quota_total", "counter",
     "Of those, because their key had its share."},
    {"disk-free-bytes", "tally_disk_free_bytes", "gauge", "Free on the ledger's disk."},
    {"disk-reserve-bytes", "tally_disk_reserve_bytes", "gauge", "Below this appends stop."},
    {"map-used-bytes", "tally_map_used_bytes", "gauge", "Taken by the store."},
    {"map-size-bytes", "tally_map_size_bytes", "gauge", "The most that the store can take."},
};

static void print(const char *name, const char *type, const char *help, uint64_t value)
{
    printf("# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name, value);
}

void health_print_prometheus(const struct health *health)
{
    struct tally_bytes signing;
    print("tally_up", "gauge", "Whether the daemon could be reached.", health != NULL ? 1 : 0);
    if (health == NULL) {
        return;
    }
    print("tally_healthy", "gauge", "Whether nothing needs attention.",
          health->finding_count == 0 ? 1 : 0);
    bool is_on = health_text(health, "signing", &signing) &&
                 tl_bytes_equal(signing, tl_bytes_text("on"));
    print("tally_signing", "gauge", "Whether entries are appended and signed.", is_on ? 1 : 0);
    print("tally_checkpoint_age_seconds", "gauge", "Since the newest checkpoint was signed.",
          health->checkpoint_age_s);
    if (health->backup == HEALTH_BACKUP_DATED) {
        print("tally_backup_age_seconds", "gauge", "Since the backup was verified.",
              health->backup_age_s);
        print("tally_backup_records", "gauge", "Records in the verified backup.",
              health->mark.size);
    }
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        uint64_t value = 0;
        if (health_number(health, metrics[i].key, &value)) {
            print(metrics[i].name, metrics[i].type, metrics[i].help, value);
        }
    }
}
