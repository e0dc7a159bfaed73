/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "lib/codec/entry_file.h"

static void add_base64_line(struct tl_buffer *buffer, const char *keyword, struct tally_bytes bytes)
{
    tl_buffer_add_text(buffer, keyword);
    tl_buffer_add_base64(buffer, bytes);
    tl_buffer_add_text(buffer, "\n");
}

static void add_deposits(struct tl_buffer *buffer, const char *keyword, struct tl_deposit_list list)
{
    struct tl_deposit deposit;
    while (tl_deposit_next(&list, &deposit)) {
        tl_buffer_add_text(buffer, keyword);
        tl_buffer_add_decimal(buffer, deposit.position);
        add_base64_line(buffer, " ", deposit.bytes);
    }
}

static void add_path(struct tl_buffer *buffer, struct tally_bytes path)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.ptr[i];
        if (c >= 0x21 && c <= 0x7e && c != '%') {
            tl_buffer_add_u8(buffer, c);
        } else {
            tl_buffer_add_u8(buffer, '%');
            tl_buffer_add_u8(buffer, (uint8_t)digits[c >> 4]);
            tl_buffer_add_u8(buffer, (uint8_t)digits[c & 15]);
        }
    }
}

void tl_entry_file_encode(const struct tl_entry_file *entry, struct tl_buffer *buffer)
{
    tl_buffer_add_text(buffer, "tally-entry/v1\n");
    add_base64_line(buffer, "envelope ", entry->envelope);
    for (unsigned i = 0; i < entry->signatures.count; i++) {
        add_base64_line(buffer, "signature ", entry->signatures.blobs[i]);
    }
    if (entry->commitment_count == 0) {
        tl_buffer_add_text(buffer, "commitments -\n");
    } else {
        add_base64_line(buffer, "commitments ", entry->commitments);
    }
    add_deposits(buffer, "part ", entry->opened);
    add_deposits(buffer, "sealed ", entry->sealed);
    for (unsigned i = 0; i < entry->exhibit_count; i++) {
        tl_buffer_add_text(buffer, "file ");
        tl_buffer_add_base64(buffer, tl_hash_bytes(&entry->exhibits[i].hash));
        tl_buffer_add_text(buffer, " ");
        tl_buffer_add_decimal(buffer, entry->exhibits[i].size);
        tl_buffer_add_text(buffer, " ");
        add_path(buffer, entry->exhibits[i].path);
        tl_buffer_add_text(buffer, "\n");
    }
}

/* The opened parts that the envelope leaves in clear; the withheld ones never leave the machine. */
static void select_clear(const struct tl_entry_file *entry, const struct tl_envelope *envelope,
                         struct tl_buffer *items, unsigned *ret_count)
{
    struct tl_deposit_list list = entry->opened;
    struct tl_deposit deposit;
    while (tl_deposit_next(&list, &deposit)) {
        if (deposit.position < envelope->part_count &&
            envelope->letters.ptr[deposit.position] == 'c') {
            tl_deposit_add(items, deposit.position, deposit.bytes);
            (*ret_count)++;
        }
    }
}

enum tally_status tl_entry_file_submission(const struct tl_entry_file *entry,
                                           struct tl_buffer *buffer)
{
    struct tl_envelope envelope;
    struct tl_buffer items;
    size_t start = buffer->len;
    enum tally_status status = tl_envelope_decode(entry->envelope, &envelope, NULL);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_submission submission = {
        .envelope = entry->envelope,
        .signatures = entry->signatures,
        .commitment_count = entry->commitment_count,
        .commitments = entry->commitments,
        .sealed = entry->sealed,
    };
    tl_buffer_init(&items, TALLY_SUBMISSION_MAX);
    select_clear(entry, &envelope, &items, &submission.clear.count);
    submission.clear.items = tl_buffer_bytes(&items);
    status = items.status;
    if (status == TALLY_OK) {
        tl_submission_encode(&submission, buffer);
        status = buffer->status;
    }
    if (status == TALLY_OK && buffer->len - start > TALLY_SUBMISSION_MAX) {
        status = TALLY_ETOOBIG;
    }
    if (status != TALLY_OK) {
        buffer->len = start;
    }
    tl_buffer_deinit(&items);
    return status;
}
