/* SPDX-License-Identifier: ISC */
/*
 * A ledger made in memory with real keys, and its archive as a source whose every byte a test may
 * change. Keys, salts and times follow from fixed seeds: the same calls give the same bytes.
 *
 * Whatever goes wrong in here aborts: a fixture that fails is a broken test.
 */
#ifndef TL_TESTS_LEDGER_FIXTURE_H
#define TL_TESTS_LEDGER_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/types.h>

#include "keys/ed25519.h"
#include "keys/note_key.h"
#include "keys/public_key.h"
#include "lib/archive/source.h"
#include "lib/base/bytes.h"

#define FIXTURE_ORIGIN "ledger.example/fixture"
#define FIXTURE_MEMBERS_MAX 32u
#define FIXTURE_KEYS_MAX 64u
#define FIXTURE_HOST FIXTURE_MEMBERS_MAX /* as an author: the host key */

struct fixture_key {
    struct tl_secret_key *secret;
    struct tl_public_key key;
    char member[8]; /* "m0", "m1", ..., "host" */
    uint64_t sequence;
    struct tally_hash previous;
};

struct fixture_record {
    struct tl_buffer bytes;
    struct tl_buffer commitments;
    struct tl_buffer parts; /* the file of clear parts; empty: none */
    uint8_t seal[TALLY_SIGNATURE_LEN];
    struct tally_hash leaf;
    struct tally_hash envelope;
};

struct fixture_object {
    struct tally_hash hash;
    struct tl_buffer bytes;
};

struct ledger_fixture {
    char origin[64];
    struct tally_hash ledger; /* the ledger id */
    unsigned member_count;
    size_t key_count;
    struct fixture_key keys[FIXTURE_KEYS_MAX]; /* [0..member_count): of the founders */
    struct fixture_key host;
    struct tl_secret_key *ledger_secret; /* seals the next record */
    struct tl_note_key ledger_key;
    uint64_t roster; /* position in force */
    uint64_t received_us; /* of the newest record; the next is received 1000 later */
    size_t record_count;
    size_t record_cap;
    struct fixture_record *records;
    size_t object_count;
    struct fixture_object *objects;
};

struct fixture_part {
    const char *name; /* unused by a withheld decoy, which may be NULL */
    const char *value;
    char letter; /* c, s (value is the ciphertext), w */
};

struct fixture_file {
    bool sealed;
    const char *bytes;
    uint64_t claimed_size; /* in the envelope; 0: the true one */
};

struct fixture_ref {
    const char *relation;
    uint64_t index;
};

struct fixture_entry {
    const char *type;
    size_t author; /* number of a key, or FIXTURE_HOST */
    const struct fixture_part *parts; /* names of clear ones ascending */
    size_t part_count;
    const struct fixture_file *files;
    size_t file_count;
    const struct fixture_ref *refs; /* ascending */
    size_t ref_count;
    uint64_t countersigners; /* bit n: key n signs too */
    bool has_seen;           /* else the newest record is what the author has seen */
    uint64_t seen;
};

/* Charter and nothing else. name makes the keys: two names give two strangers' ledgers. */
struct ledger_fixture *fixture_new(const char *name, unsigned member_count);
void fixture_free(struct ledger_fixture *fixture);

/* Appends; returns the index. */
uint64_t fixture_append(struct ledger_fixture *fixture, const struct fixture_entry *entry);

/* A finding of that key with one clear part (/name) and seven decoys. */
uint64_t fixture_finding(struct ledger_fixture *fixture, size_t author);

/* Findings of the founders in turn, until there are that many records. */
void fixture_grow(struct ledger_fixture *fixture, size_t record_count);

/*
 * An amendment by key 0 with the operations (without "op "), signed by the keys of the mask.
 * An `op ledger-key` is followed by calling fixture_set_ledger_key before the next append.
 */
uint64_t fixture_amend(struct ledger_fixture *fixture, const char *const *ops, size_t op_count,
                       uint64_t signers);

/* A further key of member n, not enrolled yet; returns its number. */
size_t fixture_add_key(struct ledger_fixture *fixture, unsigned member);

/* "TYPE BASE64" of a key; dst TL_KEY_LINE_MAX. "SHA256:..." of a key; dst 64. */
void fixture_key_text(const struct ledger_fixture *fixture, size_t key, char *dst);
void fixture_fingerprint(const struct ledger_fixture *fixture, size_t key, char *dst);

/* The ledger key named by a seed text, and the vkey of it. */
void fixture_ledger_vkey(const struct ledger_fixture *fixture, const char *seed,
                         char dst[TL_VKEY_MAX]);
void fixture_set_ledger_key(struct ledger_fixture *fixture, const char *seed);

/*
 * What a host with all of its own keys can do: makes the records from index on consistent again
 * (indexes, links, leaf hashes, seals by the current ledger key). Envelopes and signatures are
 * beyond it.
 */
void fixture_relink(struct ledger_fixture *fixture, uint64_t from);
void fixture_remove_record(struct ledger_fixture *fixture, uint64_t index);
/* Puts bytes in the place of a record: its leaf hash and its seal are made to fit. */
void fixture_set_bytes(struct ledger_fixture *fixture, uint64_t index, struct tally_bytes bytes);
void fixture_set_received(struct ledger_fixture *fixture, uint64_t index, uint64_t received_us);

/* Keeps the first size records. */
void fixture_truncate(struct ledger_fixture *fixture, uint64_t size);

struct tally_hash fixture_root(const struct ledger_fixture *fixture, uint64_t size);

/* Append the signed checkpoint of that size, and the receipt of index in it. */
void fixture_checkpoint(const struct ledger_fixture *fixture, uint64_t size,
                        struct tl_buffer *buffer);
void fixture_receipt(const struct ledger_fixture *fixture, uint64_t index, uint64_t size,
                     struct tl_buffer *buffer);

/* ---- Its archive ---- */

struct memory_resource {
    char path[TL_RESOURCE_PATH_MAX];
    struct tl_buffer bytes;
};

struct memory_source {
    struct tl_source source;
    size_t count;
    size_t cap;
    struct memory_resource *resources;
    uint64_t reads;
    uint64_t streamed; /* bytes handed over in pieces */
};

struct memory_source *memory_source_new(void);
void memory_source_put(struct memory_source *memory, const char *path, struct tally_bytes bytes);
struct memory_resource *memory_source_find(struct memory_source *memory, const char *path);
/* False when it was not there. */
bool memory_source_remove(struct memory_source *memory, const char *path);
/* Frees it; the same as tl_source_close on its source. */
void memory_source_free(struct memory_source *memory);
/* Writes every resource below directory. */
void memory_source_write(const struct memory_source *memory, const char *directory);

/* A new empty directory; removed with all that is in it. */
void fixture_make_directory(char dst[64]);
void fixture_remove_directory(const char *path);

/* The archive at that size, checkpoint included. */
struct memory_source *fixture_archive(const struct ledger_fixture *fixture, uint64_t size);

/* The same with the kept checkpoints: of every size but each third. */
struct memory_source *fixture_backup(const struct ledger_fixture *fixture, uint64_t size);

#endif
