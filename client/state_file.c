/* SPDX-License-Identifier: ISC */
#include "client/state_file.h"

#include "client/roster_at.h"
#include "client/whole_file.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

#define HEADING "tally-state/v1"

static void add_base64_line(struct tl_buffer *text, const char *word, struct tally_bytes bytes)
{
    tl_buffer_add_text(text, word);
    tl_buffer_add_text(text, " ");
    tl_buffer_add_base64(text, bytes);
    tl_buffer_add_text(text, "\n");
}

static void add_author(struct tl_buffer *text, const struct state_author *author)
{
    char fingerprint[TALLY_FINGERPRINT_LEN + 1];
    tl_fingerprint_format(&author->key, fingerprint);
    tl_buffer_add_text(text, "author ");
    tl_buffer_add_text(text, fingerprint);
    tl_buffer_add_text(text, " ");
    tl_buffer_add_decimal(text, author->sequence);
    tl_buffer_add_text(text, " ");
    tl_buffer_add_base64(text, tl_hash_bytes(&author->previous));
    tl_buffer_add_text(text, " ");
    tl_buffer_add_decimal(text, author->seen_index);
    tl_buffer_add_text(text, "\n");
}

static void render(const struct state *state, struct tl_buffer *text)
{
    tl_buffer_add_text(text, HEADING "\n");
    add_base64_line(text, "ledger", tl_hash_bytes(&state->ledger));
    add_base64_line(text, "checkpoint", tl_buffer_bytes(&state->checkpoint));
    add_base64_line(text, "held", tl_buffer_bytes(&state->held));
    tl_buffer_add_text(text, "newest ");
    tl_buffer_add_decimal(text, state->newest_index);
    tl_buffer_add_text(text, " ");
    tl_buffer_add_base64(text, tl_hash_bytes(&state->newest_leaf));
    tl_buffer_add_text(text, "\n");
    struct tl_reader reader = tl_reader_over(tl_buffer_bytes(&state->constitution));
    while (reader.rest.len > 0 && reader.status == TALLY_OK) {
        add_base64_line(text, "constitution", tl_read_vector16(&reader, TALLY_RECORD_MAX));
    }
    for (size_t i = 0; i < state->author_count; i++) {
        add_author(text, &state->authors[i]);
    }
}

enum tally_status state_file_write(const struct state *state)
{
    char *path = tl_path_join(state->directory, "ledger");
    if (path == NULL) {
        return TALLY_ENOMEM;
    }
    struct tl_buffer text;
    tl_buffer_init(&text, STATE_FILE_MAX);
    render(state, &text);
    enum tally_status status = text.status;
    if (status == TALLY_OK) {
        status = whole_file_put(path, tl_buffer_bytes(&text), 0600, true);
    }
    tl_buffer_deinit(&text);
    tl_free(path);
    return status;
}

/* Appends the decoded bytes to dst. */
static enum tally_status take_base64(struct tally_bytes value, struct tl_buffer *dst)
{
    if (value.len == 0) {
        return TALLY_OK;
    }
    size_t before = dst->len;
    uint8_t *space = tl_buffer_extend(dst, value.len);
    if (space == NULL) {
        return dst->status;
    }
    size_t len = 0;
    enum tally_status status = tl_base64_parse(value, space, value.len, &len);
    dst->len = before + (status == TALLY_OK ? len : 0);
    return status;
}

