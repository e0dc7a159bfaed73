/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "client/charter_amend.h"
#include "client/charter_plan.h"
#include "client/entry_io.h"
#include "client/exit_code.h"
#include "client/output.h"
#include "client/verbs.h"
#include "lib/base/sha256.h"
#include "lib/base/text.h"
#include "lib/roster/roster.h"

/* Operations and consent of a charter. */
static enum tally_reason judge_charter(const struct tl_entry_file *entry,
                                       const struct tl_envelope *envelope)
{
    struct tl_roster *roster = NULL;
    enum tally_reason reason = TALLY_REASON_NONE;
    if (tl_roster_from_charter(envelope, &entry->signatures, &roster, &reason) != TALLY_OK) {
        reason = TALLY_REASON_MALFORMED;
    }
    if (roster != NULL && tl_roster_governing_count(roster) == 2 && roster->threshold_amend == 2) {
        out_warning("with two governing members and threshold 2, each can block its own removal");
    }
    tl_roster_free(roster);
    return reason;
}

/* Faults that no signature mends are found before anybody signs. */
static int judge_unsigned(const char *path, const struct tl_entry_file *entry)
{
    struct tl_envelope envelope;
    if (tl_envelope_decode(entry->envelope, &envelope, NULL) != TALLY_OK) {
        out_error("%s: the charter cannot be read back", path);
        return EXIT_USAGE;
    }
    enum tally_reason reason = judge_charter(entry, &envelope);
    if (!charter_awaits_signatures(reason)) {
        out_error("%s: makes no charter: %s (%s): nothing was written", path,
                  tally_reason_text(reason), tally_reason_name(reason));
        return EXIT_USAGE;
    }
    return 0;
}

static int charter_new(const struct opt *opt)
{
    if (opt->word_count != 3) {
        out_error("charter new PLAN.json FILE.tally");
        return EXIT_USAGE;
    }
    struct tl_buffer envelope;
    tl_buffer_init(&envelope, TALLY_ENVELOPE_MAX);
    int code = charter_plan_compose(opt->words[1], &envelope);
    struct tl_entry_file entry = {.envelope = tl_buffer_bytes(&envelope)};
    if (code == 0) {
        code = judge_unsigned(opt->words[1], &entry);
    }
    if (code == 0) {
        code = entry_write(opt->words[2], &entry, false);
    }
    struct tally_hash envelope_hash = tl_sha256(tl_buffer_bytes(&envelope));
    if (code == 0) {
        out_written(opt, opt->words[2], &envelope_hash);
        out_hint("next: every key in it signs it, and the host key too: tally charter sign %s "
                 "--key KEY",
                 opt->words[2]);
    }
    tl_buffer_deinit(&envelope);
    return code;
}

static void print_signers(const struct tl_signatures *signatures)
{
    for (unsigned i = 0; i < signatures->count; i++) {
        struct tl_sshsig sig;
        char fingerprint[TALLY_FINGERPRINT_LEN + 1];
        if (tl_sshsig_decode(signatures->blobs[i], TL_SSHSIG_NAMESPACE, &sig) == TALLY_OK) {
            tl_fingerprint_format(&sig.key.fingerprint, fingerprint);
            printf("  signed by SHA256:%s\n", fingerprint);
        }
    }
}

/* Whether it could start or amend a ledger now: each signature, then what they are needed for. */
static int judge(const struct opt *opt, const struct tl_entry_file *entry,
                 const struct tl_envelope *envelope, enum tally_reason *ret_reason)
{
    *ret_reason = tl_signatures_check(&entry->signatures, envelope);
    for (unsigned i = 0; i < entry->signatures.count && *ret_reason == TALLY_REASON_NONE; i++) {
        *ret_reason = tl_signature_verify(&entry->signatures, i, entry->envelope);
    }
    if (*ret_reason != TALLY_REASON_NONE) {
        return 0;
    }
    if (envelope->has_ledger) {
        return charter_judge_amendment(opt, entry, envelope, ret_reason);
    }
    *ret_reason = judge_charter(entry, envelope);
    return 0;
}

static void print_json(const struct tl_entry_file *entry, const struct tl_envelope *envelope,
                       enum tally_reason reason)
{
    struct tally_hash id = envelope->has_ledger ? envelope->ledger : tl_envelope_hash(envelope);
    struct tally_bytes lines = envelope->op_lines;
    struct tally_bytes op;
    json_t *ops = json_array();
    while (tl_envelope_next_op(&lines, &op)) {
        (void)json_array_append_new(ops, out_json_text(op));
    }
    out_json(json_pack("{s:o, s:b, s:s, s:i, s:o}", "ledger", out_json_hash(&id), "complete",
                       reason == TALLY_REASON_NONE ? 1 : 0, "reason", tally_reason_name(reason),
                       "signatures", (int)entry->signatures.count, "operations", ops));
}

