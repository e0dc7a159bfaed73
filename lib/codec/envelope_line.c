/* SPDX-License-Identifier: ISC */
#include "lib/codec/envelope_line.h"

#include "lib/base/check.h"
#include "lib/base/text.h"

/* "HASH SIZE" */
static bool parse_hash_size(struct tally_bytes value, struct tally_hash *ret_hash,
                            uint64_t *ret_size)
{
    struct tally_bytes hash;
    struct tally_bytes size;
    return tl_split_space(value, &hash, &size) && tl_hash_parse(hash, ret_hash) == TALLY_OK &&
           tl_decimal_parse(size, ret_size) == TALLY_OK;
}

bool tl_sealed_line_parse(struct tally_bytes value, struct tl_sealed_line *ret_line)
{
    struct tally_bytes head;
    struct tally_bytes tail;
    uint64_t position = 0;
    if (!tl_split_space(value, &head, &tail) || tl_decimal_parse(head, &position) != TALLY_OK ||
        position >= TALLY_PART_COUNT_MAX) {
        return false;
    }
    ret_line->position = (unsigned)position;
    return parse_hash_size(tail, &ret_line->hash, &ret_line->size);
}

bool tl_file_line_parse(struct tally_bytes value, struct tl_file_line *ret_line)
{
    struct tally_bytes head;
    struct tally_bytes tail;
    if (!tl_split_space(value, &head, &tail)) {
        return false;
    }
    ret_line->sealed = tl_bytes_equal(head, tl_bytes_text("sealed"));
    if (!ret_line->sealed && !tl_bytes_equal(head, tl_bytes_text("clear"))) {
        return false;
    }
    return parse_hash_size(tail, &ret_line->hash, &ret_line->size);
}

bool tl_ref_line_parse(struct tally_bytes value, struct tl_ref_line *ret_line)
{
    struct tally_bytes rest;
    struct tally_bytes index;
    struct tally_bytes leaf;
    return tl_split_space(value, &ret_line->relation, &rest) && tl_is_id(ret_line->relation) &&
           tl_split_space(rest, &index, &leaf) &&
           tl_decimal_parse(index, &ret_line->index) == TALLY_OK &&
           tl_hash_parse(leaf, &ret_line->leaf) == TALLY_OK;
}

bool tl_op_line_parse(struct tally_bytes value, struct tally_bytes *ret_operation)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e) {
            return false;
        }
    }
    *ret_operation = value;
    return value.len > 0;
}

bool tl_is_constitution_type(struct tally_bytes type)
{
    return tl_bytes_equal(type, tl_bytes_text("charter")) ||
           tl_bytes_equal(type, tl_bytes_text("amendment")) ||
           tl_bytes_equal(type, tl_bytes_text("continuation"));
}

/*
 * The next line of a region without its keyword. Decoding has seen each line of it: to pass over
 * one that is not as expected would be to judge less than was signed.
 */
static bool next_value(struct tally_bytes *lines, const char *keyword,
                       struct tally_bytes *ret_value)
{
    if (lines->len == 0) {
        return false;
    }
    struct tl_reader reader = tl_reader_over(*lines);
    struct tally_bytes line = tl_read_line(&reader);
    TL_ASSERT(tl_bytes_starts_with(line, keyword));
    size_t len = tl_bytes_text(keyword).len;
    *ret_value = tl_bytes(line.ptr + len, line.len - len);
    *lines = reader.rest;
    return true;
}

bool tl_envelope_next_sealed(struct tally_bytes *lines, struct tl_sealed_line *ret_line)
{
    struct tally_bytes value;
    if (!next_value(lines, "sealed ", &value)) {
        return false;
    }
    bool is_line = tl_sealed_line_parse(value, ret_line);
    TL_ASSERT(is_line);
    return true;
}

bool tl_envelope_next_file(struct tally_bytes *lines, struct tl_file_line *ret_line)
{
    struct tally_bytes value;
    if (!next_value(lines, "file ", &value)) {
        return false;
    }
    bool is_line = tl_file_line_parse(value, ret_line);
    TL_ASSERT(is_line);
    return true;
}

bool tl_envelope_next_ref(struct tally_bytes *lines, struct tl_ref_line *ret_line)
{
    struct tally_bytes value;
    if (!next_value(lines, "ref ", &value)) {
        return false;
    }
    bool is_line = tl_ref_line_parse(value, ret_line);
    TL_ASSERT(is_line);
    return true;
}

bool tl_envelope_next_op(struct tally_bytes *lines, struct tally_bytes *ret_operation)
{
    struct tally_bytes value;
    if (!next_value(lines, "op ", &value)) {
        return false;
    }
    bool is_line = tl_op_line_parse(value, ret_operation);
    TL_ASSERT(is_line);
    return true;
}
