/* SPDX-License-Identifier: ISC */
#include "tests/support/ledger_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/sshsig.h"
#include "lib/archive/bundle_file.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/sha256.h"
#include "lib/base/text.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/envelope.h"
#include "lib/codec/note.h"
#include "lib/codec/part.h"
#include "lib/codec/receipt.h"
#include "lib/codec/record.h"
#include "lib/codec/submission.h"
#include "lib/tree/tile.h"
#include "lib/tree/tree.h"

#define FIRST_SECOND UINT64_C(1700000000)
#define PARTS_MAX 64u

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "fixture, line %d: %s\n", __LINE__, #condition);                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static struct tally_hash hash_text(const char *a, const char *b, uint64_t n)
{
    char text[256];
    int len = snprintf(text, sizeof text, "%s|%s|%llu", a, b, (unsigned long long)n);
    CHECK(len > 0 && (size_t)len < sizeof text);
    return tl_sha256(tl_bytes_text(text));
}

static struct tl_secret_key *make_secret(const char *name, const char *role, uint64_t n)
{
    struct tl_secret_key *secret = NULL;
    struct tally_hash seed = hash_text(name, role, n);
    CHECK(tl_secret_key_from_seed(seed.bytes, &secret) == TALLY_OK);
    return secret;
}

static void make_key(struct fixture_key *key, const char *name, const char *member, uint64_t n)
{
    memset(key, 0, sizeof *key);
    key->secret = make_secret(name, member, n);
    tl_public_key_from_point(tl_secret_key_public(key->secret), &key->key);
    (void)snprintf(key->member, sizeof key->member, "%s", member);
}

static const struct fixture_key *key_of(const struct ledger_fixture *fixture, size_t author)
{
    CHECK(author == FIXTURE_HOST || author < fixture->key_count);
    return author == FIXTURE_HOST ? &fixture->host : &fixture->keys[author];
}

void fixture_key_text(const struct ledger_fixture *fixture, size_t key, char *dst)
{
    tl_public_key_to_text(&key_of(fixture, key)->key, dst);
}

void fixture_fingerprint(const struct ledger_fixture *fixture, size_t key, char *dst)
{
    char text[TALLY_FINGERPRINT_LEN + 1];
    tl_fingerprint_format(&key_of(fixture, key)->key.fingerprint, text);
    (void)snprintf(dst, 64, "SHA256:%s", text);
}

/* ---- Signing ---- */

static int compare_keys(const void *a, const void *b)
{
    const struct fixture_key *const *left = a;
    const struct fixture_key *const *right = b;
    return tl_bytes_compare(tl_public_key_blob(&(*left)->key), tl_public_key_blob(&(*right)->key));
}

static void add_signature(const struct fixture_key *key, struct tally_bytes envelope,
                          struct tl_buffer *blob)
{
    struct tl_buffer message;
    struct tl_sshsig sig = {.key = key->key};
    tl_buffer_init(&message, 65536);
    tl_sshsig_signed_bytes(envelope, TL_SSHSIG_NAMESPACE, &message);
    tl_secret_key_sign(key->secret, tl_buffer_bytes(&message), sig.signature);
    tl_sshsig_encode(&sig, TL_SSHSIG_NAMESPACE, blob);
    CHECK(blob->status == TALLY_OK && message.status == TALLY_OK);
    tl_buffer_deinit(&message);
}

/* The author's first, the others by key. */
static size_t choose_signers(const struct ledger_fixture *fixture, size_t author, uint64_t others,
                             bool with_host, const struct fixture_key **signers)
{
    size_t count = 0;
    signers[count++] = key_of(fixture, author);
    for (size_t i = 0; i < fixture->key_count; i++) {
        if (((others >> i) & 1u) != 0 && i != author) {
            signers[count++] = &fixture->keys[i];
        }
    }
    if (with_host) {
        signers[count++] = &fixture->host;
    }
    qsort(signers + 1, count - 1, sizeof *signers, compare_keys);
    return count;
}

/* ---- Appending ---- */

