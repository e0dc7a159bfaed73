/* SPDX-License-Identifier: ISC */
/*
 * Incident: the entry with which the host tells of its clock having stepped, in words and, for a
 * step back, by the clock step part that lets the record's time decrease (docs/formats.md,
 * section 8). It is made as a member's entry is, and judged like any submission.
 */
#ifndef TL_DAEMON_INCIDENT_H
#define TL_DAEMON_INCIDENT_H

#include <tally/status.h>

#include "daemon/clock.h"
#include "daemon/job.h"
#include "daemon/ledger.h"

/*
 * The next entry of the ledger's host key, as a job of no connection that tl_job_check has seen.
 * EKEY when there is no host key in force. ENOMEM, EIO, and whatever its encoding ends with.
 * Sequencer thread.
 */
TALLY_NODISCARD enum tally_status tl_incident_new(const struct tl_ledger *ledger,
                                                  const struct tl_clock_step *step,
                                                  struct tl_job **ret_job);

#endif
