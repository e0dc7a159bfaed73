/* SPDX-License-Identifier: ISC */
/*
 * Views, a sticky reader, a sticky writer, and a growing buffer with a hard maximum.
 *
 * view    borrowed bytes, passed by value (struct tally_bytes).
 * reader  takes values off the front of a view. After the first failure every read gives zero and
 *         moves nothing, so a decoder reads like its format and asks once, at the end.
 * writer  puts values into caller's storage of fixed capacity; sticky in the same way. A writer
 *         made by tl_writer_measure only counts, so size and bytes come from one function.
 * buffer  owns its bytes and grows up to the maximum given at init.
 *
 * All integers are big-endian. No function here reads or writes outside its view.
 */
#ifndef TL_BASE_BYTES_H
#define TL_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

static inline struct tally_bytes tl_bytes(const void *ptr, size_t len)
{
    return (struct tally_bytes){.ptr = (const uint8_t *)ptr, .len = len};
}

/* A view of a string literal or C string, without its NUL. */
struct tally_bytes tl_bytes_text(const char *text);

bool tl_bytes_equal(struct tally_bytes a, struct tally_bytes b);

/* Bytewise order, a shorter prefix first: <0, 0, >0. */
int tl_bytes_compare(struct tally_bytes a, struct tally_bytes b);

bool tl_bytes_starts_with(struct tally_bytes bytes, const char *prefix);

bool tl_hash_equal(const struct tally_hash *a, const struct tally_hash *b);

static inline struct tally_bytes tl_hash_bytes(const struct tally_hash *hash)
{
    return tl_bytes(hash->bytes, sizeof hash->bytes);
}

struct tl_reader {
    struct tally_bytes rest;
    enum tally_status status;
};

struct tl_reader tl_reader_over(struct tally_bytes bytes);
uint8_t tl_read_u8(struct tl_reader *reader);
uint16_t tl_read_u16(struct tl_reader *reader);
uint32_t tl_read_u32(struct tl_reader *reader);
uint64_t tl_read_u64(struct tl_reader *reader);
struct tally_hash tl_read_hash(struct tl_reader *reader);

/* A view of the next len bytes, borrowed from the reader's input; empty after a failure. */
struct tally_bytes tl_read_bytes(struct tl_reader *reader, size_t len);

/* A u16 or u32 length, refused above max with ETOOBIG, then that many bytes. */
struct tally_bytes tl_read_vector16(struct tl_reader *reader, size_t max);
struct tally_bytes tl_read_vector32(struct tl_reader *reader, size_t max);

/* The text up to the next LF, which is consumed but not in the view; ETRUNCATED without one. */
struct tally_bytes tl_read_line(struct tl_reader *reader);

/* Sticky status, or ETRAILING when bytes are left. */
TALLY_NODISCARD enum tally_status tl_reader_finish(const struct tl_reader *reader);

struct tl_writer {
    uint8_t *ptr; /* NULL: only measures */
    size_t cap;
    size_t len;
    enum tally_status status;
};

struct tl_writer tl_writer_over(void *ptr, size_t cap);
struct tl_writer tl_writer_measure(void);
void tl_write_u8(struct tl_writer *writer, uint8_t value);
void tl_write_u16(struct tl_writer *writer, uint16_t value);
void tl_write_u32(struct tl_writer *writer, uint32_t value);
void tl_write_u64(struct tl_writer *writer, uint64_t value);
void tl_write_bytes(struct tl_writer *writer, struct tally_bytes bytes);
void tl_write_text(struct tl_writer *writer, const char *text);

struct tl_buffer {
    uint8_t *ptr;
    size_t len;
    size_t cap;
    size_t max;
    enum tally_status status; /* sticky: ETOOBIG or ENOMEM; the contents stay as they were */
};

/* An empty buffer that never holds more than max bytes. Owns nothing yet. */
void tl_buffer_init(struct tl_buffer *buffer, size_t max);
void tl_buffer_deinit(struct tl_buffer *buffer);

/* Forgets the contents and the sticky status, keeps the memory. */
void tl_buffer_clear(struct tl_buffer *buffer);
void tl_buffer_add(struct tl_buffer *buffer, struct tally_bytes bytes);
void tl_buffer_add_text(struct tl_buffer *buffer, const char *text);
void tl_buffer_add_u8(struct tl_buffer *buffer, uint8_t value);
void tl_buffer_add_u16(struct tl_buffer *buffer, uint16_t value);
void tl_buffer_add_u32(struct tl_buffer *buffer, uint32_t value);
void tl_buffer_add_u64(struct tl_buffer *buffer, uint64_t value);
void tl_buffer_add_decimal(struct tl_buffer *buffer, uint64_t value);
void tl_buffer_add_base64(struct tl_buffer *buffer, struct tally_bytes bytes);
void tl_buffer_add_hex(struct tl_buffer *buffer, struct tally_bytes bytes);

/* len writable bytes at the end, counted as added; NULL when that fails (sticky). */
uint8_t *tl_buffer_extend(struct tl_buffer *buffer, size_t len);

/* Drops the first len bytes (len <= buffer->len). */
void tl_buffer_consume(struct tl_buffer *buffer, size_t len);

static inline struct tally_bytes tl_buffer_bytes(const struct tl_buffer *buffer)
{
    return tl_bytes(buffer->ptr, buffer->len);
}

#endif
