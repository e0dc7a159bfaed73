/* SPDX-License-Identifier: ISC */
/*
 * Tars of archives, the one file that an auditor takes home. The only file that knows libarchive.
 *
 * A tar comes from a stranger. It is never unpacked as it stands: a member is looked at only when
 * it is a regular file whose name is an archive path (tl_resource_parse knows no ".." and no
 * absolute path), and what is made of it is made by that path inside a private directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "lib/archive/publish.h"
#include "lib/archive/source_directory.h"
#include "lib/archive/temporary.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/codec/checkpoint.h"

#define PIECE_LEN 8192u
#define MEMBER_LEN_MIN 512u /* what an empty member counts: its header takes as much */
#define PREFIX_MAX 255u     /* bytes of the one directory that an archive may stand in */
#define FILE_MODE 0644
#define DIRECTORY_MODE 0700

struct unpacking {
    struct archive *archive;
    const char *directory; /* where to */
    uint64_t room;         /* bytes that may still be unpacked */
    bool has_prefix;
    char prefix[PREFIX_MAX + 1];
    bool has_checkpoint;
};

struct tar_source {
    struct tl_source source;
    struct tl_source *directory;
    char *path; /* of the private directory; owned */
};

static enum tally_status archive_status(struct archive *archive, int result)
{
    switch (result) {
    case ARCHIVE_OK:
    case ARCHIVE_WARN:
        return TALLY_OK;
    case ARCHIVE_FATAL:
        if (archive_errno(archive) == ENOMEM) {
            return TALLY_ENOMEM;
        }
        return archive_errno(archive) == EIO ? TALLY_EIO : TALLY_EFORMAT;
    default:
        return TALLY_EFORMAT;
    }
}

/*
 * An archive path, at the top or below one directory, which may be ".": *ret_prefix is its name.
 * An absolute name has an empty one there, and ".." leads nowhere that an archive could be.
 */
static bool archive_path(const char *name, struct tally_bytes *ret_prefix,
                         struct tally_bytes *ret_path)
{
    struct tl_resource unused;
    *ret_path = tl_bytes_text(name);
    *ret_prefix = tl_bytes(name, 0);
    if (tl_resource_parse(*ret_path, &unused) == TALLY_OK) {
        return true;
    }
    const char *slash = strchr(name, '/');
    if (slash == NULL) {
        return false;
    }
    *ret_prefix = tl_bytes(name, (size_t)(slash - name));
    *ret_path = tl_bytes_text(slash + 1);
    return ret_prefix->len > 0 && ret_prefix->len <= PREFIX_MAX &&
           !tl_bytes_equal(*ret_prefix, tl_bytes_text("..")) &&
           tl_resource_parse(*ret_path, &unused) == TALLY_OK;
}

/* All members of one archive stand in one place: two archives in one tar are nobody's archive. */
static bool same_prefix(struct unpacking *unpacking, struct tally_bytes prefix)
{
    if (!unpacking->has_prefix) {
        memcpy(unpacking->prefix, prefix.ptr, prefix.len);
        unpacking->prefix[prefix.len] = '\0';
        unpacking->has_prefix = true;
    }
    return tl_bytes_equal(prefix, tl_bytes_text(unpacking->prefix));
}

static bool take_room(struct unpacking *unpacking, uint64_t len)
{
    if (len > unpacking->room) {
        return false;
    }
    unpacking->room -= len;
    return true;
}

static enum tally_status unpack_data(struct unpacking *unpacking, int fd)
{
    uint8_t piece[PIECE_LEN];
    for (;;) {
        la_ssize_t got = archive_read_data(unpacking->archive, piece, sizeof piece);
        if (got < 0) {
            enum tally_status status = archive_status(unpacking->archive, (int)got);
            return status == TALLY_OK ? TALLY_EFORMAT : status;
        }
        if (got == 0) {
            return TALLY_OK;
        }
        if (!take_room(unpacking, (uint64_t)got)) {
            return TALLY_ETOOBIG;
        }
        enum tally_status status = tl_write_full(fd, tl_bytes(piece, (size_t)got));
        if (status != TALLY_OK) {
            return status;
        }
    }
}

