/* SPDX-License-Identifier: ISC */
/*
 * The other end of a Unix socket, in the same thread: it accepts whoever connects, and after each
 * send of theirs sends the next piece of a script (u16 length and bytes, again and again). Wants
 * connect, send and recv wrapped; what goes over the socket is real. A client with a timeout of 0
 * waits for nothing, so that each run of one script goes the same way.
 */
#ifndef TL_TESTS_FUZZ_ANSWER_H
#define TL_TESTS_FUZZ_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <tally/types.h>

/* The socket to connect to. */
const char *answer_socket(void);

/* cut: the most bytes that one receive gives. hangs_up: after the last piece, else silence. */
void answer_begin(struct tally_bytes script, size_t cut, bool hangs_up);
void answer_end(void);

#endif
