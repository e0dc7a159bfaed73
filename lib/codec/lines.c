/* SPDX-License-Identifier: ISC */
#include "lib/codec/lines.h"

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
