/* SPDX-License-Identifier: ISC */
#include "client/charter_amend.h"

#include <time.h>

#include "client/entry_io.h"
#include "client/exit_code.h"
#include "client/output.h"
#include "client/public_key_file.h"
#include "client/state.h"
#include "lib/base/mem.h"
#include "lib/base/sha256.h"
#include "lib/tree/tree.h"

#define OP_MAX 512u

static size_t read_operations(const struct opt *opt, struct tally_bytes ops[OP_MAX])
{
    size_t count = 0;
    size_t cursor = 0;
    for (const char *op = opt_next(opt, "op", &cursor); op != NULL && count < OP_MAX;
         op = opt_next(opt, "op", &cursor)) {
        ops[count++] = tl_bytes_text(op);
    }
    return count;
}

static int encode(const struct opt *opt, const struct state *state, const struct tl_public_key *key,
                  struct tl_buffer *envelope)
{
    struct tally_bytes ops[OP_MAX];
    struct tl_envelope_fault fault = {.line = 0, .what = NULL};
    const struct tl_roster_key *enrolled = tl_roster_find_key(state->roster, &key->fingerprint);
    if (enrolled == NULL || !tl_roster_key_in_force(state->roster, enrolled)) {
        out_error("this key is not in force in the ledger, as far as it was verified here");
        return EXIT_USAGE;
    }
    struct tl_ref_line amends = {
        .relation = tl_bytes_text("amends"),
        .index = state->roster->position,
        .leaf = state->roster->position_leaf,
    };
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text("amendment"),
        .ledger = &state->ledger,
        .member = tl_bytes_text(state->roster->members[enrolled->member].id),
        .key = key->fingerprint,
        .has_seen = true,
        .seen_index = state->newest_index,
        .seen_leaf = state->newest_leaf,
        .signed_s = (uint64_t)time(NULL),
        .parts_root = tl_tree_empty(),
        .refs = &amends,
        .ref_count = 1,
        .ops = ops,
        .op_count = read_operations(opt, ops),
    };
    enum tally_status status = tl_envelope_encode(&fields, envelope, &fault);
    if (status != TALLY_OK) {
        out_error("the amendment cannot be written: line %u: %s", fault.line,
                  fault.what == NULL ? tally_status_text(status) : fault.what);
    }
    return exit_code_of(status);
}

/* Faults that no signature mends are found before anybody signs. */
static int judge_unsigned(const struct state *state, struct tally_bytes envelope_text)
{
    static const struct tl_signatures none;
    struct tl_envelope envelope;
    struct tl_roster *next = NULL;
    enum tally_reason reason = TALLY_REASON_MALFORMED;
    enum tally_status status = tl_envelope_decode(envelope_text, &envelope, NULL);
    if (status == TALLY_OK) {
        status = tl_roster_amend(state->roster, state->newest_index + 1, &envelope, &none, &next,
                                 &reason);
    }
    tl_roster_free(next);
    if (status == TALLY_OK && !charter_awaits_signatures(reason)) {
        out_error("the ledger would reject this amendment: %s (%s): nothing was written",
                  tally_reason_text(reason), tally_reason_name(reason));
        return EXIT_USAGE;
    }
    return exit_code_of(status);
}

bool charter_awaits_signatures(enum tally_reason reason)
{
    return reason == TALLY_REASON_NONE || reason == TALLY_REASON_CONSENT_MISSING ||
           reason == TALLY_REASON_QUORUM_MISSING;
}

int charter_amend(const struct opt *opt, const char *path)
{
    struct tl_public_key key;
    struct state state;
    struct tl_buffer envelope;
    if (!opt_has(opt, "op")) {
        out_error("charter amend: at least one --op is needed (tally-formats(5))");
        return EXIT_USAGE;
    }
    int code = public_key_of(opt, &key);
    if (code == 0) {
        code = state_choose(opt, &state);
    }
    if (code != 0) {
        return code;
    }
    tl_buffer_init(&envelope, TALLY_ENVELOPE_MAX);
    code = encode(opt, &state, &key, &envelope);
    if (code == 0) {
        code = judge_unsigned(&state, tl_buffer_bytes(&envelope));
    }
    if (code == 0) {
        struct tl_entry_file entry = {.envelope = tl_buffer_bytes(&envelope)};
        code = entry_write(path, &entry, false);
    }
    if (code == 0) {
        struct tally_hash hash = tl_sha256(tl_buffer_bytes(&envelope));
        out_written(opt, path, &hash);
        out_hint("next: its author signs it first, then as many members as the threshold asks, and "
                 "every key that it enrols");
    }
    tl_buffer_deinit(&envelope);
    state_deinit(&state);
    return code;
}

int charter_judge_amendment(const struct opt *opt, const struct tl_entry_file *entry,
                            const struct tl_envelope *envelope, enum tally_reason *ret_reason)
{
    struct state state;
    struct tl_roster *next = NULL;
    enum tally_status status = state_load(opt, &envelope->ledger, &state);
    if (status != TALLY_OK) {
        out_error("the ledger of this amendment is not known here: run `tally verify` first");
        return EXIT_USAGE;
    }
    status = tl_roster_amend(state.roster, state.newest_index + 1, envelope, &entry->signatures,
                             &next, ret_reason);
    tl_roster_free(next);
    state_deinit(&state);
    return exit_code_of(status);
}
