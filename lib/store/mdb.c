/* SPDX-License-Identifier: ISC */
#include "lib/store/mdb.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/store/mdb_internal.h"

_Static_assert(sizeof(void *) == 8, "a map of the whole store wants 64-bit addresses");

/* Any of these loses acknowledged records or turns a full disk into a signal. */
#define FORBIDDEN_FLAGS (MDB_NOSYNC | MDB_NOMETASYNC | MDB_MAPASYNC | MDB_WRITEMAP | MDB_FIXEDMAP)

#define FORMAT_VERSION 1u
#define GROWTH_LEN 1048576u /* the file's length is a multiple of this */

enum {
    SLACK_PAGES = 256, /* of each commit, for free lists and upper levels */
    FILE_MODE = 0600,
};

static const char *const table_names[TL_TABLE_COUNT] = {
#define TABLE_NAME(name, text) text,
    TL_TABLE_MAP(TABLE_NAME)
#undef TABLE_NAME
};

enum tally_status tl_mdb_status(int code)
{
    switch (code) {
    case MDB_SUCCESS:
        return TALLY_OK;
    case MDB_NOTFOUND:
        return TALLY_ENOTFOUND;
    case MDB_KEYEXIST:
        return TALLY_EEXIST;
    case MDB_MAP_FULL:
        return TALLY_ENOSPC;
    case MDB_READERS_FULL:
        return TALLY_EBUSY;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INCOMPATIBLE:
    case MDB_CURSOR_FULL:
    case MDB_PAGE_FULL:
        return TALLY_EFORMAT;
    case MDB_PANIC:
    case MDB_MAP_RESIZED:
        return TALLY_EIO;
    default:
        return code > 0 ? tl_status_from_errno(code) : TALLY_EINTERNAL;
    }
}

/* LMDB takes what it only reads through a pointer to non-const. */
static MDB_val val_of(struct tally_bytes bytes)
{
    union {
        const uint8_t *in;
        void *out;
    } pointer = {.in = bytes.ptr};
    return (MDB_val){.mv_size = bytes.len, .mv_data = pointer.out};
}

static struct tally_bytes bytes_of(const MDB_val *val)
{
    return tl_bytes(val->mv_data, val->mv_size);
}

/* ---- The file ---- */

/*
 * The beginning of a meta page of LMDB 0.9, in the machine's byte order. The spans never change and
 * are the same in both: that it is one; magic, version and address; the length of pages, by which
 * LMDB divides, and the flags of its first table.
 */
enum { META_HEAD_LEN = 46, PAGE_LEN_OFFSET = 40, PAGE_LEN_MAX = 65536 };

static const struct {
    size_t begin;
    size_t len;
} meta_spans[] = {{10, 2}, {16, 16}, {PAGE_LEN_OFFSET, 6}};

static bool read_meta(int fd, off_t page, uint8_t *dst)
{
    return pread(fd, dst, META_HEAD_LEN, page) == META_HEAD_LEN;
}

bool tl_mdb_has_meta_pages(int fd)
{
    uint8_t first[META_HEAD_LEN];
    uint8_t second[META_HEAD_LEN];
    uint32_t page_len = 0;
    if (!read_meta(fd, 0, first)) {
        return false;
    }
    memcpy(&page_len, first + PAGE_LEN_OFFSET, sizeof page_len);
    bool same = page_len >= TL_MDB_PAGE_LEN && page_len <= PAGE_LEN_MAX &&
                (page_len & (page_len - 1)) == 0 && read_meta(fd, (off_t)page_len, second);
    for (size_t i = 0; same && i < sizeof meta_spans / sizeof meta_spans[0]; i++) {
        same = memcmp(first + meta_spans[i].begin, second + meta_spans[i].begin,
                      meta_spans[i].len) == 0;
    }
    return same;
}

/*
 * LMDB makes a new, empty ledger out of a missing or empty file, and maps one that was cut off.
 * So it is looked at before. What an earlier process failed to sync may stand in the page cache
 * as if it were on the disk: a writer wants to start from what the disk holds, and so does who
 * looks at the file before it.
 */
static enum tally_status inspect_file(const char *directory, enum tl_store_access access)
{
    char *path = tl_path_join(directory, "data.mdb");
    if (path == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = TALLY_OK;
    struct stat info;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        status = tl_status_from_errno(errno);
    } else if (!S_ISREG(info.st_mode) ||
               info.st_size < (off_t)TL_MDB_META_PAGES * TL_MDB_PAGE_LEN ||
               !tl_mdb_has_meta_pages(fd)) {
        status = TALLY_EFORMAT;
    } else if (access != TL_STORE_STOPPED) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    tl_close(&fd);
    tl_free(path);
    return status;
}

