/* SPDX-License-Identifier: ISC */
/* Charters and amendments, without the judge around them: operations, consent, quorum. */
#include "tests/roster/sample.h"

#include "lib/roster/quorum.h"
#include "lib/roster/roster_build.h"

enum { ALDER, ALDER_DESK, BIRCH, CEDAR, FOUNDER_KEYS };

struct fixture {
    struct sample sample;
    struct actor founders[FOUNDER_KEYS];
    struct actor spare[4]; /* keys that nobody has enrolled */
};

static const char *const founder_roles[FOUNDER_KEYS] = {"author,govern", "author", "author,govern",
                                                        "govern"};

static struct draft good_charter(struct fixture *fixture)
{
    struct draft draft = draft_charter(&fixture->founders[ALDER]);
    charter_head(&fixture->sample, &draft, 2);
    charter_founders(&fixture->sample, &draft, fixture->founders, founder_roles, FOUNDER_KEYS);
    draft_op(&draft, "policy witness w1 example.org/w1+0000aaaa+AAAA");
    return draft;
}

static int setup(void **state)
{
    static const char *const members[FOUNDER_KEYS] = {"alder", "alder", "birch", "cedar"};
    struct fixture *fixture = tl_calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->sample = sample_new();
    for (unsigned i = 0; i < FOUNDER_KEYS; i++) {
        fixture->founders[i] = actor_make(members[i], i + 1);
    }
    for (unsigned i = 0; i < TEST_COUNT(fixture->spare); i++) {
        fixture->spare[i] = actor_make("nobody", 100 + i);
    }
    *state = fixture;
    return 0;
}

static int setup_with_charter(void **state)
{
    (void)setup(state);
    struct fixture *fixture = *state;
    struct draft draft = good_charter(fixture);
    (void)sample_add(&fixture->sample, &draft);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < FOUNDER_KEYS; i++) {
        actor_end(&fixture->founders[i]);
    }
    for (unsigned i = 0; i < TEST_COUNT(fixture->spare); i++) {
        actor_end(&fixture->spare[i]);
    }
    sample_free(&fixture->sample);
    tl_free(fixture);
    return 0;
}

/* ---- Charter ---- */

static void charter_makes_the_first_roster(void **state)
{
    struct fixture *fixture = *state;
    struct draft draft = good_charter(fixture);
    (void)sample_add(&fixture->sample, &draft);
    const struct tl_roster *roster = tl_judge_roster(fixture->sample.judge);
    assert_int_equal(roster->position, 0);
    assert_memory_equal(&roster->position_leaf, &fixture->sample.records[0]->leaf, 32);
    assert_memory_equal(&roster->ledger, &fixture->sample.records[0]->envelope_hash, 32);
    assert_int_equal(roster->rules, 1);
    assert_true(roster->sample);
    assert_int_equal(roster->threshold_amend, 2);
    assert_string_equal(roster->ledger_key.name, SAMPLE_ORIGIN);
    assert_memory_equal(roster->ledger_key.point, fixture->sample.ledger_key.point, 32);
    assert_int_equal(roster->member_count, 4);
    assert_string_equal(roster->members[TL_MEMBER_HOST].id, "host");
    assert_string_equal(roster->members[1].id, "alder");
    assert_string_equal(roster->members[1].name, "The alder team");
    assert_int_equal(roster->key_count, 1 + FOUNDER_KEYS);
    assert_int_equal(roster->policy_count, 1);
    assert_string_equal(roster->policies[0], "witness w1 example.org/w1+0000aaaa+AAAA");
    assert_int_equal(tl_roster_governing_count(roster), 3);
    const struct tl_roster_key *host =
        tl_roster_find_key(roster, &fixture->sample.host.key.fingerprint);
    assert_int_equal(host->member, TL_MEMBER_HOST);
    assert_int_equal(host->roles, TL_ROLE_HOST);
    for (size_t i = 0; i < FOUNDER_KEYS; i++) {
        const struct tl_roster_key *key =
            tl_roster_find_key(roster, &fixture->founders[i].key.fingerprint);
        assert_ptr_equal(key, &roster->keys[i + 1]); /* in the order of enrolment */
        assert_true(tl_roster_key_in_force(roster, key));
        assert_string_equal(roster->members[key->member].id, fixture->founders[i].member);
    }
    assert_null(tl_roster_find_key(roster, &fixture->spare[0].key.fingerprint));
    assert_null(tl_roster_find_member(roster, tl_bytes_text("nobody")));
    assert_non_null(tl_roster_find_member(roster, tl_bytes_text("cedar")));
}

/* One operation of the good charter replaced, dropped (NULL), or a further one put before it. */
struct charter_case {
    const char *name;
    size_t at;
    const char *with; /* %S spare key, %L ledger key as a signing key, %A alder's key, %H host's */
    bool insert;
    enum tally_reason reason;
};

/* Lines of the good charter: 0 origin, 1 ledger-key, 2 host-key, 3 rules, 4 sample, 5 threshold,
 * 6..8 members, 9..12 keys, 13 policy. */
