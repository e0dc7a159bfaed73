/* SPDX-License-Identifier: ISC */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/file.h"

enum {
    LINE_MAX_LEN = 1024,
    PREFIX_LEN = 3, /* "<6>" */
};

static enum tl_log_level level_max = TL_LOG_INFO;

void tl_log_set_level(enum tl_log_level level)
{
    level_max = level;
}

__attribute__((format(printf, 2, 0))) static void write_line(enum tl_log_level level,
                                                             const char *format, va_list arguments)
{
    char line[LINE_MAX_LEN];
    line[0] = '<';
    line[1] = (char)('0' + (int)level);
    line[2] = '>';
    int made = vsnprintf(line + PREFIX_LEN, sizeof line - PREFIX_LEN - 1, format, arguments);
    if (made < 0) {
        return;
    }
    size_t len = strlen(line + PREFIX_LEN);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)line[PREFIX_LEN + i];
        if (byte < 0x20 || byte > 0x7e) {
            line[PREFIX_LEN + i] = '?';
        }
    }
    line[PREFIX_LEN + len] = '\n';
    /* Nothing can be done about a log that cannot be written. */
    (void)!tl_write_full(STDERR_FILENO, tl_bytes(line, PREFIX_LEN + len + 1));
}

void tl_log(enum tl_log_level level, const char *format, ...)
{
    if (level > level_max) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    write_line(level, format, arguments);
    va_end(arguments);
}

void tl_log_die(int exit_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(TL_LOG_CRITICAL, format, arguments);
    va_end(arguments);
    _exit(exit_code);
}
