/* SPDX-License-Identifier: ISC */
/*
 * Target: lib/client, what a client makes of a daemon's answers, over a real socket. However the
 * stream is cut, the outcome is the same; and what the daemon's own encoder sends arrives as it is.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/sha256.h"
#include "lib/client/connection.h"
#include "lib/wire/frame.h"
#include "lib/wire/message.h"
#include "tests/fuzz/answer.h"
#include "tests/fuzz/fuzz.h"

#define SCRIPT_MAX 262144u
#define ANSWER_MAX 65536u
#define EXHIBIT "An exhibit that is left with the ledger.\n"

enum { SUBMIT, STATE, PUT, READ, STREAM, SERVED, VERBS };

/* Everything that the caller of lib/client gets to see. */
struct outcome {
    struct tl_sha256 sha;
};

static void see(struct outcome *outcome, enum tally_status status, struct tally_bytes bytes)
{
    uint8_t head[12];
    struct tl_writer writer = tl_writer_over(head, sizeof head);
    tl_write_u32(&writer, (uint32_t)status);
    tl_write_u64(&writer, bytes.len);
    tl_sha256_update(&outcome->sha, tl_bytes(head, sizeof head));
    tl_sha256_update(&outcome->sha, bytes);
}

static enum tally_status on_chunk(void *context, struct tally_bytes chunk)
{
    struct tl_buffer *stream = (struct tl_buffer *)context;
    tl_buffer_add(stream, chunk);
    return stream->status;
}

static void read_paths(struct tl_connection *connection, bool is_stream, struct outcome *outcome)
{
    static const char *const paths[] = {"tile/0/000.p/3", "tile/entries/000.p/3", "checkpoint"};
    struct tl_source *source = NULL;
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, ANSWER_MAX);
    FUZZ_REQUIRE(tl_source_open_connection(connection, &source) == TALLY_OK);
    tl_source_prefetch(source, paths, 2);
    for (size_t i = sizeof paths / sizeof paths[0]; i > 0; i--) {
        enum tally_status status = is_stream
                                       ? tl_source_stream(source, paths[i - 1], on_chunk, &buffer)
                                       : tl_source_read(source, paths[i - 1], &buffer);
        see(outcome, status, tl_buffer_bytes(&buffer));
    }
    tl_buffer_deinit(&buffer);
    tl_source_close(source);
}

static const char *exhibit_path(void)
{
    static char path[4096] = "";
    if (path[0] == '\0') {
        (void)snprintf(path, sizeof path, "%s/exhibit", fuzz_directory());
        fuzz_write(path, tl_bytes_text(EXHIBIT));
    }
    return path;
}

static void ask(struct tl_connection *connection, unsigned verb, struct outcome *outcome)
{
    struct tally_bytes exhibit = tl_bytes_text(EXHIBIT);
    struct tally_hash hash = tl_sha256(exhibit);
    struct tl_buffer buffer;
    enum tl_answer answer = TL_ANSWER_RECEIPT;
    enum tally_status status = TALLY_OK;
    tl_buffer_init(&buffer, ANSWER_MAX * 2);
    if (verb == SUBMIT) {
        status = tl_connection_submit(connection, exhibit, &answer, &buffer);
        FUZZ_REQUIRE(status != TALLY_OK || answer == TL_ANSWER_RECEIPT ||
                     answer == TL_ANSWER_REJECTION);
    } else if (verb == STATE) {
        status = tl_connection_state(connection, &buffer);
    } else {
        status = tl_connection_put(connection, exhibit_path(), &hash, exhibit.len, NULL, NULL);
    }
    const char *error = tl_connection_error(connection);
    for (size_t i = 0; error[i] != '\0'; i++) {
        FUZZ_REQUIRE(error[i] >= 0x20 && error[i] <= 0x7e);
    }
    see(outcome, status, tl_buffer_bytes(&buffer));
    see(outcome, TALLY_OK, tl_bytes_text(error));
    tl_buffer_deinit(&buffer);
}

static struct tally_hash run(unsigned verb, struct tally_bytes script, size_t cut, bool hangs_up)
{
    struct outcome outcome;
    struct tl_connection *connection = NULL;
    tl_sha256_init(&outcome.sha);
    answer_begin(script, cut, hangs_up);
    enum tally_status status =
        tl_connection_open(answer_socket(), 0, tl_bytes(NULL, 0), &connection);
    see(&outcome, status, tl_bytes(NULL, 0));
    if (status == TALLY_OK) {
        see(&outcome, TALLY_OK, tl_hash_bytes(tl_connection_ledger(connection)));
        see(&outcome, TALLY_OK, tl_connection_checkpoint(connection));
        if (verb == READ || verb == STREAM) {
            read_paths(connection, verb == STREAM, &outcome);
        } else {
            ask(connection, verb, &outcome);
            tl_connection_close(connection);
        }
    }
    answer_end();
    return tl_sha256_final(&outcome.sha);
}

