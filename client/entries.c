/* SPDX-License-Identifier: ISC */
#include "client/entries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/output.h"
#include "lib/base/mem.h"
#include "lib/base/sha256.h"
#include "lib/base/text.h"
#include "lib/codec/part.h"

#define TITLE_COLUMNS 72u
#define STATUS_TEXT_MAX 256u

char *entry_text_of(struct tally_bytes value)
{
    json_t *json = json_loadb((const char *)value.ptr, value.len, JSON_DECODE_ANY, NULL);
    char *text = NULL;
    if (json_is_string(json)) {
        size_t len = json_string_length(json);
        text = tl_alloc(len + 1);
        if (text != NULL) {
            memcpy(text, json_string_value(json), len);
            text[len] = '\0';
        }
    }
    json_decref(json);
    return text;
}

static enum tally_status add_origin(struct entry *entry, const char *origin)
{
    struct tally_hash hash = tl_sha256(tl_bytes_text(origin));
    for (size_t i = 0; i < entry->origin_count; i++) {
        if (tl_hash_equal(&entry->origins[i], &hash)) {
            return TALLY_OK;
        }
    }
    struct tally_hash *grown =
        tl_realloc(entry->origins, (entry->origin_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return TALLY_ENOMEM;
    }
    entry->origins = grown;
    entry->origins[entry->origin_count++] = hash;
    return TALLY_OK;
}

static enum tally_status add_origin_of(struct entry *entry, const json_t *reference)
{
    const char *origin = json_string_value(json_object_get(reference, "origin"));
    return origin == NULL ? TALLY_OK : add_origin(entry, origin);
}

/* /external_references as a whole, or one element of it when it was split. */
static enum tally_status add_origins(struct entry *entry, struct tally_bytes value)
{
    json_t *json = json_loadb((const char *)value.ptr, value.len, JSON_DECODE_ANY, NULL);
    enum tally_status status = TALLY_OK;
    size_t index = 0;
    json_t *reference = NULL;
    if (json_is_object(json)) {
        status = add_origin_of(entry, json);
    }
    json_array_foreach(json, index, reference)
    {
        if (status == TALLY_OK) {
            status = add_origin_of(entry, reference);
        }
    }
    json_decref(json);
    return status;
}

static bool is_name(struct tally_bytes name, const char *text)
{
    return tl_bytes_equal(name, tl_bytes_text(text));
}

static enum tally_status read_parts(struct entry *entry, const struct tl_deposit_list *clear)
{
    struct tl_deposit_list list = *clear;
    struct tl_deposit deposit;
    struct tl_part part;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK && tl_deposit_next(&list, &deposit)) {
        if (tl_part_decode(deposit.bytes, &part) != TALLY_OK) {
            continue;
        }
        if (is_name(part.name, "/title") && entry->title == NULL) {
            entry->title = entry_text_of(part.value);
        } else if (is_name(part.name, "/topic") && entry->topic == NULL) {
            entry->topic = entry_text_of(part.value);
        } else if (tl_bytes_starts_with(part.name, "/external_references")) {
            status = add_origins(entry, part.value);
        }
    }
    return status;
}

static enum tally_status add_link(struct entries *entries, uint64_t target)
{
    if (entries->link_count == entries->link_room) {
        size_t room = entries->link_room == 0 ? 256 : entries->link_room * 2;
        struct entry_link *grown = tl_realloc(entries->links, room * sizeof *grown);
        if (grown == NULL) {
            return TALLY_ENOMEM;
        }
        entries->links = grown;
        entries->link_room = room;
    }
    entries->links[entries->link_count++] =
        (struct entry_link){.target = target, .from = entries->count};
    return TALLY_OK;
}

static enum tally_status read_links(struct entries *entries, const struct entry *entry,
                                    const struct tl_envelope *envelope)
{
    struct tally_bytes lines = envelope->ref_lines;
    struct tl_ref_line ref;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK && entry->type != NULL && entry->type->relation != NULL &&
           tl_envelope_next_ref(&lines, &ref)) {
        if (is_name(ref.relation, entry->type->relation)) {
            status = add_link(entries, ref.index);
        }
    }
    return status;
}

