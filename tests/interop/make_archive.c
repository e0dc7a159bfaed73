/* SPDX-License-Identifier: ISC */
/*
 * Makes what other people's programs are to judge: one ledger in a real store, grown step by step
 * and published at each size, and receipts for some of its records.
 *
 *     make_archive DIRECTORY
 *
 * Every entry is signed, checked, judged, appended and committed as a host would do it. Below
 * DIRECTORY (made, must not hold any of these): SIZE/ (an archive for each size),
 * receipts/INDEX.tlog-proof, vkey, store/.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/archive/publish.h"
#include "lib/base/file.h"
#include "lib/base/pool.h"
#include "lib/base/sha256.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/receipt.h"
#include "lib/store/store.h"
#include "lib/verify/judge.h"
#include "tests/support/ledger_fixture.h"

#define MAP_SIZE (UINT64_C(1) << 30)
#define BATCH_MAX 1000u
#define PATH_ROOM 4096u

/* tests/interop/judge/archive_test.go has the same two lists. */
static const uint64_t sizes[] = {1, 255, 256, 257, 65536, 70000};
static const uint64_t receipts[] = {0,     1,     100,   101,   102,   103,   254,   255,
                                    256,   257,   258,   1256,  1257,  40000, 65279, 65280,
                                    65535, 65536, 65537, 69887, 69888, 69999};

enum {
    MEMBERS = 3,
    AMENDMENT_INDEX = 102,
    ENROLLED_KEY = MEMBERS, /* number of the key that the amendment enrols, of member 1 */
    SEALED_POSITION = 5,
};

/* A record of the batch under way, as one who judges it holds it. */
struct made {
    struct tl_record record;
    struct tl_envelope envelope;
    struct tl_submission submission;
    struct tally_hash sealed_hash;
    struct tl_buffer sealed;
    struct tl_entry_facts facts;
};

struct maker {
    const char *directory;
    struct ledger_fixture *ledger;
    struct tl_judge *judge;
    struct tl_pool *pool;
    struct tl_store *store;
    struct tl_buffer head; /* the newest signed checkpoint */
    uint64_t first;        /* committed before the batch under way */
    size_t count;
    struct made batch[BATCH_MAX];
};

static void check(bool good, const char *what, uint64_t index)
{
    if (!good) {
        (void)fprintf(stderr, "make_archive: %s failed at %llu\n", what, (unsigned long long)index);
        exit(1);
    }
}

static void make_path(const struct maker *maker, const char *name, char path[PATH_ROOM])
{
    int len = snprintf(path, PATH_ROOM, "%s/%s", maker->directory, name);
    check(len > 0 && (size_t)len < PATH_ROOM, "a path", 0);
}

static void open_store(struct maker *maker)
{
    char path[PATH_ROOM];
    make_path(maker, "store", path);
    check(tl_store_open(path, MAP_SIZE, TL_STORE_WRITE, &maker->store) == TALLY_OK,
          "opening the store", maker->first);
}

/* ---- Entries ---- */

static bool has_deposits(uint64_t index)
{
    return index % 10 == 6 && (index < 300 || index % 5000 == 6);
}

static void make_amendment(struct ledger_fixture *ledger)
{
    char key[TL_KEY_LINE_MAX];
    char operation[TL_KEY_LINE_MAX + 64];
    const char *operations[] = {operation};
    size_t number = fixture_add_key(ledger, 1);
    check(number == ENROLLED_KEY, "adding a key", number);
    fixture_key_text(ledger, number, key);
    (void)snprintf(operation, sizeof operation, "enrol m1 author,govern %s", key);
    (void)fixture_amend(ledger, operations, 1, UINT64_C(1) << 1 | UINT64_C(1) << ENROLLED_KEY);
}

/* Another member's finding stands before it; two sign. */
static void make_corroboration(struct ledger_fixture *ledger, uint64_t index)
{
    struct fixture_ref ref = {.relation = "corroborates", .index = index - 1};
    struct fixture_entry entry = {
        .type = "corroboration",
        .author = index % MEMBERS,
        .refs = &ref,
        .ref_count = 1,
        .countersigners = UINT64_C(1) << (index + 1) % MEMBERS,
    };
    (void)fixture_append(ledger, &entry);
}

