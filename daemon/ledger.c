/* SPDX-License-Identifier: ISC */
#include "daemon/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/exit_code.h"
#include "daemon/key_file.h"
#include "daemon/log.h"
#include "daemon/restore.h"
#include "lib/base/check.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/codec/checkpoint.h"

#define CONTRADICTION "contradiction" /* in the data directory: the checkpoint that stopped it */

enum {
    TAIL_COUNT = 256,
    PATH_LEN_MAX = 1024,
    CONTRADICTION_MODE = 0600,
    CONTRADICTION_LEN_MAX = 65536,
};

struct tl_note_key tl_ledger_key_at(struct tl_ledger *ledger, uint64_t index)
{
    (void)pthread_mutex_lock(&ledger->keys_mutex);
    TL_ASSERT(ledger->key_count > 0);
    size_t i = ledger->key_count - 1;
    while (i > 0 && ledger->keys[i].from > index) {
        i--;
    }
    struct tl_note_key key = ledger->keys[i].key;
    (void)pthread_mutex_unlock(&ledger->keys_mutex);
    return key;
}

/* A key that was replaced may be in anybody's hands: it signs for the sizes of its time alone. */
static bool is_in_force(const struct tl_ledger_key *keys, size_t count, size_t i, uint64_t size)
{
    return size >= keys[i].from && (i + 1 == count || size < keys[i + 1].from);
}

enum tally_status tl_ledger_open_checkpoint(struct tl_ledger *ledger, struct tally_bytes note,
                                            uint64_t *ret_size, struct tally_hash *ret_root)
{
    struct tl_ledger_key keys[TL_LEDGER_KEY_COUNT_MAX];
    (void)pthread_mutex_lock(&ledger->keys_mutex);
    size_t count = ledger->key_count;
    memcpy(keys, ledger->keys, count * sizeof keys[0]);
    (void)pthread_mutex_unlock(&ledger->keys_mutex);
    enum tally_status status = TALLY_ENOTFOUND;
    for (size_t i = count; i > 0 && status != TALLY_OK; i--) {
        struct tl_checkpoint checkpoint;
        status = tl_checkpoint_open(note, &keys[i - 1].key, &checkpoint);
        if (status == TALLY_OK && !is_in_force(keys, count, i - 1, checkpoint.size)) {
            status = TALLY_ENOTFOUND;
        }
        if (status == TALLY_OK) {
            *ret_size = checkpoint.size;
            *ret_root = checkpoint.root;
        }
    }
    return status;
}

static void add_line(const struct tl_note_key *key, const struct tl_secret_key *secret,
                     struct tally_bytes text, struct tl_buffer *note)
{
    uint8_t signature[TALLY_SIGNATURE_LEN];
    tl_secret_key_sign(secret, text, signature);
    tl_note_add_line(key, tl_bytes(signature, sizeof signature), note);
}

enum tally_status tl_ledger_sign(const struct tl_note_key *key, const struct tl_secret_key *secret,
                                 const struct tl_note_key *old_key,
                                 const struct tl_secret_key *old_secret, uint64_t size,
                                 const struct tally_hash *root, struct tl_head_view *ret_view)
{
    struct tl_checkpoint checkpoint = {
        .origin = tl_bytes_text(key->name), .size = size, .root = *root};
    struct tl_buffer text;
    struct tl_buffer note;
    tl_buffer_init(&text, TL_HEAD_NOTE_ROOM);
    tl_buffer_init(&note, TL_HEAD_NOTE_ROOM);
    tl_checkpoint_encode(&checkpoint, &text);
    tl_buffer_add(&note, tl_buffer_bytes(&text));
    tl_buffer_add_text(&note, "\n");
    if (old_key != NULL) {
        add_line(old_key, old_secret, tl_buffer_bytes(&text), &note);
    }
    add_line(key, secret, tl_buffer_bytes(&text), &note);
    enum tally_status status = text.status != TALLY_OK ? text.status : note.status;
    if (status == TALLY_OK) {
        ret_view->size = size;
        ret_view->root = *root;
        ret_view->signed_s = (uint64_t)time(NULL);
        ret_view->note_len = note.len;
        memcpy(ret_view->note, note.ptr, note.len);
    }
    tl_buffer_deinit(&text);
    tl_buffer_deinit(&note);
    return status;
}

