/* SPDX-License-Identifier: ISC */
#include "keys/sshsig.h"

#include <sodium.h>
#include <string.h>

#include "keys/armor.h"
#include "keys/ed25519.h"
#include "lib/base/check.h"
#include "lib/base/sha256.h"

#define MAGIC "SSHSIG"
#define MAGIC_LEN 6u
#define VERSION 1u
#define HASH_NAME "sha512"
#define NAMESPACE_MAX 64u
#define SIGNED_MAX 192u /* magic, namespace, reserved, hash name, hash */
#define ARMOR_TEXT_MAX 4096u

static void write_string(struct tl_writer *writer, struct tally_bytes bytes)
{
    tl_write_u32(writer, (uint32_t)bytes.len);
    tl_write_bytes(writer, bytes);
}

static bool is_text(struct tally_bytes bytes, const char *text)
{
    return tl_bytes_equal(bytes, tl_bytes_text(text));
}

/* The inner signature: string type, string signature, for hardware also flags and counter. */
static enum tally_status decode_inner(struct tally_bytes inner, struct tl_sshsig *sig)
{
    struct tl_reader reader = tl_reader_over(inner);
    struct tally_bytes type = tl_read_vector32(&reader, inner.len);
    struct tally_bytes signature = tl_read_vector32(&reader, inner.len);
    if (sig->key.type == TL_KEY_SK_ED25519) {
        sig->flags = tl_read_u8(&reader);
        sig->counter = tl_read_u32(&reader);
    }
    enum tally_status status = tl_reader_finish(&reader);
    if (status != TALLY_OK) {
        return status;
    }
    if (!is_text(type, tl_key_type_name(sig->key.type)) || signature.len != TALLY_SIGNATURE_LEN) {
        return TALLY_EFORMAT;
    }
    memcpy(sig->signature, signature.ptr, TALLY_SIGNATURE_LEN);
    return TALLY_OK;
}

static enum tally_status decode_outer(struct tally_bytes blob, const char *name_space,
                                      struct tl_sshsig *sig)
{
    struct tl_reader reader = tl_reader_over(blob);
    struct tally_bytes magic = tl_read_bytes(&reader, MAGIC_LEN);
    uint32_t version = tl_read_u32(&reader);
    struct tally_bytes key_blob = tl_read_vector32(&reader, blob.len);
    struct tally_bytes given_namespace = tl_read_vector32(&reader, blob.len);
    struct tally_bytes reserved = tl_read_vector32(&reader, blob.len);
    struct tally_bytes hash_name = tl_read_vector32(&reader, blob.len);
    struct tally_bytes inner = tl_read_vector32(&reader, blob.len);
    enum tally_status status = tl_reader_finish(&reader);
    if (status != TALLY_OK) {
        return status;
    }
    if (!is_text(magic, MAGIC) || version == 0 || !is_text(given_namespace, name_space) ||
        reserved.len > 0) {
        return TALLY_EFORMAT;
    }
    if (version != VERSION || !is_text(hash_name, HASH_NAME)) {
        return TALLY_EUNSUPPORTED;
    }
    status = tl_public_key_from_blob(key_blob, &sig->key);
    if (status != TALLY_OK) {
        return status;
    }
    return decode_inner(inner, sig);
}

enum tally_status tl_sshsig_decode(struct tally_bytes blob, const char *name_space,
                                   struct tl_sshsig *ret_sig)
{
    struct tl_sshsig sig;
    memset(&sig, 0, sizeof sig);
    enum tally_status status = decode_outer(blob, name_space, &sig);
    if (status == TALLY_OK) {
        *ret_sig = sig;
        return TALLY_OK;
    }
    /* A length that points past the blob is the same mistake, wherever it is noticed. */
    return status == TALLY_ETOOBIG ? TALLY_ETRUNCATED : status;
}

static void write_inner(struct tl_writer *writer, const struct tl_sshsig *sig)
{
    write_string(writer, tl_bytes_text(tl_key_type_name(sig->key.type)));
    write_string(writer, tl_bytes(sig->signature, sizeof sig->signature));
    if (sig->key.type == TL_KEY_SK_ED25519) {
        tl_write_u8(writer, sig->flags);
        tl_write_u32(writer, sig->counter);
    }
}

