/* SPDX-License-Identifier: ISC */
/* The records of a fixture in a store, and a struct tl_ledger over it as a start leaves it. */
#ifndef TEST_DAEMON_FIXTURE_STORE_H
#define TEST_DAEMON_FIXTURE_STORE_H

#include "tests/support/test.h"

#include "daemon/ledger.h"
#include "lib/archive/bundle_file.h"
#include "lib/base/check.h"
#include "tests/support/ledger_fixture.h"

enum { FIXTURE_MAP_SIZE = 1 << 28 };

/* What a store would be given for the record; roster gives the number of its key, NULL: 0. */
static inline struct tl_append fixture_append_of(const struct ledger_fixture *fixture,
                                                 uint64_t index, const struct tl_roster *roster)
{
    const struct fixture_record *made = &fixture->records[index];
    struct tl_record record;
    struct tl_envelope envelope;
    struct tl_append append = {
        .index = index,
        .record = tl_buffer_bytes(&made->bytes),
        .seal = made->seal,
        .leaf = made->leaf,
        .envelope = made->envelope,
        .commitments = tl_buffer_bytes(&made->commitments),
    };
    TL_ASSERT(tl_record_decode(append.record, &record) == TALLY_OK);
    TL_ASSERT(tl_envelope_decode(record.envelope, &envelope, NULL) == TALLY_OK);
    append.sequence = envelope.sequence;
    if (roster != NULL) {
        append.key_number =
            (uint32_t)(tl_roster_find_key(roster, &envelope.key) - roster->keys);
    }
    return append;
}

/* The roster that the fixture's charter makes; tl_roster_free. */
static inline struct tl_roster *fixture_roster(const struct ledger_fixture *fixture)
{
    struct tl_roster *roster = NULL;
    struct tl_record record;
    struct tl_envelope envelope;
    enum tally_reason reason = TALLY_REASON_NONE;
    TL_ASSERT(tl_record_decode(tl_buffer_bytes(&fixture->records[0].bytes), &record) == TALLY_OK);
    TL_ASSERT(tl_envelope_decode(record.envelope, &envelope, NULL) == TALLY_OK);
    TL_ASSERT(tl_roster_from_charter(&envelope, &record.signatures, &roster, &reason) == TALLY_OK);
    TL_ASSERT(roster != NULL);
    return roster;
}

/* An open, empty store in directory. The ledger key is the fixture's. */
static inline struct tl_ledger *fixture_ledger_new(const struct ledger_fixture *fixture,
                                                   const char *directory)
{
    struct tl_ledger *ledger = (struct tl_ledger *)tl_calloc(1, sizeof *ledger);
    TL_ASSERT(ledger != NULL);
    (void)pthread_mutex_init(&ledger->keys_mutex, NULL);
    (void)pthread_mutex_init(&ledger->signing_mutex, NULL);
    atomic_init(&ledger->signing, TL_SIGNING_ON);
    tl_head_init(&ledger->head);
    ledger->secret = fixture->ledger_secret;
    TL_ASSERT(tl_store_create(directory) == TALLY_OK);
    TL_ASSERT(tl_store_open(directory, FIXTURE_MAP_SIZE, false, &ledger->store) == TALLY_OK);
    return ledger;
}

static inline void fixture_ledger_free(struct tl_ledger *ledger)
{
    ledger->secret = NULL; /* the fixture's */
    tl_ledger_close(ledger);
}

/* The submission that the record came from. Appends. */
static inline void fixture_submission(const struct ledger_fixture *fixture, uint64_t index,
                                      struct tl_buffer *buffer)
{
    const struct fixture_record *made = &fixture->records[index];
    struct tl_record record;
    struct tl_submission submission = {
        .commitment_count = (unsigned)(made->commitments.len / TALLY_HASH_LEN),
        .commitments = tl_buffer_bytes(&made->commitments),
    };
    TL_ASSERT(tl_record_decode(tl_buffer_bytes(&made->bytes), &record) == TALLY_OK);
    if (made->parts.len > 0) {
        TL_ASSERT(tl_parts_decode(tl_buffer_bytes(&made->parts), &submission.clear) == TALLY_OK);
    }
    submission.envelope = record.envelope;
    submission.signatures = record.signatures;
    tl_submission_encode(&submission, buffer);
    TL_ASSERT(buffer->status == TALLY_OK);
}

#endif
