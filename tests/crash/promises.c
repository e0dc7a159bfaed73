/* SPDX-License-Identifier: ISC */
#include "tests/crash/promises.h"

#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/envelope.h"
#include "lib/codec/receipt.h"
#include "lib/codec/record.h"
#include "lib/tree/tree.h"
#include "lib/wire/frame.h"

enum { STREAM_MAX = 16777216, WELCOME_LEN = 36 };

static struct tally_bytes copy(struct tally_bytes bytes)
{
    uint8_t *own = (uint8_t *)malloc(bytes.len + 1);
    if (own == NULL) {
        err(2, "receipt");
    }
    memcpy(own, bytes.ptr, bytes.len);
    return tl_bytes(own, bytes.len);
}

static struct promised_head head_of(struct tally_bytes note)
{
    struct tl_checkpoint checkpoint = {.size = 0};
    size_t len = 1;
    while (len < note.len && (note.ptr[len - 1] != '\n' || note.ptr[len] != '\n')) {
        len++;
    }
    if (tl_checkpoint_decode(tl_bytes(note.ptr, len), &checkpoint) != TALLY_OK) {
        errx(2, "a checkpoint is none");
    }
    return (struct promised_head){.size = checkpoint.size, .root = checkpoint.root};
}

static void find_exhibit(struct promised_record *known)
{
    struct tl_record record;
    struct tl_envelope envelope;
    struct tl_file_line line;
    if (tl_record_decode(known->record, &record) != TALLY_OK ||
        tl_envelope_decode(record.envelope, &envelope, NULL) != TALLY_OK) {
        errx(2, "a record is none");
    }
    struct tally_bytes lines = envelope.file_lines;
    known->has_exhibit = tl_envelope_next_file(&lines, &line);
    if (known->has_exhibit) {
        known->exhibit = line.hash;
    }
}

/* A receipt holds by itself, and says of its record what every other one says. */
static void learn(struct promises *promises, struct tally_bytes bytes,
                  const struct tl_receipt *receipt, const struct promised_head *head)
{
    if (receipt->index >= PROMISES_RECORDS_MAX) {
        errx(2, "too many records");
    }
    struct promised_record *known = &promises->records[receipt->index];
    struct tally_hash leaf = tl_tree_leaf(receipt->record);
    if (!tl_tree_verify_inclusion(&leaf, receipt->index, head->size, receipt->proof.hashes,
                                  receipt->proof.count, &head->root)) {
        errx(2, "the receipt of record %" PRIu64 " does not hold", receipt->index);
    }
    if (known->record.ptr != NULL && !tl_bytes_equal(known->receipt, bytes)) {
        errx(2, "record %" PRIu64 " has two receipts", receipt->index);
    }
    if (known->record.ptr == NULL) {
        known->record = copy(receipt->record);
        known->receipt = copy(bytes);
        known->leaf = leaf;
        memcpy(known->seal, receipt->seal, sizeof known->seal);
        find_exhibit(known);
        promises->record_count++;
    }
}

static void take_head(struct promises *promises, struct promised_head head)
{
    promises->version++;
    promises->size_min = head.size > promises->size_min ? head.size : promises->size_min;
    for (size_t i = 0; i < promises->head_count; i++) {
        if (promises->heads[i].size == head.size &&
            tl_hash_equal(&promises->heads[i].root, &head.root)) {
            return;
        }
    }
    if (promises->head_count == PROMISES_HEADS_MAX) {
        errx(2, "too many checkpoints");
    }
    promises->heads[promises->head_count] = head;
    promises->head_count++;
}

static void take_receipt(struct promises *promises, struct tally_bytes bytes)
{
    struct tl_receipt receipt;
    if (tl_receipt_decode(bytes, &receipt) != TALLY_OK) {
        errx(2, "a receipt is none");
    }
    struct promised_head head = head_of(receipt.checkpoint);
    if (promises->learning) {
        learn(promises, bytes, &receipt, &head);
    }
    take_head(promises, head);
    promises->recent[promises->receipt_count % PROMISES_RECENT] = receipt.index;
    promises->receipt_count++;
    tl_receipt_deinit(&receipt);
}