static void entry_deinit(struct entry *entry)
{
    tl_free(entry->title);
    tl_free(entry->topic);
    tl_free(entry->origins);
}

static struct entry *grow(struct entries *entries)
{
    if (entries->count == entries->room) {
        size_t room = entries->room == 0 ? 256 : entries->room * 2;
        struct entry *grown = tl_realloc(entries->items, room * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        entries->items = grown;
        entries->room = room;
    }
    return &entries->items[entries->count];
}

enum tally_status entries_add(struct entries *entries, const struct tl_record *record,
                              const struct tl_envelope *envelope, const struct tally_hash *leaf,
                              const struct tl_deposit_list *clear)
{
    struct entry *entry = grow(entries);
    if (entry == NULL) {
        return TALLY_ENOMEM;
    }
    *entry = (struct entry){
        .index = record->index,
        .leaf = *leaf,
        .received_us = record->received_us,
        .signed_s = envelope->signed_s,
        .type = tl_type_find(envelope->type),
        .part_count = envelope->part_count,
    };
    memcpy(entry->member, envelope->member.ptr, envelope->member.len);
    for (unsigned i = 0; i < envelope->part_count; i++) {
        entry->withheld_count += envelope->letters.ptr[i] == 'w' ? 1 : 0;
    }
    enum tally_status status = read_parts(entry, clear);
    if (status == TALLY_OK) {
        status = read_links(entries, entry, envelope);
    }
    if (status != TALLY_OK) {
        entry_deinit(entry);
        return status;
    }
    entries->count++;
    return TALLY_OK;
}

void entries_deinit(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        entry_deinit(&entries->items[i]);
    }
    tl_free(entries->items);
    tl_free(entries->links);
    *entries = (struct entries){.count = 0};
}

const struct entry *entries_find(const struct entries *entries, uint64_t index)
{
    /* Records that did not decode leave gaps: an entry never stands after its own index. */
    size_t i = index < entries->count ? (size_t)index + 1 : entries->count;
    while (i-- > 0) {
        if (entries->items[i].index == index) {
            return &entries->items[i];
        }
        if (entries->items[i].index < index) {
            break;
        }
    }
    return NULL;
}

static int by_target(const void *a, const void *b)
{
    const struct entry_link *left = a;
    const struct entry_link *right = b;
    if (left->target != right->target) {
        return left->target < right->target ? -1 : 1;
    }
    return left->from < right->from ? -1 : left->from > right->from;
}

const struct entry_link *entries_links_to(const struct entries *entries, uint64_t index,
                                          size_t *ret_count)
{
    size_t low = 0;
    size_t high = entries->link_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries->links[middle].target < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t end = low;
    while (end < entries->link_count && entries->links[end].target == index) {
        end++;
    }
    *ret_count = end - low;
    return entries->links + low;
}

/* From the newest back: what retracts an entry always stands behind it. */
static void resolve_retractions(struct entries *entries)
{
    for (size_t i = entries->count; i-- > 0;) {
        size_t count = 0;
        const struct entry_link *links = entries_links_to(entries, entries->items[i].index, &count);
        for (size_t k = 0; k < count; k++) {
            const struct entry *from = &entries->items[links[k].from];
            if (from->type->type == TL_TYPE_RETRACTION && !from->is_retracted) {
                entries->items[i].is_retracted = true;
            }
        }
    }
}

void entries_conclude(struct entries *entries)
{
    if (entries->link_count > 0) {
        qsort(entries->links, entries->link_count, sizeof *entries->links, by_target);
    }
    resolve_retractions(entries);
}

/* Members are compared by number within one computation; any numbering serves. */
static unsigned member_number(const struct entries *entries, const char *member)
{
    unsigned i = 0;
    while (i < entries->count && strcmp(entries->items[i].member, member) != 0) {
        i++;
    }
    return i;
}

