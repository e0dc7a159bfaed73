/* SPDX-License-Identifier: ISC */
#include "lib/archive/bundle_file.h"

#include "lib/codec/part.h"

void tl_entries_add(struct tl_buffer *buffer, struct tally_bytes record)
{
    tl_buffer_add_u16(buffer, (uint16_t)record.len);
    tl_buffer_add(buffer, record);
}

void tl_commitments_add(struct tl_buffer *buffer, struct tally_bytes commitments)
{
    tl_buffer_add_u16(buffer, (uint16_t)(commitments.len / TALLY_HASH_LEN));
    tl_buffer_add(buffer, commitments);
}

enum tally_status tl_entries_decode(struct tally_bytes bytes, unsigned count,
                                    struct tally_bytes *ret_entries, unsigned *ret_decoded)
{
    struct tl_reader reader = tl_reader_over(bytes);
    *ret_decoded = 0;
    for (unsigned i = 0; i < count; i++) {
        struct tally_bytes entry = tl_read_vector16(&reader, UINT16_MAX);
        if (reader.status != TALLY_OK) {
            break;
        }
        ret_entries[i] = entry;
        *ret_decoded = i + 1;
    }
    return tl_reader_finish(&reader);
}

enum tally_status tl_commitments_decode(struct tally_bytes bytes, unsigned count,
                                        struct tally_bytes *ret_commitments, unsigned *ret_decoded)
{
    struct tl_reader reader = tl_reader_over(bytes);
    *ret_decoded = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t row = tl_read_u16(&reader);
        if (row > TALLY_PART_COUNT_MAX) {
            return TALLY_ETOOBIG;
        }
        struct tally_bytes commitments = tl_read_bytes(&reader, row * TALLY_HASH_LEN);
        if (reader.status != TALLY_OK) {
            break;
        }
        ret_commitments[i] = commitments;
        *ret_decoded = i + 1;
    }
    return tl_reader_finish(&reader);
}

enum tally_status tl_parts_decode(struct tally_bytes bytes, struct tl_deposit_list *ret_list)
{
    struct tl_reader reader = tl_reader_over(bytes);
    struct tl_deposit_list list = {.count = 0, .items = bytes};
    unsigned next_position = 0;
    while (reader.status == TALLY_OK && reader.rest.len > 0) {
        unsigned position = tl_read_u16(&reader);
        (void)tl_read_vector32(&reader, TL_PART_MAX);
        if (reader.status != TALLY_OK) {
            break;
        }
        if (position < next_position || position >= TALLY_PART_COUNT_MAX) {
            return TALLY_EFORMAT;
        }
        next_position = position + 1;
        list.count++;
    }
    enum tally_status status = tl_reader_finish(&reader);
    if (status == TALLY_OK && list.count == 0) {
        status = TALLY_EFORMAT;
    }
    if (status == TALLY_OK) {
        *ret_list = list;
    }
    return status;
}
