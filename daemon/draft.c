/* SPDX-License-Identifier: ISC */
#include "daemon/draft.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/exit_code.h"
#include "daemon/log.h"
#include "daemon/proof_cache.h"
#include "lib/base/check.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/receipt.h"

enum {
    /* What one LMDB transaction takes with room to spare; the store's own limit is higher. */
    PAGES_MAX = 24576,
    PAGES_EACH = 8,
    PAGES_SEALED = 4,
    PAGE_LEN = 4096,
    /* Fewer seals than this are made faster here than by waking a thread. */
    SEALS_ALONE = 3,
    RECORDS_KEPT = 8388608,
    PATH_LEN_MAX = 1024,
};

struct candidate {
    const struct tl_job *job;
    size_t offset; /* of its record in the draft's bytes */
    size_t len;
    struct tally_hash leaf;
    struct tl_entry_facts facts;
    uint32_t key_number;
    uint8_t seal[TALLY_SIGNATURE_LEN];
};

struct tl_draft {
    struct tl_ledger *ledger;
    struct tl_pool *pool;
    size_t count_max;
    uint64_t base; /* committed size when it began */
    size_t count;
    uint64_t pages;
    bool ended; /* a constitution entry ends its batch */
    struct candidate *candidates;
    struct tl_buffer records;
    struct tl_proof_cache proofs;
    struct tl_head_view head; /* of the batch, once published */
};

