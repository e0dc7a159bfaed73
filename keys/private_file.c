/* SPDX-License-Identifier: ISC */
#include "keys/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/armor.h"
#include "keys/ed25519.h"
#include "keys/secret_mem.h"
#include "keys/signer.h"
#include "lib/base/file.h"

#define MAGIC "openssh-key-v1" /* its NUL is part of it */
#define CIPHER_NONE_BLOCK 8u

static enum tally_status read_open_file(int fd, struct tl_key_file *file)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return tl_status_from_errno(errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return TALLY_EFORMAT;
    }
    file->open_to_others = (info.st_mode & 077) != 0;
    file->ptr = tl_secret_alloc(TL_PRIVATE_FILE_MAX + 1);
    if (file->ptr == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status = tl_read_full(fd, file->ptr, TL_PRIVATE_FILE_MAX + 1, &file->len);
    if (status == TALLY_OK && file->len > TL_PRIVATE_FILE_MAX) {
        status = TALLY_ETOOBIG;
    }
    return status;
}

enum tally_status tl_key_file_read(const char *path, struct tl_key_file *ret_file)
{
    struct tl_key_file file = {.ptr = NULL};
    /* Without O_NONBLOCK the open of a FIFO would wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return tl_status_from_errno(errno);
    }
    enum tally_status status = read_open_file(fd, &file);
    tl_close(&fd);
    if (status != TALLY_OK) {
        tl_key_file_close(&file);
        return status;
    }
    *ret_file = file;
    return TALLY_OK;
}

void tl_key_file_close(struct tl_key_file *file)
{
    tl_secret_free(file->ptr);
    file->ptr = NULL;
    file->len = 0;
}

bool tl_is_private_file(struct tally_bytes text)
{
    return tl_bytes_starts_with(text, "-----BEGIN ");
}

/* The parts of the file, borrowed from its decoded bytes. */
struct layout {
    struct tally_bytes cipher;
    struct tally_bytes kdf;
    struct tally_bytes kdf_options;
    struct tally_bytes public_blob;
    struct tally_bytes inner;
};

static bool is_text(struct tally_bytes bytes, const char *text)
{
    return tl_bytes_equal(bytes, tl_bytes_text(text));
}

static enum tally_status read_layout(struct tally_bytes bytes, struct layout *layout)
{
    struct tl_reader reader = tl_reader_over(bytes);
    struct tally_bytes magic = tl_read_bytes(&reader, sizeof MAGIC);
    layout->cipher = tl_read_vector32(&reader, bytes.len);
    layout->kdf = tl_read_vector32(&reader, bytes.len);
    layout->kdf_options = tl_read_vector32(&reader, bytes.len);
    uint32_t key_count = tl_read_u32(&reader);
    layout->public_blob = tl_read_vector32(&reader, bytes.len);
    layout->inner = tl_read_vector32(&reader, bytes.len);
    if (reader.status != TALLY_OK || key_count != 1 ||
        !tl_bytes_equal(magic, tl_bytes(MAGIC, sizeof MAGIC))) {
        return TALLY_EFORMAT;
    }
    if (!is_text(layout->cipher, "none")) {
        /* An authentication tag may follow. */
        return is_text(layout->kdf, "bcrypt") ? TALLY_OK : TALLY_EFORMAT;
    }
    bool is_plain = is_text(layout->kdf, "none") && layout->kdf_options.len == 0 &&
                    layout->inner.len % CIPHER_NONE_BLOCK == 0 && reader.rest.len == 0;
    return is_plain ? TALLY_OK : TALLY_EFORMAT;
}

static bool is_padding(struct tally_bytes bytes)
{
    if (bytes.len >= CIPHER_NONE_BLOCK) {
        return false;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] != i + 1) {
            return false;
        }
    }
    return true;
}

/*
 * The seed, borrowed. The public half stands in the file three times, and a key that signed with
 * another half than its seed's would give the seed away: all must be what the seed gives.
 */
