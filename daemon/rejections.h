/* SPDX-License-Identifier: ISC */
/*
 * Rejections: the ledger's signed "no". Hashing all that was sent and signing are done on a worker
 * thread, and only as often as the user's share allows; beyond it the answer is an ERROR.
 */
#ifndef TL_DAEMON_REJECTIONS_H
#define TL_DAEMON_REJECTIONS_H

#include "daemon/job.h"

/* Answers the job, whose outcome is a rejection, and frees it. */
void tl_rejection_begin(struct tl_conn *conn, struct tl_job *job);

#endif