static struct fixture_record *add_record(struct ledger_fixture *fixture)
{
    if (fixture->record_count == fixture->record_cap) {
        fixture->record_cap = fixture->record_cap == 0 ? 64 : fixture->record_cap * 2;
        fixture->records =
            realloc(fixture->records, fixture->record_cap * sizeof *fixture->records);
        CHECK(fixture->records != NULL);
    }
    struct fixture_record *record = &fixture->records[fixture->record_count];
    fixture->record_count++;
    memset(record, 0, sizeof *record);
    tl_buffer_init(&record->bytes, TALLY_RECORD_MAX);
    tl_buffer_init(&record->commitments, TALLY_PART_COUNT_MAX * TALLY_HASH_LEN);
    tl_buffer_init(&record->parts, TL_RESOURCE_MAX);
    return record;
}

static void seal(const struct ledger_fixture *fixture, struct fixture_record *record)
{
    record->leaf = tl_tree_leaf(tl_buffer_bytes(&record->bytes));
    tl_seal_sign(fixture->ledger_secret, &record->leaf, record->seal);
}

/* Makes the envelope, signs it and appends it as the next record. */
static uint64_t append_signed(struct ledger_fixture *fixture, struct fixture_record *made,
                              const struct tl_envelope_fields *fields,
                              const struct fixture_key *const *signers, size_t signer_count)
{
    struct tl_buffer envelope;
    struct tl_buffer blobs[TALLY_SIGNATURE_COUNT_MAX];
    uint64_t index = fixture->record_count - 1;
    struct tl_record record = {.index = index, .roster = fixture->roster};
    tl_buffer_init(&envelope, TALLY_ENVELOPE_MAX);
    CHECK(tl_envelope_encode(fields, &envelope, NULL) == TALLY_OK);
    record.envelope = tl_buffer_bytes(&envelope);
    for (size_t i = 0; i < signer_count; i++) {
        tl_buffer_init(&blobs[i], TL_SSHSIG_BLOB_MAX);
        add_signature(signers[i], record.envelope, &blobs[i]);
        record.signatures.blobs[i] = tl_buffer_bytes(&blobs[i]);
    }
    record.signatures.count = (unsigned)signer_count;
    fixture->received_us += 1000;
    record.received_us = fixture->received_us;
    if (index > 0) {
        record.link = fixture->records[index - 1].leaf;
    }
    CHECK(tl_record_encode(&record, &made->bytes) == TALLY_OK);
    made->envelope = tl_sha256(record.envelope);
    seal(fixture, made);
    for (size_t i = 0; i < signer_count; i++) {
        tl_buffer_deinit(&blobs[i]);
    }
    tl_buffer_deinit(&envelope);
    return index;
}

static void add_object(struct ledger_fixture *fixture, const char *bytes,
                       struct tally_hash *ret_hash)
{
    *ret_hash = tl_sha256(tl_bytes_text(bytes));
    fixture->objects = realloc(fixture->objects,
                               (fixture->object_count + 1) * sizeof *fixture->objects);
    CHECK(fixture->objects != NULL);
    struct fixture_object *object = &fixture->objects[fixture->object_count];
    fixture->object_count++;
    object->hash = *ret_hash;
    tl_buffer_init(&object->bytes, TL_RESOURCE_MAX);
    tl_buffer_add_text(&object->bytes, bytes);
}

struct built_parts {
    char letters[PARTS_MAX];
    struct tally_hash commitments[PARTS_MAX];
    struct tl_sealed_line sealed[PARTS_MAX];
    size_t sealed_count;
};

static void build_parts(struct ledger_fixture *fixture, const struct fixture_entry *entry,
                        struct fixture_record *made, struct built_parts *built)
{
    const struct fixture_key *author = key_of(fixture, entry->author);
    CHECK(entry->part_count <= PARTS_MAX);
    built->sealed_count = 0;
    for (size_t i = 0; i < entry->part_count; i++) {
        const struct fixture_part *wanted = &entry->parts[i];
        built->letters[i] = wanted->letter;
        struct tally_hash salt = hash_text("salt", fixture->origin, fixture->record_count * 64 + i);
        struct tl_part part = {
            .author = author->key.fingerprint,
            .ledger = fixture->ledger,
            .name = tl_bytes_text(wanted->name == NULL ? "/decoy" : wanted->name),
            .value = tl_bytes_text(wanted->value == NULL ? "" : wanted->value),
        };
        struct tl_buffer bytes;
        tl_buffer_init(&bytes, TL_PART_MAX);
        memcpy(part.salt, salt.bytes, sizeof part.salt);
        tl_part_encode(&part, &bytes);
        CHECK(bytes.status == TALLY_OK);
        built->commitments[i] = tl_part_commitment(tl_buffer_bytes(&bytes));
        tl_buffer_add(&made->commitments, tl_hash_bytes(&built->commitments[i]));
        if (wanted->letter == 'c') {
            tl_deposit_add(&made->parts, (unsigned)i, tl_buffer_bytes(&bytes));
        } else if (wanted->letter == 's') {
            struct tl_sealed_line *line = &built->sealed[built->sealed_count++];
            line->position = (unsigned)i;
            line->size = strlen(wanted->value);
            add_object(fixture, wanted->value, &line->hash);
        }
        tl_buffer_deinit(&bytes);
    }
}