static void make_finding_with_deposits(struct maker *maker, uint64_t index, struct made *made)
{
    char ciphertext[64];
    (void)snprintf(ciphertext, sizeof ciphertext, "ciphertext %llu", (unsigned long long)index);
    const struct fixture_part parts[8] = {
        {NULL, "1", 'w'}, {"/name", "\"value\"", 'c'},  {NULL, "2", 'w'}, {NULL, "3", 'w'},
        {NULL, "4", 'w'}, {"/source", ciphertext, 's'}, {NULL, "5", 'w'}, {NULL, "6", 'w'},
    };
    struct fixture_entry entry = {
        .type = "finding", .author = index % MEMBERS, .parts = parts, .part_count = 8};
    (void)fixture_append(maker->ledger, &entry);
    made->submission.clear.count = 1;
    made->submission.sealed.count = 1;
    made->sealed_hash = tl_sha256(tl_bytes_text(ciphertext));
    tl_deposit_add(&made->sealed, SEALED_POSITION, tl_bytes_text(ciphertext));
}

static void make_finding(struct ledger_fixture *ledger, size_t author)
{
    static const struct fixture_part part = {NULL, "withheld", 'w'};
    struct fixture_entry entry = {
        .type = "finding", .author = author, .parts = &part, .part_count = 1};
    (void)fixture_append(ledger, &entry);
}

static void make_entry(struct maker *maker, uint64_t index, struct made *made)
{
    if (index == 0) {
        return; /* the charter is there from the beginning */
    }
    if (index == AMENDMENT_INDEX) {
        make_amendment(maker->ledger);
    } else if (index % 7 == 3) {
        make_corroboration(maker->ledger, index);
    } else if (has_deposits(index)) {
        make_finding_with_deposits(maker, index, made);
    } else {
        bool enrolled = index > AMENDMENT_INDEX && index % 7 == 5;
        make_finding(maker->ledger, enrolled ? ENROLLED_KEY : index % MEMBERS);
    }
}

/* ---- Checking and judging ---- */

/* What needs no state; on any thread. */
static void check_one(void *context, size_t item)
{
    struct maker *maker = (struct maker *)context;
    struct made *made = &maker->batch[item];
    uint64_t index = maker->first + item;
    const struct fixture_record *bytes = &maker->ledger->records[index];
    struct tl_submission *submission = &made->submission;
    check(tl_record_decode(tl_buffer_bytes(&bytes->bytes), &made->record) == TALLY_OK,
          "decoding a record", index);
    check(tl_envelope_decode(made->record.envelope, &made->envelope, NULL) == TALLY_OK,
          "decoding an envelope", index);
    submission->envelope = made->record.envelope;
    submission->signatures = made->record.signatures;
    submission->commitments = tl_buffer_bytes(&bytes->commitments);
    submission->commitment_count = (unsigned)(bytes->commitments.len / TALLY_HASH_LEN);
    submission->clear.items = tl_buffer_bytes(&bytes->parts);
    submission->sealed.items = tl_buffer_bytes(&made->sealed);
    check(tl_submission_check(submission, &made->envelope) == TALLY_REASON_NONE,
          "checking a submission", index);
    for (unsigned i = 0; i < submission->signatures.count; i++) {
        check(tl_signature_verify(&submission->signatures, i, submission->envelope) ==
                  TALLY_REASON_NONE,
              "verifying a signature", index);
    }
}

static enum tally_status find_facts(void *context, uint64_t index, struct tl_entry_facts *ret_facts)
{
    const struct maker *maker = (const struct maker *)context;
    if (index >= maker->first) {
        *ret_facts = maker->batch[index - maker->first].facts;
        return TALLY_OK;
    }
    struct tl_stored_facts stored;
    enum tally_status status = tl_store_facts(maker->store, index, &stored);
    if (status == TALLY_OK) {
        ret_facts->leaf = stored.leaf;
        ret_facts->type = (enum tl_type)stored.type;
        ret_facts->member = stored.member;
    }
    return status;
}

static void judge_one(struct maker *maker, size_t item)
{
    struct made *made = &maker->batch[item];
    uint64_t index = maker->first + item;
    const struct fixture_record *bytes = &maker->ledger->records[index];
    enum tally_reason reason = TALLY_REASON_NONE;
    check(tl_judge_check(maker->judge, &made->record, &made->envelope, &made->submission.clear,
                         &bytes->leaf, find_facts, maker, &reason, NULL) == TALLY_OK &&
              reason == TALLY_REASON_NONE,
          "judging a record", index);
    tl_judge_accept(maker->judge, &bytes->envelope, &made->facts);
}

/* ---- Storing and signing ---- */