static const struct charter_case charter_cases[] = {
    {"no origin", 0, NULL, false, TALLY_REASON_OPERATION_INVALID},
    {"origin twice", 0, "origin " SAMPLE_ORIGIN, true, TALLY_REASON_OPERATION_INVALID},
    {"not an origin", 0, "origin Example.org", false, TALLY_REASON_OPERATION_INVALID},
    {"reserved origin", 0, "origin tally-x", false, TALLY_REASON_OPERATION_INVALID},
    {"origin is not the key name", 0, "origin example.org/other", false,
     TALLY_REASON_OPERATION_INVALID},
    {"no ledger key", 1, NULL, false, TALLY_REASON_OPERATION_INVALID},
    {"not a vkey", 1, "ledger-key " SAMPLE_ORIGIN "+00000000+AAAA", false,
     TALLY_REASON_OPERATION_INVALID},
    {"cosign key as ledger key", 1, "ledger-key %C", false, TALLY_REASON_OPERATION_INVALID},
    {"ledger key of small order", 1, "ledger-key %Z", false, TALLY_REASON_KEY_UNUSABLE},
    {"no host key", 2, NULL, false, TALLY_REASON_OPERATION_INVALID},
    {"two host keys", 2, "host-key %S", true, TALLY_REASON_OPERATION_INVALID},
    {"the ledger key is the host key", 2, "host-key %L", false, TALLY_REASON_KEY_REUSED},
    {"no rules", 3, NULL, false, TALLY_REASON_OPERATION_INVALID},
    {"rules 0", 3, "rules 0", false, TALLY_REASON_OPERATION_INVALID},
    {"rules not a number", 3, "rules 01", false, TALLY_REASON_OPERATION_INVALID},
    {"no sample line", 4, NULL, false, TALLY_REASON_OPERATION_INVALID},
    {"sample neither yes nor no", 4, "sample maybe", false, TALLY_REASON_OPERATION_INVALID},
    {"no threshold", 5, NULL, false, TALLY_REASON_OPERATION_INVALID},
    {"unknown threshold", 5, "threshold publish 2", false, TALLY_REASON_OPERATION_INVALID},
    {"threshold twice", 5, "threshold amend 2", true, TALLY_REASON_OPERATION_INVALID},
    {"threshold 0", 5, "threshold amend 0", false, TALLY_REASON_THRESHOLD_INVALID},
    {"threshold that lets each block", 5, "threshold amend 3", false,
     TALLY_REASON_THRESHOLD_INVALID},
    {"threshold beyond reach", 5, "threshold amend 4", false, TALLY_REASON_THRESHOLD_INVALID},
    {"threshold of 2^32 + 2", 5, "threshold amend 4294967298", false,
     TALLY_REASON_THRESHOLD_INVALID},
    {"threshold 1", 5, "threshold amend 1", false, TALLY_REASON_NONE},
    {"member twice", 6, "member alder Again", true, TALLY_REASON_OPERATION_INVALID},
    {"a member without keys", 6, "member dogwood D", true, TALLY_REASON_NONE},
    {"member host", 6, "member host H", true, TALLY_REASON_OPERATION_INVALID},
    {"member ledger", 6, "member ledger L", true, TALLY_REASON_OPERATION_INVALID},
    {"member public", 6, "member public P", true, TALLY_REASON_OPERATION_INVALID},
    {"member id in capitals", 6, "member Dogwood D", true, TALLY_REASON_OPERATION_INVALID},
    {"member without a name", 6, "member dogwood", true, TALLY_REASON_OPERATION_INVALID},
    {"member with an empty name", 6, "member dogwood ", true, TALLY_REASON_OPERATION_INVALID},
    {"member name of 80", 6,
     "member dogwood "
     "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
     true, TALLY_REASON_NONE},
    {"member name of 81", 6,
     "member dogwood "
     "123456789012345678901234567890123456789012345678901234567890123456789012345678901",
     true, TALLY_REASON_OPERATION_INVALID},
    {"member after keys", 10, "member dogwood D", true, TALLY_REASON_OPERATION_INVALID},
    {"a key that did not sign", 9, "key alder author %S", true, TALLY_REASON_CONSENT_MISSING},
    {"key of no member", 9, "key dogwood author %S", true, TALLY_REASON_OPERATION_INVALID},
    {"key of the host", 9, "key host author %S", true, TALLY_REASON_OPERATION_INVALID},
    {"key without roles", 9, "key alder %S", true, TALLY_REASON_OPERATION_INVALID},
    {"key of a member alone", 9, "key alder", true, TALLY_REASON_OPERATION_INVALID},
    {"unknown role", 9, "key alder host %S", true, TALLY_REASON_OPERATION_INVALID},
    {"roles out of order", 9, "key alder govern,author %S", true, TALLY_REASON_OPERATION_INVALID},
    {"role twice", 9, "key alder author,author %S", true, TALLY_REASON_OPERATION_INVALID},
    {"not a key", 9, "key alder author ssh-rsa AAAA", true, TALLY_REASON_OPERATION_INVALID},
    {"key with a comment", 9, "key alder author %S c", true, TALLY_REASON_OPERATION_INVALID},
    {"key twice", 10, "key alder author %A", true, TALLY_REASON_KEY_REUSED},
    {"key of two members", 10, "key birch author %A", true, TALLY_REASON_KEY_REUSED},
    {"the host key as a member's", 9, "key alder author %H", true, TALLY_REASON_KEY_REUSED},
    {"the ledger key as a member's", 9, "key alder author %L", true, TALLY_REASON_KEY_REUSED},
    {"key of small order", 9, "key alder author %0", true, TALLY_REASON_KEY_UNUSABLE},
    {"key of mixed order", 9, "key alder author %X", true, TALLY_REASON_KEY_UNUSABLE},
    {"policy before keys", 9, "policy x", true, TALLY_REASON_OPERATION_INVALID},
    {"empty policy", 13, "policy ", false, TALLY_REASON_OPERATION_INVALID},
    {"no policy", 13, NULL, false, TALLY_REASON_NONE},
    {"two policies", 13, "policy group g all w1", true, TALLY_REASON_NONE},
    {"an amendment's operation", 13, "admit dogwood D", true, TALLY_REASON_OPERATION_INVALID},
    {"unknown operation", 13, "frobnicate", true, TALLY_REASON_OPERATION_INVALID},
};

/* The base point moved by the point of order 2, and a point of order 1. */
static const char mixed_key_hex[] =
    "9599999999999999999999999999999999999999999999999999999999999999";
static const char small_key_hex[] =
    "0100000000000000000000000000000000000000000000000000000000000000";

static void expand(const struct fixture *fixture, const char *from, char *dst, size_t cap)
{
    size_t len = 0;
    for (; *from != '\0'; from++) {
        char text[TL_VKEY_MAX] = {*from};
        uint8_t point[32];
        struct tl_public_key key;
        struct tl_note_key note_key;
        if (*from == '%') {
            from++;
            const char *hex = *from == 'X' ? mixed_key_hex : small_key_hex;
            assert_int_equal(test_unhex(hex, point, sizeof point), 32);
            if (*from == 'L') {
                memcpy(point, fixture->sample.ledger_key.point, 32);
            }
            tl_public_key_from_point(point, &key);
            tl_public_key_to_text(&key, text);
            if (*from == 'S' || *from == 'A' || *from == 'H') {
                const struct actor *actor = *from == 'S'   ? &fixture->spare[0]
                                            : *from == 'A' ? &fixture->founders[ALDER]
                                                           : &fixture->sample.host;
                memcpy(text, actor->text, strlen(actor->text) + 1);
            }
            if (*from == 'C' || *from == 'Z') {
                const uint8_t *raw = *from == 'C' ? fixture->sample.ledger_key.point : point;
                assert_status(tl_note_key_make(tl_bytes_text(SAMPLE_ORIGIN),
                                               *from == 'C' ? TL_NOTE_COSIGNATURE : TL_NOTE_ED25519,
                                               raw, &note_key),
                              TALLY_OK);
                tl_note_key_format(&note_key, text);
            }
        }
        int put = snprintf(dst + len, cap - len, "%s", text);
        assert_true(put > 0 && len + (size_t)put < cap);
        len += (size_t)put;
    }
}

static void change_op(const struct fixture *fixture, struct draft *draft, size_t at,
                      const char *with, bool insert)
{
    struct draft old = *draft;
    char text[SAMPLE_OP_LEN];
    draft->fields.op_count = 0;
    for (size_t i = 0; i <= old.fields.op_count; i++) {
        if (i == at && with != NULL) {
            expand(fixture, with, text, sizeof text);
            draft_op(draft, "%s", text);
        }
        if (i < old.fields.op_count && (i != at || insert)) {
            draft->ops[draft->fields.op_count] = old.ops[i];
            draft->fields.op_count++;
        }
    }
}

static void every_rule_of_a_charter(void **state)
{
    struct fixture *fixture = *state;
    struct draft good = good_charter(fixture);
    assert_reason(sample_judge(&fixture->sample, &good), TALLY_REASON_NONE);
    for (size_t i = 0; i < TEST_COUNT(charter_cases); i++) {
        const struct charter_case *c = &charter_cases[i];
        struct draft draft = good_charter(fixture);
        change_op(fixture, &draft, c->at, c->with, c->insert);
        enum tally_reason reason = sample_judge(&fixture->sample, &draft);
        if (reason != c->reason) {
            fail_msg("%s: %s", c->name, tally_reason_name(reason));
        }
    }
}

/* Operations that end before those which every charter has. */
static void a_charter_has_keys(void **state)
{
    struct fixture *fixture = *state;
    struct draft good = good_charter(fixture);
    size_t first_key = good.fields.op_count - 1 - FOUNDER_KEYS;
    for (size_t count = 1; count <= first_key; count++) {
        struct draft draft = good_charter(fixture);
        draft.fields.op_count = count;
        assert_reason(sample_judge(&fixture->sample, &draft), TALLY_REASON_OPERATION_INVALID);
    }
}

/* The name of the ledger key is no excuse for an origin that is none. */
static void the_origin_has_its_form(void **state)
{
    struct fixture *fixture = *state;
    static const char *const origins[] = {"Example.org", "tally-x", "example.org/", ""};
    for (size_t i = 0; i < TEST_COUNT(origins); i++) {
        struct tl_note_key key;
        char vkey[TL_VKEY_MAX] = "";
        if (tl_note_key_make(tl_bytes_text(origins[i]), TL_NOTE_ED25519,
                             fixture->sample.ledger_key.point, &key) == TALLY_OK) {
            tl_note_key_format(&key, vkey);
        }
        struct draft draft = good_charter(fixture);
        char op[SAMPLE_OP_LEN];
        (void)snprintf(op, sizeof op, "origin %s", origins[i]);
        change_op(fixture, &draft, 0, op, false);
        (void)snprintf(op, sizeof op, "ledger-key %s", vkey);
        change_op(fixture, &draft, 1, op, false);
        assert_reason(sample_judge(&fixture->sample, &draft), TALLY_REASON_OPERATION_INVALID);
    }
}

