/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/base/text.h"
#include "lib/codec/envelope.h"
#include "tests/codec/damage.h"
#include "tests/codec/sample.h"

#define HASH_A "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs="
#define HASH_B "PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0="
#define HASH_C "Ln0sA6lQeuJl7PW1NWiFpTOTogKdJBOUmXJloaJa78Y="
#define EMPTY_ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static const char good[] = "tally/v1 finding\n"
                           "ledger sB4m0/WlEwudjYIcWp1h58fYbfc18ovc1mIPxYrBAG4=\n"
                           "member alder\n"
                           "key SHA256:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs\n"
                           "sequence 17\n"
                           "previous " HASH_B "\n"
                           "seen 411 " HASH_C "\n"
                           "signed 2026-11-23T15:56:07Z\n"
                           "parts 8 " HASH_A " ccwcswww\n"
                           "sealed 4 " HASH_C " 1432\n"
                           "file clear " HASH_B " 20481\n"
                           "file sealed " HASH_B " 20481\n"
                           "ref corroborates 398 " HASH_B "\n"
                           "ref see 4 " HASH_B "\n";

static const char amendment[] = "tally/v1 amendment\n"
                                "ledger sB4m0/WlEwudjYIcWp1h58fYbfc18ovc1mIPxYrBAG4=\n"
                                "member alder\n"
                                "key SHA256:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs\n"
                                "sequence 0\n"
                                "previous -\n"
                                "seen 411 " HASH_C "\n"
                                "signed 2026-11-23T15:56:07Z\n"
                                "parts 0 " EMPTY_ROOT " -\n"
                                "ref amends 0 " HASH_B "\n"
                                "op withdraw birch\n"
                                "op threshold amend 2\n";

static const char charter[] = "tally/v1 charter\n"
                              "ledger -\n"
                              "member alder\n"
                              "key SHA256:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs\n"
                              "sequence 0\n"
                              "previous -\n"
                              "seen -\n"
                              "signed 2026-11-23T15:56:07Z\n"
                              "parts 0 " EMPTY_ROOT " -\n"
                              "op origin example.org/ledger\n";

struct change {
    const char *from;
    const char *to;
    unsigned line; /* 0: the change is good */
};

/* Applies the change to text at its first place; decodes the result. */
static void check_change(const char *text, const struct change *change)
{
    char changed[2048];
    struct tl_envelope envelope;
    struct tl_envelope_fault fault = {0};
    const char *place = strstr(text, change->from);
    assert_non_null(place);
    int len = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(place - text), text, change->to,
                       place + strlen(change->from));
    assert_true(len > 0 && (size_t)len < sizeof changed);
    struct tally_bytes bytes = tl_bytes(changed, (size_t)len);
    enum tally_status status = tl_envelope_decode(bytes, &envelope, &fault);
    if (change->line == 0) {
        assert_status(status, TALLY_OK);
        assert_int_equal(roundtrip_envelope(bytes), ROUNDTRIP_SAME);
        return;
    }
    if (status == TALLY_OK || fault.line != change->line) {
        print_error("change of \"%s\" to \"%s\": line %u\n", change->from, change->to, fault.line);
    }
    assert_int_not_equal(status, TALLY_OK);
    assert_int_equal(fault.line, change->line);
    assert_true(strlen(fault.what) > 0);
}

static void test_fields(void **state)
{
    (void)state;
    struct tl_envelope envelope;
    struct tally_hash hash;
    assert_status(tl_envelope_decode(tl_bytes_text(good), &envelope, NULL), TALLY_OK);
    assert_bytes_text(envelope.text, good);
    assert_bytes_text(envelope.type, "finding");
    assert_bytes_text(envelope.member, "alder");
    assert_true(envelope.has_ledger && envelope.has_previous && envelope.has_seen);
    assert_int_equal(envelope.sequence, 17);
    assert_int_equal(envelope.seen_index, 411);
    assert_status(tl_hash_parse(tl_bytes_text(HASH_A), &hash), TALLY_OK);
    assert_true(tl_hash_equal(&envelope.key, &hash));
    assert_true(tl_hash_equal(&envelope.parts_root, &hash));
    assert_status(tl_hash_parse(tl_bytes_text(HASH_B), &hash), TALLY_OK);
    assert_true(tl_hash_equal(&envelope.previous, &hash));
    assert_status(tl_hash_parse(tl_bytes_text(HASH_C), &hash), TALLY_OK);
    assert_true(tl_hash_equal(&envelope.seen_leaf, &hash));
    assert_int_equal(envelope.signed_s, 1795449367);
    assert_int_equal(envelope.part_count, 8);
    assert_bytes_text(envelope.letters, "ccwcswww");
    assert_int_equal(envelope.sealed_count, 1);
    assert_int_equal(envelope.file_count, 2);
    assert_int_equal(envelope.ref_count, 2);
    assert_int_equal(envelope.op_count, 0);
    assert_false(tl_envelope_is_constitution(&envelope));
}

