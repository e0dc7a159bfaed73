/* SPDX-License-Identifier: ISC */
#include "client/output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <unistd.h>
#include <unistr.h>

#include "lib/base/text.h"

#define MESSAGE_MAX 2048u
#define ESCAPED_MAX 4194304u
#define CODE_POINT_MAX 16u
#define MARKS_MAX 4u /* on one character: no language needs more, and UTS 39 forbids more */

static bool quiet;
static bool colours;

void out_init(bool is_quiet)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    quiet = is_quiet;
    colours = isatty(STDOUT_FILENO) != 0 && (no_color == NULL || no_color[0] == '\0') &&
              term != NULL && strcmp(term, "dumb") != 0;
}

bool out_is_quiet(void)
{
    return quiet;
}

const char *out_style(enum out_style style)
{
    static const char *const codes[] = {
        [OUT_PLAIN] = "\033[0m", [OUT_GOOD] = "\033[32m", [OUT_BAD] = "\033[1;31m",
        [OUT_WARN] = "\033[33m", [OUT_DIM] = "\033[2m",   [OUT_BOLD] = "\033[1m",
    };
    return colours ? codes[style] : "";
}

/* Printed characters that nobody sees, and that Unicode does not call ignorable. */
static bool is_blank(ucs4_t code)
{
    return code == 0x2800 || code == 0x1D159;
}

/*
 * Letters, marks, numbers, punctuation, symbols, the plain space and the wide one of Japanese:
 * everything else is shown as its number, since it may move, hide or reorder what stands around
 * it, or make two texts look alike.
 */
static bool is_printable(ucs4_t code)
{
    if (code == ' ' || code == 0x3000) {
        return true;
    }
    return uc_is_general_category_withtable(code, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M |
                                                      UC_CATEGORY_MASK_N | UC_CATEGORY_MASK_P |
                                                      UC_CATEGORY_MASK_S) &&
           !uc_is_property_default_ignorable_code_point(code) && !is_blank(code);
}

static bool is_right_to_left(ucs4_t code)
{
    int class = uc_bidi_class(code);
    return class == UC_BIDI_R || class == UC_BIDI_AL || class == UC_BIDI_AN;
}

static void add_number(struct tl_buffer *buffer, ucs4_t code)
{
    char text[CODE_POINT_MAX];
    (void)snprintf(text, sizeof text, "\\u{%04X}", (unsigned)code);
    tl_buffer_add_text(buffer, text);
}

/* marks: how many stand on the character before; MARKS_MAX where none may, as after our own. */
static void escape_code(struct tl_buffer *buffer, ucs4_t code, struct tally_bytes bytes,
                        unsigned *marks)
{
    bool is_mark =
        uc_is_general_category_withtable(code, UC_CATEGORY_MASK_Mn | UC_CATEGORY_MASK_Me);
    if (code == '\\') {
        tl_buffer_add_text(buffer, "\\\\");
        *marks = 0;
    } else if (code == '\n') {
        tl_buffer_add_text(buffer, "\\n");
        *marks = MARKS_MAX;
    } else if (!is_printable(code) || (is_mark && *marks == MARKS_MAX)) {
        add_number(buffer, code);
        *marks = MARKS_MAX;
    } else {
        tl_buffer_add(buffer, bytes);
        *marks = is_mark ? *marks + 1 : 0;
    }
}

static bool has_right_to_left(struct tally_bytes foreign)
{
    for (size_t i = 0; i < foreign.len;) {
        ucs4_t code = 0;
        int len = u8_mbtoucr(&code, foreign.ptr + i, foreign.len - i);
        if (len > 0 && is_right_to_left(code)) {
            return true;
        }
        i += len > 0 ? (size_t)len : 1;
    }
    return false;
}

void out_escape(struct tl_buffer *buffer, struct tally_bytes foreign)
{
    static const char first_strong_isolate[] = "\xe2\x81\xa8";
    static const char pop_isolate[] = "\xe2\x81\xa9";
    bool isolate = has_right_to_left(foreign);
    unsigned marks = MARKS_MAX;
    if (isolate) {
        tl_buffer_add_text(buffer, first_strong_isolate);
    }
    for (size_t i = 0; i < foreign.len;) {
        ucs4_t code = 0;
        int len = u8_mbtoucr(&code, foreign.ptr + i, foreign.len - i);
        if (len > 0) {
            escape_code(buffer, code, tl_bytes(foreign.ptr + i, (size_t)len), &marks);
            i += (size_t)len;
        } else {
            char text[CODE_POINT_MAX];
            (void)snprintf(text, sizeof text, "\\x%02X", foreign.ptr[i]);
            tl_buffer_add_text(buffer, text);
            marks = MARKS_MAX;
            i++;
        }
    }
    if (isolate) {
        tl_buffer_add_text(buffer, pop_isolate);
    }
}

