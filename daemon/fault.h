/* SPDX-License-Identifier: ISC */
/*
 * What becomes of a process that reads a page of the store which is not there or says nonsense:
 * LMDB trusts its pages, and the disk gives what it gives.
 */
#ifndef TL_DAEMON_FAULT_H
#define TL_DAEMON_FAULT_H

/*
 * From here on SIGBUS and SIGSEGV end the process at once with TL_EXIT_DAMAGED and one line that
 * says so: no exit handler, nothing sent, nothing acknowledged. Any thread.
 */
void tl_fault_watch(void);

#endif
