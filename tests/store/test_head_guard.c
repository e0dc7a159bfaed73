/* SPDX-License-Identifier: ISC */
#include "tests/store/ledger_sample.h"

#include <signal.h>
#include <sys/resource.h>

#include "lib/base/file.h"
#include "lib/base/sha256.h"
#include "lib/store/head_guard.h"

enum { FILE_LEN = 2 * TL_HEAD_SLOT_GAP };

struct fixture {
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    uint8_t file[FILE_LEN + 1];
};

static struct fixture fixture;

static int set_up(void **state)
{
    (void)state;
    test_dir_make(fixture.dir);
    test_path(fixture.path, fixture.dir, "head");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_dir_remove(fixture.dir);
    return 0;
}

static void load_file(void)
{
    assert_int_equal(test_file_get(fixture.path, fixture.file, sizeof fixture.file).len, FILE_LEN);
}

static void store_file(void)
{
    test_file_put(fixture.path, tl_bytes(fixture.file, FILE_LEN));
}

static struct tl_head_guard *open_guard(void)
{
    struct tl_head_guard *guard = NULL;
    assert_status(tl_head_guard_open(fixture.path, false, &guard), TALLY_OK);
    return guard;
}

/* A file whose newest note is "note N" and whose other slot, when N > 0, holds "note N - 1". */
static void make_file(unsigned count)
{
    (void)unlink(fixture.path);
    assert_status(tl_head_guard_create(fixture.path, tl_bytes_text("note 0")), TALLY_OK);
    struct tl_head_guard *guard = open_guard();
    for (unsigned i = 1; i <= count; i++) {
        char note[16];
        (void)snprintf(note, sizeof note, "note %u", i);
        assert_status(tl_head_guard_write(guard, tl_bytes_text(note)), TALLY_OK);
        assert_bytes_text(tl_head_guard_note(guard), note);
    }
    tl_head_guard_close(guard);
}

static void assert_note(const char *note)
{
    struct tl_head_guard *guard = NULL;
    assert_status(tl_head_guard_open(fixture.path, true, &guard), TALLY_OK);
    assert_bytes_text(tl_head_guard_note(guard), note);
    tl_head_guard_close(guard);
}

static void assert_unusable(enum tally_status expected)
{
    struct tl_head_guard *guard = NULL;
    assert_status(tl_head_guard_open(fixture.path, false, &guard), expected);
    assert_status(tl_head_guard_open(fixture.path, true, &guard), expected);
    assert_null(guard);
}