enum tally_status tl_ledger_begin_signing(struct tl_ledger *ledger)
{
    (void)pthread_mutex_lock(&ledger->signing_mutex);
    if (atomic_load(&ledger->signing) == TL_SIGNING_STOPPED) {
        tl_ledger_end_signing(ledger);
        return TALLY_ESTOPPED;
    }
    return TALLY_OK;
}

void tl_ledger_end_signing(struct tl_ledger *ledger)
{
    (void)pthread_mutex_unlock(&ledger->signing_mutex);
}

bool tl_ledger_stop_signing(struct tl_ledger *ledger)
{
    (void)pthread_mutex_lock(&ledger->signing_mutex);
    bool stopped = atomic_exchange(&ledger->signing, TL_SIGNING_STOPPED) == TL_SIGNING_STOPPED;
    (void)pthread_mutex_unlock(&ledger->signing_mutex);
    return !stopped;
}

enum tally_status tl_ledger_sign_rejection(struct tl_ledger *ledger,
                                           const struct tl_rejection *rejection,
                                           struct tl_buffer *buffer)
{
    struct tl_note_key key;
    enum tally_status status = tl_ledger_begin_signing(ledger);
    if (status != TALLY_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&ledger->keys_mutex);
    status = tl_rejection_key(&ledger->keys[ledger->key_count - 1].key, &key);
    if (status == TALLY_OK) {
        tl_rejection_sign(rejection, &key, ledger->secret, buffer);
        status = buffer->status;
    }
    (void)pthread_mutex_unlock(&ledger->keys_mutex);
    tl_ledger_end_signing(ledger);
    return status;
}

struct tally_bytes tl_note_lines(struct tally_bytes note)
{
    for (size_t i = 0; i + 1 < note.len; i++) {
        if (note.ptr[i] == '\n' && note.ptr[i + 1] == '\n') {
            return tl_bytes(note.ptr + i + 2, note.len - i - 2);
        }
    }
    return tl_bytes(note.ptr + note.len, 0);
}

/* What a checkpoint of this ledger says about a store with this head. */
static enum tally_status compare(struct tl_ledger *ledger, uint64_t head_size,
                                 const struct tally_hash *head_root, uint64_t size,
                                 const struct tally_hash *root, enum tl_hello_verdict *ret_verdict)
{
    struct tally_hash own = *head_root;
    *ret_verdict = TL_HELLO_ROLLBACK;
    if (size > head_size) {
        return TALLY_OK;
    }
    *ret_verdict = TL_HELLO_CONSISTENT;
    if (size == 0) {
        return TALLY_OK;
    }
    enum tally_status status =
        size < head_size ? tl_tree_root(size, tl_store_fetch_node, ledger->store, &own) : TALLY_OK;
    if (status == TALLY_OK && !tl_hash_equal(&own, root)) {
        *ret_verdict = TL_HELLO_FORK;
    }
    return status;
}

static bool contradiction_path(const struct tl_ledger *ledger, char *path, size_t cap)
{
    int len = snprintf(path, cap, "%s/%s", tl_store_directory(ledger->store), CONTRADICTION);
    return len > 0 && (size_t)len < cap;
}

/* Evidence, and what the next start remembers the stop by. The first one found is kept. */
static void keep_contradiction(struct tl_ledger *ledger, struct tally_bytes note)
{
    char path[PATH_LEN_MAX];
    enum tally_status status = TALLY_ETOOBIG;
    if (contradiction_path(ledger, path, sizeof path)) {
        status = tl_file_write(path, note, CONTRADICTION_MODE, false);
    }
    if (status != TALLY_OK && status != TALLY_EEXIST) {
        tl_log(TL_LOG_CRITICAL,
               "%s/" CONTRADICTION " cannot be written: %s. A restart would forget that signing "
               "has stopped: do not restart before the store is restored",
               tl_store_directory(ledger->store), tally_status_text(status));
    }
}