static void print_charter(const struct tl_entry_file *entry, const struct tl_envelope *envelope,
                          enum tally_reason reason)
{
    char id[TL_HASH_BASE64_LEN + 1];
    struct tally_hash hash = envelope->has_ledger ? envelope->ledger : tl_envelope_hash(envelope);
    struct tally_bytes lines = envelope->op_lines;
    struct tally_bytes op;
    tl_hash_format(&hash, id);
    printf("ledger id  %s\n", id);
    while (tl_envelope_next_op(&lines, &op)) {
        printf("  ");
        out_foreign(stdout, op, 0);
        printf("\n");
    }
    print_signers(&entry->signatures);
    if (reason == TALLY_REASON_NONE) {
        printf("%scomplete%s: all who must sign have signed\n", out_style(OUT_GOOD),
               out_style(OUT_PLAIN));
    } else {
        printf("%snot complete%s: %s (%s)\n", out_style(OUT_WARN), out_style(OUT_PLAIN),
               tally_reason_text(reason), tally_reason_name(reason));
    }
}

static int charter_show(const struct opt *opt)
{
    if (opt->word_count != 2) {
        out_error("charter show FILE.tally");
        return EXIT_USAGE;
    }
    struct tl_entry_file entry;
    struct tl_envelope envelope;
    int code = entry_read(opt->words[1], &entry, &envelope);
    if (code != 0) {
        return code;
    }
    enum tally_reason reason = TALLY_REASON_MALFORMED;
    if (!tl_envelope_is_constitution(&envelope)) {
        out_error("%s: neither a charter nor an amendment: tally preview shows it", opt->words[1]);
        code = EXIT_USAGE;
    } else {
        code = judge(opt, &entry, &envelope, &reason);
    }
    if (code == 0 && opt_has(opt, "json")) {
        print_json(&entry, &envelope, reason);
    } else if (code == 0) {
        print_charter(&entry, &envelope, reason);
    }
    tl_entry_file_deinit(&entry);
    return code == 0 && reason != TALLY_REASON_NONE ? EXIT_INCOMPLETE : code;
}

static int run(const struct opt *opt)
{
    if (strcmp(opt->words[0], "new") == 0) {
        return charter_new(opt);
    }
    if (strcmp(opt->words[0], "sign") == 0 && opt->word_count == 2) {
        return entry_sign_verb(opt, opt->words[1]);
    }
    if (strcmp(opt->words[0], "show") == 0) {
        return charter_show(opt);
    }
    if (strcmp(opt->words[0], "amend") == 0 && opt->word_count == 2) {
        return charter_amend(opt, opt->words[1]);
    }
    out_error("charter new PLAN.json FILE.tally, or charter sign, show or amend FILE.tally");
    return EXIT_USAGE;
}

static const struct opt_spec options[] = {
    {"key", "FILE", "sign, amend: private key, or the .pub of one that ssh-agent holds", false},
    {"op", "OPERATION", "amend: \"enrol MEMBER ROLES TYPE BASE64\", \"revoke ...\"", true},
    {"ledger", "ID", "amend: which ledger (default: the only one known)", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_charter = {
    .name = "charter",
    .synopsis = "new PLAN.json FILE.tally | sign FILE.tally --key FILE | show FILE.tally |\n"
                "                     amend FILE.tally --key FILE --op OPERATION...",
    .summary = "make, sign and look at a charter, or an amendment of it",
    .details =
        "A plan names origin, ledger key, host key, threshold, members and their public\n"
        "keys (tally(1) has the form). Every key in it signs the charter, the first one\n"
        "first; `tallyd init` then makes the ledger. An amendment is signed by its author, by as\n"
        "many members as the threshold asks and by every key that it enrols, and submitted\n"
        "like any entry. `show` exits 4 until all who must sign have signed.\n"
        "Operations: admit ID NAME, withdraw ID, enrol MEMBER ROLES TYPE BASE64,\n"
        "rotate FINGERPRINT TYPE BASE64, grant FINGERPRINT ROLES, revoke FINGERPRINT\n"
        "LAST-VALID REASON, threshold amend K, ledger-key VKEY.",
    .options = options,
    .word_min = 1,
    .word_max = 3,
    .run = run,
};