static int compare_files(const void *a, const void *b)
{
    const struct tl_file_line *left = a;
    const struct tl_file_line *right = b;
    if (left->sealed != right->sealed) {
        return left->sealed ? 1 : -1;
    }
    char left_text[TL_HASH_BASE64_LEN + 1];
    char right_text[TL_HASH_BASE64_LEN + 1];
    tl_hash_format(&left->hash, left_text);
    tl_hash_format(&right->hash, right_text);
    return strcmp(left_text, right_text);
}

uint64_t fixture_append(struct ledger_fixture *fixture, const struct fixture_entry *entry)
{
    struct tl_ref_line refs[16];
    struct tl_file_line files[16];
    struct built_parts built;
    const struct fixture_key *signers[TALLY_SIGNATURE_COUNT_MAX];
    CHECK(entry->ref_count <= 16 && entry->file_count <= 16);
    uint64_t seen = entry->has_seen ? entry->seen : fixture->record_count - 1;
    for (size_t i = 0; i < entry->ref_count; i++) {
        refs[i].relation = tl_bytes_text(entry->refs[i].relation);
        refs[i].index = entry->refs[i].index;
        refs[i].leaf = fixture->records[refs[i].index].leaf;
    }
    for (size_t i = 0; i < entry->file_count; i++) {
        files[i].sealed = entry->files[i].sealed;
        files[i].size = entry->files[i].claimed_size != 0 ? entry->files[i].claimed_size
                                                          : strlen(entry->files[i].bytes);
        add_object(fixture, entry->files[i].bytes, &files[i].hash);
    }
    qsort(files, entry->file_count, sizeof files[0], compare_files);
    struct fixture_record *made = add_record(fixture);
    build_parts(fixture, entry, made, &built);
    struct fixture_key *author =
        entry->author == FIXTURE_HOST ? &fixture->host : &fixture->keys[entry->author];
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text(entry->type),
        .ledger = &fixture->ledger,
        .member = tl_bytes_text(author->member),
        .key = author->key.fingerprint,
        .sequence = author->sequence + 1,
        .previous = author->sequence == 0 ? NULL : &author->previous,
        .has_seen = true,
        .seen_index = seen,
        .seen_leaf = fixture->records[seen].leaf,
        .signed_s = FIRST_SECOND + fixture->record_count,
        .part_count = (unsigned)entry->part_count,
        .parts_root = tl_tree_root_of(built.commitments, entry->part_count),
        .letters = tl_bytes(built.letters, entry->part_count),
        .sealed = built.sealed,
        .sealed_count = built.sealed_count,
        .files = files,
        .file_count = entry->file_count,
        .refs = refs,
        .ref_count = entry->ref_count,
    };
    size_t count =
        choose_signers(fixture, entry->author, entry->countersigners, false, signers);
    uint64_t index = append_signed(fixture, made, &fields, signers, count);
    author->sequence++;
    author->previous = made->envelope;
    return index;
}

uint64_t fixture_finding(struct ledger_fixture *fixture, size_t author)
{
    static const struct fixture_part parts[8] = {
        {NULL, "1", 'w'}, {NULL, "2", 'w'}, {"/name", "\"value\"", 'c'}, {NULL, "3", 'w'},
        {NULL, "4", 'w'}, {NULL, "5", 'w'}, {NULL, "6", 'w'},            {NULL, "7", 'w'},
    };
    struct fixture_entry entry = {
        .type = "finding", .author = author, .parts = parts, .part_count = 8};
    return fixture_append(fixture, &entry);
}

