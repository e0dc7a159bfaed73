/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/codec/bundle.h"
#include "tests/codec/damage.h"
#include "tests/codec/sample.h"

#define PROOFS_MAX 8u

struct fixture {
    struct sample sample;
    struct tl_buffer receipts[PROOFS_MAX]; /* by index, all of one tree */
    struct tl_buffer other;                /* a receipt of another tree */
    struct tl_buffer text;
};

static int setup(void **state)
{
    struct fixture *fixture = (struct fixture *)calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    sample_init(&fixture->sample);
    fixture->sample.signer_count = 1;
    sample_build(&fixture->sample);
    tl_buffer_init(&fixture->text, 1u << 24);
    for (unsigned i = 0; i < PROOFS_MAX; i++) {
        tl_buffer_init(&fixture->receipts[i], TL_RECEIPT_MAX);
        sample_receipt(&fixture->sample, i, &fixture->receipts[i]);
    }
    fixture->sample.fields.sequence++;
    sample_build(&fixture->sample);
    tl_buffer_init(&fixture->other, TL_RECEIPT_MAX);
    sample_receipt(&fixture->sample, 6, &fixture->other);
    fixture->sample.fields.sequence--;
    sample_build(&fixture->sample);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    for (unsigned i = 0; i < PROOFS_MAX; i++) {
        tl_buffer_deinit(&fixture->receipts[i]);
    }
    tl_buffer_deinit(&fixture->other);
    tl_buffer_deinit(&fixture->text);
    sample_free(&fixture->sample);
    free(fixture);
    return 0;
}

static void add_proof(struct fixture *fixture, char kind, unsigned index)
{
    enum tl_bundle_line_kind kinds = TL_BUNDLE_ENTRY;
    if (kind == 'c') {
        kinds = TL_BUNDLE_CONSTITUTION;
    } else if (kind == 'l') {
        kinds = TL_BUNDLE_LAST;
    }
    tl_bundle_add_proof(&fixture->text, kinds, tl_buffer_bytes(&fixture->receipts[index]));
}

/* "c0 c3 l7 e4 p4.0": the lines of a bundle, a proof by its index, a part by index and position. */
static enum roundtrip decode_lines(struct fixture *fixture, const char *lines)
{
    static const struct tally_hash hashes[2];
    tl_buffer_clear(&fixture->text);
    tl_bundle_begin(&fixture->text);
    for (const char *at = lines; *at != '\0'; at += at[0] == 'p' ? 4 : 2) {
        if (*at == ' ') {
            at++;
        }
        if (*at == 'p') {
            tl_bundle_add_part(&fixture->text, (uint64_t)(at[1] - '0'), (unsigned)(at[3] - '0'),
                               tl_buffer_bytes(&fixture->sample.part_bytes[0]), hashes, 2);
        } else if (*at == 'x') {
            tl_bundle_add_proof(&fixture->text, TL_BUNDLE_ENTRY, tl_buffer_bytes(&fixture->other));
        } else {
            add_proof(fixture, at[0], (unsigned)(at[1] - '0'));
        }
    }
    assert_status(fixture->text.status, TALLY_OK);
    return roundtrip_bundle(tl_buffer_bytes(&fixture->text));
}

static void test_order(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const char *const good[] = {
        "c0 l7 e6",
        "c0 c3 l7 e4 e6",
        "c0 l7 e7",
        "c0 l0 e0",
        "c0 l7 e6 p6.0",
        "c0 l7 e4 e6 p4.0 p4.7 p6.0",
        "c0 l7 e4 e6 p6.0 p6.1",
    };
    static const char *const bad[] = {
        "",
        "c0",
        "c0 l7",
        "l7 e6",
        "c0 e6",
        "e6",
        "c0 l7 l7 e6",
        "c3 c0 l7 e6",
        "c0 c0 l7 e6",
        "c0 l7 e6 e4",
        "c0 l7 e6 e6",
        "c0 e6 l7",
        "l7 c0 e6",
        "c0 l7 p6.0 e6",
        "c0 l7 e6 p4.0",
        "c0 l7 e4 p6.0",
        "c0 l7 e6 p7.0",
        "c0 l7 e6 p6.0 p6.0",
        "c0 l7 e6 p6.1 p6.0",
        "c0 l7 e4 e6 p6.0 p4.0",
        "c0 l7 e6 p6.0 e7",
        "c0 l7 x6",
    };
    for (size_t i = 0; i < TEST_COUNT(good); i++) {
        if (decode_lines(fixture, good[i]) != ROUNDTRIP_SAME) {
            fail_msg("%s", good[i]);
        }
    }
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        if (decode_lines(fixture, bad[i]) != ROUNDTRIP_REFUSED) {
            fail_msg("%s", bad[i]);
        }
    }
}

