/* SPDX-License-Identifier: ISC */
/* Publishing, the tar of an archive, and the tars that strangers make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "lib/archive/publish.h"
#include "lib/base/file.h"
#include "tests/archive/verify_case.h"

#define SMALL UINT64_C(100000000)

static struct ledger_fixture *ledger;
static char work[64];

static int begin(void **state)
{
    static const struct fixture_part parts[] = {{"/a", "ciphertext", 's'}, {"/b", "clear", 'c'}};
    static const struct fixture_file files[] = {{false, "file", 0}, {true, "sealed file", 0}};
    struct fixture_entry entry = {.type = "finding",
                                  .parts = parts,
                                  .part_count = 2,
                                  .files = files,
                                  .file_count = 2};
    (void)state;
    ledger = fixture_new("publish", 2);
    (void)fixture_append(ledger, &entry);
    fixture_grow(ledger, 600);
    fixture_make_directory(work);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_free(ledger);
    fixture_remove_directory(work);
    return 0;
}

static const char *in_work(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", work, name);
    return path;
}

static enum tally_status publish(struct memory_source *memory, const char *name,
                                 struct tl_published *ret)
{
    return tl_publish(&memory->source, in_work(name), NULL, ret);
}

static void expect_source_good(struct tl_source *source, uint64_t size)
{
    struct verify_case c;
    struct memory_source unused = {.count = 0};
    case_begin(&c, ledger, &unused);
    c.source = source;
    case_verify(&c);
    case_expect_exit(&c, 0);
    assert_int_equal(c.verified.report.size, size);
    case_end(&c);
}

static void expect_good(const char *name, uint64_t size)
{
    struct tl_source *source = NULL;
    assert_int_equal(tl_source_open_directory(in_work(name), &source), TALLY_OK);
    expect_source_good(source, size);
    tl_source_close(source);
}

/* Every resource of the source is in the directory, byte for byte. */
static void expect_same_files(const struct memory_source *memory, const char *name)
{
    for (size_t i = 0; i < memory->count; i++) {
        char path[512];
        struct tl_buffer bytes;
        (void)snprintf(path, sizeof path, "%s/%s", in_work(name), memory->resources[i].path);
        tl_buffer_init(&bytes, TL_RESOURCE_MAX);
        assert_int_equal(tl_file_read(path, &bytes), TALLY_OK);
        assert_true(tl_bytes_equal(tl_buffer_bytes(&bytes),
                                   tl_buffer_bytes(&memory->resources[i].bytes)));
        tl_buffer_deinit(&bytes);
    }
}

static void test_incremental(void **state)
{
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 300, 512, 513, 600};
    struct tl_published published;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct memory_source *memory = fixture_archive(ledger, sizes[i]);
        assert_int_equal(publish(memory, "grows", &published), TALLY_OK);
        assert_int_equal(published.size, sizes[i]);
        assert_true(published.files_written > 0);
        if (sizes[i] > 1) {
            expect_same_files(memory, "grows");
            expect_good("grows", sizes[i]);
        }
        memory->reads = 0;
        assert_int_equal(publish(memory, "grows", &published), TALLY_OK);
        assert_int_equal(published.files_written, 0);
        assert_true(memory->reads < 300); /* one section at most */
        memory_source_free(memory);
    }
}

static void test_repairs_what_is_gone(void **state)
{
    struct tl_published published;
    struct memory_source *memory = fixture_archive(ledger, 600);
    (void)state;
    assert_int_equal(publish(memory, "torn", &published), TALLY_OK);
    assert_int_equal(unlink(in_work("torn/checkpoint")), 0);
    assert_int_equal(unlink(in_work("torn/tile/0/001")), 0);
    assert_int_equal(publish(memory, "torn", &published), TALLY_OK);
    assert_int_equal(published.files_written, 2);
    expect_same_files(memory, "torn");
    memory_source_free(memory);
}