static enum tally_status make_parent(const char *path)
{
    char *parent = tl_path_join(path, "");
    if (parent == NULL) {
        return TALLY_ENOMEM;
    }
    parent[strlen(path)] = '\0';
    char *slash = strrchr(parent, '/');
    *slash = '\0';
    enum tally_status status = tl_make_directories(parent, DIRECTORY_MODE);
    tl_free(parent);
    return status;
}

static enum tally_status unpack_member(struct unpacking *unpacking, struct tally_bytes path)
{
    char name[TL_RESOURCE_PATH_MAX];
    memcpy(name, path.ptr, path.len); /* a parsed path is shorter than that */
    name[path.len] = '\0';
    char *to = tl_path_join(unpacking->directory, name);
    if (to == NULL) {
        return TALLY_ENOMEM;
    }
    int fd = -1;
    enum tally_status status = make_parent(to);
    if (status == TALLY_OK) {
        fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        if (fd < 0) {
            /* Which of two members of one name counts is a question without an answer. */
            status = errno == EEXIST ? TALLY_EFORMAT : tl_status_from_errno(errno);
        }
    }
    tl_free(to);
    if (status == TALLY_OK) {
        status = unpack_data(unpacking, fd);
    }
    tl_close(&fd);
    if (strcmp(name, TL_PATH_CHECKPOINT) == 0) {
        unpacking->has_checkpoint = true;
    }
    return status;
}

static enum tally_status unpack_entry(struct unpacking *unpacking, struct archive_entry *entry)
{
    struct tally_bytes prefix;
    struct tally_bytes path;
    const char *name = archive_entry_pathname(entry);
    if (!take_room(unpacking, MEMBER_LEN_MIN)) {
        return TALLY_ETOOBIG;
    }
    if (name == NULL || archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_hardlink(entry) != NULL || !archive_path(name, &prefix, &path)) {
        /* Passed over, but not for nothing: what a stranger compresses well costs time. */
        int64_t size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : 0;
        return size < 0 || take_room(unpacking, (uint64_t)size) ? TALLY_OK : TALLY_ETOOBIG;
    }
    return same_prefix(unpacking, prefix) ? unpack_member(unpacking, path) : TALLY_EFORMAT;
}

static enum tally_status unpack_all(struct unpacking *unpacking)
{
    for (;;) {
        struct archive_entry *entry = NULL;
        int result = archive_read_next_header(unpacking->archive, &entry);
        if (result == ARCHIVE_EOF) {
            return unpacking->has_checkpoint ? TALLY_OK : TALLY_EFORMAT;
        }
        enum tally_status status = archive_status(unpacking->archive, result);
        if (status == TALLY_OK) {
            status = unpack_entry(unpacking, entry);
        }
        if (status != TALLY_OK) {
            return status;
        }
    }
}

/* Named one by one: libarchive's "all" would also run outside programs to decompress. */
static bool support_formats(struct archive *archive)
{
    return archive_read_support_format_tar(archive) == ARCHIVE_OK &&
           archive_read_support_filter_gzip(archive) == ARCHIVE_OK &&
           archive_read_support_filter_bzip2(archive) == ARCHIVE_OK &&
           archive_read_support_filter_xz(archive) == ARCHIVE_OK &&
           archive_read_support_filter_zstd(archive) == ARCHIVE_OK;
}

static enum tally_status unpack(const char *path, uint64_t max_bytes, const char *directory)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return tl_status_from_errno(errno);
    }
    struct unpacking *unpacking = tl_calloc(1, sizeof *unpacking);
    struct archive *archive = archive_read_new();
    enum tally_status status = TALLY_OK;
    if (unpacking == NULL || archive == NULL) {
        status = TALLY_ENOMEM;
    } else if (!support_formats(archive)) {
        status = TALLY_EUNSUPPORTED;
    } else {
        unpacking->archive = archive;
        unpacking->directory = directory;
        unpacking->room = max_bytes;
        status = archive_status(archive, archive_read_open_fd(archive, fd, PIECE_LEN));
    }
    if (status == TALLY_OK) {
        status = unpack_all(unpacking);
    }
    (void)archive_read_free(archive);
    tl_free(unpacking);
    tl_close(&fd);
    return status;
}

