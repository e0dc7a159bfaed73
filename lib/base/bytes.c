/* SPDX-License-Identifier: ISC */
#include "lib/base/bytes.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { BUFFER_FIRST_CAP = 64 };

/* memcpy and memcmp want valid pointers even for nothing; an empty view may carry NULL. */
static void copy(uint8_t *dst, struct tally_bytes bytes)
{
    if (bytes.len > 0) {
        memcpy(dst, bytes.ptr, bytes.len);
    }
}

static int compare(struct tally_bytes a, struct tally_bytes b, size_t len)
{
    return len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
}

struct tally_bytes tl_bytes_text(const char *text)
{
    return tl_bytes(text, strlen(text));
}

bool tl_bytes_equal(struct tally_bytes a, struct tally_bytes b)
{
    return a.len == b.len && compare(a, b, a.len) == 0;
}

int tl_bytes_compare(struct tally_bytes a, struct tally_bytes b)
{
    int order = compare(a, b, a.len < b.len ? a.len : b.len);
    if (order != 0) {
        return order;
    }
    return a.len == b.len ? 0 : (a.len < b.len ? -1 : 1);
}

bool tl_bytes_starts_with(struct tally_bytes bytes, const char *prefix)
{
    struct tally_bytes head = tl_bytes_text(prefix);
    return bytes.len >= head.len && compare(bytes, head, head.len) == 0;
}

bool tl_hash_equal(const struct tally_hash *a, const struct tally_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct tl_reader tl_reader_over(struct tally_bytes bytes)
{
    return (struct tl_reader){.rest = bytes, .status = TALLY_OK};
}

struct tally_bytes tl_read_bytes(struct tl_reader *reader, size_t len)
{
    if (reader->status != TALLY_OK) {
        return tl_bytes(NULL, 0);
    }
    if (len > reader->rest.len) {
        reader->status = TALLY_ETRUNCATED;
        return tl_bytes(NULL, 0);
    }
    if (len == 0) {
        return tl_bytes(reader->rest.ptr, 0);
    }
    struct tally_bytes taken = tl_bytes(reader->rest.ptr, len);
    reader->rest = tl_bytes(reader->rest.ptr + len, reader->rest.len - len);
    return taken;
}

static uint64_t read_integer(struct tl_reader *reader, size_t len)
{
    struct tally_bytes bytes = tl_read_bytes(reader, len);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        value = value << 8 | bytes.ptr[i];
    }
    return value;
}

uint8_t tl_read_u8(struct tl_reader *reader)
{
    return (uint8_t)read_integer(reader, 1);
}

uint16_t tl_read_u16(struct tl_reader *reader)
{
    return (uint16_t)read_integer(reader, 2);
}

uint32_t tl_read_u32(struct tl_reader *reader)
{
    return (uint32_t)read_integer(reader, 4);
}

uint64_t tl_read_u64(struct tl_reader *reader)
{
    return read_integer(reader, 8);
}

struct tally_hash tl_read_hash(struct tl_reader *reader)
{
    struct tally_hash hash = {{0}};
    struct tally_bytes bytes = tl_read_bytes(reader, sizeof hash.bytes);
    copy(hash.bytes, bytes);
    return hash;
}

static struct tally_bytes read_vector(struct tl_reader *reader, size_t length_len, size_t max)
{
    struct tl_reader ahead = *reader;
    uint64_t len = read_integer(&ahead, length_len);
    if (ahead.status == TALLY_OK && len > max) {
        ahead.status = TALLY_ETOOBIG;
    }
    struct tally_bytes bytes = tl_read_bytes(&ahead, (size_t)len);
    if (ahead.status != TALLY_OK) {
        reader->status = ahead.status;
        return tl_bytes(NULL, 0);
    }
    *reader = ahead;
    return bytes;
}

struct tally_bytes tl_read_vector16(struct tl_reader *reader, size_t max)
{
    return read_vector(reader, 2, max);
}

struct tally_bytes tl_read_vector32(struct tl_reader *reader, size_t max)
{
    return read_vector(reader, 4, max);
}

struct tally_bytes tl_read_line(struct tl_reader *reader)
{
    if (reader->status != TALLY_OK) {
        return tl_bytes(NULL, 0);
    }
    const uint8_t *end = NULL;
    if (reader->rest.len > 0) {
        end = (const uint8_t *)memchr(reader->rest.ptr, '\n', reader->rest.len);
    }
    if (end == NULL) {
        reader->status = TALLY_ETRUNCATED;
        return tl_bytes(NULL, 0);
    }
    struct tally_bytes line = tl_read_bytes(reader, (size_t)(end - reader->rest.ptr));
    (void)tl_read_u8(reader);
    return line;
}

enum tally_status tl_reader_finish(const struct tl_reader *reader)
{
    if (reader->status != TALLY_OK) {
        return reader->status;
    }
    return reader->rest.len == 0 ? TALLY_OK : TALLY_ETRAILING;
}

struct tl_writer tl_writer_over(void *ptr, size_t cap)
{
    return (struct tl_writer){.ptr = (uint8_t *)ptr, .cap = cap, .status = TALLY_OK};
}

struct tl_writer tl_writer_measure(void)
{
    return (struct tl_writer){.ptr = NULL, .cap = SIZE_MAX, .status = TALLY_OK};
}

void tl_write_bytes(struct tl_writer *writer, struct tally_bytes bytes)
{
    if (writer->status != TALLY_OK) {
        return;
    }
    if (bytes.len > writer->cap - writer->len) {
        writer->status = TALLY_ETOOBIG;
        return;
    }
    if (writer->ptr != NULL) {
        copy(writer->ptr + writer->len, bytes);
    }
    writer->len += bytes.len;
}

