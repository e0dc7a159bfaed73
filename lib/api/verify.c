/* SPDX-License-Identifier: ISC */
#include <tally/verify.h>

#include <errno.h>
#include <sys/stat.h>

#include "keys/ed25519.h"
#include "keys/note_key.h"
#include "lib/api/report.h"
#include "lib/archive/source.h"
#include "lib/archive/verify_ledger.h"
#include "lib/base/file.h"
#include "lib/client/connection.h"
#include "lib/codec/bundle.h"
#include "lib/codec/receipt.h"
#include "lib/verify/proof_check.h"

#define TAR_MAX (UINT64_C(1) << 40)
#define SOCKET_TIMEOUT_MS 30000

enum tally_status tally_init(void)
{
    return tl_ed25519_init();
}

static enum tally_status open_socket(const char *path, struct tl_source **ret_source)
{
    struct tl_connection *connection = NULL;
    enum tally_status status =
        tl_connection_open(path, SOCKET_TIMEOUT_MS, tl_bytes(NULL, 0), &connection);
    if (status == TALLY_OK) {
        status = tl_source_open_connection(connection, ret_source);
        if (status != TALLY_OK) {
            tl_connection_close(connection);
        }
    }
    return status;
}

static enum tally_status open_source(const char *path, struct tl_source **ret_source)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return tl_status_from_errno(errno);
    }
    if (S_ISSOCK(info.st_mode)) {
        return open_socket(path, ret_source);
    }
    return S_ISDIR(info.st_mode) ? tl_source_open_directory(path, ret_source)
                                 : tl_source_open_tar(path, TAR_MAX, ret_source);
}

enum tally_status tally_verify_ledger(const char *path, const struct tally_ledger_options *options,
                                      struct tally_report **ret_report)
{
    static const struct tally_ledger_options none = {.ledger = NULL};
    struct tl_source *source = NULL;
    struct tl_verified_ledger verified;
    if (options == NULL) {
        options = &none;
    }
    struct tl_verify_options internal = {
        .ledger = options->ledger,
        .receipts = options->receipts,
        .receipt_count = options->receipt_count,
        .since = options->since,
        .require_objects = options->require_exhibits,
        .threads = options->threads,
    };
    struct tally_report *report = tl_api_report_new();
    enum tally_status status = report == NULL ? TALLY_ENOMEM : open_source(path, &source);
    if (status == TALLY_OK) {
        status = tl_verify_ledger(source, &internal, &verified);
        tl_source_close(source);
    }
    if (status != TALLY_OK) {
        tally_report_free(report);
        return status;
    }
    report->report = verified.report;
    tl_verified_ledger_deinit(&verified);
    *ret_report = report;
    return TALLY_OK;
}

enum tally_status tally_verify_receipt(struct tally_bytes bytes, const char *vkey,
                                       const struct tally_hash *ledger,
                                       struct tally_report **ret_report)
{
    struct tl_note_key key;
    struct tl_receipt receipt;
    if (tl_note_key_parse(tl_bytes_text(vkey), &key) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    struct tally_report *report = tl_api_report_new();
    if (report == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = tl_receipt_decode(bytes, &receipt);
    if (status == TALLY_OK) {
        status = tl_receipt_check(&receipt, &key, NULL, ledger, &report->report);
        tl_receipt_deinit(&receipt);
    } else if (status != TALLY_ENOMEM) {
        tl_report_bad(&report->report, TL_CHECK_RECEIPTS, TL_NO_INDEX,
                      TALLY_REASON_RECEIPT_INVALID);
        status = TALLY_OK;
    }
    if (status != TALLY_OK) {
        tally_report_free(report);
        return status;
    }
    *ret_report = report;
    return TALLY_OK;
}

enum tally_status tally_verify_bundle(struct tally_bytes bytes, const struct tally_hash *ledger,
                                      struct tally_report **ret_report)
{
    struct tl_bundle bundle;
    struct tally_report *report = tl_api_report_new();
    if (report == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = tl_bundle_decode(bytes, &bundle, NULL);
    if (status == TALLY_OK) {
        status = tl_bundle_check(&bundle, ledger, NULL, &report->report);
        tl_bundle_deinit(&bundle);
    } else if (status != TALLY_ENOMEM) {
        tl_report_bad(&report->report, TL_CHECK_RECEIPTS, TL_NO_INDEX, TALLY_REASON_BUNDLE_INVALID);
        status = TALLY_OK;
    }
    if (status != TALLY_OK) {
        tally_report_free(report);
        return status;
    }
    *ret_report = report;
    return TALLY_OK;
}
