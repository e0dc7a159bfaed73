/* SPDX-License-Identifier: ISC */
/*
 * Record: what the ledger appends (docs/formats.md, "Record"), and its seal.
 * The leaf hash of a record is tl_tree_leaf over its bytes. Pure; any thread.
 */
#ifndef TL_CODEC_RECORD_H
#define TL_CODEC_RECORD_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "keys/ed25519.h"
#include "keys/sshsig.h"
#include "lib/base/bytes.h"
#include "lib/codec/envelope.h"

#define TL_RECORD_VERSION 1u
#define TL_RECORD_FRAME_LEN 60u /* a record without its envelope and signatures */
#define TL_SEAL_CONTEXT "tally-seal/v1\n"

/* The author's signature and countersignatures, raw SSHSIG blobs; borrowed. */
struct tl_signatures {
    unsigned count;
    struct tally_bytes blobs[TALLY_SIGNATURE_COUNT_MAX];
};

struct tl_record {
    uint64_t index;
    uint64_t received_us; /* microseconds since 1970 by the host's clock */
    struct tally_hash link;
    uint64_t roster;
    struct tally_bytes envelope; /* borrowed */
    struct tl_signatures signatures;
};

/* The frame, not the envelope or the blobs inside. EFORMAT, ETRUNCATED, ETRAILING, ETOOBIG. */
TALLY_NODISCARD enum tally_status tl_record_decode(struct tally_bytes bytes,
                                                   struct tl_record *ret_record);

/* Appends the bytes. ETOOBIG above TALLY_RECORD_MAX; ENOMEM. */
TALLY_NODISCARD enum tally_status tl_record_encode(const struct tl_record *record,
                                                   struct tl_buffer *buffer);

/*
 * Reads "u8 count | (u16 len | blob)*" off reader, as in records and submissions. count_min is 1
 * in a record and 0 in an entry file.
 */
void tl_signatures_read(struct tl_reader *reader, unsigned count_min,
                        struct tl_signatures *ret_signatures);
void tl_signatures_write(const struct tl_signatures *signatures, struct tl_buffer *buffer);

void tl_seal_sign(const struct tl_secret_key *ledger_key, const struct tally_hash *leaf,
                  uint8_t ret_seal[TALLY_SIGNATURE_LEN]);
bool tl_seal_verify(const uint8_t ledger_point[32], const struct tally_hash *leaf,
                    const uint8_t seal[TALLY_SIGNATURE_LEN]);

#endif
