/* SPDX-License-Identifier: ISC */
/*
 * A source in a process of its own. What reads a stopped store trusts the file's pages, and a
 * damaged one can end the process that reads it; here that is a child, and its end is an answer.
 */
#ifndef CLIENT_ISOLATED_H
#define CLIENT_ISOLATED_H

#include "lib/archive/source.h"

/* Opens what path names and says itself what is wrong with it. Returns an exit code. */
typedef int (*isolated_open_fn)(const char *path, struct tl_source **ret_source);

/*
 * Calls open in a child and gives a source that asks the child. To be called before there are
 * threads. Returns the exit code of open, EXIT_UNREACHED when the child died in it. That, and what
 * cannot be read later, is said once with path and remedy; after a death everything is EIO.
 */
int isolated_open(const char *path, isolated_open_fn open, struct tl_source **ret_source);

#endif
