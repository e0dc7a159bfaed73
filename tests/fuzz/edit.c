/* SPDX-License-Identifier: ISC */
#include "tests/fuzz/edit.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { CHANGE, CUT, APPEND, INSERT, DELETE, REMOVE, KINDS };

_Static_assert(REMOVE == EDIT_REMOVE, "the last kind");

bool edit_next(struct tl_reader *reader, struct edit *ret_edit)
{
    ret_edit->piece = tl_read_u8(reader);
    ret_edit->kind = tl_read_u8(reader) % KINDS;
    ret_edit->offset = tl_read_u16(reader);
    ret_edit->value = tl_read_u8(reader);
    return reader->status == TALLY_OK;
}

void edit_apply(const struct edit *edit, struct tl_buffer *bytes)
{
    size_t at = bytes->len == 0 ? 0 : edit->offset % bytes->len;
    if (edit->kind == APPEND || (edit->kind == INSERT && bytes->len == 0)) {
        tl_buffer_add_u8(bytes, edit->value);
    } else if (edit->kind == INSERT) {
        tl_buffer_add_u8(bytes, 0);
        memmove(bytes->ptr + at + 1, bytes->ptr + at, bytes->len - at - 1);
        bytes->ptr[at] = edit->value;
    } else if (edit->kind == CHANGE && bytes->len > 0) {
        bytes->ptr[at] ^= edit->value;
    } else if (edit->kind == CUT) {
        bytes->len = at;
    } else if (edit->kind == DELETE && bytes->len > 0) {
        memmove(bytes->ptr + at, bytes->ptr + at + 1, bytes->len - at - 1);
        bytes->len--;
    }
    FUZZ_REQUIRE(bytes->status == TALLY_OK);
}
