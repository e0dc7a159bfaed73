/* SPDX-License-Identifier: ISC */
#include "client/restore_check.h"

#include "client/backup.h"
#include "client/exit_code.h"
#include "client/output.h"
#include "lib/base/sha256.h"
#include "lib/codec/receipt.h"
#include "lib/store/rebuild.h"

#define MAP_SIZE (UINT64_C(1) << 40)
#define SAMPLE_COUNT 256u

static int check_store(const char *directory, const struct tl_verified_ledger *verified,
                       unsigned threads)
{
    struct tl_store_verdict verdict;
    struct tl_backup_options options = {.ledger = &verified->report.ledger, .threads = threads};
    enum tally_status status = tl_store_verify_directory(
        directory, tl_buffer_bytes(&verified->checkpoint), &options, &verdict);
    if (status != TALLY_OK) {
        out_error("%s: what was restored cannot be read back: %s", directory,
                  tally_status_text(status));
        return exit_code_of(status);
    }
    int code = tl_report_exit_code(&verdict.verified.report);
    if (code != EXIT_DONE) {
        backup_say_bad(directory, &verdict.verified.report);
    } else if (verdict.wrong_index != TL_NO_INDEX || verdict.size != verified->report.size) {
        out_error("%s: what was restored is not what was read", directory);
        code = EXIT_BAD;
    }
    tl_verified_ledger_deinit(&verdict.verified);
    return code;
}

/* The charter, the newest record, and as many between as a fixed draw from the root gives. */
static uint64_t draw(const struct tl_report *report, uint64_t n)
{
    struct tl_sha256 sha;
    uint8_t counter[8];
    struct tl_writer writer = tl_writer_over(counter, sizeof counter);
    if (report->size <= SAMPLE_COUNT) {
        return n;
    }
    if (n < 2) {
        return n == 0 ? 0 : report->size - 1;
    }
    tl_write_u64(&writer, n);
    tl_sha256_init(&sha);
    tl_sha256_update(&sha, tl_hash_bytes(&report->root));
    tl_sha256_update(&sha, tl_bytes(counter, sizeof counter));
    struct tally_hash hash = tl_sha256_final(&sha);
    struct tl_reader reader = tl_reader_over(tl_hash_bytes(&hash));
    return tl_read_u64(&reader) % report->size;
}

static int compare_one(struct tl_store *store, struct tl_source *backup,
                       const struct tl_verified_ledger *verified, uint64_t index)
{
    struct tl_buffer ours;
    struct tl_buffer theirs;
    const struct tl_report *report = &verified->report;
    tl_buffer_init(&ours, TL_RECEIPT_MAX);
    tl_buffer_init(&theirs, TL_RECEIPT_MAX);
    int code = EXIT_DONE;
    enum tally_status status = tl_backup_receipt(backup, report->size, index, &theirs);
    if (status == TALLY_OK) {
        status = tl_store_receipt(store, report->origin, report->size,
                                  tl_buffer_bytes(&verified->checkpoint), index, &ours);
    }
    if (status != TALLY_OK) {
        out_error("the receipt of record %llu cannot be made: %s", (unsigned long long)index,
                  tally_status_text(status));
        code = exit_code_of(status);
    } else if (!tl_bytes_equal(tl_buffer_bytes(&ours), tl_buffer_bytes(&theirs))) {
        out_error("record %llu gets another receipt than before", (unsigned long long)index);
        code = EXIT_BAD;
    }
    tl_buffer_deinit(&ours);
    tl_buffer_deinit(&theirs);
    return code;
}

static int compare_receipts(const char *directory, struct tl_source *backup,
                            const struct tl_verified_ledger *verified, uint64_t *ret_count)
{
    struct tl_store *store = NULL;
    uint64_t size = verified->report.size;
    enum tally_status status = tl_store_open(directory, MAP_SIZE, TL_STORE_STOPPED, &store);
    if (status != TALLY_OK) {
        out_error("%s: %s", directory, tally_status_text(status));
        return exit_code_of(status);
    }
    int code = EXIT_DONE;
    uint64_t count = size < SAMPLE_COUNT ? size : SAMPLE_COUNT;
    for (uint64_t n = 0; n < count && code == EXIT_DONE; n++) {
        code = compare_one(store, backup, verified, draw(&verified->report, n));
    }
    tl_store_close(store);
    *ret_count = count;
    return code;
}

int restore_check(const char *directory, struct tl_source *backup,
                  const struct tl_verified_ledger *verified, unsigned threads,
                  uint64_t *ret_receipt_count)
{
    int code = check_store(directory, verified, threads);
    return code == EXIT_DONE ? compare_receipts(directory, backup, verified, ret_receipt_count)
                             : code;
}
