/* SPDX-License-Identifier: ISC */
#include "lib/codec/record.h"

#include <string.h>

#define SEAL_CONTEXT_LEN (sizeof TL_SEAL_CONTEXT - 1)
#define SEAL_MESSAGE_LEN (SEAL_CONTEXT_LEN + TALLY_HASH_LEN)

void tl_signatures_read(struct tl_reader *reader, unsigned count_min,
                        struct tl_signatures *ret_signatures)
{
    unsigned count = tl_read_u8(reader);
    ret_signatures->count = 0;
    if (reader->status == TALLY_OK && count < count_min) {
        reader->status = TALLY_EFORMAT;
    }
    if (reader->status == TALLY_OK && count > TALLY_SIGNATURE_COUNT_MAX) {
        reader->status = TALLY_ETOOBIG;
    }
    for (unsigned i = 0; i < count && reader->status == TALLY_OK; i++) {
        ret_signatures->blobs[i] = tl_read_vector16(reader, TL_SSHSIG_BLOB_MAX);
        ret_signatures->count = i + 1;
    }
}

static bool are_writable(const struct tl_signatures *signatures)
{
    for (unsigned i = 0; i < signatures->count && i < TALLY_SIGNATURE_COUNT_MAX; i++) {
        if (signatures->blobs[i].len > TL_SSHSIG_BLOB_MAX) {
            return false;
        }
    }
    return signatures->count <= TALLY_SIGNATURE_COUNT_MAX;
}

void tl_signatures_write(const struct tl_signatures *signatures, struct tl_buffer *buffer)
{
    if (!are_writable(signatures)) {
        buffer->status = buffer->status == TALLY_OK ? TALLY_ETOOBIG : buffer->status;
        return;
    }
    tl_buffer_add_u8(buffer, (uint8_t)signatures->count);
    for (unsigned i = 0; i < signatures->count; i++) {
        tl_buffer_add_u16(buffer, (uint16_t)signatures->blobs[i].len);
        tl_buffer_add(buffer, signatures->blobs[i]);
    }
}

/* A u64 up to max: what is larger could not be written as a decimal. */
static uint64_t read_number(struct tl_reader *reader, uint64_t max)
{
    uint64_t value = tl_read_u64(reader);
    if (value > max) {
        reader->status = TALLY_EFORMAT;
    }
    return value;
}

enum tally_status tl_record_decode(struct tally_bytes bytes, struct tl_record *ret_record)
{
    if (bytes.len > TALLY_RECORD_MAX) {
        return TALLY_ETOOBIG;
    }
    struct tl_reader reader = tl_reader_over(bytes);
    struct tl_record record;
    uint8_t version = tl_read_u8(&reader);
    if (reader.status == TALLY_OK && version != TL_RECORD_VERSION) {
        return TALLY_EFORMAT;
    }
    record.index = read_number(&reader, (uint64_t)TALLY_SIZE_MAX - 1);
    record.received_us = read_number(&reader, (uint64_t)TALLY_SIZE_MAX);
    record.link = tl_read_hash(&reader);
    record.roster = read_number(&reader, (uint64_t)TALLY_SIZE_MAX);
    record.envelope = tl_read_vector16(&reader, TALLY_ENVELOPE_MAX);
    tl_signatures_read(&reader, 1, &record.signatures);
    enum tally_status status = tl_reader_finish(&reader);
    if (status == TALLY_OK) {
        *ret_record = record;
    }
    return status;
}

enum tally_status tl_record_encode(const struct tl_record *record, struct tl_buffer *buffer)
{
    size_t start = buffer->len;
    if (record->envelope.len > TALLY_ENVELOPE_MAX) {
        return TALLY_ETOOBIG;
    }
    tl_buffer_add_u8(buffer, TL_RECORD_VERSION);
    tl_buffer_add_u64(buffer, record->index);
    tl_buffer_add_u64(buffer, record->received_us);
    tl_buffer_add(buffer, tl_hash_bytes(&record->link));
    tl_buffer_add_u64(buffer, record->roster);
    tl_buffer_add_u16(buffer, (uint16_t)record->envelope.len);
    tl_buffer_add(buffer, record->envelope);
    tl_signatures_write(&record->signatures, buffer);
    enum tally_status status = buffer->status;
    if (status == TALLY_OK && buffer->len - start > TALLY_RECORD_MAX) {
        status = TALLY_ETOOBIG;
    }
    if (status != TALLY_OK) {
        buffer->len = start;
    }
    return status;
}

static struct tally_bytes seal_message(const struct tally_hash *leaf, uint8_t dst[SEAL_MESSAGE_LEN])
{
    memcpy(dst, TL_SEAL_CONTEXT, SEAL_CONTEXT_LEN);
    memcpy(dst + SEAL_CONTEXT_LEN, leaf->bytes, TALLY_HASH_LEN);
    return tl_bytes(dst, SEAL_MESSAGE_LEN);
}

void tl_seal_sign(const struct tl_secret_key *ledger_key, const struct tally_hash *leaf,
                  uint8_t ret_seal[TALLY_SIGNATURE_LEN])
{
    uint8_t message[SEAL_MESSAGE_LEN];
    tl_secret_key_sign(ledger_key, seal_message(leaf, message), ret_seal);
}

bool tl_seal_verify(const uint8_t ledger_point[32], const struct tally_hash *leaf,
                    const uint8_t seal[TALLY_SIGNATURE_LEN])
{
    uint8_t message[SEAL_MESSAGE_LEN];
    return tl_ed25519_verify(ledger_point, seal_message(leaf, message), seal);
}
