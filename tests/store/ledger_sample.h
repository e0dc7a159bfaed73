/* SPDX-License-Identifier: ISC */
/*
 * A ledger whose every byte follows from the index: records with a tiny envelope and no real
 * signatures, and what a test expects to read back of each.
 */
#ifndef TEST_STORE_LEDGER_SAMPLE_H
#define TEST_STORE_LEDGER_SAMPLE_H

#include "tests/support/test.h"

#include <sys/stat.h>

#include "lib/base/sha256.h"
#include "lib/codec/record.h"
#include "lib/store/store.h"
#include "lib/tree/tree.h"

#define SAMPLE_MAP_SIZE (UINT64_C(1) << 30)

enum {
    SAMPLE_KEYS = 5,
    SAMPLE_CONSTITUTION_EVERY = 1000,
    SAMPLE_SEALED_COUNT = 2,
};

struct sample_record {
    struct tl_append append;
    struct tl_buffer record;
    struct tl_buffer clear;
    struct tl_buffer sealed;
    uint8_t seal[TALLY_SIGNATURE_LEN];
    uint8_t commitments[4 * TALLY_HASH_LEN];
    uint8_t ciphertexts[SAMPLE_SEALED_COUNT][24];
    struct tally_hash sealed_hashes[SAMPLE_SEALED_COUNT];
};

static inline void sample_init(struct sample_record *sample)
{
    memset(sample, 0, sizeof *sample);
    tl_buffer_init(&sample->record, TALLY_RECORD_MAX);
    tl_buffer_init(&sample->clear, TALLY_DEPOSIT_MAX);
    tl_buffer_init(&sample->sealed, TALLY_DEPOSIT_MAX);
}

static inline void sample_deinit(struct sample_record *sample)
{
    tl_buffer_deinit(&sample->record);
    tl_buffer_deinit(&sample->clear);
    tl_buffer_deinit(&sample->sealed);
}

static inline bool sample_is_constitution(uint64_t index)
{
    return index % SAMPLE_CONSTITUTION_EVERY == 0;
}

static inline uint32_t sample_key(uint64_t index)
{
    return (uint32_t)(index % SAMPLE_KEYS);
}

/* Commitments of every third record are missing; clear parts and ciphertexts are rarer. */
static inline size_t sample_commitment_count(uint64_t index)
{
    return (size_t)(index % 3 == 0 ? 0 : index % 4 + 1);
}

static inline bool sample_has_clear(uint64_t index)
{
    return index % 4 == 1;
}

static inline bool sample_has_sealed(uint64_t index)
{
    return index % 7 == 3;
}

static inline void sample_fill_record(struct sample_record *sample, uint64_t index,
                                      const char *envelope)
{
    struct tl_record record = {
        .index = index,
        .received_us = 1000 * index,
        .link = test_hash((uint8_t)index),
        .roster = index / SAMPLE_CONSTITUTION_EVERY,
        .envelope = tl_bytes_text(envelope),
        .signatures = {.count = 1, .blobs = {tl_bytes_text("signature")}},
    };
    tl_buffer_clear(&sample->record);
    assert_status(tl_record_encode(&record, &sample->record), TALLY_OK);
}

static inline void sample_fill_deposits(struct sample_record *sample, uint64_t index)
{
    tl_buffer_clear(&sample->clear);
    tl_buffer_clear(&sample->sealed);
    if (sample_has_clear(index)) {
        tl_deposit_add(&sample->clear, 0, tl_bytes(sample->commitments, index % 90));
        tl_deposit_add(&sample->clear, 2, tl_bytes_text("a clear part"));
    }
    for (unsigned i = 0; i < SAMPLE_SEALED_COUNT && sample_has_sealed(index); i++) {
        struct tl_writer writer =
            tl_writer_over(sample->ciphertexts[i], sizeof sample->ciphertexts[i]);
        tl_write_u64(&writer, index);
        tl_write_u8(&writer, (uint8_t)i);
        struct tally_bytes ciphertext =
            tl_bytes(sample->ciphertexts[i], sizeof sample->ciphertexts[i]);
        tl_deposit_add(&sample->sealed, 5 + i, ciphertext);
        sample->sealed_hashes[i] = tl_sha256(ciphertext);
    }
}