/*
 * A page beyond the end of the file is a signal to whoever reads it through the map, so a file
 * shorter than its pages is refused. LMDB alone may leave the last pages of a transaction
 * unwritten; extend_file sees to it that this never makes one of ours short.
 */
static enum tally_status measure_file(struct tl_mdb *mdb)
{
    MDB_envinfo env_info;
    MDB_stat env_stat;
    struct stat info;
    int code = mdb_env_info(mdb->env, &env_info);
    if (code == MDB_SUCCESS) {
        code = mdb_env_stat(mdb->env, &env_stat);
    }
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    if (fstat(mdb->fd, &info) != 0) {
        return tl_status_from_errno(errno);
    }
    uint64_t file_len = (uint64_t)info.st_size;
    if (env_stat.ms_psize == 0 || file_len / env_stat.ms_psize <= env_info.me_last_pgno) {
        return TALLY_EFORMAT;
    }
    mdb->page_len = env_stat.ms_psize;
    mdb->file_len = file_len;
    return TALLY_OK;
}

uint64_t tl_mdb_used(const struct tl_mdb *mdb)
{
    MDB_envinfo info;
    bool known = mdb_env_info(mdb->env, &info) == MDB_SUCCESS;
    return known ? (info.me_last_pgno + 1) * mdb->page_len : 0;
}

bool tl_mdb_has_room(const struct tl_mdb *mdb)
{
    /* The length of a page is that of the machine that made the file, 32 KiB at most. */
    uint64_t most = ((uint64_t)TL_MDB_TXN_PAGES_MAX + SLACK_PAGES) * mdb->page_len;
    return mdb->map_size >= most && tl_mdb_used(mdb) <= mdb->map_size - most;
}

/* Before a commit, so that its sync makes the length durable too. A hole costs no space. */
static enum tally_status extend_file(struct tl_mdb *mdb, uint64_t pages)
{
    MDB_envinfo info;
    int code = mdb_env_info(mdb->env, &info);
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    uint64_t wanted = (info.me_last_pgno + 1 + pages + SLACK_PAGES) * mdb->page_len;
    wanted = (wanted + GROWTH_LEN - 1) / GROWTH_LEN * GROWTH_LEN;
    if (wanted > mdb->map_size) {
        wanted = mdb->map_size;
    }
    if (wanted <= mdb->file_len) {
        return TALLY_OK;
    }
    if (ftruncate(mdb->fd, (off_t)wanted) != 0) {
        return tl_status_from_errno(errno);
    }
    mdb->file_len = wanted;
    return TALLY_OK;
}

/* ---- Opening ---- */

/* LMDB notices some of what others find out by a signal: that of a page that is not there. */
static void page_is_damaged(MDB_env *env, const char *what)
{
    (void)env;
    (void)what;
    (void)raise(SIGBUS);
}

static enum tally_status open_env(struct tl_mdb *mdb, const char *directory, unsigned flags)
{
    int code = mdb_env_create(&mdb->env);
    if (code != MDB_SUCCESS) {
        mdb->env = NULL;
        return tl_mdb_status(code);
    }
    code = mdb_env_set_assert(mdb->env, page_is_damaged);
    if (code == MDB_SUCCESS) {
        code = mdb_env_set_maxdbs(mdb->env, TL_TABLE_COUNT);
    }
    if (code == MDB_SUCCESS) {
        code = mdb_env_set_mapsize(mdb->env, mdb->map_size);
    }
    if (code == MDB_SUCCESS) {
        code = mdb_env_open(mdb->env, directory, flags, FILE_MODE);
    }
    if (code == MDB_SUCCESS) {
        code = mdb_env_get_fd(mdb->env, &mdb->fd);
    }
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    if (fcntl(mdb->fd, F_SETFD, FD_CLOEXEC) != 0) {
        return tl_status_from_errno(errno);
    }
    unsigned actual = FORBIDDEN_FLAGS;
    code = mdb_env_get_flags(mdb->env, &actual);
    TL_ASSERT(code == MDB_SUCCESS && (actual & FORBIDDEN_FLAGS) == 0);
    return measure_file(mdb);
}

