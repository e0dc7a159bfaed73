/* SPDX-License-Identifier: ISC */
/*
 * Log: lines on standard error for the journal, each with its priority ("<6>text").
 * Numbers and codes, never content: whatever a caller passes, bytes that are not printable ASCII
 * leave as "?". One write a line; any thread.
 */
#ifndef TL_DAEMON_LOG_H
#define TL_DAEMON_LOG_H

/* syslog(3) priorities */
enum tl_log_level {
    TL_LOG_CRITICAL = 2,
    TL_LOG_ERROR = 3,
    TL_LOG_WARNING = 4,
    TL_LOG_NOTICE = 5,
    TL_LOG_INFO = 6,
    TL_LOG_DEBUG = 7,
};

/* Lines above the level are dropped. TL_LOG_INFO until set; set before threads start. */
void tl_log_set_level(enum tl_log_level level);

__attribute__((format(printf, 2, 3))) void tl_log(enum tl_log_level level, const char *format,
                                                  ...);

/* Logs as critical and ends the process at once: no exit handler, no destructor, no flush. */
__attribute__((format(printf, 2, 3))) _Noreturn void tl_log_die(int exit_code, const char *format,
                                                                ...);

#endif
