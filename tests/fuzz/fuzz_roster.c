/* SPDX-License-Identifier: ISC */
/*
 * Target: the operations of charters and amendments. The input is a text of sections, each a line
 * "--" with the numbers of the keys that sign (the author's first; keys count as they appear) and
 * then operations, a line each: first a charter, then amendments of it. A roster holds together,
 * and one that was amended stays what it was.
 */
#include <string.h>

#include "keys/sshsig.h"
#include "lib/base/sha256.h"
#include "lib/roster/quorum.h"
#include "lib/roster/roster.h"
#include "lib/tree/tree.h"
#include "tests/fuzz/fuzz.h"

#define KEYS_MAX 64u
#define OPS_MAX 128u
#define SIGNERS_MAX 16u

struct section {
    size_t signer_count;
    unsigned signers[SIGNERS_MAX];
    size_t op_count;
    struct tally_bytes ops[OPS_MAX];
};

static size_t key_count;
static struct tl_public_key keys[KEYS_MAX];

/* "... TYPE BASE64" */
static void note_key(struct tally_bytes op)
{
    size_t at = op.len;
    for (unsigned spaces = 0; at > 0; at--) {
        spaces += op.ptr[at - 1] == ' ' ? 1 : 0;
        if (spaces == 2) {
            break;
        }
    }
    if (key_count < KEYS_MAX && tl_public_key_from_text(tl_bytes(op.ptr + at, op.len - at),
                                                        &keys[key_count]) == TALLY_OK) {
        key_count++;
    }
}

static bool next_section(struct tl_reader *reader, struct section *section)
{
    struct tally_bytes head = tl_read_line(reader);
    memset(section, 0, sizeof *section);
    if (reader->status != TALLY_OK || !tl_bytes_starts_with(head, "--")) {
        return false;
    }
    for (size_t i = 2; i < head.len && section->signer_count < SIGNERS_MAX; i++) {
        section->signers[section->signer_count++] = head.ptr[i] - (unsigned)'0';
    }
    while (section->op_count < OPS_MAX && !tl_bytes_starts_with(reader->rest, "--")) {
        struct tally_bytes op = tl_read_line(reader);
        if (reader->status != TALLY_OK) {
            break;
        }
        section->ops[section->op_count++] = op;
        note_key(op);
    }
    return true;
}

static void sign(const struct section *section, struct tl_signatures *signatures,
                 struct tl_buffer blobs[SIGNERS_MAX])
{
    memset(signatures, 0, sizeof *signatures);
    for (size_t i = 0; i < section->signer_count; i++) {
        struct tl_sshsig sig = {.flags = 0};
        tl_buffer_init(&blobs[i], TL_SSHSIG_BLOB_MAX);
        if (section->signers[i] < key_count) {
            sig.key = keys[section->signers[i]];
            tl_sshsig_encode(&sig, TL_SSHSIG_NAMESPACE, &blobs[i]);
            signatures->blobs[signatures->count++] = tl_buffer_bytes(&blobs[i]);
        }
    }
}

static void check_roster(const struct tl_roster *roster, uint64_t index)
{
    FUZZ_REQUIRE(roster->position == index && roster->member_count > 0);
    FUZZ_REQUIRE(strcmp(roster->members[TL_MEMBER_HOST].id, "host") == 0);
    FUZZ_REQUIRE(tl_thresholds_hold(roster));
    FUZZ_REQUIRE(tl_is_origin(tl_bytes_text(roster->ledger_key.name)));
    FUZZ_REQUIRE(roster->ledger_point_count > 0);
    for (size_t i = 0; i < roster->member_count; i++) {
        struct tally_bytes id = tl_bytes_text(roster->members[i].id);
        FUZZ_REQUIRE(tl_roster_find_member(roster, id) == &roster->members[i]);
    }
    for (size_t i = 0; i < roster->key_count; i++) {
        const struct tl_roster_key *key = &roster->keys[i];
        FUZZ_REQUIRE(key->member < roster->member_count && key->roles != 0);
        FUZZ_REQUIRE(tl_roster_find_key(roster, &key->key.fingerprint) == key);
        FUZZ_REQUIRE(key->ended == TL_NEVER || key->ended <= index);
        FUZZ_REQUIRE((key->member == TL_MEMBER_HOST) == (key->roles == TL_ROLE_HOST));
        FUZZ_REQUIRE(!tl_roster_key_in_doubt(key, 0));
    }
}

