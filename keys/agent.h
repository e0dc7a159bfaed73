/* SPDX-License-Identifier: ISC */
/*
 * Private to keys: a client of ssh-agent (RFC 9987), as much of it as signing needs. Each call
 * makes its own connection, so an agent may be restarted in between. Blocking, with a deadline.
 *
 * The agent is another program: what it answers is hostile input. Replies are bounded, counts are
 * capped, and a signature counts for nothing until the caller has verified it.
 */
#ifndef TL_KEYS_AGENT_H
#define TL_KEYS_AGENT_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "keys/public_key.h"
#include "keys/sshsig.h"
#include "lib/base/bytes.h"

#define TL_AGENT_FRAME_MAX 262144u /* bytes of one message */
#define TL_AGENT_KEYS_MAX 2048u    /* identities in one answer */

/*
 * Whether the agent holds the key: OK or EAGENT. EAGENT also when no agent listens, or it refuses;
 * EPROTOCOL for an answer that does not follow the protocol; ETIMEOUT; EIO; ENOMEM.
 */
TALLY_NODISCARD enum tally_status tl_agent_find(const char *socket_path, unsigned timeout_ms,
                                                const struct tl_public_key *key);

/* Lets the agent sign data; fills in signature, flags and counter of sig, whose key is given. */
TALLY_NODISCARD enum tally_status tl_agent_sign(const char *socket_path, unsigned timeout_ms,
                                                struct tally_bytes data, struct tl_sshsig *sig);

/* The frame that asks for a signature over data. Appends. */
void tl_agent_sign_request(const struct tl_public_key *key, struct tally_bytes data,
                           struct tl_buffer *frame);

/* Reads the answers, without their length; the statuses of the calls above. */
TALLY_NODISCARD enum tally_status tl_agent_read_identities(struct tally_bytes reply,
                                                           const struct tl_public_key *key);
TALLY_NODISCARD enum tally_status tl_agent_read_signature(struct tally_bytes reply,
                                                          struct tl_sshsig *sig);

#endif