static void test_fields(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct tl_bundle bundle;
    struct tl_part part;
    tl_buffer_clear(&fixture->text);
    sample_bundle(&fixture->sample, &fixture->text);
    assert_status(tl_bundle_decode(tl_buffer_bytes(&fixture->text), &bundle, NULL), TALLY_OK);
    assert_int_equal(bundle.count, 8);
    assert_int_equal(bundle.lines[0].kind, TL_BUNDLE_CONSTITUTION);
    assert_int_equal(bundle.lines[1].index, 3);
    assert_int_equal(bundle.lines[2].kind, TL_BUNDLE_LAST);
    assert_int_equal(bundle.lines[2].index, 7);
    assert_int_equal(bundle.lines[4].kind, TL_BUNDLE_ENTRY);
    assert_bytes_equal(bundle.lines[4].bytes, tl_buffer_bytes(&fixture->receipts[6]));
    const struct tl_bundle_line *line = &bundle.lines[6];
    assert_int_equal(line->kind, TL_BUNDLE_PART);
    assert_int_equal(line->index, 6);
    assert_int_equal(line->position, SAMPLE_WITHHELD);
    assert_int_equal(line->proof_count, 3);
    struct tally_hash leaf = tl_part_commitment(line->bytes);
    assert_true(tl_tree_verify_inclusion(&leaf, line->position, SAMPLE_PARTS, line->proof,
                                         line->proof_count, &fixture->sample.fields.parts_root));
    assert_status(tl_part_decode(line->bytes, &part), TALLY_OK);
    assert_bytes_text(part.name, "/source");
    tl_bundle_deinit(&bundle);
}

static void test_damage(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    tl_buffer_clear(&fixture->text);
    sample_bundle(&fixture->sample, &fixture->text);
    /* The last bytes hold the part lines; the proofs in front are covered by test_receipt. */
    struct tally_bytes text = tl_buffer_bytes(&fixture->text);
    assert_int_equal(roundtrip_bundle(text), ROUNDTRIP_SAME);
    size_t tail = 1200;
    assert_true(text.len > tail);
    for (size_t i = text.len - tail; i < text.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            fixture->text.ptr[i] ^= (uint8_t)(1u << bit);
            assert_int_not_equal(roundtrip_bundle(text), ROUNDTRIP_DIFFERENT);
            fixture->text.ptr[i] ^= (uint8_t)(1u << bit);
        }
        assert_int_not_equal(roundtrip_bundle(tl_bytes(text.ptr, i)), ROUNDTRIP_DIFFERENT);
    }
}

/* Replaces the first from; returns the line at fault, 0 for none. */
static unsigned check(struct fixture *fixture, const char *from, const char *to)
{
    struct tl_bundle bundle;
    struct tl_buffer changed;
    unsigned line = 0;
    const uint8_t *place =
        (const uint8_t *)memmem(fixture->text.ptr, fixture->text.len, from, strlen(from));
    assert_non_null(place);
    size_t before = (size_t)(place - fixture->text.ptr);
    size_t after = before + strlen(from);
    tl_buffer_init(&changed, 1u << 25);
    tl_buffer_add(&changed, tl_bytes(fixture->text.ptr, before));
    tl_buffer_add_text(&changed, to);
    tl_buffer_add(&changed, tl_bytes(fixture->text.ptr + after, fixture->text.len - after));
    if (tl_bundle_decode(tl_buffer_bytes(&changed), &bundle, &line) == TALLY_OK) {
        tl_bundle_deinit(&bundle);
    }
    tl_buffer_deinit(&changed);
    return line;
}

