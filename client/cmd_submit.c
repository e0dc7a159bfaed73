/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/compose.h"
#include "client/entry_io.h"
#include "client/exit_code.h"
#include "client/ledger.h"
#include "client/output.h"
#include "client/proof_file.h"
#include "client/verbs.h"
#include "client/whole_file.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/receipt.h"
#include "lib/codec/rejection.h"
#include "lib/tree/tree.h"

#define PATH_LEN_MAX 4096u

/* One submission, from a signed file to a kept answer. */
struct submission {
    const struct opt *opt;
    const char *path; /* of the entry file */
    struct tl_entry_file entry;
    struct tl_envelope envelope;
    bool is_known; /* state is loaded */
    struct state state;
    struct tl_connection *connection;
    struct tl_buffer answer;
};

static int retry_hint(const struct submission *run, const char *what)
{
    out_error("%s: nothing is lost: %s holds the signed entry. Try again: tally submit %s", what,
              run->path, run->path);
    return EXIT_UNREACHED;
}

/* name.tally -> name.suffix, beside it. */
static void answer_path(const struct submission *run, const char *suffix, char dst[PATH_LEN_MAX])
{
    size_t len = strlen(run->path);
    if (len > 6 && strcmp(run->path + len - 6, ".tally") == 0) {
        len -= 6;
    }
    (void)snprintf(dst, PATH_LEN_MAX, "%.*s.%s", (int)len, run->path, suffix);
}

/* The recorded path, or the same file name in --exhibits DIR. */
static void exhibit_path(const struct submission *run, const struct tl_entry_exhibit *exhibit,
                         char dst[PATH_LEN_MAX])
{
    const char *directory = opt_value(run->opt, "exhibits");
    (void)snprintf(dst, PATH_LEN_MAX, "%.*s", (int)exhibit->path.len,
                   (const char *)exhibit->path.ptr);
    if (directory != NULL) {
        const char *slash = strrchr(dst, '/');
        char name[PATH_LEN_MAX];
        (void)snprintf(name, sizeof name, "%s", slash == NULL ? dst : slash + 1);
        char *joined = tl_path_join(directory, name);
        (void)snprintf(dst, PATH_LEN_MAX, "%s", joined == NULL ? name : joined);
        tl_free(joined);
    }
}

static void on_progress(void *context, uint64_t done, uint64_t size)
{
    progress_update(context, done, size);
}

static int send_exhibits(struct submission *run)
{
    for (unsigned i = 0; i < run->entry.exhibit_count; i++) {
        const struct tl_entry_exhibit *exhibit = &run->entry.exhibits[i];
        char path[PATH_LEN_MAX];
        struct progress progress;
        exhibit_path(run, exhibit, path);
        progress_begin(&progress, "exhibit");
        enum tally_status status = tl_connection_put(run->connection, path, &exhibit->hash,
                                                     exhibit->size, on_progress, &progress);
        progress_end(&progress);
        if (status == TALLY_EFORMAT || status == TALLY_ENOTFOUND) {
            out_error("%s: %s; --exhibits DIR says where the files are now", path,
                      status == TALLY_EFORMAT ? "not the file that was signed for"
                                              : "no such file");
            return EXIT_USAGE;
        }
        if (status != TALLY_OK) {
            ledger_say_fault(path, run->connection, status);
            return retry_hint(run, "the exhibit was not left with the ledger");
        }
    }
    return 0;
}

/* A client compares the record in its receipt with what it sent. */
static bool is_ours(const struct submission *run, const struct tl_receipt *receipt)
{
    struct tl_record record;
    if (tl_record_decode(receipt->record, &record) != TALLY_OK ||
        !tl_bytes_equal(record.envelope, run->entry.envelope)) {
        return false;
    }
    if (record.signatures.count != run->entry.signatures.count) {
        out_warning("the ledger holds another set of signatures of this entry");
        return true;
    }
    for (unsigned i = 0; i < record.signatures.count; i++) {
        if (!tl_bytes_equal(record.signatures.blobs[i], run->entry.signatures.blobs[i])) {
            out_warning("the ledger holds another set of signatures of this entry");
            break;
        }
    }
    return true;
}

