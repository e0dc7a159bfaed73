/* SPDX-License-Identifier: ISC */
/* Memory that is counted for an answer before its length is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/fetch.h"
#include "lib/archive/source.h"
#include "lib/base/bytes.h"
#include "lib/codec/receipt.h"

static size_t room(const char *path)
{
    return tl_fetch_room(tl_bytes_text(path));
}

static void test_room_is_never_less_than_the_resource(void **state)
{
    (void)state;
    assert_true(room("receipt/7") >= TL_RECEIPT_MAX);
    assert_true(room("tile/0/000") >= 256 * TALLY_HASH_LEN);
    assert_true(room("tally/seals/000") >= 256 * TALLY_SIGNATURE_LEN);
    assert_true(room("tile/entries/000") >= 256 * (TALLY_RECORD_MAX + 2));
    assert_true(room("tile/entries/000.p/3") >= 3 * (TALLY_RECORD_MAX + 2));
    assert_true(room("tally/commitments/000") >= 256 * (2 + TALLY_PART_COUNT_MAX * TALLY_HASH_LEN));
    assert_true(room("tally/parts/000") >= 2 * TALLY_DEPOSIT_MAX);
    assert_true(room("tally/objects/"
                     "0000000000000000000000000000000000000000000000000000000000000000") >=
                TALLY_DEPOSIT_MAX);
}

static void test_short_resources_take_little(void **state)
{
    (void)state;
    assert_true(room("checkpoint") < 1048576);
    assert_true(room("tile/1/000.p/3") < 1048576);
    assert_true(room("tile/entries/000.p/3") < 1048576);
    assert_true(room("nothing") < 1048576);
    assert_int_equal(room("tile/entries/000"), TL_RESOURCE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_is_never_less_than_the_resource),
        cmocka_unit_test(test_short_resources_take_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
