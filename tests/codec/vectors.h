/* SPDX-License-Identifier: ISC */
/* Reading the JSON vectors of docs/formats.md, and comparing what was decoded with their fields. */
#ifndef TEST_CODEC_VECTORS_H
#define TEST_CODEC_VECTORS_H

#include "tests/support/test.h"

#include <jansson.h>

#include <tally/reason.h>

#include "lib/codec/record.h"
#include "lib/codec/submission.h"

struct vectors {
    json_t *document;
    struct tl_buffer bytes; /* of the vector in hand */
};

int open_vectors(void **state, const char *name);
int close_vectors(void **state);

json_t *member(const json_t *object, const char *key);
struct tally_bytes text_of(const json_t *object, const char *key);

/* The bytes of a vector: text, bytes_hex, or runs of [hexadecimal, how often]. */
struct tally_bytes load(struct vectors *vectors, const json_t *vector);

void expect_number(const json_t *object, const char *key, uint64_t actual);
void expect_text(const json_t *object, const char *key, struct tally_bytes actual);
void expect_hex_value(const json_t *value, struct tally_bytes actual);
void expect_hex(const json_t *object, const char *key, struct tally_bytes actual);
void expect_hash(const json_t *object, const char *key, const struct tally_hash *actual);

/* null in the vector for what is absent. */
void expect_optional(const json_t *object, const char *key, bool has,
                     const struct tally_hash *actual);

/* The array of that name, which has count items. */
json_t *expect_list(const json_t *object, const char *key, size_t count);
void expect_blobs(const json_t *fields, const struct tl_signatures *signatures);
void expect_commitments(const json_t *fields, unsigned count, struct tally_bytes bytes);
void expect_deposits(const json_t *fields, const char *key, const char *bytes_key,
                     struct tl_deposit_list list);

typedef void (*good_fn)(struct vectors *vectors, const json_t *vector, struct tally_bytes bytes);
typedef enum tally_reason (*judge_fn)(struct vectors *vectors, const json_t *vector,
                                      struct tally_bytes bytes);

/* The reason that a decoder's status comes to. */
enum tally_reason reason_of(enum tally_status status);

/*
 * Every good vector is accepted by judge and then looked into by good; every bad one is refused,
 * with has_reason for the reason that it gives.
 */
void run_vectors(void **state, good_fn good, judge_fn judge, bool has_reason);

#endif
