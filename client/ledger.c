/* SPDX-License-Identifier: ISC */
#include "client/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/exit_code.h"
#include "client/ledger_store.h"
#include "client/output.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"

#define PEEK_LEN 64u
#define TAR_MAX UINT64_C(1099511627776) /* 1 TiB unpacked */

static int peek_file(const char *path, enum ledger_kind *ret_kind)
{
    static const char receipt[] = "c2sp.org/tlog-proof@v1\n";
    static const char bundle[] = "tally-bundle/v1\n";
    uint8_t head[PEEK_LEN];
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum tally_status status =
        fd < 0 ? tl_status_from_errno(errno) : tl_read_full(fd, head, sizeof head, &len);
    tl_close(&fd);
    if (status != TALLY_OK) {
        out_error("%s: %s", path, tally_status_text(status));
        return exit_code_of(status);
    }
    *ret_kind = LEDGER_TAR;
    if (tl_bytes_starts_with(tl_bytes(head, len), receipt)) {
        *ret_kind = LEDGER_RECEIPT_FILE;
    } else if (tl_bytes_starts_with(tl_bytes(head, len), bundle)) {
        *ret_kind = LEDGER_BUNDLE_FILE;
    }
    return 0;
}

static bool has_child(const char *path, const char *name)
{
    struct stat info;
    char *child = tl_path_join(path, name);
    bool found = child != NULL && stat(child, &info) == 0;
    tl_free(child);
    return found;
}

int ledger_kind_of(const char *path, enum ledger_kind *ret_kind)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        out_error("%s: no such file, directory or socket", path);
        return EXIT_UNREACHED;
    }
    if (S_ISSOCK(info.st_mode)) {
        *ret_kind = LEDGER_SOCKET;
        return 0;
    }
    if (S_ISREG(info.st_mode)) {
        return peek_file(path, ret_kind);
    }
    if (S_ISDIR(info.st_mode) && has_child(path, "store")) {
        *ret_kind = LEDGER_STORE;
        return 0;
    }
    if (S_ISDIR(info.st_mode) && has_child(path, "checkpoint")) {
        *ret_kind = LEDGER_DIRECTORY;
        return 0;
    }
    out_error("%s: neither an archive (no file \"checkpoint\") nor a data directory (no \"store\")",
              path);
    return EXIT_UNREACHED;
}

static int failed_to_connect(const char *path, enum tally_status status)
{
    const char *remedy = "is tallyd running?";
    if (status == TALLY_EACCES) {
        remedy = "you must be in the group that owns the socket";
    } else if (status == TALLY_EINVAL) {
        remedy = "the path is longer than a socket's can be: use a shorter one or a link";
    } else if (status == TALLY_EPROTOCOL || status == TALLY_ETOOBIG) {
        remedy = "what answers there does not speak as a tallyd of this version does";
    } else if (status == TALLY_ESTOPPED) {
        remedy = "the daemon holds a shorter or another history than a checkpoint that you hold: "
                 "keep your receipts and tell the operator";
    }
    out_error("%s: %s (%s)", path, tally_status_text(status), remedy);
    return exit_code_of(status);
}

static int open_socket(const char *path, struct tally_bytes held, struct tl_source **ret_source)
{
    struct tl_connection *connection = NULL;
    enum tally_status status = tl_connection_open(path, LEDGER_TIMEOUT_MS, held, &connection);
    if (status == TALLY_ESTOPPED) {
        out_warning("%s: the daemon has stopped signing: a checkpoint that you hold is ahead of it "
                    "or contradicts it",
                    path);
        status = tl_connection_open(path, LEDGER_TIMEOUT_MS, tl_bytes(NULL, 0), &connection);
    }
    if (status == TALLY_OK) {
        status = tl_source_open_connection(connection, ret_source);
        if (status != TALLY_OK) {
            tl_connection_close(connection);
        }
    }
    return status == TALLY_OK ? 0 : failed_to_connect(path, status);
}

static int open_other(const char *path, enum ledger_kind kind, struct tl_source **ret_source)
{
    enum tally_status status = TALLY_EINVAL;
    switch (kind) {
    case LEDGER_STORE:
        return ledger_open_store(path, ret_source);
    case LEDGER_DIRECTORY:
        status = tl_source_open_directory(path, ret_source);
        break;
    case LEDGER_TAR:
        status = tl_source_open_tar(path, TAR_MAX, ret_source);
        break;
    case LEDGER_RECEIPT_FILE:
    case LEDGER_BUNDLE_FILE:
        out_error("%s: holds single entries, not a whole ledger", path);
        return EXIT_USAGE;
    case LEDGER_SOCKET:
        break;
    }
    if (status == TALLY_EFORMAT || status == TALLY_ETRUNCATED) {
        out_error("%s: neither a receipt, a bundle nor a whole tar of an archive", path);
    } else if (status != TALLY_OK) {
        out_error("%s: %s", path, tally_status_text(status));
    }
    return status == TALLY_OK ? 0 : EXIT_UNREACHED;
}

void ledger_say_fault(const char *what, const struct tl_connection *connection,
                      enum tally_status status)
{
    const char *words = tl_connection_error(connection);
    out_error("%s: %s%s%s", what, tally_status_text(status), words[0] == '\0' ? "" : ": ", words);
}

const char *ledger_source_name(const char *path)
{
    if (path == NULL) {
        path = getenv("TALLY_SOURCE");
    }
    return path == NULL || path[0] == '\0' ? LEDGER_READ_SOCKET : path;
}

int ledger_open(const char *path, struct tally_bytes held, struct tl_source **ret_source)
{
    enum ledger_kind kind;
    path = ledger_source_name(path);
    int code = ledger_kind_of(path, &kind);
    if (code != 0) {
        return code;
    }
    return kind == LEDGER_SOCKET ? open_socket(path, held, ret_source)
                                 : open_other(path, kind, ret_source);
}

int ledger_connect(const char *path, struct tally_bytes held, struct tl_connection **ret_connection)
{
    if (path == NULL) {
        path = getenv("TALLY_SOCKET");
    }
    if (path == NULL || path[0] == '\0') {
        path = LEDGER_SUBMIT_SOCKET;
    }
    enum tally_status status = tl_connection_open(path, LEDGER_TIMEOUT_MS, held, ret_connection);
    return status == TALLY_OK ? 0 : failed_to_connect(path, status);
}