void fixture_grow(struct ledger_fixture *fixture, size_t record_count)
{
    while (fixture->record_count < record_count) {
        (void)fixture_finding(fixture, fixture->record_count % fixture->member_count);
    }
}

/* ---- Constitution ---- */

struct op_list {
    size_t count;
    struct tally_bytes ops[FIXTURE_MEMBERS_MAX * 2 + 16];
    char text[FIXTURE_MEMBERS_MAX * 2 + 16][512];
};

static void add_op(struct op_list *list, const char *operation)
{
    int len = snprintf(list->text[list->count], sizeof list->text[0], "%s", operation);
    CHECK(len > 0 && (size_t)len < sizeof list->text[0]);
    list->ops[list->count] = tl_bytes_text(list->text[list->count]);
    list->count++;
}

static void charter_ops(const struct ledger_fixture *fixture, struct op_list *list)
{
    char line[512];
    char key[TL_KEY_LINE_MAX];
    char vkey[TL_VKEY_MAX];
    unsigned n = fixture->member_count;
    (void)snprintf(line, sizeof line, "origin %s", fixture->origin);
    add_op(list, line);
    tl_note_key_format(&fixture->ledger_key, vkey);
    (void)snprintf(line, sizeof line, "ledger-key %s", vkey);
    add_op(list, line);
    fixture_key_text(fixture, FIXTURE_HOST, key);
    (void)snprintf(line, sizeof line, "host-key %s", key);
    add_op(list, line);
    add_op(list, "rules 1");
    add_op(list, "sample yes");
    (void)snprintf(line, sizeof line, "threshold amend %u", n / 2 + 1);
    add_op(list, line);
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(line, sizeof line, "member m%u Member %u", i, i);
        add_op(list, line);
    }
    for (unsigned i = 0; i < n; i++) {
        fixture_key_text(fixture, i, key);
        (void)snprintf(line, sizeof line, "key m%u author,govern %s", i, key);
        add_op(list, line);
    }
}

static void append_charter(struct ledger_fixture *fixture)
{
    const struct fixture_key *signers[TALLY_SIGNATURE_COUNT_MAX];
    struct op_list *list = calloc(1, sizeof *list);
    CHECK(list != NULL);
    charter_ops(fixture, list);
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text("charter"),
        .member = tl_bytes_text(fixture->keys[0].member),
        .key = fixture->keys[0].key.fingerprint,
        .signed_s = FIRST_SECOND,
        .parts_root = tl_tree_empty(),
        .ops = list->ops,
        .op_count = list->count,
    };
    size_t count = choose_signers(fixture, 0, UINT64_MAX, true, signers);
    struct fixture_record *made = add_record(fixture);
    (void)append_signed(fixture, made, &fields, signers, count);
    fixture->ledger = made->envelope;
    free(list);
}

uint64_t fixture_amend(struct ledger_fixture *fixture, const char *const *ops, size_t op_count,
                       uint64_t signer_mask)
{
    const struct fixture_key *signers[TALLY_SIGNATURE_COUNT_MAX];
    struct tally_bytes list[16];
    CHECK(op_count <= 16);
    for (size_t i = 0; i < op_count; i++) {
        list[i] = tl_bytes_text(ops[i]);
    }
    uint64_t newest = fixture->record_count - 1;
    struct tl_ref_line amends = {
        .relation = tl_bytes_text("amends"),
        .index = fixture->roster,
        .leaf = fixture->records[fixture->roster].leaf,
    };
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text("amendment"),
        .ledger = &fixture->ledger,
        .member = tl_bytes_text(fixture->keys[0].member),
        .key = fixture->keys[0].key.fingerprint,
        .has_seen = true,
        .seen_index = newest,
        .seen_leaf = fixture->records[newest].leaf,
        .signed_s = FIRST_SECOND + newest,
        .parts_root = tl_tree_empty(),
        .refs = &amends,
        .ref_count = 1,
        .ops = list,
        .op_count = op_count,
    };
    size_t count = choose_signers(fixture, 0, signer_mask, false, signers);
    struct fixture_record *made = add_record(fixture);
    fixture->roster = append_signed(fixture, made, &fields, signers, count);
    return fixture->roster;
}

size_t fixture_add_key(struct ledger_fixture *fixture, unsigned member)
{
    CHECK(fixture->key_count < FIXTURE_KEYS_MAX);
    size_t number = fixture->key_count;
    fixture->key_count++;
    make_key(&fixture->keys[number], fixture->origin, fixture->keys[member].member, number + 1000);
    return number;
}

