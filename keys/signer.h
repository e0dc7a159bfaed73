/* SPDX-License-Identifier: ISC */
/*
 * Who signs: a private key file as ssh-keygen writes it, or a key held by ssh-agent.
 * Does I/O (files, the agent's socket); blocking; one thread at a time per signer.
 */
#ifndef TL_KEYS_SIGNER_H
#define TL_KEYS_SIGNER_H

#include <stdbool.h>

#include <tally/status.h>
#include <tally/types.h>

#include "keys/ed25519.h"
#include "keys/public_key.h"
#include "lib/base/bytes.h"

/*
 * Reads an unencrypted ssh-ed25519 private key file (openssh-key-v1). EENCRYPTED for one with a
 * passphrase, EUNSUPPORTED for another type, EFORMAT, EACCES when the file is readable by others
 * (mode & 077) and strict is set, ENOTFOUND, EIO. Temporary copies are wiped.
 */
TALLY_NODISCARD enum tally_status tl_secret_key_from_file(const char *path, bool strict,
                                                          struct tl_secret_key **ret_key);

/* The same from bytes already read; used by tl_secret_key_from_file and by tests. */
TALLY_NODISCARD enum tally_status tl_secret_key_from_openssh(struct tally_bytes text,
                                                             struct tl_secret_key **ret_key);

struct tl_signer;

/*
 * path names a private key file, or a public key file (NAME.pub, or any file that holds a public
 * key) whose private half ssh-agent holds. agent_socket: NULL for the value of SSH_AUTH_SOCK.
 * An encrypted private key file, or a hardware key's, goes through the agent too: the public key
 * stands in it in clear. EENCRYPTED when an encrypted one is in no agent; EAGENT when there is no
 * agent or it does not hold the key; EACCES when a private key file is readable by others.
 * Otherwise EFORMAT, EUNSUPPORTED, ENOTFOUND, EPROTOCOL, ETIMEOUT, EIO, ETOOBIG, ENOMEM.
 */
TALLY_NODISCARD enum tally_status tl_signer_open(const char *path, const char *agent_socket,
                                                 struct tl_signer **ret_signer);
void tl_signer_close(struct tl_signer *signer);

const struct tl_public_key *tl_signer_key(const struct tl_signer *signer);

/* True when signing asks an agent (and, for a hardware key, waits for a touch). */
bool tl_signer_uses_agent(const struct tl_signer *signer);

/*
 * Appends a raw SSHSIG blob over message in the namespace. The new signature is verified before it
 * is handed out: ESIGNATURE, also for a hardware signature without the presence flag. EAGENT,
 * EPROTOCOL, ETIMEOUT (agent silent for 120 s), EIO, ENOMEM.
 */
TALLY_NODISCARD enum tally_status tl_signer_sign(struct tl_signer *signer,
                                                 struct tally_bytes message,
                                                 const char *name_space,
                                                 struct tl_buffer *blob);

#endif