static enum tally_status open_tables(struct tl_mdb *mdb, MDB_txn *txn, unsigned flags)
{
    for (size_t i = 0; i < TL_TABLE_COUNT; i++) {
        int code = mdb_dbi_open(txn, table_names[i], flags, &mdb->tables[i]);
        if (code != MDB_SUCCESS) {
            /* A file of LMDB's, but not of ours. */
            return code == MDB_NOTFOUND ? TALLY_EFORMAT : tl_mdb_status(code);
        }
    }
    return TALLY_OK;
}

static enum tally_status check_version(const struct tl_mdb_txn *txn)
{
    struct tally_bytes value;
    enum tally_status status = tl_mdb_get(txn, TL_TABLE_META, tl_bytes_text("format"), &value);
    if (status != TALLY_OK) {
        return status == TALLY_ENOTFOUND ? TALLY_EFORMAT : status;
    }
    struct tl_reader reader = tl_reader_over(value);
    uint32_t version = tl_read_u32(&reader);
    bool known = tl_reader_finish(&reader) == TALLY_OK && version == FORMAT_VERSION;
    return known ? TALLY_OK : TALLY_EFORMAT;
}

static enum tally_status load_tables(struct tl_mdb *mdb)
{
    struct tl_mdb_txn txn = {.mdb = mdb};
    int code = mdb_txn_begin(mdb->env, NULL, MDB_RDONLY, &txn.handle);
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    enum tally_status status = open_tables(mdb, txn.handle, 0);
    if (status == TALLY_OK) {
        status = check_version(&txn);
    }
    if (status != TALLY_OK) {
        mdb_txn_abort(txn.handle);
        return status;
    }
    /* Handles opened in a transaction outlive it only when it commits, a reading one too. */
    return tl_mdb_status(mdb_txn_commit(txn.handle));
}

static struct tl_mdb *new_mdb(uint64_t map_size)
{
    struct tl_mdb *mdb = (struct tl_mdb *)tl_calloc(1, sizeof *mdb);
    if (mdb == NULL) {
        return NULL;
    }
    mdb->fd = -1;
    mdb->map_size = (map_size + GROWTH_LEN - 1) / GROWTH_LEN * GROWTH_LEN;
    for (size_t i = 0; i < TL_MDB_IDLE_COUNT; i++) {
        atomic_init(&mdb->idle[i], NULL);
    }
    return mdb;
}

/* A live ledger is read at random; the others are read through, by a verification. */
static unsigned flags_of(enum tl_store_access access)
{
    static const unsigned flags[] = {
        [TL_STORE_WRITE] = MDB_NOTLS | MDB_NORDAHEAD,
        [TL_STORE_STOPPED] = MDB_NOTLS | MDB_RDONLY | MDB_NOLOCK,
        [TL_STORE_BESIDE] = MDB_NOTLS | MDB_RDONLY,
    };
    return flags[access];
}

enum tally_status tl_mdb_open(const char *directory, uint64_t map_size, enum tl_store_access access,
                              struct tl_mdb **ret_mdb)
{
    if (map_size == 0 || map_size > (uint64_t)INT64_MAX - GROWTH_LEN) {
        return TALLY_EINVAL;
    }
    enum tally_status status = inspect_file(directory, access);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_mdb *mdb = new_mdb(map_size);
    if (mdb == NULL) {
        return TALLY_ENOMEM;
    }
    status = open_env(mdb, directory, flags_of(access));
    if (status != TALLY_OK) {
        goto out;
    }
    if (access == TL_STORE_WRITE) {
        int dead = 0;
        status = tl_mdb_status(mdb_reader_check(mdb->env, &dead));
    }
    if (status == TALLY_OK) {
        status = load_tables(mdb);
    }
    if (status != TALLY_OK) {
        goto out;
    }
    *ret_mdb = mdb;
    mdb = NULL;
out:
    tl_mdb_close(mdb);
    return status;
}

void tl_mdb_close(struct tl_mdb *mdb)
{
    if (mdb == NULL) {
        return;
    }
    for (size_t i = 0; i < TL_MDB_IDLE_COUNT; i++) {
        MDB_txn *txn = atomic_exchange(&mdb->idle[i], NULL);
        if (txn != NULL) {
            mdb_txn_abort(txn);
        }
    }
    if (mdb->env != NULL) {
        mdb_env_close(mdb->env);
    }
    tl_free(mdb);
}

