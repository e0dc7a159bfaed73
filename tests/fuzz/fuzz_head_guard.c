/* SPDX-License-Identifier: ISC */
/*
 * Target: lib/store/head_guard.c, the file of two slots. The note that counts is one that stands in
 * the file; a note that is written counts when the file is opened again, and where its slot is torn
 * the one before it does. Checksums are put right where the input asks for it.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/sha256.h"
#include "lib/store/head_guard.h"
#include "tests/fuzz/fuzz.h"

#define FILE_LEN (TL_HEAD_SLOT_GAP + TL_HEAD_SLOT_LEN)
#define NOTE_AT 22u
#define CHECKED_LEN (TL_HEAD_SLOT_LEN - TALLY_HASH_LEN)

static const char *file_path(void)
{
    static char path[4096] = "";
    if (path[0] == '\0') {
        (void)snprintf(path, sizeof path, "%s/head", fuzz_directory());
    }
    return path;
}

static void put_slot(uint8_t *slot, struct tally_bytes bytes, bool is_checked)
{
    size_t len = bytes.len < TL_HEAD_SLOT_LEN ? bytes.len : TL_HEAD_SLOT_LEN;
    memcpy(slot, bytes.ptr, len);
    if (is_checked) {
        struct tally_hash hash = tl_sha256(tl_bytes(slot, CHECKED_LEN));
        memcpy(slot + CHECKED_LEN, hash.bytes, sizeof hash.bytes);
    }
}

static void keep_note(const struct tl_head_guard *guard, struct tl_buffer *note)
{
    tl_buffer_clear(note);
    tl_buffer_add(note, tl_head_guard_note(guard));
    FUZZ_REQUIRE(note->status == TALLY_OK && note->len > 0);
}

static void expect_note(struct tally_bytes note)
{
    struct tl_head_guard *guard = NULL;
    FUZZ_REQUIRE(tl_head_guard_open(file_path(), true, &guard) == TALLY_OK);
    FUZZ_REQUIRE(tl_bytes_equal(tl_head_guard_note(guard), note));
    tl_head_guard_close(guard);
}

/* Changes a byte of whichever slot holds the note. */
static void tear(struct tally_bytes note)
{
    struct tl_buffer file;
    tl_buffer_init(&file, FILE_LEN * 2);
    FUZZ_REQUIRE(tl_file_read(file_path(), &file) == TALLY_OK);
    for (size_t at = NOTE_AT; at + note.len <= file.len; at += TL_HEAD_SLOT_GAP) {
        bool is_as_long = file.ptr[at - 2] == 0 && file.ptr[at - 1] == note.len;
        if (is_as_long && memcmp(file.ptr + at, note.ptr, note.len) == 0) {
            file.ptr[at] ^= 1;
        }
    }
    fuzz_write(file_path(), tl_buffer_bytes(&file));
    tl_buffer_deinit(&file);
}

/* is_full: a counter in the file may be the last that there is. */
static void check_write(struct tally_bytes before, bool is_full)
{
    static const char text[] = "the note that is written next\n";
    struct tl_head_guard *guard = NULL;
    struct tl_buffer note;
    struct tally_bytes next = tl_bytes_text(text);
    if (tl_bytes_starts_with(before, "the note")) {
        return;
    }
    tl_buffer_init(&note, TL_HEAD_NOTE_MAX);
    FUZZ_REQUIRE(tl_head_guard_open(file_path(), false, &guard) == TALLY_OK);
    keep_note(guard, &note);
    FUZZ_REQUIRE(tl_bytes_equal(tl_buffer_bytes(&note), before));
    enum tally_status status = tl_head_guard_write(guard, next);
    FUZZ_REQUIRE(status == TALLY_OK || (status == TALLY_ETOOBIG && is_full));
    FUZZ_REQUIRE(tl_bytes_equal(tl_head_guard_note(guard), status == TALLY_OK ? next : before));
    tl_head_guard_close(guard);
    if (status == TALLY_OK) {
        expect_note(next);
        tear(next);
    }
    expect_note(before);
    tl_buffer_deinit(&note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t last[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static uint8_t file[FILE_LEN];
    struct tl_reader reader = tl_reader_over(tl_bytes(data, size));
    struct tl_head_guard *guard = NULL;
    struct tl_buffer note;
    uint8_t flags = tl_read_u8(&reader);
    struct tally_bytes first = fuzz_take(&reader);
    if (reader.status != TALLY_OK) {
        return 0;
    }
    fuzz_start();
    memset(file, 0, sizeof file);
    put_slot(file, first, (flags & 1u) != 0);
    put_slot(file + TL_HEAD_SLOT_GAP, reader.rest, (flags & 2u) != 0);
    fuzz_write(file_path(), tl_bytes(file, (flags & 4u) != 0 ? TL_HEAD_SLOT_LEN : sizeof file));
    if (tl_head_guard_open(file_path(), true, &guard) != TALLY_OK) {
        return 0;
    }
    tl_buffer_init(&note, TL_HEAD_NOTE_MAX);
    keep_note(guard, &note);
    FUZZ_REQUIRE(tl_head_guard_write(guard, tl_bytes_text("x")) == TALLY_EACCES);
    tl_head_guard_close(guard);
    FUZZ_REQUIRE(memmem(file, sizeof file, note.ptr, note.len) != NULL);
    check_write(tl_buffer_bytes(&note), memmem(file, sizeof file, last, sizeof last) != NULL);
    tl_buffer_deinit(&note);
    return 0;
}
