/* SPDX-License-Identifier: ISC */
/* The complete ledger of tests/vectors, made by an independent implementation, and its damages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/base/text.h"
#include "tests/archive/verify_case.h"

#define SKIPPED 77

static json_t *vector;

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static void put_hex(struct memory_source *memory, const char *path, const char *hex, bool append)
{
    struct tl_buffer bytes;
    size_t len = strlen(hex) / 2;
    struct memory_resource *old = memory_source_find(memory, path);
    tl_buffer_init(&bytes, TL_RESOURCE_MAX);
    if (append && old != NULL) {
        tl_buffer_add(&bytes, tl_buffer_bytes(&old->bytes));
    }
    uint8_t *dst = tl_buffer_extend(&bytes, len);
    assert_int_equal(tl_hex_parse(tl_bytes_text(hex), dst, len), TALLY_OK);
    memory_source_put(memory, path, tl_buffer_bytes(&bytes));
    tl_buffer_deinit(&bytes);
}

static struct memory_source *make_archive(void)
{
    struct memory_source *memory = memory_source_new();
    const char *path = NULL;
    json_t *bytes = NULL;
    json_object_foreach(json_object_get(vector, "archive"), path, bytes)
    {
        put_hex(memory, path, json_string_value(bytes), false);
    }
    assert_true(memory->count > 5);
    return memory;
}

static void edit(struct memory_source *memory, const json_t *change)
{
    const char *path = text_of(change, "path");
    struct memory_resource *resource = memory_source_find(memory, path);
    if (json_object_get(change, "xor") != NULL) {
        json_int_t offset = json_integer_value(json_object_get(change, "offset"));
        uint8_t bits = 0;
        assert_non_null(resource);
        assert_true((size_t)offset < resource->bytes.len);
        assert_int_equal(tl_hex_parse(tl_bytes_text(text_of(change, "xor")), &bits, 1), TALLY_OK);
        resource->bytes.ptr[offset] ^= bits;
    } else if (json_object_get(change, "truncate") != NULL) {
        assert_non_null(resource);
        resource->bytes.len = (size_t)json_integer_value(json_object_get(change, "truncate"));
    } else if (json_object_get(change, "remove") != NULL) {
        assert_true(memory_source_remove(memory, path));
    } else if (json_object_get(change, "append") != NULL) {
        put_hex(memory, path, text_of(change, "append"), true);
    } else {
        put_hex(memory, path, text_of(change, "content"), false);
    }
}

static void case_of_vector(struct verify_case *c, struct memory_source *memory)
{
    memset(c, 0, sizeof *c);
    c->source = &memory->source;
    assert_int_equal(
        tl_hex_parse(tl_bytes_text(text_of(vector, "ledger_id")), c->ledger.bytes, TALLY_HASH_LEN),
        TALLY_OK);
    c->options.ledger = &c->ledger;
    c->options.threads = 1;
}

static void test_good(void **state)
{
    struct verify_case c;
    struct memory_source *memory = make_archive();
    struct tally_bytes receipts[64];
    size_t count = 0;
    json_t *receipt = NULL;
    (void)state;
    json_array_foreach(json_object_get(vector, "receipts"), count, receipt)
    {
        assert_true(count < 64);
        receipts[count] = tl_bytes_text(json_string_value(receipt));
    }
    size_t since = 0;
    json_t *checkpoint = NULL;
    json_array_foreach(json_object_get(vector, "checkpoints"), since, checkpoint)
    {
        case_of_vector(&c, memory);
        c.options.receipts = receipts;
        c.options.receipt_count = count;
        c.options.since = tl_bytes_text(json_string_value(checkpoint));
        case_verify(&c);
        case_expect_only_bad(&c, (const enum tl_check[]){NO_LINE});
        case_expect_exit(&c, 0);
        case_expect_verdict(&c, TL_CHECK_RECEIPTS, TL_VERDICT_OK);
        case_expect_verdict(&c, TL_CHECK_SINCE, TL_VERDICT_OK);
        tl_verified_ledger_deinit(&c.verified);
    }
    memory_source_free(memory);
}

/* The same archive for one who cannot say which ledger it is to be. */
static void test_no_id(void **state)
{
    struct verify_case c;
    struct memory_source *memory = make_archive();
    (void)state;
    case_of_vector(&c, memory);
    c.options.ledger = NULL;
    case_verify(&c);
    case_expect_only_bad(&c, (const enum tl_check[]){NO_LINE});
    case_expect_exit(&c, 4);
    case_expect_verdict(&c, TL_CHECK_LEDGER, TL_VERDICT_NOT_CHECKED);
    tl_verified_ledger_deinit(&c.verified);
    memory_source_free(memory);
}