static void test_lists(void **state)
{
    (void)state;
    struct tl_envelope envelope;
    struct tl_sealed_line sealed;
    struct tl_file_line file;
    struct tl_ref_line ref;
    struct tally_bytes op;
    assert_status(tl_envelope_decode(tl_bytes_text(good), &envelope, NULL), TALLY_OK);
    assert_true(tl_envelope_next_sealed(&envelope.sealed_lines, &sealed));
    assert_int_equal(sealed.position, 4);
    assert_int_equal(sealed.size, 1432);
    assert_false(tl_envelope_next_sealed(&envelope.sealed_lines, &sealed));
    assert_true(tl_envelope_next_file(&envelope.file_lines, &file));
    assert_false(file.sealed);
    assert_int_equal(file.size, 20481);
    assert_true(tl_envelope_next_file(&envelope.file_lines, &file));
    assert_true(file.sealed);
    assert_false(tl_envelope_next_file(&envelope.file_lines, &file));
    assert_true(tl_envelope_next_ref(&envelope.ref_lines, &ref));
    assert_bytes_text(ref.relation, "corroborates");
    assert_int_equal(ref.index, 398);
    assert_true(tl_envelope_next_ref(&envelope.ref_lines, &ref));
    assert_bytes_text(ref.relation, "see");
    assert_false(tl_envelope_next_ref(&envelope.ref_lines, &ref));
    assert_false(tl_envelope_next_op(&envelope.op_lines, &op));

    assert_status(tl_envelope_decode(tl_bytes_text(amendment), &envelope, NULL), TALLY_OK);
    assert_true(tl_envelope_is_constitution(&envelope));
    assert_int_equal(envelope.op_count, 2);
    assert_true(tl_envelope_next_op(&envelope.op_lines, &op));
    assert_bytes_text(op, "withdraw birch");
    assert_true(tl_envelope_next_op(&envelope.op_lines, &op));
    assert_bytes_text(op, "threshold amend 2");
    assert_false(tl_envelope_next_op(&envelope.op_lines, &op));
}

static void test_charter(void **state)
{
    (void)state;
    struct tl_envelope envelope;
    assert_status(tl_envelope_decode(tl_bytes_text(charter), &envelope, NULL), TALLY_OK);
    assert_false(envelope.has_ledger || envelope.has_previous || envelope.has_seen);
    assert_true(tl_envelope_is_constitution(&envelope));
    struct tally_hash hash = tl_envelope_hash(&envelope);
    char text[TL_HASH_BASE64_LEN + 1];
    tl_hash_format(&hash, text);
    /* The same by openssl dgst -sha256 -binary | base64. */
    assert_string_equal(text, "TPEXSG0E9TooPB5Cj+5HEQnrlBezj/vfvlnyIn+cy1E=");
}

static void test_good_changes(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"finding", "some-later-type", 0},
        {"finding", "a2345678901234567890123456789012", 0},
        {"sequence 17", "sequence 9223372036854775807", 0},
        {"seen 411", "seen 9223372036854775807", 0},
        {"398", "411", 0},
        {"2026-11-23T15:56:07Z", "2028-02-29T00:00:00Z", 0},
        {"1432", "0", 0},
        {"20481", "9223372036854775807", 0},
        {"ref see 4 " HASH_B "\n", "", 0},
    };
    for (size_t i = 0; i < TEST_COUNT(changes); i++) {
        check_change(good, &changes[i]);
    }
    static const struct change first = {"17\nprevious " HASH_B, "1\nprevious -", 0};
    check_change(good, &first);
}

