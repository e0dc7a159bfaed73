/* SPDX-License-Identifier: ISC */
#include "lib/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/store/store_internal.h"

enum {
    DIRECTORY_MODE = 0700,
    LOCK_MODE = 0600,
};

/* ---- File systems ---- */

enum suitability {
    READ_ONLY, /* a copy may be read from it */
    IN_MEMORY, /* written too, and gone with the power: tests and trials */
    DURABLE,
};

struct filesystem {
    uint32_t type; /* f_type of statfs(2) */
    enum suitability suitability;
};

/*
 * What is not here is refused. Network and user-space file systems give neither the locks nor the
 * coherent maps nor the syncs that the store stands on. An overlay is as good as its upper layer,
 * which cannot be asked for; containers have nothing else.
 */
static const struct filesystem filesystems[] = {
    {0x0000EF53, DURABLE},   /* ext2, ext3, ext4 */
    {0x58465342, DURABLE},   /* xfs */
    {0x9123683E, DURABLE},   /* btrfs */
    {0x2FC12FC1, DURABLE},   /* zfs */
    {0xF2F52010, DURABLE},   /* f2fs */
    {0x794C7630, DURABLE},   /* overlay */
    {0x01021994, IN_MEMORY}, /* tmpfs */
    {0x73717368, READ_ONLY}, /* squashfs */
    {0xE0F5E1E2, READ_ONLY}, /* erofs */
    {0x00009660, READ_ONLY}, /* iso9660 */
    {0x15013346, READ_ONLY}, /* udf */
    {0x00004D44, READ_ONLY}, /* vfat */
    {0x2011BAB0, READ_ONLY}, /* exfat */
};

static const struct filesystem *find_filesystem(uint32_t type)
{
    for (size_t i = 0; i < sizeof filesystems / sizeof filesystems[0]; i++) {
        if (filesystems[i].type == type) {
            return &filesystems[i];
        }
    }
    return NULL;
}

static bool suits(const struct filesystem *filesystem, bool read_only)
{
    return filesystem != NULL && (read_only || filesystem->suitability != READ_ONLY);
}

bool tl_filesystem_suits(uint32_t type, bool read_only)
{
    return suits(find_filesystem(type), read_only);
}

static enum tally_status check_filesystem(const char *directory, bool read_only,
                                          bool *ret_in_memory)
{
    struct statfs info;
    int result;
    do {
        result = statfs(directory, &info);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return tl_status_from_errno(errno);
    }
    const struct filesystem *filesystem = find_filesystem((uint32_t)info.f_type);
    if (!suits(filesystem, read_only)) {
        return TALLY_EUNSUPPORTED;
    }
    *ret_in_memory = filesystem->suitability == IN_MEMORY;
    return TALLY_OK;
}

/* ---- The lock ---- */

/*
 * Bytes of the lock file. A writer excludes everybody, readers of a copy only the writer; whoever
 * reads beside a writer excludes only its successor, which wants no page of the file held by
 * others when it opens. A lock belongs to the open file, so closing some other descriptor of the
 * file does not drop it, and it ends with the process.
 */
enum lock_byte {
    BYTE_OF_OWNER,
    BYTE_BESIDE,
};

static enum tally_status lock_byte(int fd, enum lock_byte byte, short type, int command)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int result;
    do {
        result = fcntl(fd, command, &lock);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return TALLY_OK;
    }
    return errno == EAGAIN || errno == EACCES ? TALLY_ELOCKED : tl_status_from_errno(errno);
}

static enum tally_status lock_for(int fd, enum tl_store_access access)
{
    if (access == TL_STORE_BESIDE) {
        return lock_byte(fd, BYTE_BESIDE, F_RDLCK, F_OFD_SETLK);
    }
    bool writes = access == TL_STORE_WRITE;
    enum tally_status status =
        lock_byte(fd, BYTE_OF_OWNER, writes ? F_WRLCK : F_RDLCK, F_OFD_SETLK);
    if (status == TALLY_OK && writes) {
        status = lock_byte(fd, BYTE_BESIDE, F_WRLCK, F_OFD_SETLKW);
        if (status == TALLY_OK) {
            status = lock_byte(fd, BYTE_BESIDE, F_UNLCK, F_OFD_SETLK);
        }
    }
    return status;
}

/* A copy that has no lock file and cannot be given one is read without. */
static enum tally_status open_lock(const char *path, bool read_only, int *ret_fd)
{
    int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = open(path, flags | (read_only ? O_RDONLY : O_RDWR | O_CREAT), LOCK_MODE);
    if (fd < 0 && read_only && errno == ENOENT) {
        fd = open(path, flags | O_RDWR | O_CREAT, LOCK_MODE);
        if (fd < 0 && (errno == EROFS || errno == EACCES || errno == EPERM)) {
            *ret_fd = -1;
            return TALLY_OK;
        }
    }
    if (fd < 0) {
        return tl_status_from_errno(errno);
    }
    *ret_fd = fd;
    return TALLY_OK;
}

static enum tally_status take_lock(const char *directory, enum tl_store_access access, int *ret_fd)
{
    char *path = tl_path_join(directory, "lock");
    if (path == NULL) {
        return TALLY_ENOMEM;
    }
    int fd = -1;
    enum tally_status status = open_lock(path, access == TL_STORE_STOPPED, &fd);
    if (status == TALLY_OK && fd >= 0) {
        status = lock_for(fd, access);
    }
    tl_free(path);
    if (status != TALLY_OK) {
        tl_close(&fd);
        return status;
    }
    *ret_fd = fd;
    return TALLY_OK;
}

/* ---- Creating ---- */

