/* SPDX-License-Identifier: ISC */
/*
 * What the store costs above LMDB: batches of records appended and committed durably, beside one
 * table of a bare LMDB that commits the same bytes under ascending keys, in turns in the same run.
 *
 *     bench_store_append DIRECTORY [RECORDS-ALREADY-THERE]
 *
 * Both are made in DIRECTORY, which should be on the disk that is meant, not on tmpfs.
 */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/bytes.h"
#include "lib/base/sha256.h"
#include "lib/codec/record.h"
#include "lib/store/store.h"
#include "lib/tree/tree.h"

#define MAP_SIZE (UINT64_C(64) << 30)
#define ROUND_SECONDS 0.5

enum {
    ENVELOPE_LEN = 600,
    SIGNATURE_LEN = 240,
    COMMITMENT_COUNT = 8,
    PART_LEN = 200,
    KEY_COUNT = 20,
    ROUND_COUNT = 4,
    BATCH_MAX = 1024,
    FILL_BATCH = 1000,
    FETCH_COUNT = 200000,
};

struct cost {
    uint64_t records;
    uint64_t batches;
    double wall;    /* seconds */
    double appends; /* of it, before the commit */
    double cpu;
};

struct bench {
    struct tl_store *store;
    MDB_env *env;
    MDB_dbi table;
    uint64_t bare_size;
    struct tl_buffer record;
    struct tl_buffer clear;
    uint8_t envelope[ENVELOPE_LEN];
    uint8_t signature[SIGNATURE_LEN];
    uint8_t commitments[COMMITMENT_COUNT * TALLY_HASH_LEN];
    uint8_t seal[TALLY_SIGNATURE_LEN];
    uint8_t bare_value[4096];
    size_t bare_len; /* all that the store keeps of one record, on average */
};

static void check(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "store_append: %s failed\n", what);
        exit(1);
    }
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    check(clock_gettime(clock, &now) == 0, "clock_gettime");
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void make_record(struct bench *bench, uint64_t index)
{
    struct tl_record record = {
        .index = index,
        .received_us = index,
        .envelope = tl_bytes(bench->envelope, ENVELOPE_LEN),
        .signatures = {.count = 1, .blobs = {tl_bytes(bench->signature, SIGNATURE_LEN)}},
    };
    tl_buffer_clear(&bench->record);
    check(tl_record_encode(&record, &bench->record) == TALLY_OK, "tl_record_encode");
}

/* The leaf hash is the sequencer's to compute, so any will do. */
static void append_one(struct bench *bench, struct tl_batch *batch, uint64_t index)
{
    struct tl_append append = {
        .index = index,
        .record = tl_buffer_bytes(&bench->record),
        .seal = bench->seal,
        .type = 2,
        .key_number = (uint32_t)(index % KEY_COUNT),
        .sequence = index / KEY_COUNT + 1,
        .commitments = tl_bytes(bench->commitments, sizeof bench->commitments),
        .clear = {.count = 1, .items = tl_buffer_bytes(&bench->clear)},
    };
    memcpy(append.leaf.bytes, &index, sizeof index);
    memcpy(append.envelope.bytes, &index, sizeof index);
    check(tl_batch_append(batch, &append) == TALLY_OK, "tl_batch_append");
}

static void run_store(struct bench *bench, unsigned batch_len, double limit, struct cost *cost)
{
    double begin = seconds(CLOCK_MONOTONIC);
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    double now = begin;
    while (now - begin < limit) {
        double start = now;
        uint64_t size = tl_store_size(bench->store);
        struct tl_batch *batch = NULL;
        check(tl_batch_begin(bench->store, size, &batch) == TALLY_OK, "tl_batch_begin");
        for (unsigned i = 0; i < batch_len; i++) {
            make_record(bench, size + i);
            append_one(bench, batch, size + i);
        }
        check(tl_batch_put_checkpoint(batch, size, tl_bytes(bench->signature, 120)) == TALLY_OK,
              "tl_batch_put_checkpoint");
        cost->appends += seconds(CLOCK_MONOTONIC) - start;
        check(tl_batch_commit(batch) == TALLY_OK, "tl_batch_commit");
        cost->records += batch_len;
        cost->batches++;
        now = seconds(CLOCK_MONOTONIC);
    }
    cost->wall += now - begin;
    cost->cpu += seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
}