static void make_ledger_key(const struct ledger_fixture *fixture, const char *seed,
                            struct tl_secret_key **ret_secret, struct tl_note_key *ret_key)
{
    *ret_secret = make_secret(seed, "ledger", 0);
    CHECK(tl_note_key_make(tl_bytes_text(fixture->origin), TL_NOTE_ED25519,
                           tl_secret_key_public(*ret_secret), ret_key) == TALLY_OK);
}

void fixture_ledger_vkey(const struct ledger_fixture *fixture, const char *seed,
                         char dst[TL_VKEY_MAX])
{
    struct tl_secret_key *secret = NULL;
    struct tl_note_key key;
    make_ledger_key(fixture, seed, &secret, &key);
    tl_note_key_format(&key, dst);
    tl_secret_key_free(&secret);
}

void fixture_set_ledger_key(struct ledger_fixture *fixture, const char *seed)
{
    tl_secret_key_free(&fixture->ledger_secret);
    make_ledger_key(fixture, seed, &fixture->ledger_secret, &fixture->ledger_key);
}

struct ledger_fixture *fixture_new(const char *name, unsigned member_count)
{
    CHECK(tl_ed25519_init() == TALLY_OK);
    CHECK(member_count >= 1 && member_count <= FIXTURE_MEMBERS_MAX);
    struct ledger_fixture *fixture = calloc(1, sizeof *fixture);
    CHECK(fixture != NULL);
    (void)snprintf(fixture->origin, sizeof fixture->origin, "%s", FIXTURE_ORIGIN);
    fixture->member_count = member_count;
    fixture->key_count = member_count;
    for (unsigned i = 0; i < member_count; i++) {
        char member[8];
        (void)snprintf(member, sizeof member, "m%u", i % 100);
        make_key(&fixture->keys[i], name, member, i);
    }
    make_key(&fixture->host, name, "host", 0);
    make_ledger_key(fixture, name, &fixture->ledger_secret, &fixture->ledger_key);
    fixture->received_us = FIRST_SECOND * 1000000u;
    append_charter(fixture);
    return fixture;
}

static void deinit_record(struct fixture_record *record)
{
    tl_buffer_deinit(&record->bytes);
    tl_buffer_deinit(&record->commitments);
    tl_buffer_deinit(&record->parts);
}

void fixture_free(struct ledger_fixture *fixture)
{
    if (fixture == NULL) {
        return;
    }
    fixture_truncate(fixture, 0);
    free(fixture->records);
    for (size_t i = 0; i < fixture->object_count; i++) {
        tl_buffer_deinit(&fixture->objects[i].bytes);
    }
    free(fixture->objects);
    for (size_t i = 0; i < fixture->key_count; i++) {
        tl_secret_key_free(&fixture->keys[i].secret);
    }
    tl_secret_key_free(&fixture->host.secret);
    tl_secret_key_free(&fixture->ledger_secret);
    free(fixture);
}

/* ---- What a host can do to it ---- */

static void rewrite(struct ledger_fixture *fixture, uint64_t index, uint64_t received_us)
{
    struct fixture_record *made = &fixture->records[index];
    struct tl_record record;
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, TALLY_RECORD_MAX);
    CHECK(tl_record_decode(tl_buffer_bytes(&made->bytes), &record) == TALLY_OK);
    record.index = index;
    record.received_us = received_us == 0 ? record.received_us : received_us;
    if (index > 0) {
        record.link = fixture->records[index - 1].leaf;
    }
    CHECK(tl_record_encode(&record, &bytes) == TALLY_OK);
    tl_buffer_deinit(&made->bytes);
    made->bytes = bytes;
    seal(fixture, made);
}

void fixture_relink(struct ledger_fixture *fixture, uint64_t from)
{
    for (uint64_t i = from; i < fixture->record_count; i++) {
        rewrite(fixture, i, 0);
    }
}

void fixture_set_bytes(struct ledger_fixture *fixture, uint64_t index, struct tally_bytes bytes)
{
    struct tl_buffer copy;
    tl_buffer_init(&copy, SIZE_MAX / 2);
    tl_buffer_add(&copy, bytes);
    CHECK(copy.status == TALLY_OK);
    tl_buffer_deinit(&fixture->records[index].bytes);
    fixture->records[index].bytes = copy;
    seal(fixture, &fixture->records[index]);
}