static void test_rollback_and_fork(void **state)
{
    struct tl_published published;
    struct memory_source *memory = fixture_archive(ledger, 300);
    struct memory_source *shorter = fixture_archive(ledger, 299);
    struct ledger_fixture *fork = fixture_new("publish", 2);
    (void)state;
    assert_int_equal(publish(memory, "kept", &published), TALLY_OK);
    assert_int_equal(publish(shorter, "kept", &published), TALLY_EROLLBACK);
    fixture_grow(fork, 600);
    static const uint64_t sizes[] = {300, 310, 600};
    for (size_t i = 0; i < 3; i++) {
        struct memory_source *forked = fixture_archive(fork, sizes[i]);
        assert_int_equal(publish(forked, "kept", &published), TALLY_EBAD);
        memory_source_free(forked);
    }
    expect_same_files(memory, "kept");
    expect_good("kept", 300);
    fixture_free(fork);
    memory_source_free(memory);
    memory_source_free(shorter);
}

static void test_refuses_what_does_not_hold(void **state)
{
    static const char *const paths[] = {
        "tile/entries/000.p/9", "tally/commitments/000.p/9", "tile/0/000.p/9", "tally/parts/001",
        "tally/seals/000.p/9",
    };
    struct tl_published published;
    struct memory_source *memory = fixture_archive(ledger, 9);
    (void)state;
    char path[TL_RESOURCE_PATH_MAX];
    tl_path_object(&ledger->objects[0].hash, path);
    struct memory_resource *object = memory_source_find(memory, path);
    object->bytes.ptr[0] ^= 1;
    assert_int_equal(publish(memory, "refused", &published), TALLY_EBAD);
    object->bytes.ptr[0] ^= 1;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct memory_resource *resource = memory_source_find(memory, paths[i]);
        assert_non_null(resource);
        resource->bytes.len--;
        assert_int_equal(publish(memory, "refused", &published), TALLY_EBAD);
        resource->bytes.len++;
    }
    for (size_t i = 1; i < 4; i++) {
        struct memory_resource *resource = memory_source_find(memory, paths[i]);
        resource->bytes.ptr[resource->bytes.len - 1] ^= 1;
        assert_int_equal(publish(memory, "refused", &published), TALLY_EBAD);
        resource->bytes.ptr[resource->bytes.len - 1] ^= 1;
    }
    /* A head of another ledger at that size: the records do not give its root. */
    struct ledger_fixture *other = fixture_new("other", 2);
    struct tl_buffer notes[2];
    tl_buffer_init(&notes[0], 65536);
    tl_buffer_init(&notes[1], 65536);
    while (other->record_count < 9) {
        (void)fixture_finding(other, 0);
    }
    fixture_checkpoint(other, 9, &notes[0]);
    fixture_checkpoint(ledger, 9, &notes[1]);
    memory_source_put(memory, TL_PATH_CHECKPOINT, tl_buffer_bytes(&notes[0]));
    assert_int_equal(publish(memory, "refused", &published), TALLY_EBAD);
    memory_source_put(memory, TL_PATH_CHECKPOINT, tl_buffer_bytes(&notes[1]));
    tl_buffer_deinit(&notes[0]);
    tl_buffer_deinit(&notes[1]);
    fixture_free(other);
    assert_int_not_equal(access(in_work("refused/checkpoint"), F_OK), 0);
    assert_int_equal(publish(memory, "refused", &published), TALLY_OK);
    expect_same_files(memory, "refused");
    memory_source_free(memory);
}

static void test_without_sealed_objects(void **state)
{
    struct tl_published published;
    struct tl_publish_options options = {.skip_objects = true};
    struct memory_source *memory = fixture_archive(ledger, 9);
    char path[512];
    char object[TL_RESOURCE_PATH_MAX];
    (void)state;
    assert_int_equal(tl_publish(&memory->source, in_work("light"), &options, &published), TALLY_OK);
    expect_good("light", 9);
    for (size_t i = 0; i < 3; i++) {
        tl_path_object(&ledger->objects[i].hash, object);
        (void)snprintf(path, sizeof path, "%s/%s", in_work("light"), object);
        assert_int_equal(access(path, F_OK) == 0, i == 0);
    }
    memory_source_free(memory);
}

static void expect_equal_files(const char *a, const char *b)
{
    struct tally_hash hashes[2];
    uint64_t sizes[2];
    assert_int_equal(tl_file_digest(a, &hashes[0], &sizes[0]), TALLY_OK);
    assert_int_equal(tl_file_digest(b, &hashes[1], &sizes[1]), TALLY_OK);
    assert_memory_equal(hashes[0].bytes, hashes[1].bytes, TALLY_HASH_LEN);
}

