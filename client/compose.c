/* SPDX-License-Identifier: ISC */
#include "client/compose.h"

#include <string.h>
#include <time.h>

#include "client/compose_input.h"
#include "client/entry_io.h"
#include "client/exit_code.h"
#include "client/finding_check.h"
#include "client/output.h"
#include "client/whole_file.h"
#include "lib/base/mem.h"
#include "lib/roster/types.h"

#define JSON_MAX 8388608u

/* What an envelope needs of its author's chain. */
struct chain {
    const struct tl_roster_key *key;
    uint64_t sequence;
    bool has_previous;
    struct tally_hash previous;
};

static const char *type_of(struct compose *compose)
{
    const char *type = opt_value(compose->opt, "type");
    const json_t *member = json_object_get(compose->json, "type");
    if (member != NULL && !json_is_string(member)) {
        compose_fault(compose, "/type: a text is needed here");
    }
    if (type == NULL) {
        type = json_string_value(member);
    }
    return type == NULL ? "finding" : type;
}

/* Whether this key could author such an entry, by the table that the ledger judges with. */
static void check_type(struct compose *compose, const char *type, const struct tl_roster_key *key)
{
    compose->type = tl_type_find(tl_bytes_text(type));
    if (compose->type == NULL) {
        compose_fault(compose, "/type: %s: no such entry type", type);
    } else if (compose->type->type == TL_TYPE_CHARTER || compose->type->type == TL_TYPE_AMENDMENT) {
        compose_fault(compose, "/type: %s: is made by `tally charter`", type);
    } else if ((key->roles & compose->type->role) == 0) {
        compose_fault(compose, "/type: %s: this key has not the role for it", type);
    }
}

/* --after FILE: an entry by the same key that is composed but not submitted. */
static int follow(const struct opt *opt, const struct tl_public_key *key, struct chain *chain)
{
    const char *path = opt_value(opt, "after");
    struct tl_entry_file entry;
    struct tl_envelope envelope;
    if (path == NULL) {
        return 0;
    }
    int code = entry_read(path, &entry, &envelope);
    if (code != 0) {
        return code;
    }
    if (!tl_hash_equal(&envelope.key, &key->fingerprint)) {
        out_error("--after %s: is by another key", path);
        code = EXIT_USAGE;
    } else {
        chain->sequence = envelope.sequence + 1;
        chain->has_previous = true;
        chain->previous = tl_envelope_hash(&envelope);
    }
    tl_entry_file_deinit(&entry);
    return code;
}

static int find_chain(const struct opt *opt, const struct state *state,
                      const struct tl_public_key *key, struct chain *chain)
{
    chain->key = tl_roster_find_key(state->roster, &key->fingerprint);
    if (chain->key == NULL) {
        out_error("this key is not enrolled in the ledger, as far as it was verified here: run "
                  "`tally verify`, or ask for an amendment that enrols it");
        return EXIT_USAGE;
    }
    if (!tl_roster_key_in_force(state->roster, chain->key)) {
        out_error("this key was revoked, rotated or withdrawn by entry %llu: no other entry by it "
                  "is accepted",
                  (unsigned long long)chain->key->ended);
        return EXIT_USAGE;
    }
    const struct state_author *author = state_author(state, &key->fingerprint);
    chain->sequence = author == NULL ? 1 : author->sequence + 1;
    chain->has_previous = author != NULL;
    if (author != NULL) {
        chain->previous = author->previous;
    }
    return follow(opt, key, chain);
}

static int encode(struct compose *compose, const char *type, const struct chain *chain,
                  const struct tl_public_key *key, struct tl_buffer *entry_file)
{
    const struct state *state = compose->state;
    struct tl_envelope_fault fault = {.line = 0, .what = NULL};
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text(type),
        .ledger = &state->ledger,
        .member = tl_bytes_text(state->roster->members[chain->key->member].id),
        .key = key->fingerprint,
        .sequence = chain->sequence,
        .previous = chain->has_previous ? &chain->previous : NULL,
        .has_seen = true,
        .seen_index = state->newest_index,
        .seen_leaf = state->newest_leaf,
        .signed_s = (uint64_t)time(NULL),
        .refs = compose->refs,
        .ref_count = compose->ref_count,
    };
    enum tally_status status = draft_finish(compose->draft, &fields, entry_file, &fault);
    if (status != TALLY_OK) {
        out_error("%s: the entry cannot be written: %s", compose->path,
                  fault.what == NULL ? tally_status_text(status) : fault.what);
    }
    return exit_code_of(status);
}

static int fill_and_encode(struct compose *compose, const struct chain *chain,
                           const struct tl_public_key *key, struct tl_buffer *entry_file)
{
    const char *type = type_of(compose);
    check_type(compose, type, chain->key);
    compose->errors += finding_check(compose->path, type, compose->json, time(NULL));
    compose_add_members(compose);
    compose_add_exhibits(compose);
    compose_withhold(compose);
    compose_add_refs(compose);
    if (compose->errors > 0) {
        out_error("%s: %u %s: nothing was written", compose->path, compose->errors,
                  compose->errors == 1 ? "fault" : "faults");
        return EXIT_USAGE;
    }
    return encode(compose, type, chain, key, entry_file);
}

/* Numbers that two readers may read differently are refused: they are evidence. */
static json_t *parse(const char *path, struct tally_bytes text)
{
    json_error_t error;
    json_t *json = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        out_error("%s:%d:%d: %s", path, error.line, error.column, error.text);
    } else if (!json_is_object(json)) {
        out_error("%s: a JSON object is needed", path);
        json_decref(json);
        json = NULL;
    }
    return json;
}

int compose_entry(const struct opt *opt, const char *json_path, const struct tl_public_key *key,
                  const struct state *state, struct tl_buffer *entry_file)
{
    struct chain chain;
    int code = find_chain(opt, state, key, &chain);
    if (code != 0) {
        return code;
    }
    struct tl_buffer text;
    tl_buffer_init(&text, JSON_MAX);
    code = whole_file_read(json_path, &text);
    if (code != 0) {
        tl_buffer_deinit(&text);
        return code;
    }
    struct compose *compose = tl_calloc(1, sizeof *compose);
    code = EXIT_UNREACHED;
    if (compose != NULL) {
        compose->opt = opt;
        compose->path = json_path;
        compose->text = tl_buffer_bytes(&text);
        compose->state = state;
        compose->draft = draft_new();
        compose->json = parse(json_path, compose->text);
        code = compose->json == NULL ? EXIT_USAGE : EXIT_UNREACHED;
        if (compose->json != NULL && compose->draft != NULL) {
            code = fill_and_encode(compose, &chain, key, entry_file);
        }
        json_decref(compose->json);
        draft_free(compose->draft);
        tl_free(compose);
    }
    tl_buffer_deinit(&text);
    return code;
}