/* Durable before anybody sees it, so that no end of the process undoes a stop that was seen. */
static void stop_signing(struct tl_ledger *ledger, struct tally_bytes note, uint64_t size,
                         uint64_t own_size, enum tl_hello_verdict verdict)
{
    (void)pthread_mutex_lock(&ledger->signing_mutex);
    if (atomic_load(&ledger->signing) != TL_SIGNING_STOPPED) {
        keep_contradiction(ledger, note);
        atomic_store(&ledger->signing, TL_SIGNING_STOPPED);
        tl_log(TL_LOG_CRITICAL,
               "a client holds a checkpoint signed by this ledger for size %" PRIu64
               " that the store (size %" PRIu64
               ") %s: signing has stopped, reading goes on. The store has lost or changed records: "
               "restore the newest store, or recover the records from members' receipts or a "
               "mirror, then restart (tallyd(8), RECOVERY)",
               size, own_size, verdict == TL_HELLO_ROLLBACK ? "has not reached" : "contradicts");
    }
    (void)pthread_mutex_unlock(&ledger->signing_mutex);
}

enum tally_status tl_ledger_judge_hello(struct tl_ledger *ledger, struct tally_bytes note,
                                        enum tl_hello_verdict *ret_verdict)
{
    uint64_t size = 0;
    struct tally_hash root;
    struct tl_head_view head;
    *ret_verdict = TL_HELLO_IGNORED;
    if (note.len == 0 || tl_ledger_open_checkpoint(ledger, note, &size, &root) != TALLY_OK) {
        return TALLY_OK;
    }
    /* Whoever holds a checkpoint got it after it was published: reading the head now is enough. */
    tl_head_read(&ledger->head, &head);
    enum tally_status status = compare(ledger, head.size, &head.root, size, &root, ret_verdict);
    if (status != TALLY_OK) {
        return status;
    }
    if (*ret_verdict != TL_HELLO_CONSISTENT) {
        stop_signing(ledger, note, size, head.size, *ret_verdict);
    } else if (size > 0) {
        int awaits = TL_SIGNING_AWAITS_HEAD;
        (void)atomic_compare_exchange_strong(&ledger->signing, &awaits, TL_SIGNING_ON);
    }
    return TALLY_OK;
}

static int open_store(const struct tl_config *config, struct tl_ledger *ledger)
{
    enum tally_status status =
        tl_store_open(config->data, config->map_size, TL_STORE_WRITE, &ledger->store);
    if (status == TALLY_OK) {
        return TL_EXIT_OK;
    }
    if (status == TALLY_ELOCKED) {
        tl_log(TL_LOG_CRITICAL, "%s: another process has this data directory open", config->data);
        return TL_EXIT_LOCKED;
    }
    tl_log(TL_LOG_CRITICAL, "%s: cannot be opened as a data directory: %s%s", config->data,
           tally_status_text(status),
           status == TALLY_ENOTFOUND ? ". A new ledger is made by tallyd init" : "");
    return status == TALLY_EFORMAT ? TL_EXIT_DAMAGED : TL_EXIT_FAILURE;
}

static bool is_secret_of(const struct tl_secret_key *secret, const struct tl_note_key *key)
{
    return secret != NULL && memcmp(tl_secret_key_public(secret), key->point, 32) == 0;
}

/* After a replacement the prepared key is the one in force; a restart finds it in its old place. */
static int load_keys(const struct tl_config *config, struct tl_ledger *ledger)
{
    struct tl_note_key key = tl_ledger_key_at(ledger, TL_NEVER);
    int code = tl_key_file_load("ledger key", config->ledger_key, &ledger->secret);
    if (code == TL_EXIT_OK && config->next_ledger_key[0] != '\0') {
        code = tl_key_file_load("ledger key", config->next_ledger_key, &ledger->next_secret);
    }
    if (code != TL_EXIT_OK) {
        return code;
    }
    if (!is_secret_of(ledger->secret, &key) && is_secret_of(ledger->next_secret, &key)) {
        struct tl_secret_key *swap = ledger->secret;
        ledger->secret = ledger->next_secret;
        ledger->next_secret = swap;
        tl_log(TL_LOG_NOTICE, "the key of next-ledger-key is in force: name it ledger-key now");
    }
    if (!is_secret_of(ledger->secret, &key)) {
        tl_log(TL_LOG_CRITICAL, "%s is not the key of this ledger, \"%s\"", config->ledger_key,
               key.name);
        return TL_EXIT_KEY;
    }
    return tl_host_key_load(config->host_key, tl_judge_roster(ledger->judge), &ledger->host_key);
}

