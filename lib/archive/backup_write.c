/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/archive/backup.h"
#include "lib/archive/publish.h"
#include "lib/archive/source_directory.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"

#define DIRECTORY_MODE 0700
#define FILE_MODE 0600
#define OTHERS (S_IRWXG | S_IRWXO)

struct writing {
    const char *directory;
    const struct tl_backup_options *options;
    struct tl_backup_made *made;
    bool has_verified; /* made->verified is there, whatever its verdict */
};

/* One at a time. A directory that others can read is not what a backup belongs in. */
static enum tally_status take(const char *directory, int *ret_fd)
{
    struct stat info;
    enum tally_status status = tl_make_directories(directory, DIRECTORY_MODE);
    if (status != TALLY_OK) {
        return status;
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        status = tl_status_from_errno(errno);
    } else if ((info.st_mode & OTHERS) != 0) {
        status = TALLY_EACCES;
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK ? TALLY_ELOCKED : tl_status_from_errno(errno);
    }
    if (status != TALLY_OK) {
        tl_close(&fd);
        return status;
    }
    *ret_fd = fd;
    return TALLY_OK;
}

/* EBAD keeps the checkpoint from its place; the report says why. */
static enum tally_status confirm(void *context, struct tally_bytes checkpoint)
{
    struct writing *writing = context;
    struct tl_source *source = NULL;
    enum tally_status status =
        tl_source_over_directory_at(writing->directory, checkpoint, &source);
    if (status == TALLY_OK) {
        status = tl_backup_verify(source, writing->options, &writing->made->verified);
    }
    tl_source_close(source);
    if (status != TALLY_OK) {
        return status;
    }
    writing->has_verified = true;
    return tl_report_exit_code(&writing->made->verified.report) == 0 ? TALLY_OK : TALLY_EBAD;
}

static enum tally_status write_mark(struct writing *writing)
{
    const struct tl_report *report = &writing->made->verified.report;
    struct tl_buffer bytes;
    char *path = tl_path_join(writing->directory, TL_BACKUP_MARK_NAME);
    if (path == NULL) {
        return TALLY_ENOMEM;
    }
    writing->made->mark = (struct tl_backup_mark){
        .verified_s = (uint64_t)time(NULL),
        .size = report->size,
        .root = report->root,
        .ledger = report->ledger,
    };
    tl_buffer_init(&bytes, TL_BACKUP_MARK_MAX);
    tl_backup_mark_encode(&writing->made->mark, &bytes);
    enum tally_status status = bytes.status;
    if (status == TALLY_OK) {
        status = tl_file_write(path, tl_buffer_bytes(&bytes), FILE_MODE, true);
    }
    tl_buffer_deinit(&bytes);
    tl_free(path);
    return status;
}

/* Nobody asked for another ledger: it is the one that was verified here before. */
static enum tally_status read_ledger(const char *directory, struct tl_backup_options *options,
                                     struct tally_hash *ledger)
{
    struct tl_backup_mark mark;
    if (options->ledger != NULL) {
        return TALLY_OK;
    }
    enum tally_status status = tl_backup_mark_read(directory, &mark);
    if (status == TALLY_OK) {
        *ledger = mark.ledger;
        options->ledger = ledger;
    }
    return status == TALLY_ENOTFOUND ? TALLY_OK : status;
}

static void on_progress(void *context, uint64_t done, uint64_t size)
{
    const struct writing *writing = context;
    if (writing->options->progress != NULL) {
        writing->options->progress(writing->options->progress_context, done, size);
    }
}

enum tally_status tl_backup_write(struct tl_source *source, const char *directory,
                                  const struct tl_backup_options *options,
                                  struct tl_backup_made *ret_made)
{
    struct tl_backup_options asked = *options;
    struct tally_hash ledger;
    struct tl_published published;
    struct writing writing = {.directory = directory, .options = &asked, .made = ret_made};
    struct tl_publish_options how = {
        .is_backup = true,
        .confirm = confirm,
        .progress = on_progress,
        .context = &writing,
    };
    int fd = -1;
    memset(ret_made, 0, sizeof *ret_made);
    enum tally_status status = take(directory, &fd);
    if (status == TALLY_OK) {
        status = read_ledger(directory, &asked, &ledger);
    }
    if (status == TALLY_OK) {
        status = tl_publish(source, directory, &how, &published);
    }
    if (status == TALLY_OK) {
        ret_made->files_written = published.files_written;
        status = write_mark(&writing);
    } else if (status == TALLY_EBAD && writing.has_verified) {
        status = TALLY_OK; /* the report is the verdict */
    }
    if (status != TALLY_OK && writing.has_verified) {
        tl_verified_ledger_deinit(&ret_made->verified);
    }
    tl_close(&fd);
    return status;
}