static void test_create(void **state)
{
    (void)state;
    assert_unusable(TALLY_ENOTFOUND);
    assert_status(tl_head_guard_create(fixture.path, tl_bytes_text("first")), TALLY_OK);
    struct stat info;
    assert_int_equal(stat(fixture.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, FILE_LEN);
    assert_status(tl_head_guard_create(fixture.path, tl_bytes_text("second")), TALLY_EEXIST);
    assert_note("first");
    assert_int_equal(test_dir_count(fixture.dir), 1);
}

static void test_lengths(void **state)
{
    (void)state;
    uint8_t note[TL_HEAD_NOTE_MAX + 1];
    memset(note, 'n', sizeof note);
    assert_status(tl_head_guard_create(fixture.path, tl_bytes(note, sizeof note)), TALLY_ETOOBIG);
    assert_status(tl_head_guard_create(fixture.path, tl_bytes(note, 0)), TALLY_EINVAL);
    assert_int_equal(test_dir_count(fixture.dir), 0);
    assert_status(tl_head_guard_create(fixture.path, tl_bytes(note, TL_HEAD_NOTE_MAX)), TALLY_OK);
    struct tl_head_guard *guard = open_guard();
    assert_bytes_equal(tl_head_guard_note(guard), tl_bytes(note, TL_HEAD_NOTE_MAX));
    assert_status(tl_head_guard_write(guard, tl_bytes(note, sizeof note)), TALLY_ETOOBIG);
    assert_status(tl_head_guard_write(guard, tl_bytes(note, 0)), TALLY_EINVAL);
    assert_bytes_equal(tl_head_guard_note(guard), tl_bytes(note, TL_HEAD_NOTE_MAX));
    assert_status(tl_head_guard_write(guard, tl_bytes_text("x")), TALLY_OK);
    tl_head_guard_close(guard);
    assert_note("x");
}

static void test_order(void **state)
{
    (void)state;
    for (unsigned count = 0; count < 6; count++) {
        make_file(count);
        char note[16];
        (void)snprintf(note, sizeof note, "note %u", count);
        assert_note(note);
    }
}

/* A shorter note after a longer one leaves nothing of it behind. */
static void test_nothing_left_behind(void **state)
{
    (void)state;
    make_file(0);
    struct tl_head_guard *guard = open_guard();
    assert_status(tl_head_guard_write(guard, tl_bytes_text("a long note")), TALLY_OK);
    assert_status(tl_head_guard_write(guard, tl_bytes_text("b")), TALLY_OK);
    assert_status(tl_head_guard_write(guard, tl_bytes_text("c")), TALLY_OK);
    tl_head_guard_close(guard);
    load_file();
    assert_null(memmem(fixture.file, FILE_LEN, "long", 4));
    assert_note("c");
}

/* Any changed byte of a slot: the other slot counts, and the next write repairs the file. */
static void test_every_byte(void **state)
{
    (void)state;
    for (unsigned newest = 4; newest < 6; newest++) {
        make_file(newest);
        char notes[2][16];
        (void)snprintf(notes[newest % 2], sizeof notes[0], "note %u", newest);
        (void)snprintf(notes[(newest + 1) % 2], sizeof notes[0], "note %u", newest - 1);
        load_file();
        for (size_t i = 0; i < TL_HEAD_SLOT_LEN; i++) {
            for (unsigned place = 0; place < 2; place++) {
                uint8_t *byte = &fixture.file[place * TL_HEAD_SLOT_GAP + i];
                *byte ^= (uint8_t)(1u << (i % 8));
                store_file();
                bool newest_is_torn = place == newest % 2;
                assert_note(newest_is_torn ? notes[1 - place] : notes[newest % 2]);
                *byte ^= (uint8_t)(1u << (i % 8));
            }
        }
    }
}

static void test_torn_at_every_length(void **state)
{
    (void)state;
    make_file(3);
    load_file();
    static uint8_t before[FILE_LEN];
    memcpy(before, fixture.file, FILE_LEN);
    struct tl_head_guard *guard = open_guard();
    assert_status(tl_head_guard_write(guard, tl_bytes_text("note 4, a longer one")), TALLY_OK);
    tl_head_guard_close(guard);
    load_file();
    static uint8_t after[FILE_LEN];
    memcpy(after, fixture.file, FILE_LEN);
    for (size_t len = 0; len <= TL_HEAD_SLOT_LEN; len++) {
        memcpy(fixture.file, before, FILE_LEN);
        memcpy(fixture.file, after, len);
        store_file();
        assert_note(len == TL_HEAD_SLOT_LEN ? "note 4, a longer one" : "note 3");
    }
    memcpy(fixture.file, before, FILE_LEN);
    memcpy(fixture.file, after, TL_HEAD_SLOT_LEN / 2);
    store_file();
    guard = open_guard();
    assert_status(tl_head_guard_write(guard, tl_bytes_text("note 4 again")), TALLY_OK);
    tl_head_guard_close(guard);
    assert_note("note 4 again");
    load_file();
    fixture.file[0] ^= 1;
    store_file();
    assert_note("note 3");
}

static void test_both_torn(void **state)
{
    (void)state;
    make_file(7);
    load_file();
    for (size_t i = 0; i < TL_HEAD_SLOT_LEN; i += 37) {
        fixture.file[i] ^= 0x80;
        fixture.file[TL_HEAD_SLOT_GAP + TL_HEAD_SLOT_LEN - 1 - i] ^= 0x01;
        store_file();
        assert_unusable(TALLY_EFORMAT);
        fixture.file[i] ^= 0x80;
        fixture.file[TL_HEAD_SLOT_GAP + TL_HEAD_SLOT_LEN - 1 - i] ^= 0x01;
    }
    store_file();
    assert_note("note 7");
    memset(fixture.file, 0, FILE_LEN);
    store_file();
    assert_unusable(TALLY_EFORMAT);
}

/* A whole slot in the wrong place is an old file put together, not one of ours. */
static void test_misplaced_slot(void **state)
{
    (void)state;
    make_file(1);
    load_file();
    memcpy(fixture.file, fixture.file + TL_HEAD_SLOT_GAP, TL_HEAD_SLOT_LEN);
    memset(fixture.file + TL_HEAD_SLOT_GAP, 0, TL_HEAD_SLOT_LEN);
    store_file();
    assert_unusable(TALLY_EFORMAT);
}

/* Makes the counter of the second slot, and its checksum, what they would be after so many. */
static void set_counter(uint64_t counter)
{
    uint8_t *slot = fixture.file + TL_HEAD_SLOT_GAP;
    struct tl_writer writer = tl_writer_over(slot + 12, sizeof counter);
    load_file();
    tl_write_u64(&writer, counter);
    struct tally_hash hash = tl_sha256(tl_bytes(slot, TL_HEAD_SLOT_LEN - TALLY_HASH_LEN));
    memcpy(slot + TL_HEAD_SLOT_LEN - TALLY_HASH_LEN, hash.bytes, sizeof hash.bytes);
    store_file();
}

/* A write with a counter of 0 behind the highest would not count. */
static void test_last_counter(void **state)
{
    (void)state;
    make_file(1);
    set_counter(UINT64_MAX - 2);
    struct tl_head_guard *guard = open_guard();
    assert_status(tl_head_guard_write(guard, tl_bytes_text("last but one")), TALLY_OK);
    assert_status(tl_head_guard_write(guard, tl_bytes_text("last")), TALLY_OK);
    assert_status(tl_head_guard_write(guard, tl_bytes_text("none")), TALLY_ETOOBIG);
    assert_bytes_text(tl_head_guard_note(guard), "last");
    tl_head_guard_close(guard);
    assert_note("last");
}

static void test_cut_off(void **state)
{
    (void)state;
    make_file(4);
    assert_int_equal(truncate(fixture.path, TL_HEAD_SLOT_GAP + 100), 0);
    assert_note("note 4");
    struct tl_head_guard *guard = open_guard();
    assert_status(tl_head_guard_write(guard, tl_bytes_text("note 5")), TALLY_OK);
    tl_head_guard_close(guard);
    assert_note("note 5");
    assert_int_equal(truncate(fixture.path, 100), 0);
    assert_unusable(TALLY_EFORMAT);
    assert_int_equal(truncate(fixture.path, 0), 0);
    assert_unusable(TALLY_EFORMAT);
}

static void test_no_file(void **state)
{
    (void)state;
    char link[TEST_PATH_MAX];
    make_file(1);
    test_path(link, fixture.dir, "link");
    assert_int_equal(symlink(fixture.path, link), 0);
    struct tl_head_guard *guard = NULL;
    assert_status(tl_head_guard_open(link, true, &guard), TALLY_EIO);
    assert_status(tl_head_guard_open(link, false, &guard), TALLY_EIO);
    test_path(link, fixture.dir, "pipe");
    assert_int_equal(mkfifo(link, 0600), 0);
    assert_status(tl_head_guard_open(link, true, &guard), TALLY_EFORMAT);
    assert_null(guard);
}

static void test_one_writer(void **state)
{
    (void)state;
    make_file(1);
    struct tl_head_guard *guard = open_guard();
    struct tl_head_guard *second = NULL;
    assert_status(tl_head_guard_open(fixture.path, false, &second), TALLY_ELOCKED);
    assert_null(second);
    assert_note("note 1");
    assert_status(tl_head_guard_write(guard, tl_bytes_text("note 2")), TALLY_OK);
    assert_note("note 2");
    tl_head_guard_close(guard);
    assert_status(tl_head_guard_open(fixture.path, true, &second), TALLY_OK);
    assert_status(tl_head_guard_write(second, tl_bytes_text("note 3")), TALLY_EACCES);
    tl_head_guard_close(second);
    assert_note("note 2");
}

static void test_out_of_memory(void **state)
{
    (void)state;
    make_file(1);
    struct tl_head_guard *guard = NULL;
    test_allocations_limit(0);
    assert_status(tl_head_guard_open(fixture.path, true, &guard), TALLY_ENOMEM);
    assert_status(tl_head_guard_create(fixture.path, tl_bytes_text("x")), TALLY_ENOMEM);
    assert_true(test_allocations_unlimit());
    tl_head_guard_close(NULL);
}

/* The write fails where the disk is full, so, and nothing is trusted after it. */
static bool fails_for_good(bool (*fill_disk)(const char *path), enum tally_status first)
{
    struct tl_head_guard *guard = NULL;
    bool holds = tl_head_guard_open(fixture.path, false, &guard) == TALLY_OK &&
                 fill_disk(fixture.path) &&
                 tl_head_guard_write(guard, tl_bytes_text("note 2")) == first &&
                 tl_head_guard_write(guard, tl_bytes_text("note 2")) == TALLY_EIO &&
                 tl_bytes_equal(tl_head_guard_note(guard), tl_bytes_text("note 1"));
    tl_head_guard_close(guard);
    return holds;
}

static bool fails_on_a_full_disk(void *context)
{
    (void)context;
    return fails_for_good(sample_fill_disk, TALLY_ENOSPC);
}

static void test_failed_write_stays_failed(void **state)
{
    (void)state;
    make_file(1);
    assert_true(sample_holds_in_child(fails_on_a_full_disk, NULL));
    assert_note("note 1");
}

/* Half of a slot is no slot. */
static bool fill_in_the_middle(const char *path)
{
    struct rlimit half = {.rlim_cur = TL_HEAD_SLOT_LEN / 2, .rlim_max = TL_HEAD_SLOT_LEN / 2};
    (void)path;
    return signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &half) == 0;
}

static bool fails_in_the_middle(void *context)
{
    (void)context;
    return fails_for_good(fill_in_the_middle, TALLY_EIO);
}

static void test_half_a_write_stays_failed(void **state)
{
    (void)state;
    make_file(1);
    assert_true(sample_holds_in_child(fails_in_the_middle, NULL));
    assert_note("note 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_create, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lengths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_left_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_at_every_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_both_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_misplaced_slot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_last_counter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failed_write_stays_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_a_write_stays_failed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