static void test_tar(void **state)
{
    struct tl_published published;
    struct tl_source *source = NULL;
    struct memory_source *memory = fixture_archive(ledger, 600);
    (void)state;
    /* One grew step by step and keeps older partial tiles, one was made at once. */
    assert_int_equal(publish(memory, "grows", &published), TALLY_OK);
    assert_int_equal(publish(memory, "at-once", &published), TALLY_OK);
    assert_int_equal(tl_archive_to_tar(in_work("grows"), in_work("a.tar")), TALLY_OK);
    assert_int_equal(tl_archive_to_tar(in_work("at-once/"), in_work("b.tar")), TALLY_OK);
    expect_equal_files(in_work("a.tar"), in_work("b.tar"));
    assert_int_equal(tl_source_open_tar(in_work("a.tar"), SMALL, &source), TALLY_OK);
    expect_source_good(source, 600);
    tl_source_close(source);
    assert_int_equal(tl_source_open_tar(in_work("a.tar"), 100000, &source), TALLY_ETOOBIG);
    assert_int_equal(tl_source_open_tar(in_work("none.tar"), SMALL, &source), TALLY_ENOTFOUND);
    assert_int_equal(tl_archive_to_tar(in_work("none"), in_work("c.tar")), TALLY_ENOTFOUND);
    memory_source_free(memory);
}

/* ---- Tars of strangers ---- */

struct member {
    const char *name;
    const char *content; /* NULL: a symbolic link to /etc/passwd */
    const char *hardlink;
};

