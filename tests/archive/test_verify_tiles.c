/* SPDX-License-Identifier: ISC */
/* Tiles above the leaves: every hash of theirs is the one that the records give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/bytes.h"
#include "tests/archive/verify_case.h"

/* Two full sections and a begun one: an upper tile of two hashes. */
enum { SIZE = 530, UPPER_COUNT = 2 };

static void test_every_upper_hash(void **state)
{
    (void)state;
    struct verify_case c;
    struct ledger_fixture *ledger = fixture_new("tiles", 2);
    fixture_grow(ledger, SIZE);
    struct memory_source *memory = fixture_archive(ledger, SIZE);
    struct memory_resource *tile = memory_source_find(memory, "tile/1/000.p/2");
    assert_non_null(tile);
    assert_int_equal(tile->bytes.len, UPPER_COUNT * TALLY_HASH_LEN);
    case_begin(&c, ledger, memory);
    case_verify(&c);
    case_expect_exit(&c, 0);
    for (size_t i = 0; i < UPPER_COUNT; i++) {
        uint8_t *byte = &tile->bytes.ptr[(i + 1) * TALLY_HASH_LEN - 1];
        *byte ^= 1;
        case_verify(&c);
        case_expect_bad(&c, TL_CHECK_TREE, TL_NO_INDEX, TALLY_REASON_TILE_MISMATCH);
        *byte ^= 1;
    }
    case_verify(&c);
    case_expect_exit(&c, 0);
    case_end(&c);
    memory_source_free(memory);
    fixture_free(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_upper_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
