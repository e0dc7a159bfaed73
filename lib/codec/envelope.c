/* SPDX-License-Identifier: ISC */
/*
 * Decoding of envelopes: one pass, line by line, in the one order that the format has. Every byte
 * is covered by a strict parser, so what is accepted has no second spelling.
 */
#include "lib/codec/envelope.h"

#include "lib/base/sha256.h"
#include "lib/base/text.h"
#include "lib/codec/envelope_line.h"
#include "lib/tree/tree.h"

#define FINGERPRINT_PREFIX "SHA256:"

struct parser {
    struct tl_reader reader;
    struct tl_envelope *envelope;
    unsigned line;
    enum tally_status status;
    const char *what;
};

static bool fail_with(struct parser *parser, enum tally_status status, const char *what)
{
    parser->status = status;
    parser->what = what;
    return false;
}

static bool fail(struct parser *parser, const char *what)
{
    return fail_with(parser, TALLY_EFORMAT, what);
}

/* Reads the next line, which must begin with the keyword, and gives what follows it. */
static bool take(struct parser *parser, const char *keyword, const char *what,
                 struct tally_bytes *ret_value)
{
    parser->line++;
    struct tally_bytes line = tl_read_line(&parser->reader);
    if (parser->reader.status != TALLY_OK) {
        return fail_with(parser, parser->reader.status, "the text ends before the line does");
    }
    if (!tl_bytes_starts_with(line, keyword)) {
        return fail(parser, what);
    }
    size_t len = tl_bytes_text(keyword).len;
    *ret_value = tl_bytes(line.ptr + len, line.len - len);
    return true;
}

static bool is_dash(struct tally_bytes value)
{
    return value.len == 1 && value.ptr[0] == '-';
}

static bool is_charter(const struct parser *parser)
{
    return tl_bytes_equal(parser->envelope->type, tl_bytes_text("charter"));
}

static bool read_type(struct parser *parser)
{
    static const char what[] = "expected: tally/v1 TYPE";
    struct tl_envelope *envelope = parser->envelope;
    if (!take(parser, "tally/v1 ", what, &envelope->type)) {
        return false;
    }
    if (!tl_is_id(envelope->type)) {
        return fail(parser, what);
    }
    return true;
}

static bool read_ledger(struct parser *parser)
{
    struct tl_envelope *envelope = parser->envelope;
    struct tally_bytes value;
    if (!take(parser, "ledger ", "expected: ledger HASH", &value)) {
        return false;
    }
    envelope->has_ledger = !is_dash(value);
    if (envelope->has_ledger == is_charter(parser)) {
        return fail(parser, "a charter, and nothing else, has no ledger id");
    }
    if (envelope->has_ledger && tl_hash_parse(value, &envelope->ledger) != TALLY_OK) {
        return fail(parser, "the ledger id is not 32 bytes of base64");
    }
    return true;
}

static bool read_author(struct parser *parser)
{
    struct tl_envelope *envelope = parser->envelope;
    struct tally_bytes value;
    if (!take(parser, "member ", "expected: member ID", &envelope->member)) {
        return false;
    }
    if (!tl_is_id(envelope->member)) {
        return fail(parser, "not a member id");
    }
    if (!take(parser, "key " FINGERPRINT_PREFIX, "expected: key SHA256:FINGERPRINT", &value)) {
        return false;
    }
    if (tl_fingerprint_parse(value, &envelope->key) != TALLY_OK) {
        return fail(parser, "not a key fingerprint");
    }
    return true;
}

static bool read_author_chain(struct parser *parser)
{
    struct tl_envelope *envelope = parser->envelope;
    struct tally_bytes value;
    if (!take(parser, "sequence ", "expected: sequence NUMBER", &value)) {
        return false;
    }
    if (tl_decimal_parse(value, &envelope->sequence) != TALLY_OK) {
        return fail(parser, "the sequence is not a number");
    }
    if ((envelope->sequence == 0) != tl_is_constitution_type(envelope->type)) {
        return fail(parser, "sequence 0 is for charter and amendment, and nothing else is");
    }
    if (!take(parser, "previous ", "expected: previous HASH", &value)) {
        return false;
    }
    envelope->has_previous = !is_dash(value);
    if (envelope->has_previous != (envelope->sequence > 1)) {
        return fail(parser, "previous is - exactly where the sequence is 0 or 1");
    }
    if (envelope->has_previous && tl_hash_parse(value, &envelope->previous) != TALLY_OK) {
        return fail(parser, "previous is not 32 bytes of base64");
    }
    return true;
}