static void append_one(struct maker *maker, struct tl_batch *batch, size_t item)
{
    struct made *made = &maker->batch[item];
    const struct fixture_record *bytes = &maker->ledger->records[maker->first + item];
    const struct tl_roster *roster = tl_judge_roster(maker->judge);
    const struct tl_roster_key *key = tl_roster_find_key(roster, &made->envelope.key);
    check(key != NULL, "finding a key", made->record.index);
    struct tl_append append = {
        .index = made->record.index,
        .record = tl_buffer_bytes(&bytes->bytes),
        .seal = bytes->seal,
        .leaf = bytes->leaf,
        .envelope = bytes->envelope,
        .type = (uint8_t)made->facts.type,
        .member = (uint16_t)made->facts.member,
        .key_number = (uint32_t)(key - roster->keys),
        .sequence = made->envelope.sequence,
        .commitments = made->submission.commitments,
        .clear = made->submission.clear,
        .sealed = made->submission.sealed,
        .sealed_hashes = &made->sealed_hash,
    };
    check(tl_batch_append(batch, &append) == TALLY_OK, "appending", append.index);
}

/* The signature of the checkpoint before it is kept with each batch. */
static void store_batch(struct maker *maker)
{
    struct tl_batch *batch = NULL;
    check(tl_batch_begin(maker->store, maker->first, &batch) == TALLY_OK, "beginning a batch",
          maker->first);
    for (size_t i = 0; i < maker->count; i++) {
        append_one(maker, batch, i);
    }
    if (maker->first > 0) {
        struct tl_note note;
        check(tl_note_decode(tl_buffer_bytes(&maker->head), &note) == TALLY_OK &&
                  tl_batch_put_checkpoint(batch, maker->first, note.signatures) == TALLY_OK,
              "keeping a checkpoint", maker->first);
    }
    check(tl_batch_commit(batch) == TALLY_OK, "a commit", maker->first);
}

static void encode_checkpoint(struct maker *maker, uint64_t size, struct tl_buffer *text)
{
    struct tl_checkpoint checkpoint = {.origin = tl_bytes_text(maker->ledger->ledger_key.name),
                                       .size = size};
    check(tl_tree_root(size, tl_store_fetch_node, maker->store, &checkpoint.root) == TALLY_OK,
          "computing a root", size);
    tl_checkpoint_encode(&checkpoint, text);
    check(text->status == TALLY_OK, "encoding a checkpoint", size);
}

static void sign_head(struct maker *maker)
{
    struct tl_buffer text;
    tl_buffer_init(&text, TL_NOTE_MAX);
    encode_checkpoint(maker, maker->first, &text);
    tl_buffer_clear(&maker->head);
    tl_note_sign(tl_buffer_bytes(&text), &maker->ledger->ledger_key, maker->ledger->ledger_secret,
                 &maker->head);
    check(maker->head.status == TALLY_OK, "signing a checkpoint", maker->first);
    tl_buffer_deinit(&text);
}

/* The store has them now; of the fixture's records only the hashes are needed further on. */
static void end_batch(struct maker *maker)
{
    for (size_t i = 0; i < maker->count; i++) {
        struct fixture_record *bytes = &maker->ledger->records[maker->first + i];
        tl_buffer_deinit(&bytes->bytes);
        tl_buffer_deinit(&bytes->commitments);
        tl_buffer_deinit(&bytes->parts);
        tl_buffer_deinit(&maker->batch[i].sealed);
    }
    maker->first += maker->count;
    maker->count = 0;
}

static void grow(struct maker *maker, uint64_t size)
{
    while (maker->first < size) {
        bool ended = false;
        while (!ended && maker->count < BATCH_MAX && maker->first + maker->count < size) {
            uint64_t index = maker->first + maker->count;
            struct made *made = &maker->batch[maker->count];
            memset(made, 0, sizeof *made);
            tl_buffer_init(&made->sealed, TALLY_DEPOSIT_MAX);
            make_entry(maker, index, made);
            ended = index == 0 || index == AMENDMENT_INDEX;
            maker->count++;
        }
        struct tl_pool_job job;
        tl_pool_start(maker->pool, &job, maker->count, check_one, maker);
        tl_pool_wait(maker->pool, &job);
        for (size_t i = 0; i < maker->count; i++) {
            judge_one(maker, i);
        }
        store_batch(maker);
        end_batch(maker);
        sign_head(maker);
    }
}

/* ---- What is handed out ---- */