static void test_bad_head(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"tally/v1", "tally/v2", 1},
        {"tally/v1 ", "tally/v1", 1},
        {"tally/v1", " tally/v1", 1},
        {"finding\n", "finding \n", 1},
        {"finding\n", "finding\r\n", 1},
        {"finding", "Finding", 1},
        {"finding", "", 1},
        {"finding", "a23456789012345678901234567890123", 1},
        {"finding", "charter", 2},
        {"finding", "amendment", 5},
        {"ledger ", "ledger -\nledger ", 2},
        {"ledger sB4m0/WlEwudjYIcWp1h58fYbfc18ovc1mIPxYrBAG4=", "ledger -", 2},
        {"BAG4=", "BAG5=", 2}, /* trailing bits */
        {"BAG4=", "BAG4", 2},
        {"BAG4=", "BA==", 2},
        {"member alder", "member Alder", 3},
        {"member alder", "member alder ", 3},
        {"member alder", "member", 3},
        {"member alder", "member a/b", 3},
        {"SHA256:", "sha256:", 4},
        {"SHA256:", "", 4},
        {"uSLs\n", "uSLs=\n", 4},
        {"uSLs\n", "uSLt\n", 4},
        {"key SHA256:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs\n", "", 4},
        {"sequence 17", "sequence 017", 5},
        {"sequence 17", "sequence +17", 5},
        {"sequence 17", "sequence 0", 5},
        {"sequence 17", "sequence 9223372036854775808", 5},
        {"sequence 17", "sequence 1", 6},
        {"previous " HASH_B, "previous -", 6},
        {"previous " HASH_B, "previous", 6},
        {"seen 411 " HASH_C, "seen -", 7},
        {"seen 411", "seen 0411", 7},
        {"seen 411 ", "seen 411  ", 7},
        {"seen 411 " HASH_C, "seen 411", 7},
    };
    for (size_t i = 0; i < TEST_COUNT(changes); i++) {
        check_change(good, &changes[i]);
    }
}

static void test_bad_time(void **state)
{
    (void)state;
    static const char *const times[] = {
        "2026-02-29T15:56:07Z",
        "2026-13-01T15:56:07Z",
        "2026-00-01T15:56:07Z",
        "2026-11-31T15:56:07Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T15:60:07Z",
        "2026-11-23T15:56:60Z",
        "2026-11-23t15:56:07z",
        "2026-11-23T15:56:07+00:00",
        "2026-11-23T15:56:07.0Z",
        "2026-11-23 15:56:07Z",
        "1969-12-31T23:59:59Z",
        "-",
    };
    for (size_t i = 0; i < TEST_COUNT(times); i++) {
        struct change change = {"2026-11-23T15:56:07Z", times[i], 8};
        check_change(good, &change);
    }
}

static void test_bad_parts(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"parts 8", "parts 08", 9},
        {"parts 8", "parts 7", 9},
        {"parts 8", "parts 9", 9},
        {"parts 8", "parts 0", 9},
        {"parts 8", "parts 257", 9},
        {"ccwcswww", "ccwcsxww", 9},
        {"ccwcswww", "CCwcswww", 9},
        {"ccwcswww", "ccwcswww ", 9},
        {"ccwcswww", "-", 9},
        {" ccwcswww", "", 9},
        {"parts 8 " HASH_A " ccwcswww\nsealed 4 " HASH_C " 1432\n", "parts 0 " HASH_A " -\n", 9},
        {"parts 8 " HASH_A " ccwcswww\nsealed 4 " HASH_C " 1432\n",
         "parts 0 " EMPTY_ROOT " -\nsealed 4 " HASH_C " 1432\n", 10},
        {"ccwcswww", "ccwcwwww", 10}, /* a sealed line too many */
        {"ccwcswww", "ccwcssww", 11}, /* and one too few */
        {"ccwcswww", "ccwccsww", 10}, /* another position */
        {"ccwcswww", "ccwswwww", 10},
        {"sealed 4", "sealed 04", 10},
        {"sealed 4", "sealed 256", 10},
        {"1432", "01432", 10},
        {"1432", "-1", 10},
        {"1432", "9223372036854775808", 10},
        {"1432", "1432 ", 10},
    };
    for (size_t i = 0; i < TEST_COUNT(changes); i++) {
        check_change(good, &changes[i]);
    }
}