enum tally_status entries_status(const struct entries *entries, const struct entry *finding,
                                 struct tl_finding_status *ret_status)
{
    size_t link_count = 0;
    const struct entry_link *links = entries_links_to(entries, finding->index, &link_count);
    struct tl_status_entry *about = tl_calloc(link_count, sizeof *about);
    size_t count = 0;
    if (about == NULL) {
        return TALLY_ENOMEM;
    }
    for (size_t i = 0; i < link_count; i++) {
        const struct entry *entry = &entries->items[links[i].from];
        if (entry->is_retracted) {
            continue;
        }
        about[count++] = (struct tl_status_entry){
            .index = entry->index,
            .type = entry->type->type,
            .member = member_number(entries, entry->member),
            .origins = entry->origins,
            .origin_count = entry->origin_count,
        };
    }
    tl_finding_status(finding->origins, finding->origin_count,
                      member_number(entries, finding->member), about, count, ret_status);
    tl_free(about);
    return TALLY_OK;
}

static bool status_text(const struct entries *entries, const struct entry *entry, char *dst,
                        size_t cap)
{
    struct tl_finding_status status;
    if (entry->type == NULL || entry->type->type != TL_TYPE_FINDING ||
        entries_status(entries, entry, &status) != TALLY_OK) {
        return false;
    }
    tl_finding_status_text(&status, dst, cap);
    return true;
}

void entry_print(const struct entries *entries, const struct entry *entry)
{
    char id[ENTRY_ID_MAX];
    char time[TL_TIME_LEN + 1];
    char status[STATUS_TEXT_MAX];
    out_entry_id(entry->index, &entry->leaf, id);
    tl_time_format(entry->received_us / 1000000, time);
    printf("%s%-16s%s %s  %-10s %-14s ", out_style(OUT_BOLD), id, out_style(OUT_PLAIN), time,
           entry->member, entry->type == NULL ? "(unknown)" : entry->type->name);
    if (entry->title != NULL) {
        out_foreign(stdout, tl_bytes_text(entry->title), TITLE_COLUMNS);
    }
    if (entry->title != NULL && out_mixes_scripts(tl_bytes_text(entry->title))) {
        printf(" %s[mixed scripts]%s", out_style(OUT_WARN), out_style(OUT_PLAIN));
    }
    printf("\n");
    if (status_text(entries, entry, status, sizeof status)) {
        printf("%17s%s%s%s\n", "", out_style(OUT_DIM), status, out_style(OUT_PLAIN));
    }
}

bool entry_names_digest(const struct tl_envelope *envelope, const struct tl_deposit_list *clear,
                        const struct tally_hash *digest)
{
    struct tally_bytes lines = envelope->file_lines;
    struct tl_file_line file;
    while (tl_envelope_next_file(&lines, &file)) {
        if (tl_hash_equal(&file.hash, digest)) {
            return true;
        }
    }
    struct tl_deposit_list list = *clear;
    struct tl_deposit deposit;
    while (tl_deposit_next(&list, &deposit)) {
        struct tl_part part;
        struct tl_exhibit_value exhibit;
        if (tl_part_decode(deposit.bytes, &part) == TALLY_OK && tl_is_exhibit_name(part.name) &&
            tl_exhibit_value_decode(part.value, &exhibit) == TALLY_OK &&
            tl_hash_equal(&exhibit.sha256, digest)) {
            return true;
        }
    }
    return false;
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : out_json_text(tl_bytes_text(text));
}

json_t *entry_json(const struct entries *entries, const struct entry *entry)
{
    char id[ENTRY_ID_MAX];
    char time[TL_TIME_LEN + 1];
    char signed_at[TL_TIME_LEN + 1];
    char status[STATUS_TEXT_MAX];
    out_entry_id(entry->index, &entry->leaf, id);
    tl_time_format(entry->received_us / 1000000, time);
    tl_time_format(entry->signed_s, signed_at);
    json_t *object = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:i, s:i}", "index",
                               (json_int_t)entry->index, "id", id, "received", time, "signed",
                               signed_at, "member", entry->member, "type",
                               entry->type == NULL ? "unknown" : entry->type->name, "leaf",
                               out_json_hash(&entry->leaf), "title", text_or_null(entry->title),
                               "topic", text_or_null(entry->topic), "parts", (int)entry->part_count,
                               "withheld", (int)entry->withheld_count);
    if (status_text(entries, entry, status, sizeof status)) {
        (void)json_object_set_new(object, "status", json_string(status));
    }
    return object;
}