/* The record of index, with everything beside it; valid until the next fill. */
static inline const struct tl_append *sample_fill(struct sample_record *sample, uint64_t index)
{
    char envelope[32];
    (void)snprintf(envelope, sizeof envelope, "envelope %llu\n", (unsigned long long)index);
    sample_fill_record(sample, index, envelope);
    memset(sample->seal, (int)(index % 251), sizeof sample->seal);
    memset(sample->commitments, (int)(index % 241), sizeof sample->commitments);
    sample_fill_deposits(sample, index);
    sample->append = (struct tl_append){
        .index = index,
        .record = tl_buffer_bytes(&sample->record),
        .seal = sample->seal,
        .leaf = tl_tree_leaf(tl_buffer_bytes(&sample->record)),
        .envelope = tl_sha256(tl_bytes_text(envelope)),
        .type = (uint8_t)(index % 13),
        .member = (uint16_t)(index % 300),
        .key_number = sample_key(index),
        .sequence = sample_is_constitution(index) ? 0 : index,
        .commitments =
            tl_bytes(sample->commitments, sample_commitment_count(index) * TALLY_HASH_LEN),
        .clear = {.count = sample_has_clear(index) ? 2 : 0,
                  .items = tl_buffer_bytes(&sample->clear)},
        .sealed = {.count = sample_has_sealed(index) ? SAMPLE_SEALED_COUNT : 0,
                   .items = tl_buffer_bytes(&sample->sealed)},
        .sealed_hashes = sample->sealed_hashes,
    };
    return &sample->append;
}

/* Appends the records from first up to size to a batch. */
static inline void sample_append(struct tl_batch *batch, uint64_t first, uint64_t size)
{
    struct sample_record sample;
    sample_init(&sample);
    for (uint64_t i = first; i < size; i++) {
        assert_status(tl_batch_append(batch, sample_fill(&sample, i)), TALLY_OK);
    }
    sample_deinit(&sample);
}

/* Grows the store to size in batches of up to 1000. */
static inline void sample_grow(struct tl_store *store, uint64_t size)
{
    while (tl_store_size(store) < size) {
        uint64_t first = tl_store_size(store);
        uint64_t next = size - first > 1000 ? first + 1000 : size;
        struct tl_batch *batch = NULL;
        assert_status(tl_batch_begin(store, first, &batch), TALLY_OK);
        sample_append(batch, first, next);
        assert_status(tl_batch_commit(batch), TALLY_OK);
        assert_int_equal(tl_store_size(store), next);
    }
}

static inline struct tl_store *sample_open(const char *dir, enum tl_store_access access)
{
    struct tl_store *store = NULL;
    assert_status(tl_store_open(dir, SAMPLE_MAP_SIZE, access, &store), TALLY_OK);
    return store;
}

/* A new directory with a store of size records, left open. */
static inline struct tl_store *sample_create(char dir[TEST_PATH_MAX], uint64_t size)
{
    test_dir_make(dir);
    assert_status(tl_store_create(dir), TALLY_OK);
    struct tl_store *store = sample_open(dir, TL_STORE_WRITE);
    sample_grow(store, size);
    return store;
}

/* Asserts that the record of index reads back as it was appended. */
static inline void sample_check(struct tl_store *store, uint64_t index)
{
    struct sample_record sample;
    sample_init(&sample);
    const struct tl_append *expected = sample_fill(&sample, index);
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TALLY_RECORD_MAX);
    uint8_t seal[TALLY_SIGNATURE_LEN];
    assert_status(tl_store_record(store, index, &buffer, seal), TALLY_OK);
    assert_bytes_equal(tl_buffer_bytes(&buffer), expected->record);
    assert_memory_equal(seal, expected->seal, sizeof seal);
    struct tl_stored_facts facts;
    assert_status(tl_store_facts(store, index, &facts), TALLY_OK);
    assert_true(tl_hash_equal(&facts.leaf, &expected->leaf));
    assert_int_equal(facts.type, expected->type);
    assert_int_equal(facts.member, expected->member);
    tl_buffer_deinit(&buffer);
    sample_deinit(&sample);
}

/* True when fn(context) answers true in a process of its own, which may fail as it likes. */
static inline bool sample_holds_in_child(bool (*fn)(void *context), void *context)
{
    enum { HOLDS = 42 };
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(fn(context) ? HOLDS : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFEXITED(how) && WEXITSTATUS(how) == HOLDS;
}

/* Puts /dev/full in the place of every descriptor of the file that is open: a full disk. */
static inline bool sample_fill_disk(const char *path)
{
    struct stat wanted;
    int full = open("/dev/full", O_RDWR | O_CLOEXEC);
    bool found = false;
    if (full < 0 || stat(path, &wanted) != 0) {
        return false;
    }
    for (int fd = 3; fd < 256; fd++) {
        struct stat info;
        if (fstat(fd, &info) == 0 && info.st_ino == wanted.st_ino && info.st_dev == wanted.st_dev) {
            found = dup2(full, fd) == fd;
        }
    }
    return found;
}

#endif
