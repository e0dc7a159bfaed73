/* SPDX-License-Identifier: ISC */
/*
 * The sandbox: after everything is open and before the first client is served, the process gives
 * up what serving does not need. All of it or no start; "sandbox no" (tallyd.conf(5)) leaves it.
 */
#ifndef TL_DAEMON_SANDBOX_H
#define TL_DAEMON_SANDBOX_H

#include "daemon/config.h"
#include "daemon/ledger.h"
#include "daemon/listen.h"

/*
 * Call once, in the only thread. Logs what is on, or what is missing and what to do about it;
 * answers an exit code.
 */
int tl_sandbox_enter(const struct tl_config *config, const struct tl_ledger *ledger,
                     const struct tl_listen_fds *fds);

/*
 * The same for the scrubber, which has its store open: it reads exhibits, and sets aside what it
 * works with among the unfinished uploads. Not logged. EUNSUPPORTED, or what the kernel says.
 */
TALLY_NODISCARD enum tally_status tl_sandbox_enter_scrubber(const struct tl_config *config);

/* "landlock-7 calls-60", or "off". */
const char *tl_sandbox_text(void);

#endif
