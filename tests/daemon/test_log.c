/* SPDX-License-Identifier: ISC */
/* A log line is one line of printable ASCII, whatever it was made from. */
#include "tests/support/test.h"

#include <unistd.h>

#include "daemon/log.h"

/* What tl_log writes for that text. */
static void log_text(const char *text, char *dst, size_t cap)
{
    int fds[2];
    int kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(fds), 0);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    tl_log(TL_LOG_NOTICE, "said %s", text);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    (void)close(fds[1]);
    ssize_t len = read(fds[0], dst, cap - 1);
    assert_true(len >= 0);
    dst[len] = '\0';
    (void)close(fds[0]);
}

static void test_text_of_others(void **state)
{
    (void)state;
    char line[2048];
    log_text("as it is: ~ 1", line, sizeof line);
    assert_string_equal(line, "<5>said as it is: ~ 1\n");
    log_text("\x1b[31m\n<0>forged\r\x7f\xe2\x80\xae\t", line, sizeof line);
    assert_string_equal(line, "<5>said ?[31m?<0>forged??????\n");
}

static void test_long_text_is_cut(void **state)
{
    (void)state;
    char line[2048];
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    log_text(text, line, sizeof line);
    assert_true(strlen(line) < 1100);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void test_levels_beyond_the_greatest_are_left_out(void **state)
{
    (void)state;
    char line[2048];
    tl_log_set_level(TL_LOG_WARNING);
    log_text("nothing", line, sizeof line);
    assert_string_equal(line, "");
    tl_log_set_level(TL_LOG_NOTICE);
    log_text("something", line, sizeof line);
    assert_string_equal(line, "<5>said something\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_of_others),
        cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_levels_beyond_the_greatest_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
