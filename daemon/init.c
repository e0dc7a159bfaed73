/* SPDX-License-Identifier: ISC */
#include "daemon/init.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/exit_code.h"
#include "daemon/job.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "keys/signer.h"
#include "lib/base/file.h"
#include "lib/base/place.h"
#include "lib/base/text.h"
#include "lib/codec/entry_file.h"
#include "lib/codec/receipt.h"

enum { PATH_LEN_MAX = 1024 };

#define INIT_MAP_SIZE UINT64_C(268435456) /* of the one batch made here; serving has its own */

struct options {
    const char *charter;
    const char *data;
    const char *ledger_key;
    const char *head;
    const char *receipt;
};

/* What init has in hand; every part is released whatever happened. */
struct maker {
    struct options options;
    struct tl_place place;   /* of the data directory */
    char head[PATH_LEN_MAX]; /* where the head guard is made */
    bool head_made_outside;
    struct tl_secret_key *secret;
    struct tl_entry_file entry;
    bool has_entry;
    struct tl_buffer submission_bytes;
    struct tl_submission submission;
    struct tl_envelope envelope;
    struct tally_hash id;
    struct tl_judge *judge;
    struct tl_buffer record_bytes;
    struct tally_hash leaf;
    struct tl_entry_facts facts;
    uint8_t seal[TALLY_SIGNATURE_LEN];
    struct tl_head_view view;
    struct tl_store *store;
};

static int fail(int code, const char *what, enum tally_status status)
{
    tl_log(TL_LOG_ERROR, "%s: %s", what, tally_status_text(status));
    return code;
}

static int parse_options(int argc, char *const *argv, struct options *options)
{
    const struct {
        const char *name;
        const char **value;
    } table[] = {
        {"--charter", &options->charter}, {"--data", &options->data},
        {"--ledger-key", &options->ledger_key}, {"--head", &options->head},
        {"--receipt", &options->receipt},
    };
    for (int i = 0; i < argc; i += 2) {
        size_t k = 0;
        while (k < sizeof table / sizeof table[0] && strcmp(argv[i], table[k].name) != 0) {
            k++;
        }
        if (k == sizeof table / sizeof table[0] || i + 1 >= argc) {
            tl_log(TL_LOG_ERROR, "argument %d: an unknown option, or one without its value", i + 1);
            return TL_EXIT_USAGE;
        }
        *table[k].value = argv[i + 1];
    }
    if (options->charter == NULL || options->data == NULL || options->ledger_key == NULL) {
        tl_log(TL_LOG_ERROR, "usage: tallyd init --charter FILE --data DIR --ledger-key FILE "
                             "[--head FILE] [--receipt FILE]");
        return TL_EXIT_USAGE;
    }
    return TL_EXIT_OK;
}

static int find_place(struct maker *maker)
{
    enum tally_status status = tl_place_init(&maker->place, maker->options.data);
    if (status == TALLY_EINVAL) {
        return fail(TL_EXIT_USAGE, "the data directory's path", status);
    }
    return status == TALLY_OK ? TL_EXIT_OK : fail(TL_EXIT_FAILURE, maker->place.path, status);
}

static int reject(enum tally_reason reason)
{
    tl_log(TL_LOG_ERROR, "the charter does not stand: %s (%s)", tally_reason_name(reason),
           tally_reason_text(reason));
    return TL_EXIT_FAILURE;
}

static int read_charter(struct maker *maker)
{
    struct tl_buffer text;
    unsigned line = 0;
    tl_buffer_init(&text, TALLY_ENTRY_FILE_MAX);
    enum tally_status status = tl_file_read(maker->options.charter, &text);
    if (status == TALLY_OK) {
        status = tl_entry_file_decode(tl_buffer_bytes(&text), &maker->entry, &line);
        maker->has_entry = status == TALLY_OK;
    }
    tl_buffer_deinit(&text);
    if (status != TALLY_OK) {
        tl_log(TL_LOG_ERROR, "charter file, line %u", line);
        return fail(TL_EXIT_FAILURE, maker->options.charter, status);
    }
    status = tl_entry_file_submission(&maker->entry, &maker->submission_bytes);
    if (status == TALLY_OK) {
        status = tl_submission_decode(tl_buffer_bytes(&maker->submission_bytes),
                                      &maker->submission);
    }
    struct tl_envelope_fault fault = {.line = 0, .what = ""};
    if (status == TALLY_OK) {
        status = tl_envelope_decode(maker->submission.envelope, &maker->envelope, &fault);
    }
    if (status != TALLY_OK) {
        tl_log(TL_LOG_ERROR, "charter envelope, line %u: %s", fault.line, fault.what);
        return fail(TL_EXIT_FAILURE, maker->options.charter, status);
    }
    maker->id = tl_envelope_hash(&maker->envelope);
    return TL_EXIT_OK;
}

