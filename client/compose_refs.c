/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/compose_input.h"
#include "client/ledger.h"
#include "client/output.h"
#include "lib/archive/tile_fetch.h"
#include "lib/base/text.h"
#include "lib/codec/checkpoint.h"
#include "lib/tree/tree.h"

/* Where targets are read; opened when the first one is needed. */
struct lookup {
    struct tl_source *source;
    struct tl_checkpoint checkpoint; /* the one that this client has verified */
    struct tl_tile_fetch fetch;
};

static bool open_lookup(struct compose *compose, struct lookup *lookup)
{
    struct tl_note note;
    if (lookup->source != NULL) {
        return true;
    }
    if (tl_note_decode(tl_buffer_bytes(&compose->state->checkpoint), &note) != TALLY_OK ||
        tl_checkpoint_decode(note.text, &lookup->checkpoint) != TALLY_OK) {
        compose_fault(compose, "no verified checkpoint is remembered: run `tally verify` first");
        return false;
    }
    if (ledger_open(opt_value(compose->opt, "source"), tl_bytes(NULL, 0), &lookup->source) != 0) {
        compose->errors++;
        return false;
    }
    tl_tile_fetch_init(&lookup->fetch, lookup->source, lookup->checkpoint.size);
    return true;
}

static void close_lookup(struct lookup *lookup)
{
    if (lookup->source != NULL) {
        tl_tile_fetch_deinit(&lookup->fetch);
        tl_source_close(lookup->source);
    }
}

/* The leaf hash at index, proven against the verified checkpoint. */
static bool find_leaf(struct compose *compose, struct lookup *lookup, const char *where,
                      uint64_t index, struct tally_hash *ret_leaf)
{
    if (index == compose->state->newest_index) {
        *ret_leaf = compose->state->newest_leaf;
        return true;
    }
    if (index > compose->state->newest_index) {
        compose_fault(compose,
                      "%s: entry %llu is newer than what was verified here: run `tally verify`",
                      where, (unsigned long long)index);
        return false;
    }
    if (!open_lookup(compose, lookup)) {
        return false;
    }
    struct tl_buffer record;
    tl_buffer_init(&record, TALLY_RECORD_MAX);
    enum tally_status status =
        tl_fetch_record(&lookup->fetch, index, &lookup->checkpoint.root, &record, NULL);
    if (status == TALLY_OK) {
        *ret_leaf = tl_tree_leaf(tl_buffer_bytes(&record));
    } else {
        compose_fault(compose, "%s: entry %llu could not be proven: %s", where,
                      (unsigned long long)index, tally_status_text(status));
    }
    tl_buffer_deinit(&record);
    return status == TALLY_OK;
}

static void add_ref(struct compose *compose, struct lookup *lookup, const char *where,
                    const char *relation, const char *target)
{
    uint64_t index = 0;
    bool has_check = false;
    if (compose->type != NULL && !tl_type_allows_relation(compose->type, tl_bytes_text(relation))) {
        compose_fault(compose, "%s: %s: not a relation of a %s", where, relation,
                      compose->type->name);
        return;
    }
    if (!out_entry_id_parse(target, &index, &has_check)) {
        compose_fault(compose, "%s: %s: not an entry (412 or 412-7F3K-9QXD)", where, target);
        return;
    }
    if (compose->ref_count == TALLY_REF_COUNT_MAX) {
        compose_fault(compose, "%s: more than %u refs", where, TALLY_REF_COUNT_MAX);
        return;
    }
    struct tl_ref_line *ref = &compose->refs[compose->ref_count];
    if (!find_leaf(compose, lookup, where, index, &ref->leaf)) {
        return;
    }
    char id[ENTRY_ID_MAX];
    out_entry_id(index, &ref->leaf, id);
    if (has_check && strcmp(id, target) != 0) {
        compose_fault(compose, "%s: %s: the check characters are those of another entry (%s)",
                      where, target, id);
        return;
    }
    (void)snprintf(compose->relations[compose->ref_count], TALLY_ID_MAX + 1, "%s", relation);
    ref->relation = tl_bytes_text(compose->relations[compose->ref_count]);
    ref->index = index;
    compose->ref_count++;
}

