/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/compose_input.h"
#include "client/json_slices.h"
#include "client/output.h"
#include "client/whole_file.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

#define FAULT_MAX 512u
#define DEFAULT_MEDIA_TYPE "application/octet-stream"

void compose_fault(struct compose *compose, const char *format, ...)
{
    char text[FAULT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    out_error("%s: %s", compose->path, text);
    compose->errors++;
}

static void add_part(struct compose *compose, struct tally_bytes name, struct tally_bytes value)
{
    enum tally_status status = draft_add(compose->draft, name, value);
    if (status == TALLY_ETOOBIG) {
        compose_fault(compose,
                      "%.*s: over a limit (256 parts, 262144 bytes a part): leave it as "
                      "an exhibit",
                      (int)name.len, (const char *)name.ptr);
    } else if (status != TALLY_OK) {
        compose_fault(compose, "%.*s: %s", (int)name.len, (const char *)name.ptr,
                      tally_status_text(status));
    }
}

/*
 * True when --withhold names something inside this value, so that it has to be split. The list of
 * exhibits stays whole: /exhibits/NAME is the part of that file.
 */
static bool is_split(const struct compose *compose, struct tally_bytes name)
{
    size_t cursor = 0;
    if (tl_bytes_equal(name, tl_bytes_text("/exhibits"))) {
        return false;
    }
    for (const char *pointer = opt_next(compose->opt, "withhold", &cursor); pointer != NULL;
         pointer = opt_next(compose->opt, "withhold", &cursor)) {
        if (strlen(pointer) > name.len && memcmp(pointer, name.ptr, name.len) == 0 &&
            pointer[name.len] == '/') {
            return true;
        }
    }
    return false;
}

static void split_array(struct compose *compose, struct tally_bytes name, struct tally_bytes rest)
{
    struct tally_bytes element;
    for (uint64_t i = 0; json_next_element(&rest, &element); i++) {
        struct tl_buffer pointer;
        tl_buffer_init(&pointer, TL_PART_NAME_MAX);
        tl_buffer_add(&pointer, name);
        tl_buffer_add_text(&pointer, "/");
        tl_buffer_add_decimal(&pointer, i);
        add_part(compose, tl_buffer_bytes(&pointer), element);
        tl_buffer_deinit(&pointer);
    }
}

static void split_object(struct compose *compose, struct tally_bytes name, struct tally_bytes rest)
{
    struct tally_bytes key;
    struct tally_bytes value;
    while (json_next_member(&rest, &key, &value)) {
        struct tl_buffer pointer;
        tl_buffer_init(&pointer, TL_PART_NAME_MAX);
        tl_buffer_add(&pointer, name);
        if (json_add_token(&pointer, key)) {
            add_part(compose, tl_buffer_bytes(&pointer), value);
        } else {
            compose_fault(compose, "%.*s: a name in it is too long", (int)name.len,
                          (const char *)name.ptr);
        }
        tl_buffer_deinit(&pointer);
    }
}

static void add_member(struct compose *compose, struct tally_bytes name, struct tally_bytes value)
{
    struct tally_bytes inside;
    if (is_split(compose, name) && json_enter(value, '[', &inside)) {
        split_array(compose, name, inside);
    } else if (is_split(compose, name) && json_enter(value, '{', &inside)) {
        split_object(compose, name, inside);
    } else {
        add_part(compose, name, value);
    }
}

/* type and refs stand in the envelope, where everyone reads them. */
static bool is_envelope_member(struct tally_bytes name)
{
    return tl_bytes_equal(name, tl_bytes_text("/type")) ||
           tl_bytes_equal(name, tl_bytes_text("/refs"));
}

void compose_add_members(struct compose *compose)
{
    struct tally_bytes rest;
    struct tally_bytes key;
    struct tally_bytes value;
    if (!json_enter(compose->text, '{', &rest)) {
        compose_fault(compose, "an object is needed");
        return;
    }
    while (json_next_member(&rest, &key, &value)) {
        struct tl_buffer name;
        tl_buffer_init(&name, TL_PART_NAME_MAX);
        if (!json_add_token(&name, key)) {
            compose_fault(compose, "a name is too long");
        } else if (!is_envelope_member(tl_buffer_bytes(&name))) {
            add_member(compose, tl_buffer_bytes(&name), value);
        }
        tl_buffer_deinit(&name);
    }
}

/* What the JSON says of an exhibit of that name; NULL when nothing. */
static const json_t *declared(const struct compose *compose, const char *name)
{
    size_t i = 0;
    json_t *exhibit = NULL;
    json_array_foreach(json_object_get(compose->json, "exhibits"), i, exhibit)
    {
        const char *text = json_string_value(json_object_get(exhibit, "name"));
        if (text != NULL && strcmp(text, name) == 0) {
            return exhibit;
        }
    }
    return NULL;
}

static void check_declared(struct compose *compose, const json_t *exhibit, const char *name,
                           const struct tally_hash *hash, uint64_t size)
{
    char hex[TL_HASH_HEX_LEN + 1];
    const json_t *wanted_size = json_object_get(exhibit, "size");
    const char *wanted =
        json_string_value(json_object_get(json_object_get(exhibit, "hashes"), "SHA-256"));
    tl_hex_format(tl_hash_bytes(hash), hex);
    if (wanted != NULL && strcmp(wanted, hex) != 0) {
        compose_fault(compose, "/exhibits: %s: the file's SHA-256 is %s, the JSON says %s", name,
                      hex, wanted);
    }
    if (json_is_integer(wanted_size) && (uint64_t)json_integer_value(wanted_size) != size) {
        compose_fault(compose, "/exhibits: %s: the file has %llu bytes, the JSON says %lld", name,
                      (unsigned long long)size, (long long)json_integer_value(wanted_size));
    }
}

static void add_exhibit(struct compose *compose, const char *file, bool keep)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash == NULL ? file : slash + 1;
    struct tally_hash hash;
    uint64_t size = 0;
    enum tally_status status = tl_file_digest(file, &hash, &size);
    if (status != TALLY_OK) {
        compose_fault(compose, "exhibit %s: %s", file, whole_file_fault(file, status));
        return;
    }
    const json_t *exhibit = declared(compose, name);
    const char *media_type = json_string_value(json_object_get(exhibit, "media_type"));
    if (exhibit != NULL) {
        check_declared(compose, exhibit, name, &hash, size);
    }
    status = draft_add_exhibit(compose->draft, name,
                               media_type == NULL ? DEFAULT_MEDIA_TYPE : media_type, &hash, size,
                               file, keep);
    if (status == TALLY_EEXIST) {
        compose_fault(compose, "exhibit %s: another exhibit has this name", file);
    } else if (status == TALLY_EFORMAT) {
        compose_fault(compose, "exhibit %s: its name must be UTF-8, its media type like text/plain",
                      file);
    } else if (status != TALLY_OK) {
        compose_fault(compose, "exhibit %s: %s", file, tally_status_text(status));
    }
}