static enum tally_status tar_read(struct tl_source *source, const char *path,
                                  struct tl_buffer *buffer)
{
    return tl_source_read(((struct tar_source *)source)->directory, path, buffer);
}

static enum tally_status tar_stream(struct tl_source *source, const char *path, tl_chunk_fn chunk,
                                    void *context)
{
    return tl_source_stream(((struct tar_source *)source)->directory, path, chunk, context);
}

static void tar_close(struct tl_source *source)
{
    struct tar_source *self = (struct tar_source *)source;
    tl_source_close(self->directory);
    tl_temporary_directory_remove(self->path);
    tl_free(self->path);
    tl_free(self);
}

static const struct tl_source_ops tar_ops = {
    .read = tar_read,
    .stream = tar_stream,
    .prefetch = NULL,
    .close = tar_close,
};

enum tally_status tl_source_open_tar(const char *path, uint64_t max_bytes,
                                     struct tl_source **ret_source)
{
    struct tar_source *self = tl_calloc(1, sizeof *self);
    if (self == NULL) {
        return TALLY_ENOMEM;
    }
    self->source.ops = &tar_ops;
    enum tally_status status = tl_temporary_directory(&self->path);
    if (status == TALLY_OK) {
        status = unpack(path, max_bytes, self->path);
    }
    if (status == TALLY_OK) {
        status = tl_source_open_directory(self->path, &self->directory);
    }
    if (status != TALLY_OK) {
        tar_close(&self->source);
        return status;
    }
    *ret_source = &self->source;
    return TALLY_OK;
}

/* ---- Writing ---- */

static int compare_names(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/*
 * What the checkpoint of this size is made of. Older partial tiles, which an archive may keep, stay
 * out: two archives of one ledger at one size give one and the same tar.
 */
static bool belongs(struct tally_bytes path, uint64_t size)
{
    struct tl_resource resource;
    if (tl_resource_parse(path, &resource) != TALLY_OK) {
        return false;
    }
    switch (resource.kind) {
    case TL_RESOURCE_CHECKPOINT:
    case TL_RESOURCE_OBJECT:
        return true;
    case TL_RESOURCE_TILE:
        return resource.tile.width ==
               tl_tile_width(size, resource.tile.level, resource.tile.n);
    case TL_RESOURCE_PARTS:
        return resource.index < size;
    }
    return false;
}

static enum tally_status pack_data(struct archive *archive, const char *path, uint64_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return tl_status_from_errno(errno);
    }
    uint8_t piece[PIECE_LEN];
    size_t got = sizeof piece;
    uint64_t total = 0;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK && got == sizeof piece) {
        status = tl_read_full(fd, piece, sizeof piece, &got);
        total += got;
        if (status == TALLY_OK && got > 0 &&
            archive_write_data(archive, piece, got) != (la_ssize_t)got) {
            status = TALLY_EIO;
        }
    }
    tl_close(&fd);
    /* A file that changes under our hands would give a tar that nobody can read. */
    return status == TALLY_OK && total != size ? TALLY_EIO : status;
}

static enum tally_status pack_file(struct archive *archive, const FTSENT *file, const char *name)
{
    struct archive_entry *entry = archive_entry_new();
    if (entry == NULL) {
        return TALLY_ENOMEM;
    }
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, FILE_MODE);
    archive_entry_set_size(entry, file->fts_statp->st_size);
    archive_entry_set_mtime(entry, 0, 0);
    enum tally_status status =
        archive_write_header(archive, entry) == ARCHIVE_OK ? TALLY_OK : TALLY_EIO;
    if (status == TALLY_OK) {
        status = pack_data(archive, file->fts_accpath, (uint64_t)file->fts_statp->st_size);
    }
    archive_entry_free(entry);
    return status;
}

