/* SPDX-License-Identifier: ISC */
/*
 * Target: the verification of a ledger and of a backup. The input is a list of edits to a good
 * archive: nothing that differs from it may be found good, but for what may be absent.
 */
#include <stdio.h>
#include <string.h>

#include "lib/archive/backup.h"
#include "lib/archive/verify_ledger.h"
#include "tests/fuzz/edit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/ledger_fixture.h"

#define SIZE 3u
#define EDITS_MAX 6u
#define RESOURCES_MAX 64u

static struct ledger_fixture *ledger;
static struct memory_source *good[2]; /* archive, backup */

static void make_ledger(void)
{
    static const struct fixture_part parts[] = {{"/a", "cipher", 's'}, {"/b", "v", 'c'}};
    static const struct fixture_file files[] = {{false, "file", 0}, {true, "sealed", 0}};
    struct fixture_entry entry = {
        .type = "finding", .parts = parts, .part_count = 2, .files = files, .file_count = 2};
    if (ledger != NULL) {
        return;
    }
    ledger = fixture_new("fuzz", 1);
    (void)fixture_append(ledger, &entry);
    (void)fixture_finding(ledger, 0);
    good[0] = fixture_archive(ledger, SIZE);
    good[1] = fixture_backup(ledger, SIZE);
    FUZZ_REQUIRE(good[1]->count <= RESOURCES_MAX);
}

/* Sealed objects, which an archive may leave out. */
static bool may_be_absent(const char *path)
{
    char cipher[TL_RESOURCE_PATH_MAX];
    char sealed[TL_RESOURCE_PATH_MAX];
    tl_path_object(&ledger->objects[2].hash, cipher);
    tl_path_object(&ledger->objects[1].hash, sealed);
    return strcmp(path, cipher) == 0 || strcmp(path, sealed) == 0;
}

/* A copy with the edits; *ret_differs where a change must be noticed. */
static struct memory_source *edited(const struct memory_source *from, bool is_backup,
                                    struct tl_reader *reader, bool *ret_differs)
{
    bool is_removed[RESOURCES_MAX] = {false};
    struct memory_source *memory = memory_source_new();
    struct edit edit;
    for (size_t i = 0; i < from->count; i++) {
        memory_source_put(memory, from->resources[i].path,
                          tl_buffer_bytes(&from->resources[i].bytes));
    }
    for (unsigned n = 0; n < EDITS_MAX && edit_next(reader, &edit); n++) {
        size_t i = edit.piece % from->count;
        is_removed[i] = is_removed[i] || edit.kind == EDIT_REMOVE;
        edit_apply(&edit, &memory->resources[i].bytes);
    }
    for (size_t i = 0; i < from->count; i++) {
        bool is_same = tl_bytes_equal(tl_buffer_bytes(&from->resources[i].bytes),
                                      tl_buffer_bytes(&memory->resources[i].bytes));
        if (is_removed[i]) {
            (void)snprintf(memory->resources[i].path, TL_RESOURCE_PATH_MAX, "gone/%zu", i);
            is_same = !is_backup && may_be_absent(from->resources[i].path);
        }
        *ret_differs = *ret_differs || !is_same;
    }
    return memory;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_reader reader = tl_reader_over(tl_bytes(data, size));
    bool is_backup = (tl_read_u8(&reader) & 1u) != 0;
    bool differs = false;
    struct tl_verified_ledger verified;
    if (reader.status != TALLY_OK) {
        return 0;
    }
    fuzz_start();
    make_ledger();
    struct memory_source *memory = edited(good[is_backup], is_backup, &reader, &differs);
    struct tl_verify_options options = {.ledger = &ledger->ledger};
    struct tl_backup_options backup_options = {.ledger = &ledger->ledger};
    enum tally_status status =
        is_backup ? tl_backup_verify(&memory->source, &backup_options, &verified)
                  : tl_verify_ledger(&memory->source, &options, &verified);
    bool is_good = status == TALLY_OK && tl_report_exit_code(&verified.report) == 0;
    FUZZ_REQUIRE(is_good == !differs);
    if (status == TALLY_OK) {
        tl_verified_ledger_deinit(&verified);
    }
    memory_source_free(memory);
    return 0;
}