static enum tally_status no_facts(void *context, uint64_t index, struct tl_entry_facts *ret_facts)
{
    (void)context;
    (void)index;
    (void)ret_facts;
    return TALLY_ENOTFOUND;
}

static enum tally_reason check_form(const struct maker *maker)
{
    enum tally_reason reason = tl_submission_check(&maker->submission, &maker->envelope);
    for (unsigned i = 0; i < maker->submission.signatures.count && reason == TALLY_REASON_NONE;
         i++) {
        reason = tl_signature_verify(&maker->submission.signatures, i, maker->submission.envelope);
    }
    return reason;
}

/* The same checks as every later verifier makes. */
static int judge_charter(struct maker *maker)
{
    enum tally_reason reason = check_form(maker);
    if (reason != TALLY_REASON_NONE) {
        return reject(reason);
    }
    struct tl_record record = {
        .index = 0,
        .received_us = (uint64_t)tl_clock_read().wall_us,
        .roster = 0,
        .envelope = maker->submission.envelope,
        .signatures = maker->submission.signatures,
    };
    enum tally_status status = tl_record_encode(&record, &maker->record_bytes);
    if (status == TALLY_OK) {
        status = tl_judge_new(&maker->judge);
    }
    if (status != TALLY_OK) {
        return fail(TL_EXIT_FAILURE, "the charter's record", status);
    }
    maker->leaf = tl_tree_leaf(tl_buffer_bytes(&maker->record_bytes));
    status = tl_judge_check(maker->judge, &record, &maker->envelope, &maker->submission.clear,
                            &maker->leaf, no_facts, NULL, &reason, NULL);
    if (status != TALLY_OK) {
        return fail(TL_EXIT_FAILURE, "judging the charter", status);
    }
    if (reason != TALLY_REASON_NONE) {
        return reject(reason);
    }
    tl_judge_accept(maker->judge, &maker->id, &maker->facts);
    return TL_EXIT_OK;
}

static int load_key(struct maker *maker)
{
    const char *path = maker->options.ledger_key;
    enum tally_status status = tl_secret_key_from_file(path, true, &maker->secret);
    if (status != TALLY_OK) {
        return fail(TL_EXIT_KEY, path, status);
    }
    const struct tl_note_key *key = &tl_judge_roster(maker->judge)->ledger_key;
    if (memcmp(tl_secret_key_public(maker->secret), key->point, sizeof key->point) != 0) {
        tl_log(TL_LOG_ERROR, "%s is not the key of the charter's \"op ledger-key\"", path);
        return TL_EXIT_KEY;
    }
    return TL_EXIT_OK;
}

/* Seal and checkpoint: the first signatures of the ledger. */
static int sign(struct maker *maker)
{
    const struct tl_note_key *key = &tl_judge_roster(maker->judge)->ledger_key;
    tl_seal_sign(maker->secret, &maker->leaf, maker->seal);
    enum tally_status status =
        tl_ledger_sign(key, maker->secret, NULL, NULL, 1, &maker->leaf, &maker->view);
    if (status == TALLY_OK && maker->view.note_len > TL_HEAD_NOTE_MAX) {
        status = TALLY_ETOOBIG;
    }
    return status == TALLY_OK ? TL_EXIT_OK : fail(TL_EXIT_FAILURE, "the checkpoint", status);
}

static int make_temporary(struct maker *maker)
{
    enum tally_status status = tl_place_make(&maker->place, "init");
    if (status == TALLY_EINVAL) {
        return fail(TL_EXIT_USAGE, "the data directory's path", TALLY_ETOOBIG);
    }
    return status == TALLY_OK ? TL_EXIT_OK : fail(TL_EXIT_FAILURE, maker->place.path, status);
}

static enum tally_status append_charter(struct maker *maker)
{
    struct tl_append append = {
        .index = 0,
        .record = tl_buffer_bytes(&maker->record_bytes),
        .seal = maker->seal,
        .leaf = maker->leaf,
        .envelope = maker->id,
        .type = (uint8_t)maker->facts.type,
        .member = (uint16_t)maker->facts.member,
        .key_number = 0,
        .sequence = 0,
        .commitments = maker->submission.commitments,
        .clear = maker->submission.clear,
        .sealed = maker->submission.sealed,
        .sealed_hashes = NULL,
    };
    struct tl_batch *batch = NULL;
    enum tally_status status = tl_batch_begin(maker->store, 0, &batch);
    if (status != TALLY_OK) {
        return status;
    }
    status = tl_batch_append(batch, &append);
    if (status != TALLY_OK) {
        tl_batch_abort(batch);
        return status;
    }
    return tl_batch_commit(batch);
}