static int refuse_head(const char *path, const char *what)
{
    tl_log(TL_LOG_CRITICAL,
           "head guard %s %s. Appending now would fork the ledger, so the daemon does not start. "
           "If an old copy of the store was put here, put the newest one back; if records are "
           "lost for good, recover them from members' receipts or a mirror (tallyd(8), RECOVERY)",
           path, what);
    return TL_EXIT_ROLLBACK;
}

static int make_head(const struct tl_config *config, struct tl_ledger *ledger,
                     const struct tl_head_view *view)
{
    enum tally_status status = tl_head_guard_create(config->head, tl_head_note(view));
    if (status == TALLY_OK) {
        status = tl_head_guard_open(config->head, false, &ledger->guard);
    }
    if (status != TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "head guard %s cannot be made: %s", config->head,
               tally_status_text(status));
        return TL_EXIT_FAILURE;
    }
    tl_log(TL_LOG_NOTICE, "head guard %s made anew for size %" PRIu64, config->head, view->size);
    return TL_EXIT_OK;
}

/* True when the store has the checkpoint that stopped it, with the same root. */
static bool is_explained(struct tl_ledger *ledger, struct tally_bytes note)
{
    uint64_t size = 0;
    struct tally_hash root;
    enum tl_hello_verdict verdict = TL_HELLO_IGNORED;
    struct tally_hash own = tl_tree_edge_root(&ledger->edge);
    return tl_ledger_open_checkpoint(ledger, note, &size, &root) == TALLY_OK &&
           compare(ledger, ledger->edge.size, &own, size, &root, &verdict) == TALLY_OK &&
           verdict == TL_HELLO_CONSISTENT;
}

static enum tally_status forget_contradiction(const struct tl_ledger *ledger, const char *path)
{
    if (unlink(path) != 0) {
        return tl_status_from_errno(errno);
    }
    return tl_sync_directory(tl_store_directory(ledger->store));
}

/* A stop outlives the process, until the store explains what stopped it. */
static int recall_contradiction(struct tl_ledger *ledger)
{
    char path[PATH_LEN_MAX];
    struct tl_buffer note;
    if (!contradiction_path(ledger, path, sizeof path)) {
        tl_log(TL_LOG_CRITICAL, "the path of the data directory is too long");
        return TL_EXIT_FAILURE;
    }
    tl_buffer_init(&note, CONTRADICTION_LEN_MAX);
    enum tally_status status = tl_file_read(path, &note);
    bool explained = status == TALLY_OK && is_explained(ledger, tl_buffer_bytes(&note));
    tl_buffer_deinit(&note);
    if (status == TALLY_ENOTFOUND) {
        return TL_EXIT_OK;
    }
    if (explained) {
        status = forget_contradiction(ledger, path);
        if (status != TALLY_OK) {
            tl_log(TL_LOG_CRITICAL, "%s cannot be removed: %s", path, tally_status_text(status));
            return TL_EXIT_FAILURE;
        }
        tl_log(TL_LOG_NOTICE, "the store holds what %s says: it is removed, signing goes on", path);
        return TL_EXIT_OK;
    }
    atomic_store(&ledger->signing, TL_SIGNING_STOPPED);
    tl_log(TL_LOG_CRITICAL,
           "%s holds a checkpoint that the store does not explain: signing stays stopped, reading "
           "goes on. Restore the newest store and restart; where it is lost for good, agree with "
           "the members before that file is moved away (tallyd(8), RECOVERY)",
           path);
    return TL_EXIT_OK;
}

static bool is_stopped(const struct tl_ledger *ledger)
{
    return atomic_load(&ledger->signing) == TL_SIGNING_STOPPED;
}

/* While signing is stopped, what is known as the head is what was signed before. */
static void take_guarded(struct tl_ledger *ledger, uint64_t size, const struct tally_hash *root,
                         struct tl_head_view *view)
{
    struct tally_bytes note = tl_head_guard_note(ledger->guard);
    TL_ASSERT(note.len <= sizeof view->note);
    view->size = size;
    view->root = *root;
    view->note_len = note.len;
    memcpy(view->note, note.ptr, note.len);
}