static enum tally_status pack_tree(struct archive *archive, const char *directory, uint64_t size)
{
    char *root = tl_path_join(directory, "");
    if (root == NULL) {
        return TALLY_ENOMEM;
    }
    size_t root_len = strlen(directory);
    while (root_len > 1 && root[root_len - 1] == '/') {
        root_len--;
    }
    root[root_len] = '\0';
    char *const roots[] = {root, NULL};
    enum tally_status status = TALLY_OK;
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_names);
    FTSENT *file = NULL;
    if (walk == NULL) {
        status = tl_status_from_errno(errno);
    }
    while (status == TALLY_OK && (file = fts_read(walk)) != NULL) {
        if (file->fts_info == FTS_DNR || file->fts_info == FTS_ERR ||
            file->fts_info == FTS_NS) {
            status = tl_status_from_errno(file->fts_errno);
        } else if (file->fts_info == FTS_F && file->fts_pathlen > root_len + 1) {
            const char *name = file->fts_path + root_len + 1;
            if (belongs(tl_bytes_text(name), size)) {
                status = pack_file(archive, file, name);
            }
        }
    }
    if (walk != NULL) {
        (void)fts_close(walk);
    }
    tl_free(root);
    return status;
}

static enum tally_status checkpoint_size(const char *directory, uint64_t *ret_size)
{
    struct tl_source *source = NULL;
    struct tl_buffer buffer;
    struct tl_note note;
    struct tl_checkpoint checkpoint;
    tl_buffer_init(&buffer, TL_NOTE_MAX);
    enum tally_status status = tl_source_open_directory(directory, &source);
    if (status == TALLY_OK) {
        status = tl_source_read(source, TL_PATH_CHECKPOINT, &buffer);
    }
    if (status == TALLY_OK) {
        status = tl_note_decode(tl_buffer_bytes(&buffer), &note);
    }
    if (status == TALLY_OK) {
        status = tl_checkpoint_decode(note.text, &checkpoint);
    }
    if (status == TALLY_OK) {
        *ret_size = checkpoint.size;
    }
    tl_source_close(source);
    tl_buffer_deinit(&buffer);
    return status;
}

static enum tally_status pack(int fd, const char *directory, uint64_t size)
{
    struct archive *archive = archive_write_new();
    if (archive == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = TALLY_OK;
    if (archive_write_set_format_pax_restricted(archive) != ARCHIVE_OK ||
        archive_write_open_fd(archive, fd) != ARCHIVE_OK) {
        status = TALLY_EIO;
    }
    if (status == TALLY_OK) {
        status = pack_tree(archive, directory, size);
    }
    if (archive_write_close(archive) != ARCHIVE_OK && status == TALLY_OK) {
        status = TALLY_EIO;
    }
    (void)archive_write_free(archive);
    if (status == TALLY_OK && fsync(fd) != 0) {
        status = tl_status_from_errno(errno);
    }
    return status;
}

enum tally_status tl_archive_to_tar(const char *directory, const char *tar_path)
{
    uint64_t size = 0;
    enum tally_status status = checkpoint_size(directory, &size);
    if (status != TALLY_OK) {
        return status;
    }
    static const char suffix[] = ".XXXXXX";
    size_t len = strlen(tar_path);
    char *temporary = tl_alloc(len + sizeof suffix);
    if (temporary == NULL) {
        return TALLY_ENOMEM;
    }
    memcpy(temporary, tar_path, len);
    memcpy(temporary + len, suffix, sizeof suffix);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        status = tl_status_from_errno(errno);
        tl_free(temporary);
        return status;
    }
    status = pack(fd, directory, size);
    if (status == TALLY_OK && (fchmod(fd, FILE_MODE) != 0 || rename(temporary, tar_path) != 0)) {
        status = tl_status_from_errno(errno);
    }
    if (status != TALLY_OK) {
        (void)unlink(temporary);
    }
    tl_close(&fd);
    tl_free(temporary);
    return status;
}