static enum tally_status read_inner(const struct layout *layout, const struct tl_public_key *key,
                                    struct tally_bytes *ret_seed)
{
    struct tl_reader reader = tl_reader_over(layout->inner);
    uint32_t check = tl_read_u32(&reader);
    uint32_t check_again = tl_read_u32(&reader);
    struct tally_bytes type = tl_read_vector32(&reader, layout->inner.len);
    struct tally_bytes point = tl_read_vector32(&reader, layout->inner.len);
    struct tally_bytes pair = tl_read_vector32(&reader, layout->inner.len);
    (void)tl_read_vector32(&reader, layout->inner.len); /* comment */
    if (reader.status != TALLY_OK || check != check_again || !is_padding(reader.rest) ||
        !is_text(type, tl_key_type_name(TL_KEY_ED25519)) ||
        pair.len != crypto_sign_SECRETKEYBYTES) {
        return TALLY_EFORMAT;
    }
    struct tally_bytes expected = tl_bytes(key->point, sizeof key->point);
    struct tally_bytes second =
        tl_bytes(pair.ptr + TL_ED25519_SEED_LEN, pair.len - TL_ED25519_SEED_LEN);
    if (!tl_bytes_equal(point, expected) || !tl_bytes_equal(second, expected)) {
        return TALLY_EFORMAT;
    }
    *ret_seed = tl_bytes(pair.ptr, TL_ED25519_SEED_LEN);
    return TALLY_OK;
}

static enum tally_status key_from_layout(const struct layout *layout,
                                         struct tl_secret_key **ret_key)
{
    struct tl_public_key public_key;
    struct tally_bytes seed;
    enum tally_status status = tl_public_key_from_blob(layout->public_blob, &public_key);
    if (status != TALLY_OK) {
        return status;
    }
    if (!is_text(layout->cipher, "none")) {
        return TALLY_EENCRYPTED;
    }
    if (public_key.type != TL_KEY_ED25519) {
        return TALLY_EUNSUPPORTED;
    }
    status = read_inner(layout, &public_key, &seed);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_secret_key *key = NULL;
    status = tl_secret_key_from_seed(seed.ptr, &key);
    if (status != TALLY_OK) {
        return status;
    }
    if (memcmp(tl_secret_key_public(key), public_key.point, sizeof public_key.point) != 0) {
        tl_secret_key_free(&key);
        return TALLY_EFORMAT;
    }
    *ret_key = key;
    return TALLY_OK;
}

/* Decodes the armor into guarded memory, which *ret_bytes then owns (tl_secret_free). */
static enum tally_status open_armor(struct tally_bytes text, uint8_t **ret_bytes,
                                    struct layout *ret_layout)
{
    size_t len = 0;
    if (!tl_armor_begins(text, TL_ARMOR_LABEL_PRIVATE)) {
        /* PEM of another kind: PKCS#1, PKCS#8, the older OpenSSL forms. */
        bool is_other = tl_is_private_file(text) && memchr(text.ptr, '\n', text.len) != NULL &&
                        !tl_bytes_starts_with(text, "-----BEGIN " TL_ARMOR_LABEL_PRIVATE);
        return is_other ? TALLY_EUNSUPPORTED : TALLY_EFORMAT;
    }
    if (text.len > TL_PRIVATE_FILE_MAX) {
        return TALLY_EFORMAT;
    }
    uint8_t *bytes = tl_secret_alloc(text.len);
    if (bytes == NULL) {
        return TALLY_ENOMEM;
    }
    enum tally_status status =
        tl_armor_decode(text, TL_ARMOR_LABEL_PRIVATE, bytes, text.len, &len);
    if (status == TALLY_OK) {
        status = read_layout(tl_bytes(bytes, len), ret_layout);
    }
    if (status != TALLY_OK) {
        tl_secret_free(bytes);
        return status;
    }
    *ret_bytes = bytes;
    return TALLY_OK;
}

enum tally_status tl_secret_key_from_openssh(struct tally_bytes text,
                                             struct tl_secret_key **ret_key)
{
    uint8_t *bytes = NULL;
    struct layout layout;
    enum tally_status status = open_armor(text, &bytes, &layout);
    if (status != TALLY_OK) {
        return status;
    }
    status = key_from_layout(&layout, ret_key);
    tl_secret_free(bytes);
    return status;
}

enum tally_status tl_private_file_public(struct tally_bytes text, struct tl_public_key *ret_key)
{
    uint8_t *bytes = NULL;
    struct layout layout;
    enum tally_status status = open_armor(text, &bytes, &layout);
    if (status != TALLY_OK) {
        return status;
    }
    status = tl_public_key_from_blob(layout.public_blob, ret_key);
    tl_secret_free(bytes);
    return status;
}

enum tally_status tl_secret_key_from_file(const char *path, bool strict,
                                          struct tl_secret_key **ret_key)
{
    struct tl_key_file file;
    enum tally_status status = tl_key_file_read(path, &file);
    if (status != TALLY_OK) {
        return status;
    }
    status = strict && file.open_to_others
                 ? TALLY_EACCES
                 : tl_secret_key_from_openssh(tl_key_file_bytes(&file), ret_key);
    tl_key_file_close(&file);
    return status;
}
