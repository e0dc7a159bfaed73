/* SPDX-License-Identifier: ISC */
/* Reading, signing and writing entry files (NAME.tally). */
#ifndef CLIENT_ENTRY_IO_H
#define CLIENT_ENTRY_IO_H

#include <stdbool.h>

#include <tally/types.h>

#include "client/opt.h"
#include "keys/signer.h"
#include "lib/base/bytes.h"
#include "lib/codec/entry_file.h"
#include "lib/codec/envelope.h"

/* Reads and decodes both; prints what is wrong and where. 0, else an exit code. */
int entry_read(const char *path, struct tl_entry_file *ret_entry, struct tl_envelope *ret_envelope);

/* Writes it whole, mode 0600. replace false: an existing file is an error. */
int entry_write(const char *path, const struct tl_entry_file *entry, bool replace);

/* --key or TALLY_KEY as a signer. 0, else an exit code after a message that says what to do. */
int entry_open_signer(const struct opt *opt, struct tl_signer **ret_signer);

/*
 * Adds the signer's signature to a decoded entry, in the record's order; blob holds its bytes and
 * must outlive entry. EEXIST when this key has signed already; EKEY when the author's signature
 * is to be made first and the signer is not the author.
 */
TALLY_NODISCARD enum tally_status entry_sign(struct tl_entry_file *entry,
                                             const struct tl_envelope *envelope,
                                             struct tl_signer *signer, struct tl_buffer *blob);

/* False after a message for "-": what is signed or submitted needs a file that stays. */
bool entry_has_place(const char *path);

/* entry_read, entry_sign, entry_write, with messages. */
int entry_sign_file(const struct opt *opt, const char *path, struct tally_hash *ret_envelope);

/* The same for the verbs `sign` and `charter sign`, which also know --json. */
int entry_sign_verb(const struct opt *opt, const char *path);

#endif