static void drop_signer(struct draft *draft, const struct actor *actor)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < draft->signer_count; i++) {
        if (draft->signers[i] != actor) {
            draft->signers[kept] = draft->signers[i];
            kept++;
        }
    }
    assert_int_equal(kept + 1, draft->signer_count);
    draft->signer_count = kept;
}

static void every_key_of_a_charter_signs_it(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    for (size_t i = 1; i < FOUNDER_KEYS; i++) {
        struct draft draft = good_charter(fixture);
        drop_signer(&draft, &fixture->founders[i]);
        assert_reason(sample_judge(sample, &draft), TALLY_REASON_CONSENT_MISSING);
    }
    struct draft no_host = good_charter(fixture);
    drop_signer(&no_host, &sample->host);
    assert_reason(sample_judge(sample, &no_host), TALLY_REASON_CONSENT_MISSING);
    struct draft stranger = good_charter(fixture);
    draft_sign(&stranger, &fixture->spare[0]);
    assert_reason(sample_judge(sample, &stranger), TALLY_REASON_UNKNOWN_KEY);
}

static void a_founder_is_the_author_of_a_charter(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    /* Any founder's key, whatever its role. */
    struct draft desk = good_charter(fixture);
    drop_signer(&desk, &fixture->founders[ALDER_DESK]);
    desk.signers[0] = &fixture->founders[ALDER_DESK];
    desk.fields.key = fixture->founders[ALDER_DESK].key.fingerprint;
    draft_sign(&desk, &fixture->founders[ALDER]);
    assert_reason(sample_judge(sample, &desk), TALLY_REASON_NONE);

    struct draft other = good_charter(fixture);
    other.fields.member = tl_bytes_text("birch");
    assert_reason(sample_judge(sample, &other), TALLY_REASON_WRONG_MEMBER);

    struct draft stranger = good_charter(fixture);
    draft_sign(&stranger, &fixture->founders[ALDER]);
    stranger.signers[0] = &fixture->spare[0];
    stranger.fields.key = fixture->spare[0].key.fingerprint;
    assert_reason(sample_judge(sample, &stranger), TALLY_REASON_UNKNOWN_KEY);

    struct draft host = good_charter(fixture);
    drop_signer(&host, &sample->host);
    host.signers[0] = &sample->host;
    host.fields.key = sample->host.key.fingerprint;
    host.fields.member = tl_bytes_text("host");
    draft_sign(&host, &fixture->founders[ALDER]);
    assert_reason(sample_judge(sample, &host), TALLY_REASON_ROLE_MISSING);
}

/* ---- Quorum arithmetic ---- */

#define CROWD_MAX 11

/* A charter of count governing members under a threshold. */
static enum tally_reason found(struct sample *sample, const struct actor *crowd, unsigned count,
                               unsigned threshold)
{
    static const char *const roles[CROWD_MAX] = {"govern", "govern", "govern", "govern",
                                                 "govern", "govern", "govern", "govern",
                                                 "govern", "govern", "govern"};
    struct draft draft = draft_charter(&crowd[0]);
    charter_head(sample, &draft, threshold);
    charter_founders(sample, &draft, crowd, roles, count);
    enum tally_reason reason = sample_judge(sample, &draft);
    if (reason == TALLY_REASON_NONE) {
        (void)sample_add(sample, &draft);
    }
    return reason;
}

static void crowd_make(struct actor *crowd)
{
    static const char *const names[CROWD_MAX] = {"m01", "m02", "m03", "m04", "m05", "m06",
                                                 "m07", "m08", "m09", "m10", "m11"};
    for (unsigned i = 0; i < CROWD_MAX; i++) {
        crowd[i] = actor_make(names[i], 50 + i);
    }
}

static void quorums_of_one_to_eleven_members(void **state)
{
    (void)state;
    static struct actor crowd[CROWD_MAX];
    crowd_make(crowd);
    for (unsigned count = 1; count <= CROWD_MAX; count++) {
        unsigned highest = count >= 3 ? count - 1 : count;
        for (unsigned threshold = 0; threshold <= count + 1; threshold++) {
            struct sample sample = sample_new();
            enum tally_reason reason = found(&sample, crowd, count, threshold);
            bool holds = threshold >= 1 && threshold <= highest;
            assert_reason(reason, holds ? TALLY_REASON_NONE : TALLY_REASON_THRESHOLD_INVALID);
            for (unsigned signers = 1; holds && signers <= count; signers++) {
                struct draft draft = draft_amendment(&sample, &crowd[0]);
                draft_op(&draft, "admit dogwood Dogwood");
                for (unsigned i = 1; i < signers; i++) {
                    draft_sign(&draft, &crowd[i]);
                }
                assert_reason(sample_judge(&sample, &draft), signers >= threshold
                                                                 ? TALLY_REASON_NONE
                                                                 : TALLY_REASON_QUORUM_MISSING);
            }
            sample_free(&sample);
        }
    }
    for (unsigned i = 0; i < CROWD_MAX; i++) {
        actor_end(&crowd[i]);
    }
}

/* Withdrawing members one by one: the threshold must come down with their number. */
static void threshold_follows_the_members(void **state)
{
    (void)state;
    static struct actor crowd[CROWD_MAX];
    crowd_make(crowd);
    for (unsigned count = 2; count <= CROWD_MAX; count++) {
        struct sample sample = sample_new();
        unsigned highest = count >= 3 ? count - 1 : count;
        assert_reason(found(&sample, crowd, count, highest), TALLY_REASON_NONE);
        unsigned left = count - 1;
        unsigned highest_left = left >= 3 ? left - 1 : left;
        for (unsigned threshold = 0; threshold <= count; threshold++) {
            struct draft draft = draft_amendment(&sample, &crowd[0]);
            draft_op(&draft, "withdraw %s", crowd[count - 1].member);
            draft_op(&draft, "threshold amend %u", threshold);
            for (unsigned i = 1; i < highest; i++) {
                draft_sign(&draft, &crowd[i]);
            }
            assert_reason(sample_judge(&sample, &draft), threshold >= 1 && threshold <= highest_left
                                                             ? TALLY_REASON_NONE
                                                             : TALLY_REASON_THRESHOLD_INVALID);
        }
        sample_free(&sample);
    }
    for (unsigned i = 0; i < CROWD_MAX; i++) {
        actor_end(&crowd[i]);
    }
}

/* ---- Amendments ---- */

/* By alder, with birch: a quorum of two. */
static struct draft quorate(struct fixture *fixture)
{
    struct draft draft = draft_amendment(&fixture->sample, &fixture->founders[ALDER]);
    draft_sign(&draft, &fixture->founders[BIRCH]);
    return draft;
}

/* Judges an amendment of up to three operations by alder and birch, with the extra signer. */
static enum tally_reason amend(struct fixture *fixture, const struct actor *extra, const char *a,
                               const char *b, const char *c)
{
    struct draft draft = quorate(fixture);
    const char *ops[] = {a, b, c};
    for (size_t i = 0; i < TEST_COUNT(ops); i++) {
        if (ops[i] != NULL) {
            draft_op(&draft, "%s", ops[i]);
        }
    }
    if (extra != NULL) {
        draft_sign(&draft, extra);
    }
    return sample_judge(&fixture->sample, &draft);
}

