/* SPDX-License-Identifier: ISC */
#include "lib/codec/submission.h"

#include "lib/codec/part.h"

bool tl_deposit_next(struct tl_deposit_list *list, struct tl_deposit *ret_deposit)
{
    if (list->count == 0) {
        return false;
    }
    struct tl_reader reader = tl_reader_over(list->items);
    ret_deposit->position = tl_read_u16(&reader);
    ret_deposit->bytes = tl_read_vector32(&reader, TALLY_DEPOSIT_MAX);
    if (reader.status != TALLY_OK) {
        return false;
    }
    list->items = reader.rest;
    list->count--;
    return true;
}

void tl_deposit_add(struct tl_buffer *buffer, unsigned position, struct tally_bytes bytes)
{
    if (position >= TALLY_PART_COUNT_MAX || bytes.len > TALLY_DEPOSIT_MAX) {
        buffer->status = buffer->status == TALLY_OK ? TALLY_ETOOBIG : buffer->status;
        return;
    }
    tl_buffer_add_u16(buffer, (uint16_t)position);
    tl_buffer_add_u32(buffer, (uint32_t)bytes.len);
    tl_buffer_add(buffer, bytes);
}

/* Reads "u16 count | (u16 position | u32 len | bytes)*", positions ascending below part_count. */
static void read_deposits(struct tl_reader *reader, unsigned part_count, size_t len_max,
                          struct tl_deposit_list *ret_list)
{
    unsigned count = tl_read_u16(reader);
    if (reader->status == TALLY_OK && count > TALLY_PART_COUNT_MAX) {
        reader->status = TALLY_ETOOBIG;
    }
    struct tally_bytes start = reader->rest;
    unsigned smallest = 0; /* the smallest position that may come next */
    for (unsigned i = 0; i < count && reader->status == TALLY_OK; i++) {
        unsigned position = tl_read_u16(reader);
        if (reader->status == TALLY_OK && (position < smallest || position >= part_count)) {
            reader->status = TALLY_EFORMAT;
        }
        (void)tl_read_vector32(reader, len_max);
        smallest = position + 1;
    }
    ret_list->count = count;
    ret_list->items = tl_bytes(start.ptr, start.len - reader->rest.len);
}

/* The record that would carry it is bounded too, and everything in it that varies is known. */
static bool fits_record(const struct tl_submission *submission)
{
    size_t len = TL_RECORD_FRAME_LEN + submission->envelope.len;
    for (unsigned i = 0; i < submission->signatures.count; i++) {
        len += 2 + submission->signatures.blobs[i].len;
    }
    return len <= TALLY_RECORD_MAX;
}

enum tally_status tl_submission_decode(struct tally_bytes bytes,
                                       struct tl_submission *ret_submission)
{
    if (bytes.len > TALLY_SUBMISSION_MAX) {
        return TALLY_ETOOBIG;
    }
    struct tl_reader reader = tl_reader_over(bytes);
    struct tl_submission submission;
    submission.envelope = tl_read_vector16(&reader, TALLY_ENVELOPE_MAX);
    tl_signatures_read(&reader, 0, &submission.signatures);
    submission.commitment_count = tl_read_u16(&reader);
    if (reader.status == TALLY_OK && submission.commitment_count > TALLY_PART_COUNT_MAX) {
        return TALLY_ETOOBIG;
    }
    submission.commitments = tl_read_bytes(&reader, submission.commitment_count * TALLY_HASH_LEN);
    read_deposits(&reader, submission.commitment_count, TL_PART_MAX, &submission.clear);
    read_deposits(&reader, submission.commitment_count, TALLY_DEPOSIT_MAX, &submission.sealed);
    enum tally_status status = tl_reader_finish(&reader);
    if (status != TALLY_OK) {
        return status;
    }
    if (!fits_record(&submission)) {
        return TALLY_ETOOBIG;
    }
    *ret_submission = submission;
    return TALLY_OK;
}

static void write_deposits(const struct tl_deposit_list *list, struct tl_buffer *buffer)
{
    tl_buffer_add_u16(buffer, (uint16_t)list->count);
    tl_buffer_add(buffer, list->items);
}

void tl_submission_encode(const struct tl_submission *submission, struct tl_buffer *buffer)
{
    if (submission->envelope.len > TALLY_ENVELOPE_MAX ||
        submission->commitment_count > TALLY_PART_COUNT_MAX) {
        buffer->status = buffer->status == TALLY_OK ? TALLY_ETOOBIG : buffer->status;
        return;
    }
    tl_buffer_add_u16(buffer, (uint16_t)submission->envelope.len);
    tl_buffer_add(buffer, submission->envelope);
    tl_signatures_write(&submission->signatures, buffer);
    tl_buffer_add_u16(buffer, (uint16_t)submission->commitment_count);
    tl_buffer_add(buffer, submission->commitments);
    write_deposits(&submission->clear, buffer);
    write_deposits(&submission->sealed, buffer);
}
