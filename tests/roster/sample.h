/* SPDX-License-Identifier: ISC */
/*
 * A sample ledger that a test grows entry by entry: real keys, real envelopes, real signatures.
 * A draft is an entry that has not been appended; a fresh one is good, and a test changes in it
 * the one thing that it is about.
 */
#ifndef TEST_ROSTER_SAMPLE_H
#define TEST_ROSTER_SAMPLE_H

#include "tests/support/test.h"

#include "keys/ed25519.h"
#include "keys/note_key.h"
#include "keys/public_key.h"
#include "keys/sshsig.h"
#include "lib/base/text.h"
#include "lib/codec/envelope.h"
#include "lib/codec/record.h"
#include "lib/codec/submission.h"
#include "lib/roster/roster.h"
#include "lib/tree/tree.h"
#include "lib/verify/judge.h"

#define SAMPLE_ORIGIN "example.org/tally/test"
#define SAMPLE_OPS_MAX 48
#define SAMPLE_OP_LEN 400
#define SAMPLE_OP_TEXTS 1024
#define SAMPLE_SIGNERS_MAX 48
#define SAMPLE_REFS_MAX 8
#define SAMPLE_RECORDS_MAX 400

#define assert_reason(actual, expected)                                                            \
    assert_string_equal(tally_reason_name(actual), tally_reason_name(expected))

struct actor {
    const char *member;
    struct tl_secret_key *secret;
    struct tl_public_key key;
    char text[TL_KEY_LINE_MAX];                      /* TYPE BASE64 */
    char fingerprint[7 + TALLY_FINGERPRINT_LEN + 1]; /* SHA256:... */
};

/* The key of number n: the same in every run. */
static inline struct actor actor_make(const char *member, unsigned n)
{
    struct actor actor = {.member = member};
    uint8_t seed[TL_ED25519_SEED_LEN] = {0};
    assert_status(tl_ed25519_init(), TALLY_OK);
    seed[0] = (uint8_t)n;
    seed[1] = (uint8_t)(n >> 8);
    assert_status(tl_secret_key_from_seed(seed, &actor.secret), TALLY_OK);
    tl_public_key_from_point(tl_secret_key_public(actor.secret), &actor.key);
    tl_public_key_to_text(&actor.key, actor.text);
    memcpy(actor.fingerprint, "SHA256:", 7);
    tl_fingerprint_format(&actor.key.fingerprint, actor.fingerprint + 7);
    return actor;
}

static inline void actor_end(struct actor *actor)
{
    tl_secret_key_free(&actor->secret);
}

static inline void actor_sign(const struct actor *actor, struct tally_bytes message,
                              struct tl_buffer *blob)
{
    struct tl_sshsig sig = {.key = actor->key};
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, 4096);
    tl_sshsig_signed_bytes(message, TL_SSHSIG_NAMESPACE, &bytes);
    tl_secret_key_sign(actor->secret, tl_buffer_bytes(&bytes), sig.signature);
    tl_buffer_deinit(&bytes);
    tl_buffer_init(blob, TL_SSHSIG_BLOB_MAX);
    tl_sshsig_encode(&sig, TL_SSHSIG_NAMESPACE, blob);
    assert_status(blob->status, TALLY_OK);
}

struct draft {
    const char *type;
    struct tl_envelope_fields fields;
    struct tally_hash ledger;
    struct tally_hash previous;
    struct tl_ref_line refs[SAMPLE_REFS_MAX];
    struct tally_bytes ops[SAMPLE_OPS_MAX];
    const struct actor *signers[SAMPLE_SIGNERS_MAX]; /* sorted behind the first when made */
    unsigned signer_count;
    struct {
        uint64_t index;
        uint64_t received_us;
        struct tally_hash link;
        uint64_t roster;
    } record;
    struct tl_deposit_list clear;
    bool has_clear;
};

