/* SPDX-License-Identifier: ISC */
/* What a start looks at of a store that somebody else may have changed, one thing at a time. */
#include "tests/daemon/fixture_store.h"

#include "daemon/exit_code.h"
#include "daemon/restore.h"

enum { TAIL = 4, ENTRY_COUNT = 6 };

/* What is wrong with the store; the rest of it is as it should be. */
enum fault {
    NOTHING,
    LINK,     /* names another record before it; leaf and seal are those of its bytes */
    LEAF,     /* the stored leaf hash is another one */
    SEAL,     /* of another record */
    ENVELOPE, /* the table of authors has another envelope */
    SEQUENCE, /* the table of authors has a later sequence */
};

static const uint8_t other_seal[TALLY_SIGNATURE_LEN] = {1};

static void spoil_link(struct ledger_fixture *fixture, uint64_t index)
{
    struct tl_record record;
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, TALLY_RECORD_MAX);
    assert_status(tl_record_decode(tl_buffer_bytes(&fixture->records[index].bytes), &record),
                  TALLY_OK);
    record.link.bytes[0] ^= 1;
    assert_status(tl_record_encode(&record, &bytes), TALLY_OK);
    fixture_set_bytes(fixture, index, tl_buffer_bytes(&bytes));
    tl_buffer_deinit(&bytes);
}

static void spoil(struct tl_append *append, enum fault fault)
{
    append->leaf.bytes[0] ^= fault == LEAF ? 1 : 0;
    append->seal = fault == SEAL ? other_seal : append->seal;
    append->envelope.bytes[0] ^= fault == ENVELOPE ? 1 : 0;
    append->sequence += fault == SEQUENCE ? 1 : 0;
}

/* The exit code of a start whose newest but one record has the fault. */
static int start(enum fault fault, uint64_t tail)
{
    char directory[TEST_PATH_MAX];
    struct tl_batch *batch = NULL;
    struct ledger_fixture *fixture = fixture_new("restore", 3);
    struct tl_roster *roster = fixture_roster(fixture);
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        (void)fixture_finding(fixture, i % 3);
    }
    uint64_t index = ENTRY_COUNT - 1;
    if (fault == LINK) {
        spoil_link(fixture, index);
    }
    test_dir_make(directory);
    struct tl_ledger *ledger = fixture_ledger_new(fixture, directory);
    assert_status(tl_batch_begin(ledger->store, 0, &batch), TALLY_OK);
    for (uint64_t i = 0; i <= ENTRY_COUNT; i++) {
        struct tl_append append = fixture_append_of(fixture, i, roster);
        spoil(&append, i == index ? fault : NOTHING);
        assert_status(tl_batch_append(batch, &append), TALLY_OK);
    }
    assert_status(tl_batch_commit(batch), TALLY_OK);
    int code = tl_restore(ledger);
    if (code == TL_EXIT_OK) {
        code = tl_restore_check_tail(ledger, tail);
    }
    fixture_ledger_free(ledger);
    test_dir_remove(directory);
    tl_roster_free(roster);
    fixture_free(fixture);
    return code;
}

static void test_newest_records_are_looked_at(void **state)
{
    (void)state;
    assert_int_equal(start(NOTHING, TAIL), TL_EXIT_OK);
    assert_int_equal(start(LINK, TAIL), TL_EXIT_DAMAGED);
    assert_int_equal(start(LEAF, TAIL), TL_EXIT_DAMAGED);
    assert_int_equal(start(SEAL, TAIL), TL_EXIT_DAMAGED);
}

/* Older ones are for tally verify: the fault is the newest but one. */
static void test_older_records_are_not(void **state)
{
    (void)state;
    assert_int_equal(start(SEAL, 1), TL_EXIT_OK);
    assert_int_equal(start(SEAL, 2), TL_EXIT_DAMAGED);
    assert_int_equal(start(SEAL, 100), TL_EXIT_DAMAGED);
}

static void test_table_of_authors_is_compared(void **state)
{
    (void)state;
    assert_int_equal(start(NOTHING, 1), TL_EXIT_OK);
    assert_int_equal(start(ENVELOPE, 1), TL_EXIT_DAMAGED);
    assert_int_equal(start(SEQUENCE, 1), TL_EXIT_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest_records_are_looked_at),
        cmocka_unit_test(test_older_records_are_not),
        cmocka_unit_test(test_table_of_authors_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
