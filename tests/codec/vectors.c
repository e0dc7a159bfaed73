/* SPDX-License-Identifier: ISC */
#include "tests/codec/vectors.h"

#include "lib/base/sha256.h"
#include "lib/base/text.h"

#define BYTES_MAX (1u << 25)

json_t *member(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (value == NULL) {
        fail_msg("no member %s", key);
    }
    return value;
}

struct tally_bytes text_of(const json_t *object, const char *key)
{
    json_t *value = member(object, key);
    assert_true(json_is_string(value));
    return tl_bytes(json_string_value(value), json_string_length(value));
}

static void add_hex(struct tl_buffer *buffer, struct tally_bytes hex)
{
    uint8_t *dst = tl_buffer_extend(buffer, hex.len / 2);
    assert_non_null(dst);
    assert_status(tl_hex_parse(hex, dst, hex.len / 2), TALLY_OK);
}

void expect_number(const json_t *object, const char *key, uint64_t actual)
{
    json_t *value = member(object, key);
    assert_true(json_is_integer(value));
    assert_int_equal((uint64_t)json_integer_value(value), actual);
}

void expect_text(const json_t *object, const char *key, struct tally_bytes actual)
{
    assert_bytes_equal(actual, text_of(object, key));
}

void expect_hex_value(const json_t *value, struct tally_bytes actual)
{
    struct tl_buffer expected;
    assert_true(json_is_string(value));
    tl_buffer_init(&expected, BYTES_MAX);
    add_hex(&expected, tl_bytes(json_string_value(value), json_string_length(value)));
    assert_bytes_equal(actual, tl_buffer_bytes(&expected));
    tl_buffer_deinit(&expected);
}

void expect_hex(const json_t *object, const char *key, struct tally_bytes actual)
{
    expect_hex_value(member(object, key), actual);
}

void expect_hash(const json_t *object, const char *key, const struct tally_hash *actual)
{
    expect_hex(object, key, tl_hash_bytes(actual));
}

json_t *expect_list(const json_t *object, const char *key, size_t count)
{
    json_t *list = member(object, key);
    assert_true(json_is_array(list));
    assert_int_equal(json_array_size(list), count);
    return list;
}

void expect_optional(const json_t *object, const char *key, bool has,
                     const struct tally_hash *actual)
{
    assert_int_equal(json_is_null(member(object, key)), !has);
    if (has) {
        expect_hash(object, key, actual);
    }
}

int open_vectors(void **state, const char *name)
{
    struct vectors *vectors = (struct vectors *)calloc(1, sizeof *vectors);
    char path[TEST_PATH_MAX];
    json_error_t error;
    assert_non_null(vectors);
    test_path(path, TALLY_VECTORS, name);
    vectors->document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (vectors->document == NULL) {
        print_error("%s: %s\n", path, error.text);
        free(vectors);
        return -1;
    }
    tl_buffer_init(&vectors->bytes, BYTES_MAX);
    *state = vectors;
    return tl_ed25519_init() == TALLY_OK ? 0 : -1;
}

int close_vectors(void **state)
{
    struct vectors *vectors = (struct vectors *)*state;
    json_decref(vectors->document);
    tl_buffer_deinit(&vectors->bytes);
    free(vectors);
    return 0;
}

struct tally_bytes load(struct vectors *vectors, const json_t *vector)
{
    struct tl_buffer *bytes = &vectors->bytes;
    tl_buffer_clear(bytes);
    if (json_object_get(vector, "text") != NULL) {
        tl_buffer_add(bytes, text_of(vector, "text"));
    } else if (json_object_get(vector, "bytes_hex") != NULL) {
        add_hex(bytes, text_of(vector, "bytes_hex"));
    } else {
        size_t i = 0;
        json_t *run = NULL;
        json_array_foreach(member(vector, "runs"), i, run)
        {
            json_t *hex = json_array_get(run, 0);
            for (json_int_t n = json_integer_value(json_array_get(run, 1)); n > 0; n--) {
                add_hex(bytes, tl_bytes(json_string_value(hex), json_string_length(hex)));
            }
        }
    }
    assert_status(bytes->status, TALLY_OK);
    return tl_buffer_bytes(bytes);
}

