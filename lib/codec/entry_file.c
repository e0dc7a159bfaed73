/* SPDX-License-Identifier: ISC */
/*
 * Decoding of entry files. Everything that is decoded goes into one block, as long as the text and
 * so always long enough; views into it stay valid because it never moves.
 */
#include "lib/codec/entry_file.h"

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/lines.h"
#include "lib/codec/part.h"

#define FIRST_LINE "tally-entry/v1"

struct parser {
    struct tl_reader reader;
    struct tl_writer writer; /* over the storage */
    struct tl_entry_file *entry;
    struct tl_envelope envelope;
    unsigned line;
};

static enum tally_status take(struct parser *parser, const char *keyword,
                              struct tally_bytes *ret_value)
{
    parser->line++;
    *ret_value = tl_read_value(&parser->reader, keyword);
    return parser->reader.status;
}

static bool continues(const struct parser *parser, const char *keyword)
{
    return tl_bytes_starts_with(parser->reader.rest, keyword);
}

static enum tally_status read_envelope(struct parser *parser)
{
    struct tally_bytes value;
    enum tally_status status = take(parser, "envelope ", &value);
    if (status == TALLY_OK) {
        status =
            tl_store_base64(&parser->writer, value, TALLY_ENVELOPE_MAX, &parser->entry->envelope);
    }
    if (status == TALLY_OK) {
        status = tl_envelope_decode(parser->entry->envelope, &parser->envelope, NULL);
    }
    return status;
}

static enum tally_status read_signatures(struct parser *parser)
{
    struct tl_signatures *signatures = &parser->entry->signatures;
    struct tally_bytes value;
    while (continues(parser, "signature ")) {
        enum tally_status status = take(parser, "signature ", &value);
        if (status == TALLY_OK && signatures->count == TALLY_SIGNATURE_COUNT_MAX) {
            status = TALLY_ETOOBIG;
        }
        if (status == TALLY_OK) {
            status = tl_store_base64(&parser->writer, value, TL_SSHSIG_BLOB_MAX,
                                     &signatures->blobs[signatures->count]);
        }
        if (status != TALLY_OK) {
            return status;
        }
        signatures->count++;
    }
    return TALLY_OK;
}

static enum tally_status read_commitments(struct parser *parser)
{
    struct tl_entry_file *entry = parser->entry;
    struct tally_bytes value;
    enum tally_status status = take(parser, "commitments ", &value);
    if (status != TALLY_OK) {
        return status;
    }
    entry->commitment_count = parser->envelope.part_count;
    if (entry->commitment_count == 0) {
        return tl_bytes_equal(value, tl_bytes_text("-")) ? TALLY_OK : TALLY_EFORMAT;
    }
    status = tl_store_base64(&parser->writer, value, (size_t)TALLY_PART_COUNT_MAX * TALLY_HASH_LEN,
                             &entry->commitments);
    if (status == TALLY_OK &&
        entry->commitments.len != (size_t)entry->commitment_count * TALLY_HASH_LEN) {
        status = TALLY_EFORMAT;
    }
    return status;
}

/* "POSITION BASE64" onto the list; the position's letter must be one of letters. */
static enum tally_status read_deposit(struct parser *parser, struct tally_bytes value,
                                      const char *letters, size_t max, unsigned *smallest)
{
    struct tally_bytes head;
    struct tally_bytes tail;
    struct tally_bytes stored;
    uint64_t position = 0;
    if (!tl_split_space(value, &head, &tail) || tl_decimal_parse(head, &position) != TALLY_OK ||
        position < *smallest || position >= parser->envelope.part_count) {
        return TALLY_EFORMAT;
    }
    uint8_t letter = parser->envelope.letters.ptr[position];
    if (letter != letters[0] && letter != letters[1]) {
        return TALLY_EFORMAT;
    }
    /* The length stands before the bytes and is known after them: written twice. There is room:
     * "part 0 " alone is longer. */
    struct tl_writer header = parser->writer;
    tl_write_u16(&parser->writer, (uint16_t)position);
    tl_write_u32(&parser->writer, 0);
    TL_ASSERT(parser->writer.status == TALLY_OK);
    enum tally_status status = tl_store_base64(&parser->writer, tail, max, &stored);
    if (status == TALLY_OK) {
        tl_write_u16(&header, (uint16_t)position);
        tl_write_u32(&header, (uint32_t)stored.len);
        *smallest = (unsigned)position + 1;
    }
    return status;
}

static enum tally_status read_deposits(struct parser *parser, const char *keyword,
                                       const char *letters, size_t max,
                                       struct tl_deposit_list *ret_list)
{
    struct tally_bytes value;
    unsigned smallest = 0;
    uint8_t *start = parser->writer.ptr + parser->writer.len;
    while (continues(parser, keyword)) {
        enum tally_status status = take(parser, keyword, &value);
        if (status == TALLY_OK) {
            status = read_deposit(parser, value, letters, max, &smallest);
        }
        if (status != TALLY_OK) {
            return status;
        }
        ret_list->count++;
    }
    ret_list->items = tl_bytes(start, (size_t)(parser->writer.ptr + parser->writer.len - start));
    return TALLY_OK;
}

static unsigned hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10u : 16u;
}

static bool is_plain(uint8_t c)
{
    return c >= 0x21 && c <= 0x7e && c != '%';
}

