/* SPDX-License-Identifier: ISC */
/* Whether an entry file holds what its envelope commits to: what is shown is what is signed. */
#ifndef CLIENT_ENTRY_CHECK_H
#define CLIENT_ENTRY_CHECK_H

#include <tally/reason.h>
#include <tally/status.h>

#include "lib/codec/entry_file.h"

/*
 * Commitments, clear and withheld parts and ciphertexts of a decoded file against its decoded
 * envelope; *ret_reason is NONE when all agree. Signatures may be missing. OK or ENOMEM.
 */
TALLY_NODISCARD enum tally_status entry_check(const struct tl_entry_file *entry,
                                              const struct tl_envelope *envelope,
                                              enum tally_reason *ret_reason);

#endif