static const char *format_op(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *format_op(const char *format, ...)
{
    char *text = sample_op_text();
    va_list list;
    va_start(list, format);
    int len = vsnprintf(text, SAMPLE_OP_LEN, format, list);
    va_end(list);
    assert_true(len > 0 && len < SAMPLE_OP_LEN);
    return text;
}

static void only_good_operations_amend(void **state)
{
    struct fixture *fixture = *state;
    const struct actor *spare = &fixture->spare[0];
    const char *desk = fixture->founders[ALDER_DESK].fingerprint;
    const char *cedar = fixture->founders[CEDAR].fingerprint;
    const char *host = fixture->sample.host.fingerprint;
    const struct {
        const char *op;
        const struct actor *extra;
        enum tally_reason reason;
    } cases[] = {
        {"admit dogwood D", NULL, TALLY_REASON_NONE},
        {"admit cedar C", NULL, TALLY_REASON_OPERATION_INVALID},
        {"admit host H", NULL, TALLY_REASON_OPERATION_INVALID},
        {"admit ledger H", NULL, TALLY_REASON_OPERATION_INVALID},
        {"admit public H", NULL, TALLY_REASON_OPERATION_INVALID},
        {"withdraw cedar", NULL, TALLY_REASON_NONE},
        {"withdraw dogwood", NULL, TALLY_REASON_OPERATION_INVALID},
        {"withdraw host", NULL, TALLY_REASON_OPERATION_INVALID},
        {"withdraw", NULL, TALLY_REASON_OPERATION_INVALID},
        {"withdraw cedar ", NULL, TALLY_REASON_OPERATION_INVALID},
        {format_op("enrol cedar author %s", spare->text), spare, TALLY_REASON_NONE},
        {format_op("enrol cedar author %s", spare->text), NULL, TALLY_REASON_CONSENT_MISSING},
        {format_op("enrol host author %s", spare->text), spare, TALLY_REASON_OPERATION_INVALID},
        {format_op("enrol dogwood author %s", spare->text), spare, TALLY_REASON_OPERATION_INVALID},
        {format_op("enrol birch author %s", fixture->founders[CEDAR].text), NULL,
         TALLY_REASON_KEY_REUSED},
        {format_op("rotate %s %s", cedar, spare->text), spare, TALLY_REASON_NONE},
        {format_op("rotate %s %s", cedar, spare->text), NULL, TALLY_REASON_CONSENT_MISSING},
        {format_op("rotate %s %s", cedar, fixture->founders[CEDAR].text), NULL,
         TALLY_REASON_KEY_REUSED},
        {format_op("rotate %s %s", spare->fingerprint, spare->text), spare,
         TALLY_REASON_OPERATION_INVALID},
        {format_op("rotate %s %s", cedar + 7, spare->text), spare, TALLY_REASON_OPERATION_INVALID},
        {format_op("rotate %s %s", host, spare->text), spare, TALLY_REASON_NONE},
        {format_op("grant %s author", cedar), NULL, TALLY_REASON_NONE},
        {format_op("grant %s govern", desk), NULL, TALLY_REASON_NONE},
        {format_op("grant %s author", host), NULL, TALLY_REASON_OPERATION_INVALID},
        {format_op("grant %s author", spare->fingerprint), NULL, TALLY_REASON_OPERATION_INVALID},
        {format_op("grant %s host", cedar), NULL, TALLY_REASON_OPERATION_INVALID},
        {format_op("grant %s", cedar), NULL, TALLY_REASON_OPERATION_INVALID},
        {format_op("grant sha256:%s author", cedar + 7), NULL, TALLY_REASON_OPERATION_INVALID},
        {format_op("revoke %s 0 stolen", cedar), NULL, TALLY_REASON_NONE},
        {format_op("revoke %s 0 stolen", host), NULL, TALLY_REASON_NONE},
        {format_op("revoke %s 1 stolen", cedar), NULL, TALLY_REASON_OPERATION_INVALID},
        {format_op("revoke %s 0", cedar), NULL, TALLY_REASON_OPERATION_INVALID},
        {format_op("revoke %s 0 Stolen!", cedar), NULL, TALLY_REASON_OPERATION_INVALID},
        {format_op("revoke %s x stolen", cedar), NULL, TALLY_REASON_OPERATION_INVALID},
        {format_op("revoke %s 0 stolen", spare->fingerprint), NULL, TALLY_REASON_OPERATION_INVALID},
        {"threshold amend 1", NULL, TALLY_REASON_NONE},
        {"threshold amend 3", NULL, TALLY_REASON_THRESHOLD_INVALID},
        {"threshold publish 1", NULL, TALLY_REASON_OPERATION_INVALID},
        {"rules 2", NULL, TALLY_REASON_NONE},
        {"rules 1", NULL, TALLY_REASON_OPERATION_INVALID},
        {"rules 0", NULL, TALLY_REASON_OPERATION_INVALID},
        {"origin example.org/new", NULL, TALLY_REASON_OPERATION_INVALID},
        {"member dogwood D", NULL, TALLY_REASON_OPERATION_INVALID},
        {"policy x", NULL, TALLY_REASON_OPERATION_INVALID},
        {"sample no", NULL, TALLY_REASON_OPERATION_INVALID},
        {"frobnicate", NULL, TALLY_REASON_OPERATION_INVALID},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        enum tally_reason reason = amend(fixture, cases[i].extra, cases[i].op, NULL, NULL);
        if (reason != cases[i].reason) {
            fail_msg("%s: %s", cases[i].op, tally_reason_name(reason));
        }
    }
}

static void a_revocation_names_a_key_and_an_index(void **state)
{
    struct fixture *fixture = *state;
    const char *cedar = fixture->founders[CEDAR].fingerprint;
    assert_reason(amend(fixture, NULL, format_op("revoke %s 0 stolen", cedar), NULL, NULL),
                  TALLY_REASON_NONE);
    assert_reason(amend(fixture, NULL, format_op("revoke %s", cedar), NULL, NULL),
                  TALLY_REASON_OPERATION_INVALID);
    /* A fingerprint behind all that are enrolled. */
    assert_reason(amend(fixture, NULL,
                        "revoke SHA256://////////////////////////////////////////8 0 stolen", NULL,
                        NULL),
                  TALLY_REASON_OPERATION_INVALID);
}

static void operations_apply_in_order(void **state)
{
    struct fixture *fixture = *state;
    const struct actor *spare = &fixture->spare[0];
    const char *enrol = format_op("enrol dogwood govern %s", spare->text);
    const char *cedar = fixture->founders[CEDAR].fingerprint;
    assert_reason(amend(fixture, spare, "admit dogwood D", enrol, NULL), TALLY_REASON_NONE);
    assert_reason(amend(fixture, spare, enrol, "admit dogwood D", NULL),
                  TALLY_REASON_OPERATION_INVALID);
    assert_reason(amend(fixture, NULL, "admit dogwood D", "admit dogwood E", NULL),
                  TALLY_REASON_OPERATION_INVALID);
    assert_reason(amend(fixture, NULL, "withdraw cedar", "withdraw cedar", NULL),
                  TALLY_REASON_OPERATION_INVALID);
    assert_reason(amend(fixture, NULL, "withdraw cedar", "admit cedar Again", NULL),
                  TALLY_REASON_OPERATION_INVALID);
    assert_reason(amend(fixture, spare, "withdraw cedar",
                        format_op("enrol cedar govern %s", spare->text), NULL),
                  TALLY_REASON_OPERATION_INVALID);
    assert_reason(amend(fixture, spare, "withdraw cedar",
                        format_op("rotate %s %s", cedar, spare->text), NULL),
                  TALLY_REASON_OPERATION_INVALID);
    assert_reason(amend(fixture, NULL, "withdraw cedar", format_op("grant %s author", cedar), NULL),
                  TALLY_REASON_OPERATION_INVALID);
    /* A stopped key may still be revoked, once. */
    assert_reason(
        amend(fixture, NULL, "withdraw cedar", format_op("revoke %s 0 lost", cedar), NULL),
        TALLY_REASON_NONE);
    assert_reason(amend(fixture, NULL, format_op("revoke %s 0 lost", cedar),
                        format_op("revoke %s 0 lost", cedar), NULL),
                  TALLY_REASON_OPERATION_INVALID);
    assert_reason(amend(fixture, NULL, "rules 2", "rules 3", NULL), TALLY_REASON_NONE);
    assert_reason(amend(fixture, NULL, "rules 3", "rules 2", NULL), TALLY_REASON_OPERATION_INVALID);
    /* The threshold is judged after the last operation only. */
    assert_reason(amend(fixture, spare, "threshold amend 3", "admit dogwood D", enrol),
                  TALLY_REASON_NONE);
    assert_reason(amend(fixture, NULL, "threshold amend 0", "threshold amend 2", NULL),
                  TALLY_REASON_NONE);
}

static void ledger_key_is_replaced_by_another_of_the_same_origin(void **state)
{
    struct fixture *fixture = *state;
    struct tl_note_key next;
    struct tl_secret_key *secret = sample_ledger_secret(1, &next);
    char vkey[TL_VKEY_MAX];
    tl_note_key_format(&next, vkey);
    assert_reason(amend(fixture, NULL, format_op("ledger-key %s", vkey), NULL, NULL),
                  TALLY_REASON_NONE);
    assert_reason(
        amend(fixture, NULL, format_op("ledger-key %s", fixture->sample.ledger_vkey), NULL, NULL),
        TALLY_REASON_KEY_REUSED);
    struct tl_note_key other;
    assert_status(
        tl_note_key_make(tl_bytes_text("example.org/other"), TL_NOTE_ED25519, next.point, &other),
        TALLY_OK);
    tl_note_key_format(&other, vkey);
    assert_reason(amend(fixture, NULL, format_op("ledger-key %s", vkey), NULL, NULL),
                  TALLY_REASON_OPERATION_INVALID);
    /* A signing key's point, in force or not, is never the ledger key's. */
    assert_status(tl_note_key_make(tl_bytes_text(SAMPLE_ORIGIN), TL_NOTE_ED25519,
                                   fixture->founders[CEDAR].key.point, &other),
                  TALLY_OK);
    tl_note_key_format(&other, vkey);
    assert_reason(amend(fixture, NULL, format_op("ledger-key %s", vkey), NULL, NULL),
                  TALLY_REASON_KEY_REUSED);
    /* Nor the other way round. */
    struct tl_public_key as_member;
    char text[TL_KEY_LINE_MAX];
    tl_note_key_format(&next, vkey);
    tl_public_key_from_point(next.point, &as_member);
    tl_public_key_to_text(&as_member, text);
    assert_reason(amend(fixture, NULL, format_op("ledger-key %s", vkey),
                        format_op("enrol cedar author %s", text), NULL),
                  TALLY_REASON_KEY_REUSED);
    /* Nor that of a ledger key of the past. */
    tl_public_key_from_point(fixture->sample.ledger_key.point, &as_member);
    tl_public_key_to_text(&as_member, text);
    assert_reason(amend(fixture, NULL, format_op("ledger-key %s", vkey),
                        format_op("enrol cedar author %s", text), NULL),
                  TALLY_REASON_KEY_REUSED);
    assert_reason(amend(fixture, NULL, format_op("ledger-key %s", vkey),
                        format_op("ledger-key %s", fixture->sample.ledger_vkey), NULL),
                  TALLY_REASON_KEY_REUSED);
    tl_secret_key_free(&secret);
}

/* ---- Who counts ---- */

static void only_governing_members_of_the_roster_before_count(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct actor *spare = &fixture->spare[0];
    const struct {
        const char *name;
        const char *op;
        const struct actor *second;
        enum tally_reason reason;
    } cases[] = {
        {"another member", "admit dogwood D", &fixture->founders[CEDAR], TALLY_REASON_NONE},
        {"nobody else", "admit dogwood D", NULL, TALLY_REASON_QUORUM_MISSING},
        {"the same member", "admit dogwood D", &fixture->founders[ALDER_DESK],
         TALLY_REASON_QUORUM_MISSING},
        {"the host", "admit dogwood D", &sample->host, TALLY_REASON_QUORUM_MISSING},
        {"a stranger", "admit dogwood D", spare, TALLY_REASON_UNKNOWN_KEY},
        {"a key that it enrols", format_op("enrol birch govern %s", spare->text), spare,
         TALLY_REASON_QUORUM_MISSING},
        {"a key that it revokes",
         format_op("revoke %s 0 lost", fixture->founders[CEDAR].fingerprint),
         &fixture->founders[CEDAR], TALLY_REASON_QUORUM_MISSING},
        {"a key of a member that it withdraws", "withdraw cedar", &fixture->founders[CEDAR],
         TALLY_REASON_NONE},
        {"a key whose roles it replaces",
         format_op("grant %s author", fixture->founders[CEDAR].fingerprint),
         &fixture->founders[CEDAR], TALLY_REASON_NONE},
        {"a key that it makes govern",
         format_op("grant %s govern", fixture->founders[ALDER_DESK].fingerprint),
         &fixture->founders[ALDER_DESK], TALLY_REASON_QUORUM_MISSING},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        struct draft draft = draft_amendment(sample, &fixture->founders[ALDER]);
        draft_op(&draft, "%s", cases[i].op);
        if (cases[i].second != NULL) {
            draft_sign(&draft, cases[i].second);
        }
        enum tally_reason reason = sample_judge(sample, &draft);
        if (reason != cases[i].reason) {
            fail_msg("%s: %s", cases[i].name, tally_reason_name(reason));
        }
    }
}

static void the_author_governs(void **state)
{
    struct fixture *fixture = *state;
    struct draft draft = draft_amendment(&fixture->sample, &fixture->founders[ALDER_DESK]);
    draft_op(&draft, "admit dogwood D");
    draft_sign(&draft, &fixture->founders[BIRCH]);
    draft_sign(&draft, &fixture->founders[CEDAR]);
    assert_reason(sample_judge(&fixture->sample, &draft), TALLY_REASON_ROLE_MISSING);
}

/* ---- Rotation ---- */

static void a_member_rotates_its_own_key(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct actor *alder = &fixture->founders[ALDER];
    const struct actor *desk = &fixture->founders[ALDER_DESK];
    const struct actor *next = &fixture->spare[0];
    const char *rotate_desk = format_op("rotate %s %s", desk->fingerprint, next->text);

    /* alder's first key has every role of the second, not the other way round. */
    struct draft draft = draft_amendment(sample, alder);
    draft_op(&draft, "%s", rotate_desk);
    draft_sign(&draft, next);
    assert_reason(sample_judge(sample, &draft), TALLY_REASON_NONE);
    draft.signer_count = 1;
    assert_reason(sample_judge(sample, &draft), TALLY_REASON_CONSENT_MISSING);

    struct draft up = draft_amendment(sample, alder);
    draft_op(&up, "rotate %s %s", alder->fingerprint, next->text);
    draft_sign(&up, next);
    draft_sign(&up, desk);
    assert_reason(sample_judge(sample, &up), TALLY_REASON_QUORUM_MISSING);

    /* Another operation beside it needs the quorum. */
    struct draft more = draft_amendment(sample, alder);
    draft_op(&more, "%s", rotate_desk);
    draft_op(&more, "admit dogwood D");
    draft_sign(&more, next);
    assert_reason(sample_judge(sample, &more), TALLY_REASON_QUORUM_MISSING);
    draft_sign(&more, &fixture->founders[BIRCH]);
    assert_reason(sample_judge(sample, &more), TALLY_REASON_NONE);
    more.signer_count = 1;
    more.fields.op_count = 0;
    draft_op(&more, "admit dogwood D");
    draft_op(&more, "%s", rotate_desk);
    draft_sign(&more, next);
    assert_reason(sample_judge(sample, &more), TALLY_REASON_QUORUM_MISSING);

    /* Nobody vouches for another member's key. */
    struct draft other = draft_amendment(sample, alder);
    draft_op(&other, "rotate %s %s", fixture->founders[CEDAR].fingerprint, next->text);
    draft_sign(&other, next);
    assert_reason(sample_judge(sample, &other), TALLY_REASON_QUORUM_MISSING);
}

static void each_rotation_is_vouched_for(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct actor *alder = &fixture->founders[ALDER];
    const struct actor *desk = &fixture->founders[ALDER_DESK];
    const struct actor *next = &fixture->spare[0];
    const char *rotate_desk = format_op("rotate %s %s", desk->fingerprint, next->text);

    struct draft two = draft_amendment(sample, alder);
    draft_op(&two, "%s", rotate_desk);
    draft_op(&two, "rotate %s %s", fixture->founders[CEDAR].fingerprint, fixture->spare[1].text);
    draft_sign(&two, next);
    draft_sign(&two, &fixture->spare[1]);
    assert_reason(sample_judge(sample, &two), TALLY_REASON_QUORUM_MISSING);

    /* Also when it rotates a key twice: the one in between is rotated too. */
    struct draft twice = draft_amendment(sample, alder);
    draft_op(&twice, "%s", rotate_desk);
    draft_op(&twice, "rotate %s %s", next->fingerprint, fixture->spare[1].text);
    draft_sign(&twice, next);
    draft_sign(&twice, &fixture->spare[1]);
    assert_reason(sample_judge(sample, &twice), TALLY_REASON_NONE);

    /* The host key has nobody beside it: the quorum rotates it. */
    struct draft host = draft_amendment(sample, alder);
    draft_op(&host, "rotate %s %s", sample->host.fingerprint, next->text);
    draft_sign(&host, next);
    draft_sign(&host, &sample->host);
    assert_reason(sample_judge(sample, &host), TALLY_REASON_QUORUM_MISSING);
    draft_sign(&host, &fixture->founders[CEDAR]);
    assert_reason(sample_judge(sample, &host), TALLY_REASON_NONE);
}

/* After granting the second key both roles, either can rotate the other, but not both at once. */
static void a_key_that_ends_vouches_for_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct actor *alder = &fixture->founders[ALDER];
    const struct actor *desk = &fixture->founders[ALDER_DESK];
    struct draft grant = quorate(fixture);
    draft_op(&grant, "grant %s author,govern", desk->fingerprint);
    (void)sample_add(sample, &grant);

    struct draft both = draft_amendment(sample, alder);
    draft_op(&both, "rotate %s %s", desk->fingerprint, fixture->spare[0].text);
    draft_op(&both, "rotate %s %s", alder->fingerprint, fixture->spare[1].text);
    draft_sign(&both, desk);
    draft_sign(&both, &fixture->spare[0]);
    draft_sign(&both, &fixture->spare[1]);
    assert_reason(sample_judge(sample, &both), TALLY_REASON_QUORUM_MISSING);

    struct draft one = draft_amendment(sample, desk);
    draft_op(&one, "rotate %s %s", alder->fingerprint, fixture->spare[0].text);
    draft_sign(&one, &fixture->spare[0]);
    (void)sample_add(sample, &one);
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    const struct tl_roster_key *old = tl_roster_find_key(roster, &alder->key.fingerprint);
    const struct tl_roster_key *new =
        tl_roster_find_key(roster, &fixture->spare[0].key.fingerprint);
    assert_false(tl_roster_key_in_force(roster, old));
    assert_true(old->rotated);
    assert_false(old->revoked);
    assert_int_equal(old->ended, 2);
    assert_int_equal(new->enrolled, 2);
    assert_int_equal(new->roles, TL_ROLE_AUTHOR | TL_ROLE_GOVERN);
    assert_int_equal(new->member, old->member);

    /* The old key is in force no longer: it vouches, counts and signs no more. */
    struct draft late = draft_amendment(sample, desk);
    draft_op(&late, "admit dogwood D");
    draft_sign(&late, &fixture->founders[BIRCH]);
    assert_reason(sample_judge(sample, &late), TALLY_REASON_NONE);
    draft_sign(&late, alder);
    assert_reason(sample_judge(sample, &late), TALLY_REASON_KEY_NOT_IN_FORCE);
    struct draft author = draft_amendment(sample, alder);
    draft_op(&author, "admit dogwood D");
    draft_sign(&author, &fixture->founders[BIRCH]);
    assert_reason(sample_judge(sample, &author), TALLY_REASON_KEY_NOT_IN_FORCE);
}