/* The byte that the three characters at the start of text spell, or 0: no path holds a NUL. */
static uint8_t parse_escape(struct tally_bytes text)
{
    unsigned high = text.len < 3 ? 16 : hex_digit(text.ptr[1]);
    unsigned low = text.len < 3 ? 16 : hex_digit(text.ptr[2]);
    if (high > 15 || low > 15) {
        return 0;
    }
    return (uint8_t)(high << 4 | low);
}

/* A path has one spelling: a byte that can stand for itself does. */
static enum tally_status read_path(struct parser *parser, struct tally_bytes text,
                                   struct tally_bytes *ret_path)
{
    size_t start = parser->writer.len;
    if (text.len == 0) {
        return TALLY_EFORMAT;
    }
    while (text.len > 0) {
        uint8_t c = text.ptr[0];
        size_t len = c == '%' ? 3 : 1;
        if (c == '%') {
            c = parse_escape(text);
        }
        if (c == 0 || is_plain(c) != (len == 1)) {
            return TALLY_EFORMAT;
        }
        tl_write_u8(&parser->writer, c);
        text = tl_bytes(text.ptr + len, text.len - len);
    }
    *ret_path = tl_bytes(parser->writer.ptr + start, parser->writer.len - start);
    return parser->writer.status;
}

/* "HASH SIZE PATH" for one file line of the envelope. */
static enum tally_status read_exhibit(struct parser *parser, const struct tl_file_line *line,
                                      struct tl_entry_exhibit *ret_exhibit)
{
    struct tally_bytes value;
    struct tally_bytes hash;
    struct tally_bytes rest;
    struct tally_bytes size;
    struct tally_bytes path;
    enum tally_status status = take(parser, "file ", &value);
    if (status != TALLY_OK) {
        return status;
    }
    if (!tl_split_space(value, &hash, &rest) || !tl_split_space(rest, &size, &path) ||
        tl_hash_parse(hash, &ret_exhibit->hash) != TALLY_OK ||
        tl_decimal_parse(size, &ret_exhibit->size) != TALLY_OK ||
        !tl_hash_equal(&ret_exhibit->hash, &line->hash) || ret_exhibit->size != line->size) {
        return TALLY_EFORMAT;
    }
    return read_path(parser, path, &ret_exhibit->path);
}

static enum tally_status read_exhibits(struct parser *parser)
{
    struct tl_entry_file *entry = parser->entry;
    struct tally_bytes lines = parser->envelope.file_lines;
    struct tl_file_line line;
    if (parser->envelope.file_count == 0) {
        return TALLY_OK;
    }
    entry->exhibits = tl_calloc(parser->envelope.file_count, sizeof *entry->exhibits);
    if (entry->exhibits == NULL) {
        return TALLY_ENOMEM;
    }
    while (tl_envelope_next_file(&lines, &line)) {
        enum tally_status status =
            read_exhibit(parser, &line, &entry->exhibits[entry->exhibit_count]);
        if (status != TALLY_OK) {
            return status;
        }
        entry->exhibit_count++;
    }
    return TALLY_OK;
}

static enum tally_status read_all(struct parser *parser)
{
    struct tl_entry_file *entry = parser->entry;
    parser->line++;
    struct tally_bytes first = tl_read_line(&parser->reader);
    if (!tl_bytes_equal(first, tl_bytes_text(FIRST_LINE))) {
        return TALLY_EFORMAT;
    }
    enum tally_status status = read_envelope(parser);
    if (status == TALLY_OK) {
        status = read_signatures(parser);
    }
    if (status == TALLY_OK) {
        status = read_commitments(parser);
    }
    if (status == TALLY_OK) {
        status = read_deposits(parser, "part ", "cw", TL_PART_MAX, &entry->opened);
    }
    if (status == TALLY_OK) {
        status = read_deposits(parser, "sealed ", "ss", TALLY_DEPOSIT_MAX, &entry->sealed);
    }
    if (status == TALLY_OK) {
        status = read_exhibits(parser);
    }
    if (status == TALLY_OK && parser->reader.rest.len > 0) {
        parser->line++;
        status = TALLY_EFORMAT;
    }
    return status;
}

enum tally_status tl_entry_file_decode(struct tally_bytes text, struct tl_entry_file *ret_entry,
                                       unsigned *reterr_line)
{
    struct tl_entry_file entry = {.commitment_count = 0};
    struct parser parser = {.reader = tl_reader_over(text), .entry = &entry};
    enum tally_status status = TALLY_ETOOBIG;
    tl_buffer_init(&entry.storage, TALLY_ENTRY_FILE_MAX);
    if (text.len <= TALLY_ENTRY_FILE_MAX) {
        uint8_t *storage = tl_buffer_extend(&entry.storage, text.len);
        status = entry.storage.status;
        if (storage != NULL) {
            parser.writer = tl_writer_over(storage, text.len);
            status = read_all(&parser);
        }
    }
    if (status == TALLY_OK) {
        *ret_entry = entry;
        return TALLY_OK;
    }
    tl_entry_file_deinit(&entry);
    if (reterr_line != NULL) {
        *reterr_line = parser.line;
    }
    return status;
}

void tl_entry_file_deinit(struct tl_entry_file *entry)
{
    tl_buffer_deinit(&entry->storage);
    tl_free(entry->exhibits);
    entry->exhibits = NULL;
}
