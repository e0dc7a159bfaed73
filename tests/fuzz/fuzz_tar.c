/* SPDX-License-Identifier: ISC */
/*
 * Target: tl_source_open_tar and tl_archive_to_tar. Nothing comes to lie outside the private
 * directory, nothing is left of it, no more is unpacked than was allowed, and an archive that was
 * taken out and packed again gives a tar that gives the same tar.
 * Header checksums are put right first: every stranger can do that, a fuzzer only by chance.
 */
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/archive/publish.h"
#include "lib/archive/source.h"
#include "lib/base/file.h"
#include "tests/fuzz/fuzz.h"

#define TAR_MAX 262144u
#define PATH_LEN 4096u

enum {
    BLOCK = 512,
    SUM_AT = 148,
    SUM_LEN = 8,
    MAGIC_AT = 257,
};

/* Where a tar's private directories are made, and the files beside it. */
static char inside[PATH_LEN];
static char tar_path[PATH_LEN];
static char packed_path[PATH_LEN];

static void make_places(void)
{
    if (inside[0] != '\0') {
        return;
    }
    (void)snprintf(tar_path, sizeof tar_path, "%s/a.tar", fuzz_directory());
    (void)snprintf(packed_path, sizeof packed_path, "%s/b.tar", fuzz_directory());
    (void)snprintf(inside, sizeof inside, "%s/inside", fuzz_directory());
    FUZZ_REQUIRE(mkdir(inside, 0700) == 0 && setenv("TMPDIR", inside, 1) == 0);
}

static void put_sum(uint8_t *block)
{
    char sum[SUM_LEN + 1];
    unsigned total = 0;
    memset(block + SUM_AT, ' ', SUM_LEN);
    for (size_t i = 0; i < BLOCK; i++) {
        total += block[i];
    }
    (void)snprintf(sum, sizeof sum, "%06o", total);
    memcpy(block + SUM_AT, sum, 7); /* digits, NUL, and the space that is there */
}

static void put_sums(struct tl_buffer *tar)
{
    for (size_t i = 0; i + BLOCK <= tar->len; i += BLOCK) {
        if (memcmp(tar->ptr + i + MAGIC_AT, "ustar", 5) == 0) {
            put_sum(tar->ptr + i);
        }
    }
}

/* The one private directory in there: its path, and the bytes of its files. */
static uint64_t look_inside(char dst[PATH_LEN])
{
    char *roots[] = {inside, NULL};
    uint64_t total = 0;
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FUZZ_REQUIRE(walk != NULL);
    size_t len = strlen(inside);
    for (FTSENT *file = fts_read(walk); file != NULL; file = fts_read(walk)) {
        struct tl_resource resource;
        if (file->fts_info == FTS_D && file->fts_level == 1) {
            (void)snprintf(dst, PATH_LEN, "%s", file->fts_path);
            len = file->fts_pathlen;
        } else if (file->fts_info != FTS_D && file->fts_info != FTS_DP) {
            FUZZ_REQUIRE(file->fts_info == FTS_F && file->fts_level >= 2);
            FUZZ_REQUIRE(tl_resource_parse(tl_bytes_text(file->fts_path + len + 1), &resource) ==
                         TALLY_OK);
            total += (uint64_t)file->fts_statp->st_size;
        }
    }
    (void)fts_close(walk);
    return total;
}

static size_t count_children(const char *directory)
{
    char path[PATH_LEN];
    char *roots[] = {path, NULL};
    size_t count = 0;
    (void)snprintf(path, sizeof path, "%s", directory);
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FUZZ_REQUIRE(walk != NULL && fts_read(walk) != NULL);
    for (FTSENT *file = fts_children(walk, FTS_NAMEONLY); file != NULL; file = file->fts_link) {
        count++;
    }
    (void)fts_close(walk);
    return count;
}

/* Two tars and a directory, and nothing in that. */
static void check_places(void)
{
    FUZZ_REQUIRE(count_children(inside) == 0);
    FUZZ_REQUIRE(count_children(fuzz_directory()) <= 3);
}

static struct tl_buffer file_bytes(const char *path)
{
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, TAR_MAX * 16);
    FUZZ_REQUIRE(tl_file_read(path, &bytes) == TALLY_OK);
    return bytes;
}

/* Packs what lies in directory; an archive's checkpoint may be no checkpoint. */
static bool pack(const char *directory, struct tl_buffer *ret_tar)
{
    (void)remove(packed_path);
    if (tl_archive_to_tar(directory, packed_path) != TALLY_OK) {
        return false;
    }
    *ret_tar = file_bytes(packed_path);
    return true;
}

static void check_again(struct tl_buffer *tar)
{
    struct tl_source *source = NULL;
    struct tl_buffer again;
    char directory[PATH_LEN] = "";
    fuzz_write(tar_path, tl_buffer_bytes(tar));
    FUZZ_REQUIRE(tl_source_open_tar(tar_path, UINT64_MAX, &source) == TALLY_OK);
    (void)look_inside(directory);
    FUZZ_REQUIRE(pack(directory, &again));
    fuzz_require_same(&again, tl_buffer_bytes(tar));
    tl_source_close(source);
    tl_buffer_deinit(tar);
}

static enum tally_status open_within(uint64_t room, bool is_packed)
{
    struct tl_source *source = NULL;
    struct tl_buffer tar;
    char directory[PATH_LEN] = "";
    enum tally_status status = tl_source_open_tar(tar_path, room, &source);
    if (status != TALLY_OK) {
        check_places();
        return status;
    }
    FUZZ_REQUIRE(look_inside(directory) <= room && directory[0] != '\0');
    bool is_again = is_packed && pack(directory, &tar);
    tl_source_close(source);
    check_places();
    if (is_again) {
        check_again(&tar);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_buffer tar;
    if (size < 2 || size > TAR_MAX) {
        return 0;
    }
    fuzz_start();
    make_places();
    uint64_t room = (uint64_t)data[1] * BLOCK;
    tl_buffer_init(&tar, TAR_MAX);
    tl_buffer_add(&tar, tl_bytes(data + 2, size - 2));
    if ((data[0] & 1u) != 0) {
        put_sums(&tar);
    }
    fuzz_write(tar_path, tl_buffer_bytes(&tar));
    enum tally_status within = open_within(room, false);
    enum tally_status more = open_within(TAR_MAX * 4, true);
    FUZZ_REQUIRE(within != TALLY_OK || more == TALLY_OK);
    tl_buffer_deinit(&tar);
    return 0;
}