static void add_option_refs(struct compose *compose, struct lookup *lookup)
{
    size_t cursor = 0;
    for (const char *value = opt_next(compose->opt, "ref", &cursor); value != NULL;
         value = opt_next(compose->opt, "ref", &cursor)) {
        const char *equals = strchr(value, '=');
        char relation[TALLY_ID_MAX + 1];
        if (equals == NULL || (size_t)(equals - value) > TALLY_ID_MAX) {
            compose_fault(compose, "--ref %s: RELATION=ENTRY is needed", value);
            continue;
        }
        (void)snprintf(relation, sizeof relation, "%.*s", (int)(equals - value), value);
        add_ref(compose, lookup, "--ref", relation, equals + 1);
    }
}

/* A ref becomes one line of the envelope: whatever else stands in it would be lost. */
static void add_json_ref(struct compose *compose, struct lookup *lookup, const char *where,
                         json_t *ref)
{
    const char *relation = json_string_value(json_object_get(ref, "rel"));
    const json_t *target = json_object_get(ref, "target");
    char number[TL_DECIMAL_MAX];
    const char *text = json_string_value(target);
    if (json_is_integer(target) && json_integer_value(target) >= 0) {
        (void)tl_decimal_format((uint64_t)json_integer_value(target), number);
        text = number;
    }
    if (relation == NULL || strlen(relation) > TALLY_ID_MAX || text == NULL ||
        json_object_size(ref) != 2) {
        compose_fault(compose, "%s: {\"rel\": RELATION, \"target\": ENTRY} is needed, and no more",
                      where);
    } else {
        add_ref(compose, lookup, where, relation, text);
    }
}

static void add_json_refs(struct compose *compose, struct lookup *lookup)
{
    json_t *refs = json_object_get(compose->json, "refs");
    size_t i = 0;
    json_t *ref = NULL;
    if (refs != NULL && !json_is_array(refs)) {
        compose_fault(compose, "/refs: a list is needed here");
    }
    json_array_foreach(refs, i, ref)
    {
        char where[32];
        (void)snprintf(where, sizeof where, "/refs/%zu", i);
        add_json_ref(compose, lookup, where, ref);
    }
}

/* What the type asks for: a relation that the ledger would reject the entry without. */
static void check_required(struct compose *compose, unsigned errors_before)
{
    const struct tl_type_row *type = compose->type;
    unsigned count = 0;
    if (type == NULL || type->relation == NULL || compose->errors > errors_before) {
        return;
    }
    for (size_t i = 0; i < compose->ref_count; i++) {
        count += strcmp(compose->relations[i], type->relation) == 0 ? 1 : 0;
    }
    if (count == 0 || count > type->relation_max) {
        compose_fault(compose, "/refs: a %s needs %s \"%s\"", type->name,
                      type->relation_max == 1 ? "exactly one" : "one or more", type->relation);
    }
}

/* The order of the envelope's lines: bytewise, as text. */
static int by_line(const void *a, const void *b)
{
    const struct tl_ref_line *left = a;
    const struct tl_ref_line *right = b;
    char left_line[128];
    char right_line[128];
    char hash[TL_HASH_BASE64_LEN + 1];
    tl_hash_format(&left->leaf, hash);
    (void)snprintf(left_line, sizeof left_line, "%.*s %llu %s", (int)left->relation.len,
                   (const char *)left->relation.ptr, (unsigned long long)left->index, hash);
    tl_hash_format(&right->leaf, hash);
    (void)snprintf(right_line, sizeof right_line, "%.*s %llu %s", (int)right->relation.len,
                   (const char *)right->relation.ptr, (unsigned long long)right->index, hash);
    return strcmp(left_line, right_line);
}

void compose_add_refs(struct compose *compose)
{
    struct lookup lookup = {.source = NULL};
    unsigned errors_before = compose->errors;
    add_option_refs(compose, &lookup);
    add_json_refs(compose, &lookup);
    check_required(compose, errors_before);
    close_lookup(&lookup);
    qsort(compose->refs, compose->ref_count, sizeof *compose->refs, by_line);
}