static void make_tar(const char *path, const struct member *members, size_t count, int filter)
{
    struct archive *archive = archive_write_new();
    assert_int_equal(archive_write_set_format_pax_restricted(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_add_filter(archive, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();
        size_t len = members[i].content == NULL ? 0 : strlen(members[i].content);
        archive_entry_set_pathname(entry, members[i].name);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_filetype(entry, members[i].content == NULL ? AE_IFLNK : AE_IFREG);
        archive_entry_set_size(entry, (la_int64_t)len);
        if (members[i].content == NULL) {
            archive_entry_set_symlink(entry, "/etc/passwd");
        }
        if (members[i].hardlink != NULL) {
            archive_entry_set_hardlink(entry, members[i].hardlink);
        }
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        if (len > 0) {
            assert_int_equal(archive_write_data(archive, members[i].content, len), len);
        }
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    (void)archive_write_free(archive);
}

static enum tally_status open_made(const struct member *members, size_t count, int filter)
{
    struct tl_source *source = NULL;
    make_tar(in_work("made.tar"), members, count, filter);
    enum tally_status status = tl_source_open_tar(in_work("made.tar"), SMALL, &source);
    if (status == TALLY_OK) {
        struct tl_buffer bytes;
        tl_buffer_init(&bytes, 100);
        assert_int_equal(tl_source_read(source, TL_PATH_CHECKPOINT, &bytes), TALLY_OK);
        assert_true(tl_bytes_equal(tl_buffer_bytes(&bytes), tl_bytes("head", 4)));
        tl_buffer_deinit(&bytes);
        tl_source_close(source);
    }
    return status;
}

#define MADE(...)                                                                                  \
    (const struct member[]){__VA_ARGS__},                                                          \
        sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member)

static void test_strange_tars(void **state)
{
    (void)state;
    static const int filters[] = {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2,
                                  ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(open_made(MADE({"checkpoint", "head", NULL}), filters[i]), TALLY_OK);
    }
    assert_int_equal(
        open_made(MADE({"./checkpoint", "head", NULL}, {"./tile/0/000", "x", NULL}), 0), TALLY_OK);
    assert_int_equal(open_made(MADE({"ledger/checkpoint", "head", NULL}), 0), TALLY_OK);
    assert_int_equal(open_made(MADE({"./ledger/checkpoint", "head", NULL}), 0), TALLY_EFORMAT);
    assert_int_equal(open_made(MADE({"checkpoint", "head", NULL}, {"./tile/0/000", "x", NULL}), 0),
                     TALLY_EFORMAT);
    assert_int_equal(open_made(MADE({"README", "x", NULL}, {"checkpoint", "head", NULL}), 0),
                     TALLY_OK);
    /* Two archives, two members of one name, none at all. */
    assert_int_equal(
        open_made(MADE({"a/checkpoint", "head", NULL}, {"b/checkpoint", "x", NULL}), 0),
        TALLY_EFORMAT);
    assert_int_equal(open_made(MADE({"checkpoint", "head", NULL}, {"checkpoint", "x", NULL}), 0),
                     TALLY_EFORMAT);
    assert_int_equal(open_made(MADE({"tile/0/000", "x", NULL}), 0), TALLY_EFORMAT);
    assert_int_equal(open_made(MADE({"a/b/checkpoint", "x", NULL}), 0), TALLY_EFORMAT);
    /* Ways out of the directory, and things that are no files. */
    assert_int_equal(open_made(MADE({"../checkpoint", "x", NULL}, {"checkpoint", "head", NULL}), 0),
                     TALLY_OK);
    assert_int_equal(open_made(MADE({"/checkpoint", "x", NULL}, {"checkpoint", "head", NULL}), 0),
                     TALLY_OK);
    assert_int_equal(open_made(MADE({"../checkpoint", "x", NULL}), 0), TALLY_EFORMAT);
    assert_int_equal(open_made(MADE({"/checkpoint", "x", NULL}), 0), TALLY_EFORMAT);
    assert_int_equal(open_made(MADE({"checkpoint", NULL, NULL}), 0), TALLY_EFORMAT);
    assert_int_equal(
        open_made(MADE({"tile/0/000", "x", NULL}, {"checkpoint", "", "tile/0/000"}), 0),
        TALLY_EFORMAT);
    assert_int_equal(open_made(MADE({"tally/parts/../../../x", "x", NULL}), 0), TALLY_EFORMAT);
    struct tl_source *source = NULL;
    /* A little compressed, a lot unpacked. */
    static char large[1000001];
    memset(large, 'x', sizeof large - 1);
    const struct member bomb[] = {{"checkpoint", large, NULL}};
    make_tar(in_work("made.tar"), bomb, 1, ARCHIVE_FILTER_GZIP);
    assert_int_equal(tl_source_open_tar(in_work("made.tar"), 1000000, &source), TALLY_ETOOBIG);
    assert_int_equal(tl_source_open_tar(in_work("made.tar"), 1000512, &source), TALLY_OK);
    tl_source_close(source);
    assert_int_equal(tl_file_write_unsynced(in_work("no.tar"), tl_bytes("no tar", 6), 0644),
                     TALLY_OK);
    assert_int_equal(tl_source_open_tar(in_work("no.tar"), SMALL, &source), TALLY_EFORMAT);
}

/* A directory of a stranger: links and pipes in the place of files. */
static void test_strange_directory(void **state)
{
    struct tl_source *source = NULL;
    struct tl_buffer bytes;
    (void)state;
    tl_buffer_init(&bytes, 100000);
    assert_int_equal(mkdir(in_work("strange"), 0755), 0);
    assert_int_equal(mkfifo(in_work("strange/checkpoint"), 0644), 0);
    assert_int_equal(tl_source_open_directory(in_work("strange"), &source), TALLY_ENOTFOUND);
    assert_int_equal(unlink(in_work("strange/checkpoint")), 0);
    assert_int_equal(tl_file_write_unsynced(in_work("strange/checkpoint"), tl_bytes("x", 1), 0644),
                     TALLY_OK);
    assert_int_equal(tl_source_open_directory(in_work("strange"), &source), TALLY_OK);
    assert_int_equal(tl_source_read(source, "tile/0/000", &bytes), TALLY_ENOTFOUND);
    assert_int_equal(tl_source_read(source, "../other/checkpoint", &bytes), TALLY_EINVAL);
    tl_source_close(source);
    tl_buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incremental),
        cmocka_unit_test(test_repairs_what_is_gone),
        cmocka_unit_test(test_rollback_and_fork),
        cmocka_unit_test(test_refuses_what_does_not_hold),
        cmocka_unit_test(test_without_sealed_objects),
        cmocka_unit_test(test_tar),
        cmocka_unit_test(test_strange_tars),
        cmocka_unit_test(test_strange_directory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