static void print_accepted(const struct submission *run, const struct tl_receipt *receipt,
                           const char *path, int verdict)
{
    char id[ENTRY_ID_MAX];
    struct tally_hash leaf = tl_tree_leaf(receipt->record);
    out_entry_id(receipt->index, &leaf, id);
    if (opt_has(run->opt, "json")) {
        out_json(json_pack("{s:s, s:I, s:s, s:s, s:b}", "result", "accepted", "index",
                           (json_int_t)receipt->index, "id", id, "receipt", path, "verified",
                           verdict == EXIT_DONE ? 1 : 0));
        return;
    }
    printf("entry %llu  %s  ", (unsigned long long)receipt->index, id);
    out_foreign(stdout, tl_bytes_text(path), 0);
    printf("\n");
    if (verdict == EXIT_DONE) {
        out_hint("receipt verified: the ledger's key has signed for this entry (no witness has "
                 "cosigned yet)");
    } else {
        out_hint("accepted; the receipt could not be judged wholly: %s",
                 run->is_known ? "the ledger was amended since you verified it: tally verify"
                               : "this ledger is not known here: tally verify --ledger ID");
    }
}

/* An answer that contradicts one that is kept already must not take its place. */
static bool differs_from_kept(const char *path, struct tally_bytes answer)
{
    struct tl_buffer kept;
    tl_buffer_init(&kept, TL_RECEIPT_MAX);
    enum tally_status status = tl_file_read(path, &kept);
    bool differs = status == TALLY_ETOOBIG ||
                   (status == TALLY_OK && !tl_bytes_equal(tl_buffer_bytes(&kept), answer));
    tl_buffer_deinit(&kept);
    return differs;
}

static int write_receipt(struct submission *run, bool is_bad, char path[PATH_LEN_MAX])
{
    answer_path(run, "receipt", path);
    if (is_bad || differs_from_kept(path, tl_buffer_bytes(&run->answer))) {
        out_warning("%s: what the daemon answers is not what a receipt must be: kept apart", path);
        answer_path(run, "receipt-suspect", path);
    }
    int code = whole_file_write(path, tl_buffer_bytes(&run->answer), 0644, true);
    return code == 0 ? 0 : retry_hint(run, "the receipt could not be kept");
}

/* EXIT_DONE, EXIT_INCOMPLETE, or EXIT_BAD after a message. */
static int judge_answer(struct submission *run, const struct tl_receipt *receipt)
{
    struct tl_report report;
    if (!is_ours(run, receipt)) {
        out_error("the receipt is for another entry: keep it, and tell the other members");
        return EXIT_BAD;
    }
    if (!run->is_known) {
        return EXIT_INCOMPLETE;
    }
    int code = proof_file_judge_receipt(&run->state, tl_buffer_bytes(&run->answer), &report);
    if (code == EXIT_BAD) {
        out_error("the receipt does not verify: keep it, and tell the other members");
    }
    return code;
}

static void note_receipt(struct submission *run, const struct tl_receipt *receipt)
{
    if (state_note_entry(&run->state, &run->envelope) != TALLY_OK ||
        state_note_held(&run->state, receipt->checkpoint) != TALLY_OK ||
        state_keep_receipt(&run->state, receipt->index, tl_buffer_bytes(&run->answer)) !=
            TALLY_OK ||
        state_save(&run->state) != TALLY_OK) {
        out_warning("the receipt could not be noted in what is remembered of the ledger");
    }
}

static int keep_receipt(struct submission *run)
{
    char path[PATH_LEN_MAX];
    struct tl_receipt receipt;
    bool has_form = tl_receipt_decode(tl_buffer_bytes(&run->answer), &receipt) == TALLY_OK;
    int code = has_form ? judge_answer(run, &receipt) : EXIT_BAD;
    if (!has_form) {
        out_error("the daemon's receipt is malformed: keep it, and tell the other members");
    }
    /* First what the next entry needs; also when the roster has moved on since this client
     * verified: the entry is in. */
    if (run->is_known && code != EXIT_BAD) {
        note_receipt(run, &receipt);
    }
    int kept = write_receipt(run, code == EXIT_BAD, path);
    if (kept == 0 && code != EXIT_BAD) {
        print_accepted(run, &receipt, path, code);
    }
    if (has_form) {
        tl_receipt_deinit(&receipt);
    }
    return kept != 0 ? kept : code;
}

