/* SPDX-License-Identifier: ISC */
/*
 * Every byte of every resource of a small archive, changed: the verification must be BAD. A byte
 * that may be changed unseen is in the list of exceptions, with the reason why, or is a fault.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/archive/verify_case.h"

static const struct fixture_part parts[] = {{"/a", "cipher", 's'}, {"/b", "v", 'c'}};
static const struct fixture_file files[] = {{false, "file", 0}, {true, "sealed", 0}};

/* What an archive may hold that no checkpoint of its size asks for. */
static const char *const unused[] = {
    "tile/0/000.p/2",       "tile/entries/000.p/2", "tally/seals/000.p/2",
    "tally/commitments/000.p/2",
};

static bool is_unused(const char *path)
{
    for (size_t i = 0; i < sizeof unused / sizeof unused[0]; i++) {
        if (strcmp(path, unused[i]) == 0) {
            return true;
        }
    }
    return false;
}

static struct ledger_fixture *make_ledger(void)
{
    struct ledger_fixture *ledger = fixture_new("flip", 1);
    struct fixture_entry entry = {.type = "finding",
                                  .parts = parts,
                                  .part_count = 2,
                                  .files = files,
                                  .file_count = 2};
    (void)fixture_append(ledger, &entry);
    (void)fixture_finding(ledger, 0);
    return ledger;
}

static struct memory_source *make_archive(const struct ledger_fixture *ledger)
{
    struct memory_source *memory = fixture_archive(ledger, 3);
    struct memory_source *older = fixture_archive(ledger, 2);
    for (size_t i = 0; i < sizeof unused / sizeof unused[0]; i++) {
        struct memory_resource *resource = memory_source_find(older, unused[i]);
        assert_non_null(resource);
        memory_source_put(memory, unused[i], tl_buffer_bytes(&resource->bytes));
    }
    memory_source_free(older);
    return memory;
}

static void expect_noticed(struct verify_case *c, const char *path, size_t offset, int wanted)
{
    case_verify(c);
    int code = tl_report_exit_code(&c->verified.report);
    if (code != wanted) {
        fail_msg("%s, byte %zu: exit code %d, not %d", path, offset, code, wanted);
    }
}

static void flip_resource(struct verify_case *c, struct memory_resource *resource, uint8_t bits)
{
    int wanted = is_unused(resource->path) ? 0 : 1;
    for (size_t i = 0; i < resource->bytes.len; i++) {
        resource->bytes.ptr[i] ^= bits;
        expect_noticed(c, resource->path, i, wanted);
        resource->bytes.ptr[i] ^= bits;
    }
}

static void test_every_byte(void **state)
{
    struct verify_case c;
    struct ledger_fixture *ledger = make_ledger();
    struct memory_source *memory = make_archive(ledger);
    (void)state;
    case_begin(&c, ledger, memory);
    c.options.threads = 0;
    expect_noticed(&c, "as made", 0, 0);
    for (size_t i = 0; i < memory->count; i++) {
        /* Another bit in each resource; the smallest change is the hardest to see. */
        flip_resource(&c, &memory->resources[i], (uint8_t)(1u << (i % 8)));
    }
    expect_noticed(&c, "as made", 0, 0);
    case_end(&c);
    memory_source_free(memory);
    fixture_free(ledger);
}

static void test_every_cut(void **state)
{
    struct verify_case c;
    struct ledger_fixture *ledger = make_ledger();
    struct memory_source *memory = make_archive(ledger);
    (void)state;
    case_begin(&c, ledger, memory);
    c.options.threads = 0;
    for (size_t i = 0; i < memory->count; i++) {
        struct memory_resource *resource = &memory->resources[i];
        size_t len = resource->bytes.len;
        int wanted = is_unused(resource->path) ? 0 : 1;
        for (size_t cut = 0; cut < len; cut += 11) {
            resource->bytes.len = cut;
            expect_noticed(&c, resource->path, cut, wanted);
        }
        resource->bytes.len = len;
        tl_buffer_add_u8(&resource->bytes, 0);
        expect_noticed(&c, resource->path, len, wanted);
        resource->bytes.len = len;
    }
    case_end(&c);
    memory_source_free(memory);
    fixture_free(ledger);
}

/* Sealed objects may be absent; nothing else may. */
static void test_every_resource_absent(void **state)
{
    struct verify_case c;
    struct ledger_fixture *ledger = make_ledger();
    size_t count = 0;
    (void)state;
    do {
        struct memory_source *memory = make_archive(ledger);
        char path[TL_RESOURCE_PATH_MAX];
        char cipher[TL_RESOURCE_PATH_MAX];
        char sealed[TL_RESOURCE_PATH_MAX];
        tl_path_object(&ledger->objects[2].hash, cipher);
        tl_path_object(&ledger->objects[1].hash, sealed);
        case_begin(&c, ledger, memory);
        (void)snprintf(path, sizeof path, "%s", memory->resources[count].path);
        assert_true(memory_source_remove(memory, path));
        enum tally_status status = tl_verify_ledger(c.source, &c.options, &c.verified);
        bool may_be_absent =
            is_unused(path) || strcmp(path, cipher) == 0 || strcmp(path, sealed) == 0;
        if (strcmp(path, TL_PATH_CHECKPOINT) == 0) {
            assert_int_equal(status, TALLY_ENOTFOUND);
        } else if (tl_report_exit_code(&c.verified.report) != (may_be_absent ? 0 : 1)) {
            fail_msg("without %s: exit code %d", path, tl_report_exit_code(&c.verified.report));
        }
        count++;
        size_t left = memory->count;
        case_end(&c);
        memory_source_free(memory);
        if (count > left) {
            break;
        }
    } while (true);
    assert_true(count > 8);
    fixture_free(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_every_resource_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