enum tally_status tl_draft_new(struct tl_ledger *ledger, size_t count_max, unsigned seal_threads,
                               struct tl_draft **ret_draft)
{
    struct tl_draft *draft = (struct tl_draft *)tl_calloc(1, sizeof *draft);
    if (draft == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = TALLY_ENOMEM;
    draft->ledger = ledger;
    draft->count_max = count_max;
    tl_buffer_init(&draft->records, count_max * TALLY_RECORD_MAX);
    draft->candidates = (struct candidate *)tl_calloc(count_max, sizeof *draft->candidates);
    if (draft->candidates == NULL) {
        goto out;
    }
    status = tl_proof_cache_init(&draft->proofs, count_max);
    if (status != TALLY_OK) {
        goto out;
    }
    status = tl_pool_new(seal_threads, &draft->pool);
    if (status != TALLY_OK) {
        goto out;
    }
    *ret_draft = draft;
    draft = NULL;
out:
    tl_draft_free(draft);
    return status;
}

void tl_draft_free(struct tl_draft *draft)
{
    if (draft == NULL) {
        return;
    }
    tl_pool_free(draft->pool);
    tl_proof_cache_deinit(&draft->proofs);
    tl_buffer_deinit(&draft->records);
    tl_free(draft->candidates);
    tl_free(draft);
}

void tl_draft_begin(struct tl_draft *draft)
{
    tl_buffer_clear(&draft->records);
    if (draft->records.cap > RECORDS_KEPT) {
        /* One batch of unusual length must not hold its memory for ever. */
        size_t max = draft->records.max;
        tl_buffer_deinit(&draft->records);
        tl_buffer_init(&draft->records, max);
    }
    draft->base = tl_judge_size(draft->ledger->judge);
    draft->count = 0;
    draft->pages = 0;
    draft->ended = false;
}

size_t tl_draft_count(const struct tl_draft *draft)
{
    return draft->count;
}

static uint64_t pages_of(const struct tl_job *job)
{
    return PAGES_EACH + job->bytes.len / PAGE_LEN +
           (job->has_envelope ? (uint64_t)job->submission.sealed.count * PAGES_SEALED : 0);
}

bool tl_draft_is_full_for(const struct tl_draft *draft, const struct tl_job *job)
{
    return draft->ended || draft->count == draft->count_max ||
           (draft->count > 0 && draft->pages + pages_of(job) > PAGES_MAX);
}

static struct tally_bytes record_bytes(const struct tl_draft *draft, size_t i)
{
    return tl_bytes(draft->records.ptr + draft->candidates[i].offset, draft->candidates[i].len);
}

/* What the judge asks about earlier records: of this batch, or of the store. */
static enum tally_status find_facts(void *context, uint64_t index, struct tl_entry_facts *ret_facts)
{
    struct tl_draft *draft = (struct tl_draft *)context;
    if (index >= draft->base) {
        TL_ASSERT(index - draft->base < draft->count);
        *ret_facts = draft->candidates[index - draft->base].facts;
        return TALLY_OK;
    }
    struct tl_stored_facts stored;
    enum tally_status status = tl_store_facts(draft->ledger->store, index, &stored);
    if (status == TALLY_OK) {
        ret_facts->leaf = stored.leaf;
        ret_facts->type = (enum tl_type)stored.type;
        ret_facts->member = stored.member;
    }
    return status;
}

/* Whether this daemon could go on after the operation. */
static bool can_follow(const struct tl_ledger *ledger, struct tally_bytes operation)
{
    struct tally_bytes verb;
    struct tally_bytes value;
    struct tl_note_key key;
    uint64_t rules = 0;
    if (!tl_split_space(operation, &verb, &value)) {
        return true;
    }
    if (tl_bytes_equal(verb, tl_bytes_text("rules"))) {
        return tl_decimal_parse(value, &rules) != TALLY_OK || rules <= TL_RULES_NEWEST;
    }
    /* What does not parse is for the judge to reject. */
    if (!tl_bytes_equal(verb, tl_bytes_text("ledger-key")) ||
        tl_note_key_parse(value, &key) != TALLY_OK) {
        return true;
    }
    return ledger->key_count < TL_LEDGER_KEY_COUNT_MAX && ledger->next_secret != NULL &&
           memcmp(tl_secret_key_public(ledger->next_secret), key.point, sizeof key.point) == 0;
}

static bool can_follow_all(const struct tl_ledger *ledger, const struct tl_envelope *envelope)
{
    struct tally_bytes lines = envelope->op_lines;
    struct tally_bytes operation;
    while (tl_envelope_next_op(&lines, &operation)) {
        if (!can_follow(ledger, operation)) {
            return false;
        }
    }
    return true;
}

/* room for what an accepted constitution entry is remembered by; before it is accepted */
static enum tally_status reserve_constitution(struct tl_ledger *ledger)
{
    size_t count = ledger->constitution_count + 1;
    struct tl_constitution_entry *grown = (struct tl_constitution_entry *)tl_realloc(
        ledger->constitution, count * sizeof *grown);
    if (grown == NULL) {
        return TALLY_ENOMEM;
    }
    ledger->constitution = grown;
    return TALLY_OK;
}

static void accept(struct tl_draft *draft, struct tl_job *job, struct candidate *candidate)
{
    struct tl_ledger *ledger = draft->ledger;
    const struct tl_roster *roster = tl_judge_roster(ledger->judge);
    const struct tl_roster_key *key = tl_roster_find_key(roster, &job->envelope.key);
    bool constitution = tl_envelope_is_constitution(&job->envelope);
    TL_ASSERT(key != NULL || constitution);
    candidate->key_number = key == NULL ? 0 : (uint32_t)(key - roster->keys);
    candidate->job = job;
    if (constitution) {
        struct tl_constitution_entry *entry = &ledger->constitution[ledger->constitution_count];
        entry->index = draft->base + draft->count;
        entry->envelope = job->envelope_hash;
        ledger->constitution_count++;
        draft->ended = true;
    }
    tl_judge_accept(ledger->judge, &job->envelope_hash, &candidate->facts);
    draft->pages += pages_of(job);
    job->candidate = draft->count;
    draft->count++;
}

/* The files that the entry names become exhibits; from here on nothing removes them. */
static enum tally_status take_deposits(const struct tl_store *store,
                                       const struct tl_envelope *envelope,
                                       enum tally_reason *ret_reason)
{
    struct tally_bytes lines = envelope->file_lines;
    struct tl_file_line line;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK && tl_envelope_next_file(&lines, &line)) {
        status = tl_store_take_deposit(store, &line.hash);
    }
    if (status == TALLY_ENOTFOUND) {
        *ret_reason = TALLY_REASON_FILE_MISSING;
        return TALLY_OK;
    }
    return status;
}