static void add_piece(struct tl_buffer *script, const struct tl_buffer *piece)
{
    tl_buffer_add_u16(script, (uint16_t)piece->len);
    tl_buffer_add(script, tl_buffer_bytes(piece));
}

/* What a daemon sends to whom it knows. */
static void add_welcome(struct tl_buffer *script)
{
    struct tl_welcome welcome = {.version = TL_WIRE_VERSION,
                                 .checkpoint = tl_bytes_text("a checkpoint\n")};
    struct tl_buffer piece;
    tl_buffer_init(&piece, ANSWER_MAX);
    tl_welcome_add(&piece, 1, &welcome);
    add_piece(script, &piece);
    tl_buffer_deinit(&piece);
}

/* Two resources, request 2 and 3, in frames of the lengths that plan gives, interleaved. */
static void add_resources(struct tl_buffer *script, struct tally_bytes plan,
                          struct tl_buffer resources[2])
{
    struct tl_reader reader = tl_reader_over(plan);
    struct tl_buffer piece;
    tl_buffer_init(&piece, ANSWER_MAX - 1);
    while (reader.rest.len > 0 && piece.len < ANSWER_MAX / 2) {
        uint8_t head = tl_read_u8(&reader);
        size_t len = head >> 1 < reader.rest.len ? head >> 1 : reader.rest.len;
        struct tally_bytes data = tl_read_bytes(&reader, len);
        tl_frame_add(&piece, TL_MESSAGE_DATA, 2u + (head & 1u), data);
        tl_buffer_add(&resources[head & 1u], data);
    }
    tl_frame_add(&piece, TL_MESSAGE_END, 3, tl_bytes(NULL, 0));
    tl_frame_add(&piece, TL_MESSAGE_END, 2, tl_bytes(NULL, 0));
    add_piece(script, &piece);
    tl_buffer_deinit(&piece);
}

static void serve(struct tally_bytes plan, size_t cut)
{
    static const char *const paths[] = {"tile/0/000.p/3", "checkpoint"};
    struct tl_buffer script;
    struct tl_buffer resources[2];
    struct tl_connection *connection = NULL;
    struct tl_source *source = NULL;
    tl_buffer_init(&script, SCRIPT_MAX);
    tl_buffer_init(&resources[0], ANSWER_MAX);
    tl_buffer_init(&resources[1], ANSWER_MAX);
    add_welcome(&script);
    add_resources(&script, plan, resources);
    answer_begin(tl_buffer_bytes(&script), cut, true);
    FUZZ_REQUIRE(tl_connection_open(answer_socket(), 0, tl_bytes(NULL, 0), &connection) ==
                 TALLY_OK);
    FUZZ_REQUIRE(tl_source_open_connection(connection, &source) == TALLY_OK);
    tl_source_prefetch(source, paths, 2);
    for (size_t i = 0; i < 2; i++) {
        struct tl_buffer got;
        tl_buffer_init(&got, ANSWER_MAX);
        FUZZ_REQUIRE(tl_source_read(source, paths[i], &got) == TALLY_OK);
        fuzz_require_same(&got, tl_buffer_bytes(&resources[i]));
        tl_buffer_deinit(&resources[i]);
    }
    tl_source_close(source);
    answer_end();
    tl_buffer_deinit(&script);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    fuzz_start();
    unsigned verb = (data[0] & 0x3fu) % VERBS;
    bool hangs_up = (data[0] & 0x40u) != 0;
    bool is_greeted = (data[0] & 0x80u) != 0;
    size_t cut = data[1] + 1u;
    struct tally_bytes rest = tl_bytes(data + 2, size - 2);
    if (verb == SERVED) {
        serve(rest, cut);
        return 0;
    }
    struct tl_buffer script;
    tl_buffer_init(&script, SCRIPT_MAX);
    if (is_greeted) {
        add_welcome(&script);
    }
    tl_buffer_add(&script, rest);
    struct tally_hash whole = run(verb, tl_buffer_bytes(&script), SCRIPT_MAX, hangs_up);
    struct tally_hash pieces = run(verb, tl_buffer_bytes(&script), cut, hangs_up);
    FUZZ_REQUIRE(tl_hash_equal(&whole, &pieces));
    tl_buffer_deinit(&script);
    return 0;
}
