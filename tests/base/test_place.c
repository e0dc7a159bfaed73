/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/place.h"

static char work[] = "/tmp/tally-place-XXXXXX";

static int begin(void **state)
{
    (void)state;
    return mkdtemp(work) == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    tl_remove_directory(work);
    return access(work, F_OK) == 0 ? -1 : 0;
}

static const char *in_work(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", work, name);
    return path;
}

static void put_file(const char *directory, const char *name)
{
    char path[TL_PLACE_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void test_appears_whole(void **state)
{
    struct tl_place place;
    struct stat info;
    (void)state;
    assert_int_equal(tl_place_init(&place, in_work("new//")), TALLY_OK);
    assert_string_equal(place.path, in_work("new"));
    assert_string_equal(place.parent, work);
    assert_int_equal(tl_place_make(&place, "half"), TALLY_OK);
    assert_non_null(strstr(place.temporary, "/new.half-"));
    put_file(place.temporary, "file");
    assert_int_equal(access(in_work("new"), F_OK), -1);
    assert_int_equal(tl_place_commit(&place), TALLY_OK);
    assert_string_equal(place.temporary, "");
    assert_int_equal(access(in_work("new/file"), F_OK), 0);
    assert_int_equal(stat(in_work("new"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    tl_place_abandon(&place);
    assert_int_equal(access(in_work("new/file"), F_OK), 0);
}

static void test_abandoned(void **state)
{
    struct tl_place place;
    char path[TL_PLACE_PATH_MAX];
    (void)state;
    assert_int_equal(tl_place_init(&place, in_work("gone")), TALLY_OK);
    assert_int_equal(tl_place_make(&place, "half"), TALLY_OK);
    memcpy(path, place.temporary, sizeof path);
    put_file(path, "file");
    tl_place_abandon(&place);
    assert_int_equal(access(path, F_OK), -1);
    tl_place_abandon(&place);
}

static void test_what_is_there_stays(void **state)
{
    struct tl_place place;
    (void)state;
    assert_int_equal(mkdir(in_work("empty"), 0700), 0);
    assert_int_equal(tl_place_init(&place, in_work("empty")), TALLY_OK);
    assert_int_equal(tl_place_make(&place, "half"), TALLY_OK);
    assert_int_equal(tl_place_commit(&place), TALLY_OK);
    put_file(in_work("empty"), "kept");
    assert_int_equal(tl_place_init(&place, in_work("empty")), TALLY_OK);
    assert_int_equal(tl_place_make(&place, "half"), TALLY_OK);
    assert_int_equal(tl_place_commit(&place), TALLY_EEXIST);
    tl_place_abandon(&place);
    assert_int_equal(access(in_work("empty/kept"), F_OK), 0);
    assert_int_equal(tl_place_init(&place, in_work("empty/kept")), TALLY_EEXIST);
    assert_int_equal(tl_place_init(&place, ""), TALLY_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appears_whole),
        cmocka_unit_test(test_abandoned),
        cmocka_unit_test(test_what_is_there_stays),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
