/* SPDX-License-Identifier: ISC */
/* What a process gives up before it reads a key or serves anybody. */
#ifndef TL_DAEMON_HARDEN_H
#define TL_DAEMON_HARDEN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * No core dumps, no tracing by equals, no new privileges, umask 077, no death by SIGPIPE. False
 * when one is refused.
 */
bool tl_harden_process(void);

/* As many descriptors as the hard limit allows. Returns their number. */
uint64_t tl_harden_descriptors(void);

#endif
