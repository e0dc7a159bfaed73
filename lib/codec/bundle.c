/* SPDX-License-Identifier: ISC */
/*
 * Decoding of bundles. As in entry files, all decoded bytes go into one block as long as the text.
 * The table of lines grows with lines that have been read and found good, never ahead of them.
 */
#include "lib/codec/bundle.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/lines.h"
#include "lib/codec/part.h"
#include "lib/codec/receipt.h"

#define FIRST_LINE "tally-bundle/v1"

struct parser {
    struct tl_reader reader;
    struct tl_writer writer; /* over the storage */
    struct tl_bundle *bundle;
    size_t cap; /* lines that the table has room for */
    unsigned line;
    struct tally_bytes checkpoint; /* that of the first proof */
};

static enum tally_status push(struct parser *parser, const struct tl_bundle_line *line)
{
    struct tl_bundle *bundle = parser->bundle;
    if (bundle->count == parser->cap) {
        size_t cap = parser->cap == 0 ? 8 : parser->cap * 2;
        struct tl_bundle_line *lines = tl_realloc(bundle->lines, cap * sizeof *lines);
        if (lines == NULL) {
            return TALLY_ENOMEM;
        }
        bundle->lines = lines;
        parser->cap = cap;
    }
    bundle->lines[bundle->count] = *line;
    bundle->count++;
    return TALLY_OK;
}

/* A proof has the form of a receipt, and all proofs of a bundle lead to one checkpoint. */
static enum tally_status check_proof(struct parser *parser, struct tl_bundle_line *line)
{
    struct tl_receipt receipt;
    enum tally_status status = tl_receipt_decode(line->bytes, &receipt);
    if (status != TALLY_OK) {
        return status;
    }
    line->index = receipt.index;
    if (parser->checkpoint.len == 0) {
        parser->checkpoint = receipt.checkpoint;
    } else if (!tl_bytes_equal(parser->checkpoint, receipt.checkpoint)) {
        status = TALLY_EFORMAT;
    }
    tl_receipt_deinit(&receipt);
    return status;
}

static enum tally_status read_proof(struct parser *parser, const char *keyword,
                                    enum tl_bundle_line_kind kind)
{
    struct tl_bundle_line line = {.kind = kind};
    parser->line++;
    struct tally_bytes value = tl_read_value(&parser->reader, keyword);
    enum tally_status status = parser->reader.status;
    if (status == TALLY_OK) {
        status = tl_store_base64(&parser->writer, value, TL_RECEIPT_MAX, &line.bytes);
    }
    if (status == TALLY_OK) {
        status = check_proof(parser, &line);
    }
    return status == TALLY_OK ? push(parser, &line) : status;
}

/* One or more proofs, their indexes ascending. */
static enum tally_status read_proofs(struct parser *parser, const char *keyword,
                                     enum tl_bundle_line_kind kind)
{
    const struct tl_bundle *bundle = parser->bundle;
    size_t first = bundle->count;
    do {
        enum tally_status status = read_proof(parser, keyword, kind);
        if (status != TALLY_OK) {
            return status;
        }
        if (bundle->count > first + 1 &&
            bundle->lines[bundle->count - 1].index <= bundle->lines[bundle->count - 2].index) {
            return TALLY_EFORMAT;
        }
    } while (tl_bytes_starts_with(parser->reader.rest, keyword));
    return TALLY_OK;
}

/* Index and position at the front of a part line; what follows goes to *ret_rest. */
static bool parse_place(struct tally_bytes value, struct tl_bundle_line *line,
                        struct tally_bytes *ret_rest)
{
    struct tally_bytes index;
    struct tally_bytes position;
    struct tally_bytes rest;
    uint64_t number = 0;
    if (!tl_split_space(value, &index, &rest) ||
        tl_decimal_parse(index, &line->index) != TALLY_OK ||
        !tl_split_space(rest, &position, ret_rest) ||
        tl_decimal_parse(position, &number) != TALLY_OK || number >= TALLY_PART_COUNT_MAX) {
        return false;
    }
    line->position = (unsigned)number;
    return true;
}

