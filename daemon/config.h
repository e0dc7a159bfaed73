/* SPDX-License-Identifier: ISC */
/*
 * Configuration: a file of "key value" lines and the command line, made into one checked struct
 * that nobody changes after start. Every limit of the daemon is here; tallyd.conf(5) explains
 * them and adds them up.
 */
#ifndef TL_DAEMON_CONFIG_H
#define TL_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

#define TL_CONFIG_TEXT_MAX 512u /* bytes of one value with its NUL */
#define TL_CONFIG_FILE_MAX 65536u
#define TL_MAP_SIZE_MIN (UINT64_C(256) << 20) /* more than what is kept free for a batch */

/* kind, field, key, default, smallest, largest */
#define TL_CONFIG_MAP(X)                                                                           \
    X(TEXT, data, "data", "", 0, 0)                                                                \
    X(TEXT, ledger_key, "ledger-key", "", 0, 0)                                                    \
    X(TEXT, next_ledger_key, "next-ledger-key", "", 0, 0)                                          \
    X(TEXT, host_key, "host-key", "", 0, 0)                                                        \
    X(TEXT, head, "head", "", 0, 0)                                                                \
    X(TEXT, submit_socket, "submit-socket", "", 0, 0)                                              \
    X(TEXT, read_socket, "read-socket", "", 0, 0)                                                  \
    X(TEXT, submit_group, "submit-group", "", 0, 0)                                                \
    X(TEXT, read_group, "read-group", "", 0, 0)                                                    \
    X(MODE, submit_mode, "submit-mode", "0660", 0, 0777)                                           \
    X(MODE, read_mode, "read-mode", "0660", 0, 0777)                                               \
    X(BOOL, confirm_head, "confirm-head", "no", 0, 1)                                              \
    X(BOOL, sandbox, "sandbox", "yes", 0, 1)                                                       \
    X(COUNT, log_level, "log-level", "6", 2, 7)                                                    \
    X(SIZE, map_size, "map-size", "1T", TL_MAP_SIZE_MIN, UINT64_C(1) << 46)                        \
    X(SIZE, disk_reserve, "disk-reserve", "256M", 0, UINT64_C(1) << 46)                            \
    X(SIZE, exhibit_max, "exhibit-max", "4G", 1, UINT64_C(1) << 46)                                \
    X(COUNT, uploads, "uploads", "16", 1, 1024)                                                    \
    X(COUNT, connections, "connections", "256", 1, 65536)                                          \
    X(COUNT, connections_per_user, "connections-per-user", "64", 1, 65536)                        \
    X(COUNT, requests_per_connection, "requests-per-connection", "512", 1, 65536)                  \
    X(COUNT, queue_count, "queue-count", "8192", 1, 1u << 20)                                      \
    X(SIZE, queue_size, "queue-size", "64M", TALLY_SUBMISSION_MAX, UINT64_C(1) << 36)              \
    X(SIZE, frame_memory, "frame-memory", "64M", TALLY_SUBMISSION_MAX + 4096, UINT64_C(1) << 36)   \
    X(SIZE, read_memory, "read-memory", "64M", 1u << 20, UINT64_C(1) << 36)                        \
    X(COUNT, batch_count, "batch-count", "4096", 1, 65536)                                         \
    X(COUNT, workers, "workers", "0", 0, 256)                                                      \
    X(COUNT, io_threads, "io-threads", "4", 1, 256)                                                \
    X(COUNT, rejections_per_minute, "rejections-per-minute", "600", 0, 1u << 20)                   \
    X(COUNT, entries_per_key, "entries-per-key", "20000", 0, UINT64_C(1) << 40)                    \
    X(SIZE, bytes_per_key, "bytes-per-key", "256M", 0, UINT64_C(1) << 46)                          \
    X(TIME, handshake_timeout, "handshake-timeout", "5s", 10, 3600000)                             \
    X(TIME, frame_timeout, "frame-timeout", "15s", 10, 3600000)                                    \
    X(TIME, upload_timeout, "upload-timeout", "60s", 10, 3600000)                                  \
    X(TIME, write_timeout, "write-timeout", "15s", 10, 3600000)                                    \
    X(TIME, idle_timeout, "idle-timeout", "10min", 10, 86400000)                                   \
    X(TIME, stop_timeout, "stop-timeout", "5s", 10, 3600000)                                       \
    X(TIME, scrub_every, "scrub-every", "24h", 10, UINT64_C(31) * 86400 * 1000)

struct tl_config {
#define TL_CONFIG_FIELD_TEXT(field) char field[TL_CONFIG_TEXT_MAX];
#define TL_CONFIG_FIELD_MODE(field) uint64_t field;
#define TL_CONFIG_FIELD_BOOL(field) uint64_t field;
#define TL_CONFIG_FIELD_COUNT(field) uint64_t field;
#define TL_CONFIG_FIELD_SIZE(field) uint64_t field; /* bytes */
#define TL_CONFIG_FIELD_TIME(field) uint64_t field; /* milliseconds */
#define TL_CONFIG_FIELD(kind, field, key, text, min, max) TL_CONFIG_FIELD_##kind(field)
    TL_CONFIG_MAP(TL_CONFIG_FIELD)
#undef TL_CONFIG_FIELD
};

/* What is wrong, where, and what to do about it: for a person, one line. */
struct tl_config_fault {
    char text[TL_CONFIG_TEXT_MAX * 2];
};

void tl_config_init(struct tl_config *config);

/* Applies a file's text; name is for messages. EFORMAT with the fault set. */
TALLY_NODISCARD enum tally_status tl_config_parse(struct tl_config *config, const char *name,
                                                  struct tally_bytes text,
                                                  struct tl_config_fault *reterr_fault);

/* Applies one key given as --key value. */
TALLY_NODISCARD enum tally_status tl_config_set(struct tl_config *config, const char *key,
                                                const char *value,
                                                struct tl_config_fault *reterr_fault);

/*
 * Fills in what follows from the rest (credentials, head, workers) and checks values against each
 * other. Call once, last.
 */
TALLY_NODISCARD enum tally_status tl_config_finish(struct tl_config *config,
                                                   struct tl_config_fault *reterr_fault);

/*
 * All of it for a command line: options "--key value" or "--key=value", "--config FILE" read first
 * wherever it stands. EFORMAT, or the status of reading the file; the fault is set.
 */
TALLY_NODISCARD enum tally_status tl_config_load(int argc, char *const *argv,
                                                 struct tl_config *ret_config,
                                                 struct tl_config_fault *reterr_fault);

#endif
