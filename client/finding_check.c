/* SPDX-License-Identifier: ISC */
#include "client/finding_check.h"

#include <stdio.h>
#include <string.h>

#include "client/output.h"
#include "lib/base/bytes.h"
#include "lib/base/text.h"

#define TITLE_MAX 300u       /* characters, as bytes of UTF-8 */
#define STATEMENT_MAX 20000u /* bytes */
#define DATE_LEN 10u

struct check {
    const char *path;
    unsigned errors;
    time_t now;
};

static void error_at(struct check *check, const char *pointer, const char *what)
{
    out_error("%s: %s: %s", check->path, pointer, what);
    check->errors++;
}

static void need_text(struct check *check, const json_t *object, const char *base, const char *name,
                      size_t max)
{
    char pointer[128];
    const json_t *value = json_object_get(object, name);
    (void)snprintf(pointer, sizeof pointer, "%s/%s", base, name);
    if (!json_is_string(value) || json_string_length(value) == 0) {
        error_at(check, pointer, "a text is needed here");
    } else if (json_string_length(value) > max) {
        char what[64];
        (void)snprintf(what, sizeof what, "%zu bytes, over the limit of %zu",
                       json_string_length(value), max);
        error_at(check, pointer, what);
    }
}

/* Without the final "~" (about) or "?" (uncertain). */
static size_t plain_len(const char *text, size_t len)
{
    return len > 0 && (text[len - 1] == '~' || text[len - 1] == '?') ? len - 1 : len;
}

/* YYYY, YYYY-MM or YYYY-MM-DD, each with an optional "~", or a full UTC time. Gives the first
 * instant of it as a comparable number of days; false when it is no such date. */
static bool parse_date(const char *text, size_t len, uint64_t *ret_start)
{
    char full[TL_TIME_LEN + 1] = "0000-01-01T00:00:00Z";
    len = plain_len(text, len);
    if (len != 4 && len != 7 && len != DATE_LEN && len != TL_TIME_LEN) {
        return false;
    }
    memcpy(full, text, len);
    return tl_time_parse(tl_bytes(full, TL_TIME_LEN), ret_start) == TALLY_OK;
}

/* One date, or START/END where either may be ".." for open. */
static const char *interval_fault(const char *text)
{
    const char *slash = strchr(text, '/');
    uint64_t start = 0;
    uint64_t end = UINT64_MAX;
    if (slash == NULL) {
        return parse_date(text, strlen(text), &start) ? NULL
                                                      : "not a date (2024-10, 2024-10-16 or "
                                                        "an interval of two)";
    }
    size_t left = (size_t)(slash - text);
    if (!(left == 2 && memcmp(text, "..", 2) == 0) && !parse_date(text, left, &start)) {
        return "the interval's start is not a date";
    }
    const char *last = slash + 1;
    if (strcmp(last, "..") != 0 && !parse_date(last, strlen(last), &end)) {
        return "the interval's end is not a date";
    }
    bool is_within = strncmp(text, last, plain_len(last, strlen(last))) == 0; /* 2024-10-16/2024 */
    return end < start && !is_within ? "the interval ends before it starts" : NULL;
}

static void check_times(struct check *check, const json_t *json)
{
    const json_t *event = json_object_get(json, "event_time");
    const char *what = json_is_string(event) ? interval_fault(json_string_value(event)) : NULL;
    if (what != NULL) {
        error_at(check, "/event_time", what);
    }
    const json_t *collected = json_object_get(json, "collected_at");
    uint64_t seconds = 0;
    if (collected == NULL) {
        return;
    }
    const char *text = json_string_value(collected);
    if (text == NULL || !parse_date(text, strlen(text), &seconds)) {
        error_at(check, "/collected_at", "not a UTC time (2026-11-23T15:56:07Z)");
    } else if (seconds > (uint64_t)check->now) {
        out_warning("%s: /collected_at: lies in the future by this machine's clock", check->path);
    }
}

static void check_quantities(struct check *check, const json_t *json)
{
    static const char *const qualifiers[] = {"at-least",  "up-to",   "about",
                                             "more-than", "exactly", "between"};
    size_t i = 0;
    json_t *quantity = NULL;
    json_array_foreach(json_object_get(json, "quantities"), i, quantity)
    {
        char pointer[64];
        (void)snprintf(pointer, sizeof pointer, "/quantities/%zu", i);
        if (!json_is_number(json_object_get(quantity, "value"))) {
            error_at(check, pointer, "value: a number is needed here");
        }
        need_text(check, quantity, pointer, "unit", STATEMENT_MAX);
        const char *qualifier = json_string_value(json_object_get(quantity, "qualifier"));
        bool is_known = false;
        for (size_t k = 0; k < sizeof qualifiers / sizeof *qualifiers; k++) {
            is_known = is_known || (qualifier != NULL && strcmp(qualifier, qualifiers[k]) == 0);
        }
        if (!is_known) {
            error_at(check, pointer,
                     "qualifier: at-least, up-to, about, more-than, exactly or between is needed");
        }
    }
}

static void check_sources(struct check *check, const json_t *json)
{
    const json_t *sources = json_object_get(json, "external_references");
    size_t i = 0;
    json_t *source = NULL;
    if (!json_is_array(sources) || json_array_size(sources) == 0) {
        error_at(check, "/external_references", "at least one source is needed here");
    }
    json_array_foreach(sources, i, source)
    {
        char pointer[64];
        (void)snprintf(pointer, sizeof pointer, "/external_references/%zu", i);
        need_text(check, source, pointer, "source_name", STATEMENT_MAX);
        if (json_string_value(json_object_get(source, "origin")) == NULL) {
            out_warning("%s: %s/origin: not said whom it goes back to: it counts as no origin",
                        check->path, pointer);
        }
    }
}

/* Members that are read as lists, where they are there at all. */
static void check_lists(struct check *check, const json_t *json)
{
    static const char *const names[] = {"quantities", "exhibits"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *value = json_object_get(json, names[i]);
        if (value != NULL && !json_is_array(value)) {
            char pointer[32];
            (void)snprintf(pointer, sizeof pointer, "/%s", names[i]);
            error_at(check, pointer, "a list is needed here");
        }
    }
}

/* A title that is made to look like another: kept as it is, but said aloud before signing. */
static void check_lookalike(const struct check *check, const json_t *json)
{
    const char *title = json_string_value(json_object_get(json, "title"));
    if (title != NULL && out_mixes_scripts(tl_bytes_text(title))) {
        out_warning("%s: /title: mixes scripts within one word", check->path);
    }
}

unsigned finding_check(const char *path, const char *type, const json_t *json, time_t now)
{
    struct check check = {.path = path, .now = now};
    need_text(&check, json, "", "title", TITLE_MAX);
    check_lookalike(&check, json);
    check_times(&check, json);
    check_lists(&check, json);
    if (strcmp(type, "finding") == 0) {
        need_text(&check, json, "", "statement", STATEMENT_MAX);
        need_text(&check, json, "", "statement_kind", TITLE_MAX);
        need_text(&check, json, "", "topic", TITLE_MAX);
        need_text(&check, json, "", "lang", TITLE_MAX);
        need_text(&check, json, "", "event_time", TITLE_MAX);
        check_quantities(&check, json);
        check_sources(&check, json);
    }
    return check.errors;
}
