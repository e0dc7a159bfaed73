/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/exit_code.h"
#include "client/health.h"
#include "client/ledger.h"
#include "client/output.h"
#include "client/verbs.h"
#include "lib/base/text.h"
#include "lib/client/connection.h"

#define STATE_MAX 65536u
#define HOUR_S 3600u
#define BACKUP_HOURS 26u /* a nightly one, and two hours to make it in */

static void print_line(struct tally_bytes key, struct tally_bytes value)
{
    printf("  %s", out_style(OUT_DIM));
    out_foreign(stdout, key, 32);
    printf("%s%*s", out_style(OUT_PLAIN), key.len < 24 ? (int)(24 - key.len) : 1, "");
    out_foreign(stdout, value, 0);
    printf("\n");
}

static void print_number(const char *key, uint64_t value)
{
    char digits[TL_DECIMAL_MAX];
    (void)tl_decimal_format(value, digits);
    print_line(tl_bytes_text(key), tl_bytes_text(digits));
}

static void print_text(const struct health *health)
{
    struct tl_reader reader = tl_reader_over(health->state);
    bool is_healthy = health->finding_count == 0;
    printf("%s%s%s\n", out_style(is_healthy ? OUT_GOOD : OUT_BAD),
           is_healthy ? "healthy" : "needs attention", out_style(OUT_PLAIN));
    for (unsigned i = 0; i < health->finding_count; i++) {
        printf("  - %s\n", health->findings[i]);
    }
    while (reader.rest.len > 0 && reader.status == TALLY_OK) {
        struct tally_bytes key;
        struct tally_bytes value;
        if (tl_split_space(tl_read_line(&reader), &key, &value)) {
            print_line(key, value);
        }
    }
    print_number("checkpoint-age-s", health->checkpoint_age_s);
    if (health->backup == HEALTH_BACKUP_DATED) {
        print_number("backup-age-s", health->backup_age_s);
        print_number("backup-size", health->mark.size);
    }
}

static void print_json(const struct health *health)
{
    struct tl_reader reader = tl_reader_over(health->state);
    json_t *object = json_object();
    json_t *findings = json_array();
    while (reader.rest.len > 0 && reader.status == TALLY_OK) {
        struct tally_bytes key;
        struct tally_bytes value;
        if (tl_split_space(tl_read_line(&reader), &key, &value)) {
            (void)json_object_setn_new(object, (const char *)key.ptr, key.len,
                                       out_json_text(value));
        }
    }
    for (unsigned i = 0; i < health->finding_count; i++) {
        (void)json_array_append_new(findings, json_string(health->findings[i]));
    }
    (void)json_object_set_new(object, "healthy", json_boolean(health->finding_count == 0));
    (void)json_object_set_new(object, "findings", findings);
    (void)json_object_set_new(object, "checkpoint-age-s",
                              json_integer((json_int_t)health->checkpoint_age_s));
    if (health->backup == HEALTH_BACKUP_DATED) {
        (void)json_object_set_new(object, "backup-age-s",
                                  json_integer((json_int_t)health->backup_age_s));
        (void)json_object_set_new(object, "backup-size",
                                  json_integer((json_int_t)health->mark.size));
    }
    out_json(object);
}

static int ask(const struct opt *opt, struct tl_buffer *state)
{
    const char *path = ledger_source_name(opt->word_count > 0 ? opt->words[0] : NULL);
    enum ledger_kind kind;
    struct tl_connection *connection = NULL;
    int code = ledger_kind_of(path, &kind);
    if (code == 0 && kind != LEDGER_SOCKET) {
        out_error("%s: not a socket: status asks a running daemon", path);
        code = EXIT_USAGE;
    }
    if (code == 0) {
        code = ledger_connect(path, tl_bytes(NULL, 0), &connection);
    }
    if (code != 0) {
        return code;
    }
    enum tally_status status = tl_connection_state(connection, state);
    if (status != TALLY_OK) {
        ledger_say_fault(path, connection, status);
    }
    tl_connection_close(connection);
    return exit_code_of(status);
}

static int read_backup(const struct opt *opt, struct health *health)
{
    unsigned long long hours = 0;
    const char *directory = opt_value(opt, "backup");
    if (!opt_number(opt, "backup-hours", 1, 87600, BACKUP_HOURS, &hours)) {
        return EXIT_USAGE;
    }
    health->backup_max_s = hours * HOUR_S;
    if (directory == NULL) {
        return 0;
    }
    enum tally_status status = tl_backup_mark_read(directory, &health->mark);
    health->backup = status == TALLY_OK ? HEALTH_BACKUP_DATED : HEALTH_BACKUP_UNVERIFIED;
    if (status != TALLY_OK && status != TALLY_ENOTFOUND) {
        out_error("%s/" TL_BACKUP_MARK_NAME ": %s", directory, tally_status_text(status));
    }
    return 0;
}

static int run(const struct opt *opt)
{
    struct health health;
    struct tl_buffer state;
    bool is_prometheus = opt_has(opt, "prometheus");
    memset(&health, 0, sizeof health);
    if (is_prometheus && opt_has(opt, "json")) {
        out_error("status: --json or --prometheus, not both");
        return EXIT_USAGE;
    }
    int code = read_backup(opt, &health);
    if (code != 0) {
        return code;
    }
    tl_buffer_init(&state, STATE_MAX);
    code = ask(opt, &state);
    if (code == 0) {
        health.state = tl_buffer_bytes(&state);
        health.now_s = (uint64_t)time(NULL);
        health_judge(&health);
        if (is_prometheus) {
            health_print_prometheus(&health);
        } else if (opt_has(opt, "json")) {
            print_json(&health);
        } else {
            print_text(&health);
        }
        code = health.finding_count == 0 ? EXIT_DONE : EXIT_BAD;
    } else if (is_prometheus && code == EXIT_UNREACHED) {
        health_print_prometheus(NULL);
    }
    tl_buffer_deinit(&state);
    return code;
}

static const struct opt_spec options[] = {
    {"backup", "DIR", "a backup whose date counts too", false},
    {"backup-hours", "N", "the age at which it needs attention (default: 26)", false},
    {"prometheus", NULL, "print Prometheus' text format", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_status = {
    .name = "status",
    .synopsis = "[SOCKET] [--backup DIR]",
    .summary = "is a running ledger healthy?",
    .details = "What the daemon says of itself: unsigned, for operators. `tally verify` proves.\n"
               "Ends with 0 when it is healthy, 1 when something needs attention (it says what),\n"
               "3 when the daemon cannot be reached.",
    .options = options,
    .word_min = 0,
    .word_max = 1,
    .run = run,
};
