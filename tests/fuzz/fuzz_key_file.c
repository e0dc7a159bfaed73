/* SPDX-License-Identifier: ISC */
/*
 * Target: OpenSSH's files: public keys, private keys, armored signatures. What is read is written
 * the same way; a secret key that was read signs for the public half that stands in its file.
 * The first byte says whether the rest is a text, the bytes inside an armor, or what stands in a
 * private key file around a pair that belongs together.
 */
#include <string.h>

#include "keys/armor.h"
#include "keys/ed25519.h"
#include "keys/private_file.h"
#include "keys/public_key.h"
#include "keys/signer.h"
#include "keys/sshsig.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 65536u

static bool same_key(const struct tl_public_key *a, const struct tl_public_key *b)
{
    return a->type == b->type && tl_hash_equal(&a->fingerprint, &b->fingerprint) &&
           memcmp(a->point, b->point, sizeof a->point) == 0 &&
           tl_bytes_equal(tl_public_key_blob(a), tl_public_key_blob(b)) &&
           tl_bytes_equal(tl_bytes(a->application, a->application_len),
                          tl_bytes(b->application, b->application_len));
}

static void check_key(const struct tl_public_key *key)
{
    struct tl_public_key again;
    char text[TL_KEY_LINE_MAX];
    tl_public_key_to_text(key, text);
    FUZZ_REQUIRE(tl_public_key_from_text(tl_bytes_text(text), &again) == TALLY_OK);
    FUZZ_REQUIRE(same_key(key, &again));
    FUZZ_REQUIRE(tl_public_key_from_blob(tl_public_key_blob(key), &again) == TALLY_OK);
    FUZZ_REQUIRE(same_key(key, &again));
    FUZZ_REQUIRE(tl_public_key_from_file(tl_bytes_text(text), &again, NULL) == TALLY_OK);
    FUZZ_REQUIRE(same_key(key, &again));
}

static void try_public(struct tally_bytes bytes)
{
    struct tl_public_key key;
    struct tally_bytes comment = tl_bytes(bytes.ptr, 0);
    char text[TL_KEY_LINE_MAX];
    if (tl_public_key_from_file(bytes, &key, &comment) == TALLY_OK) {
        FUZZ_REQUIRE(comment.len < bytes.len);
        check_key(&key);
    }
    if (tl_public_key_from_text(bytes, &key) == TALLY_OK) {
        tl_public_key_to_text(&key, text);
        FUZZ_REQUIRE(tl_bytes_equal(tl_bytes_text(text), bytes));
        check_key(&key);
    }
    if (tl_public_key_from_blob(bytes, &key) == TALLY_OK) {
        FUZZ_REQUIRE(tl_bytes_equal(tl_public_key_blob(&key), bytes));
        check_key(&key);
    }
}

static enum tally_status try_private(struct tally_bytes text)
{
    struct tl_secret_key *secret = NULL;
    struct tl_public_key key;
    uint8_t signature[TALLY_SIGNATURE_LEN];
    enum tally_status status = tl_secret_key_from_openssh(text, &secret);
    enum tally_status clear = tl_private_file_public(text, &key);
    if (clear == TALLY_OK) {
        check_key(&key);
    }
    if (status == TALLY_OK) {
        FUZZ_REQUIRE(clear == TALLY_OK && key.type == TL_KEY_ED25519);
        FUZZ_REQUIRE(memcmp(tl_secret_key_public(secret), key.point, sizeof key.point) == 0);
        tl_secret_key_sign(secret, tl_bytes_text("message"), signature);
        FUZZ_REQUIRE(tl_ed25519_verify(key.point, tl_bytes_text("message"), signature));
        tl_secret_key_free(&secret);
    } else {
        FUZZ_REQUIRE(secret == NULL);
    }
    return status;
}

static void try_armored_signature(struct tally_bytes text)
{
    struct tl_buffer blob;
    struct tl_buffer again;
    struct tl_buffer armored;
    tl_buffer_init(&blob, TEXT_MAX);
    tl_buffer_init(&again, TEXT_MAX);
    tl_buffer_init(&armored, TEXT_MAX * 2);
    if (tl_sshsig_unarmor(text, &blob) == TALLY_OK) {
        tl_sshsig_armor(tl_buffer_bytes(&blob), &armored);
        FUZZ_REQUIRE(tl_sshsig_unarmor(tl_buffer_bytes(&armored), &again) == TALLY_OK);
        fuzz_require_same(&again, tl_buffer_bytes(&blob));
    }
    tl_buffer_deinit(&blob);
    tl_buffer_deinit(&armored);
}