static void test_bad_lists(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"file clear", "file open", 11},
        {"file clear", "file  clear", 11},
        {"20481", "020481", 11},
        {"file clear " HASH_B " 20481\n",
         "file clear " HASH_B " 20481\nfile clear " HASH_B " 20481\n", 12},
        {"file clear " HASH_B " 20481\n", "file sealed " HASH_C " 1\nfile clear " HASH_B " 1\n",
         12},
        {"ref corroborates 398", "ref corroborates 412", 13},
        {"ref corroborates 398", "ref corroborates 0398", 13},
        {"ref corroborates 398", "ref Corroborates 398", 13},
        {"ref corroborates 398", "ref zz 398", 14},
        {"ref see 4", "ref corroborates 4", 0},
        {"ref see 4", "ref corroborates 30", 14}, /* bytewise, not by number */
        {"ref see 4", "ref corroborates 398", 14},
        {"ref see 4 " HASH_B "\n", "ref see 4 " HASH_B, 14},
        {"ref see 4 " HASH_B "\n", "ref see 4 " HASH_B "\n\n", 15},
        {"ref see 4 " HASH_B "\n", "ref see 4 " HASH_B "\nop withdraw birch\n", 15},
        {"ref see 4 " HASH_B "\n", "ref see 4 " HASH_B "\nfile clear " HASH_C " 1\n", 15},
    };
    for (size_t i = 0; i < TEST_COUNT(changes); i++) {
        check_change(good, &changes[i]);
    }
}

static void test_bad_constitution(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"amendment", "finding", 5},
        {"sequence 0", "sequence 1", 5},
        {"previous -", "previous " HASH_B, 6},
        {"parts 0 " EMPTY_ROOT " -", "parts 1 " HASH_A " c", 9},
        {"parts 0 " EMPTY_ROOT " -", "parts 0 " HASH_A " -", 9},
        {"ref amends", "file clear " HASH_A " 1\nref amends", 10},
        {"op withdraw birch\nop threshold amend 2\n", "", 10},
        {"op withdraw birch", "op ", 11},
        {"op withdraw birch", "op withdraw\tbirch", 11},
        {"op withdraw birch", "op withdraw \xc3\xa9", 11},
        {"op withdraw birch", "op withdraw \x7f", 11},
        {"op withdraw birch", "op withdraw birch\r", 11},
        {"op threshold amend 2\n", "op threshold amend 2\nref see 1 " HASH_B "\n", 13},
    };
    for (size_t i = 0; i < TEST_COUNT(changes); i++) {
        check_change(amendment, &changes[i]);
    }
    static const struct change of_charter[] = {
        {"ledger -", "ledger " HASH_A, 2},
        {"seen -", "seen 0 " HASH_A, 7},
        {"op origin", "ref see 0 " HASH_A "\nop origin", 10},
        {"charter", "continuation", 2},
    };
    for (size_t i = 0; i < TEST_COUNT(of_charter); i++) {
        check_change(charter, &of_charter[i]);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct tl_envelope envelope;
    struct tl_envelope_fault fault;
    struct tl_buffer buffer;
    char line[128];
    tl_buffer_init(&buffer, 1u << 20);
    tl_buffer_add(&buffer, tl_bytes(good, (size_t)(strstr(good, "ref cor") - good)));
    for (unsigned i = 0; i < TALLY_REF_COUNT_MAX; i++) {
        (void)snprintf(line, sizeof line, "ref a%03u 1 " HASH_B "\n", i);
        tl_buffer_add_text(&buffer, line);
    }
    assert_status(tl_envelope_decode(tl_buffer_bytes(&buffer), &envelope, NULL), TALLY_OK);
    assert_int_equal(envelope.ref_count, TALLY_REF_COUNT_MAX);
    tl_buffer_add_text(&buffer, "ref b 1 " HASH_B "\n");
    assert_status(tl_envelope_decode(tl_buffer_bytes(&buffer), &envelope, &fault), TALLY_ETOOBIG);
    assert_int_equal(fault.line, 12 + TALLY_REF_COUNT_MAX + 1);

    /* Exactly as long as allowed, then one byte longer. */
    tl_buffer_clear(&buffer);
    tl_buffer_add_text(&buffer, charter);
    tl_buffer_add_text(&buffer, "op ");
    while (buffer.len < TALLY_ENVELOPE_MAX - 1) {
        tl_buffer_add_u8(&buffer, 'x');
    }
    tl_buffer_add_u8(&buffer, '\n');
    assert_int_equal(buffer.len, TALLY_ENVELOPE_MAX);
    assert_int_equal(roundtrip_envelope(tl_buffer_bytes(&buffer)), ROUNDTRIP_SAME);
    buffer.ptr[buffer.len - 1] = 'x';
    tl_buffer_add_u8(&buffer, '\n');
    assert_status(tl_envelope_decode(tl_buffer_bytes(&buffer), &envelope, &fault), TALLY_ETOOBIG);
    tl_buffer_deinit(&buffer);
}

