/* SPDX-License-Identifier: ISC */
/*
 * Envelope: the short public text that an author signs (docs/formats.md, "Envelope").
 *
 * Decoding checks everything that the text alone can show: line order, canonical spellings, sort
 * orders, counts, limits. Whether keys, sequence and references are right is the judge's work.
 * Lists stay in the text: each is a region of whole lines, walked with an iterator that cannot
 * fail because decoding has read every line. Pure; any thread.
 */
#ifndef TL_CODEC_ENVELOPE_H
#define TL_CODEC_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

struct tl_envelope {
    struct tally_bytes text; /* the whole envelope; every view below points into it */
    struct tally_bytes type;
    bool has_ledger; /* false only in a charter ("-") */
    struct tally_hash ledger;
    struct tally_bytes member;
    struct tally_hash key; /* fingerprint of the author's key */
    uint64_t sequence;
    bool has_previous;
    struct tally_hash previous;
    bool has_seen; /* false only in a charter */
    uint64_t seen_index;
    struct tally_hash seen_leaf;
    uint64_t signed_s; /* seconds since 1970 by the author's clock */
    unsigned part_count;
    struct tally_hash parts_root;
    struct tally_bytes letters; /* part_count of c, s, w; "-" when there are none */
    struct tally_bytes sealed_lines;
    struct tally_bytes file_lines;
    struct tally_bytes ref_lines;
    struct tally_bytes op_lines; /* constitution entries only */
    unsigned sealed_count;
    unsigned file_count;
    unsigned ref_count;
    unsigned op_count;
};

struct tl_sealed_line {
    unsigned position;
    struct tally_hash hash;
    uint64_t size;
};

struct tl_file_line {
    bool sealed;
    struct tally_hash hash;
    uint64_t size;
};

struct tl_ref_line {
    struct tally_bytes relation;
    uint64_t index;
    struct tally_hash leaf;
};

/* Where decoding stopped, for a message to a person: line counts from 1; what never NULL. */
struct tl_envelope_fault {
    unsigned line;
    const char *what;
};

/*
 * Decodes text, which ret_envelope borrows. EFORMAT, ETRUNCATED, ETRAILING, ETOOBIG; fault may be
 * NULL and is set on failure only.
 */
TALLY_NODISCARD enum tally_status tl_envelope_decode(struct tally_bytes text,
                                                     struct tl_envelope *ret_envelope,
                                                     struct tl_envelope_fault *reterr_fault);

/*
 * Takes the first line off *lines. False when none is left. Only for the regions of a decoded
 * envelope; an op line comes back without "op ".
 */
bool tl_envelope_next_sealed(struct tally_bytes *lines, struct tl_sealed_line *ret_line);
bool tl_envelope_next_file(struct tally_bytes *lines, struct tl_file_line *ret_line);
bool tl_envelope_next_ref(struct tally_bytes *lines, struct tl_ref_line *ret_line);
bool tl_envelope_next_op(struct tally_bytes *lines, struct tally_bytes *ret_operation);

/* Charter, amendment or continuation: sequence 0, no parts, op lines. */
bool tl_envelope_is_constitution(const struct tl_envelope *envelope);

/* SHA-256 of the text: what "the same submission" means, and for a charter the ledger id. */
struct tally_hash tl_envelope_hash(const struct tl_envelope *envelope);

/* What goes into an envelope; lists must be in canonical order (encode checks by decoding). */
struct tl_envelope_fields {
    struct tally_bytes type;
    const struct tally_hash *ledger; /* NULL: "-" */
    struct tally_bytes member;
    struct tally_hash key;
    uint64_t sequence;
    const struct tally_hash *previous; /* NULL: "-" */
    bool has_seen;
    uint64_t seen_index;
    struct tally_hash seen_leaf;
    uint64_t signed_s;
    unsigned part_count;
    struct tally_hash parts_root;
    struct tally_bytes letters; /* part_count characters; ignored when 0 */
    const struct tl_sealed_line *sealed;
    size_t sealed_count;
    const struct tl_file_line *files;
    size_t file_count;
    const struct tl_ref_line *refs;
    size_t ref_count;
    const struct tally_bytes *ops; /* without "op " */
    size_t op_count;
};

/* Appends the text. EFORMAT when the fields do not make a valid envelope; ETOOBIG; ENOMEM. */
TALLY_NODISCARD enum tally_status tl_envelope_encode(const struct tl_envelope_fields *fields,
                                                     struct tl_buffer *buffer,
                                                     struct tl_envelope_fault *reterr_fault);

#endif
