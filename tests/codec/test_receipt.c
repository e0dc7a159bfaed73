/* SPDX-License-Identifier: ISC */
#include "tests/support/test.h"

#include "lib/base/text.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/receipt.h"
#include "tests/codec/damage.h"
#include "tests/codec/sample.h"

#define DASH "\xe2\x80\x94 "
#define HEAD "c2sp.org/tlog-proof@v1\n"
#define HASH "sYn8cwpLdPpcR0ElwOi/9ncaYcYz5liTqpWoIwkW0TA="

/* transparency-dev/formats proof/tlog_proof_test.go and, made with the keys of our own notes, a
 * proof that torchwood's VerifyProof accepts: entry "entry 200\n" in a log of 302 such entries. */
static const char outside_vkey[] =
    "example.com/ledger+40f51465+AYjQnJzyrT9ovTgPg2CUkrX+zlgXvFdZTocX/gzueyCL";
static const char outside_proof[] =
    HEAD "index 200\n" HASH "\n"
         "gh8nV42UZOMuSnNiB8ou/zdod0cKmfCHPqquDzQ8/iI=\n"
         "qaEQmZt41U1ZujR9FEKesqd67essin3/lMHB/rXxUaY=\n"
         "4oPGkUuUFjxTkVTXqG+0Rg5xvJ/uqmGVWC/erOezp0s=\n"
         "4FiR3Q52ICAC2alGMu4/GzbRamItwzYT82tGXW/SMNk=\n"
         "PxcREAYqUYPLosyL/fcGqG4JpQOrA56PCrOkPp2p1AQ=\n"
         "FfJAj/XadvMNpmjJG4G9mzeKfa++iWcWV/t31v9mUIs=\n"
         "+xGgpbadygXeXzzoX/s4npBlMHRiGh79mKVrnqcN8YI=\n"
         "dZhucdUh/j76Z6og4Yphl2nupj/PGo5K6CGKcMWGnnE=\n"
         "\n"
         "example.com/ledger\n302\n4VC4l3gjEn616F7i7FwroB3TWj7z5bjqGE93bWvTJ8w=\n\n" DASH
         "example.com/ledger "
         "QPUUZcvJHaO8MKoKjIL3JhAVIUQanlWsmulAuA4wkphe2AUsbP4IXqaij4FyJ6Hxn+KtUGBnEGk1iuXmWLjO5PX/J"
         "AU=\n";

static void test_outside(void **state)
{
    (void)state;
    struct tl_proof_file file;
    struct tl_note_key key;
    struct tl_checkpoint checkpoint;
    assert_int_equal(roundtrip_proof_file(tl_bytes_text(HEAD "index 0\n\ncheckpoint\n")),
                     ROUNDTRIP_SAME);
    assert_status(tl_proof_file_decode(tl_bytes_text(outside_proof), &file), TALLY_OK);
    assert_false(file.has_extra);
    assert_int_equal(file.index, 200);
    assert_int_equal(file.proof.count, 9);
    assert_status(tl_note_key_parse(tl_bytes_text(outside_vkey), &key), TALLY_OK);
    assert_status(tl_checkpoint_open(file.checkpoint, &key, &checkpoint), TALLY_OK);
    assert_int_equal(checkpoint.size, 302);
    struct tally_hash leaf = tl_tree_leaf(tl_bytes_text("entry 200\n"));
    assert_true(tl_tree_verify_inclusion(&leaf, file.index, checkpoint.size, file.proof.hashes,
                                         file.proof.count, &checkpoint.root));
    damage_all(tl_bytes_text(outside_proof), roundtrip_proof_file);
}