static enum tally_status take_newest(struct state *state, struct tally_bytes value)
{
    struct tally_bytes index;
    struct tally_bytes leaf;
    if (!tl_split_space(value, &index, &leaf) ||
        tl_decimal_parse(index, &state->newest_index) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    return tl_hash_parse(leaf, &state->newest_leaf);
}

static enum tally_status take_author(struct state *state, struct tally_bytes value)
{
    struct tally_bytes key;
    struct tally_bytes sequence;
    struct tally_bytes previous;
    struct tally_bytes seen;
    struct state_author author = {.sequence = 0};
    if (!tl_split_space(value, &key, &value) || !tl_split_space(value, &sequence, &value) ||
        !tl_split_space(value, &previous, &seen) ||
        tl_fingerprint_parse(key, &author.key) != TALLY_OK ||
        tl_decimal_parse(sequence, &author.sequence) != TALLY_OK ||
        tl_hash_parse(previous, &author.previous) != TALLY_OK ||
        tl_decimal_parse(seen, &author.seen_index) != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    struct state_author *grown =
        tl_realloc(state->authors, (state->author_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return TALLY_ENOMEM;
    }
    state->authors = grown;
    grown[state->author_count++] = author;
    return TALLY_OK;
}

static enum tally_status take_constitution(struct state *state, struct tally_bytes value)
{
    struct tl_buffer record;
    tl_buffer_init(&record, TL_BASE64_LEN(TALLY_RECORD_MAX));
    enum tally_status status = take_base64(value, &record);
    if (status == TALLY_OK && record.len > TALLY_RECORD_MAX) {
        status = TALLY_ETOOBIG;
    }
    if (status == TALLY_OK) {
        tl_buffer_add_u16(&state->constitution, (uint16_t)record.len);
        tl_buffer_add(&state->constitution, tl_buffer_bytes(&record));
        status = state->constitution.status;
    }
    tl_buffer_deinit(&record);
    return status;
}

static bool is_word(struct tally_bytes word, const char *text)
{
    return tl_bytes_equal(word, tl_bytes_text(text));
}

static enum tally_status take_line(struct state *state, struct tally_bytes line)
{
    struct tally_bytes word;
    struct tally_bytes value;
    if (!tl_split_space(line, &word, &value)) {
        return TALLY_EFORMAT;
    }
    if (is_word(word, "ledger")) {
        struct tally_hash ledger;
        enum tally_status status = tl_hash_parse(value, &ledger);
        return status == TALLY_OK && !tl_hash_equal(&ledger, &state->ledger) ? TALLY_EFORMAT
                                                                             : status;
    }
    if (is_word(word, "checkpoint")) {
        return take_base64(value, &state->checkpoint);
    }
    if (is_word(word, "held")) {
        return take_base64(value, &state->held);
    }
    if (is_word(word, "newest")) {
        return take_newest(state, value);
    }
    if (is_word(word, "constitution")) {
        return take_constitution(state, value);
    }
    return is_word(word, "author") ? take_author(state, value) : TALLY_EFORMAT;
}

static enum tally_status parse(struct state *state, struct tally_bytes text)
{
    struct tl_reader reader = tl_reader_over(text);
    if (!is_word(tl_read_line(&reader), HEADING)) {
        return TALLY_EFORMAT;
    }
    while (reader.rest.len > 0) {
        struct tally_bytes line = tl_read_line(&reader);
        enum tally_status status =
            reader.status == TALLY_OK ? take_line(state, line) : reader.status;
        if (status != TALLY_OK) {
            return status == TALLY_ENOMEM ? status : TALLY_EFORMAT;
        }
    }
    return TALLY_OK;
}

enum tally_status state_file_read(struct state *state)
{
    char *path = tl_path_join(state->directory, "ledger");
    if (path == NULL) {
        return TALLY_ENOMEM;
    }
    struct tl_buffer text;
    tl_buffer_init(&text, STATE_FILE_MAX);
    enum tally_status status = tl_file_read(path, &text);
    if (status == TALLY_OK) {
        status = parse(state, tl_buffer_bytes(&text));
    }
    tl_buffer_deinit(&text);
    tl_free(path);
    return status;
}

enum tally_status state_file_roster(struct state *state)
{
    enum tally_status status = roster_at(state, TL_NEVER, &state->roster);
    if (status == TALLY_OK &&
        (state->roster == NULL || !tl_hash_equal(&state->roster->ledger, &state->ledger))) {
        status = TALLY_EFORMAT;
    }
    return status;
}