/* An incident's author is no client: its receipt is fetched. */
static bool is_receipt(const struct tl_frame *frame)
{
    struct tl_receipt receipt;
    bool decodes = frame->type == TL_MESSAGE_DATA &&
                   tl_receipt_decode(frame->payload, &receipt) == TALLY_OK;
    if (decodes) {
        tl_receipt_deinit(&receipt);
    }
    return decodes || frame->type == TL_MESSAGE_RECEIPT;
}

static void take_frame(struct promises *promises, const struct tl_frame *frame)
{
    struct tally_bytes payload = frame->payload;
    if (is_receipt(frame)) {
        take_receipt(promises, payload);
    } else if (frame->type == TL_MESSAGE_WELCOME && payload.len > WELCOME_LEN) {
        take_head(promises,
                  head_of(tl_bytes(payload.ptr + WELCOME_LEN, payload.len - WELCOME_LEN)));
    }
}

static void take_sent(struct promises *promises, struct tl_buffer *stream, struct tally_bytes data)
{
    struct tl_frame frame;
    size_t at = 0;
    size_t len = 0;
    tl_buffer_add(stream, data);
    while (tl_frame_peek(tl_bytes(stream->ptr + at, stream->len - at), &frame, &len) == TALLY_OK) {
        take_frame(promises, &frame);
        at += len;
    }
    if (at > 0) {
        memmove(stream->ptr, stream->ptr + at, stream->len - at);
        stream->len -= at;
    }
}

/* "init", or "stored" and the digest of an exhibit; nothing at the end of the run. */
static void take_mark(struct promises *promises, struct tally_bytes mark)
{
    static const char stored[] = "stored ";
    size_t len = sizeof stored - 1;
    if (mark.len == 0) {
        return;
    }
    promises->version++;
    if (tl_bytes_equal(mark, tl_bytes_text("init"))) {
        promises->exists = true;
        return;
    }
    struct tally_hash hash;
    if (mark.len != len + TL_HASH_HEX_LEN || memcmp(mark.ptr, stored, len) != 0 ||
        tl_hex_parse(tl_bytes(mark.ptr + len, TL_HASH_HEX_LEN), hash.bytes, TALLY_HASH_LEN) !=
            TALLY_OK ||
        promises->exhibit_count == PROMISES_EXHIBITS_MAX) {
        errx(2, "a mark is none");
    }
    promises->exhibits[promises->exhibit_count] = hash;
    promises->exhibit_count++;
}

void promises_take(struct promises *promises, const struct run_op *op)
{
    switch (op->op) {
    case RECORD_ACCEPT:
        if (op->fd >= 0) {
            tl_buffer_deinit(&promises->streams[op->fd]);
            tl_buffer_init(&promises->streams[op->fd], STREAM_MAX);
        }
        break;
    case RECORD_SEND:
        take_sent(promises, &promises->streams[op->fd], op->data);
        break;
    case RECORD_MARK:
        take_mark(promises, op->data);
        break;
    case RECORD_START:
    case RECORD_OPEN:
    case RECORD_WRITE:
    case RECORD_TRUNCATE:
    case RECORD_SYNC:
    case RECORD_MKDIR:
    case RECORD_RENAME:
    case RECORD_LINK:
    case RECORD_REMOVE:
        break;
    }
}

static void take_charter(struct promises *promises, const char *path)
{
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TL_RECEIPT_MAX);
    if (tl_file_read(path, &buffer) != TALLY_OK) {
        errx(2, "%s: cannot be read", path);
    }
    take_receipt(promises, tl_buffer_bytes(&buffer));
    tl_buffer_deinit(&buffer);
}

struct promises *promises_new(const struct run_log *log, const char *charter_receipt)
{
    struct promises *promises = (struct promises *)calloc(1, sizeof *promises);
    if (promises == NULL) {
        err(2, "promises");
    }
    promises->learning = true;
    take_charter(promises, charter_receipt);
    for (size_t i = 0; i < log->count; i++) {
        promises_take(promises, &log->ops[i]);
    }
    for (size_t i = 0; i < promises->record_count; i++) {
        if (promises->records[i].record.ptr == NULL) {
            errx(2, "record %zu has no receipt", i);
        }
    }
    for (size_t i = 0; i < PROMISES_FDS_MAX; i++) {
        tl_buffer_deinit(&promises->streams[i]);
    }
    promises->learning = false;
    promises->exists = false;
    promises->size_min = 0;
    promises->head_count = 0;
    promises->exhibit_count = 0;
    promises->receipt_count = 0;
    return promises;
}
