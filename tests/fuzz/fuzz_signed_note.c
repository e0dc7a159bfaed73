/* SPDX-License-Identifier: ISC */
/*
 * Target: vkeys; notes, checkpoints and rejections that a known key has signed, so that what stands
 * behind the signature is reached. A signed text verifies, the same text changed does not, and the
 * signed form opens exactly when the text alone decodes.
 */
#include <string.h>

#include "keys/ed25519.h"
#include "keys/note_key.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/note.h"
#include "lib/codec/rejection.h"
#include "tests/fuzz/fuzz.h"

#define ORIGIN "example.org/log"

static struct tl_secret_key *secret;
static struct tl_note_key ledger_key;
static struct tl_note_key rejection_key;

static void make_keys(void)
{
    static const uint8_t seed[TL_ED25519_SEED_LEN] = {5};
    if (secret != NULL) {
        return;
    }
    FUZZ_REQUIRE(tl_secret_key_from_seed(seed, &secret) == TALLY_OK);
    FUZZ_REQUIRE(tl_note_key_make(tl_bytes_text(ORIGIN), TL_NOTE_ED25519,
                                  tl_secret_key_public(secret), &ledger_key) == TALLY_OK);
    FUZZ_REQUIRE(tl_rejection_key(&ledger_key, &rejection_key) == TALLY_OK);
}

static void try_vkey(struct tally_bytes text)
{
    struct tl_note_key key;
    struct tl_note_key again;
    char vkey[TL_VKEY_MAX];
    if (tl_note_key_parse(text, &key) != TALLY_OK) {
        return;
    }
    tl_note_key_format(&key, vkey);
    FUZZ_REQUIRE(tl_bytes_equal(tl_bytes_text(vkey), text));
    FUZZ_REQUIRE(tl_note_key_make(tl_bytes_text(key.name), key.type, key.point, &again) ==
                 TALLY_OK);
    FUZZ_REQUIRE(memcmp(key.id, again.id, sizeof key.id) == 0);
}

/* A key of any name; its vkey reads back. */
static void try_name(struct tally_bytes name)
{
    struct tl_note_key key;
    struct tl_note_key again;
    char vkey[TL_VKEY_MAX];
    bool is_name = tl_note_key_make(name, TL_NOTE_ED25519, tl_secret_key_public(secret), &key) ==
                   TALLY_OK;
    FUZZ_REQUIRE(is_name || !tl_is_origin(name));
    if (is_name) {
        tl_note_key_format(&key, vkey);
        FUZZ_REQUIRE(tl_note_key_parse(tl_bytes_text(vkey), &again) == TALLY_OK);
        FUZZ_REQUIRE(strcmp(key.name, again.name) == 0 &&
                     memcmp(key.id, again.id, sizeof key.id) == 0);
    }
}

static void check_verification(struct tally_bytes bytes, const struct tl_note_key *key)
{
    struct tl_note note;
    struct tl_buffer other;
    if (tl_note_decode(bytes, &note) != TALLY_OK || tl_note_verify(&note, key) != TALLY_OK) {
        return;
    }
    tl_buffer_init(&other, TL_NOTE_MAX);
    tl_buffer_add(&other, note.text);
    other.ptr[0] ^= 1;
    note.text = tl_buffer_bytes(&other);
    FUZZ_REQUIRE(tl_note_verify(&note, key) != TALLY_OK);
    tl_buffer_deinit(&other);
}

/* Lines of other keys may stand before ours. */
static void sign(struct tally_bytes text, struct tally_bytes lines, const struct tl_note_key *key,
                 struct tl_buffer *note)
{
    struct tl_buffer ours;
    tl_buffer_init(&ours, TL_NOTE_MAX * 2);
    tl_note_sign(text, key, secret, &ours);
    tl_buffer_add(note, text);
    tl_buffer_add_text(note, "\n");
    tl_buffer_add(note, lines);
    tl_buffer_add(note, tl_bytes(ours.ptr + text.len + 1, ours.len - text.len - 1));
    tl_buffer_deinit(&ours);
}

static void try_checkpoint(struct tally_bytes text, struct tally_bytes lines)
{
    struct tl_buffer note;
    struct tl_checkpoint opened;
    struct tl_checkpoint checkpoint;
    tl_buffer_init(&note, TL_NOTE_MAX * 2);
    sign(text, lines, &ledger_key, &note);
    enum tally_status status = tl_checkpoint_open(tl_buffer_bytes(&note), &ledger_key, &opened);
    bool decodes = tl_checkpoint_decode(text, &checkpoint) == TALLY_OK &&
                   tl_bytes_equal(checkpoint.origin, tl_bytes_text(ORIGIN));
    FUZZ_REQUIRE(status != TALLY_OK || decodes);
    FUZZ_REQUIRE(status == TALLY_OK || !decodes || lines.len > 0);
    if (status == TALLY_OK) {
        FUZZ_REQUIRE(opened.size == checkpoint.size &&
                     tl_hash_equal(&opened.root, &checkpoint.root));
    }
    check_verification(tl_buffer_bytes(&note), &ledger_key);
    tl_buffer_deinit(&note);
}

static void try_rejection(struct tally_bytes text, struct tally_bytes lines)
{
    struct tl_buffer note;
    struct tl_rejection opened;
    struct tl_rejection rejection;
    tl_buffer_init(&note, TL_NOTE_MAX * 2);
    sign(text, lines, &rejection_key, &note);
    enum tally_status status = tl_rejection_open(tl_buffer_bytes(&note), &rejection_key, &opened);
    bool decodes = tl_rejection_decode(text, &rejection) == TALLY_OK;
    FUZZ_REQUIRE(status != TALLY_OK || decodes);
    FUZZ_REQUIRE(status == TALLY_OK || !decodes || lines.len > 0);
    if (status == TALLY_OK && lines.len == 0) {
        struct tl_buffer again;
        tl_buffer_init(&again, TL_REJECTION_MAX);
        tl_rejection_sign(&opened, &rejection_key, secret, &again);
        fuzz_require_same(&again, tl_buffer_bytes(&note));
    }
    check_verification(tl_buffer_bytes(&note), &rejection_key);
    tl_buffer_deinit(&note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_reader reader = tl_reader_over(tl_bytes(data, size));
    uint8_t kind = tl_read_u8(&reader);
    if (reader.status != TALLY_OK || size > TL_NOTE_MAX / 2) {
        return 0;
    }
    fuzz_start();
    make_keys();
    if (kind % 4 == 0) {
        try_vkey(reader.rest);
    } else if (kind % 4 == 1) {
        try_name(reader.rest);
    } else {
        struct tally_bytes lines = fuzz_take(&reader);
        if (reader.status != TALLY_OK || reader.rest.len == 0) {
            return 0;
        }
        if (kind % 4 == 2) {
            try_checkpoint(reader.rest, lines);
        } else {
            try_rejection(reader.rest, lines);
        }
    }
    return 0;
}
