/* SPDX-License-Identifier: ISC */
/*
 * Head guard: a small file that remembers the newest signed checkpoint apart from the store, so
 * that a store which lost its tail is noticed before anything is signed (docs/operations.md).
 *
 * Two slots of 512 bytes, each at the start of a block of its own, written in turn, in place, with
 * O_DSYNC: magic, version, counter, the signed checkpoint note, SHA-256 over what is before it. The
 * valid slot with the higher counter counts, so a torn write leaves the note before it.
 */
#ifndef TL_STORE_HEAD_GUARD_H
#define TL_STORE_HEAD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

#define TL_HEAD_SLOT_LEN 512u
#define TL_HEAD_SLOT_GAP 4096u /* from one slot to the other: no device writes both at once */
#define TL_HEAD_NOTE_MAX 440u  /* bytes of the signed checkpoint; a limit on origins */

struct tl_head_guard;

/* Makes the file with one slot for note; synced with its directory. EEXIST, ETOOBIG. */
TALLY_NODISCARD enum tally_status tl_head_guard_create(const char *path, struct tally_bytes note);

/*
 * ENOTFOUND; EFORMAT when neither slot is valid; ELOCKED when another process writes this file.
 * read_only takes no lock: it may read beside the one that writes.
 */
TALLY_NODISCARD enum tally_status tl_head_guard_open(const char *path, bool read_only,
                                                     struct tl_head_guard **ret_guard);
void tl_head_guard_close(struct tl_head_guard *guard);

/* The newest valid slot's note; borrowed until the next write or close. */
struct tally_bytes tl_head_guard_note(const struct tl_head_guard *guard);

/*
 * Writes the other slot. Durable on OK. ETOOBIG (the note, or the counter of the file is the last
 * one), EINVAL (an empty note), EACCES (read_only) change nothing; after any other status the
 * process must end.
 */
TALLY_NODISCARD enum tally_status tl_head_guard_write(struct tl_head_guard *guard,
                                                      struct tally_bytes note);

#endif
