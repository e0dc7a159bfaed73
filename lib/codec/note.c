/* SPDX-License-Identifier: ISC */
#include "lib/codec/note.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/text.h"
#include "lib/codec/utf8.h"

#define LINE_PREFIX "\xe2\x80\x94 " /* an em dash and a space */
#define ID_LEN 4u
#define BLOB_MIN 5u /* an id and at least one byte */

/* Base64 is read piece by piece: a post-quantum signature is longer than any we look into. */
enum { PIECE_CHARS = 104, PIECE_BYTES = 78 };

/*
 * White space as Unicode has it: what the reference refuses in a key name. That of ASCII cannot be
 * in one: a note has no control characters, and the first space ends the name.
 */
static bool is_space(uint32_t c)
{
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_key_name(struct tally_bytes name)
{
    uint32_t character = 0;
    if (name.len == 0) {
        return false;
    }
    while (tl_utf8_next(&name, &character)) {
        if (character == '+' || is_space(character)) {
            return false;
        }
    }
    return name.len == 0;
}

/* The id and the first bytes of the signature; false unless all of text is canonical base64. */
static bool parse_blob(struct tally_bytes text, struct tl_note_signature *ret_signature)
{
    uint8_t piece[PIECE_BYTES];
    size_t total = 0;
    if (text.len == 0) {
        return false;
    }
    while (text.len > 0) {
        size_t chars = text.len < PIECE_CHARS ? text.len : PIECE_CHARS;
        size_t len = 0;
        bool is_last = chars == text.len;
        if (tl_base64_parse(tl_bytes(text.ptr, chars), piece, sizeof piece, &len) != TALLY_OK ||
            (!is_last && len != PIECE_BYTES)) {
            return false;
        }
        if (total == 0 && len >= BLOB_MIN) {
            size_t kept = len - ID_LEN;
            kept = kept < sizeof ret_signature->bytes ? kept : sizeof ret_signature->bytes;
            memcpy(ret_signature->id, piece, ID_LEN);
            memcpy(ret_signature->bytes, piece + ID_LEN, kept);
        }
        total += len;
        text = tl_bytes(text.ptr + chars, text.len - chars);
    }
    ret_signature->bytes_len = total - ID_LEN;
    return total >= BLOB_MIN;
}

static bool parse_line(struct tally_bytes line, struct tl_note_signature *ret_signature)
{
    struct tally_bytes blob;
    size_t len = sizeof LINE_PREFIX - 1;
    if (!tl_bytes_starts_with(line, LINE_PREFIX)) {
        return false;
    }
    memset(ret_signature, 0, sizeof *ret_signature);
    return tl_split_space(tl_bytes(line.ptr + len, line.len - len), &ret_signature->name, &blob) &&
           is_key_name(ret_signature->name) && parse_blob(blob, ret_signature);
}

static enum tally_status check_lines(struct tally_bytes lines)
{
    struct tl_reader reader = tl_reader_over(lines);
    struct tl_note_signature signature;
    unsigned count = 0;
    while (reader.rest.len > 0) {
        struct tally_bytes line = tl_read_line(&reader);
        if (count == TL_NOTE_SIGNATURE_COUNT_MAX) {
            return TALLY_ETOOBIG;
        }
        if (reader.status != TALLY_OK || !parse_line(line, &signature)) {
            return TALLY_EFORMAT;
        }
        count++;
    }
    return count > 0 ? TALLY_OK : TALLY_EFORMAT;
}

static bool is_note_text(struct tally_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] < 0x20 && bytes.ptr[i] != '\n') {
            return false;
        }
    }
    return tl_is_utf8(bytes);
}

enum tally_status tl_note_decode(struct tally_bytes bytes, struct tl_note *ret_note)
{
    if (bytes.len > TL_NOTE_MAX) {
        return TALLY_ETOOBIG;
    }
    if (!is_note_text(bytes)) {
        return TALLY_EFORMAT;
    }
    /* The last empty line is the one: the text may have others, signature lines may not. */
    size_t end = bytes.len;
    while (end >= 2 && (bytes.ptr[end - 1] != '\n' || bytes.ptr[end - 2] != '\n')) {
        end--;
    }
    if (end < 2) {
        return TALLY_EFORMAT;
    }
    struct tally_bytes lines = tl_bytes(bytes.ptr + end, bytes.len - end);
    enum tally_status status = check_lines(lines);
    if (status != TALLY_OK) {
        return status;
    }
    ret_note->text = tl_bytes(bytes.ptr, end - 1);
    ret_note->signatures = lines;
    return TALLY_OK;
}

bool tl_note_next_signature(struct tally_bytes *lines, struct tl_note_signature *ret_signature)
{
    if (lines->len == 0) {
        return false;
    }
    /* Decoding has seen each line: a note with one that is none is no note. */
    struct tl_reader reader = tl_reader_over(*lines);
    struct tally_bytes line = tl_read_line(&reader);
    bool is_line = parse_line(line, ret_signature);
    TL_ASSERT(is_line);
    *lines = reader.rest;
    return true;
}

enum tally_status tl_note_verify(const struct tl_note *note, const struct tl_note_key *key)
{
    struct tally_bytes lines = note->signatures;
    struct tally_bytes name = tl_bytes_text(key->name);
    struct tl_note_signature signature;
    enum tally_status status = TALLY_ENOTFOUND;
    while (tl_note_next_signature(&lines, &signature)) {
        if (!tl_bytes_equal(signature.name, name) || memcmp(signature.id, key->id, ID_LEN) != 0) {
            continue;
        }
        if (status != TALLY_ENOTFOUND || key->type != TL_NOTE_ED25519 ||
            signature.bytes_len != TALLY_SIGNATURE_LEN ||
            !tl_ed25519_verify(key->point, note->text, signature.bytes)) {
            return TALLY_ESIGNATURE;
        }
        status = TALLY_OK;
    }
    return status;
}

void tl_note_sign(struct tally_bytes text, const struct tl_note_key *key,
                  const struct tl_secret_key *secret, struct tl_buffer *buffer)
{
    uint8_t signature[TALLY_SIGNATURE_LEN];
    tl_secret_key_sign(secret, text, signature);
    tl_buffer_add(buffer, text);
    tl_buffer_add_text(buffer, "\n");
    tl_note_add_line(key, tl_bytes(signature, sizeof signature), buffer);
}

void tl_note_add_line(const struct tl_note_key *key, struct tally_bytes signature,
                      struct tl_buffer *buffer)
{
    struct tl_buffer blob;
    tl_buffer_init(&blob, TL_NOTE_MAX);
    tl_buffer_add(&blob, tl_bytes(key->id, ID_LEN));
    tl_buffer_add(&blob, signature);
    if (blob.status == TALLY_OK) {
        tl_buffer_add_text(buffer, LINE_PREFIX);
        tl_buffer_add_text(buffer, key->name);
        tl_buffer_add_text(buffer, " ");
        tl_buffer_add_base64(buffer, tl_buffer_bytes(&blob));
        tl_buffer_add_text(buffer, "\n");
    } else if (buffer->status == TALLY_OK) {
        buffer->status = blob.status;
    }
    tl_buffer_deinit(&blob);
}