enum tally_reason reason_of(enum tally_status status)
{
    if (status == TALLY_OK) {
        return TALLY_REASON_NONE;
    }
    return status == TALLY_ETOOBIG ? TALLY_REASON_TOO_LARGE : TALLY_REASON_MALFORMED;
}

static void run_bad(struct vectors *vectors, const char *key, judge_fn judge, bool has_reason)
{
    size_t i = 0;
    json_t *vector = NULL;
    json_array_foreach(json_object_get(vectors->document, key), i, vector)
    {
        struct tally_bytes bytes = load(vectors, vector);
        enum tally_reason reason = judge(vectors, vector, bytes);
        const char *why = json_string_value(member(vector, "why"));
        const char *found = tally_reason_name(reason);
        if (reason == TALLY_REASON_NONE || (has_reason && strcmp(found, why) != 0)) {
            fail_msg("bad vector \"%s\": %s, expected %s",
                     json_string_value(member(vector, "name")), found, why);
        }
    }
}

void run_vectors(void **state, good_fn good, judge_fn judge, bool has_reason)
{
    struct vectors *vectors = (struct vectors *)*state;
    json_t *list = member(vectors->document, "good");
    size_t i = 0;
    json_t *vector = NULL;
    assert_true(json_array_size(list) > 0);
    json_array_foreach(list, i, vector)
    {
        struct tally_bytes bytes = load(vectors, vector);
        if (judge(vectors, vector, bytes) != TALLY_REASON_NONE) {
            fail_msg("good vector \"%s\" is refused", json_string_value(member(vector, "name")));
        }
        good(vectors, vector, bytes);
    }
    json_array_foreach(json_object_get(vectors->document, "good_runs"), i, vector)
    {
        struct tally_bytes bytes = load(vectors, vector);
        struct tally_hash hash = tl_sha256(bytes);
        expect_hash(vector, "sha256", &hash);
        if (judge(vectors, vector, bytes) != TALLY_REASON_NONE) {
            fail_msg("good vector \"%s\" is refused", json_string_value(member(vector, "name")));
        }
    }
    assert_true(json_array_size(member(vectors->document, "bad")) > 0);
    run_bad(vectors, "bad", judge, has_reason);
    run_bad(vectors, "bad_runs", judge, has_reason);
}

void expect_deposits(const json_t *fields, const char *key, const char *bytes_key,
                     struct tl_deposit_list list)
{
    size_t i = 0;
    json_t *item = NULL;
    struct tl_deposit deposit;
    json_t *items = expect_list(fields, key, list.count); /* the macro asks again every time */
    json_array_foreach(items, i, item)
    {
        assert_true(tl_deposit_next(&list, &deposit));
        expect_number(item, "position", deposit.position);
        expect_hex(item, bytes_key, deposit.bytes);
    }
    assert_false(tl_deposit_next(&list, &deposit));
}

void expect_blobs(const json_t *fields, const struct tl_signatures *signatures)
{
    size_t i = 0;
    json_t *blob = NULL;
    json_array_foreach(expect_list(fields, "signatures", signatures->count), i, blob)
    {
        expect_hex_value(blob, signatures->blobs[i]);
    }
}

void expect_commitments(const json_t *fields, unsigned count, struct tally_bytes bytes)
{
    size_t i = 0;
    json_t *commitment = NULL;
    assert_int_equal(bytes.len, (size_t)count * TALLY_HASH_LEN);
    json_array_foreach(expect_list(fields, "commitments", count), i, commitment)
    {
        expect_hex_value(commitment, tl_bytes(bytes.ptr + i * TALLY_HASH_LEN, TALLY_HASH_LEN));
    }
}
