/* SPDX-License-Identifier: ISC */
#include "client/charter_plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "client/exit_code.h"
#include "client/output.h"
#include "client/public_key_file.h"
#include "client/whole_file.h"
#include "keys/note_key.h"
#include "keys/public_key.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/envelope.h"
#include "lib/tree/tree.h"

#define OP_MAX 512u   /* operations of one charter */
#define LINE_MAX 512u /* bytes of one operation */
#define PLAN_MAX 1048576u

struct plan {
    const char *path;
    json_t *json;
    unsigned errors;
    size_t op_count;
    char ops[OP_MAX][LINE_MAX];
    bool has_author;
    const char *author_member;
    struct tally_hash author_key;
};

static void fault(struct plan *plan, const char *pointer, const char *what)
{
    out_error("%s: %s: %s", plan->path, pointer, what);
    plan->errors++;
}

__attribute__((format(printf, 2, 3))) static void add_op(struct plan *plan, const char *format, ...)
{
    if (plan->op_count == OP_MAX) {
        fault(plan, "/members", "more than 512 operations");
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(plan->ops[plan->op_count], LINE_MAX, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= LINE_MAX) {
        fault(plan, "/", "an operation is too long");
        return;
    }
    plan->op_count++;
}

static const char *text_at(struct plan *plan, const json_t *object, const char *name,
                           const char *pointer)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL) {
        fault(plan, pointer, "a text is needed here");
    }
    return text;
}

/* Reads a public key file named relative to the plan. */
static bool read_key(struct plan *plan, const char *file, const char *pointer,
                     struct tl_public_key *ret_key)
{
    const char *slash = strrchr(plan->path, '/');
    char *directory = NULL;
    char *path = NULL;
    struct tl_buffer text;
    tl_buffer_init(&text, TL_KEY_LINE_MAX * 8);
    if (slash != NULL && file[0] != '/') {
        directory = tl_calloc(1, (size_t)(slash - plan->path) + 1);
        if (directory != NULL) {
            memcpy(directory, plan->path, (size_t)(slash - plan->path));
            path = tl_path_join(directory, file);
        }
    }
    enum tally_status status = tl_file_read(path == NULL ? file : path, &text);
    if (status == TALLY_OK) {
        status = tl_public_key_from_file(tl_buffer_bytes(&text), ret_key, NULL);
    }
    if (status != TALLY_OK) {
        out_error("%s: %s: %s: %s", plan->path, pointer, path == NULL ? file : path,
                  key_file_fault(path == NULL ? file : path, status));
        plan->errors++;
    }
    tl_buffer_deinit(&text);
    tl_free(path);
    tl_free(directory);
    return status == TALLY_OK;
}

static void add_head(struct plan *plan)
{
    struct tl_public_key key;
    struct tl_note_key note_key;
    char line[TL_KEY_LINE_MAX];
    char vkey[TL_VKEY_MAX];
    const char *origin = text_at(plan, plan->json, "origin", "/origin");
    const char *ledger_file = text_at(plan, plan->json, "ledger_key", "/ledger_key");
    const char *host_file = text_at(plan, plan->json, "host_key", "/host_key");
    if (origin != NULL && !tl_is_origin(tl_bytes_text(origin))) {
        fault(plan, "/origin",
              "not an origin: lower-case letters, digits, dots, dashes, then /segments");
        origin = NULL;
    }
    if (origin != NULL) {
        add_op(plan, "origin %s", origin);
    }
    if (origin != NULL && ledger_file != NULL && read_key(plan, ledger_file, "/ledger_key", &key)) {
        if (key.type != TL_KEY_ED25519 || tl_note_key_make(tl_bytes_text(origin), TL_NOTE_ED25519,
                                                           key.point, &note_key) != TALLY_OK) {
            fault(plan, "/ledger_key", "must be an ssh-ed25519 key");
        } else {
            tl_note_key_format(&note_key, vkey);
            add_op(plan, "ledger-key %s", vkey);
        }
    }
    if (host_file != NULL && read_key(plan, host_file, "/host_key", &key)) {
        tl_public_key_to_text(&key, line);
        add_op(plan, "host-key %s", line);
    }
    add_op(plan, "rules 1");
    add_op(plan, "sample %s", json_is_true(json_object_get(plan->json, "sample")) ? "yes" : "no");
    json_t *amend = json_object_get(json_object_get(plan->json, "threshold"), "amend");
    if (!json_is_integer(amend) || json_integer_value(amend) < 1) {
        fault(plan, "/threshold/amend", "a number of members, 1 or more, is needed here");
    } else {
        add_op(plan, "threshold amend %lld", (long long)json_integer_value(amend));
    }
}

static void add_member(struct plan *plan, const json_t *member, size_t i)
{
    char pointer[64];
    (void)snprintf(pointer, sizeof pointer, "/members/%zu/id", i);
    const char *id = text_at(plan, member, "id", pointer);
    (void)snprintf(pointer, sizeof pointer, "/members/%zu/name", i);
    const char *name = text_at(plan, member, "name", pointer);
    if (id != NULL && !tl_is_id(tl_bytes_text(id))) {
        (void)snprintf(pointer, sizeof pointer, "/members/%zu/id", i);
        fault(plan, pointer, "a lower-case letter, then letters, digits, dashes; at most 32");
    } else if (id != NULL && name != NULL) {
        add_op(plan, "member %s %s", id, name);
    }
}