static int make_store(struct maker *maker)
{
    enum tally_status status = tl_store_create(maker->place.temporary);
    if (status == TALLY_OK) {
        status = tl_store_open(maker->place.temporary, INIT_MAP_SIZE, TL_STORE_WRITE,
                               &maker->store);
    }
    if (status == TALLY_OK) {
        status = append_charter(maker);
    }
    tl_store_close(maker->store);
    maker->store = NULL;
    return status == TALLY_OK ? TL_EXIT_OK : fail(TL_EXIT_FAILURE, "the new store", status);
}

static int make_head(struct maker *maker)
{
    int len = maker->options.head != NULL
                  ? snprintf(maker->head, PATH_LEN_MAX, "%s", maker->options.head)
                  : snprintf(maker->head, PATH_LEN_MAX, "%.1000s/head", maker->place.temporary);
    if (len < 0 || len >= PATH_LEN_MAX) {
        return fail(TL_EXIT_USAGE, "the head guard's path", TALLY_ETOOBIG);
    }
    enum tally_status status = tl_head_guard_create(maker->head, tl_head_note(&maker->view));
    if (status != TALLY_OK) {
        return fail(TL_EXIT_FAILURE, maker->head, status);
    }
    maker->head_made_outside = maker->options.head != NULL;
    return TL_EXIT_OK;
}

static int move_into_place(struct maker *maker)
{
    enum tally_status status = tl_place_commit(&maker->place);
    if (maker->place.temporary[0] == '\0') {
        maker->head_made_outside = false; /* it is the new ledger's now */
    }
    return status == TALLY_OK ? TL_EXIT_OK : fail(TL_EXIT_FAILURE, maker->place.path, status);
}

static int write_receipt(const struct maker *maker)
{
    if (maker->options.receipt == NULL) {
        return TL_EXIT_OK;
    }
    struct tl_buffer receipt;
    struct tl_tree_proof proof = {.count = 0};
    tl_buffer_init(&receipt, TL_RECEIPT_MAX);
    tl_receipt_encode(tl_buffer_bytes(&maker->record_bytes), maker->seal, 0, &proof,
                      tl_head_note(&maker->view), &receipt);
    enum tally_status status = receipt.status;
    if (status == TALLY_OK) {
        status = tl_file_write(maker->options.receipt, tl_buffer_bytes(&receipt), 0644, false);
    }
    tl_buffer_deinit(&receipt);
    return status == TALLY_OK ? TL_EXIT_OK : fail(TL_EXIT_FAILURE, maker->options.receipt, status);
}

static void print(const struct maker *maker)
{
    char id[TL_HASH_BASE64_LEN + 1];
    tl_hash_format(&maker->id, id);
    (void)printf("ledger %s\norigin %s\n", id, tl_judge_roster(maker->judge)->ledger_key.name);
}

static int make(struct maker *maker)
{
    static int (*const steps[])(struct maker *maker) = {
        find_place,     read_charter, judge_charter, load_key,        sign,
        make_temporary, make_store, make_head,     move_into_place,
    };
    int code = TL_EXIT_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && code == TL_EXIT_OK; i++) {
        code = steps[i](maker);
    }
    if (code == TL_EXIT_OK) {
        print(maker);
        code = write_receipt(maker);
    }
    return code;
}

static void clean_up(struct maker *maker)
{
    tl_place_abandon(&maker->place);
    if (maker->head_made_outside) {
        (void)unlink(maker->head);
    }
    tl_judge_free(maker->judge);
    tl_secret_key_free(&maker->secret);
    if (maker->has_entry) {
        tl_entry_file_deinit(&maker->entry);
    }
    tl_buffer_deinit(&maker->submission_bytes);
    tl_buffer_deinit(&maker->record_bytes);
}

int tl_init_main(int argc, char *const *argv)
{
    static struct maker maker; /* too long for the stack */
    memset(&maker, 0, sizeof maker);
    tl_buffer_init(&maker.submission_bytes, TALLY_SUBMISSION_MAX);
    tl_buffer_init(&maker.record_bytes, TALLY_RECORD_MAX);
    int code = parse_options(argc, argv, &maker.options);
    if (code == TL_EXIT_OK) {
        code = make(&maker);
    }
    clean_up(&maker);
    return code;
}