/* What the JSON declares and no option gives: somebody forgot a file, or meant to. */
static void warn_of_missing(const struct compose *compose)
{
    size_t i = 0;
    json_t *exhibit = NULL;
    json_array_foreach(json_object_get(compose->json, "exhibits"), i, exhibit)
    {
        const char *name = json_string_value(json_object_get(exhibit, "name"));
        if (name != NULL && !draft_has_exhibit(compose->draft, name)) {
            out_warning("%s: /exhibits/%zu: %s: no --exhibit or --exhibit-kept gives this file",
                        compose->path, i, name);
        }
    }
}

void compose_add_exhibits(struct compose *compose)
{
    static const char *const names[] = {"exhibit", "exhibit-kept"};
    for (size_t i = 0; i < 2; i++) {
        size_t cursor = 0;
        for (const char *file = opt_next(compose->opt, names[i], &cursor); file != NULL;
             file = opt_next(compose->opt, names[i], &cursor)) {
            add_exhibit(compose, file, i == 1);
        }
    }
    warn_of_missing(compose);
}

void compose_withhold(struct compose *compose)
{
    size_t cursor = 0;
    for (const char *pointer = opt_next(compose->opt, "withhold", &cursor); pointer != NULL;
         pointer = opt_next(compose->opt, "withhold", &cursor)) {
        enum tally_status status = draft_withhold(compose->draft, pointer);
        if (status == TALLY_EINVAL) {
            compose_fault(compose,
                          "--withhold %s: its file would be left where everyone reads it: "
                          "--exhibit-kept keeps it",
                          pointer);
        } else if (status != TALLY_OK) {
            compose_fault(compose, "--withhold %s: no such member, nor element or member of one",
                          pointer);
        }
        /* The list of exhibits names digests, which would give a withheld file away. */
        if (strncmp(pointer, TL_EXHIBIT_PREFIX, strlen(TL_EXHIBIT_PREFIX)) == 0) {
            (void)!draft_withhold(compose->draft, "/exhibits");
        }
    }
    uint64_t len = draft_clear_len(compose->draft);
    if (len > TALLY_DEPOSIT_MAX) {
        compose_fault(compose,
                      "%llu bytes in all clear parts, over the limit of %u: leave some as exhibits",
                      (unsigned long long)len, TALLY_DEPOSIT_MAX);
    }
}