static void two_keys_of_a_member_are_one_member(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct actor *desk = &fixture->founders[ALDER_DESK];
    struct draft grant = quorate(fixture);
    draft_op(&grant, "grant %s author,govern", desk->fingerprint);
    (void)sample_add(sample, &grant);
    struct draft draft = draft_amendment(sample, &fixture->founders[ALDER]);
    draft_op(&draft, "admit dogwood D");
    draft_sign(&draft, desk);
    assert_reason(sample_judge(sample, &draft), TALLY_REASON_QUORUM_MISSING);
    draft_sign(&draft, &fixture->founders[CEDAR]);
    assert_reason(sample_judge(sample, &draft), TALLY_REASON_NONE);
    /* In whichever order they sign. */
    struct tl_signers signers = {.count = 3,
                                 .keys = {fixture->founders[ALDER].key.fingerprint,
                                          fixture->founders[BIRCH].key.fingerprint,
                                          desk->key.fingerprint}};
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    assert_int_equal(tl_quorum_count(roster, roster, &signers), 2);
}

/* Signers whose key has ended never come as far as the quorum; it would not count them. */
static void ended_keys_do_not_count(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct tl_signers signers = {.count = 2,
                                 .keys = {fixture->founders[ALDER].key.fingerprint,
                                          fixture->founders[CEDAR].key.fingerprint}};
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    assert_int_equal(tl_quorum_count(roster, roster, &signers), 2);
    struct draft withdraw = quorate(fixture);
    draft_op(&withdraw, "withdraw cedar");
    (void)sample_add(sample, &withdraw);
    roster = tl_judge_roster(sample->judge);
    assert_int_equal(tl_quorum_count(roster, roster, &signers), 1);
}