static void test_part_count_limit(void **state)
{
    (void)state;
    char letters[TALLY_PART_COUNT_MAX + 2];
    char to[512];
    memset(letters, 'w', sizeof letters);
    letters[TALLY_PART_COUNT_MAX] = '\0';
    (void)snprintf(to, sizeof to, "parts 256 " HASH_A " %s", letters);
    struct change change = {"parts 8 " HASH_A " ccwcswww\nsealed 4 " HASH_C " 1432", to, 0};
    check_change(good, &change);
}

static void test_truncated(void **state)
{
    (void)state;
    struct tl_envelope envelope;
    struct tl_envelope_fault fault;
    assert_status(tl_envelope_decode(tl_bytes(NULL, 0), &envelope, &fault), TALLY_ETRUNCATED);
    assert_int_equal(fault.line, 1);
    assert_status(tl_envelope_decode(tl_bytes(good, strlen(good) - 1), &envelope, &fault),
                  TALLY_ETRUNCATED);
    assert_int_equal(fault.line, 14);
    /* Whole ref and file lines can be cut off: their number is signed for by nothing else. */
    assert_int_equal(damage_truncate(tl_bytes_text(good), roundtrip_envelope), 4);
    assert_int_equal(damage_truncate(tl_bytes_text(charter), roundtrip_envelope), 0);
}

static void test_damage(void **state)
{
    (void)state;
    damage_all(tl_bytes_text(good), roundtrip_envelope);
    damage_all(tl_bytes_text(amendment), roundtrip_envelope);
    damage_all(tl_bytes_text(charter), roundtrip_envelope);
}

static void test_encode(void **state)
{
    (void)state;
    struct sample sample;
    struct tl_envelope_fault fault = {0};
    struct tl_buffer buffer;
    sample_init(&sample);
    sample_build(&sample);
    tl_buffer_init(&buffer, 1u << 20);
    tl_buffer_add_text(&buffer, "kept");
    assert_status(tl_envelope_encode(&sample.fields, &buffer, &fault), TALLY_OK);
    assert_bytes_equal(tl_bytes(buffer.ptr + 4, buffer.len - 4), sample.decoded.text);
    buffer.len = 4;

    struct tl_envelope_fields fields = sample.fields;
    fields.member = tl_bytes_text("not an id");
    assert_status(tl_envelope_encode(&fields, &buffer, &fault), TALLY_EFORMAT);
    assert_int_equal(fault.line, 3);
    assert_bytes_text(tl_buffer_bytes(&buffer), "kept");

    fields = sample.fields;
    fields.signed_s = UINT64_MAX;
    assert_status(tl_envelope_encode(&fields, &buffer, &fault), TALLY_EFORMAT);
    fields = sample.fields;
    fields.sequence = UINT64_MAX;
    assert_status(tl_envelope_encode(&fields, &buffer, &fault), TALLY_EFORMAT);

    /* One field that reads as two lines. */
    struct tl_ref_line refs[2] = {sample.refs[0], sample.refs[1]};
    refs[0].relation = tl_bytes_text("a 1 " HASH_B "\nref cites");
    fields = sample.fields;
    fields.refs = refs;
    assert_status(tl_envelope_encode(&fields, &buffer, &fault), TALLY_EFORMAT);
    refs[0] = sample.refs[1];
    refs[1] = sample.refs[0];
    assert_status(tl_envelope_encode(&fields, &buffer, &fault), TALLY_EFORMAT);
    assert_bytes_text(tl_buffer_bytes(&buffer), "kept");

    struct tl_buffer small;
    tl_buffer_init(&small, 100);
    assert_status(tl_envelope_encode(&sample.fields, &small, &fault), TALLY_ETOOBIG);
    assert_int_equal(small.len, 0);
    tl_buffer_deinit(&small);
    tl_buffer_deinit(&buffer);
    sample_free(&sample);
}