static bool is_our_rejection(const struct submission *run, struct tl_rejection *ret_rejection)
{
    struct tl_note_key key;
    struct tally_hash envelope = tl_envelope_hash(&run->envelope);
    return run->is_known && tl_rejection_key(&run->state.roster->ledger_key, &key) == TALLY_OK &&
           tl_rejection_open(tl_buffer_bytes(&run->answer), &key, ret_rejection) == TALLY_OK &&
           tl_hash_equal(&ret_rejection->envelope, &envelope);
}

static void print_remedy(const struct submission *run, enum tally_reason reason)
{
    if (reason == TALLY_REASON_OVERLOADED || reason == TALLY_REASON_NO_SPACE ||
        reason == TALLY_REASON_STOPPED) {
        out_error("try again later: tally submit %s", run->path);
    } else if (reason == TALLY_REASON_KEY_QUOTA) {
        out_error("the key gets more of its share with every minute: try again later: tally submit "
                  "%s. If you have not sent that much, somebody else has the key: revoke it",
                  run->path);
    } else if (reason == TALLY_REASON_SEQUENCE_GAP) {
        out_error("an earlier entry by this key is not in yet: submit that one first, then this");
    } else if (reason == TALLY_REASON_SEQUENCE_REUSED || reason == TALLY_REASON_PREVIOUS_MISMATCH ||
               reason == TALLY_REASON_SEEN_DECREASED || reason == TALLY_REASON_STALE_AMENDMENT) {
        out_error("it was composed without knowing what is in the ledger by now: run `tally "
                  "verify`, move %s away and compose it again",
                  run->path);
    }
}

static int keep_rejection(struct submission *run)
{
    char path[PATH_LEN_MAX];
    struct tl_rejection rejection;
    answer_path(run, "rejection", path);
    (void)whole_file_write(path, tl_buffer_bytes(&run->answer), 0644, true);
    if (!run->is_known) {
        out_error("the answer is a rejection, kept in %s; it cannot be verified, since this ledger "
                  "is not known here",
                  path);
        return EXIT_INCOMPLETE;
    }
    if (!is_our_rejection(run, &rejection)) {
        out_error("%s: not a rejection that this ledger signed for this entry: nothing is decided; "
                  "try again: tally submit %s",
                  path, run->path);
        return EXIT_UNREACHED;
    }
    if (opt_has(run->opt, "json")) {
        out_json(json_pack("{s:s, s:s, s:s}", "result", "rejected", "reason",
                           tally_reason_name(rejection.code), "rejection", path));
    } else {
        out_error("rejected: %s (%s); the signed rejection is in %s and %s is kept",
                  tally_reason_text(rejection.code), tally_reason_name(rejection.code), path,
                  run->path);
    }
    print_remedy(run, rejection.code);
    return EXIT_REJECTED;
}

static int send_submission(struct submission *run)
{
    struct tl_buffer bytes;
    enum tl_answer answer = TL_ANSWER_REJECTION;
    tl_buffer_init(&bytes, TALLY_SUBMISSION_MAX);
    enum tally_status status = tl_entry_file_submission(&run->entry, &bytes);
    if (status != TALLY_OK) {
        out_error("%s: %s", run->path, tally_status_text(status));
        tl_buffer_deinit(&bytes);
        return exit_code_of(status);
    }
    status = tl_connection_submit(run->connection, tl_buffer_bytes(&bytes), &answer, &run->answer);
    tl_buffer_deinit(&bytes);
    if (status != TALLY_OK) {
        ledger_say_fault(run->path, run->connection, status);
        return retry_hint(run, "no answer to keep");
    }
    return answer == TL_ANSWER_RECEIPT ? keep_receipt(run) : keep_rejection(run);
}

