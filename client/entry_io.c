/* SPDX-License-Identifier: ISC */
#include "client/entry_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/entry_check.h"
#include "client/exit_code.h"
#include "client/output.h"
#include "client/public_key_file.h"
#include "client/whole_file.h"
#include "keys/sshsig.h"
#include "lib/base/text.h"

/* A preview that shows other parts than those that are signed would deceive every signer. */
static int check(const char *path, const struct tl_entry_file *entry,
                 const struct tl_envelope *envelope)
{
    enum tally_reason reason = TALLY_REASON_NONE;
    enum tally_status status = entry_check(entry, envelope, &reason);
    if (status != TALLY_OK) {
        out_error("%s: %s", path, tally_status_text(status));
        return exit_code_of(status);
    }
    if (reason != TALLY_REASON_NONE) {
        out_error("%s: does not hold what its envelope commits to: %s (%s). Do not sign it; ask "
                  "where it comes from",
                  path, tally_reason_text(reason), tally_reason_name(reason));
        return EXIT_BAD;
    }
    return 0;
}

int entry_read(const char *path, struct tl_entry_file *ret_entry, struct tl_envelope *ret_envelope)
{
    struct tl_buffer text;
    struct tl_envelope_fault fault = {.line = 0, .what = NULL};
    unsigned line = 0;
    tl_buffer_init(&text, TALLY_ENTRY_FILE_MAX);
    int code = whole_file_read(path, &text);
    if (code != 0) {
        tl_buffer_deinit(&text);
        return code;
    }
    enum tally_status status = tl_entry_file_decode(tl_buffer_bytes(&text), ret_entry, &line);
    tl_buffer_deinit(&text);
    if (status != TALLY_OK) {
        out_error("%s:%u: not an entry file: %s", path, line, tally_status_text(status));
        return exit_code_of(status);
    }
    status = tl_envelope_decode(ret_entry->envelope, ret_envelope, &fault);
    if (status != TALLY_OK) {
        out_error("%s: line %u of its envelope: %s", path, fault.line,
                  fault.what == NULL ? tally_status_text(status) : fault.what);
        tl_entry_file_deinit(ret_entry);
        return exit_code_of(status);
    }
    code = check(path, ret_entry, ret_envelope);
    if (code != 0) {
        tl_entry_file_deinit(ret_entry);
    }
    return code;
}

int entry_write(const char *path, const struct tl_entry_file *entry, bool replace)
{
    struct tl_buffer text;
    tl_buffer_init(&text, TALLY_ENTRY_FILE_MAX);
    tl_entry_file_encode(entry, &text);
    int code = exit_code_of(text.status);
    if (code == 0) {
        code = whole_file_write(path, tl_buffer_bytes(&text), 0600, replace);
    } else {
        out_error("%s: %s", path, tally_status_text(text.status));
    }
    tl_buffer_deinit(&text);
    return code;
}

int entry_open_signer(const struct opt *opt, struct tl_signer **ret_signer)
{
    const char *path = opt_value(opt, "key");
    if (path == NULL) {
        path = getenv("TALLY_KEY");
    }
    if (path == NULL || path[0] == '\0') {
        out_error("which key? --key FILE (a private key, or the .pub of one that ssh-agent holds)");
        return EXIT_USAGE;
    }
    enum tally_status status = tl_signer_open(path, NULL, ret_signer);
    if (status == TALLY_EENCRYPTED) {
        out_error("%s is protected by a passphrase: load it with `ssh-add %s` and try again", path,
                  path);
    } else if (status == TALLY_EAGENT) {
        out_error("%s: ssh-agent does not hold the private half: load it with ssh-add, or plug in "
                  "the token",
                  path);
    } else if (status != TALLY_OK) {
        out_error("%s: %s", path, key_file_fault(path, status));
    }
    return exit_code_of(status);
}

/* Where a countersignature by blob goes: after the author's, sorted by key blob. */
static enum tally_status place_of(const struct tl_entry_file *entry,
                                  const struct tl_public_key *key, unsigned *ret_place)
{
    unsigned place = 1;
    for (unsigned i = 0; i < entry->signatures.count; i++) {
        struct tl_sshsig other;
        enum tally_status status =
            tl_sshsig_decode(entry->signatures.blobs[i], TL_SSHSIG_NAMESPACE, &other);
        if (status != TALLY_OK) {
            return status;
        }
        int order = tl_bytes_compare(tl_public_key_blob(&other.key), tl_public_key_blob(key));
        if (order == 0) {
            return TALLY_EEXIST;
        }
        if (i > 0 && order < 0) {
            place = i + 1;
        }
    }
    *ret_place = place;
    return TALLY_OK;
}