static enum tally_status try_armored(struct tally_bytes bytes)
{
    size_t len = tl_armor_len(bytes.len, TL_ARMOR_LABEL_PRIVATE);
    uint8_t *text = (uint8_t *)malloc(len);
    uint8_t *again = (uint8_t *)malloc(len);
    size_t again_len = 0;
    FUZZ_REQUIRE(text != NULL && again != NULL);
    tl_armor_encode(bytes, TL_ARMOR_LABEL_PRIVATE, text);
    FUZZ_REQUIRE(tl_armor_begins(tl_bytes(text, len), TL_ARMOR_LABEL_PRIVATE));
    if (bytes.len > 0) {
        FUZZ_REQUIRE(tl_armor_decode(tl_bytes(text, len), TL_ARMOR_LABEL_PRIVATE, again, len,
                                     &again_len) == TALLY_OK);
        FUZZ_REQUIRE(tl_bytes_equal(tl_bytes(again, again_len), bytes));
    }
    enum tally_status status = try_private(tl_bytes(text, len));
    free(text);
    free(again);
    return status;
}

static void add_string(struct tl_buffer *buffer, struct tally_bytes bytes)
{
    tl_buffer_add_u32(buffer, (uint32_t)bytes.len);
    tl_buffer_add(buffer, bytes);
}

static void add_pair(struct tl_buffer *inner, const struct tl_secret_key *secret,
                     const uint8_t seed[TL_ED25519_SEED_LEN])
{
    struct tally_bytes point = tl_bytes(tl_secret_key_public(secret), TL_ED25519_PUBLIC_LEN);
    add_string(inner, tl_bytes_text("ssh-ed25519"));
    add_string(inner, point);
    tl_buffer_add_u32(inner, TL_ED25519_SEED_LEN + TL_ED25519_PUBLIC_LEN);
    tl_buffer_add(inner, tl_bytes(seed, TL_ED25519_SEED_LEN));
    tl_buffer_add(inner, point);
}

/* Check numbers, comment, padding and what follows the magic out of the input, the rest as it is
 * written. A file as ssh-keygen makes it is read, whatever its comment. */
static void try_pair(struct tally_bytes bytes)
{
    static const uint8_t seed[TL_ED25519_SEED_LEN] = {9};
    struct tl_reader reader = tl_reader_over(bytes);
    struct tl_secret_key *secret = NULL;
    struct tl_public_key key;
    struct tl_buffer inner;
    struct tl_buffer file;
    uint32_t check = tl_read_u32(&reader);
    uint32_t difference = tl_read_u8(&reader);
    struct tally_bytes comment = fuzz_take(&reader);
    tl_buffer_init(&inner, TEXT_MAX * 2);
    tl_buffer_init(&file, TEXT_MAX * 4);
    FUZZ_REQUIRE(tl_secret_key_from_seed(seed, &secret) == TALLY_OK);
    tl_public_key_from_point(tl_secret_key_public(secret), &key);
    tl_buffer_add_u32(&inner, check);
    tl_buffer_add_u32(&inner, check ^ difference);
    add_pair(&inner, secret, seed);
    add_string(&inner, comment);
    for (uint8_t i = 1; inner.len % 8 != 0; i++) {
        tl_buffer_add_u8(&inner, i);
    }
    tl_buffer_add(&file, tl_bytes("openssh-key-v1", 15));
    add_string(&file, tl_bytes_text("none"));
    add_string(&file, tl_bytes_text("none"));
    add_string(&file, tl_bytes(NULL, 0));
    tl_buffer_add_u32(&file, 1);
    add_string(&file, tl_public_key_blob(&key));
    add_string(&file, tl_buffer_bytes(&inner));
    tl_buffer_add(&file, reader.rest);
    bool fits = tl_armor_len(file.len, TL_ARMOR_LABEL_PRIVATE) <= TL_PRIVATE_FILE_MAX;
    bool is_good = difference == 0 && reader.rest.len == 0 && fits;
    FUZZ_REQUIRE((try_armored(tl_buffer_bytes(&file)) == TALLY_OK) == is_good);
    tl_secret_key_free(&secret);
    tl_buffer_deinit(&inner);
    tl_buffer_deinit(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > TEXT_MAX / 2) {
        return 0;
    }
    fuzz_start();
    struct tally_bytes rest = tl_bytes(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        try_public(rest);
        (void)try_private(rest);
        try_armored_signature(rest);
        break;
    case 1:
        (void)try_armored(rest);
        break;
    default:
        try_pair(rest);
        break;
    }
    return 0;
}
