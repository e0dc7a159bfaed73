/* SPDX-License-Identifier: ISC */
/* What foreign text becomes on a terminal: normal text as it is, everything else as numbers. */
#include "tests/support/test.h"

#include "client/output.h"

static void expect(const char *foreign, size_t len, const char *shown)
{
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 4096);
    out_escape(&buffer, tl_bytes(foreign, len));
    tl_buffer_add_u8(&buffer, 0);
    assert_status(buffer.status, TALLY_OK);
    assert_string_equal((const char *)buffer.ptr, shown);
    tl_buffer_deinit(&buffer);
}

#define EXPECT(foreign, shown) expect(foreign, sizeof(foreign) - 1, shown)
#define EXPECT_AS_IT_IS(foreign) EXPECT(foreign, foreign)

static void test_normal_text_prints_as_it_is(void **state)
{
    (void)state;
    EXPECT_AS_IT_IS("Najin = Rajin, 12 \xc2\xb0""C, \xe2\x82\xac 3");
    EXPECT_AS_IT_IS("\xeb\x9d\xbc\xec\xa7\x84"); /* Korean, NFC and NFD */
    EXPECT_AS_IT_IS("\xe1\x84\x85\xe1\x85\xa1\xe1\x84\x8c\xe1\x85\xb5\xe1\x86\xab");
    EXPECT_AS_IT_IS("\xe3\x82\xb3\xe3\x83\xb3\xe3\x83\x86\xe3\x83\x8a\xe3\x80\x80\xef\xbc\x92");
    EXPECT_AS_IT_IS("\xe3\x81\x8b\xe3\x82\x99"); /* Japanese voiced, NFD */
    EXPECT_AS_IT_IS("\xd0\x98\xcc\x86 \xd0\xb8\xcc\x86"); /* Cyrillic, NFD */
    EXPECT_AS_IT_IS("a\xcc\x82\xcc\xa3 e\xcc\x81"); /* Vietnamese, NFD */
    EXPECT("\xd8\xaa\xd9\x82\xd9\x91\xd9\x8e", /* Arabic with vowels, isolated */
           "\xe2\x81\xa8\xd8\xaa\xd9\x82\xd9\x91\xd9\x8e\xe2\x81\xa9");
    EXPECT_AS_IT_IS("\xe0\xb8\x97\xe0\xb8\xb5\xe0\xb9\x88"); /* Thai, two marks */
}

static void test_what_acts_is_shown_as_its_number(void **state)
{
    (void)state;
    EXPECT("a\x1b[31mb\x07", "a\\u{001B}[31mb\\u{0007}");
    EXPECT("a\nb\\", "a\\nb\\\\");
    EXPECT("\xe2\x80\xae""x\xe2\x80\x8b", "\\u{202E}x\\u{200B}");
    EXPECT("\xc2\x9b""31m\xff", "\\u{009B}31m\\xFF");
    EXPECT("a\0b", "a\\u{0000}b");
}

static void test_what_nobody_sees_is_shown_as_its_number(void **state)
{
    (void)state;
    EXPECT("a\xe3\x85\xa4""b", "a\\u{3164}b"); /* Hangul filler */
    EXPECT("a\xe1\x85\x9f\xe1\x85\xa0", "a\\u{115F}\\u{1160}");
    EXPECT("a\xef\xbe\xa0", "a\\u{FFA0}"); /* half-width Hangul filler */
    EXPECT("a\xe2\xa0\x80", "a\\u{2800}"); /* Braille blank */
    EXPECT("a\xf0\x9d\x85\x99", "a\\u{1D159}"); /* null notehead */
    EXPECT("a\xef\xb8\x8f\xf3\xa0\x84\x80", "a\\u{FE0F}\\u{E0100}"); /* variation selectors */
    EXPECT("a\xcd\x8f", "a\\u{034F}"); /* combining grapheme joiner */
    EXPECT("a\xc2\xa0", "a\\u{00A0}");
}

static void test_marks_do_not_pile_up(void **state)
{
    (void)state;
    EXPECT("e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81z\xcc\x81",
           "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\\u{0301}\\u{0301}z\xcc\x81");
    /* None on what is ours: before the text, or an escape within it. */
    EXPECT("\xcc\xb6x", "\\u{0336}x");
    EXPECT("\x1b\xcc\xb6x", "\\u{001B}\\u{0336}x");
    EXPECT("\n\xcc\xb6x", "\\n\\u{0336}x");
    EXPECT("\xff\xe2\x83\x9dx", "\\xFF\\u{20DD}x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal_text_prints_as_it_is),
        cmocka_unit_test(test_what_acts_is_shown_as_its_number),
        cmocka_unit_test(test_what_nobody_sees_is_shown_as_its_number),
        cmocka_unit_test(test_marks_do_not_pile_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
