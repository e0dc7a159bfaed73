/* SPDX-License-Identifier: ISC */
/* What a service manager is told (sd_notify(3)'s protocol), and when it wants to hear from us. */
#ifndef TL_DAEMON_NOTIFY_H
#define TL_DAEMON_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Connects to $NOTIFY_SOCKET, once for all that is sent: later no socket can be made. False when
 * there is none or it failed.
 */
bool tl_notify_open(void);

/*
 * Sends text ("READY=1\nSTATUS=..."). False when nothing is open or it failed. A manager that does
 * not listen is waited for only with wait: members do not wait for it.
 */
bool tl_notify(const char *text, bool wait);

/* "STATUS=" and one formatted line. Does not wait. */
__attribute__((format(printf, 1, 2))) bool tl_notify_status(const char *format, ...);

/* Half of $WATCHDOG_USEC in milliseconds when it is meant for this process, else 0. */
uint64_t tl_notify_watchdog_ms(void);

#endif