static void test_bad_forms(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "index 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint\n",
        HEAD "\nindex 0\n\ncheckpoint\n",
        HEAD "index -1\n\ncheckpoint\n",
        HEAD "index +1\n\ncheckpoint\n",
        HEAD "index 007\n\ncheckpoint\n",
        HEAD "index 9223372036854775808\n\ncheckpoint\n",
        HEAD "index\n\ncheckpoint\n",
        HEAD "index 1\nsYn8cwpLdPpcR0Elw==\n\ncheckpoint\n",
        HEAD "index 1\nsYn8cwpLdPpcR0ElwOi/9ncaYcYz5liTqpWoIwkW0TB=\n\ncheckpoint\n",
        HEAD "index 1\n" HASH " \n\ncheckpoint\n",
        HEAD "index 1\n" HASH "\n",
        HEAD "index 1\n" HASH "\n\n",
        HEAD "index 1\n",
        HEAD "index 1",
        HEAD "extra QQ==\nextra QQ==\nindex 1\n\ncheckpoint\n",
        HEAD "index 1\nextra QQ==\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\r\nindex 0\r\n\r\ncheckpoint\r\n",
    };
    struct tl_proof_file file;
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        if (tl_proof_file_decode(tl_bytes_text(bad[i]), &file) != TALLY_EFORMAT) {
            fail_msg("proof %zu: %s", i, bad[i]);
        }
    }
}

static void test_hash_limit(void **state)
{
    (void)state;
    struct tl_proof_file file;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, 1u << 20);
    tl_buffer_add_text(&buffer, HEAD "index 1\n");
    for (unsigned i = 0; i < TALLY_PROOF_LEN_MAX; i++) {
        tl_buffer_add_text(&buffer, HASH "\n");
    }
    size_t len = buffer.len;
    tl_buffer_add_text(&buffer, "\ncheckpoint\n");
    assert_int_equal(roundtrip_proof_file(tl_buffer_bytes(&buffer)), ROUNDTRIP_SAME);
    buffer.len = len;
    tl_buffer_add_text(&buffer, HASH "\n\ncheckpoint\n");
    assert_status(tl_proof_file_decode(tl_buffer_bytes(&buffer), &file), TALLY_ETOOBIG);
    buffer.len = len;
    tl_buffer_add_text(&buffer, "\n");
    while (buffer.len < TL_RECEIPT_MAX) {
        tl_buffer_add_u8(&buffer, 'x');
    }
    assert_status(tl_proof_file_decode(tl_buffer_bytes(&buffer), &file), TALLY_OK);
    tl_buffer_add_u8(&buffer, 'x');
    assert_status(tl_proof_file_decode(tl_buffer_bytes(&buffer), &file), TALLY_ETOOBIG);
    tl_buffer_deinit(&buffer);
}

static void test_sample(void **state)
{
    (void)state;
    struct sample sample;
    struct tl_receipt receipt;
    struct tl_record record;
    struct tl_checkpoint checkpoint;
    struct tl_buffer buffer;
    sample_init(&sample);
    sample.signer_count = 1;
    sample_build(&sample);
    tl_buffer_init(&buffer, TL_RECEIPT_MAX);
    sample_receipt(&sample, 6, &buffer);
    assert_status(tl_receipt_decode(tl_buffer_bytes(&buffer), &receipt), TALLY_OK);
    assert_int_equal(receipt.index, 6);
    assert_status(tl_record_decode(receipt.record, &record), TALLY_OK);
    assert_int_equal(record.index, 6);
    struct tally_hash leaf = tl_tree_leaf(receipt.record);
    assert_true(tl_seal_verify(sample_note_key()->point, &leaf, receipt.seal));
    assert_status(tl_checkpoint_open(receipt.checkpoint, sample_note_key(), &checkpoint), TALLY_OK);
    assert_true(tl_tree_verify_inclusion(&leaf, receipt.index, checkpoint.size,
                                         receipt.proof.hashes, receipt.proof.count,
                                         &checkpoint.root));
    tl_receipt_deinit(&receipt);
    damage_all(tl_buffer_bytes(&buffer), roundtrip_receipt);
    tl_buffer_deinit(&buffer);
    sample_free(&sample);
}

