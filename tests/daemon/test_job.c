/* SPDX-License-Identifier: ISC */
/* What a submission shows without the state of the ledger, one fault at a time. */
#include "tests/daemon/fixture_store.h"

#include <sys/stat.h>

#include "daemon/job.h"
#include "lib/base/file.h"

#define FILE_TEXT "exhibit"

static struct ledger_fixture *fixture;
static struct tl_ledger *ledger;
static char directory[TEST_PATH_MAX];

/* Two findings: one that is countersigned, and one with a file in clear. */
static int setup(void **state)
{
    (void)state;
    static const struct fixture_part part = {"/name", "\"value\"", 'c'};
    static const struct fixture_file file = {.bytes = FILE_TEXT};
    const struct fixture_entry countersigned = {.type = "finding", .author = 0, .parts = &part,
                                                .part_count = 1, .countersigners = 6};
    const struct fixture_entry with_file = {.type = "finding", .author = 1, .parts = &part,
                                            .part_count = 1, .files = &file, .file_count = 1};
    fixture = fixture_new("job", 3);
    (void)fixture_append(fixture, &countersigned);
    (void)fixture_append(fixture, &with_file);
    test_dir_make(directory);
    ledger = fixture_ledger_new(fixture, directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_ledger_free(ledger);
    test_dir_remove(directory);
    fixture_free(fixture);
    return 0;
}

/* What comes of the record's submission when one bit behind the first place of part is changed. */
static enum tally_reason check_changed(uint64_t index, struct tally_bytes part, size_t behind)
{
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, TALLY_SUBMISSION_MAX);
    fixture_submission(fixture, index, &bytes);
    if (part.len > 0) {
        uint8_t *place = (uint8_t *)memmem(bytes.ptr, bytes.len, part.ptr, part.len);
        assert_non_null(place);
        place[behind] ^= 1;
    }
    struct tl_job *job = tl_job_new(NULL, 1, tl_buffer_bytes(&bytes));
    assert_non_null(job);
    tl_job_check(job, ledger->store, &fixture->ledger);
    enum tally_reason reason = job->reason;
    tl_job_free(job);
    tl_buffer_deinit(&bytes);
    return reason;
}

static enum tally_reason check(uint64_t index)
{
    return check_changed(index, tl_bytes(NULL, 0), 0);
}

static void decode(uint64_t index, struct tl_record *ret_record)
{
    assert_status(tl_record_decode(tl_buffer_bytes(&fixture->records[index].bytes), ret_record),
                  TALLY_OK);
}

/* The last byte of an SSHSIG is one of its signature. */
static void test_every_signature_is_verified(void **state)
{
    (void)state;
    struct tl_record record;
    decode(1, &record);
    assert_int_equal(record.signatures.count, 3);
    assert_int_equal(check(1), TALLY_REASON_NONE);
    for (unsigned i = 0; i < record.signatures.count; i++) {
        struct tally_bytes blob = record.signatures.blobs[i];
        assert_int_equal(check_changed(1, blob, blob.len - 10), TALLY_REASON_SIGNATURE_INVALID);
    }
}

static void test_deposits_are_those_that_were_signed_for(void **state)
{
    (void)state;
    const struct fixture_record *made = &fixture->records[1];
    struct tally_bytes commitments = tl_buffer_bytes(&made->commitments);
    assert_int_equal(check(1), TALLY_REASON_NONE);
    assert_int_equal(check_changed(1, commitments, commitments.len - 1),
                     TALLY_REASON_COMMITMENTS_MISMATCH);
    assert_int_equal(check_changed(1, tl_bytes_text("\"value\""), 1), TALLY_REASON_PART_INVALID);
}

static void test_other_ledger_is_named_before_signatures(void **state)
{
    (void)state;
    struct tally_hash before = fixture->ledger;
    fixture->ledger.bytes[0] ^= 1;
    assert_int_equal(check(1), TALLY_REASON_WRONG_LEDGER);
    fixture->ledger = before;
    assert_int_equal(check(1), TALLY_REASON_NONE);
}

static void put_deposit(const char *text)
{
    char path[TEST_PATH_MAX];
    assert_status(tl_store_deposit_path(ledger->store, &fixture->objects[0].hash, path,
                                        sizeof path),
                  TALLY_OK);
    assert_status(tl_file_write(path, tl_bytes_text(text), 0600, true), TALLY_OK);
}

static void test_exhibit_is_here_and_as_long_as_said(void **state)
{
    (void)state;
    assert_int_equal(fixture->object_count, 1);
    assert_int_equal(check(2), TALLY_REASON_FILE_MISSING);
    put_deposit(FILE_TEXT "!");
    assert_int_equal(check(2), TALLY_REASON_FILE_INVALID);
    put_deposit(FILE_TEXT);
    assert_int_equal(check(2), TALLY_REASON_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_signature_is_verified),
        cmocka_unit_test(test_deposits_are_those_that_were_signed_for),
        cmocka_unit_test(test_other_ledger_is_named_before_signatures),
        cmocka_unit_test(test_exhibit_is_here_and_as_long_as_said),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
