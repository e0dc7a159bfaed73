/* SPDX-License-Identifier: ISC */
/*
 * System calls: the few that serving needs are let through, everything else ends the process with
 * SIGSYS. docs/threat-model.md says what that keeps an intruder from.
 */
#ifndef TL_DAEMON_SYSCALL_FILTER_H
#define TL_DAEMON_SYSCALL_FILTER_H

#include <stddef.h>

#include <tally/status.h>

/*
 * For this thread and all that it starts, for ever. more: further calls, by number, without any
 * condition. Gives how many calls are let through. After a failure nothing has changed.
 */
TALLY_NODISCARD enum tally_status tl_syscall_filter_load(const int *more, size_t more_count,
                                                         size_t *ret_allowed);

#endif