/* The guard may be one batch behind (a crash between commit and head write), never ahead. */
static int compare_head(const struct tl_config *config, struct tl_ledger *ledger,
                        struct tl_head_view *view)
{
    uint64_t size = 0;
    struct tally_hash root;
    struct tally_hash own;
    struct tally_bytes note = tl_head_guard_note(ledger->guard);
    if (tl_ledger_open_checkpoint(ledger, note, &size, &root) != TALLY_OK) {
        return refuse_head(config->head, "is not signed by this ledger's key");
    }
    if (size > view->size) {
        tl_log(TL_LOG_CRITICAL, "the store holds %" PRIu64 " records, its head guard says %" PRIu64,
               view->size, size);
        return refuse_head(config->head, "is newer than the store");
    }
    enum tally_status status = tl_tree_root(size, tl_store_fetch_node, ledger->store, &own);
    if (status != TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "the tree cannot be read: %s", tally_status_text(status));
        return TL_EXIT_DAMAGED;
    }
    if (!tl_hash_equal(&own, &root)) {
        return refuse_head(config->head, "has another root than the store");
    }
    if (size == view->size) {
        return TL_EXIT_OK;
    }
    if (is_stopped(ledger)) {
        take_guarded(ledger, size, &root, view);
        return TL_EXIT_OK;
    }
    tl_log(TL_LOG_NOTICE, "the store holds %" PRIu64 " records, its head guard %" PRIu64
           ": the last batch was durable but not acknowledged; it stands", view->size, size);
    status = tl_head_guard_write(ledger->guard, tl_head_note(view));
    if (status != TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "head guard %s: %s", config->head, tally_status_text(status));
        return TL_EXIT_STORE;
    }
    return TL_EXIT_OK;
}

enum tally_status tl_ledger_keep_lines(struct tl_ledger *ledger, const struct tl_head_view *view)
{
    struct tl_batch *batch = NULL;
    enum tally_status status = tl_batch_begin(ledger->store, tl_store_size(ledger->store), &batch);
    if (status != TALLY_OK) {
        return status;
    }
    /* A failed put is answered again by the commit. */
    (void)!tl_batch_put_checkpoint(batch, view->size, tl_note_lines(tl_head_note(view)));
    return tl_batch_commit(batch);
}

/* Where the signature lines of the newest size are kept already, they are the ones to repeat. */
static bool take_kept_lines(struct tl_ledger *ledger, struct tl_head_view *view)
{
    struct tl_buffer lines;
    uint64_t size = 0;
    tl_buffer_init(&lines, TL_HEAD_NOTE_ROOM);
    size_t text_len = view->note_len - tl_note_lines(tl_head_note(view)).len;
    bool kept =
        tl_store_checkpoint_above(ledger->store, view->size - 1, &size, &lines) == TALLY_OK &&
        size == view->size && lines.len <= TL_HEAD_NOTE_ROOM - text_len;
    if (kept) {
        memcpy(view->note + text_len, lines.ptr, lines.len);
        view->note_len = text_len + lines.len;
    }
    tl_buffer_deinit(&lines);
    return kept;
}

/*
 * A crash right after the record that replaces the ledger key: its checkpoint is signed here, and
 * by both keys where both are at hand. The lines are kept at once, since the next start may have
 * other keys and every receipt must stay as it is.
 */
static int sign_replacement(struct tl_ledger *ledger, struct tl_head_view *view)
{
    if (ledger->key_count < 2 || ledger->keys[ledger->key_count - 1].from != view->size) {
        return TL_EXIT_OK;
    }
    const struct tl_note_key *key = &ledger->keys[ledger->key_count - 1].key;
    const struct tl_note_key *old_key = &ledger->keys[ledger->key_count - 2].key;
    struct tally_hash root = view->root;
    enum tally_status status = TALLY_OK;
    if (is_secret_of(ledger->next_secret, old_key)) {
        status = tl_ledger_sign(key, ledger->secret, old_key, ledger->next_secret, view->size,
                                &root, view);
    } else {
        tl_log(TL_LOG_ERROR,
               "record %" PRIu64 " replaced the ledger key, and the old key is not at hand: the "
               "checkpoint over it is signed with the new key only",
               view->size - 1);
    }
    if (status == TALLY_OK) {
        status = tl_ledger_keep_lines(ledger, view);
    }
    if (status != TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "keeping the checkpoint failed: %s", tally_status_text(status));
        return TL_EXIT_STORE;
    }
    return TL_EXIT_OK;
}

