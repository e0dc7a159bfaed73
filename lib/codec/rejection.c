/* SPDX-License-Identifier: ISC */
#include "lib/codec/rejection.h"

#include "lib/base/text.h"
#include "lib/codec/lines.h"
#include "lib/codec/note.h"

#define FIRST_LINE "tally-rejection/v1"
#define KEY_SUFFIX "/rejection"

enum tally_status tl_rejection_key(const struct tl_note_key *ledger_key,
                                   struct tl_note_key *ret_key)
{
    char name[TL_NOTE_NAME_MAX];
    struct tl_writer writer = tl_writer_over(name, sizeof name);
    tl_write_text(&writer, ledger_key->name);
    tl_write_text(&writer, KEY_SUFFIX);
    if (writer.status != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    return tl_note_key_make(tl_bytes(name, writer.len), TL_NOTE_ED25519, ledger_key->point,
                            ret_key);
}

/* A rejection with nothing wrong is none. */
static bool parse_code(struct tally_bytes name, enum tally_reason *ret_code)
{
    for (unsigned i = TALLY_REASON_NONE + 1; i < TALLY_REASON_COUNT; i++) {
        enum tally_reason reason = (enum tally_reason)i;
        if (tl_bytes_equal(name, tl_bytes_text(tally_reason_name(reason)))) {
            *ret_code = reason;
            return true;
        }
    }
    return false;
}

enum tally_status tl_rejection_decode(struct tally_bytes text, struct tl_rejection *ret_rejection)
{
    struct tl_reader reader = tl_reader_over(text);
    struct tl_rejection rejection;
    struct tally_bytes first = tl_read_line(&reader);
    struct tally_bytes envelope = tl_read_value(&reader, "envelope ");
    struct tally_bytes submission = tl_read_value(&reader, "submission ");
    struct tally_bytes code = tl_read_value(&reader, "code ");
    struct tally_bytes size = tl_read_value(&reader, "size ");
    struct tally_bytes roster = tl_read_value(&reader, "roster ");
    struct tally_bytes time = tl_read_value(&reader, "time ");
    if (tl_reader_finish(&reader) != TALLY_OK ||
        !tl_bytes_equal(first, tl_bytes_text(FIRST_LINE)) ||
        tl_hash_parse(envelope, &rejection.envelope) != TALLY_OK ||
        tl_hash_parse(submission, &rejection.submission) != TALLY_OK ||
        !parse_code(code, &rejection.code) || tl_decimal_parse(size, &rejection.size) != TALLY_OK ||
        tl_decimal_parse(roster, &rejection.roster) != TALLY_OK ||
        tl_time_parse(time, &rejection.time_s) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    *ret_rejection = rejection;
    return TALLY_OK;
}

void tl_rejection_encode(const struct tl_rejection *rejection, struct tl_buffer *buffer)
{
    char time[TL_TIME_LEN + 1];
    tl_time_format(rejection->time_s, time);
    tl_buffer_add_text(buffer, FIRST_LINE "\nenvelope ");
    tl_buffer_add_base64(buffer, tl_hash_bytes(&rejection->envelope));
    tl_buffer_add_text(buffer, "\nsubmission ");
    tl_buffer_add_base64(buffer, tl_hash_bytes(&rejection->submission));
    tl_buffer_add_text(buffer, "\ncode ");
    tl_buffer_add_text(buffer, tally_reason_name(rejection->code));
    tl_buffer_add_text(buffer, "\nsize ");
    tl_buffer_add_decimal(buffer, rejection->size);
    tl_buffer_add_text(buffer, "\nroster ");
    tl_buffer_add_decimal(buffer, rejection->roster);
    tl_buffer_add_text(buffer, "\ntime ");
    tl_buffer_add_text(buffer, time);
    tl_buffer_add_text(buffer, "\n");
}

void tl_rejection_sign(const struct tl_rejection *rejection, const struct tl_note_key *key,
                       const struct tl_secret_key *secret, struct tl_buffer *buffer)
{
    struct tl_buffer text;
    tl_buffer_init(&text, TL_REJECTION_MAX);
    tl_rejection_encode(rejection, &text);
    if (text.status == TALLY_OK) {
        tl_note_sign(tl_buffer_bytes(&text), key, secret, buffer);
    } else if (buffer->status == TALLY_OK) {
        buffer->status = text.status;
    }
    tl_buffer_deinit(&text);
}

enum tally_status tl_rejection_open(struct tally_bytes bytes, const struct tl_note_key *key,
                                    struct tl_rejection *ret_rejection)
{
    struct tl_note note;
    struct tl_rejection rejection;
    if (bytes.len > TL_REJECTION_MAX) {
        return TALLY_ETOOBIG;
    }
    if (tl_note_decode(bytes, &note) != TALLY_OK ||
        tl_rejection_decode(note.text, &rejection) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    enum tally_status status = tl_note_verify(&note, key);
    if (status == TALLY_OK) {
        *ret_rejection = rejection;
    }
    return status;
}