static void put_bare(struct bench *bench, MDB_txn *txn, uint64_t index)
{
    uint8_t key_bytes[8];
    struct tl_writer writer = tl_writer_over(key_bytes, sizeof key_bytes);
    tl_write_u64(&writer, index);
    MDB_val key = {.mv_size = sizeof key_bytes, .mv_data = key_bytes};
    MDB_val value = {.mv_size = bench->bare_len, .mv_data = bench->bare_value};
    check(mdb_put(txn, bench->table, &key, &value, MDB_APPEND) == 0, "mdb_put");
}

static void run_bare(struct bench *bench, unsigned batch_len, double limit, struct cost *cost)
{
    double begin = seconds(CLOCK_MONOTONIC);
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    double now = begin;
    while (now - begin < limit) {
        double start = now;
        MDB_txn *txn = NULL;
        check(mdb_txn_begin(bench->env, NULL, 0, &txn) == 0, "mdb_txn_begin");
        for (unsigned i = 0; i < batch_len; i++) {
            put_bare(bench, txn, bench->bare_size + i);
        }
        cost->appends += seconds(CLOCK_MONOTONIC) - start;
        check(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
        bench->bare_size += batch_len;
        cost->records += batch_len;
        cost->batches++;
        now = seconds(CLOCK_MONOTONIC);
    }
    cost->wall += now - begin;
    cost->cpu += seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
}

static void print_cost(const char *what, unsigned batch_len, const struct cost *cost)
{
    double records = (double)cost->records;
    (void)printf("%-6s batch %4u: %8.0f entries/s, %7.0f us a commit, %6.2f us an append, "
                 "%6.2f us processor an entry\n",
                 what, batch_len, records / cost->wall, cost->wall / (double)cost->batches * 1e6,
                 cost->appends / records * 1e6, cost->cpu / records * 1e6);
}

static void compare(struct bench *bench, unsigned batch_len)
{
    struct cost ours = {0};
    struct cost bare = {0};
    for (int round = 0; round < ROUND_COUNT; round++) {
        run_store(bench, batch_len, ROUND_SECONDS, &ours);
        run_bare(bench, batch_len, ROUND_SECONDS, &bare);
    }
    print_cost("store", batch_len, &ours);
    print_cost("bare", batch_len, &bare);
    (void)printf("ratio  batch %4u: %.2f\n", batch_len,
                 (double)ours.records / ours.wall / ((double)bare.records / bare.wall));
}

static void time_reads(struct bench *bench)
{
    uint64_t size = tl_store_size(bench->store);
    uint64_t index = 0;
    struct tally_hash hash;
    double begin = seconds(CLOCK_MONOTONIC);
    for (int i = 0; i < FETCH_COUNT; i++) {
        index = (index * UINT64_C(6364136223846793005) + 1442695040888963407) % size;
        check(tl_store_fetch_node(bench->store, 0, index, &hash) == TALLY_OK, "fetch");
    }
    double each = (seconds(CLOCK_MONOTONIC) - begin) / (double)FETCH_COUNT;
    struct tl_tree_proof proof;
    begin = seconds(CLOCK_MONOTONIC);
    for (int i = 0; i < FETCH_COUNT / 100; i++) {
        index = (index * UINT64_C(6364136223846793005) + 1442695040888963407) % size;
        check(tl_tree_prove_inclusion(index, size, tl_store_fetch_node, bench->store, &proof) ==
                  TALLY_OK,
              "proof");
    }
    double proofs = (seconds(CLOCK_MONOTONIC) - begin) / (FETCH_COUNT / 100);
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1 << 24);
    static const char *const names[] = {"hashes", "entries", "seals", "commitments"};
    (void)printf("reads at %llu records: node %.2f us, proof %.1f us", (unsigned long long)size,
                 each * 1e6, proofs * 1e6);
    for (unsigned kind = 0; kind < 4; kind++) {
        begin = seconds(CLOCK_MONOTONIC);
        for (uint64_t n = 0; n < 100; n++) {
            struct tl_tile tile = {.kind = (enum tl_tile_kind)kind,
                                   .n = n % (size / TL_TILE_WIDTH),
                                   .width = TL_TILE_WIDTH};
            tl_buffer_clear(&buffer);
            check(tl_store_render_tile(bench->store, &tile, &buffer) == TALLY_OK, "render");
        }
        (void)printf(", %s %.0f us", names[kind], (seconds(CLOCK_MONOTONIC) - begin) * 1e4);
    }
    (void)printf("\n");
    tl_buffer_deinit(&buffer);
}

