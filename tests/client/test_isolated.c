/* SPDX-License-Identifier: ISC */
/* A source in a child: the same answers, whatever becomes of the child. */
#include "tests/support/test.h"

#include "client/exit_code.h"
#include "client/isolated.h"

enum { LARGE_LEN = 200000 };

static uint8_t large[LARGE_LEN];

static enum tally_status stream(struct tl_source *source, const char *path, tl_chunk_fn chunk,
                                void *context)
{
    (void)source;
    if (strcmp(path, "missing") == 0) {
        return TALLY_ENOTFOUND;
    }
    if (strcmp(path, "failing") == 0) {
        return TALLY_EIO;
    }
    if (strcmp(path, "killing") == 0) {
        (void)raise(SIGKILL);
    }
    enum tally_status status = TALLY_OK;
    if (strcmp(path, "empty") != 0) {
        status = chunk(context, tl_bytes(large, sizeof large));
    }
    while (strcmp(path, "endless") == 0 && status == TALLY_OK) {
        status = chunk(context, tl_bytes(large, sizeof large));
    }
    if (strcmp(path, "killing late") == 0) {
        (void)raise(SIGKILL);
    }
    return status;
}

static void close_source(struct tl_source *source)
{
    (void)source;
}

static const struct tl_source_ops ops = {.stream = stream, .close = close_source};
static struct tl_source whole = {.ops = &ops};

static int open_whole(const char *path, struct tl_source **ret_source)
{
    assert_string_equal(path, "the path");
    *ret_source = &whole;
    return 0;
}

static int open_refused(const char *path, struct tl_source **ret_source)
{
    (void)path;
    (void)ret_source;
    return EXIT_INCOMPLETE;
}

static int open_killing(const char *path, struct tl_source **ret_source)
{
    (void)path;
    (void)ret_source;
    return raise(SIGKILL);
}

static struct tl_source *open_child(void)
{
    struct tl_source *source = NULL;
    assert_int_equal(isolated_open("the path", open_whole, &source), 0);
    return source;
}

static enum tally_status read_len(struct tl_source *source, const char *path, size_t max,
                                  size_t *ret_len)
{
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, max);
    enum tally_status status = tl_source_read(source, path, &buffer);
    if (status == TALLY_OK && buffer.len > 0) {
        assert_int_equal(buffer.len, sizeof large);
        assert_memory_equal(buffer.ptr, large, sizeof large);
    }
    *ret_len = buffer.len;
    tl_buffer_deinit(&buffer);
    return status;
}

static void test_answers_come_through(void **state)
{
    (void)state;
    size_t len = 0;
    struct tl_source *source = open_child();
    for (int i = 0; i < 3; i++) {
        assert_status(read_len(source, "anything", LARGE_LEN, &len), TALLY_OK);
        assert_int_equal(len, LARGE_LEN);
        assert_status(read_len(source, "missing", LARGE_LEN, &len), TALLY_ENOTFOUND);
        assert_status(read_len(source, "failing", LARGE_LEN, &len), TALLY_EIO);
        assert_status(read_len(source, "anything", LARGE_LEN - 1, &len), TALLY_ETOOBIG);
        assert_status(read_len(source, "endless", LARGE_LEN, &len), TALLY_ETOOBIG);
        assert_status(read_len(source, "empty", LARGE_LEN, &len), TALLY_OK);
        assert_int_equal(len, 0);
    }
    tl_source_close(source);
}

static void test_a_death_is_an_answer(void **state)
{
    (void)state;
    static const char *const paths[] = {"killing", "killing late"};
    size_t len = 0;
    for (size_t i = 0; i < TEST_COUNT(paths); i++) {
        struct tl_source *source = open_child();
        assert_status(read_len(source, "anything", LARGE_LEN, &len), TALLY_OK);
        assert_status(read_len(source, paths[i], LARGE_LEN, &len), TALLY_EIO);
        assert_status(read_len(source, "anything", LARGE_LEN, &len), TALLY_EIO);
        tl_source_close(source);
    }
}

static void test_opening_can_fail(void **state)
{
    (void)state;
    struct tl_source *source = NULL;
    assert_int_equal(isolated_open("the path", open_refused, &source), EXIT_INCOMPLETE);
    assert_int_equal(isolated_open("the path", open_killing, &source), EXIT_UNREACHED);
    assert_null(source);
}

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof large; i++) {
        large[i] = (uint8_t)(i * 7 + i / 256);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_come_through),
        cmocka_unit_test(test_a_death_is_an_answer),
        cmocka_unit_test(test_opening_can_fail),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
