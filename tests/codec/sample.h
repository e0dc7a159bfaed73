/* SPDX-License-Identifier: ISC */
/*
 * One good entry with something of everything, and every format built from it. A test changes what
 * it wants between sample_init and sample_build, or the result after it.
 */
#ifndef TEST_CODEC_SAMPLE_H
#define TEST_CODEC_SAMPLE_H

#include "keys/ed25519.h"
#include "keys/note_key.h"
#include "keys/public_key.h"
#include "lib/codec/entry_file.h"
#include "lib/codec/envelope.h"
#include "lib/codec/part.h"
#include "lib/codec/receipt.h"
#include "lib/codec/record.h"
#include "lib/codec/rejection.h"
#include "lib/codec/submission.h"

#define SAMPLE_PARTS 8u
#define SAMPLE_KEYS 4u
#define SAMPLE_ORIGIN "example.org/ledger"

/* Positions of its parts: clear, clear exhibits, a decoy, a sealed one, a withheld one, ... */
enum {
    SAMPLE_CONFIDENCE = 0,  /* c */
    SAMPLE_EXHIBIT = 1,     /* c, its file lies in clear */
    SAMPLE_DECOY = 2,       /* w */
    SAMPLE_SEALED_FILE = 3, /* c, its file lies encrypted */
    SAMPLE_SEALED = 4,      /* s */
    SAMPLE_WITHHELD = 5,    /* w, its author has the opening */
    SAMPLE_DECOY_TOO = 6,   /* w */
    SAMPLE_TITLE = 7,       /* c */
};

struct sample {
    struct tl_envelope_fields fields;
    char letters[SAMPLE_PARTS + 1];
    struct tally_hash ledger;
    struct tally_hash previous;
    struct tl_sealed_line sealed_line;
    struct tl_file_line files[2];
    struct tl_ref_line refs[2];
    struct tl_part parts[SAMPLE_PARTS]; /* an empty name: a decoy */
    struct tl_exhibit_value exhibits[2];
    struct tl_buffer exhibit_values[2];
    struct tally_bytes ciphertext;
    unsigned signer_count; /* 1: the author; up to SAMPLE_KEYS */

    struct tl_buffer part_bytes[SAMPLE_PARTS];
    struct tl_buffer commitments;
    struct tl_buffer envelope;
    struct tl_buffer blobs[SAMPLE_KEYS];
    struct tl_signatures signatures;
    struct tl_buffer clear;
    struct tl_buffer sealed;
    struct tl_submission submission; /* views into the buffers above */
    struct tl_envelope decoded;
};

/* Key 0 is the author's; keys 1.. are sorted by blob, as countersignatures must be. */
const struct tl_secret_key *sample_secret(unsigned number);
const struct tl_public_key *sample_public(unsigned number);

/* The ledger key under SAMPLE_ORIGIN. */
const struct tl_note_key *sample_note_key(void);
const struct tl_secret_key *sample_ledger_secret(void);

void sample_init(struct sample *sample);
void sample_build(struct sample *sample);
void sample_free(struct sample *sample);

/* Parts into commitments and root, once more after a change; part of sample_build. */
void sample_commit(struct sample *sample);

/* Appends a signature blob of key number over message. */
void sample_sign(unsigned number, struct tally_bytes message, struct tl_buffer *blob);

/* Appends each format made from the built sample. */
void sample_submission(const struct sample *sample, struct tl_buffer *buffer);
void sample_record(const struct sample *sample, uint64_t index, struct tl_buffer *buffer);
void sample_checkpoint(uint64_t size, const struct tally_hash *root, struct tl_buffer *buffer);
void sample_receipt(const struct sample *sample, uint64_t index, struct tl_buffer *buffer);
void sample_rejection(struct tl_buffer *buffer);
void sample_entry_file(const struct sample *sample, struct tl_buffer *buffer);
void sample_bundle(const struct sample *sample, struct tl_buffer *buffer);

/* Text of a charter envelope and of an amendment. */
void sample_charter(struct tl_buffer *buffer);
void sample_amendment(struct tl_buffer *buffer);

#endif