/* From a store that was closed and opened again; it is opened once more afterwards. */
static void publish(struct maker *maker)
{
    char name[32];
    char path[PATH_ROOM];
    struct tl_source *source = NULL;
    struct tl_published published;
    tl_store_close(maker->store);
    open_store(maker);
    check(tl_source_open_store(maker->store, tl_buffer_bytes(&maker->head), &source) == TALLY_OK,
          "opening the store as a source", maker->first);
    (void)snprintf(name, sizeof name, "%llu", (unsigned long long)maker->first);
    make_path(maker, name, path);
    check(tl_publish(source, path, NULL, &published) == TALLY_OK && published.size == maker->first,
          "publishing", maker->first);
    tl_source_close(source);
    open_store(maker);
}

/* Appends the note that a receipt of index is to hold; returns its size. */
static uint64_t checkpoint_above(struct maker *maker, uint64_t index, struct tl_buffer *note)
{
    uint64_t size = 0;
    struct tl_buffer lines;
    tl_buffer_init(&lines, TL_NOTE_MAX);
    enum tally_status status = tl_store_checkpoint_above(maker->store, index, &size, &lines);
    if (status == TALLY_ENOTFOUND) {
        size = maker->first;
        tl_buffer_add(note, tl_buffer_bytes(&maker->head));
    } else {
        check(status == TALLY_OK, "finding a checkpoint", index);
        encode_checkpoint(maker, size, note);
        tl_buffer_add_text(note, "\n");
        tl_buffer_add(note, tl_buffer_bytes(&lines));
    }
    tl_buffer_deinit(&lines);
    return size;
}

static void write_receipt(struct maker *maker, uint64_t index)
{
    char name[64];
    char path[PATH_ROOM];
    uint8_t seal[TALLY_SIGNATURE_LEN];
    struct tl_tree_proof proof;
    struct tl_buffer note;
    struct tl_buffer record;
    struct tl_buffer receipt;
    tl_buffer_init(&note, TL_NOTE_MAX);
    tl_buffer_init(&record, TALLY_RECORD_MAX);
    tl_buffer_init(&receipt, TL_RECEIPT_MAX);
    uint64_t size = checkpoint_above(maker, index, &note);
    check(tl_store_record(maker->store, index, &record, seal) == TALLY_OK, "reading", index);
    check(tl_tree_prove_inclusion(index, size, tl_store_fetch_node, maker->store, &proof) ==
              TALLY_OK,
          "a proof", index);
    tl_receipt_encode(tl_buffer_bytes(&record), seal, index, &proof, tl_buffer_bytes(&note),
                      &receipt);
    (void)snprintf(name, sizeof name, "receipts/%llu.tlog-proof", (unsigned long long)index);
    make_path(maker, name, path);
    check(receipt.status == TALLY_OK &&
              tl_file_write_unsynced(path, tl_buffer_bytes(&receipt), 0600) == TALLY_OK,
          "writing a receipt", index);
    tl_buffer_deinit(&note);
    tl_buffer_deinit(&record);
    tl_buffer_deinit(&receipt);
}

static void make_directory(const struct maker *maker, const char *name)
{
    char path[PATH_ROOM];
    make_path(maker, name, path);
    check(tl_make_directories(path, 0700) == TALLY_OK, "making a directory", 0);
}

static void begin(struct maker *maker)
{
    char path[PATH_ROOM];
    char vkey[TL_VKEY_MAX];
    maker->ledger = fixture_new("interop", MEMBERS);
    tl_buffer_init(&maker->head, TL_NOTE_MAX);
    check(tl_judge_new(&maker->judge) == TALLY_OK, "making a judge", 0);
    check(tl_pool_new(tl_processor_count() - 1, &maker->pool) == TALLY_OK, "making a pool", 0);
    make_directory(maker, "receipts");
    make_directory(maker, "store");
    make_path(maker, "store", path);
    check(tl_store_create(path) == TALLY_OK, "making a store", 0);
    open_store(maker);
    tl_note_key_format(&maker->ledger->ledger_key, vkey);
    make_path(maker, "vkey", path);
    check(tl_file_write_unsynced(path, tl_bytes_text(vkey), 0600) == TALLY_OK, "writing the vkey",
          0);
}

int main(int argc, char **argv)
{
    static struct maker maker;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: make_archive DIRECTORY\n");
        return 2;
    }
    maker.directory = argv[1];
    begin(&maker);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        grow(&maker, sizes[i]);
        publish(&maker);
    }
    for (size_t i = 0; i < sizeof receipts / sizeof receipts[0]; i++) {
        write_receipt(&maker, receipts[i]);
    }
    tl_store_close(maker.store);
    tl_pool_free(maker.pool);
    tl_judge_free(maker.judge);
    fixture_free(maker.ledger);
    tl_buffer_deinit(&maker.head);
    return 0;
}
