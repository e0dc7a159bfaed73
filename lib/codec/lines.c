/* SPDX-License-Identifier: ISC */
#include "lib/codec/lines.h"

#include "lib/base/text.h"

struct tally_bytes tl_read_value(struct tl_reader *reader, const char *keyword)
{
    struct tally_bytes line = tl_read_line(reader);
    if (reader->status == TALLY_OK && !tl_bytes_starts_with(line, keyword)) {
        reader->status = TALLY_EFORMAT;
    }
    if (reader->status != TALLY_OK) {
        return tl_bytes(NULL, 0);
    }
    size_t len = tl_bytes_text(keyword).len;
    return tl_bytes(line.ptr + len, line.len - len);
}

enum tally_status tl_store_base64(struct tl_writer *writer, struct tally_bytes text, size_t max,
                                  struct tally_bytes *ret_bytes)
{
    uint8_t *dst = writer->ptr + writer->len;
    size_t room = writer->cap - writer->len;
    size_t len = 0;
    enum tally_status status = tl_base64_parse(text, dst, room < max ? room : max, &len);
    if (status != TALLY_OK) {
        return status;
    }
    writer->len += len;
    *ret_bytes = tl_bytes(dst, len);
    return TALLY_OK;
}