static enum tally_status fill_new(struct tl_mdb *mdb)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_write_begin(mdb, &txn);
    if (status != TALLY_OK) {
        return status;
    }
    status = open_tables(mdb, txn.handle, MDB_CREATE);
    if (status == TALLY_OK) {
        uint8_t version[4];
        struct tl_writer writer = tl_writer_over(version, sizeof version);
        tl_write_u32(&writer, FORMAT_VERSION);
        status = tl_mdb_insert(&txn, TL_TABLE_META, tl_bytes_text("format"),
                               tl_bytes(version, sizeof version));
    }
    if (status != TALLY_OK) {
        tl_mdb_abort(&txn);
        return status;
    }
    status = tl_mdb_commit(&txn, TL_TABLE_COUNT);
    /* The commit syncs what it wrote, but not what mdb_env_open wrote to make the file. */
    if (status == TALLY_OK && fsync(mdb->fd) != 0) {
        status = tl_status_from_errno(errno);
    }
    return status;
}

enum tally_status tl_mdb_create(const char *directory)
{
    struct tl_mdb *mdb = new_mdb(GROWTH_LEN);
    if (mdb == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = open_env(mdb, directory, MDB_NOTLS);
    if (status == TALLY_OK) {
        status = fill_new(mdb);
    }
    tl_mdb_close(mdb);
    return status;
}

/* ---- Transactions ---- */

enum tally_status tl_mdb_read_begin(struct tl_mdb *mdb, struct tl_mdb_txn *ret_txn)
{
    MDB_txn *txn = NULL;
    for (size_t i = 0; i < TL_MDB_IDLE_COUNT && txn == NULL; i++) {
        /* Looked at first: an exchange takes the cache line away from the other readers. */
        if (atomic_load_explicit(&mdb->idle[i], memory_order_relaxed) != NULL) {
            txn = atomic_exchange(&mdb->idle[i], NULL);
        }
    }
    int code;
    if (txn == NULL) {
        code = mdb_txn_begin(mdb->env, NULL, MDB_RDONLY, &txn);
    } else {
        code = mdb_txn_renew(txn);
        if (code != MDB_SUCCESS) {
            mdb_txn_abort(txn);
        }
    }
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    *ret_txn = (struct tl_mdb_txn){.mdb = mdb, .handle = txn};
    return TALLY_OK;
}

void tl_mdb_read_end(struct tl_mdb_txn *txn)
{
    TL_ASSERT(txn->handle != NULL);
    mdb_txn_reset(txn->handle);
    for (size_t i = 0; i < TL_MDB_IDLE_COUNT && txn->handle != NULL; i++) {
        MDB_txn *expected = NULL;
        if (atomic_compare_exchange_strong(&txn->mdb->idle[i], &expected, txn->handle)) {
            txn->handle = NULL;
        }
    }
    if (txn->handle != NULL) {
        mdb_txn_abort(txn->handle);
        txn->handle = NULL;
    }
}

enum tally_status tl_mdb_write_begin(struct tl_mdb *mdb, struct tl_mdb_txn *ret_txn)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(mdb->env, NULL, 0, &txn);
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    *ret_txn = (struct tl_mdb_txn){.mdb = mdb, .handle = txn};
    return TALLY_OK;
}

enum tally_status tl_mdb_commit(struct tl_mdb_txn *txn, uint64_t pages)
{
    TL_ASSERT(txn->handle != NULL);
    TL_ASSERT(pages <= TL_MDB_TXN_PAGES_MAX);
    enum tally_status status = extend_file(txn->mdb, pages);
    if (status != TALLY_OK) {
        tl_mdb_abort(txn);
        return status;
    }
    int code = mdb_txn_commit(txn->handle);
    txn->handle = NULL;
    return tl_mdb_status(code);
}

void tl_mdb_abort(struct tl_mdb_txn *txn)
{
    if (txn->handle != NULL) {
        mdb_txn_abort(txn->handle);
        txn->handle = NULL;
    }
}

/* ---- Tables ---- */

enum tally_status tl_mdb_count(const struct tl_mdb_txn *txn, enum tl_table table,
                               uint64_t *ret_count)
{
    MDB_stat stat;
    int code = mdb_stat(txn->handle, txn->mdb->tables[table], &stat);
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    *ret_count = stat.ms_entries;
    return TALLY_OK;
}

enum tally_status tl_mdb_get(const struct tl_mdb_txn *txn, enum tl_table table,
                             struct tally_bytes key, struct tally_bytes *ret_value)
{
    MDB_val key_val = val_of(key);
    MDB_val value;
    int code = mdb_get(txn->handle, txn->mdb->tables[table], &key_val, &value);
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    *ret_value = bytes_of(&value);
    return TALLY_OK;
}