static struct tally_hash digest(const struct tl_roster *roster)
{
    struct tl_sha256 sha;
    tl_sha256_init(&sha);
    tl_sha256_update(&sha, tl_bytes(roster, sizeof *roster));
    tl_sha256_update(&sha,
                     tl_bytes(roster->members, roster->member_count * sizeof *roster->members));
    tl_sha256_update(&sha, tl_bytes(roster->keys, roster->key_count * sizeof *roster->keys));
    return tl_sha256_final(&sha);
}

static bool is_charter(const struct tl_roster *roster)
{
    return roster == NULL;
}

static struct tally_bytes member_of(const struct section *section, const struct tl_roster *roster,
                                    const struct tl_public_key *key)
{
    const struct tl_roster_key *known =
        is_charter(roster) ? NULL : tl_roster_find_key(roster, &key->fingerprint);
    if (known != NULL) {
        return tl_bytes_text(roster->members[known->member].id);
    }
    for (size_t i = 0; i < section->op_count; i++) {
        struct tally_bytes op = section->ops[i];
        const uint8_t *end = NULL;
        if (tl_bytes_starts_with(op, "key ")) {
            end = (const uint8_t *)memchr(op.ptr + 4, ' ', op.len - 4);
        }
        if (end != NULL) {
            return tl_bytes(op.ptr + 4, (size_t)(end - op.ptr) - 4);
        }
    }
    return tl_bytes_text("nobody");
}

static bool encode(const struct section *section, const struct tl_roster *roster,
                   struct tl_buffer *text)
{
    if (section->signer_count == 0 || section->signers[0] >= key_count) {
        return false;
    }
    const struct tl_public_key *author = &keys[section->signers[0]];
    struct tl_ref_line amends = {.relation = tl_bytes_text("amends")};
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text(is_charter(roster) ? "charter" : "amendment"),
        .member = member_of(section, roster, author),
        .key = author->fingerprint,
        .parts_root = tl_tree_empty(),
        .ops = section->ops,
        .op_count = section->op_count,
    };
    if (!is_charter(roster)) {
        amends.index = roster->position;
        fields.ledger = &roster->ledger;
        fields.has_seen = true;
        fields.seen_index = roster->position;
        fields.refs = &amends;
        fields.ref_count = 1;
    }
    return tl_envelope_encode(&fields, text, NULL) == TALLY_OK;
}

/* The roster after the section; NULL: it was refused. */
static struct tl_roster *apply(const struct section *section, const struct tl_roster *roster,
                               uint64_t index)
{
    struct tl_buffer text;
    struct tl_buffer blobs[SIGNERS_MAX];
    struct tl_signatures signatures;
    struct tl_envelope envelope;
    struct tl_roster *next = NULL;
    enum tally_reason reason = TALLY_REASON_NONE;
    enum tally_status status = TALLY_OK;
    tl_buffer_init(&text, TALLY_ENVELOPE_MAX);
    if (!encode(section, roster, &text)) {
        tl_buffer_deinit(&text);
        return NULL;
    }
    FUZZ_REQUIRE(tl_envelope_decode(tl_buffer_bytes(&text), &envelope, NULL) == TALLY_OK);
    sign(section, &signatures, blobs);
    if (is_charter(roster)) {
        status = tl_roster_from_charter(&envelope, &signatures, &next, &reason);
    } else {
        struct tally_hash before = digest(roster);
        status = tl_roster_amend(roster, index, &envelope, &signatures, &next, &reason);
        struct tally_hash after = digest(roster);
        FUZZ_REQUIRE(tl_hash_equal(&before, &after));
    }
    FUZZ_REQUIRE(status == TALLY_OK && (reason == TALLY_REASON_NONE) == (next != NULL));
    for (size_t i = 0; i < section->signer_count; i++) {
        tl_buffer_deinit(&blobs[i]);
    }
    tl_buffer_deinit(&text);
    return next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct section section;
    struct tl_reader reader = tl_reader_over(tl_bytes(data, size));
    struct tl_roster *roster = NULL;
    uint64_t index = 0;
    fuzz_start();
    key_count = 0;
    while (next_section(&reader, &section)) {
        struct tl_roster *next = apply(&section, roster, index);
        if (next == NULL && is_charter(roster)) {
            break;
        }
        if (next != NULL) {
            check_roster(next, index);
            next->position_leaf.bytes[0] = (uint8_t)index;
            tl_roster_free(roster);
            roster = next;
        }
        index += 3;
    }
    tl_roster_free(roster);
    return 0;
}