/* " HASH" any number of times. */
static enum tally_status read_path(struct parser *parser, struct tally_bytes text,
                                   struct tl_bundle_line *line)
{
    const uint8_t *start = parser->writer.ptr + parser->writer.len;
    struct tally_hash hash;
    while (text.len > 0) {
        size_t len = 1 + TL_HASH_BASE64_LEN;
        if (line->proof_count == TALLY_PROOF_LEN_MAX) {
            return TALLY_ETOOBIG;
        }
        if (text.len < len || text.ptr[0] != ' ' ||
            tl_hash_parse(tl_bytes(text.ptr + 1, TL_HASH_BASE64_LEN), &hash) != TALLY_OK) {
            return TALLY_EFORMAT;
        }
        tl_write_bytes(&parser->writer, tl_hash_bytes(&hash));
        line->proof_count++;
        text = tl_bytes(text.ptr + len, text.len - len);
    }
    line->proof = (const struct tally_hash *)start;
    return parser->writer.status;
}

static enum tally_status read_part(struct parser *parser, struct tl_bundle_line *line)
{
    struct tally_bytes rest;
    parser->line++;
    struct tally_bytes value = tl_read_value(&parser->reader, "part ");
    if (parser->reader.status != TALLY_OK) {
        return parser->reader.status;
    }
    if (!parse_place(value, line, &rest)) {
        return TALLY_EFORMAT;
    }
    const uint8_t *space = rest.len == 0 ? NULL : memchr(rest.ptr, ' ', rest.len);
    size_t len = space == NULL ? rest.len : (size_t)(space - rest.ptr);
    enum tally_status status =
        tl_store_base64(&parser->writer, tl_bytes(rest.ptr, len), TL_PART_MAX, &line->bytes);
    if (status == TALLY_OK) {
        status = read_path(parser, tl_bytes(rest.ptr + len, rest.len - len), line);
    }
    return status;
}

/* Parts ascend by entry and position, each of an entry that has its own line above. */
static enum tally_status read_parts(struct parser *parser, size_t first_entry)
{
    const struct tl_bundle *bundle = parser->bundle;
    size_t entry = first_entry;
    size_t entry_end = bundle->count;
    unsigned smallest = 0; /* position that may come next within the entry */
    while (parser->reader.rest.len > 0) {
        struct tl_bundle_line line = {.kind = TL_BUNDLE_PART};
        enum tally_status status = read_part(parser, &line);
        if (status != TALLY_OK) {
            return status;
        }
        while (entry < entry_end && bundle->lines[entry].index < line.index) {
            entry++;
            smallest = 0;
        }
        if (entry == entry_end || bundle->lines[entry].index != line.index ||
            line.position < smallest) {
            return TALLY_EFORMAT;
        }
        smallest = line.position + 1;
        status = push(parser, &line);
        if (status != TALLY_OK) {
            return status;
        }
    }
    return TALLY_OK;
}

static enum tally_status read_all(struct parser *parser)
{
    parser->line++;
    struct tally_bytes first = tl_read_line(&parser->reader);
    if (!tl_bytes_equal(first, tl_bytes_text(FIRST_LINE))) {
        return TALLY_EFORMAT;
    }
    enum tally_status status = read_proofs(parser, "constitution ", TL_BUNDLE_CONSTITUTION);
    if (status == TALLY_OK) {
        status = read_proof(parser, "last ", TL_BUNDLE_LAST);
    }
    size_t first_entry = parser->bundle->count;
    if (status == TALLY_OK) {
        status = read_proofs(parser, "entry ", TL_BUNDLE_ENTRY);
    }
    return status == TALLY_OK ? read_parts(parser, first_entry) : status;
}

enum tally_status tl_bundle_decode(struct tally_bytes text, struct tl_bundle *ret_bundle,
                                   unsigned *reterr_line)
{
    struct tl_bundle bundle = {.count = 0};
    struct parser parser = {.reader = tl_reader_over(text), .bundle = &bundle};
    enum tally_status status = TALLY_ETOOBIG;
    tl_buffer_init(&bundle.storage, TL_BUNDLE_MAX);
    if (text.len <= TL_BUNDLE_MAX) {
        uint8_t *storage = tl_buffer_extend(&bundle.storage, text.len);
        status = bundle.storage.status;
        if (storage != NULL) {
            parser.writer = tl_writer_over(storage, text.len);
            status = read_all(&parser);
        }
    }
    if (status == TALLY_OK) {
        *ret_bundle = bundle;
        return TALLY_OK;
    }
    tl_bundle_deinit(&bundle);
    if (reterr_line != NULL) {
        *reterr_line = parser.line;
    }
    return status;
}

void tl_bundle_deinit(struct tl_bundle *bundle)
{
    tl_buffer_deinit(&bundle->storage);
    tl_free(bundle->lines);
    bundle->lines = NULL;
    bundle->count = 0;
}
