/* SPDX-License-Identifier: ISC */
/* The last value on each side of a limit, where a change by one would go unnoticed elsewhere. */
#include "tests/codec/sample.h"
#include "tests/support/test.h"

#include "lib/codec/note.h"

static size_t put_utf8(uint32_t c, char *dst)
{
    if (c < 0x800) {
        dst[0] = (char)(0xc0 | c >> 6);
        dst[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    dst[0] = (char)(0xe0 | c >> 12);
    dst[1] = (char)(0x80 | (c >> 6 & 0x3f));
    dst[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

/* A note that is signed by a key with this character in its name. */
static enum tally_status decode_named(uint32_t c)
{
    char name[8] = {0};
    char bytes[128];
    struct tl_note note;
    (void)put_utf8(c, name);
    int len = snprintf(bytes, sizeof bytes, "text\n\n\xe2\x80\x94 key%sname AAAAAAAA\n", name);
    return tl_note_decode(tl_bytes(bytes, (size_t)len), &note);
}

static void test_white_space_in_a_key_name(void **state)
{
    (void)state;
    static const uint32_t spaces[] = {0x85,   0xa0,   0x1680, 0x2000, 0x2001, 0x2009, 0x200a,
                                      0x2028, 0x2029, 0x202f, 0x205f, 0x3000};
    static const uint32_t others[] = {0x84,   0x86,   0x9f,   0xa1,   0x167f, 0x1681, 0x1fff,
                                      0x200b, 0x2027, 0x202a, 0x202e, 0x2030, 0x205e, 0x2060,
                                      0x2fff, 0x3001};
    for (size_t i = 0; i < TEST_COUNT(spaces); i++) {
        assert_status(decode_named(spaces[i]), TALLY_EFORMAT);
    }
    for (size_t i = 0; i < TEST_COUNT(others); i++) {
        assert_status(decode_named(others[i]), TALLY_OK);
    }
}

/* What stands in memory behind the name is not part of it. */
static void test_escape_at_the_end_of_a_name(void **state)
{
    (void)state;
    static const char text[] = "/a~0b";
    assert_true(tl_is_json_pointer(tl_bytes(text, 5)));
    assert_true(tl_is_json_pointer(tl_bytes(text, 4)));
    assert_false(tl_is_json_pointer(tl_bytes(text, 3)));
    assert_true(tl_is_json_pointer(tl_bytes(text, 2)));
}

/* A list gives as many deposits as it counts, whatever follows. */
static void test_deposits_are_counted(void **state)
{
    (void)state;
    struct tl_buffer items;
    struct tl_deposit deposit;
    tl_buffer_init(&items, 1000);
    tl_deposit_add(&items, 1, tl_bytes_text("one"));
    tl_deposit_add(&items, 2, tl_bytes_text("two"));
    for (unsigned count = 0; count <= 2; count++) {
        struct tl_deposit_list list = {.count = count, .items = tl_buffer_bytes(&items)};
        for (unsigned i = 0; i < count; i++) {
            assert_true(tl_deposit_next(&list, &deposit));
            assert_int_equal(deposit.position, i + 1);
        }
        assert_false(tl_deposit_next(&list, &deposit));
    }
    tl_buffer_deinit(&items);
}

/* The limit is that of a submission, not that of the buffer which it is added to. */
static void test_submission_behind_other_bytes(void **state)
{
    (void)state;
    static struct sample sample;
    struct tl_entry_file entry;
    struct tl_buffer text;
    struct tl_buffer buffer;
    sample_init(&sample);
    sample_build(&sample);
    tl_buffer_init(&text, TALLY_ENTRY_FILE_MAX);
    tl_buffer_init(&buffer, 2 * (size_t)TALLY_SUBMISSION_MAX);
    sample_entry_file(&sample, &text);
    assert_status(tl_entry_file_decode(tl_buffer_bytes(&text), &entry, NULL), TALLY_OK);
    assert_non_null(tl_buffer_extend(&buffer, TALLY_SUBMISSION_MAX - 1));
    assert_status(tl_entry_file_submission(&entry, &buffer), TALLY_OK);
    assert_true(buffer.len > TALLY_SUBMISSION_MAX);
    tl_entry_file_deinit(&entry);
    tl_buffer_deinit(&text);
    tl_buffer_deinit(&buffer);
    sample_free(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_white_space_in_a_key_name),
        cmocka_unit_test(test_escape_at_the_end_of_a_name),
        cmocka_unit_test(test_deposits_are_counted),
        cmocka_unit_test(test_submission_behind_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
