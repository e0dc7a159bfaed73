/* SPDX-License-Identifier: ISC */
/* A roster that cannot be made whole for want of memory is not made at all. */
#include "tests/support/test.h"

#include "lib/roster/roster.h"
#include "lib/roster/roster_build.h"

enum { POLICY_COUNT = 3 };

/* The members, then the policies, each allocation failing in turn. */
static enum tally_status build(struct tl_roster **ret_roster)
{
    enum tally_status status = tl_roster_new(ret_roster);
    for (unsigned i = 0; i < POLICY_COUNT && status == TALLY_OK; i++) {
        status = tl_roster_add_policy(*ret_roster, tl_bytes_text("witness w"));
    }
    return status;
}

static void test_no_policy_is_lost(void **state)
{
    (void)state;
    bool failed = true;
    for (long allowed = 0; failed; allowed++) {
        struct tl_roster *roster = NULL;
        test_allocations_limit(allowed);
        enum tally_status status = build(&roster);
        failed = test_allocations_unlimit() && status != TALLY_OK;
        assert_status(status, failed ? TALLY_ENOMEM : TALLY_OK);
        if (!failed) {
            assert_int_equal(roster->policy_count, POLICY_COUNT);
            assert_string_equal(roster->policies[POLICY_COUNT - 1], "witness w");
            assert_int_equal(roster->members[TL_MEMBER_HOST].admitted, 0);
            assert_true(allowed >= 2 * POLICY_COUNT);
        }
        tl_roster_free(roster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_policy_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