/* Text that a field brings in may not become a line of its own, of whichever list. */
static void test_encode_line_breaks(void **state)
{
    (void)state;
    static const struct {
        const char *letters;
        const char *op;
        bool good;
    } cases[] = {
        {"c", NULL, true},
        {"c\nfile clear " HASH_B " 1", NULL, false},
        {"s\nsealed 0 " HASH_B " 1", NULL, false},
        {NULL, "withdraw birch", true},
        {NULL, "withdraw birch\nop withdraw elm", false},
    };
    struct tally_hash hash = test_hash(9);
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TALLY_ENVELOPE_MAX);
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        struct tally_bytes op = tl_bytes_text(cases[i].op == NULL ? "" : cases[i].op);
        struct tl_envelope_fields fields = {
            .type = tl_bytes_text(cases[i].op == NULL ? "finding" : "amendment"),
            .ledger = &hash,
            .member = tl_bytes_text("alder"),
            .key = hash,
            .sequence = cases[i].op == NULL ? 1 : 0,
            .has_seen = true,
            .part_count = cases[i].op == NULL ? 1 : 0,
            .parts_root = cases[i].op == NULL ? hash : tl_tree_empty(),
            .letters = tl_bytes_text(cases[i].letters == NULL ? "" : cases[i].letters),
            .ops = &op,
            .op_count = cases[i].op == NULL ? 0 : 1,
        };
        tl_buffer_clear(&buffer);
        /* Nobody has to ask what is wrong. */
        assert_status(tl_envelope_encode(&fields, &buffer, NULL),
                      cases[i].good ? TALLY_OK : TALLY_EFORMAT);
        assert_int_equal(buffer.len > 0, cases[i].good);
    }
    tl_buffer_deinit(&buffer);
}

static void next_sealed(void *context)
{
    struct tl_sealed_line line;
    (void)tl_envelope_next_sealed((struct tally_bytes *)context, &line);
}

static void next_file(void *context)
{
    struct tl_file_line line;
    (void)tl_envelope_next_file((struct tally_bytes *)context, &line);
}

static void next_ref(void *context)
{
    struct tl_ref_line line;
    (void)tl_envelope_next_ref((struct tally_bytes *)context, &line);
}

static void next_op(void *context)
{
    struct tally_bytes operation;
    (void)tl_envelope_next_op((struct tally_bytes *)context, &operation);
}

/* A line that no decoder has seen is not passed over: who asks for it has made a mistake. */
static void test_lists_of_others(void **state)
{
    (void)state;
    static const struct {
        void (*next)(void *context);
        const char *good;
        const char *bad;
    } lists[] = {
        {next_sealed, "sealed 4 " HASH_C " 1\n", "sealed 04 " HASH_C " 1\n"},
        {next_file, "file clear " HASH_B " 1\n", "file open " HASH_B " 1\n"},
        {next_ref, "ref see 4 " HASH_B "\n", "ref see 04 " HASH_B "\n"},
        {next_op, "op x\n", "op \n"},
    };
    for (size_t i = 0; i < TEST_COUNT(lists); i++) {
        for (size_t other = 0; other < TEST_COUNT(lists); other++) {
            struct tally_bytes lines = tl_bytes_text(lists[other].good);
            assert_int_equal(test_aborts(lists[i].next, &lines), i != other);
        }
        struct tally_bytes lines = tl_bytes_text(lists[i].bad);
        assert_true(test_aborts(lists[i].next, &lines));
        lines = tl_bytes(lists[i].good, strlen(lists[i].good) - 1);
        assert_true(test_aborts(lists[i].next, &lines));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),           cmocka_unit_test(test_lists),
        cmocka_unit_test(test_charter),          cmocka_unit_test(test_good_changes),
        cmocka_unit_test(test_bad_head),         cmocka_unit_test(test_bad_time),
        cmocka_unit_test(test_bad_parts),        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_bad_constitution), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_part_count_limit), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damage),           cmocka_unit_test(test_encode),
        cmocka_unit_test(test_encode_line_breaks), cmocka_unit_test(test_lists_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