/* A made entry. */
struct made {
    struct tl_buffer envelope_text;
    struct tl_buffer blobs[SAMPLE_SIGNERS_MAX];
    unsigned blob_count;
    struct tl_buffer bytes;
    struct tl_record record;
    struct tl_envelope envelope;
    struct tally_hash leaf;
    struct tally_hash envelope_hash;
    uint8_t seal[TALLY_SIGNATURE_LEN];
    struct tl_entry_facts facts;
};

struct sample {
    struct tl_judge *judge;
    struct tl_secret_key *ledger_secret;
    struct tl_note_key ledger_key;
    char ledger_vkey[TL_VKEY_MAX];
    struct actor host;
    struct made *records[SAMPLE_RECORDS_MAX];
    size_t count;
};

static inline void made_free(struct made *made)
{
    tl_buffer_deinit(&made->envelope_text);
    for (unsigned i = 0; i < made->blob_count; i++) {
        tl_buffer_deinit(&made->blobs[i]);
    }
    tl_buffer_deinit(&made->bytes);
    tl_free(made);
}

static inline struct tl_secret_key *sample_ledger_secret(unsigned n, struct tl_note_key *ret_key)
{
    uint8_t seed[TL_ED25519_SEED_LEN] = {0x4c, (uint8_t)n};
    struct tl_secret_key *secret = NULL;
    assert_status(tl_secret_key_from_seed(seed, &secret), TALLY_OK);
    assert_status(tl_note_key_make(tl_bytes_text(SAMPLE_ORIGIN), TL_NOTE_ED25519,
                                   tl_secret_key_public(secret), ret_key),
                  TALLY_OK);
    return secret;
}

static inline struct sample sample_new(void)
{
    struct sample sample = {.count = 0};
    assert_status(tl_ed25519_init(), TALLY_OK);
    assert_status(tl_judge_new(&sample.judge), TALLY_OK);
    sample.ledger_secret = sample_ledger_secret(0, &sample.ledger_key);
    tl_note_key_format(&sample.ledger_key, sample.ledger_vkey);
    sample.host = actor_make("host", 999);
    return sample;
}

static inline void sample_free(struct sample *sample)
{
    for (size_t i = 0; i < sample->count; i++) {
        made_free(sample->records[i]);
    }
    tl_judge_free(sample->judge);
    tl_secret_key_free(&sample->ledger_secret);
    actor_end(&sample->host);
}

static inline enum tally_status sample_facts(void *context, uint64_t index,
                                             struct tl_entry_facts *ret_facts)
{
    const struct sample *sample = context;
    assert_true(index < sample->count);
    *ret_facts = sample->records[index]->facts;
    return TALLY_OK;
}

/* The last SAMPLE_OP_TEXTS operations keep their texts: many more than a test has at once. */
static inline char *sample_op_text(void)
{
    static char texts[SAMPLE_OP_TEXTS][SAMPLE_OP_LEN];
    static size_t next;
    next++;
    return texts[next % SAMPLE_OP_TEXTS];
}

__attribute__((format(printf, 2, 3))) static inline void draft_op(struct draft *draft,
                                                                  const char *format, ...)
{
    assert_true(draft->fields.op_count < SAMPLE_OPS_MAX);
    char *text = sample_op_text();
    va_list list;
    va_start(list, format);
    int len = vsnprintf(text, SAMPLE_OP_LEN, format, list);
    va_end(list);
    assert_true(len > 0 && len < SAMPLE_OP_LEN);
    draft->ops[draft->fields.op_count] = tl_bytes_text(text);
    draft->fields.op_count++;
}

static inline void draft_sign(struct draft *draft, const struct actor *actor)
{
    assert_true(draft->signer_count < SAMPLE_SIGNERS_MAX);
    draft->signers[draft->signer_count] = actor;
    draft->signer_count++;
}