enum tally_status tl_draft_add(struct tl_draft *draft, struct tl_job *job, uint64_t received_us,
                               enum tally_reason *ret_reason)
{
    struct tl_ledger *ledger = draft->ledger;
    struct candidate *candidate = &draft->candidates[draft->count];
    bool constitution = tl_envelope_is_constitution(&job->envelope);
    if (constitution && !can_follow_all(ledger, &job->envelope)) {
        return TALLY_EUNSUPPORTED;
    }
    enum tally_status status = constitution ? reserve_constitution(ledger) : TALLY_OK;
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_record record;
    record.index = draft->base + draft->count;
    record.received_us = received_us;
    record.link = tl_judge_link(ledger->judge);
    record.roster = tl_judge_roster(ledger->judge)->position;
    record.envelope = job->submission.envelope;
    record.signatures = job->submission.signatures;
    size_t before = draft->records.len;
    status = tl_record_encode(&record, &draft->records);
    if (status != TALLY_OK) {
        /* The buffer's failure is sticky, its contents are not touched by one. */
        draft->records.status = TALLY_OK;
        draft->records.len = before;
        *ret_reason = TALLY_REASON_TOO_LARGE;
        return status == TALLY_ETOOBIG ? TALLY_OK : status;
    }
    candidate->offset = before;
    candidate->len = draft->records.len - before;
    candidate->leaf = tl_tree_leaf(record_bytes(draft, draft->count));
    status = tl_judge_check(ledger->judge, &record, &job->envelope, &job->submission.clear,
                            &candidate->leaf, find_facts, draft, ret_reason, NULL);
    if (status == TALLY_OK && *ret_reason == TALLY_REASON_NONE) {
        status = take_deposits(ledger->store, &job->envelope, ret_reason);
    }
    if (status == TALLY_OK && *ret_reason == TALLY_REASON_NONE) {
        accept(draft, job, candidate);
    } else {
        draft->records.len = before;
    }
    return status;
}

size_t tl_draft_find(const struct tl_draft *draft, const struct tally_hash *envelope)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (tl_hash_equal(&draft->candidates[i].job->envelope_hash, envelope)) {
            return i;
        }
    }
    return TL_NO_CANDIDATE;
}

static void seal_one(void *context, size_t item)
{
    struct tl_draft *draft = (struct tl_draft *)context;
    struct candidate *candidate = &draft->candidates[item];
    tl_seal_sign(draft->ledger->secret, &candidate->leaf, candidate->seal);
}

static void seal_all(struct tl_draft *draft)
{
    if (draft->count < SEALS_ALONE) {
        for (size_t i = 0; i < draft->count; i++) {
            seal_one(draft, i);
        }
        return;
    }
    struct tl_pool_job job;
    tl_pool_start(draft->pool, &job, draft->count, seal_one, draft);
    tl_pool_wait(draft->pool, &job);
}

static enum tally_status append_one(const struct tl_draft *draft, size_t i, struct tl_batch *batch)
{
    const struct candidate *candidate = &draft->candidates[i];
    const struct tl_job *job = candidate->job;
    struct tally_hash sealed[TALLY_PART_COUNT_MAX];
    struct tally_bytes lines = job->envelope.sealed_lines;
    struct tl_sealed_line line;
    size_t count = 0;
    while (tl_envelope_next_sealed(&lines, &line)) {
        TL_ASSERT(count < TALLY_PART_COUNT_MAX);
        sealed[count] = line.hash;
        count++;
    }
    struct tl_append append = {
        .index = draft->base + i,
        .record = record_bytes(draft, i),
        .seal = candidate->seal,
        .leaf = candidate->leaf,
        .envelope = job->envelope_hash,
        .type = (uint8_t)candidate->facts.type,
        .member = (uint16_t)candidate->facts.member,
        .key_number = candidate->key_number,
        .sequence = job->envelope.sequence,
        .commitments = job->submission.commitments,
        .clear = job->submission.clear,
        .sealed = job->submission.sealed,
        .sealed_hashes = sealed,
    };
    return tl_batch_append(batch, &append);
}

_Noreturn static void die(const char *what, enum tally_status status)
{
    tl_log_die(TL_EXIT_STORE, "%s failed: %s. Nothing of the batch was acknowledged; ending",
               what, tally_status_text(status));
}

/* No record that names a file is durable before the file's name is. */
static void sync_exhibits(const struct tl_draft *draft)
{
    char path[PATH_LEN_MAX];
    size_t i = 0;
    while (i < draft->count && draft->candidates[i].job->envelope.file_lines.len == 0) {
        i++;
    }
    if (i == draft->count) {
        return;
    }
    int len = snprintf(path, sizeof path, "%s/exhibits", tl_store_directory(draft->ledger->store));
    enum tally_status status =
        len > 0 && len < PATH_LEN_MAX ? tl_sync_directory(path) : TALLY_ETOOBIG;
    if (status != TALLY_OK) {
        die("syncing the exhibits", status);
    }
}

