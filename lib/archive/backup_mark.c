/* SPDX-License-Identifier: ISC */
#include "lib/archive/backup.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

#define FIRST_LINE "tally-backup/v1"

static void add_line(struct tl_buffer *buffer, const char *key, const char *value)
{
    tl_buffer_add_text(buffer, key);
    tl_buffer_add_text(buffer, " ");
    tl_buffer_add_text(buffer, value);
    tl_buffer_add_text(buffer, "\n");
}

void tl_backup_mark_encode(const struct tl_backup_mark *mark, struct tl_buffer *buffer)
{
    char time[TL_TIME_LEN + 1];
    char size[TL_DECIMAL_MAX];
    char root[TL_HASH_BASE64_LEN + 1];
    char ledger[TL_HASH_BASE64_LEN + 1];
    tl_time_format(mark->verified_s, time);
    (void)tl_decimal_format(mark->size, size);
    tl_hash_format(&mark->root, root);
    tl_hash_format(&mark->ledger, ledger);
    tl_buffer_add_text(buffer, FIRST_LINE "\n");
    add_line(buffer, "verified", time);
    add_line(buffer, "size", size);
    add_line(buffer, "root", root);
    add_line(buffer, "ledger", ledger);
}

static struct tally_bytes value_of(struct tl_reader *reader, const char *key)
{
    struct tally_bytes head;
    struct tally_bytes tail;
    if (!tl_split_space(tl_read_line(reader), &head, &tail) ||
        !tl_bytes_equal(head, tl_bytes_text(key))) {
        return tl_bytes(NULL, 0); /* no value is empty */
    }
    return tail;
}

enum tally_status tl_backup_mark_decode(struct tally_bytes bytes, struct tl_backup_mark *ret_mark)
{
    struct tl_backup_mark mark;
    struct tl_reader reader = tl_reader_over(bytes);
    struct tally_bytes first = tl_read_line(&reader);
    struct tally_bytes time = value_of(&reader, "verified");
    struct tally_bytes size = value_of(&reader, "size");
    struct tally_bytes root = value_of(&reader, "root");
    struct tally_bytes ledger = value_of(&reader, "ledger");
    if (tl_reader_finish(&reader) != TALLY_OK ||
        !tl_bytes_equal(first, tl_bytes_text(FIRST_LINE)) ||
        tl_time_parse(time, &mark.verified_s) != TALLY_OK ||
        tl_decimal_parse(size, &mark.size) != TALLY_OK ||
        tl_hash_parse(root, &mark.root) != TALLY_OK ||
        tl_hash_parse(ledger, &mark.ledger) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    *ret_mark = mark;
    return TALLY_OK;
}

enum tally_status tl_backup_mark_read(const char *directory, struct tl_backup_mark *ret_mark)
{
    struct tl_buffer bytes;
    char *path = tl_path_join(directory, TL_BACKUP_MARK_NAME);
    if (path == NULL) {
        return TALLY_ENOMEM;
    }
    tl_buffer_init(&bytes, TL_BACKUP_MARK_MAX);
    enum tally_status status = tl_file_read(path, &bytes);
    if (status == TALLY_OK || status == TALLY_ETOOBIG) {
        status = status == TALLY_OK ? tl_backup_mark_decode(tl_buffer_bytes(&bytes), ret_mark)
                                    : TALLY_EFORMAT;
    }
    tl_buffer_deinit(&bytes);
    tl_free(path);
    return status;
}