static void open_bare(struct bench *bench, const char *path)
{
    check(mkdir(path, 0700) == 0, "mkdir");
    MDB_txn *txn = NULL;
    check(mdb_env_create(&bench->env) == 0 && mdb_env_set_mapsize(bench->env, MAP_SIZE) == 0 &&
              mdb_env_open(bench->env, path, MDB_NOTLS, 0600) == 0 &&
              mdb_txn_begin(bench->env, NULL, 0, &txn) == 0 &&
              mdb_dbi_open(txn, NULL, 0, &bench->table) == 0 && mdb_txn_commit(txn) == 0,
          "opening a bare LMDB");
}

static void open_store(struct bench *bench, const char *path)
{
    check(mkdir(path, 0700) == 0, "mkdir");
    check(tl_store_create(path) == TALLY_OK, "tl_store_create");
    check(tl_store_open(path, MAP_SIZE, TL_STORE_WRITE, &bench->store) == TALLY_OK,
          "tl_store_open");
}

static void fill(struct bench *bench, uint64_t count)
{
    struct cost cost = {0};
    while (tl_store_size(bench->store) < count) {
        run_store(bench, FILL_BATCH, 1e-9, &cost);
        run_bare(bench, FILL_BATCH, 1e-9, &cost);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;
    char path[4096];
    if (argc < 2 || argc > 3) {
        (void)fprintf(stderr, "usage: %s DIRECTORY [RECORDS-ALREADY-THERE]\n", argv[0]);
        return 2;
    }
    tl_buffer_init(&bench.record, TALLY_RECORD_MAX);
    tl_buffer_init(&bench.clear, TALLY_DEPOSIT_MAX);
    tl_deposit_add(&bench.clear, 0, tl_bytes(bench.bare_value, PART_LEN));
    make_record(&bench, 0);
    /* Record, seal, two nodes, author entry, commitments, parts, without their keys. */
    bench.bare_len = bench.record.len + TALLY_SIGNATURE_LEN + 2 * TALLY_HASH_LEN + 3 + 40 +
                     sizeof bench.commitments + bench.clear.len;
    check(bench.bare_len <= sizeof bench.bare_value, "room");
    (void)snprintf(path, sizeof path, "%s/store", argv[1]);
    open_store(&bench, path);
    (void)snprintf(path, sizeof path, "%s/bare", argv[1]);
    open_bare(&bench, path);
    (void)printf("%zu bytes a record, %zu bytes with all that is kept beside it\n",
                 bench.record.len, bench.bare_len);
    fill(&bench, argc == 3 ? strtoull(argv[2], NULL, 10) : 0);
    static const unsigned batch_lens[] = {1, 16, 256, BATCH_MAX};
    for (size_t i = 0; i < sizeof batch_lens / sizeof batch_lens[0]; i++) {
        compare(&bench, batch_lens[i]);
    }
    time_reads(&bench);
    tl_buffer_deinit(&bench.record);
    tl_buffer_deinit(&bench.clear);
    tl_store_close(bench.store);
    mdb_env_close(bench.env);
    return 0;
}