/* A rotation of an earlier amendment asks for nobody's word again. */
static void old_rotations_are_over(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct actor *birch = &fixture->founders[BIRCH];
    struct draft first = draft_amendment(sample, &fixture->founders[ALDER]);
    draft_op(&first, "rotate %s %s", fixture->founders[ALDER_DESK].fingerprint,
             fixture->spare[0].text);
    draft_sign(&first, &fixture->spare[0]);
    (void)sample_add(sample, &first);
    struct draft enrol = quorate(fixture);
    draft_op(&enrol, "enrol birch author %s", fixture->spare[1].text);
    draft_sign(&enrol, &fixture->spare[1]);
    (void)sample_add(sample, &enrol);
    struct draft second = draft_amendment(sample, birch);
    draft_op(&second, "rotate %s %s", fixture->spare[1].fingerprint, fixture->spare[2].text);
    draft_sign(&second, &fixture->spare[2]);
    assert_reason(sample_judge(sample, &second), TALLY_REASON_NONE);
}

/* A key that an entry rotates counts in no quorum of it. */
static void a_rotated_key_does_not_count(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft draft = draft_amendment(sample, &fixture->founders[ALDER]);
    draft_op(&draft, "rotate %s %s", fixture->founders[CEDAR].fingerprint, fixture->spare[0].text);
    draft_sign(&draft, &fixture->founders[CEDAR]);
    draft_sign(&draft, &fixture->spare[0]);
    assert_reason(sample_judge(sample, &draft), TALLY_REASON_QUORUM_MISSING);
    draft_sign(&draft, &fixture->founders[BIRCH]);
    assert_reason(sample_judge(sample, &draft), TALLY_REASON_NONE);
}