void fixture_set_received(struct ledger_fixture *fixture, uint64_t index, uint64_t received_us)
{
    rewrite(fixture, index, received_us);
}

void fixture_remove_record(struct ledger_fixture *fixture, uint64_t index)
{
    deinit_record(&fixture->records[index]);
    fixture->record_count--;
    memmove(&fixture->records[index], &fixture->records[index + 1],
            (size_t)(fixture->record_count - index) * sizeof *fixture->records);
}

void fixture_truncate(struct ledger_fixture *fixture, uint64_t size)
{
    while (fixture->record_count > size) {
        fixture->record_count--;
        deinit_record(&fixture->records[fixture->record_count]);
    }
}

/* ---- Tree, checkpoint, receipt: by the definition, not by the code under test ---- */

static struct tally_hash *leaves_of(const struct ledger_fixture *fixture, uint64_t first,
                                    uint64_t count)
{
    struct tally_hash *leaves = malloc((size_t)(count == 0 ? 1 : count) * sizeof *leaves);
    CHECK(leaves != NULL && first + count <= fixture->record_count);
    for (uint64_t i = 0; i < count; i++) {
        leaves[i] = fixture->records[first + i].leaf;
    }
    return leaves;
}

static struct tally_hash range_root(const struct ledger_fixture *fixture, uint64_t first,
                                    uint64_t count)
{
    struct tally_hash *leaves = leaves_of(fixture, first, count);
    struct tally_hash root = tl_tree_root_of(leaves, (size_t)count);
    free(leaves);
    return root;
}

struct tally_hash fixture_root(const struct ledger_fixture *fixture, uint64_t size)
{
    return range_root(fixture, 0, size);
}

void fixture_checkpoint(const struct ledger_fixture *fixture, uint64_t size,
                        struct tl_buffer *buffer)
{
    struct tl_buffer text;
    struct tl_checkpoint checkpoint = {
        .origin = tl_bytes_text(fixture->origin),
        .size = size,
        .root = fixture_root(fixture, size),
    };
    tl_buffer_init(&text, TL_NOTE_MAX);
    tl_checkpoint_encode(&checkpoint, &text);
    tl_note_sign(tl_buffer_bytes(&text), &fixture->ledger_key, fixture->ledger_secret, buffer);
    CHECK(text.status == TALLY_OK && buffer->status == TALLY_OK);
    tl_buffer_deinit(&text);
}

void fixture_receipt(const struct ledger_fixture *fixture, uint64_t index, uint64_t size,
                     struct tl_buffer *buffer)
{
    struct tl_tree_proof proof;
    struct tl_buffer checkpoint;
    struct tally_hash *leaves = leaves_of(fixture, 0, size);
    const struct fixture_record *record = &fixture->records[index];
    tl_buffer_init(&checkpoint, TL_NOTE_MAX);
    CHECK(tl_tree_prove_inclusion_of(leaves, (size_t)size, (size_t)index, &proof) == TALLY_OK);
    fixture_checkpoint(fixture, size, &checkpoint);
    tl_receipt_encode(tl_buffer_bytes(&record->bytes), record->seal, index, &proof,
                      tl_buffer_bytes(&checkpoint), buffer);
    CHECK(buffer->status == TALLY_OK);
    tl_buffer_deinit(&checkpoint);
    free(leaves);
}

/* ---- Archive ---- */

/* The host has made a checkpoint of every size but each third. */
static void put_lines(const struct ledger_fixture *fixture, uint64_t size, struct tl_buffer *bytes)
{
    struct tl_buffer note;
    struct tl_note decoded = {.signatures = tl_bytes(NULL, 0)};
    tl_buffer_init(&note, TL_NOTE_MAX);
    if (size % 3 != 0) {
        fixture_checkpoint(fixture, size, &note);
        CHECK(tl_note_decode(tl_buffer_bytes(&note), &decoded) == TALLY_OK);
    }
    tl_entries_add(bytes, decoded.signatures);
    tl_buffer_deinit(&note);
}