/* And for one who expects another. */
static void test_other_id(void **state)
{
    struct verify_case c;
    struct memory_source *memory = make_archive();
    (void)state;
    case_of_vector(&c, memory);
    c.ledger.bytes[0] ^= 1;
    case_verify(&c);
    case_expect_bad(&c, TL_CHECK_LEDGER, TL_NO_INDEX, TALLY_REASON_PREFIX_MISMATCH);
    case_expect_only_bad(&c, (const enum tl_check[]){TL_CHECK_LEDGER, NO_LINE});
    tl_verified_ledger_deinit(&c.verified);
    memory_source_free(memory);
}

static void expect_vector(const struct verify_case *c, const json_t *wanted)
{
    const char *line = json_string_value(json_object_get(wanted, "line"));
    if (line == NULL) {
        case_expect_exit(c, 0);
        return;
    }
    const json_t *index = json_object_get(wanted, "first_bad");
    uint64_t first = TL_NO_INDEX;
    enum tally_reason reason = TALLY_REASON_NONE;
    case_expect_exit(c, 1);
    bool has_first = tl_report_first_bad(&c->verified.report, &first, &reason);
    assert_int_equal(has_first, json_is_integer(index));
    if (has_first) {
        assert_int_equal(first, json_integer_value(index));
        assert_string_equal(tally_reason_name(reason), text_of(wanted, "why"));
    }
    for (unsigned i = 0; i < TL_CHECK_COUNT; i++) {
        if (strcmp(tl_check_name((enum tl_check)i), line) == 0) {
            case_expect_verdict(c, (enum tl_check)i, TL_VERDICT_BAD);
            assert_string_equal(tally_reason_name(c->verified.report.lines[i].reason),
                                text_of(wanted, "why"));
            assert_int_equal(c->verified.report.lines[i].first_bad, first);
            return;
        }
    }
    fail_msg("no line %s", line);
}

static void test_tampered(void **state)
{
    size_t i = 0;
    json_t *wanted = NULL;
    (void)state;
    json_array_foreach(json_object_get(vector, "tampered"), i, wanted)
    {
        struct verify_case c;
        struct memory_source *memory = make_archive();
        size_t k = 0;
        json_t *change = NULL;
        print_message("%s\n", text_of(wanted, "name"));
        json_array_foreach(json_object_get(wanted, "edits"), k, change)
        {
            edit(memory, change);
        }
        case_of_vector(&c, memory);
        case_verify(&c);
        expect_vector(&c, wanted);
        tl_verified_ledger_deinit(&c.verified);
        memory_source_free(memory);
    }
    assert_true(i > 20);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_no_id),
        cmocka_unit_test(test_other_id),
        cmocka_unit_test(test_tampered),
    };
    json_error_t error;
    const char *path = argc > 1 ? argv[1] : TALLY_LEDGER_VECTOR;
    if (access(path, F_OK) != 0) {
        return SKIPPED;
    }
    if (tl_ed25519_init() != TALLY_OK) {
        return 1;
    }
    vector = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (vector == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, error.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(vector);
    return failed;
}