/* Makes directory/name; EEXIST. */
static enum tally_status make_directory(const char *directory, const char *name)
{
    char *path = tl_path_join(directory, name);
    if (path == NULL) {
        return TALLY_ENOMEM;
    }
    int result = mkdir(path, DIRECTORY_MODE);
    enum tally_status status = result == 0 ? TALLY_OK : tl_status_from_errno(errno);
    tl_free(path);
    return status;
}

static enum tally_status sync_directory(const char *directory, const char *name)
{
    char *path = tl_path_join(directory, name);
    if (path == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = tl_sync_directory(path);
    tl_free(path);
    return status;
}

static enum tally_status create_file(const char *directory)
{
    char *path = tl_path_join(directory, "store");
    if (path == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = tl_mdb_create(path);
    tl_free(path);
    return status;
}

enum tally_status tl_store_create(const char *directory)
{
    static const char *const names[] = {"store", "exhibits", "exhibits/deposits",
                                        "exhibits/incoming", "."};
    enum { MADE_COUNT = 4, SYNCED_COUNT = 5 };
    bool in_memory;
    enum tally_status status = check_filesystem(directory, false, &in_memory);
    if (status != TALLY_OK) {
        return status;
    }
    int lock_fd = -1;
    status = take_lock(directory, TL_STORE_WRITE, &lock_fd);
    for (size_t i = 0; i < MADE_COUNT && status == TALLY_OK; i++) {
        status = make_directory(directory, names[i]);
    }
    if (status == TALLY_OK) {
        status = create_file(directory);
    }
    for (size_t i = 0; i < SYNCED_COUNT && status == TALLY_OK; i++) {
        status = sync_directory(directory, names[i]);
    }
    tl_close(&lock_fd);
    return status;
}

/* ---- Opening ---- */

/* The newest record must be there and say so itself. */
static enum tally_status check_newest(struct tl_store *store, uint64_t size)
{
    if (size == 0) {
        return TALLY_OK;
    }
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TALLY_RECORD_MAX);
    enum tally_status status = tl_store_record(store, size - 1, &buffer, NULL);
    tl_buffer_deinit(&buffer);
    return status;
}

static enum tally_status load_size(struct tl_store *store)
{
    struct tl_mdb_txn txn;
    enum tally_status status = tl_mdb_read_begin(store->mdb, &txn);
    if (status != TALLY_OK) {
        return status;
    }
    uint64_t size = 0;
    status = tl_store_txn_size(&txn, &size);
    tl_mdb_read_end(&txn);
    if (status != TALLY_OK) {
        return status;
    }
    atomic_store(&store->size, size);
    status = check_newest(store, size);
    if (status == TALLY_OK) {
        status = tl_tree_edge_load(size, tl_store_fetch_node, store, &store->edge);
    }
    return status == TALLY_ENOTFOUND ? TALLY_EFORMAT : status;
}

static enum tally_status open_parts(struct tl_store *store, uint64_t map_size)
{
    enum tally_status status =
        check_filesystem(store->directory, store->access == TL_STORE_STOPPED, &store->in_memory);
    if (status != TALLY_OK) {
        return status;
    }
    char *path = tl_path_join(store->directory, "store");
    if (path == NULL) {
        return TALLY_ENOMEM;
    }
    struct stat info;
    /* Before the lock, which leaves a file in a directory that is no ledger's. */
    if (stat(path, &info) != 0) {
        status = tl_status_from_errno(errno);
    }
    if (status == TALLY_OK) {
        status = take_lock(store->directory, store->access, &store->lock_fd);
    }
    if (status == TALLY_OK) {
        status = tl_mdb_open(path, map_size, store->access, &store->mdb);
    }
    tl_free(path);
    return status == TALLY_OK ? load_size(store) : status;
}

enum tally_status tl_store_open(const char *directory, uint64_t map_size,
                                enum tl_store_access access, struct tl_store **ret_store)
{
    struct tl_store *store = (struct tl_store *)tl_calloc(1, sizeof *store);
    if (store == NULL) {
        return TALLY_ENOMEM;
    }
    store->lock_fd = -1;
    store->access = access;
    atomic_init(&store->size, 0);
    enum tally_status status = TALLY_ENOMEM;
    size_t len = strlen(directory) + 1;
    store->directory = (char *)tl_alloc(len);
    if (store->directory == NULL) {
        goto out;
    }
    memcpy(store->directory, directory, len);
    status = open_parts(store, map_size);
    if (status != TALLY_OK) {
        goto out;
    }
    *ret_store = store;
    store = NULL;
out:
    tl_store_close(store);
    return status;
}

void tl_store_close(struct tl_store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->batch.open) {
        tl_batch_abort(&store->batch);
    }
    tl_mdb_close(store->mdb);
    tl_close(&store->lock_fd);
    tl_free(store->directory);
    tl_free(store);
}

enum tally_status tl_store_survey(struct tl_store *store)
{
    return tl_mdb_survey(store->mdb);
}

enum tally_status tl_store_refresh(struct tl_store *store)
{
    TL_ASSERT(store->access == TL_STORE_BESIDE);
    return load_size(store);
}

uint64_t tl_store_size(const struct tl_store *store)
{
    return atomic_load(&store->size);
}

const char *tl_store_directory(const struct tl_store *store)
{
    return store->directory;
}

bool tl_store_in_memory(const struct tl_store *store)
{
    return store->in_memory;
}

uint64_t tl_store_used(const struct tl_store *store)
{
    return tl_mdb_used(store->mdb);
}

bool tl_store_has_room(const struct tl_store *store)
{
    return tl_mdb_has_room(store->mdb);
}
