/* SPDX-License-Identifier: ISC */
/* A state as files: made below a directory, in memory, for the real start-up to open. */
#ifndef TL_TESTS_CRASH_IMAGE_H
#define TL_TESTS_CRASH_IMAGE_H

#include "tests/crash/layout.h"

struct image;

/* directory exists, is empty, and belongs to the image. */
struct image *image_new(const char *directory);

/* Where the root of the run stands. */
const char *image_root(const struct image *image);

/*
 * Makes the state. Whatever was done to the files of an earlier one is undone. Compares all of
 * them with the model when thorough.
 */
void image_make(struct image *image, const struct model *model, const struct state *state,
                const struct layout *layout, bool thorough);

#endif