/* ---- Revocation and withdrawal ---- */

static void doubt_lies_between_last_valid_and_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct actor *birch = &fixture->founders[BIRCH];
    for (int i = 0; i < 4; i++) {
        struct draft finding = draft_entry(sample, "finding", birch);
        (void)sample_add(sample, &finding);
    }
    struct draft revoke = draft_amendment(sample, &fixture->founders[ALDER]);
    draft_sign(&revoke, &fixture->founders[CEDAR]);
    draft_op(&revoke, "revoke %s 2 stolen", birch->fingerprint);
    assert_int_equal(sample_add(sample, &revoke), 5);
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    const struct tl_roster_key *key = tl_roster_find_key(roster, &birch->key.fingerprint);
    assert_true(key->revoked);
    assert_int_equal(key->last_valid, 2);
    assert_int_equal(key->ended, 5);
    for (uint64_t index = 0; index < 10; index++) {
        assert_int_equal(tl_roster_key_in_doubt(key, index), index >= 3 && index <= 5);
        assert_false(tl_roster_key_in_doubt(&roster->keys[0], index));
    }
    struct draft late = draft_entry(sample, "finding", birch);
    assert_reason(sample_judge(sample, &late), TALLY_REASON_KEY_NOT_IN_FORCE);
    /* Once. */
    struct draft again = draft_amendment(sample, &fixture->founders[ALDER]);
    draft_sign(&again, &fixture->founders[CEDAR]);
    draft_op(&again, "revoke %s 1 stolen", birch->fingerprint);
    assert_reason(sample_judge(sample, &again), TALLY_REASON_OPERATION_INVALID);
}

static void a_withdrawn_member_is_gone_for_good(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct actor *cedar = &fixture->founders[CEDAR];
    struct draft withdraw = quorate(fixture);
    draft_op(&withdraw, "withdraw cedar");
    (void)sample_add(sample, &withdraw);
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    assert_int_equal(tl_roster_find_member(roster, tl_bytes_text("cedar"))->withdrawn, 1);
    assert_int_equal(tl_roster_governing_count(roster), 2);
    assert_reason(amend(fixture, NULL, "admit cedar Again", NULL, NULL),
                  TALLY_REASON_OPERATION_INVALID);
    assert_reason(amend(fixture, &fixture->spare[0],
                        format_op("enrol cedar govern %s", fixture->spare[0].text), NULL, NULL),
                  TALLY_REASON_OPERATION_INVALID);
    assert_reason(amend(fixture, NULL, format_op("enrol birch govern %s", cedar->text), NULL, NULL),
                  TALLY_REASON_KEY_REUSED);
    assert_reason(amend(fixture, cedar, "admit dogwood D", NULL, NULL),
                  TALLY_REASON_KEY_NOT_IN_FORCE);
    assert_reason(
        amend(fixture, NULL, format_op("revoke %s 0 stolen", cedar->fingerprint), NULL, NULL),
        TALLY_REASON_NONE);
}

/* When a key ended is written once: what comes later does not bring it back to life. */
static void a_key_ends_once(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    const struct actor *alder = &fixture->founders[ALDER];
    const struct actor *desk = &fixture->founders[ALDER_DESK];
    struct draft rotate = draft_amendment(sample, alder);
    draft_op(&rotate, "rotate %s %s", desk->fingerprint, fixture->spare[0].text);
    draft_sign(&rotate, &fixture->spare[0]);
    assert_int_equal(sample_add(sample, &rotate), 1);
    struct draft revoke = draft_amendment(sample, &fixture->founders[BIRCH]);
    draft_sign(&revoke, &fixture->founders[CEDAR]);
    draft_op(&revoke, "revoke %s 1 lost", desk->fingerprint);
    assert_int_equal(sample_add(sample, &revoke), 2);
    struct draft withdraw = draft_amendment(sample, &fixture->founders[BIRCH]);
    draft_sign(&withdraw, &fixture->founders[CEDAR]);
    draft_op(&withdraw, "withdraw alder");
    assert_int_equal(sample_add(sample, &withdraw), 3);
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    const struct tl_roster_key *old = tl_roster_find_key(roster, &desk->key.fingerprint);
    assert_int_equal(old->ended, 1);
    assert_true(old->rotated);
    assert_true(old->revoked);
    assert_int_equal(old->last_valid, 1);
    assert_int_equal(tl_roster_find_key(roster, &alder->key.fingerprint)->ended, 3);
    assert_int_equal(tl_roster_find_key(roster, &fixture->spare[0].key.fingerprint)->ended, 3);
}

/* ---- Races ---- */

static void of_two_amendments_the_second_is_stale(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft first = quorate(fixture);
    draft_op(&first, "admit dogwood D");
    struct draft second = quorate(fixture);
    draft_op(&second, "admit elm E");
    assert_reason(sample_judge(sample, &second), TALLY_REASON_NONE);
    (void)sample_add(sample, &first);
    second.record.index = 1 + 1;
    second.record.link = tl_judge_link(sample->judge);
    second.record.roster = 1;
    second.record.received_us += 1000;
    assert_reason(sample_judge(sample, &second), TALLY_REASON_STALE_AMENDMENT);

    struct draft third = quorate(fixture);
    draft_op(&third, "admit elm E");
    assert_reason(sample_judge(sample, &third), TALLY_REASON_NONE);
    third.fields.ref_count = 0;
    assert_reason(sample_judge(sample, &third), TALLY_REASON_REFERENCE_MISSING);
    draft_ref(sample, &third, "amends", 0);
    assert_reason(sample_judge(sample, &third), TALLY_REASON_STALE_AMENDMENT);
    draft_ref(sample, &third, "amends", 1);
    assert_reason(sample_judge(sample, &third), TALLY_REASON_REFERENCE_SURPLUS);
}

/* ---- What the judge sees before the roster does ---- */

static enum tally_reason amend_directly(const struct sample *sample, struct draft *draft)
{
    struct made *made = sample_make(sample, draft);
    struct tl_roster *after = NULL;
    enum tally_reason reason = TALLY_REASON_COUNT;
    assert_non_null(made);
    assert_status(tl_roster_amend(tl_judge_roster(sample->judge), draft->record.index,
                                  &made->envelope, &made->record.signatures, &after, &reason),
                  TALLY_OK);
    assert_int_equal(after != NULL, reason == TALLY_REASON_NONE);
    tl_roster_free(after);
    made_free(made);
    return reason;
}

static void an_amendment_says_what_it_amends(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft draft = quorate(fixture);
    draft_op(&draft, "admit dogwood D");
    assert_reason(amend_directly(sample, &draft), TALLY_REASON_NONE);
    draft.fields.ref_count = 0;
    assert_reason(amend_directly(sample, &draft), TALLY_REASON_STALE_AMENDMENT);
    draft_ref(sample, &draft, "see", 0);
    assert_reason(amend_directly(sample, &draft), TALLY_REASON_STALE_AMENDMENT);
}