static int submit_file(const struct opt *opt, const char *path)
{
    struct submission run = {.opt = opt, .path = path};
    int code = entry_read(path, &run.entry, &run.envelope);
    if (code != 0) {
        return code;
    }
    tl_buffer_init(&run.answer, TL_RECEIPT_MAX);
    enum tally_status known = state_load(opt, &run.envelope.ledger, &run.state);
    run.is_known = known == TALLY_OK;
    if (!run.is_known && known != TALLY_ENOTFOUND) {
        state_say_unreadable(opt, &run.envelope.ledger, known);
        code = EXIT_UNREACHED;
    }
    if (code == 0 && run.entry.signatures.count == 0) {
        out_error("%s: not signed yet: tally sign %s --key KEY", path, path);
        code = EXIT_USAGE;
    }
    if (code == 0) {
        code = ledger_connect(opt_value(opt, "socket"),
                              run.is_known ? tl_buffer_bytes(&run.state.held) : tl_bytes(NULL, 0),
                              &run.connection);
        if (code != 0) {
            (void)retry_hint(&run, "not submitted");
        }
    }
    if (code == 0) {
        code = send_exhibits(&run);
    }
    if (code == 0) {
        code = send_submission(&run);
    }
    tl_connection_close(run.connection);
    if (run.is_known) {
        state_deinit(&run.state);
    }
    tl_buffer_deinit(&run.answer);
    tl_entry_file_deinit(&run.entry);
    return code;
}

/* Straight from JSON: composes and signs into a file first, so that nothing unsent is ever lost. */
static int make_file(const struct opt *opt, const char *json_path, const char *path)
{
    struct tl_signer *signer = NULL;
    struct state state;
    struct tl_buffer entry_file;
    if (access(path, F_OK) == 0) {
        out_error("%s exists already: submit it as it is (tally submit %s), or move it away to "
                  "compose it again",
                  path, path);
        return EXIT_USAGE;
    }
    int code = entry_open_signer(opt, &signer);
    if (code != 0) {
        return code;
    }
    code = state_choose(opt, &state);
    if (code != 0) {
        tl_signer_close(signer);
        return code;
    }
    tl_buffer_init(&entry_file, TALLY_ENTRY_FILE_MAX);
    code = compose_entry(opt, json_path, tl_signer_key(signer), &state, &entry_file);
    if (code == 0) {
        code = whole_file_write(path, tl_buffer_bytes(&entry_file), 0600, false);
    }
    tl_signer_close(signer);
    tl_buffer_deinit(&entry_file);
    state_deinit(&state);
    struct tally_hash envelope;
    return code == 0 ? entry_sign_file(opt, path, &envelope) : code;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

static int run(const struct opt *opt)
{
    const char *path = opt->words[0];
    char made[PATH_LEN_MAX];
    if (!entry_has_place(path)) {
        return EXIT_USAGE;
    }
    if (!ends_with(path, ".json")) {
        return submit_file(opt, path);
    }
    (void)snprintf(made, sizeof made, "%.*s.tally", (int)(strlen(path) - strlen(".json")), path);
    int code = make_file(opt, path, made);
    return code == 0 ? submit_file(opt, made) : code;
}

static const struct opt_spec options[] = {
    {"socket", "PATH", "the daemon's submit socket (or $TALLY_SOCKET)", false},
    {"exhibits", "DIR", "where the exhibit files are, when they have moved", false},
    COMPOSE_OPTIONS,
    {NULL, NULL, NULL, false},
};

const struct verb verb_submit = {
    .name = "submit",
    .synopsis = "FILE.tally | FINDING.json --key FILE [compose's options]",
    .summary = "hand a signed entry to the ledger and keep its receipt",
    .details = "The receipt is verified and kept beside the file. Sending the same file again is\n"
               "safe at any time: the same entry gives the same receipt. A rejection is kept too.",
    .options = options,
    .word_min = 1,
    .word_max = 1,
    .run = run,
};