/* A receipt around a record of len zero bytes, of every remainder of base64's groups. */
static enum tally_status decode_with_record(size_t len)
{
    static const uint8_t zeros[TALLY_RECORD_MAX + 1];
    uint8_t seal[TALLY_SIGNATURE_LEN] = {0x5e, 0xa1};
    struct tl_tree_proof proof = {.count = 0};
    struct tl_receipt receipt;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TL_RECEIPT_MAX);
    tl_receipt_encode(tl_bytes(zeros, len), seal, 3, &proof, tl_bytes_text("checkpoint"), &buffer);
    assert_status(buffer.status, TALLY_OK);
    enum tally_status status = tl_receipt_decode(tl_buffer_bytes(&buffer), &receipt);
    if (status == TALLY_OK) {
        assert_bytes_equal(receipt.record, tl_bytes(zeros, len));
        assert_memory_equal(receipt.seal, seal, sizeof seal);
        tl_receipt_deinit(&receipt);
        assert_int_equal(roundtrip_receipt(tl_buffer_bytes(&buffer)), ROUNDTRIP_SAME);
    }
    tl_buffer_deinit(&buffer);
    return status;
}

/* Base64 of zeros, so many characters of it, in the place of record and seal; no memory left. */
static enum tally_status decode_extra_of(size_t chars)
{
    struct tl_receipt receipt;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TL_RECEIPT_MAX);
    tl_buffer_add_text(&buffer, HEAD "extra ");
    for (size_t i = 0; i < chars; i++) {
        tl_buffer_add_u8(&buffer, 'A');
    }
    tl_buffer_add_text(&buffer, "\nindex 1\n\ncheckpoint\n");
    test_allocations_limit(0);
    enum tally_status status = tl_receipt_decode(tl_buffer_bytes(&buffer), &receipt);
    (void)test_allocations_unlimit();
    tl_buffer_deinit(&buffer);
    return status;
}

/* Refused by its length, before memory is asked for. */
static void test_long_extra(void **state)
{
    (void)state;
    size_t most = TL_BASE64_LEN(TALLY_RECORD_MAX + TALLY_SIGNATURE_LEN);
    assert_status(decode_extra_of(most), TALLY_ENOMEM);
    assert_status(decode_extra_of(most + 4), TALLY_ETOOBIG);
}

static void test_extra(void **state)
{
    (void)state;
    struct tl_receipt receipt;
    assert_status(decode_with_record(0), TALLY_EFORMAT);
    for (size_t len = 1; len < 20; len++) {
        assert_status(decode_with_record(len), TALLY_OK);
    }
    assert_status(decode_with_record(TALLY_RECORD_MAX - 1), TALLY_OK);
    assert_status(decode_with_record(TALLY_RECORD_MAX), TALLY_OK);
    assert_status(decode_with_record(TALLY_RECORD_MAX + 1), TALLY_ETOOBIG);
    assert_status(tl_receipt_decode(tl_bytes_text(outside_proof), &receipt), TALLY_EFORMAT);
    assert_status(
        tl_receipt_decode(tl_bytes_text(HEAD "extra \nindex 1\n\ncheckpoint\n"), &receipt),
        TALLY_EFORMAT);
    assert_status(
        tl_receipt_decode(tl_bytes_text(HEAD "extra QQ==\nindex 1\n\ncheckpoint\n"), &receipt),
        TALLY_EFORMAT);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct sample sample;
    struct tl_receipt receipt;
    struct tl_buffer buffer;
    sample_init(&sample);
    sample_build(&sample);
    tl_buffer_init(&buffer, TL_RECEIPT_MAX);
    sample_receipt(&sample, 6, &buffer);
    test_allocations_limit(0);
    enum tally_status status = tl_receipt_decode(tl_buffer_bytes(&buffer), &receipt);
    assert_true(test_allocations_unlimit());
    assert_status(status, TALLY_ENOMEM);
    tl_buffer_deinit(&buffer);
    sample_free(&sample);
}

static int setup(void **state)
{
    (void)state;
    return tl_ed25519_init() == TALLY_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outside),    cmocka_unit_test(test_bad_forms),
        cmocka_unit_test(test_hash_limit), cmocka_unit_test(test_sample),
        cmocka_unit_test(test_extra),      cmocka_unit_test(test_long_extra),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
