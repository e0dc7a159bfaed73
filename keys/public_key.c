/* SPDX-License-Identifier: ISC */
#include "keys/public_key.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/sha256.h"
#include "lib/base/text.h"

#define TYPE_NAME_MAX 64u

static const char *const type_names[] = {
    [TL_KEY_ED25519] = "ssh-ed25519",
    [TL_KEY_SK_ED25519] = "sk-ssh-ed25519@openssh.com",
};

const char *tl_key_type_name(enum tl_key_type type)
{
    return type_names[type];
}

static bool find_type(struct tally_bytes name, enum tl_key_type *ret_type)
{
    if (tl_bytes_equal(name, tl_bytes_text(type_names[TL_KEY_ED25519]))) {
        *ret_type = TL_KEY_ED25519;
        return true;
    }
    *ret_type = TL_KEY_SK_ED25519;
    return tl_bytes_equal(name, tl_bytes_text(type_names[TL_KEY_SK_ED25519]));
}

static void write_string(struct tl_writer *writer, struct tally_bytes bytes)
{
    tl_write_u32(writer, (uint32_t)bytes.len);
    tl_write_bytes(writer, bytes);
}

/* Fills in the blob and what is derived from it. */
static void complete(struct tl_public_key *key)
{
    struct tl_writer writer = tl_writer_over(key->blob, sizeof key->blob);
    write_string(&writer, tl_bytes_text(tl_key_type_name(key->type)));
    write_string(&writer, tl_bytes(key->point, sizeof key->point));
    if (key->type == TL_KEY_SK_ED25519) {
        write_string(&writer, tl_bytes(key->application, key->application_len));
    }
    TL_ASSERT(writer.status == TALLY_OK);
    key->blob_len = writer.len;
    key->fingerprint = tl_sha256(tl_public_key_blob(key));
}

void tl_public_key_from_point(const uint8_t point[32], struct tl_public_key *ret_key)
{
    memset(ret_key, 0, sizeof *ret_key);
    ret_key->type = TL_KEY_ED25519;
    memcpy(ret_key->point, point, sizeof ret_key->point);
    complete(ret_key);
}

enum tally_status tl_public_key_from_blob(struct tally_bytes blob, struct tl_public_key *ret_key)
{
    struct tl_reader reader = tl_reader_over(blob);
    struct tl_public_key key;
    memset(&key, 0, sizeof key);
    struct tally_bytes name = tl_read_vector32(&reader, TYPE_NAME_MAX);
    if (reader.status != TALLY_OK) {
        return TALLY_EFORMAT;
    }
    if (!find_type(name, &key.type)) {
        return TALLY_EUNSUPPORTED;
    }
    struct tally_bytes point = tl_read_vector32(&reader, sizeof key.point);
    struct tally_bytes application = tl_bytes(NULL, 0);
    if (key.type == TL_KEY_SK_ED25519) {
        application = tl_read_vector32(&reader, sizeof key.application);
    }
    if (tl_reader_finish(&reader) != TALLY_OK || point.len != sizeof key.point) {
        return TALLY_EFORMAT;
    }
    memcpy(key.point, point.ptr, sizeof key.point);
    if (application.len > 0) {
        /* OpenSSH reads a C string here: with a NUL inside, its tools could not check the key. */
        if (memchr(application.ptr, 0, application.len) != NULL) {
            return TALLY_EFORMAT;
        }
        memcpy(key.application, application.ptr, application.len);
        key.application_len = application.len;
    }
    complete(&key);
    *ret_key = key;
    return TALLY_OK;
}

/* A key type of OpenSSH that is not one of ours, as told from something that is no key at all. */
static bool resembles_type(struct tally_bytes name)
{
    return tl_bytes_starts_with(name, "ssh-") || tl_bytes_starts_with(name, "sk-") ||
           tl_bytes_starts_with(name, "ecdsa-") || tl_bytes_starts_with(name, "webauthn-");
}

enum tally_status tl_public_key_from_text(struct tally_bytes text, struct tl_public_key *ret_key)
{
    struct tally_bytes name;
    struct tally_bytes base64;
    struct tl_public_key key;
    enum tl_key_type type;
    uint8_t blob[TL_KEY_BLOB_MAX];
    size_t blob_len = 0;
    if (!tl_split_space(text, &name, &base64)) {
        return TALLY_EFORMAT;
    }
    if (!find_type(name, &type)) {
        return resembles_type(name) ? TALLY_EUNSUPPORTED : TALLY_EFORMAT;
    }
    if (tl_base64_parse(base64, blob, sizeof blob, &blob_len) != TALLY_OK ||
        tl_public_key_from_blob(tl_bytes(blob, blob_len), &key) != TALLY_OK || key.type != type) {
        return TALLY_EFORMAT;
    }
    *ret_key = key;
    return TALLY_OK;
}

static bool is_one_line(struct tally_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((text.ptr[i] < 0x20 && text.ptr[i] != '\t') || text.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

enum tally_status tl_public_key_from_file(struct tally_bytes text, struct tl_public_key *ret_key,
                                          struct tally_bytes *ret_comment)
{
    struct tally_bytes name;
    struct tally_bytes rest;
    struct tally_bytes base64;
    struct tally_bytes comment;
    if (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
    }
    if (!is_one_line(text) || !tl_split_space(text, &name, &rest)) {
        return TALLY_EFORMAT;
    }
    if (!tl_split_space(rest, &base64, &comment)) {
        base64 = rest;
        comment = tl_bytes(rest.ptr + rest.len, 0);
    }
    enum tally_status status =
        tl_public_key_from_text(tl_bytes(text.ptr, name.len + 1 + base64.len), ret_key);
    if (status == TALLY_OK && ret_comment != NULL) {
        *ret_comment = comment;
    }
    return status;
}

void tl_public_key_to_text(const struct tl_public_key *key, char dst[TL_KEY_LINE_MAX])
{
    char base64[TL_BASE64_LEN(TL_KEY_BLOB_MAX)];
    struct tl_writer writer = tl_writer_over(dst, TL_KEY_LINE_MAX);
    tl_base64_format(tl_public_key_blob(key), base64);
    tl_write_text(&writer, tl_key_type_name(key->type));
    tl_write_u8(&writer, ' ');
    tl_write_bytes(&writer, tl_bytes(base64, TL_BASE64_LEN(key->blob_len)));
    tl_write_u8(&writer, 0);
    TL_ASSERT(writer.status == TALLY_OK);
}
