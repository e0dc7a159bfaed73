/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include <tally/reason.h>

#include "lib/codec/entry_file.h"
#include "tests/codec/damage.h"
#include "tests/codec/sample.h"

struct fixture {
    struct sample sample;
    struct tl_buffer text;
};

static int setup(void **state)
{
    struct fixture *fixture = (struct fixture *)calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    sample_init(&fixture->sample);
    sample_build(&fixture->sample);
    tl_buffer_init(&fixture->text, 1u << 25);
    sample_entry_file(&fixture->sample, &fixture->text);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    sample_free(&fixture->sample);
    tl_buffer_deinit(&fixture->text);
    free(fixture);
    return 0;
}

static void test_fields(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const unsigned opened[] = {SAMPLE_CONFIDENCE, SAMPLE_EXHIBIT, SAMPLE_SEALED_FILE,
                                      SAMPLE_WITHHELD, SAMPLE_TITLE};
    struct tl_entry_file entry;
    struct tl_deposit deposit;
    assert_status(tl_entry_file_decode(tl_buffer_bytes(&fixture->text), &entry, NULL), TALLY_OK);
    assert_bytes_equal(entry.envelope, tl_buffer_bytes(&fixture->sample.envelope));
    assert_int_equal(entry.signatures.count, SAMPLE_KEYS);
    assert_bytes_equal(entry.signatures.blobs[3], tl_buffer_bytes(&fixture->sample.blobs[3]));
    assert_int_equal(entry.commitment_count, SAMPLE_PARTS);
    assert_bytes_equal(entry.commitments, tl_buffer_bytes(&fixture->sample.commitments));
    assert_int_equal(entry.opened.count, TEST_COUNT(opened));
    for (size_t i = 0; i < TEST_COUNT(opened); i++) {
        assert_true(tl_deposit_next(&entry.opened, &deposit));
        assert_int_equal(deposit.position, opened[i]);
        assert_bytes_equal(deposit.bytes, tl_buffer_bytes(&fixture->sample.part_bytes[opened[i]]));
    }
    assert_false(tl_deposit_next(&entry.opened, &deposit));
    assert_true(tl_deposit_next(&entry.sealed, &deposit));
    assert_bytes_equal(deposit.bytes, fixture->sample.ciphertext);
    assert_int_equal(entry.exhibit_count, 2);
    assert_bytes_text(entry.exhibits[0].path, "/home/an analyst/100%/\xc3\xa9.pdf");
    assert_bytes_text(entry.exhibits[1].path, "b");
    tl_entry_file_deinit(&entry);
    const char *path = "/home/an%20analyst/100%25/%C3%A9.pdf\n";
    tl_buffer_add_u8(&fixture->text, '\0');
    assert_non_null(strstr((const char *)fixture->text.ptr, path));
}

static void test_submission(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct tl_entry_file entry;
    struct tl_submission submission;
    struct tl_envelope envelope;
    struct tl_buffer expected;
    struct tl_buffer buffer;
    tl_buffer_init(&expected, 1u << 24);
    tl_buffer_init(&buffer, 1u << 24);
    sample_submission(&fixture->sample, &expected);
    assert_status(tl_entry_file_decode(tl_buffer_bytes(&fixture->text), &entry, NULL), TALLY_OK);
    assert_status(tl_entry_file_submission(&entry, &buffer), TALLY_OK);
    assert_bytes_equal(tl_buffer_bytes(&buffer), tl_buffer_bytes(&expected));
    assert_status(tl_submission_decode(tl_buffer_bytes(&buffer), &submission), TALLY_OK);
    assert_status(tl_envelope_decode(submission.envelope, &envelope, NULL), TALLY_OK);
    assert_int_equal(tl_submission_check(&submission, &envelope), TALLY_REASON_NONE);
    tl_entry_file_deinit(&entry);
    tl_buffer_deinit(&expected);
    tl_buffer_deinit(&buffer);
}