static void put_bundle(const struct ledger_fixture *fixture, struct memory_source *memory,
                       enum tl_tile_kind kind, uint64_t first, unsigned width)
{
    char path[TL_TILE_PATH_MAX];
    struct tl_buffer bytes;
    struct tl_tile tile = {.kind = kind, .n = first / TL_TILE_WIDTH, .width = width};
    tl_buffer_init(&bytes, TL_RESOURCE_MAX);
    for (uint64_t i = first; i < first + width; i++) {
        const struct fixture_record *record = &fixture->records[i];
        switch (kind) {
        case TL_TILE_HASHES:
            tl_buffer_add(&bytes, tl_hash_bytes(&record->leaf));
            break;
        case TL_TILE_ENTRIES:
            tl_entries_add(&bytes, tl_buffer_bytes(&record->bytes));
            break;
        case TL_TILE_SEALS:
            tl_buffer_add(&bytes, tl_bytes(record->seal, sizeof record->seal));
            break;
        case TL_TILE_COMMITMENTS:
            tl_commitments_add(&bytes, tl_buffer_bytes(&record->commitments));
            break;
        case TL_TILE_CHECKPOINTS:
            put_lines(fixture, i + 1, &bytes);
            break;
        }
    }
    CHECK(bytes.status == TALLY_OK);
    tl_tile_path(&tile, path);
    memory_source_put(memory, path, tl_buffer_bytes(&bytes));
    tl_buffer_deinit(&bytes);
}

static void put_higher_tiles(const struct ledger_fixture *fixture, struct memory_source *memory,
                             uint64_t size)
{
    for (unsigned level = 1; level < 4; level++) {
        uint64_t covers = UINT64_C(1) << (8 * level);
        for (uint64_t n = 0; n < tl_tile_count(size, level); n++) {
            char path[TL_TILE_PATH_MAX];
            struct tl_buffer bytes;
            struct tl_tile tile = {
                .kind = TL_TILE_HASHES,
                .level = level,
                .n = n,
                .width = tl_tile_width(size, level, n),
            };
            tl_buffer_init(&bytes, TL_RESOURCE_MAX);
            for (unsigned i = 0; i < tile.width; i++) {
                struct tally_hash root =
                    range_root(fixture, (n * TL_TILE_WIDTH + i) * covers, covers);
                tl_buffer_add(&bytes, tl_hash_bytes(&root));
            }
            tl_tile_path(&tile, path);
            memory_source_put(memory, path, tl_buffer_bytes(&bytes));
            tl_buffer_deinit(&bytes);
        }
    }
}

struct memory_source *fixture_archive(const struct ledger_fixture *fixture, uint64_t size)
{
    static const enum tl_tile_kind kinds[] = {TL_TILE_HASHES, TL_TILE_ENTRIES, TL_TILE_SEALS,
                                              TL_TILE_COMMITMENTS};
    struct memory_source *memory = memory_source_new();
    struct tl_buffer checkpoint;
    char path[TL_RESOURCE_PATH_MAX];
    tl_buffer_init(&checkpoint, TL_NOTE_MAX);
    fixture_checkpoint(fixture, size, &checkpoint);
    memory_source_put(memory, TL_PATH_CHECKPOINT, tl_buffer_bytes(&checkpoint));
    tl_buffer_deinit(&checkpoint);
    for (uint64_t first = 0; first < size; first += TL_TILE_WIDTH) {
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            put_bundle(fixture, memory, kinds[i], first,
                       tl_tile_width(size, 0, first / TL_TILE_WIDTH));
        }
    }
    put_higher_tiles(fixture, memory, size);
    for (uint64_t i = 0; i < size; i++) {
        if (fixture->records[i].parts.len > 0) {
            tl_path_parts(i, path);
            memory_source_put(memory, path, tl_buffer_bytes(&fixture->records[i].parts));
        }
    }
    for (size_t i = 0; i < fixture->object_count; i++) {
        tl_path_object(&fixture->objects[i].hash, path);
        memory_source_put(memory, path, tl_buffer_bytes(&fixture->objects[i].bytes));
    }
    return memory;
}

struct memory_resource *memory_source_find(struct memory_source *memory, const char *path)
{
    for (size_t i = 0; i < memory->count; i++) {
        if (strcmp(memory->resources[i].path, path) == 0) {
            return &memory->resources[i];
        }
    }
    return NULL;
}

