/* SPDX-License-Identifier: ISC */
/* What STATUS tells: lines "key value", numbers and names of the daemon's own. */
#include <inttypes.h>
#include <stdio.h>

#include <tally/version.h>

#include "daemon/sandbox.h"
#include "daemon/scrub.h"
#include "daemon/server.h"
#include "lib/base/text.h"

static void add_text(struct tl_buffer *buffer, const char *key, const char *value)
{
    tl_buffer_add_text(buffer, key);
    tl_buffer_add_text(buffer, " ");
    tl_buffer_add_text(buffer, value);
    tl_buffer_add_text(buffer, "\n");
}

static void add_number(struct tl_buffer *buffer, const char *key, uint64_t value)
{
    char digits[TL_DECIMAL_MAX];
    (void)tl_decimal_format(value, digits);
    add_text(buffer, key, digits);
}

static const char *signing_text(const struct tl_server *server)
{
    switch ((enum tl_signing)atomic_load(&server->ledger->signing)) {
    case TL_SIGNING_AWAITS_HEAD:
        return "waits-for-head";
    case TL_SIGNING_STOPPED:
        return tl_scrub_is_damage(server->scrub) ? "damaged" : "stopped";
    case TL_SIGNING_ON:
        break;
    }
    if (tl_clock_is_stepped(&server->ledger->clock)) {
        return "clock-stepped";
    }
    return server->no_space ? "no-space" : "on";
}

static void add_head(const struct tl_server *server, struct tl_buffer *buffer)
{
    struct tl_head_view head;
    char id[TL_HASH_BASE64_LEN + 1];
    char root[TL_HASH_BASE64_LEN + 1];
    char time[TL_TIME_LEN + 1];
    struct tl_note_key key = tl_ledger_key_at(server->ledger, UINT64_MAX);
    tl_head_read(&server->ledger->head, &head);
    tl_hash_format(&server->ledger->id, id);
    tl_hash_format(&head.root, root);
    tl_time_format(head.signed_s, time);
    add_text(buffer, "ledger", id);
    add_text(buffer, "origin", key.name);
    add_number(buffer, "size", head.size);
    add_text(buffer, "root", root);
    add_text(buffer, "checkpoint-signed", time);
    int64_t wall_us = tl_clock_read().wall_us;
    tl_time_format(wall_us > 0 ? (uint64_t)wall_us / 1000000 : 0, time);
    add_text(buffer, "time", time);
    add_text(buffer, "clock", tl_clock_is_stepped(&server->ledger->clock) ? "stepped" : "ok");
    add_text(buffer, "signing", signing_text(server));
}

static void add_scrub(const struct tl_server *server, struct tl_buffer *buffer)
{
    const struct tl_scrub *scrub = server->scrub;
    char time[TL_TIME_LEN + 1];
    add_text(buffer, "scrub", tl_scrub_text(scrub));
    add_number(buffer, "scrub-every-s", server->config->scrub_every / 1000);
    add_number(buffer, "scrub-count", scrub->count);
    if (scrub->count > 0) {
        tl_time_format(scrub->done_s, time);
        add_text(buffer, "scrub-finished", time);
        add_number(buffer, "scrub-size", scrub->newest.size);
    }
}

void tl_server_state(struct tl_server *server, struct tl_buffer *buffer)
{
    struct tl_queue_figures queue = tl_queue_figures(server->queue);
    struct tl_sequencer_figures work = tl_sequencer_figures(server->sequencer);
    add_text(buffer, "version", TALLY_VERSION);
    add_text(buffer, "sandbox", tl_sandbox_text());
    add_head(server, buffer);
    add_number(buffer, "clock-behind-s",
               tl_clock_behind_us(&server->ledger->clock, tl_clock_read()) / 1000000);
    add_scrub(server, buffer);
    add_number(buffer, "uptime-s", (uv_now(&server->loop) - server->started_ms) / 1000);
    add_number(buffer, "connections", server->conn_count);
    add_number(buffer, "connections-max", server->config->connections);
    add_number(buffer, "connections-accepted", server->figures.accepted);
    add_number(buffer, "connections-turned-away", server->figures.turned_away);
    add_number(buffer, "connections-timed-out", server->figures.timed_out);
    add_number(buffer, "connections-broken", server->figures.broken);
    add_number(buffer, "queue", queue.count);
    add_number(buffer, "queue-max", server->config->queue_count);
    add_number(buffer, "queue-bytes", queue.bytes);
    add_number(buffer, "batches", work.batches);
    add_number(buffer, "records", work.records);
    add_number(buffer, "repeats", work.repeats);
    add_number(buffer, "rejections", work.rejections);
    add_number(buffer, "rejections-key-quota", work.quota_rejections);
    add_number(buffer, "uploads", server->uploads);
    add_number(buffer, "exhibits-stored", server->figures.stored);
    add_number(buffer, "read-bytes", server->read_bytes);
    add_number(buffer, "frame-bytes", server->frame_bytes);
    add_number(buffer, "disk-free-bytes", server->disk_free);
    add_number(buffer, "disk-reserve-bytes", server->config->disk_reserve);
    add_number(buffer, "map-used-bytes", tl_store_used(server->ledger->store));
    add_number(buffer, "map-size-bytes", server->config->map_size);
}