/* The longest prefix of foreign with at most columns characters. */
static size_t prefix_of(struct tally_bytes foreign, size_t columns)
{
    size_t len = 0;
    for (size_t count = 0; len < foreign.len && count < columns; count++) {
        int step = u8_mblen(foreign.ptr + len, foreign.len - len);
        len += step > 0 ? (size_t)step : 1;
    }
    return len;
}

void out_foreign(FILE *stream, struct tally_bytes foreign, size_t columns)
{
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, ESCAPED_MAX);
    size_t len = columns == 0 ? foreign.len : prefix_of(foreign, columns);
    out_escape(&buffer, tl_bytes(foreign.ptr, len));
    if (buffer.status == TALLY_OK && buffer.len > 0) {
        (void)fwrite(buffer.ptr, 1, buffer.len, stream);
    }
    (void)fputs(buffer.status != TALLY_OK || len < foreign.len ? "..." : "", stream);
    tl_buffer_deinit(&buffer);
}

bool out_mixes_scripts(struct tally_bytes foreign)
{
    static const char *const lookalikes[] = {"Latin", "Cyrillic", "Greek"};
    const uc_script_t *of_word = NULL;
    for (size_t i = 0; i < foreign.len;) {
        ucs4_t code = 0;
        int len = u8_mbtoucr(&code, foreign.ptr + i, foreign.len - i);
        i += len > 0 ? (size_t)len : 1;
        if (len <= 0 || !uc_is_general_category_withtable(code, UC_CATEGORY_MASK_L)) {
            of_word = code == '-' || code == '_' ? of_word : NULL;
            continue;
        }
        const uc_script_t *script = uc_script(code);
        for (size_t k = 0; script != NULL && k < sizeof lookalikes / sizeof *lookalikes; k++) {
            if (strcmp(script->name, lookalikes[k]) != 0) {
                continue;
            }
            if (of_word != NULL && of_word != script) {
                return true;
            }
            of_word = script;
        }
    }
    return false;
}

__attribute__((format(printf, 3, 0))) static void
print_message(FILE *stream, const char *before, const char *format, va_list arguments)
{
    char message[MESSAGE_MAX];
    int len = vsnprintf(message, sizeof message, format, arguments);
    (void)fputs(before, stream);
    if (len > 0) {
        size_t shown = (size_t)len < sizeof message ? (size_t)len : sizeof message - 1;
        out_foreign(stream, tl_bytes(message, shown), 0);
    }
    (void)fputc('\n', stream);
}

void out_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(stderr, "tally: ", format, arguments);
    va_end(arguments);
}

void out_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(stderr, "tally: warning: ", format, arguments);
    va_end(arguments);
}

void out_hint(const char *format, ...)
{
    if (quiet) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    print_message(stdout, "", format, arguments);
    va_end(arguments);
}

void out_json(json_t *value)
{
    if (value == NULL) {
        out_error("out of memory");
    }
    (void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(value);
}

json_t *out_json_text(struct tally_bytes foreign)
{
    json_t *text = json_stringn((const char *)foreign.ptr, foreign.len);
    if (text != NULL) {
        return text;
    }
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, ESCAPED_MAX);
    out_escape(&buffer, foreign);
    text = json_stringn(buffer.ptr == NULL ? "" : (const char *)buffer.ptr, buffer.len);
    tl_buffer_deinit(&buffer);
    return text;
}

json_t *out_json_hash(const struct tally_hash *hash)
{
    char text[TL_HASH_BASE64_LEN + 1];
    tl_hash_format(hash, text);
    return json_string(text);
}

void out_written(const struct opt *opt, const char *path, const struct tally_hash *envelope)
{
    if (opt_has(opt, "json")) {
        out_json(json_pack("{s:o, s:o}", "file", out_json_text(tl_bytes_text(path)), "envelope",
                           out_json_hash(envelope)));
    } else {
        out_hint("wrote %s", path);
    }
}
