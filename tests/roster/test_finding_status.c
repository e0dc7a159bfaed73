/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/roster/finding_status.h"

#define AUTHOR 1u

static struct tl_finding_status status_of(const struct tally_hash *own, size_t own_count,
                                          const struct tl_status_entry *entries, size_t count)
{
    struct tl_finding_status status;
    memset(&status, 0x5a, sizeof status);
    tl_finding_status(own, own_count, AUTHOR, entries, count, &status);
    return status;
}

static void assert_text(const struct tl_finding_status *status, const char *expected)
{
    char text[256];
    tl_finding_status_text(status, text, sizeof text);
    assert_string_equal(text, expected);
}

static void a_new_finding_is_registered(void **state)
{
    (void)state;
    struct tally_hash own[] = {test_hash(1), test_hash(2), test_hash(1)};
    struct tl_finding_status status = status_of(NULL, 0, NULL, 0);
    assert_text(&status, "registered");
    assert_int_equal(status.changed_by, 0);
    status = status_of(own, 1, NULL, 0);
    assert_text(&status, "registered, 1 origin");
    status = status_of(own, 3, NULL, 0);
    assert_int_equal(status.origins, 2);
    assert_text(&status, "registered, 2 origins");
}

static void members_and_origins_count_once(void **state)
{
    (void)state;
    struct tally_hash own[] = {test_hash(1)};
    struct tally_hash same[] = {test_hash(1), test_hash(1)};
    struct tally_hash more[] = {test_hash(2), test_hash(2), test_hash(3)};
    struct tally_hash again[] = {test_hash(3), test_hash(1)};
    const struct tl_status_entry entries[] = {
        {5, TL_TYPE_CORROBORATION, 2, same, TEST_COUNT(same)},
        {6, TL_TYPE_CORROBORATION, 3, more, TEST_COUNT(more)},
        {7, TL_TYPE_CORROBORATION, 3, again, TEST_COUNT(again)},
        {8, TL_TYPE_CORROBORATION, AUTHOR, again, TEST_COUNT(again)},
        {9, TL_TYPE_NOTE, 4, more, TEST_COUNT(more)},
    };
    struct tl_finding_status status = status_of(own, 1, entries, 1);
    assert_int_equal(status.corroborating_members, 1);
    assert_int_equal(status.origins, 1);
    assert_text(&status, "corroborated by 1 member, 1 origin");
    status = status_of(own, 1, entries, TEST_COUNT(entries));
    assert_int_equal(status.corroborating_members, 2);
    assert_int_equal(status.origins, 3);
    assert_text(&status, "corroborated by 2 members, 3 origins");
}

/* An origin that only a doubter has named is a new one when a supporter names it. */
static void only_support_brings_origins(void **state)
{
    (void)state;
    struct tally_hash origin[] = {test_hash(2)};
    const struct tl_status_entry entries[] = {
        {5, TL_TYPE_DISSENT, 2, origin, 1},
        {6, TL_TYPE_CORROBORATION, 3, origin, 1},
        {7, TL_TYPE_CORROBORATION, 4, origin, 1},
    };
    struct tl_finding_status status = status_of(NULL, 0, entries, 1);
    assert_int_equal(status.origins, 0);
    status = status_of(NULL, 0, entries, 2);
    assert_int_equal(status.origins, 1);
    status = status_of(NULL, 0, entries, 3);
    assert_int_equal(status.origins, 1);
}

/* An author's own corroboration brings neither a member nor an origin. */
static void nobody_supports_or_doubts_oneself(void **state)
{
    (void)state;
    struct tally_hash more[] = {test_hash(2)};
    const struct tl_status_entry entries[] = {
        {5, TL_TYPE_CORROBORATION, AUTHOR, more, 1},
        {6, TL_TYPE_DISSENT, AUTHOR, NULL, 0},
    };
    struct tl_finding_status status = status_of(NULL, 0, entries, TEST_COUNT(entries));
    assert_text(&status, "registered");
}

static void doubt_and_change_are_shown(void **state)
{
    (void)state;
    const struct tl_status_entry entries[] = {
        {5, TL_TYPE_DISSENT, 2, NULL, 0},         {6, TL_TYPE_DISSENT, 2, NULL, 0},
        {7, TL_TYPE_DISPUTE, AUTHOR, NULL, 0},    {8, TL_TYPE_DISPUTE, AUTHOR, NULL, 0},
        {9, TL_TYPE_CORRECTION, AUTHOR, NULL, 0}, {10, TL_TYPE_CORRECTION, AUTHOR, NULL, 0},
        {11, TL_TYPE_SUPERSEDE, AUTHOR, NULL, 0}, {12, TL_TYPE_RETRACTION, AUTHOR, NULL, 0},
        {13, TL_TYPE_DISSENT, 3, NULL, 0},
    };
    struct tl_finding_status status = status_of(NULL, 0, entries, 2);
    assert_int_equal(status.dissenting_members, 1);
    assert_text(&status, "registered; 1 member dissents");
    status = status_of(NULL, 0, entries, 4);
    assert_int_equal(status.disputes, 2);
    assert_int_equal(status.changed_by, 0);
    status = status_of(NULL, 0, entries, 6);
    assert_int_equal(status.corrections, 2);
    assert_int_equal(status.changed_by, 10);
    assert_false(status.superseded);
    status = status_of(NULL, 0, entries, 7);
    assert_true(status.superseded);
    assert_int_equal(status.changed_by, 11);
    assert_false(status.retracted);
    status = status_of(NULL, 0, entries, TEST_COUNT(entries));
    assert_true(status.retracted);
    assert_int_equal(status.changed_by, 12);
    assert_text(&status,
                "registered; 2 members dissent; disputed; corrected; superseded; retracted");
}

static void text_is_cut_where_room_ends(void **state)
{
    (void)state;
    struct tl_finding_status status = {.disputes = 1};
    char text[8];
    memset(text, 'x', sizeof text);
    tl_finding_status_text(&status, text, sizeof text);
    assert_non_null(memchr(text, '\0', sizeof text));
    tl_finding_status_text(&status, text, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_finding_is_registered),
        cmocka_unit_test(members_and_origins_count_once),
        cmocka_unit_test(only_support_brings_origins),
        cmocka_unit_test(nobody_supports_or_doubts_oneself),
        cmocka_unit_test(doubt_and_change_are_shown),
        cmocka_unit_test(text_is_cut_where_room_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
