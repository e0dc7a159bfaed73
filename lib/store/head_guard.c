/* SPDX-License-Identifier: ISC */
#include "lib/store/head_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/sha256.h"

#define MAGIC "tally-hd"

enum {
    VERSION = 1,
    SLOT_COUNT = 2,
    CHECKED_LEN = TL_HEAD_SLOT_LEN - TALLY_HASH_LEN, /* what the hash at the end covers */
    HEAD_LEN = 8 + 4 + 8 + 2,                        /* magic, version, counter, note length */
    FILE_LEN = SLOT_COUNT * TL_HEAD_SLOT_GAP,
    FILE_MODE = 0600,
};

_Static_assert(HEAD_LEN + TL_HEAD_NOTE_MAX <= CHECKED_LEN, "a note fits its slot");
_Static_assert(TL_HEAD_SLOT_LEN <= TL_HEAD_SLOT_GAP, "slots stand apart");

struct tl_head_guard {
    int fd;
    bool read_only;
    bool failed;      /* a write failed: nobody knows what its slot holds */
    uint64_t counter; /* of note; its slot is the one that counter modulo 2 names */
    uint8_t note[TL_HEAD_NOTE_MAX];
    size_t note_len;
};

static enum tally_status encode_slot(uint64_t counter, struct tally_bytes note,
                                     uint8_t slot[TL_HEAD_SLOT_LEN])
{
    if (note.len == 0 || note.len > TL_HEAD_NOTE_MAX) {
        return note.len == 0 ? TALLY_EINVAL : TALLY_ETOOBIG;
    }
    memset(slot, 0, TL_HEAD_SLOT_LEN);
    struct tl_writer writer = tl_writer_over(slot, CHECKED_LEN);
    tl_write_text(&writer, MAGIC);
    tl_write_u32(&writer, VERSION);
    tl_write_u64(&writer, counter);
    tl_write_u16(&writer, (uint16_t)note.len);
    tl_write_bytes(&writer, note);
    TL_ASSERT(writer.status == TALLY_OK);
    struct tally_hash hash = tl_sha256(tl_bytes(slot, CHECKED_LEN));
    memcpy(slot + CHECKED_LEN, hash.bytes, sizeof hash.bytes);
    return TALLY_OK;
}

/* False unless the slot is whole and stands where its counter belongs. */
static bool decode_slot(const uint8_t slot[TL_HEAD_SLOT_LEN], unsigned place, uint64_t *ret_counter,
                        struct tally_bytes *ret_note)
{
    struct tally_hash hash = tl_sha256(tl_bytes(slot, CHECKED_LEN));
    if (memcmp(slot + CHECKED_LEN, hash.bytes, sizeof hash.bytes) != 0) {
        return false;
    }
    struct tl_reader reader = tl_reader_over(tl_bytes(slot, CHECKED_LEN));
    struct tally_bytes magic = tl_read_bytes(&reader, sizeof MAGIC - 1);
    uint32_t version = tl_read_u32(&reader);
    uint64_t counter = tl_read_u64(&reader);
    struct tally_bytes note = tl_read_vector16(&reader, TL_HEAD_NOTE_MAX);
    if (reader.status != TALLY_OK || !tl_bytes_equal(magic, tl_bytes_text(MAGIC)) ||
        version != VERSION || counter % SLOT_COUNT != place || note.len == 0) {
        return false;
    }
    *ret_counter = counter;
    *ret_note = note;
    return true;
}