static void test_forms(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    assert_int_equal(decode_lines(fixture, "c0 l7 e6 p6.0"), ROUNDTRIP_SAME);
    assert_int_equal(check(fixture, "bundle/v1", "bundle/v2"), 1);
    assert_int_equal(check(fixture, "\n", "\r\n"), 1);
    assert_int_equal(check(fixture, "constitution ", "constitution  "), 2);
    assert_int_equal(check(fixture, "last ", "Last "), 3);
    assert_int_equal(check(fixture, "\nlast ", "\n\nlast "), 3);
    assert_int_equal(check(fixture, "part 6", "part 06"), 5);
    assert_int_equal(check(fixture, "part 6 0", "part 6 00"), 5);
    assert_int_equal(check(fixture, "part 6 0", "part 6 256"), 5);
    assert_int_equal(check(fixture, "part 6 0", "part 6 255"), 0);
    assert_int_equal(check(fixture, "part 6 0 ", "part 6 0  "), 5);
    assert_int_equal(check(fixture, "part 6 0 ", "part 6 0 ="), 5);
    assert_int_equal(check(fixture, "AAA=\n", "AAA=\n\n"), 6);
    assert_int_equal(check(fixture, "AAA=\n", "AAA= \n"), 5);
    assert_int_equal(check(fixture, "AAA=\n", "AAB=\n"), 5);
    assert_int_equal(check(fixture, "AAA=\n", "AAA="), 5);
}

/* A part line behind good proofs. */
static enum tally_status decode_part_line(struct fixture *fixture, const char *line)
{
    struct tl_bundle bundle;
    assert_int_equal(decode_lines(fixture, "c0 l7 e6"), ROUNDTRIP_SAME);
    tl_buffer_add_text(&fixture->text, line);
    enum tally_status status =
        tl_bundle_decode(tl_buffer_bytes(&fixture->text), &bundle, NULL);
    if (status == TALLY_OK) {
        assert_int_equal(roundtrip_bundle(tl_buffer_bytes(&fixture->text)), ROUNDTRIP_SAME);
        tl_bundle_deinit(&bundle);
    }
    return status;
}

/* Index, position and part are all there, be the part an empty one. */
static void test_part_lines(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const char *const bad[] = {
        "part \n", "part 6\n", "part 6 \n", "part 6 0\n", "part 6 0\nAAAA\n", "part  0 AAAA\n",
    };
    assert_status(decode_part_line(fixture, "part 6 0 AAAA\n"), TALLY_OK);
    assert_status(decode_part_line(fixture, "part 6 0 \n"), TALLY_OK);
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        assert_status(decode_part_line(fixture, bad[i]), TALLY_EFORMAT);
    }
}

static void test_hash_limit(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const struct tally_hash hashes[TALLY_PROOF_LEN_MAX + 1];
    struct tl_bundle bundle;
    struct tally_bytes part = tl_buffer_bytes(&fixture->sample.part_bytes[0]);
    assert_int_equal(decode_lines(fixture, "c0 l7 e6"), ROUNDTRIP_SAME);
    size_t len = fixture->text.len;
    tl_bundle_add_part(&fixture->text, 6, 0, part, hashes, TALLY_PROOF_LEN_MAX);
    assert_int_equal(roundtrip_bundle(tl_buffer_bytes(&fixture->text)), ROUNDTRIP_SAME);
    fixture->text.len = len;
    tl_bundle_add_part(&fixture->text, 6, 0, part, NULL, 0);
    assert_int_equal(roundtrip_bundle(tl_buffer_bytes(&fixture->text)), ROUNDTRIP_SAME);
    fixture->text.len = len;
    tl_bundle_add_part(&fixture->text, 6, 0, part, hashes, TALLY_PROOF_LEN_MAX + 1);
    assert_status(tl_bundle_decode(tl_buffer_bytes(&fixture->text), &bundle, NULL), TALLY_ETOOBIG);
}

static void test_no_memory(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct tl_bundle bundle;
    assert_int_equal(decode_lines(fixture, "c0 c1 c2 c3 l7 e4 e5 e6 p4.0 p5.0 p6.0"),
                     ROUNDTRIP_SAME);
    for (long count = 0;; count++) {
        test_allocations_limit(count);
        enum tally_status status = tl_bundle_decode(tl_buffer_bytes(&fixture->text), &bundle, NULL);
        (void)test_allocations_unlimit();
        if (status == TALLY_OK) {
            tl_bundle_deinit(&bundle);
            assert_true(count > 8);
            return;
        }
        assert_status(status, TALLY_ENOMEM);
    }
}

static void test_size(void **state)
{
    (void)state;
    struct tl_bundle bundle;
    uint8_t *bytes = (uint8_t *)calloc(1, TL_BUNDLE_MAX + 1);
    assert_non_null(bytes);
    assert_status(tl_bundle_decode(tl_bytes(bytes, TL_BUNDLE_MAX + 1), &bundle, NULL),
                  TALLY_ETOOBIG);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_part_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hash_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