enum tally_status entry_sign(struct tl_entry_file *entry, const struct tl_envelope *envelope,
                             struct tl_signer *signer, struct tl_buffer *blob)
{
    const struct tl_public_key *key = tl_signer_key(signer);
    struct tl_signatures *signatures = &entry->signatures;
    bool is_author = tl_hash_equal(&key->fingerprint, &envelope->key);
    unsigned place = 0;
    if (!is_author && signatures->count == 0) {
        return TALLY_EKEY;
    }
    if (signatures->count == TALLY_SIGNATURE_COUNT_MAX) {
        return TALLY_ETOOBIG;
    }
    if (signatures->count > 0) {
        enum tally_status status = place_of(entry, key, &place);
        if (status != TALLY_OK) {
            return status;
        }
    }
    enum tally_status status = tl_signer_sign(signer, entry->envelope, TL_SSHSIG_NAMESPACE, blob);
    if (status != TALLY_OK) {
        return status;
    }
    for (unsigned i = signatures->count; i > place; i--) {
        signatures->blobs[i] = signatures->blobs[i - 1];
    }
    signatures->blobs[place] = tl_buffer_bytes(blob);
    signatures->count++;
    return TALLY_OK;
}

static int failed_to_sign(const char *path, enum tally_status status)
{
    if (status == TALLY_EEXIST) {
        out_error("%s: this key has signed it already", path);
    } else if (status == TALLY_EKEY) {
        out_error("%s: the author's key signs first; this is another key", path);
    } else {
        out_error("%s: not signed: %s", path, tally_status_text(status));
    }
    return exit_code_of(status);
}

static void print_signed(const char *path, const struct tl_envelope *envelope,
                         const struct tl_signer *signer)
{
    char fingerprint[TALLY_FINGERPRINT_LEN + 1];
    char digest[TL_HASH_BASE64_LEN + 1];
    struct tally_hash hash = tl_envelope_hash(envelope);
    tl_fingerprint_format(&tl_signer_key(signer)->fingerprint, fingerprint);
    tl_hash_format(&hash, digest);
    out_hint("signed   %s", path);
    out_hint("by       SHA256:%s", fingerprint);
    out_hint("envelope %s", digest);
}

int entry_sign_file(const struct opt *opt, const char *path, struct tally_hash *ret_envelope)
{
    struct tl_entry_file entry;
    struct tl_envelope envelope;
    struct tl_signer *signer = NULL;
    struct tl_buffer blob;
    int code = entry_read(path, &entry, &envelope);
    if (code != 0) {
        return code;
    }
    tl_buffer_init(&blob, TL_SSHSIG_BLOB_MAX);
    code = entry_open_signer(opt, &signer);
    if (code == 0) {
        if (tl_signer_uses_agent(signer) && !out_is_quiet()) {
            (void)fputs("asking ssh-agent (touch your token if it blinks)\n", stderr);
        }
        enum tally_status status = entry_sign(&entry, &envelope, signer, &blob);
        code = status == TALLY_OK ? entry_write(path, &entry, true) : failed_to_sign(path, status);
    }
    if (code == 0) {
        *ret_envelope = tl_envelope_hash(&envelope);
        print_signed(path, &envelope, signer);
    }
    tl_signer_close(signer);
    tl_buffer_deinit(&blob);
    tl_entry_file_deinit(&entry);
    return code;
}

bool entry_has_place(const char *path)
{
    if (strcmp(path, "-") == 0) {
        out_error("a file of its own is needed, so that nothing is lost");
        return false;
    }
    return true;
}

int entry_sign_verb(const struct opt *opt, const char *path)
{
    struct tally_hash envelope;
    if (!entry_has_place(path)) {
        return EXIT_USAGE;
    }
    int code = entry_sign_file(opt, path, &envelope);
    if (code == 0 && opt_has(opt, "json")) {
        out_written(opt, path, &envelope);
    }
    return code;
}
