/* SPDX-License-Identifier: ISC */
/*
 * Facts: a few bytes about every record that a verification has passed, so that later records can
 * be judged against it. Kept in a nameless temporary file: memory stays flat however long the
 * ledger is. The newest few thousand, which nearly every question is about, are in memory as well.
 */
#ifndef TL_ARCHIVE_FACTS_FILE_H
#define TL_ARCHIVE_FACTS_FILE_H

#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

struct tl_fact {
    struct tally_hash leaf;
    uint64_t roster;    /* position behind it: of the newest charter or amendment */
    uint8_t author[16]; /* first half of the author's key's fingerprint; zeros: none */
    uint32_t member;
    uint32_t type; /* enum tl_type; TL_TYPE_COUNT: of no known type */
};

/* A countersignature: which key, on which record. */
struct tl_countersigned {
    uint64_t index;
    uint8_t key[16]; /* first half of the fingerprint */
};

struct tl_facts_file;

TALLY_NODISCARD enum tally_status tl_facts_file_new(struct tl_facts_file **ret_facts);
void tl_facts_file_free(struct tl_facts_file *facts);

/* The fact of the next index. EIO, ENOSPC. */
TALLY_NODISCARD enum tally_status tl_facts_file_append(struct tl_facts_file *facts,
                                                       const struct tl_fact *fact);

/* ENOTFOUND unless index is below the number of facts. */
TALLY_NODISCARD enum tally_status tl_facts_file_get(struct tl_facts_file *facts, uint64_t index,
                                                    struct tl_fact *ret_fact);

TALLY_NODISCARD enum tally_status tl_facts_file_countersigned(struct tl_facts_file *facts,
                                                              const struct tl_countersigned *item);

/* Calls one of the two for every signature of every record: 16 bytes of fingerprint each. */
typedef void (*tl_signer_fn)(void *context, uint64_t index, const uint8_t *key);
TALLY_NODISCARD enum tally_status tl_facts_file_signers(struct tl_facts_file *facts,
                                                        tl_signer_fn signer, void *context);

#endif