/* The low len bytes of value, most significant first. */
static struct tally_bytes integer_bytes(uint64_t value, size_t len, uint8_t dst[8])
{
    for (size_t i = 0; i < len; i++) {
        dst[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
    return tl_bytes(dst, len);
}

void tl_write_u8(struct tl_writer *writer, uint8_t value)
{
    tl_write_bytes(writer, tl_bytes(&value, 1));
}

void tl_write_u16(struct tl_writer *writer, uint16_t value)
{
    uint8_t bytes[8];
    tl_write_bytes(writer, integer_bytes(value, 2, bytes));
}

void tl_write_u32(struct tl_writer *writer, uint32_t value)
{
    uint8_t bytes[8];
    tl_write_bytes(writer, integer_bytes(value, 4, bytes));
}

void tl_write_u64(struct tl_writer *writer, uint64_t value)
{
    uint8_t bytes[8];
    tl_write_bytes(writer, integer_bytes(value, 8, bytes));
}

void tl_write_text(struct tl_writer *writer, const char *text)
{
    tl_write_bytes(writer, tl_bytes_text(text));
}

void tl_buffer_init(struct tl_buffer *buffer, size_t max)
{
    *buffer = (struct tl_buffer){.max = max, .status = TALLY_OK};
}

void tl_buffer_deinit(struct tl_buffer *buffer)
{
    tl_free(buffer->ptr);
    tl_buffer_init(buffer, buffer->max);
}

void tl_buffer_clear(struct tl_buffer *buffer)
{
    buffer->len = 0;
    buffer->status = TALLY_OK;
}

/* Doubles, so that n bytes added one by one cost O(n); never past max. */
static size_t next_cap(const struct tl_buffer *buffer, size_t needed)
{
    size_t cap = buffer->cap < BUFFER_FIRST_CAP ? BUFFER_FIRST_CAP : buffer->cap;
    while (cap < needed && cap <= buffer->max / 2) {
        cap *= 2;
    }
    if (cap < needed || cap > buffer->max) {
        cap = buffer->max;
    }
    return cap;
}

uint8_t *tl_buffer_extend(struct tl_buffer *buffer, size_t len)
{
    if (buffer->status != TALLY_OK) {
        return NULL;
    }
    if (len > buffer->max - buffer->len) {
        buffer->status = TALLY_ETOOBIG;
        return NULL;
    }
    size_t needed = buffer->len + len;
    if (needed > buffer->cap || buffer->ptr == NULL) {
        size_t cap = next_cap(buffer, needed);
        uint8_t *ptr = (uint8_t *)tl_realloc(buffer->ptr, cap);
        if (ptr == NULL) {
            buffer->status = TALLY_ENOMEM;
            return NULL;
        }
        buffer->ptr = ptr;
        buffer->cap = cap;
    }
    uint8_t *added = buffer->ptr + buffer->len;
    buffer->len = needed;
    return added;
}

void tl_buffer_add(struct tl_buffer *buffer, struct tally_bytes bytes)
{
    if (bytes.len == 0) {
        return;
    }
    uint8_t *dst = tl_buffer_extend(buffer, bytes.len);
    if (dst != NULL) {
        copy(dst, bytes);
    }
}

void tl_buffer_add_text(struct tl_buffer *buffer, const char *text)
{
    tl_buffer_add(buffer, tl_bytes_text(text));
}

void tl_buffer_add_u8(struct tl_buffer *buffer, uint8_t value)
{
    tl_buffer_add(buffer, tl_bytes(&value, 1));
}

void tl_buffer_add_u16(struct tl_buffer *buffer, uint16_t value)
{
    uint8_t bytes[8];
    tl_buffer_add(buffer, integer_bytes(value, 2, bytes));
}

void tl_buffer_add_u32(struct tl_buffer *buffer, uint32_t value)
{
    uint8_t bytes[8];
    tl_buffer_add(buffer, integer_bytes(value, 4, bytes));
}

void tl_buffer_add_u64(struct tl_buffer *buffer, uint64_t value)
{
    uint8_t bytes[8];
    tl_buffer_add(buffer, integer_bytes(value, 8, bytes));
}

void tl_buffer_add_decimal(struct tl_buffer *buffer, uint64_t value)
{
    char digits[TL_DECIMAL_MAX];
    size_t len = tl_decimal_format(value, digits);
    tl_buffer_add(buffer, tl_bytes(digits, len));
}

/* Where the encoded form of bytes goes; NULL when there is none or no room. */
static char *extend_encoded(struct tl_buffer *buffer, struct tally_bytes bytes, size_t encoded_len)
{
    if (bytes.len == 0) {
        return NULL;
    }
    /* Above this the encoded length itself may have wrapped. */
    size_t len = bytes.len > SIZE_MAX / 4 ? SIZE_MAX : encoded_len;
    return (char *)tl_buffer_extend(buffer, len);
}

void tl_buffer_add_base64(struct tl_buffer *buffer, struct tally_bytes bytes)
{
    char *dst = extend_encoded(buffer, bytes, TL_BASE64_LEN(bytes.len));
    if (dst != NULL) {
        tl_base64_format(bytes, dst);
    }
}

void tl_buffer_add_hex(struct tl_buffer *buffer, struct tally_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *dst = extend_encoded(buffer, bytes, 2 * bytes.len);
    if (dst == NULL) {
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        dst[2 * i] = digits[bytes.ptr[i] >> 4];
        dst[2 * i + 1] = digits[bytes.ptr[i] & 15];
    }
}

void tl_buffer_consume(struct tl_buffer *buffer, size_t len)
{
    TL_ASSERT(len <= buffer->len);
    buffer->len -= len;
    if (len > 0 && buffer->len > 0) {
        memmove(buffer->ptr, buffer->ptr + len, buffer->len);
    }
}