enum tally_status tl_head_guard_create(const char *path, struct tally_bytes note)
{
    uint8_t *file = (uint8_t *)tl_calloc(1, FILE_LEN);
    if (file == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = encode_slot(0, note, file);
    if (status == TALLY_OK) {
        status = tl_file_write(path, tl_bytes(file, FILE_LEN), FILE_MODE, false);
    }
    tl_free(file);
    return status;
}

static void remember(struct tl_head_guard *guard, uint64_t counter, struct tally_bytes note)
{
    memcpy(guard->note, note.ptr, note.len);
    guard->note_len = note.len;
    guard->counter = counter;
}

static enum tally_status read_slot(int fd, unsigned place, uint8_t slot[TL_HEAD_SLOT_LEN])
{
    size_t done = 0;
    while (done < TL_HEAD_SLOT_LEN) {
        off_t offset = (off_t)place * TL_HEAD_SLOT_GAP + (off_t)done;
        ssize_t got = pread(fd, slot + done, TL_HEAD_SLOT_LEN - done, offset);
        if (got < 0 && errno != EINTR) {
            return tl_status_from_errno(errno);
        }
        if (got == 0) {
            /* Cut off: what is missing is as good as torn. */
            memset(slot + done, 0, TL_HEAD_SLOT_LEN - done);
            return TALLY_OK;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return TALLY_OK;
}

static enum tally_status load(struct tl_head_guard *guard)
{
    bool found = false;
    for (unsigned place = 0; place < SLOT_COUNT; place++) {
        uint8_t slot[TL_HEAD_SLOT_LEN];
        uint64_t counter;
        struct tally_bytes note;
        enum tally_status status = read_slot(guard->fd, place, slot);
        if (status != TALLY_OK) {
            return status;
        }
        if (decode_slot(slot, place, &counter, &note) && (!found || counter > guard->counter)) {
            remember(guard, counter, note);
            found = true;
        }
    }
    return found ? TALLY_OK : TALLY_EFORMAT;
}

static enum tally_status open_file(const char *path, bool read_only, int *ret_fd)
{
    int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = open(path, flags | (read_only ? O_RDONLY : O_RDWR | O_DSYNC));
    if (fd < 0) {
        return tl_status_from_errno(errno);
    }
    enum tally_status status = TALLY_OK;
    struct stat info;
    if (fstat(fd, &info) != 0) {
        status = tl_status_from_errno(errno);
    } else if (!S_ISREG(info.st_mode)) {
        status = TALLY_EFORMAT;
    } else if (!read_only) {
        /* Two ledgers, or two daemons, that were given one head file. */
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
            bool held = errno == EAGAIN || errno == EACCES;
            status = held ? TALLY_ELOCKED : tl_status_from_errno(errno);
        }
    }
    if (status != TALLY_OK) {
        tl_close(&fd);
        return status;
    }
    *ret_fd = fd;
    return TALLY_OK;
}

enum tally_status tl_head_guard_open(const char *path, bool read_only,
                                     struct tl_head_guard **ret_guard)
{
    struct tl_head_guard *guard = (struct tl_head_guard *)tl_calloc(1, sizeof *guard);
    if (guard == NULL) {
        return TALLY_ENOMEM;
    }
    guard->fd = -1;
    guard->read_only = read_only;
    enum tally_status status = open_file(path, read_only, &guard->fd);
    if (status == TALLY_OK) {
        status = load(guard);
    }
    if (status != TALLY_OK) {
        tl_head_guard_close(guard);
        return status;
    }
    *ret_guard = guard;
    return TALLY_OK;
}

void tl_head_guard_close(struct tl_head_guard *guard)
{
    if (guard != NULL) {
        tl_close(&guard->fd);
        tl_free(guard);
    }
}

struct tally_bytes tl_head_guard_note(const struct tl_head_guard *guard)
{
    return tl_bytes(guard->note, guard->note_len);
}

enum tally_status tl_head_guard_write(struct tl_head_guard *guard, struct tally_bytes note)
{
    if (guard->read_only) {
        return TALLY_EACCES;
    }
    if (guard->failed) {
        return TALLY_EIO;
    }
    if (guard->counter == UINT64_MAX) {
        return TALLY_ETOOBIG; /* whatever came next would count as older */
    }
    uint64_t counter = guard->counter + 1;
    uint8_t slot[TL_HEAD_SLOT_LEN];
    enum tally_status status = encode_slot(counter, note, slot);
    if (status != TALLY_OK) {
        return status;
    }
    off_t offset = (off_t)(counter % SLOT_COUNT) * TL_HEAD_SLOT_GAP;
    ssize_t put;
    do {
        put = pwrite(guard->fd, slot, sizeof slot, offset);
    } while (put < 0 && errno == EINTR);
    if (put != (ssize_t)sizeof slot) {
        guard->failed = true;
        return put < 0 ? tl_status_from_errno(errno) : TALLY_EIO;
    }
    remember(guard, counter, note);
    return TALLY_OK;
}