static int open_guard(const struct tl_config *config, bool make, struct tl_ledger *ledger,
                      struct tl_head_view *view)
{
    enum tally_status status = tl_head_guard_open(config->head, false, &ledger->guard);
    if (status == TALLY_OK) {
        return compare_head(config, ledger, view);
    }
    if (status == TALLY_ENOTFOUND && make && !is_stopped(ledger)) {
        return make_head(config, ledger, view);
    }
    if (status == TALLY_ENOTFOUND) {
        tl_log(TL_LOG_CRITICAL,
               "head guard %s is missing. If its disk was lost: compare the store with a "
               "checkpoint that a member holds, then start once with --make-head%s",
               config->head, is_stopped(ledger) ? ". None is made while signing is stopped" : "");
        return TL_EXIT_ROLLBACK;
    }
    if (status == TALLY_EFORMAT) {
        return refuse_head(config->head, "is damaged");
    }
    tl_log(TL_LOG_CRITICAL, "head guard %s: %s", config->head, tally_status_text(status));
    return status == TALLY_ELOCKED ? TL_EXIT_LOCKED : TL_EXIT_FAILURE;
}

static int open_head(const struct tl_config *config, bool make, struct tl_ledger *ledger)
{
    struct tl_head_view view;
    struct tl_note_key key = tl_ledger_key_at(ledger, TL_NEVER);
    struct tally_hash root = tl_tree_edge_root(&ledger->edge);
    if (tl_ledger_sign(&key, ledger->secret, NULL, NULL, ledger->edge.size, &root, &view) !=
        TALLY_OK) {
        tl_log(TL_LOG_CRITICAL, "out of memory");
        return TL_EXIT_FAILURE;
    }
    int code = open_guard(config, make, ledger, &view);
    if (code == TL_EXIT_OK && !take_kept_lines(ledger, &view) && !is_stopped(ledger)) {
        code = sign_replacement(ledger, &view);
    }
    if (code == TL_EXIT_OK) {
        tl_head_publish(&ledger->head, &view);
    }
    return code;
}

int tl_ledger_open(const struct tl_config *config, bool make_head_guard,
                   struct tl_ledger **ret_ledger)
{
    struct tl_ledger *ledger = (struct tl_ledger *)tl_calloc(1, sizeof *ledger);
    if (ledger == NULL) {
        tl_log(TL_LOG_CRITICAL, "out of memory");
        return TL_EXIT_FAILURE;
    }
    (void)pthread_mutex_init(&ledger->keys_mutex, NULL);
    (void)pthread_mutex_init(&ledger->signing_mutex, NULL);
    tl_head_init(&ledger->head);
    atomic_init(&ledger->signing, config->confirm_head != 0 ? TL_SIGNING_AWAITS_HEAD
                                                            : TL_SIGNING_ON);
    int code = open_store(config, ledger);
    if (code == TL_EXIT_OK) {
        code = tl_restore(ledger);
    }
    if (code == TL_EXIT_OK) {
        code = load_keys(config, ledger);
    }
    if (code == TL_EXIT_OK) {
        code = tl_restore_check_tail(ledger, TAIL_COUNT);
    }
    if (code == TL_EXIT_OK) {
        code = recall_contradiction(ledger);
    }
    if (code == TL_EXIT_OK) {
        code = open_head(config, make_head_guard, ledger);
    }
    if (code != TL_EXIT_OK) {
        tl_ledger_close(ledger);
        return code;
    }
    *ret_ledger = ledger;
    return TL_EXIT_OK;
}

void tl_ledger_close(struct tl_ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    tl_head_guard_close(ledger->guard);
    tl_judge_free(ledger->judge);
    tl_store_close(ledger->store);
    tl_secret_key_free(&ledger->secret);
    tl_secret_key_free(&ledger->next_secret);
    tl_host_key_free(&ledger->host_key);
    tl_free(ledger->constitution);
    tl_head_deinit(&ledger->head);
    (void)pthread_mutex_destroy(&ledger->signing_mutex);
    (void)pthread_mutex_destroy(&ledger->keys_mutex);
    tl_free(ledger);
}