/* "author,govern" from ["govern", "author"]; false when a role is unknown or none is given. */
static bool roles_of(const json_t *roles, char dst[32])
{
    bool author = false;
    bool govern = false;
    size_t i = 0;
    json_t *role = NULL;
    json_array_foreach(roles, i, role)
    {
        const char *text = json_string_value(role);
        if (text != NULL && strcmp(text, "author") == 0) {
            author = true;
        } else if (text != NULL && strcmp(text, "govern") == 0) {
            govern = true;
        } else {
            return false;
        }
    }
    (void)snprintf(dst, 32, "%s%s%s", author ? "author" : "", author && govern ? "," : "",
                   govern ? "govern" : "");
    return author || govern;
}

static void add_key(struct plan *plan, const char *member, const json_t *entry, const char *pointer)
{
    struct tl_public_key key;
    char roles[32];
    char line[TL_KEY_LINE_MAX];
    const char *file = text_at(plan, entry, "file", pointer);
    if (!roles_of(json_object_get(entry, "roles"), roles)) {
        fault(plan, pointer, "roles must be a list of \"author\" and \"govern\"");
        return;
    }
    if (member == NULL || file == NULL || !read_key(plan, file, pointer, &key)) {
        return;
    }
    tl_public_key_to_text(&key, line);
    add_op(plan, "key %s %s %s", member, roles, line);
    if (!plan->has_author) {
        plan->has_author = true;
        plan->author_member = member;
        plan->author_key = key.fingerprint;
    }
}

static bool is_governing(const json_t *member)
{
    char roles[32];
    size_t i = 0;
    json_t *key = NULL;
    json_array_foreach(json_object_get(member, "keys"), i, key)
    {
        if (roles_of(json_object_get(key, "roles"), roles) && strstr(roles, "govern") != NULL) {
            return true;
        }
    }
    return false;
}

/* The ledger judges it too, but only once everybody has signed. */
static void check_threshold(struct plan *plan)
{
    json_int_t threshold =
        json_integer_value(json_object_get(json_object_get(plan->json, "threshold"), "amend"));
    json_int_t governing = 0;
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(json_object_get(plan->json, "members"), i, member)
    {
        governing += is_governing(member) ? 1 : 0;
    }
    if (threshold > governing) {
        fault(plan, "/threshold/amend", "more than there are members with a key that governs");
    } else if (governing >= 3 && threshold == governing) {
        fault(plan, "/threshold/amend", "every member could block every amendment: one less");
    }
}

static void add_members(struct plan *plan)
{
    json_t *members = json_object_get(plan->json, "members");
    size_t i = 0;
    json_t *member = NULL;
    if (!json_is_array(members) || json_array_size(members) == 0) {
        fault(plan, "/members", "a list of one or more members is needed here");
    }
    json_array_foreach(members, i, member)
    {
        add_member(plan, member, i);
    }
    json_array_foreach(members, i, member)
    {
        size_t k = 0;
        json_t *entry = NULL;
        const char *id = json_string_value(json_object_get(member, "id"));
        json_array_foreach(json_object_get(member, "keys"), k, entry)
        {
            char pointer[64];
            (void)snprintf(pointer, sizeof pointer, "/members/%zu/keys/%zu", i, k);
            add_key(plan, id, entry, pointer);
        }
    }
    json_t *line = NULL;
    json_array_foreach(json_object_get(plan->json, "policy"), i, line)
    {
        if (json_is_string(line)) {
            add_op(plan, "policy %s", json_string_value(line));
        }
    }
}

static int encode(struct plan *plan, struct tl_buffer *envelope)
{
    struct tl_envelope_fault where = {.line = 0, .what = NULL};
    struct tally_bytes *ops = tl_calloc(plan->op_count, sizeof *ops);
    if (ops == NULL) {
        return EXIT_UNREACHED;
    }
    for (size_t i = 0; i < plan->op_count; i++) {
        ops[i] = tl_bytes_text(plan->ops[i]);
    }
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text("charter"),
        .member = tl_bytes_text(plan->author_member),
        .key = plan->author_key,
        .signed_s = (uint64_t)time(NULL),
        .parts_root = tl_tree_empty(),
        .ops = ops,
        .op_count = plan->op_count,
    };
    enum tally_status status = tl_envelope_encode(&fields, envelope, &where);
    tl_free(ops);
    if (status != TALLY_OK) {
        out_error("%s: the charter cannot be written: line %u: %s", plan->path, where.line,
                  where.what == NULL ? tally_status_text(status) : where.what);
    }
    return exit_code_of(status);
}

int charter_plan_compose(const char *plan_path, struct tl_buffer *envelope)
{
    struct tl_buffer text;
    json_error_t error;
    tl_buffer_init(&text, PLAN_MAX);
    int code = whole_file_read(plan_path, &text);
    if (code != 0) {
        tl_buffer_deinit(&text);
        return code;
    }
    struct plan *plan = tl_calloc(1, sizeof *plan);
    code = plan == NULL ? EXIT_UNREACHED : 0;
    if (plan != NULL) {
        plan->path = plan_path;
        plan->json = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
        if (plan->json == NULL) {
            out_error("%s:%d:%d: %s", plan_path, error.line, error.column, error.text);
            code = EXIT_USAGE;
        } else {
            add_head(plan);
            add_members(plan);
            check_threshold(plan);
            if (!plan->has_author && plan->errors == 0) {
                fault(plan, "/members/0/keys", "one key at least is needed");
            }
            code = plan->errors > 0 ? EXIT_USAGE : encode(plan, envelope);
        }
        json_decref(plan->json);
        tl_free(plan);
    }
    tl_buffer_deinit(&text);
    return code;
}
