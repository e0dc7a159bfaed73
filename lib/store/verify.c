/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/store/item.h"
#include "lib/store/rebuild.h"

#define MAP_SIZE (UINT64_C(1) << 40)

struct checking {
    struct tl_store *store;
    struct tl_store_verdict *verdict;
    uint64_t constitution; /* the last one that the store's table has given; TL_NEVER: none yet */
    struct tl_buffer named; /* digests of the exhibit files that records name */
};

/* ---- The tables beside the records ---- */

static bool has_author(struct tl_store *store, const struct tl_append *expected)
{
    uint64_t index = 0;
    struct tally_hash envelope;
    return tl_store_author_entry(store, expected->key_number, expected->sequence, &index,
                                 &envelope) == TALLY_OK &&
           index == expected->index && tl_hash_equal(&envelope, &expected->envelope);
}

static bool has_constitution(struct checking *checking, const struct tl_append *expected)
{
    return tl_store_next_constitution(checking->store, &checking->constitution) == TALLY_OK &&
           checking->constitution == expected->index;
}

static enum tally_status check_item(void *context, const struct tl_backup_item *item)
{
    struct checking *checking = (struct checking *)context;
    struct tl_append expected;
    struct tl_stored_facts facts;
    struct tally_bytes lines = item->envelope->file_lines;
    struct tl_file_line line;
    if (!tl_item_append(item, &expected)) {
        return TALLY_EBAD; /* no record that stands: the report says why */
    }
    while (tl_envelope_next_file(&lines, &line)) {
        tl_buffer_add(&checking->named, tl_hash_bytes(&line.hash));
    }
    enum tally_status status = tl_store_facts(checking->store, expected.index, &facts);
    if (status != TALLY_OK) {
        return status;
    }
    bool is_right = facts.type == expected.type && facts.member == expected.member &&
                    tl_hash_equal(&facts.leaf, &expected.leaf) &&
                    (expected.sequence == 0 ? has_constitution(checking, &expected)
                                            : has_author(checking->store, &expected));
    if (!is_right && checking->verdict->wrong_index == TL_NO_INDEX) {
        checking->verdict->wrong_index = expected.index;
    }
    return checking->named.status;
}

/* ---- Exhibit files ---- */

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, TALLY_HASH_LEN);
}

static void count_unnamed(const struct checking *checking, int directory, const char *name)
{
    struct tally_hash hash;
    struct stat info;
    size_t count = checking->named.len / TALLY_HASH_LEN;
    if (tl_hex_parse(tl_bytes_text(name), hash.bytes, sizeof hash.bytes) != TALLY_OK ||
        (count > 0 && bsearch(hash.bytes, checking->named.ptr, count, TALLY_HASH_LEN, compare) !=
                          NULL)) {
        return;
    }
    checking->verdict->unnamed_count++;
    if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        checking->verdict->unnamed_bytes += (uint64_t)info.st_size;
    }
}

static enum tally_status list_exhibits(const struct checking *checking)
{
    char *path = tl_path_join(tl_store_directory(checking->store), "exhibits");
    DIR *directory = path == NULL ? NULL : opendir(path);
    enum tally_status status = TALLY_OK;
    if (directory == NULL) {
        status = path == NULL ? TALLY_ENOMEM : tl_status_from_errno(errno);
    } else {
        const struct dirent *entry;
        if (checking->named.len > 0) {
            qsort(checking->named.ptr, checking->named.len / TALLY_HASH_LEN, TALLY_HASH_LEN,
                  compare);
        }
        while ((entry = readdir(directory)) != NULL) {
            count_unnamed(checking, dirfd(directory), entry->d_name);
        }
        (void)closedir(directory);
    }
    tl_free(path);
    return status;
}

static enum tally_status verify(struct checking *checking, struct tl_source *source,
                                const struct tl_backup_options *options)
{
    struct tl_store_verdict *verdict = checking->verdict;
    struct tl_backup_options asked = *options;
    asked.item = check_item;
    asked.item_context = checking;
    enum tally_status status = tl_backup_verify(source, &asked, &verdict->verified);
    if (status == TALLY_OK && tl_report_exit_code(&verdict->verified.report) == 0) {
        status = list_exhibits(checking);
        if (status != TALLY_OK) {
            tl_verified_ledger_deinit(&verdict->verified);
        }
    }
    return status;
}

enum tally_status tl_store_verify(struct tl_store *store, struct tally_bytes checkpoint,
                                  const struct tl_backup_options *options,
                                  struct tl_store_verdict *ret_verdict)
{
    struct checking checking = {
        .store = store, .verdict = ret_verdict, .constitution = TL_NEVER};
    struct tl_source *source = NULL;
    memset(ret_verdict, 0, sizeof *ret_verdict);
    ret_verdict->wrong_index = TL_NO_INDEX;
    ret_verdict->size = tl_store_size(store);
    enum tally_status status = tl_source_over_store(store, checkpoint, &source);
    if (status != TALLY_OK) {
        return status;
    }
    tl_buffer_init(&checking.named, SIZE_MAX);
    status = verify(&checking, source, options);
    tl_buffer_deinit(&checking.named);
    tl_source_close(source);
    return status;
}

enum tally_status tl_store_verify_directory(const char *directory, struct tally_bytes checkpoint,
                                            const struct tl_backup_options *options,
                                            struct tl_store_verdict *ret_verdict)
{
    struct tl_store *store = NULL;
    enum tally_status status = tl_store_open(directory, MAP_SIZE, TL_STORE_STOPPED, &store);
    if (status == TALLY_OK) {
        status = tl_store_verify(store, checkpoint, options, ret_verdict);
    }
    tl_store_close(store);
    return status;
}