static bool read_seen(struct parser *parser)
{
    struct tl_envelope *envelope = parser->envelope;
    struct tally_bytes value;
    struct tally_bytes index;
    struct tally_bytes leaf;
    if (!take(parser, "seen ", "expected: seen INDEX HASH", &value)) {
        return false;
    }
    envelope->has_seen = !is_dash(value);
    if (envelope->has_seen == is_charter(parser)) {
        return fail(parser, "a charter, and nothing else, has seen no record");
    }
    if (!envelope->has_seen) {
        return true;
    }
    if (!tl_split_space(value, &index, &leaf) ||
        tl_decimal_parse(index, &envelope->seen_index) != TALLY_OK ||
        tl_hash_parse(leaf, &envelope->seen_leaf) != TALLY_OK) {
        return fail(parser, "expected: seen INDEX HASH");
    }
    return true;
}

static bool read_signed(struct parser *parser)
{
    struct tally_bytes value;
    if (!take(parser, "signed ", "expected: signed TIME", &value)) {
        return false;
    }
    if (tl_time_parse(value, &parser->envelope->signed_s) != TALLY_OK) {
        return fail(parser, "not a UTC time of the form 2026-11-23T15:56:07Z");
    }
    return true;
}

static bool check_letters(struct parser *parser)
{
    const struct tl_envelope *envelope = parser->envelope;
    if (envelope->part_count == 0) {
        struct tally_hash empty = tl_tree_empty();
        if (!is_dash(envelope->letters) || !tl_hash_equal(&envelope->parts_root, &empty)) {
            return fail(parser,
                        "without parts the root is that of the empty tree, the letters are -");
        }
        return true;
    }
    if (envelope->letters.len != envelope->part_count) {
        return fail(parser, "there must be one letter a part");
    }
    for (size_t i = 0; i < envelope->letters.len; i++) {
        uint8_t letter = envelope->letters.ptr[i];
        if (letter != 'c' && letter != 's' && letter != 'w') {
            return fail(parser, "a part's letter is c, s or w");
        }
    }
    return true;
}

static bool read_parts(struct parser *parser)
{
    static const char what[] = "expected: parts COUNT ROOT LETTERS";
    struct tl_envelope *envelope = parser->envelope;
    struct tally_bytes value;
    struct tally_bytes count;
    struct tally_bytes rest;
    struct tally_bytes root;
    uint64_t number = 0;
    if (!take(parser, "parts ", what, &value)) {
        return false;
    }
    if (!tl_split_space(value, &count, &rest) || tl_decimal_parse(count, &number) != TALLY_OK) {
        return fail(parser, what);
    }
    if (number > TALLY_PART_COUNT_MAX) {
        return fail_with(parser, TALLY_ETOOBIG, "too many parts");
    }
    if (!tl_split_space(rest, &root, &envelope->letters) ||
        tl_hash_parse(root, &envelope->parts_root) != TALLY_OK) {
        return fail(parser, what);
    }
    if (number > 0 && tl_is_constitution_type(envelope->type)) {
        return fail(parser, "a charter or amendment has no parts");
    }
    envelope->part_count = (unsigned)number;
    return check_letters(parser);
}

/* True while the next line begins with the keyword; then the list goes on. */
static bool continues(const struct parser *parser, const char *keyword)
{
    return tl_bytes_starts_with(parser->reader.rest, keyword);
}

/* The text from start up to the next line to be read. */
static struct tally_bytes region(const struct parser *parser, struct tally_bytes start)
{
    return tl_bytes(start.ptr, start.len - parser->reader.rest.len);
}

static bool read_sealed(struct parser *parser)
{
    struct tl_envelope *envelope = parser->envelope;
    struct tally_bytes start = parser->reader.rest;
    struct tl_sealed_line line;
    struct tally_bytes value;
    for (unsigned i = 0; i < envelope->part_count; i++) {
        if (envelope->letters.ptr[i] != 's') {
            continue;
        }
        if (!take(parser, "sealed ", "expected: one sealed line for each letter s", &value)) {
            return false;
        }
        if (!tl_sealed_line_parse(value, &line)) {
            return fail(parser, "expected: sealed POSITION HASH SIZE");
        }
        if (line.position != i) {
            return fail(parser, "sealed lines stand in the order of the letters s, one for each");
        }
        envelope->sealed_count++;
    }
    envelope->sealed_lines = region(parser, start);
    return true;
}