void tl_sshsig_encode(const struct tl_sshsig *sig, const char *name_space,
                      struct tl_buffer *buffer)
{
    uint8_t blob[TL_SSHSIG_BLOB_MAX];
    struct tl_writer writer = tl_writer_over(blob, sizeof blob);
    struct tl_writer inner = tl_writer_measure();
    TL_ASSERT(strlen(name_space) <= NAMESPACE_MAX);
    write_inner(&inner, sig);
    tl_write_text(&writer, MAGIC);
    tl_write_u32(&writer, VERSION);
    write_string(&writer, tl_public_key_blob(&sig->key));
    write_string(&writer, tl_bytes_text(name_space));
    write_string(&writer, tl_bytes(NULL, 0));
    write_string(&writer, tl_bytes_text(HASH_NAME));
    tl_write_u32(&writer, (uint32_t)inner.len);
    write_inner(&writer, sig);
    TL_ASSERT(writer.status == TALLY_OK);
    tl_buffer_add(buffer, tl_bytes(blob, writer.len));
}

static struct tally_bytes make_signed_bytes(struct tally_bytes message, const char *name_space,
                                            uint8_t dst[SIGNED_MAX])
{
    uint8_t hash[crypto_hash_sha512_BYTES];
    struct tl_writer writer = tl_writer_over(dst, SIGNED_MAX);
    TL_ASSERT(strlen(name_space) <= NAMESPACE_MAX);
    crypto_hash_sha512(hash, message.ptr, message.len);
    tl_write_text(&writer, MAGIC);
    write_string(&writer, tl_bytes_text(name_space));
    write_string(&writer, tl_bytes(NULL, 0));
    write_string(&writer, tl_bytes_text(HASH_NAME));
    write_string(&writer, tl_bytes(hash, sizeof hash));
    TL_ASSERT(writer.status == TALLY_OK);
    return tl_bytes(dst, writer.len);
}

void tl_sshsig_signed_bytes(struct tally_bytes message, const char *name_space,
                            struct tl_buffer *buffer)
{
    uint8_t bytes[SIGNED_MAX];
    tl_buffer_add(buffer, make_signed_bytes(message, name_space, bytes));
}

/* What the token signs in the place of bytes: their hash, bound to application, flags, counter. */
static bool verify_hardware(const struct tl_sshsig *sig, struct tally_bytes bytes)
{
    uint8_t token_message[2 * TALLY_HASH_LEN + 5];
    struct tl_writer writer = tl_writer_over(token_message, sizeof token_message);
    struct tally_hash application =
        tl_sha256(tl_bytes(sig->key.application, sig->key.application_len));
    struct tally_hash hash = tl_sha256(bytes);
    tl_write_bytes(&writer, tl_hash_bytes(&application));
    tl_write_u8(&writer, sig->flags);
    tl_write_u32(&writer, sig->counter);
    tl_write_bytes(&writer, tl_hash_bytes(&hash));
    TL_ASSERT(writer.status == TALLY_OK);
    return tl_ed25519_verify(sig->key.point, tl_bytes(token_message, writer.len), sig->signature);
}

enum tally_reason tl_sshsig_verify(const struct tl_sshsig *sig, struct tally_bytes message,
                                   const char *name_space)
{
    uint8_t storage[SIGNED_MAX];
    struct tally_bytes bytes = make_signed_bytes(message, name_space, storage);
    if (sig->key.type == TL_KEY_ED25519) {
        return tl_ed25519_verify(sig->key.point, bytes, sig->signature)
                   ? TALLY_REASON_NONE
                   : TALLY_REASON_SIGNATURE_INVALID;
    }
    if (!verify_hardware(sig, bytes)) {
        return TALLY_REASON_SIGNATURE_INVALID;
    }
    return (sig->flags & TL_SSHSIG_FLAG_PRESENT) != 0 ? TALLY_REASON_NONE
                                                      : TALLY_REASON_PRESENCE_MISSING;
}

void tl_sshsig_armor(struct tally_bytes blob, struct tl_buffer *buffer)
{
    uint8_t *dst = tl_buffer_extend(buffer, tl_armor_len(blob.len, TL_ARMOR_LABEL_SIGNATURE));
    if (dst != NULL) {
        tl_armor_encode(blob, TL_ARMOR_LABEL_SIGNATURE, dst);
    }
}

enum tally_status tl_sshsig_unarmor(struct tally_bytes text, struct tl_buffer *blob)
{
    uint8_t bytes[TL_SSHSIG_BLOB_MAX];
    size_t len = 0;
    if (text.len > ARMOR_TEXT_MAX) {
        return TALLY_ETOOBIG;
    }
    enum tally_status status =
        tl_armor_decode(text, TL_ARMOR_LABEL_SIGNATURE, bytes, sizeof bytes, &len);
    if (status != TALLY_OK) {
        return status;
    }
    tl_buffer_add(blob, tl_bytes(bytes, len));
    return blob->status;
}
