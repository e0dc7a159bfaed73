/* SPDX-License-Identifier: ISC */
#include "lib/codec/receipt.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/codec/lines.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1"
#define EXTRA_MAX (TALLY_RECORD_MAX + TALLY_SIGNATURE_LEN)

static void read_proof(struct tl_reader *reader, struct tl_tree_proof *ret_proof)
{
    ret_proof->count = 0;
    struct tally_bytes line = tl_read_line(reader);
    while (reader->status == TALLY_OK && line.len > 0) {
        if (ret_proof->count == TALLY_PROOF_LEN_MAX) {
            reader->status = TALLY_ETOOBIG;
            return;
        }
        if (tl_hash_parse(line, &ret_proof->hashes[ret_proof->count]) != TALLY_OK) {
            reader->status = TALLY_EFORMAT;
            return;
        }
        ret_proof->count++;
        line = tl_read_line(reader);
    }
}

enum tally_status tl_proof_file_decode(struct tally_bytes bytes, struct tl_proof_file *ret_file)
{
    if (bytes.len > TL_RECEIPT_MAX) {
        return TALLY_ETOOBIG;
    }
    struct tl_reader reader = tl_reader_over(bytes);
    struct tl_proof_file file = {.has_extra = false};
    struct tally_bytes first = tl_read_line(&reader);
    file.has_extra = tl_bytes_starts_with(reader.rest, "extra ");
    if (file.has_extra) {
        file.extra = tl_read_value(&reader, "extra ");
    }
    struct tally_bytes index = tl_read_value(&reader, "index ");
    read_proof(&reader, &file.proof);
    file.checkpoint = reader.rest;
    if (reader.status == TALLY_ETOOBIG) {
        return TALLY_ETOOBIG;
    }
    if (reader.status != TALLY_OK || !tl_bytes_equal(first, tl_bytes_text(FIRST_LINE)) ||
        tl_decimal_parse(index, &file.index) != TALLY_OK || file.checkpoint.len == 0) {
        return TALLY_EFORMAT;
    }
    *ret_file = file;
    return TALLY_OK;
}

static void add_index_and_below(uint64_t index, const struct tl_tree_proof *proof,
                                struct tally_bytes checkpoint, struct tl_buffer *buffer)
{
    tl_buffer_add_text(buffer, "index ");
    tl_buffer_add_decimal(buffer, index);
    tl_buffer_add_text(buffer, "\n");
    for (size_t i = 0; i < proof->count; i++) {
        tl_buffer_add_base64(buffer, tl_hash_bytes(&proof->hashes[i]));
        tl_buffer_add_text(buffer, "\n");
    }
    tl_buffer_add_text(buffer, "\n");
    tl_buffer_add(buffer, checkpoint);
}

void tl_proof_file_encode(const struct tl_proof_file *file, struct tl_buffer *buffer)
{
    tl_buffer_add_text(buffer, FIRST_LINE "\n");
    if (file->has_extra) {
        tl_buffer_add_text(buffer, "extra ");
        tl_buffer_add(buffer, file->extra);
        tl_buffer_add_text(buffer, "\n");
    }
    add_index_and_below(file->index, &file->proof, file->checkpoint, buffer);
}

enum tally_status tl_receipt_decode(struct tally_bytes bytes, struct tl_receipt *ret_receipt)
{
    struct tl_proof_file file;
    enum tally_status status = tl_proof_file_decode(bytes, &file);
    if (status != TALLY_OK) {
        return status;
    }
    if (!file.has_extra || file.extra.len > TL_BASE64_LEN(EXTRA_MAX)) {
        return file.has_extra ? TALLY_ETOOBIG : TALLY_EFORMAT;
    }
    struct tl_receipt receipt = {
        .index = file.index, .proof = file.proof, .checkpoint = file.checkpoint};
    size_t room = file.extra.len / 4 * 3;
    size_t len = 0;
    tl_buffer_init(&receipt.extra, room);
    uint8_t *extra = tl_buffer_extend(&receipt.extra, room);
    if (extra == NULL) {
        return TALLY_ENOMEM;
    }
    status = tl_base64_parse(file.extra, extra, room, &len);
    if (status == TALLY_OK && len > EXTRA_MAX) {
        status = TALLY_ETOOBIG;
    }
    if (status == TALLY_OK && len <= TALLY_SIGNATURE_LEN) {
        status = TALLY_EFORMAT;
    }
    if (status != TALLY_OK) {
        tl_buffer_deinit(&receipt.extra);
        return status;
    }
    receipt.extra.len = len;
    receipt.record = tl_bytes(extra, len - TALLY_SIGNATURE_LEN);
    memcpy(receipt.seal, extra + receipt.record.len, TALLY_SIGNATURE_LEN);
    *ret_receipt = receipt;
    return TALLY_OK;
}

void tl_receipt_deinit(struct tl_receipt *receipt)
{
    tl_buffer_deinit(&receipt->extra);
}

/* Base64 of record || seal without joining them: all whole groups of the record, then the rest. */
static void add_extra(struct tally_bytes record, const uint8_t seal[TALLY_SIGNATURE_LEN],
                      struct tl_buffer *buffer)
{
    uint8_t tail[2 + TALLY_SIGNATURE_LEN];
    size_t left = record.len % 3;
    for (size_t i = 0; i < left; i++) {
        tail[i] = record.ptr[record.len - left + i];
    }
    memcpy(tail + left, seal, TALLY_SIGNATURE_LEN);
    tl_buffer_add_base64(buffer, tl_bytes(record.ptr, record.len - left));
    tl_buffer_add_base64(buffer, tl_bytes(tail, left + TALLY_SIGNATURE_LEN));
}

void tl_receipt_encode(struct tally_bytes record, const uint8_t seal[TALLY_SIGNATURE_LEN],
                       uint64_t index, const struct tl_tree_proof *proof,
                       struct tally_bytes checkpoint, struct tl_buffer *buffer)
{
    tl_buffer_add_text(buffer, FIRST_LINE "\nextra ");
    add_extra(record, seal, buffer);
    tl_buffer_add_text(buffer, "\n");
    add_index_and_below(index, proof, checkpoint, buffer);
}