static bool read_files(struct parser *parser)
{
    struct tl_envelope *envelope = parser->envelope;
    struct tally_bytes start = parser->reader.rest;
    struct tally_bytes before = tl_bytes(NULL, 0);
    struct tally_bytes value = tl_bytes(NULL, 0);
    struct tl_file_line line;
    while (continues(parser, "file ")) {
        if (!take(parser, "file ", "", &value)) {
            return false;
        }
        if (!tl_file_line_parse(value, &line)) {
            return fail(parser, "expected: file clear|sealed HASH SIZE");
        }
        if (tl_bytes_compare(before, value) >= 0) {
            return fail(parser, "file lines must be sorted and unique");
        }
        before = value;
        envelope->file_count++;
    }
    if (envelope->file_count > 0 && tl_is_constitution_type(envelope->type)) {
        return fail(parser, "a charter or amendment has no files");
    }
    envelope->file_lines = region(parser, start);
    return true;
}

static bool read_refs(struct parser *parser)
{
    struct tl_envelope *envelope = parser->envelope;
    struct tally_bytes start = parser->reader.rest;
    struct tally_bytes before = tl_bytes(NULL, 0);
    struct tally_bytes value = tl_bytes(NULL, 0);
    struct tl_ref_line line;
    while (continues(parser, "ref ")) {
        if (!take(parser, "ref ", "", &value)) {
            return false;
        }
        if (envelope->ref_count == TALLY_REF_COUNT_MAX) {
            return fail_with(parser, TALLY_ETOOBIG, "too many ref lines");
        }
        if (!tl_ref_line_parse(value, &line)) {
            return fail(parser, "expected: ref RELATION INDEX HASH");
        }
        if (tl_bytes_compare(before, value) >= 0) {
            return fail(parser, "ref lines must be sorted and unique");
        }
        if (!envelope->has_seen || line.index > envelope->seen_index) {
            return fail(parser, "a ref goes no further than seen");
        }
        before = value;
        envelope->ref_count++;
    }
    envelope->ref_lines = region(parser, start);
    return true;
}

static bool read_ops(struct parser *parser)
{
    struct tl_envelope *envelope = parser->envelope;
    struct tally_bytes start = parser->reader.rest;
    struct tally_bytes value;
    while (continues(parser, "op ")) {
        if (!take(parser, "op ", "", &value)) {
            return false;
        }
        if (!tl_op_line_parse(value, &value)) {
            return fail(parser, "an operation is printable ASCII");
        }
        envelope->op_count++;
    }
    if ((envelope->op_count > 0) != tl_is_constitution_type(envelope->type)) {
        return fail(parser, "a charter or amendment, and nothing else, has operations");
    }
    envelope->op_lines = region(parser, start);
    return true;
}

static bool read_end(struct parser *parser)
{
    if (parser->reader.rest.len == 0) {
        return true;
    }
    parser->line++;
    return fail(parser, "the line is unknown or stands out of order");
}

enum tally_status tl_envelope_decode(struct tally_bytes text, struct tl_envelope *ret_envelope,
                                     struct tl_envelope_fault *reterr_fault)
{
    struct tl_envelope envelope = {.text = text};
    struct parser parser = {
        .reader = tl_reader_over(text), .envelope = &envelope, .status = TALLY_OK, .what = ""};
    if (text.len > TALLY_ENVELOPE_MAX) {
        parser.line = 1;
        (void)fail_with(&parser, TALLY_ETOOBIG, "the envelope is too long");
    } else if (read_type(&parser) && read_ledger(&parser) && read_author(&parser) &&
               read_author_chain(&parser) && read_seen(&parser) && read_signed(&parser) &&
               read_parts(&parser) && read_sealed(&parser) && read_files(&parser) &&
               read_refs(&parser) && read_ops(&parser) && read_end(&parser)) {
        *ret_envelope = envelope;
        return TALLY_OK;
    }
    if (reterr_fault != NULL) {
        *reterr_fault = (struct tl_envelope_fault){.line = parser.line, .what = parser.what};
    }
    return parser.status;
}

bool tl_envelope_is_constitution(const struct tl_envelope *envelope)
{
    return tl_is_constitution_type(envelope->type);
}

struct tally_hash tl_envelope_hash(const struct tl_envelope *envelope)
{
    return tl_sha256(envelope->text);
}