/* The signature lines of the head that this batch follows are kept with it. */
static void store_batch(struct tl_draft *draft)
{
    struct tl_ledger *ledger = draft->ledger;
    struct tl_head_view before;
    struct tl_batch *batch = NULL;
    tl_head_read(&ledger->head, &before);
    enum tally_status status = tl_batch_begin(ledger->store, draft->base, &batch);
    if (status != TALLY_OK) {
        die("beginning a batch", status);
    }
    for (size_t i = 0; i < draft->count && status == TALLY_OK; i++) {
        status = append_one(draft, i, batch);
    }
    if (status == TALLY_OK) {
        status = tl_batch_put_checkpoint(batch, before.size, tl_note_lines(tl_head_note(&before)));
    }
    if (status != TALLY_OK) {
        die("appending to the store", status);
    }
    status = tl_batch_commit(batch);
    if (status != TALLY_OK) {
        die("commit", status);
    }
}

/* The stored nodes must give the root that is about to be signed. */
static struct tally_hash grow_tree(struct tl_draft *draft)
{
    struct tl_ledger *ledger = draft->ledger;
    tl_proof_cache_begin(&draft->proofs, &ledger->edge);
    for (size_t i = 0; i < draft->count; i++) {
        tl_proof_cache_append(&draft->proofs, &ledger->edge, &draft->candidates[i].leaf);
    }
    tl_proof_cache_end(&draft->proofs, &ledger->edge);
    struct tally_hash root = tl_tree_edge_root(&ledger->edge);
    struct tally_hash stored;
    enum tally_status status =
        tl_tree_root(ledger->edge.size, tl_store_fetch_node, ledger->store, &stored);
    if (status != TALLY_OK) {
        die("reading the tree", status);
    }
    if (!tl_hash_equal(&root, &stored)) {
        die("comparing the stored tree with the one in memory", TALLY_EINTERNAL);
    }
    return root;
}

/*
 * Signs and guards. After a replacement of the ledger key the checkpoint carries the old key's
 * line and the new one's; both are kept at once, since a restart may no longer have the old key.
 */
static void sign_head(struct tl_draft *draft, const struct tally_hash *root)
{
    struct tl_ledger *ledger = draft->ledger;
    uint64_t size = ledger->edge.size;
    struct tl_head_view guarded;
    struct tl_note_key old_key = tl_ledger_key_at(ledger, size - 1);
    struct tl_note_key key = tl_judge_roster(ledger->judge)->ledger_key;
    bool replaced = memcmp(old_key.point, key.point, sizeof key.point) != 0;
    const struct tl_secret_key *secret = replaced ? ledger->next_secret : ledger->secret;
    enum tally_status status = tl_ledger_sign(&key, secret, NULL, NULL, size, root, &guarded);
    draft->head = guarded;
    if (status == TALLY_OK && replaced) {
        status = tl_ledger_sign(&key, secret, &old_key, ledger->secret, size, root, &draft->head);
    }
    if (status != TALLY_OK) {
        die("signing the checkpoint", status);
    }
    if (replaced) {
        status = tl_ledger_keep_lines(ledger, &draft->head);
        if (status != TALLY_OK) {
            die("keeping the checkpoint", status);
        }
    }
    status = tl_head_guard_write(ledger->guard, tl_head_note(&guarded));
    if (status != TALLY_OK) {
        die("writing the head guard", status);
    }
    if (replaced) {
        (void)pthread_mutex_lock(&ledger->keys_mutex);
        ledger->keys[ledger->key_count].key = key;
        ledger->keys[ledger->key_count].from = size;
        ledger->key_count++;
        struct tl_secret_key *swap = ledger->secret;
        ledger->secret = ledger->next_secret;
        ledger->next_secret = swap;
        (void)pthread_mutex_unlock(&ledger->keys_mutex);
        tl_log(TL_LOG_NOTICE, "record %" PRIu64 " replaced the ledger key", size - 1);
    }
}

enum tally_status tl_draft_commit(struct tl_draft *draft)
{
    TL_ASSERT(draft->count > 0);
    seal_all(draft);
    sync_exhibits(draft);
    store_batch(draft);
    struct tally_hash root = grow_tree(draft);
    enum tally_status status = tl_ledger_begin_signing(draft->ledger);
    if (status == TALLY_OK) {
        sign_head(draft, &root);
        tl_head_publish(&draft->ledger->head, &draft->head);
        tl_ledger_end_signing(draft->ledger);
    }
    return status;
}

enum tally_status tl_draft_receipt(const struct tl_draft *draft, size_t candidate,
                                   struct tl_buffer *buffer)
{
    TL_ASSERT(candidate < draft->count);
    struct tl_tree_proof proof;
    tl_proof_cache_prove(&draft->proofs, draft->base + candidate, &proof);
    tl_receipt_encode(record_bytes(draft, candidate), draft->candidates[candidate].seal,
                      draft->base + candidate, &proof, tl_head_note(&draft->head), buffer);
    return buffer->status;
}
