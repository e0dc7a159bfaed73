/* SPDX-License-Identifier: ISC */
/*
 * Init: makes a ledger from a signed charter. The data directory is made whole beside its place and
 * renamed there: there is never half a ledger. Prints the ledger id and origin.
 */
#ifndef TL_DAEMON_INIT_H
#define TL_DAEMON_INIT_H

/* The arguments after "init". Answers an exit code (exit_code.h). */
int tl_init_main(int argc, char *const *argv);

#endif
