/* SPDX-License-Identifier: ISC */
/*
 * Target: client/output.c, foreign bytes on their way to a terminal. Whatever they are, what is
 * shown is UTF-8 without controls and without what turns the direction of text, but for the
 * isolates that are the escape's own and balance; as JSON they are one string that can be read.
 */
#include <string.h>
#include <unictype.h>
#include <unistr.h>

#include <jansson.h>

#include "client/output.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 8192u
#define SHOWN_MAX (TEXT_MAX * 16u)

enum {
    FIRST_STRONG_ISOLATE = 0x2068,
    POP_ISOLATE = 0x2069,
};

static void check_character(ucs4_t character, unsigned *depth)
{
    if (character == FIRST_STRONG_ISOLATE) {
        (*depth)++;
    } else if (character == POP_ISOLATE) {
        FUZZ_REQUIRE(*depth > 0);
        (*depth)--;
    } else {
        FUZZ_REQUIRE(!uc_is_general_category(character, UC_CATEGORY_Cc) &&
                     !uc_is_general_category(character, UC_CATEGORY_Cf) &&
                     !uc_is_general_category(character, UC_CATEGORY_Co) &&
                     !uc_is_general_category(character, UC_CATEGORY_Zl) &&
                     !uc_is_general_category(character, UC_CATEGORY_Zp));
    }
}

static void check_shown(struct tally_bytes shown)
{
    unsigned depth = 0;
    size_t i = 0;
    while (i < shown.len) {
        ucs4_t character = 0;
        int len = u8_mbtoucr(&character, shown.ptr + i, shown.len - i);
        FUZZ_REQUIRE(len > 0);
        check_character(character, &depth);
        i += (size_t)len;
    }
    FUZZ_REQUIRE(depth == 0);
}

static void check_json(struct tally_bytes foreign)
{
    json_t *value = out_json_text(foreign);
    FUZZ_REQUIRE(json_is_string(value));
    char *text = json_dumps(value, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    json_t *again = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    FUZZ_REQUIRE(text != NULL && json_equal(value, again));
    free(text);
    json_decref(again);
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_bytes foreign = tl_bytes(data, size);
    struct tl_buffer shown;
    if (size > TEXT_MAX) {
        return 0;
    }
    fuzz_start();
    tl_buffer_init(&shown, SHOWN_MAX);
    out_escape(&shown, foreign);
    FUZZ_REQUIRE(shown.status == TALLY_OK);
    check_shown(tl_buffer_bytes(&shown));
    (void)out_mixes_scripts(foreign);
    out_foreign(stdout, foreign, size % 7);
    check_json(foreign);
    tl_buffer_deinit(&shown);
    return 0;
}
