/* SPDX-License-Identifier: ISC */
/*
 * The names of a state, as they stand in a file system. From one state to the next only what
 * differs is made or removed; where anybody else has changed a name, all of them are made anew.
 */
#ifndef TL_TESTS_CRASH_STANDING_H
#define TL_TESTS_CRASH_STANDING_H

#include "tests/crash/model.h"

enum { STANDING_PATH_MAX = 512 };

struct standing;

/* root does not exist. A file that gets a name has one already: pool, and its node's number. */
struct standing *standing_new(const char *root, const char *pool);

/* Makes the names those below root. */
void standing_set(struct standing *standing, const struct model *model,
                  const struct model_names *names);

#endif