static void signatures_have_their_form(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft charter = good_charter(fixture);
    struct draft amendment = quorate(fixture);
    draft_op(&amendment, "admit dogwood D");
    for (int cut = 0; cut < 2; cut++) {
        enum tally_reason expected = cut == 0 ? TALLY_REASON_NONE : TALLY_REASON_MALFORMED;
        enum tally_reason reason = TALLY_REASON_COUNT;
        struct tl_roster *roster = NULL;
        struct made *made = sample_make(sample, &charter);
        made->record.signatures.blobs[0].len -= (size_t)cut;
        assert_status(tl_roster_from_charter(&made->envelope, &made->record.signatures, &roster,
                                             &reason),
                      TALLY_OK);
        assert_reason(reason, expected);
        assert_int_equal(roster == NULL, cut);
        tl_roster_free(roster);
        made_free(made);

        roster = NULL;
        made = sample_make(sample, &amendment);
        made->record.signatures.blobs[1].len -= (size_t)cut;
        assert_status(tl_roster_amend(tl_judge_roster(sample->judge), 1, &made->envelope,
                                      &made->record.signatures, &roster, &reason),
                      TALLY_OK);
        assert_reason(reason, expected);
        assert_int_equal(roster == NULL, cut);
        tl_roster_free(roster);
        made_free(made);
    }
}

/* ---- Limits ---- */

/* Members are counted for ever, so their number has an end. */
static void members_have_an_end(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct tl_roster *crowd = NULL;
    struct draft draft = quorate(fixture);
    draft_op(&draft, "admit dogwood D");
    struct made *made = sample_make(sample, &draft);
    assert_status(tl_roster_copy(tl_judge_roster(sample->judge), &crowd), TALLY_OK);
    size_t count = crowd->member_count;
    struct tl_member *members =
        tl_realloc(crowd->members, TL_MEMBER_COUNT_MAX * sizeof *crowd->members);
    assert_non_null(members);
    crowd->members = members;
    for (size_t i = count; i < TL_MEMBER_COUNT_MAX; i++) {
        members[i] = (struct tl_member){.withdrawn = 0};
        (void)snprintf(members[i].id, sizeof members[i].id, "m%zu", i);
    }
    for (unsigned more = 0; more < 2; more++) {
        struct tl_roster *after = NULL;
        enum tally_reason reason = TALLY_REASON_COUNT;
        crowd->member_count = TL_MEMBER_COUNT_MAX - 1 + more;
        assert_status(tl_roster_amend(crowd, 1, &made->envelope, &made->record.signatures, &after,
                                      &reason),
                      TALLY_OK);
        assert_reason(reason,
                      more == 0 ? TALLY_REASON_NONE : TALLY_REASON_OPERATION_INVALID);
        tl_roster_free(after);
    }
    tl_roster_free(crowd);
    made_free(made);
}

/* A roster that has only just begun, and a line of no length, are copied like any other. */
static void a_copy_may_be_of_nothing(void **state)
{
    (void)state;
    struct tl_roster *roster = NULL;
    struct tl_roster *copy = NULL;
    assert_status(tl_roster_new(&roster), TALLY_OK);
    assert_status(tl_roster_add_policy(roster, tl_bytes(NULL, 0)), TALLY_OK);
    assert_status(tl_roster_copy(roster, &copy), TALLY_OK);
    assert_int_equal(copy->key_count, 0);
    assert_int_equal(copy->ledger_point_count, 0);
    assert_int_equal(copy->member_count, 1);
    assert_int_equal(copy->policy_count, 1);
    assert_string_equal(copy->policies[0], "");
    tl_roster_free(roster);
    tl_roster_free(copy);
}

/* ---- Memory ---- */

static void running_out_of_memory_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    struct draft draft = quorate(fixture);
    draft_op(&draft, "admit dogwood D");
    draft_op(&draft, "enrol dogwood author %s", fixture->spare[0].text);
    draft_sign(&draft, &fixture->spare[0]);
    struct made *made = sample_make(sample, &draft);
    const struct tl_roster *before = tl_judge_roster(sample->judge);
    size_t keys = before->key_count;
    bool failed = true;
    for (long allowed = 0; failed; allowed++) {
        struct tl_roster *after = NULL;
        enum tally_reason reason = TALLY_REASON_COUNT;
        test_allocations_limit(allowed);
        enum tally_status status =
            tl_roster_amend(before, 1, &made->envelope, &made->record.signatures, &after, &reason);
        failed = test_allocations_unlimit() && status != TALLY_OK;
        assert_int_equal(before->key_count, keys);
        if (failed) {
            assert_status(status, TALLY_ENOMEM);
            assert_null(after);
        } else {
            assert_status(status, TALLY_OK);
            assert_reason(reason, TALLY_REASON_NONE);
            assert_true(allowed >= 6);
        }
        tl_roster_free(after);
    }
    made_free(made);
}

static void many_keys_are_found(void **state)
{
    struct fixture *fixture = *state;
    struct sample *sample = &fixture->sample;
    enum { ROUNDS = 10, EACH = 40 };
    static struct actor crowd[ROUNDS * EACH];
    for (unsigned i = 0; i < ROUNDS * EACH; i++) {
        crowd[i] = actor_make("birch", 2000 + i);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct draft draft = quorate(fixture);
        for (unsigned i = 0; i < EACH; i++) {
            draft_op(&draft, "enrol birch author %s", crowd[round * EACH + i].text);
            draft_sign(&draft, &crowd[round * EACH + i]);
        }
        (void)sample_add(sample, &draft);
    }
    const struct tl_roster *roster = tl_judge_roster(sample->judge);
    assert_int_equal(roster->key_count, 1 + FOUNDER_KEYS + ROUNDS * EACH);
    for (unsigned i = 0; i < ROUNDS * EACH; i++) {
        const struct tl_roster_key *key = tl_roster_find_key(roster, &crowd[i].key.fingerprint);
        assert_ptr_equal(key, &roster->keys[1 + FOUNDER_KEYS + i]);
        assert_int_equal(key->enrolled, 1 + i / EACH);
    }
    for (unsigned i = 0; i < ROUNDS * EACH; i++) {
        actor_end(&crowd[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(charter_makes_the_first_roster, setup, teardown),
        cmocka_unit_test_setup_teardown(every_rule_of_a_charter, setup, teardown),
        cmocka_unit_test_setup_teardown(a_charter_has_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(the_origin_has_its_form, setup, teardown),
        cmocka_unit_test_setup_teardown(every_key_of_a_charter_signs_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_founder_is_the_author_of_a_charter, setup, teardown),
        cmocka_unit_test(quorums_of_one_to_eleven_members),
        cmocka_unit_test(threshold_follows_the_members),
        cmocka_unit_test_setup_teardown(only_good_operations_amend, setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(a_revocation_names_a_key_and_an_index, setup_with_charter,
                                        teardown),
        cmocka_unit_test_setup_teardown(operations_apply_in_order, setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(ledger_key_is_replaced_by_another_of_the_same_origin,
                                        setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(only_governing_members_of_the_roster_before_count,
                                        setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(the_author_governs, setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(a_member_rotates_its_own_key, setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(each_rotation_is_vouched_for, setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_ends_vouches_for_nothing, setup_with_charter,
                                        teardown),
        cmocka_unit_test_setup_teardown(two_keys_of_a_member_are_one_member, setup_with_charter,
                                        teardown),
        cmocka_unit_test_setup_teardown(ended_keys_do_not_count, setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(old_rotations_are_over, setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(a_rotated_key_does_not_count, setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(doubt_lies_between_last_valid_and_the_end,
                                        setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(a_withdrawn_member_is_gone_for_good, setup_with_charter,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_key_ends_once, setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(of_two_amendments_the_second_is_stale, setup_with_charter,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_amendment_says_what_it_amends, setup_with_charter,
                                        teardown),
        cmocka_unit_test_setup_teardown(signatures_have_their_form, setup_with_charter, teardown),
        cmocka_unit_test_setup_teardown(members_have_an_end, setup_with_charter, teardown),
        cmocka_unit_test(a_copy_may_be_of_nothing),
        cmocka_unit_test_setup_teardown(running_out_of_memory_changes_nothing, setup_with_charter,
                                        teardown),
        cmocka_unit_test_setup_teardown(many_keys_are_found, setup_with_charter, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
