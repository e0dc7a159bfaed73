/* SPDX-License-Identifier: ISC */
/*
 * One property for every format: what a decoder accepts, the encoder gives back byte for byte.
 * Tests feed it damaged samples, the fuzz targets whatever they find.
 */
#ifndef TEST_CODEC_ROUNDTRIP_H
#define TEST_CODEC_ROUNDTRIP_H

#include <tally/types.h>

enum roundtrip {
    ROUNDTRIP_REFUSED,
    ROUNDTRIP_SAME,
    ROUNDTRIP_DIFFERENT, /* never right */
};

typedef enum roundtrip (*roundtrip_fn)(struct tally_bytes bytes);

enum roundtrip roundtrip_envelope(struct tally_bytes bytes);
enum roundtrip roundtrip_part(struct tally_bytes bytes);
enum roundtrip roundtrip_exhibit(struct tally_bytes bytes);
enum roundtrip roundtrip_record(struct tally_bytes bytes);
enum roundtrip roundtrip_submission(struct tally_bytes bytes);
enum roundtrip roundtrip_note(struct tally_bytes bytes);
enum roundtrip roundtrip_checkpoint(struct tally_bytes bytes);
enum roundtrip roundtrip_rejection(struct tally_bytes bytes);
enum roundtrip roundtrip_proof_file(struct tally_bytes bytes);
enum roundtrip roundtrip_receipt(struct tally_bytes bytes);
enum roundtrip roundtrip_bundle(struct tally_bytes bytes);
enum roundtrip roundtrip_entry_file(struct tally_bytes bytes);
enum roundtrip roundtrip_sshsig(struct tally_bytes bytes);

#endif