/* What the envelope does not ask for in clear stays here, and so does what cannot be sent. */
static void test_submission_of_others(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct tl_entry_file entry;
    struct tl_submission submission;
    struct tl_buffer opened;
    struct tl_buffer buffer;
    tl_buffer_init(&opened, 1u << 20);
    tl_buffer_init(&buffer, 1u << 25);
    assert_status(tl_entry_file_decode(tl_buffer_bytes(&fixture->text), &entry, NULL), TALLY_OK);
    /* A position behind the last part, where the envelope has a c as well. */
    struct tally_bytes letters = fixture->sample.decoded.letters;
    const uint8_t *behind = memchr(letters.ptr + letters.len, 'c', 200);
    assert_non_null(behind);
    tl_deposit_add(&opened, SAMPLE_TITLE, tl_bytes_text("a"));
    tl_deposit_add(&opened, (unsigned)(behind - letters.ptr), tl_bytes_text("b"));
    entry.opened.count = 2;
    entry.opened.items = tl_buffer_bytes(&opened);
    assert_status(tl_entry_file_submission(&entry, &buffer), TALLY_OK);
    assert_status(tl_submission_decode(tl_buffer_bytes(&buffer), &submission), TALLY_OK);
    assert_int_equal(submission.clear.count, 1);
    /* An envelope that is none. */
    tl_buffer_clear(&buffer);
    tl_buffer_add_text(&buffer, "kept");
    entry.envelope.len--;
    assert_status(tl_entry_file_submission(&entry, &buffer), TALLY_ETRUNCATED);
    entry.envelope.len++;
    /* As long as a submission may be, and a byte longer. */
    size_t room = TALLY_SUBMISSION_MAX + 1;
    uint8_t *zeros = (uint8_t *)calloc(1, room);
    assert_non_null(zeros);
    entry.sealed.items = tl_bytes(zeros, 0);
    assert_status(tl_entry_file_submission(&entry, &buffer), TALLY_OK);
    size_t rest = buffer.len - strlen("kept");
    for (size_t more = 0; more < 2; more++) {
        buffer.len = strlen("kept");
        entry.sealed.items = tl_bytes(zeros, TALLY_SUBMISSION_MAX - rest + more);
        assert_status(tl_entry_file_submission(&entry, &buffer),
                      more == 0 ? TALLY_OK : TALLY_ETOOBIG);
    }
    assert_bytes_text(tl_buffer_bytes(&buffer), "kept");
    free(zeros);
    tl_entry_file_deinit(&entry);
    tl_buffer_deinit(&opened);
    tl_buffer_deinit(&buffer);
}

static void test_damage(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct tally_bytes text = tl_buffer_bytes(&fixture->text);
    assert_int_equal(damage_truncate(text, roundtrip_entry_file), 0);
    damage_all(text, roundtrip_entry_file);
}

/* Replaces the first from in the file and decodes; line 0 means good. */
static void check(const struct fixture *fixture, const char *from, const char *to, unsigned line)
{
    struct tl_entry_file entry;
    struct tl_buffer changed;
    unsigned found = 0;
    const uint8_t *place =
        (const uint8_t *)memmem(fixture->text.ptr, fixture->text.len, from, strlen(from));
    assert_non_null(place);
    size_t before = (size_t)(place - fixture->text.ptr);
    size_t after = before + strlen(from);
    tl_buffer_init(&changed, 1u << 25);
    tl_buffer_add(&changed, tl_bytes(fixture->text.ptr, before));
    tl_buffer_add_text(&changed, to);
    tl_buffer_add(&changed, tl_bytes(fixture->text.ptr + after, fixture->text.len - after));
    enum tally_status status = tl_entry_file_decode(tl_buffer_bytes(&changed), &entry, &found);
    if (status == TALLY_OK) {
        tl_entry_file_deinit(&entry);
        assert_int_equal(roundtrip_entry_file(tl_buffer_bytes(&changed)), ROUNDTRIP_SAME);
    }
    if (found != line) {
        fail_msg("\"%s\" to \"%s\": line %u, expected %u", from, to, found, line);
    }
    tl_buffer_deinit(&changed);
}

static void test_forms(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    /* Line 1 head, 2 envelope, 3-6 signatures, 7 commitments, 8-12 parts, 13 sealed, 14-15 files */
    check(fixture, "tally-entry/v1", "tally-entry/v2", 1);
    check(fixture, "\nenvelope ", "\nenvelope\t", 2);
    check(fixture, "\nenvelope ", "\nenvelope  ", 2);
    check(fixture, "\nenvelope dGFsbHkvdjE", "\nenvelope dGFsbHkvdjI", 2); /* tally/v2 */
    check(fixture, "\nsignature ", "\nsignature !", 3);
    check(fixture, "\ncommitments ", "\ncommitments -\nx ", 7);
    check(fixture, "\ncommitments ", "\ncommitments AAAA", 7);
    check(fixture, "\npart 0 ", "\npart 00 ", 8);
    check(fixture, "\npart 0 ", "\npart 1 ", 9);
    check(fixture, "\npart 3 ", "\npart 1 ", 10);
    check(fixture, "\npart 3 ", "\npart 4 ", 10); /* its letter is s */
    check(fixture, "\npart 7 ", "\npart 8 ", 12);
    check(fixture, "\npart 7 ", "\npart 256 ", 12);
    check(fixture, "\npart 5 ", "\npart 6 ", 0); /* a decoy cannot be told by its letter */
    check(fixture, "\nsealed 4 ", "\nsealed 5 ", 13);
    check(fixture, "\nsealed 4 ", "\nsealed 04 ", 13);
    check(fixture, "\nsealed 4 ", "\npart 4 ", 13);
    check(fixture, " 20481 ", " 20482 ", 14);
    check(fixture, " 20481 ", " 020481 ", 14);
    check(fixture, "\nfile oaGh", "\nfile oaGi", 14);
    check(fixture, " b\n", " \n", 15);
    check(fixture, " b\n", "\n", 15);
    check(fixture, " b\n", " c\nfile x\n", 16);
    check(fixture, " b\n", " c\n\n", 16);
    check(fixture, " b\n", " c", 15);
    check(fixture, " b\n", " c\r\n", 15);
}

