/* SPDX-License-Identifier: ISC */
/* Looking through a file of LMDB, as far as LMDB lets itself be asked. */
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/store/mdb_internal.h"

/* LMDB's own table of free pages: by transaction, a count and that many page numbers, falling. */
enum { FREE_TABLE = 0, MAIN_TABLE = 1, OWN_TABLE_COUNT = 2 };

static bool is_free_list(struct tally_bytes value, uint64_t last_page)
{
    size_t count = 0;
    size_t above = last_page + 1;
    if (value.len < sizeof count) {
        return false;
    }
    memcpy(&count, value.ptr, sizeof count);
    bool is_sound = count <= value.len / sizeof count - 1;
    for (size_t i = 1; is_sound && i <= count; i++) {
        size_t page = 0;
        memcpy(&page, value.ptr + i * sizeof page, sizeof page);
        is_sound = page >= TL_MDB_META_PAGES && page < above;
        above = page;
    }
    return is_sound;
}

/* Touches what is stored in pages of its own at both ends: the rest lies between. */
static void touch(struct tally_bytes value)
{
    const volatile uint8_t *bytes = value.ptr;
    if (value.len > 0) {
        (void)bytes[0];
        (void)bytes[value.len - 1];
    }
}

static int compare_keys(struct tally_bytes a, struct tally_bytes b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* What a walk through a table has come by. */
struct walk {
    MDB_dbi table;
    uint64_t last_page;
    uint64_t count;
    struct tl_mdb_item item;
};

static bool is_sound(const struct walk *walk, const struct tl_mdb_item *item)
{
    touch(item->key);
    touch(item->value);
    if (walk->table == FREE_TABLE) {
        return is_free_list(item->value, walk->last_page);
    }
    return walk->count == 0 || compare_keys(walk->item.key, item->key) < 0;
}

static int survey_table(MDB_txn *txn, struct walk *walk)
{
    MDB_stat stat;
    MDB_cursor *cursor = NULL;
    struct tl_mdb_item item;
    int code = mdb_stat(txn, walk->table, &stat);
    if (code == MDB_SUCCESS) {
        code = mdb_cursor_open(txn, walk->table, &cursor);
    }
    if (code != MDB_SUCCESS) {
        return code;
    }
    code = tl_mdb_move_cursor(cursor, MDB_NEXT, tl_bytes(NULL, 0), &item);
    while (code == MDB_SUCCESS && is_sound(walk, &item) && walk->count < stat.ms_entries) {
        walk->item = item;
        walk->count++;
        code = tl_mdb_move_cursor(cursor, MDB_NEXT, tl_bytes(NULL, 0), &item);
    }
    mdb_cursor_close(cursor);
    if (code != MDB_NOTFOUND) {
        return code == MDB_SUCCESS ? MDB_CORRUPTED : code;
    }
    return walk->count == stat.ms_entries ? MDB_SUCCESS : MDB_CORRUPTED;
}

static int survey_tables(const struct tl_mdb *mdb, MDB_txn *txn)
{
    MDB_envinfo info;
    int code = mdb_env_info(mdb->env, &info);
    for (unsigned i = 0; i < OWN_TABLE_COUNT + TL_TABLE_COUNT && code == MDB_SUCCESS; i++) {
        struct walk walk = {
            .table = i < OWN_TABLE_COUNT ? i : mdb->tables[i - OWN_TABLE_COUNT],
            .last_page = info.me_last_pgno,
        };
        code = survey_table(txn, &walk);
    }
    return code;
}

static enum tally_status read_agreed(struct tl_mdb *mdb, size_t *ret_agreed)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(mdb, &txn);
    if (status == TALLY_OK) {
        *ret_agreed = mdb_txn_id(txn.handle);
        tl_mdb_read_end(&txn);
    }
    return status;
}

/*
 * Processes that have the file open agree on the newest transaction among themselves; the next to
 * open it asks the file. While a commit is being synced the file is ahead by that one.
 */
static enum tally_status survey_newest(struct tl_mdb *mdb)
{
    MDB_envinfo info;
    size_t before = 0;
    size_t after = 0;
    enum tally_status status = read_agreed(mdb, &before);
    if (status == TALLY_OK) {
        status = tl_mdb_status(mdb_env_info(mdb->env, &info));
    }
    if (status == TALLY_OK) {
        status = read_agreed(mdb, &after);
    }
    if (status != TALLY_OK) {
        return status;
    }
    return before <= info.me_last_txnid && info.me_last_txnid <= after + 1 ? TALLY_OK
                                                                           : TALLY_EFORMAT;
}

enum tally_status tl_mdb_survey(struct tl_mdb *mdb)
{
    struct tl_mdb_txn txn;
    enum tally_status status =
        tl_mdb_has_meta_pages(mdb->fd) ? survey_newest(mdb) : TALLY_EFORMAT;
    if (status == TALLY_OK) {
        status = tl_mdb_read_begin(mdb, &txn);
    }
    if (status == TALLY_OK) {
        status = tl_mdb_status(survey_tables(mdb, txn.handle));
        tl_mdb_read_end(&txn);
    }
    return status;
}