static enum tally_status memory_read(struct tl_source *source, const char *path,
                                     struct tl_buffer *buffer)
{
    struct memory_source *memory = (struct memory_source *)source;
    const struct memory_resource *resource = memory_source_find(memory, path);
    memory->reads++;
    if (resource == NULL) {
        return TALLY_ENOTFOUND;
    }
    tl_buffer_add(buffer, tl_buffer_bytes(&resource->bytes));
    return buffer->status;
}

/* In pieces of seven bytes: nobody may count on a chunk's size. */
static enum tally_status memory_stream(struct tl_source *source, const char *path,
                                       tl_chunk_fn chunk, void *context)
{
    struct memory_source *memory = (struct memory_source *)source;
    const struct memory_resource *resource = memory_source_find(memory, path);
    if (resource == NULL) {
        return TALLY_ENOTFOUND;
    }
    for (size_t done = 0; done < resource->bytes.len; done += 7) {
        size_t left = resource->bytes.len - done;
        size_t len = left < 7 ? left : 7;
        memory->streamed += len;
        enum tally_status status =
            chunk(context, tl_bytes(resource->bytes.ptr + done, len));
        if (status != TALLY_OK) {
            return status;
        }
    }
    return TALLY_OK;
}

static void memory_close(struct tl_source *source)
{
    memory_source_free((struct memory_source *)source);
}

struct memory_source *memory_source_new(void)
{
    static const struct tl_source_ops ops = {
        .read = memory_read, .stream = memory_stream, .close = memory_close};
    struct memory_source *memory = calloc(1, sizeof *memory);
    CHECK(memory != NULL);
    memory->source.ops = &ops;
    return memory;
}

void memory_source_put(struct memory_source *memory, const char *path, struct tally_bytes bytes)
{
    struct memory_resource *resource = memory_source_find(memory, path);
    if (resource == NULL) {
        if (memory->count == memory->cap) {
            memory->cap = memory->cap == 0 ? 64 : memory->cap * 2;
            memory->resources =
                realloc(memory->resources, memory->cap * sizeof *memory->resources);
            CHECK(memory->resources != NULL);
        }
        resource = &memory->resources[memory->count];
        memory->count++;
        (void)snprintf(resource->path, sizeof resource->path, "%s", path);
        tl_buffer_init(&resource->bytes, SIZE_MAX / 2);
    }
    tl_buffer_clear(&resource->bytes);
    tl_buffer_add(&resource->bytes, bytes);
    CHECK(resource->bytes.status == TALLY_OK);
}

bool memory_source_remove(struct memory_source *memory, const char *path)
{
    struct memory_resource *resource = memory_source_find(memory, path);
    if (resource == NULL) {
        return false;
    }
    tl_buffer_deinit(&resource->bytes);
    memory->count--;
    *resource = memory->resources[memory->count];
    return true;
}

void memory_source_free(struct memory_source *memory)
{
    for (size_t i = 0; memory != NULL && i < memory->count; i++) {
        tl_buffer_deinit(&memory->resources[i].bytes);
    }
    if (memory != NULL) {
        free(memory->resources);
    }
    free(memory);
}

void memory_source_write(const struct memory_source *memory, const char *directory)
{
    for (size_t i = 0; i < memory->count; i++) {
        char path[1024];
        int len = snprintf(path, sizeof path, "%s/%s", directory, memory->resources[i].path);
        CHECK(len > 0 && (size_t)len < sizeof path);
        char *slash = strrchr(path, '/');
        *slash = '\0';
        CHECK(tl_make_directories(path, 0755) == TALLY_OK);
        *slash = '/';
        CHECK(tl_file_write_unsynced(path, tl_buffer_bytes(&memory->resources[i].bytes), 0644) ==
              TALLY_OK);
    }
}

void fixture_make_directory(char dst[64])
{
    (void)snprintf(dst, 64, "/tmp/tally-test-XXXXXX");
    CHECK(mkdtemp(dst) != NULL);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void fixture_remove_directory(const char *path)
{
    CHECK(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0);
}

struct memory_source *fixture_backup(const struct ledger_fixture *fixture, uint64_t size)
{
    struct memory_source *memory = fixture_archive(fixture, size);
    for (uint64_t first = 0; first < size; first += TL_TILE_WIDTH) {
        put_bundle(fixture, memory, TL_TILE_CHECKPOINTS, first,
                   tl_tile_width(size, 0, first / TL_TILE_WIDTH));
    }
    return memory;
}