static inline void draft_ref(const struct sample *sample, struct draft *draft, const char *relation,
                             uint64_t index)
{
    assert_true(draft->fields.ref_count < SAMPLE_REFS_MAX);
    struct tl_ref_line *ref = &draft->refs[draft->fields.ref_count];
    *ref = (struct tl_ref_line){.relation = tl_bytes_text(relation), .index = index};
    ref->leaf = index < sample->count ? sample->records[index]->leaf : test_hash(0x77);
    draft->fields.ref_count++;
}

/* A charter without operations or signers but its author's. */
static inline struct draft draft_charter(const struct actor *author)
{
    struct draft draft = {.type = "charter"};
    draft.fields.member = tl_bytes_text(author->member);
    draft.fields.key = author->key.fingerprint;
    draft.fields.parts_root = tl_tree_empty();
    draft.fields.signed_s = 1795000000;
    draft.record.received_us = UINT64_C(1795000000000000);
    draft_sign(&draft, author);
    return draft;
}

/* A good next entry of this type, without refs or operations. */
static inline struct draft draft_entry(const struct sample *sample, const char *type,
                                       const struct actor *author)
{
    struct draft draft = draft_charter(author);
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    assert_non_null(roster);
    const struct tl_roster_key *key = tl_roster_find_key(roster, &author->key.fingerprint);
    bool is_constitution = strcmp(type, "amendment") == 0;
    draft.type = type;
    draft.ledger = roster->ledger;
    draft.fields.sequence = is_constitution ? 0 : 1;
    if (key != NULL && !is_constitution) {
        struct tl_author_state state = tl_judge_author(sample->judge, (size_t)(key - roster->keys));
        draft.fields.sequence = state.sequence + 1;
        draft.previous = state.previous;
    }
    draft.fields.has_seen = true;
    draft.fields.seen_index = sample->count - 1;
    draft.fields.seen_leaf = sample->records[sample->count - 1]->leaf;
    draft.record.index = sample->count;
    draft.record.link = tl_judge_link(sample->judge);
    draft.record.roster = roster->position;
    draft.record.received_us = tl_judge_received_us(sample->judge) + 1000;
    return draft;
}

/* A good amendment as far as its reference goes. */
static inline struct draft draft_amendment(const struct sample *sample, const struct actor *author)
{
    struct draft draft = draft_entry(sample, "amendment", author);
    draft_ref(sample, &draft, "amends", tl_judge_roster(sample->judge)->position);
    return draft;
}

static inline int compare_actors(const void *a, const void *b)
{
    const struct actor *const *x = a;
    const struct actor *const *y = b;
    return tl_bytes_compare(tl_public_key_blob(&(*x)->key), tl_public_key_blob(&(*y)->key));
}

/* Encodes, signs, seals. NULL when the envelope cannot be encoded. */
static inline struct made *sample_make(const struct sample *sample, struct draft *draft)
{
    struct made *made = tl_calloc(1, sizeof *made);
    assert_non_null(made);
    bool is_charter = strcmp(draft->type, "charter") == 0;
    struct tl_envelope_fields fields = draft->fields;
    fields.type = tl_bytes_text(draft->type);
    fields.ledger = is_charter ? NULL : &draft->ledger;
    fields.previous = fields.sequence > 1 ? &draft->previous : NULL;
    fields.refs = draft->refs;
    fields.ops = draft->ops;
    tl_buffer_init(&made->envelope_text, TALLY_ENVELOPE_MAX + 1);
    struct tl_envelope_fault fault = {.what = ""};
    enum tally_status status = tl_envelope_encode(&fields, &made->envelope_text, &fault);
    if (status != TALLY_OK) {
        made_free(made);
        return NULL;
    }
    struct tally_bytes text = tl_buffer_bytes(&made->envelope_text);
    if (draft->signer_count > 1) {
        qsort(draft->signers + 1, draft->signer_count - 1, sizeof draft->signers[0],
              compare_actors);
    }
    made->record.index = draft->record.index;
    made->record.received_us = draft->record.received_us;
    made->record.link = draft->record.link;
    made->record.roster = draft->record.roster;
    made->record.envelope = text;
    made->record.signatures.count = draft->signer_count;
    for (unsigned i = 0; i < draft->signer_count; i++) {
        actor_sign(draft->signers[i], text, &made->blobs[i]);
        made->blob_count++;
        made->record.signatures.blobs[i] = tl_buffer_bytes(&made->blobs[i]);
    }
    tl_buffer_init(&made->bytes, TALLY_RECORD_MAX);
    assert_status(tl_record_encode(&made->record, &made->bytes), TALLY_OK);
    assert_status(tl_record_decode(tl_buffer_bytes(&made->bytes), &made->record), TALLY_OK);
    assert_status(tl_envelope_decode(made->record.envelope, &made->envelope, NULL), TALLY_OK);
    made->leaf = tl_tree_leaf(tl_buffer_bytes(&made->bytes));
    made->envelope_hash = tl_envelope_hash(&made->envelope);
    tl_seal_sign(sample->ledger_secret, &made->leaf, made->seal);
    return made;
}

