/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/output.h"
#include "client/verbs.h"
#include "lib/base/text.h"
#include "lib/client/connection.h"

#define STATE_MAX 65536u

static void print_line(struct tally_bytes key, struct tally_bytes value)
{
    printf("  %s", out_style(OUT_DIM));
    out_foreign(stdout, key, 32);
    printf("%s%*s", out_style(OUT_PLAIN), key.len < 22 ? (int)(22 - key.len) : 1, "");
    out_foreign(stdout, value, 0);
    printf("\n");
}

static void print_state(struct tally_bytes state, bool is_json)
{
    struct tl_reader reader = tl_reader_over(state);
    json_t *object = is_json ? json_object() : NULL;
    while (reader.rest.len > 0 && reader.status == TALLY_OK) {
        struct tally_bytes line = tl_read_line(&reader);
        struct tally_bytes key;
        struct tally_bytes value;
        if (!tl_split_space(line, &key, &value)) {
            continue;
        }
        if (is_json) {
            (void)json_object_setn_new(object, (const char *)key.ptr, key.len,
                                       out_json_text(value));
        } else {
            print_line(key, value);
        }
    }
    if (is_json) {
        out_json(object);
    }
}

static int run(const struct opt *opt)
{
    const char *path = ledger_source_name(opt->word_count > 0 ? opt->words[0] : NULL);
    enum ledger_kind kind;
    struct tl_connection *connection = NULL;
    struct tl_buffer state;
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
    tl_buffer_init(&state, STATE_MAX);
    enum tally_status status = tl_connection_state(connection, &state);
    if (status == TALLY_OK) {
        print_state(tl_buffer_bytes(&state), opt_has(opt, "json"));
    } else {
        ledger_say_fault(path, connection, status);
    }
    tl_buffer_deinit(&state);
    tl_connection_close(connection);
    return exit_code_of(status);
}

static const struct opt_spec options[] = {{NULL, NULL, NULL, false}};

const struct verb verb_status = {
    .name = "status",
    .synopsis = "[SOCKET]",
    .summary = "ask a running daemon how it is",
    .details = "What the daemon says of itself: unsigned, for operators. `tally verify` proves.",
    .options = options,
    .word_min = 0,
    .word_max = 1,
    .run = run,
};
