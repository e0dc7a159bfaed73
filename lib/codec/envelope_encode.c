/* SPDX-License-Identifier: ISC */
/*
 * Encoding of envelopes. The text is written as the fields say and then decoded: one place judges
 * what a valid envelope is, and nothing else is ever offered for a signature.
 */
#include "lib/base/text.h"
#include "lib/codec/envelope.h"

#define SECONDS_END UINT64_C(253402300800) /* the year 10000 */

static void add_hash(struct tl_buffer *buffer, const struct tally_hash *hash)
{
    tl_buffer_add_base64(buffer, tl_hash_bytes(hash));
}

static void add_hash_or_dash(struct tl_buffer *buffer, const char *keyword,
                             const struct tally_hash *hash)
{
    tl_buffer_add_text(buffer, keyword);
    if (hash == NULL) {
        tl_buffer_add_text(buffer, "-");
    } else {
        add_hash(buffer, hash);
    }
    tl_buffer_add_text(buffer, "\n");
}

static void add_hash_size(struct tl_buffer *buffer, const struct tally_hash *hash, uint64_t size)
{
    add_hash(buffer, hash);
    tl_buffer_add_text(buffer, " ");
    tl_buffer_add_decimal(buffer, size);
    tl_buffer_add_text(buffer, "\n");
}

static void add_author(struct tl_buffer *buffer, const struct tl_envelope_fields *fields)
{
    char fingerprint[TALLY_FINGERPRINT_LEN + 1];
    tl_fingerprint_format(&fields->key, fingerprint);
    tl_buffer_add_text(buffer, "member ");
    tl_buffer_add(buffer, fields->member);
    tl_buffer_add_text(buffer, "\nkey SHA256:");
    tl_buffer_add_text(buffer, fingerprint);
    tl_buffer_add_text(buffer, "\nsequence ");
    tl_buffer_add_decimal(buffer, fields->sequence);
    tl_buffer_add_text(buffer, "\n");
    add_hash_or_dash(buffer, "previous ", fields->previous);
}

static void add_seen(struct tl_buffer *buffer, const struct tl_envelope_fields *fields)
{
    if (!fields->has_seen) {
        tl_buffer_add_text(buffer, "seen -\n");
        return;
    }
    tl_buffer_add_text(buffer, "seen ");
    tl_buffer_add_decimal(buffer, fields->seen_index);
    tl_buffer_add_text(buffer, " ");
    add_hash(buffer, &fields->seen_leaf);
    tl_buffer_add_text(buffer, "\n");
}

static void add_parts(struct tl_buffer *buffer, const struct tl_envelope_fields *fields)
{
    tl_buffer_add_text(buffer, "parts ");
    tl_buffer_add_decimal(buffer, fields->part_count);
    tl_buffer_add_text(buffer, " ");
    add_hash(buffer, &fields->parts_root);
    tl_buffer_add_text(buffer, " ");
    tl_buffer_add(buffer, fields->part_count == 0 ? tl_bytes_text("-") : fields->letters);
    tl_buffer_add_text(buffer, "\n");
}

static void add_lists(struct tl_buffer *buffer, const struct tl_envelope_fields *fields)
{
    for (size_t i = 0; i < fields->sealed_count; i++) {
        tl_buffer_add_text(buffer, "sealed ");
        tl_buffer_add_decimal(buffer, fields->sealed[i].position);
        tl_buffer_add_text(buffer, " ");
        add_hash_size(buffer, &fields->sealed[i].hash, fields->sealed[i].size);
    }
    for (size_t i = 0; i < fields->file_count; i++) {
        tl_buffer_add_text(buffer, fields->files[i].sealed ? "file sealed " : "file clear ");
        add_hash_size(buffer, &fields->files[i].hash, fields->files[i].size);
    }
    for (size_t i = 0; i < fields->ref_count; i++) {
        tl_buffer_add_text(buffer, "ref ");
        tl_buffer_add(buffer, fields->refs[i].relation);
        tl_buffer_add_text(buffer, " ");
        tl_buffer_add_decimal(buffer, fields->refs[i].index);
        tl_buffer_add_text(buffer, " ");
        add_hash(buffer, &fields->refs[i].leaf);
        tl_buffer_add_text(buffer, "\n");
    }
    for (size_t i = 0; i < fields->op_count; i++) {
        tl_buffer_add_text(buffer, "op ");
        tl_buffer_add(buffer, fields->ops[i]);
        tl_buffer_add_text(buffer, "\n");
    }
}

static void add_all(struct tl_buffer *buffer, const struct tl_envelope_fields *fields)
{
    char time[TL_TIME_LEN + 1];
    tl_time_format(fields->signed_s, time);
    tl_buffer_add_text(buffer, "tally/v1 ");
    tl_buffer_add(buffer, fields->type);
    tl_buffer_add_text(buffer, "\n");
    add_hash_or_dash(buffer, "ledger ", fields->ledger);
    add_author(buffer, fields);
    add_seen(buffer, fields);
    tl_buffer_add_text(buffer, "signed ");
    tl_buffer_add_text(buffer, time);
    tl_buffer_add_text(buffer, "\n");
    add_parts(buffer, fields);
    add_lists(buffer, fields);
}

/*
 * A field with a line break in it could be read as further lines: the counts would give it away.
 * Not so the number of parts, which is read where it was written: a line of parts further up would
 * leave no place for the key's.
 */
static bool has_counts_of(const struct tl_envelope *envelope,
                          const struct tl_envelope_fields *fields)
{
    return envelope->sealed_count == fields->sealed_count &&
           envelope->file_count == fields->file_count && envelope->ref_count == fields->ref_count &&
           envelope->op_count == fields->op_count;
}

enum tally_status tl_envelope_encode(const struct tl_envelope_fields *fields,
                                     struct tl_buffer *buffer,
                                     struct tl_envelope_fault *reterr_fault)
{
    struct tl_envelope_fault fault = {.line = 0, .what = "out of memory"};
    struct tl_envelope envelope;
    enum tally_status status = TALLY_EFORMAT;
    size_t start = buffer->len;
    if (fields->signed_s >= SECONDS_END) {
        fault.what = "the time is after the year 9999";
        goto out;
    }
    add_all(buffer, fields);
    status = buffer->status;
    if (status != TALLY_OK) {
        fault.what = tally_status_text(status);
        goto out;
    }
    status =
        tl_envelope_decode(tl_bytes(buffer->ptr + start, buffer->len - start), &envelope, &fault);
    if (status == TALLY_OK && !has_counts_of(&envelope, fields)) {
        fault = (struct tl_envelope_fault){.line = 0, .what = "a field holds a line break"};
        status = TALLY_EFORMAT;
    }
out:
    if (status != TALLY_OK) {
        buffer->len = start;
        if (reterr_fault != NULL) {
            *reterr_fault = fault;
        }
    }
    return status;
}