/* What the judge says of a made entry as the next one. */
static inline enum tally_reason sample_ask(struct sample *sample, const struct made *made,
                                           const struct draft *draft)
{
    enum tally_reason reason = TALLY_REASON_COUNT;
    bool is_unjudged = true;
    assert_status(tl_judge_check(sample->judge, &made->record, &made->envelope,
                                 draft->has_clear ? &draft->clear : NULL, &made->leaf, sample_facts,
                                 sample, &reason, &is_unjudged),
                  TALLY_OK);
    assert_false(is_unjudged);
    return reason;
}

/* Judges a draft without appending it. */
static inline enum tally_reason sample_judge(struct sample *sample, struct draft *draft)
{
    struct made *made = sample_make(sample, draft);
    assert_non_null(made);
    enum tally_reason reason = sample_ask(sample, made, draft);
    made_free(made);
    return reason;
}

/* Appends a draft that must be good; returns its index. */
static inline size_t sample_add(struct sample *sample, struct draft *draft)
{
    assert_true(sample->count < SAMPLE_RECORDS_MAX);
    struct made *made = sample_make(sample, draft);
    assert_non_null(made);
    assert_reason(sample_ask(sample, made, draft), TALLY_REASON_NONE);
    tl_judge_accept(sample->judge, &made->envelope_hash, &made->facts);
    sample->records[sample->count] = made;
    sample->count++;
    return sample->count - 1;
}

/* Operations of a charter before its members. */
static inline void charter_head(const struct sample *sample, struct draft *draft,
                                unsigned threshold)
{
    draft_op(draft, "origin %s", SAMPLE_ORIGIN);
    draft_op(draft, "ledger-key %s", sample->ledger_vkey);
    draft_op(draft, "host-key %s", sample->host.text);
    draft_op(draft, "rules 1");
    draft_op(draft, "sample yes");
    draft_op(draft, "threshold amend %u", threshold);
}

/* The actors' members (each once, in the order met) and keys, all signing, and the host. */
static inline void charter_founders(const struct sample *sample, struct draft *draft,
                                    const struct actor *actors, const char *const *roles,
                                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_new = true;
        for (size_t j = 0; j < i; j++) {
            is_new = is_new && strcmp(actors[j].member, actors[i].member) != 0;
        }
        if (is_new) {
            draft_op(draft, "member %s The %s team", actors[i].member, actors[i].member);
        }
    }
    for (size_t i = 0; i < count; i++) {
        draft_op(draft, "key %s %s %s", actors[i].member, roles[i], actors[i].text);
        if (draft->signers[0] != &actors[i]) {
            draft_sign(draft, &actors[i]);
        }
    }
    draft_sign(draft, &sample->host);
}

#endif