static void test_paths(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const char *const good[] = {"a",    "%20", "%25",   "%FF%0A", "~a/../b",
                                       "!\"#", "%7F", "a%09b", "%C3%A9"};
    static const char *const bad[] = {"a b", "%",   "%2",  "%2g",  "%ff",  "%c3", "%41", "%21",
                                      "%7E", "%00", "a%0", "\x7f", "\xc3", "a\t", "%%",  "%2F"};
    char line[64];
    for (size_t i = 0; i < TEST_COUNT(good); i++) {
        (void)snprintf(line, sizeof line, " %s\n", good[i]);
        check(fixture, " b\n", line, 0);
    }
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        (void)snprintf(line, sizeof line, " %s\n", bad[i]);
        check(fixture, " b\n", line, 15);
    }
}

/* A charter that collects signatures: no parts, no files, and more signatures later. */
static void test_charter(void **state)
{
    (void)state;
    struct tl_buffer envelope;
    struct tl_buffer blob;
    struct tl_buffer text;
    struct tl_buffer submission;
    struct tl_entry_file entry = {.commitment_count = 0};
    tl_buffer_init(&envelope, TALLY_ENVELOPE_MAX);
    tl_buffer_init(&blob, TL_SSHSIG_BLOB_MAX);
    tl_buffer_init(&text, 1u << 20);
    tl_buffer_init(&submission, 1u << 20);
    sample_charter(&envelope);
    entry.envelope = tl_buffer_bytes(&envelope);
    tl_entry_file_encode(&entry, &text);
    assert_int_equal(roundtrip_entry_file(tl_buffer_bytes(&text)), ROUNDTRIP_SAME);

    sample_sign(0, entry.envelope, &blob);
    entry.signatures.count = TALLY_SIGNATURE_COUNT_MAX;
    for (unsigned i = 0; i < TALLY_SIGNATURE_COUNT_MAX; i++) {
        entry.signatures.blobs[i] = tl_buffer_bytes(&blob);
    }
    tl_buffer_clear(&text);
    tl_entry_file_encode(&entry, &text);
    assert_int_equal(roundtrip_entry_file(tl_buffer_bytes(&text)), ROUNDTRIP_SAME);
    assert_status(tl_entry_file_submission(&entry, &submission), TALLY_OK);
    assert_int_equal(roundtrip_submission(tl_buffer_bytes(&submission)), ROUNDTRIP_SAME);

    /* One signature more than a record holds. */
    const char *rest = "commitments -\n";
    text.len -= strlen(rest);
    tl_buffer_add_text(&text, "signature ");
    tl_buffer_add_base64(&text, tl_buffer_bytes(&blob));
    tl_buffer_add_text(&text, "\n");
    tl_buffer_add_text(&text, rest);
    unsigned line = 0;
    assert_status(tl_entry_file_decode(tl_buffer_bytes(&text), &entry, &line), TALLY_ETOOBIG);
    assert_int_equal(line, 3 + TALLY_SIGNATURE_COUNT_MAX);
    tl_buffer_deinit(&envelope);
    tl_buffer_deinit(&blob);
    tl_buffer_deinit(&text);
    tl_buffer_deinit(&submission);
}

static void test_size(void **state)
{
    (void)state;
    struct tl_entry_file entry;
    unsigned line = 7;
    uint8_t *bytes = (uint8_t *)calloc(1, TALLY_ENTRY_FILE_MAX + 1);
    assert_non_null(bytes);
    assert_status(tl_entry_file_decode(tl_bytes(bytes, TALLY_ENTRY_FILE_MAX + 1), &entry, &line),
                  TALLY_ETOOBIG);
    free(bytes);
}

static void test_no_memory(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct tl_entry_file entry;
    struct tl_buffer buffer;
    for (long count = 0;; count++) {
        tl_buffer_init(&buffer, 1u << 24);
        test_allocations_limit(count);
        enum tally_status status =
            tl_entry_file_decode(tl_buffer_bytes(&fixture->text), &entry, NULL);
        if (status == TALLY_OK) {
            status = tl_entry_file_submission(&entry, &buffer);
            tl_entry_file_deinit(&entry);
        }
        bool reached = test_allocations_unlimit();
        assert_true(status == TALLY_OK || buffer.len == 0);
        tl_buffer_deinit(&buffer);
        if (status == TALLY_OK) {
            assert_true(count > 2 && reached);
            return;
        }
        assert_status(status, TALLY_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_submission, setup, teardown),
        cmocka_unit_test_setup_teardown(test_submission_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
        cmocka_unit_test(test_charter),
        cmocka_unit_test(test_size),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
