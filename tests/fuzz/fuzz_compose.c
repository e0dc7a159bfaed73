/* SPDX-License-Identifier: ISC */
/*
 * Target: an author's JSON on its way into an entry. The slices that become parts and jansson read
 * the same values; the entry that is written decodes, and every part of it is in the JSON under its
 * name, spelt as the author spelt it. The first line names what is withheld, a pointer a word.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "client/compose_input.h"
#include "client/draft.h"
#include "client/entries.h"
#include "client/finding_check.h"
#include "client/json_slices.h"
#include "lib/base/mem.h"
#include "lib/codec/entry_file.h"
#include "lib/codec/part.h"
#include "tests/codec/roundtrip.h"
#include "tests/fuzz/fuzz.h"

#define WITHHELD_MAX 4u
#define POINTER_LEN 256u
#define FINDING_TIME 1700000000

struct withheld {
    struct opt opt;
    struct opt_given given[WITHHELD_MAX];
    char pointers[WITHHELD_MAX][POINTER_LEN];
};

static const struct opt_spec withhold_spec = {.name = "withhold", .argument = "POINTER"};

static void read_withheld(struct tally_bytes line, struct withheld *withheld)
{
    withheld->opt = (struct opt){.given = withheld->given};
    while (line.len > 0 && withheld->opt.given_count < WITHHELD_MAX) {
        const uint8_t *space = (const uint8_t *)memchr(line.ptr, ' ', line.len);
        size_t len = space == NULL ? line.len : (size_t)(space - line.ptr);
        char *pointer = withheld->pointers[withheld->opt.given_count];
        (void)snprintf(pointer, POINTER_LEN, "%.*s", (int)len, (const char *)line.ptr);
        withheld->given[withheld->opt.given_count++] =
            (struct opt_given){.spec = &withhold_spec, .value = pointer};
        line = space == NULL ? tl_bytes(line.ptr, 0) : tl_bytes(space + 1, line.len - len - 1);
    }
}

static json_t *load(struct tally_bytes text)
{
    return json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                      NULL);
}

static void check_slices(struct tally_bytes text, const json_t *json);

static void check_slice(struct tally_bytes slice, const json_t *json)
{
    json_t *again = load(slice);
    FUZZ_REQUIRE(again != NULL && json_equal(again, json));
    json_decref(again);
    check_slices(slice, json);
}

static void check_slices(struct tally_bytes text, const json_t *json)
{
    struct tally_bytes rest;
    struct tally_bytes key;
    struct tally_bytes value;
    size_t count = 0;
    FUZZ_REQUIRE(json_enter(text, '[', &rest) == json_is_array(json));
    while (json_is_array(json) && json_next_element(&rest, &value)) {
        check_slice(value, json_array_get(json, count));
        count++;
    }
    FUZZ_REQUIRE(!json_is_array(json) || count == json_array_size(json));
    FUZZ_REQUIRE(json_enter(text, '{', &rest) == json_is_object(json));
    while (json_is_object(json) && json_next_member(&rest, &key, &value)) {
        json_t *name = load(key);
        FUZZ_REQUIRE(json_is_string(name));
        check_slice(value, json_object_get(json, json_string_value(name)));
        json_decref(name);
        count++;
    }
    FUZZ_REQUIRE(!json_is_object(json) || count == json_object_size(json));
}

/* What a JSON Pointer names, NULL when nothing. */
static const json_t *resolve(const json_t *json, struct tally_bytes pointer)
{
    char token[TL_PART_NAME_MAX + 1];
    size_t i = 0;
    while (i < pointer.len && json != NULL) {
        size_t len = 0;
        for (i++; i < pointer.len && pointer.ptr[i] != '/'; i++) {
            token[len] = (char)pointer.ptr[i];
            if (token[len] == '~' && i + 1 < pointer.len) {
                i++;
                token[len] = pointer.ptr[i] == '0' ? '~' : '/';
            }
            len++;
        }
        token[len] = '\0';
        json = json_is_array(json) ? json_array_get(json, strtoul(token, NULL, 10))
                                   : json_object_get(json, token);
    }
    return json;
}

static void check_part(const struct compose *compose, struct tally_bytes bytes)
{
    struct tl_part part;
    FUZZ_REQUIRE(tl_part_decode(bytes, &part) == TALLY_OK);
    FUZZ_REQUIRE(memmem(compose->text.ptr, compose->text.len, part.value.ptr, part.value.len) !=
                 NULL);
    json_t *value = load(part.value);
    const json_t *named = resolve(compose->json, part.name);
    FUZZ_REQUIRE(value != NULL && named != NULL && json_equal(value, named));
    char *text = entry_text_of(part.value);
    FUZZ_REQUIRE((text != NULL) == json_is_string(named));
    FUZZ_REQUIRE(text == NULL || strcmp(text, json_string_value(named)) == 0);
    tl_free(text);
    json_decref(value);
}

static void check_entry(const struct compose *compose, struct tally_bytes text, size_t part_count)
{
    struct tl_entry_file entry;
    struct tl_deposit deposit;
    struct tl_envelope envelope;
    size_t count = 0;
    FUZZ_REQUIRE(roundtrip_entry_file(text) == ROUNDTRIP_SAME);
    FUZZ_REQUIRE(tl_entry_file_decode(text, &entry, NULL) == TALLY_OK);
    FUZZ_REQUIRE(tl_envelope_decode(entry.envelope, &envelope, NULL) == TALLY_OK);
    FUZZ_REQUIRE(envelope.part_count % 8 == 0 && envelope.part_count < part_count + 8);
    struct tl_deposit_list opened = entry.opened;
    while (tl_deposit_next(&opened, &deposit)) {
        check_part(compose, deposit.bytes);
        count++;
    }
    FUZZ_REQUIRE(count == part_count);
    tl_entry_file_deinit(&entry);
}

static void write_entry(struct compose *compose)
{
    struct tally_hash ledger = {{1}};
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text("finding"),
        .ledger = &ledger,
        .member = tl_bytes_text("alder"),
        .sequence = 1,
        .has_seen = true,
        .signed_s = FINDING_TIME,
    };
    struct tl_buffer text;
    size_t part_count = compose->draft->part_count;
    tl_buffer_init(&text, TALLY_ENTRY_FILE_MAX);
    if (draft_finish(compose->draft, &fields, &text, NULL) == TALLY_OK) {
        check_entry(compose, tl_buffer_bytes(&text), part_count);
    }
    tl_buffer_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct compose compose;
    static struct withheld withheld;
    struct tl_reader reader = tl_reader_over(tl_bytes(data, size));
    struct tally_bytes line = tl_read_line(&reader);
    if (reader.status != TALLY_OK || size > 65536) {
        return 0;
    }
    fuzz_start();
    memset(&compose, 0, sizeof compose);
    read_withheld(line, &withheld);
    compose.opt = &withheld.opt;
    compose.path = "entry.json";
    compose.text = reader.rest;
    compose.json = load(compose.text);
    compose.draft = draft_new();
    FUZZ_REQUIRE(compose.draft != NULL);
    if (compose.json != NULL) {
        check_slices(compose.text, compose.json);
    }
    if (json_is_object(compose.json)) {
        (void)finding_check(compose.path, "finding", compose.json, FINDING_TIME);
        compose_add_members(&compose);
        compose_withhold(&compose);
        if (compose.errors == 0) {
            write_entry(&compose);
        }
    }
    json_decref(compose.json);
    draft_free(compose.draft);
    return 0;
}
