/* SPDX-License-Identifier: ISC */
/* Plain types and limits of the formats (docs/formats.md, "Limits"). */
#ifndef TALLY_TYPES_H
#define TALLY_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include <tally/export.h>

TALLY_BEGIN_DECLS

#define TALLY_HASH_LEN 32u
#define TALLY_SIGNATURE_LEN 64u
#define TALLY_ENVELOPE_MAX 24576u          /* bytes of one envelope */
#define TALLY_RECORD_MAX 40960u            /* bytes of one record */
#define TALLY_SIGNATURE_COUNT_MAX 64u      /* signatures of one record */
#define TALLY_PART_COUNT_MAX 256u          /* parts of one entry */
#define TALLY_PART_VALUE_MAX 262144u       /* bytes of one part's value */
#define TALLY_DEPOSIT_MAX 4194304u         /* clear parts and ciphertexts of one entry, bytes */
#define TALLY_REF_COUNT_MAX 256u           /* ref lines of one envelope */
#define TALLY_SUBMISSION_MAX 8388608u      /* bytes of one submission */
#define TALLY_ENTRY_FILE_MAX 16777216u     /* bytes of one entry file */
#define TALLY_ORIGIN_MAX 128u              /* bytes of an origin */
#define TALLY_ID_MAX 32u                   /* bytes of a member id, type, relation or reason */
#define TALLY_MEMBER_NAME_MAX 80u          /* bytes of a member's name */
#define TALLY_PROOF_LEN_MAX 63u            /* hashes of one inclusion or consistency proof */
#define TALLY_FINGERPRINT_LEN 43u          /* base64 characters of a key's SHA-256, unpadded */
#define TALLY_SIZE_MAX INT64_C(0x7fffffffffffffff)

/* A SHA-256 value. */
struct tally_hash {
    uint8_t bytes[TALLY_HASH_LEN];
};

/* Borrowed bytes: the owner and the lifetime are named where one is passed. */
struct tally_bytes {
    const uint8_t *ptr;
    size_t len;
};

TALLY_END_DECLS

#endif