static void copy_to(uint8_t *dst, struct tally_bytes bytes)
{
    if (bytes.len > 0) {
        memcpy(dst, bytes.ptr, bytes.len);
    }
}

enum tally_status tl_mdb_append(const struct tl_mdb_txn *txn, enum tl_table table,
                                struct tally_bytes key, struct tally_bytes head,
                                struct tally_bytes tail)
{
    MDB_val key_val = val_of(key);
    MDB_val value = {.mv_size = head.len + tail.len};
    int code = mdb_put(txn->handle, txn->mdb->tables[table], &key_val, &value,
                       MDB_APPEND | MDB_NOOVERWRITE | MDB_RESERVE);
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    uint8_t *dst = (uint8_t *)value.mv_data;
    copy_to(dst, head);
    copy_to(dst + head.len, tail);
    return TALLY_OK;
}

enum tally_status tl_mdb_insert(const struct tl_mdb_txn *txn, enum tl_table table,
                                struct tally_bytes key, struct tally_bytes value)
{
    MDB_val key_val = val_of(key);
    MDB_val value_val = val_of(value);
    return tl_mdb_status(
        mdb_put(txn->handle, txn->mdb->tables[table], &key_val, &value_val, MDB_NOOVERWRITE));
}

/* ---- Walking ---- */

int tl_mdb_move_cursor(MDB_cursor *cursor, MDB_cursor_op op, struct tally_bytes key,
                       struct tl_mdb_item *ret_item)
{
    MDB_val key_val = val_of(key);
    MDB_val value;
    int code = mdb_cursor_get(cursor, &key_val, &value, op);
    if (code == MDB_SUCCESS) {
        *ret_item = (struct tl_mdb_item){.key = bytes_of(&key_val), .value = bytes_of(&value)};
    }
    return code;
}

enum tally_status tl_mdb_cursor_open(const struct tl_mdb_txn *txn, enum tl_table table,
                                     struct tally_bytes key, struct tl_mdb_cursor *ret_cursor)
{
    MDB_cursor *cursor = NULL;
    int code = mdb_cursor_open(txn->handle, txn->mdb->tables[table], &cursor);
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    struct tl_mdb_item item;
    code = tl_mdb_move_cursor(cursor, MDB_SET_RANGE, key, &item);
    if (code != MDB_SUCCESS) {
        mdb_cursor_close(cursor);
        return tl_mdb_status(code);
    }
    *ret_cursor = (struct tl_mdb_cursor){.handle = cursor, .item = item};
    return TALLY_OK;
}

enum tally_status tl_mdb_cursor_next(struct tl_mdb_cursor *cursor)
{
    return tl_mdb_status(
        tl_mdb_move_cursor(cursor->handle, MDB_NEXT, tl_bytes(NULL, 0), &cursor->item));
}

void tl_mdb_cursor_close(struct tl_mdb_cursor *cursor)
{
    mdb_cursor_close(cursor->handle);
    cursor->handle = NULL;
}

enum tally_status tl_mdb_first_from(const struct tl_mdb_txn *txn, enum tl_table table,
                                    struct tally_bytes key, struct tl_mdb_item *ret_item)
{
    struct tl_mdb_cursor cursor = {.handle = NULL};
    enum tally_status status = tl_mdb_cursor_open(txn, table, key, &cursor);
    if (status != TALLY_OK) {
        return status;
    }
    *ret_item = cursor.item;
    tl_mdb_cursor_close(&cursor);
    return TALLY_OK;
}

enum tally_status tl_mdb_last_before(const struct tl_mdb_txn *txn, enum tl_table table,
                                     struct tally_bytes key, struct tl_mdb_item *ret_item)
{
    MDB_cursor *cursor = NULL;
    int code = mdb_cursor_open(txn->handle, txn->mdb->tables[table], &cursor);
    if (code != MDB_SUCCESS) {
        return tl_mdb_status(code);
    }
    struct tl_mdb_item item;
    code = tl_mdb_move_cursor(cursor, MDB_SET_RANGE, key, &item);
    MDB_cursor_op op = code == MDB_NOTFOUND ? MDB_LAST : MDB_PREV;
    if (code == MDB_SUCCESS || code == MDB_NOTFOUND) {
        code = tl_mdb_move_cursor(cursor, op, tl_bytes(NULL, 0), &item);
    }
    mdb_cursor_close(cursor);
    if (code == MDB_SUCCESS) {
        *ret_item = item;
    }
    return tl_mdb_status(code);
}
