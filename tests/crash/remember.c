/* SPDX-License-Identifier: ISC */
/*
 * What costs a start most, remembered: functions of their arguments alone, and each start asks for
 * the same few hundred signatures, keys and hashes. And secrets in plain memory: guard pages cost a
 * start more than all it reads. Linked with --wrap of each.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "keys/ed25519.h"
#include "lib/codec/envelope.h"
#include "lib/tree/tree.h"
#include "tests/crash/memo.h"

enum { INPUT_MAX = 512 };

/* Parts of an input, one after the other. Longer ones than there is room for are not remembered. */
struct input {
    uint8_t bytes[INPUT_MAX];
    size_t len;
    bool fits;
};

static void add(struct input *input, const uint8_t *ptr, size_t len)
{
    input->fits = input->fits && len <= sizeof input->bytes - input->len;
    if (input->fits) {
        memcpy(input->bytes + input->len, ptr, len);
        input->len += len;
    }
}

static struct tally_bytes bytes_of(const struct input *input)
{
    return tl_bytes(input->bytes, input->len);
}

/* ---- Signatures and keys; only what is valid is remembered ---- */

bool __real_tl_ed25519_public_is_valid(const uint8_t *public_key);
bool __wrap_tl_ed25519_public_is_valid(const uint8_t *public_key);
bool __real_tl_ed25519_verify(const uint8_t *public_key, struct tally_bytes message,
                              const uint8_t *signature);
bool __wrap_tl_ed25519_verify(const uint8_t *public_key, struct tally_bytes message,
                              const uint8_t *signature);

bool __wrap_tl_ed25519_verify(const uint8_t *public_key, struct tally_bytes message,
                              const uint8_t *signature)
{
    static struct memo memo;
    struct input input = {.fits = true};
    add(&input, signature, TALLY_SIGNATURE_LEN);
    add(&input, public_key, TL_ED25519_PUBLIC_LEN);
    add(&input, message.ptr, message.len);
    if (input.fits && memo_find(&memo, bytes_of(&input)) != NULL) {
        return true;
    }
    bool valid = __real_tl_ed25519_verify(public_key, message, signature);
    if (input.fits && valid) {
        (void)memo_keep(&memo, bytes_of(&input), 0);
    }
    return valid;
}

bool __wrap_tl_ed25519_public_is_valid(const uint8_t *public_key)
{
    static struct memo memo;
    struct tally_bytes input = tl_bytes(public_key, TL_ED25519_PUBLIC_LEN);
    if (memo_find(&memo, input) != NULL) {
        return true;
    }
    bool valid = __real_tl_ed25519_public_is_valid(public_key);
    if (valid) {
        (void)memo_keep(&memo, input, 0);
    }
    return valid;
}

int __real_crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
                                const unsigned char *message, unsigned long long len,
                                const unsigned char *pair);
int __wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
                                const unsigned char *message, unsigned long long len,
                                const unsigned char *pair);

int __wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
                                const unsigned char *message, unsigned long long len,
                                const unsigned char *pair)
{
    static struct memo memo;
    struct input input = {.fits = signature_len == NULL};
    add(&input, pair, crypto_sign_SECRETKEYBYTES);
    add(&input, message, len);
    const uint8_t *known = input.fits ? memo_find(&memo, bytes_of(&input)) : NULL;
    if (known != NULL) {
        memcpy(signature, known, crypto_sign_BYTES);
        return 0;
    }
    int result = __real_crypto_sign_detached(signature, signature_len, message, len, pair);
    if (input.fits && result == 0) {
        memcpy(memo_keep(&memo, bytes_of(&input), crypto_sign_BYTES), signature, crypto_sign_BYTES);
    }
    return result;
}

int __real_crypto_sign_seed_keypair(unsigned char *public_key, unsigned char *pair,
                                    const unsigned char *seed);
int __wrap_crypto_sign_seed_keypair(unsigned char *public_key, unsigned char *pair,
                                    const unsigned char *seed);

int __wrap_crypto_sign_seed_keypair(unsigned char *public_key, unsigned char *pair,
                                    const unsigned char *seed)
{
    static struct memo memo;
    struct tally_bytes input = tl_bytes(seed, crypto_sign_SEEDBYTES);
    const uint8_t *known = memo_find(&memo, input);
    if (known != NULL) {
        memcpy(pair, known, crypto_sign_SECRETKEYBYTES);
        memcpy(public_key, pair + crypto_sign_SEEDBYTES, crypto_sign_PUBLICKEYBYTES);
        return 0;
    }
    int result = __real_crypto_sign_seed_keypair(public_key, pair, seed);
    if (result == 0) {
        memcpy(memo_keep(&memo, input, crypto_sign_SECRETKEYBYTES), pair,
               crypto_sign_SECRETKEYBYTES);
    }
    return result;
}

/* ---- Leaves and envelopes ---- */

struct tally_hash __real_tl_tree_leaf(struct tally_bytes entry);
struct tally_hash __wrap_tl_tree_leaf(struct tally_bytes entry);

struct tally_hash __wrap_tl_tree_leaf(struct tally_bytes entry)
{
    static struct memo memo;
    struct tally_hash leaf;
    const uint8_t *known = memo_find(&memo, entry);
    if (known != NULL) {
        memcpy(&leaf, known, sizeof leaf);
        return leaf;
    }
    leaf = __real_tl_tree_leaf(entry);
    memcpy(memo_keep(&memo, entry, sizeof leaf), &leaf, sizeof leaf);
    return leaf;
}

static void move_view(struct tally_bytes *view, const uint8_t *from, const uint8_t *to)
{
    if (view->ptr != NULL) {
        view->ptr = to + (view->ptr - from);
    }
}

/* All that an envelope points to is its text. */
static void move_envelope(struct tl_envelope *envelope, const uint8_t *to)
{
    const uint8_t *from = envelope->text.ptr;
    struct tally_bytes *const views[] = {
        &envelope->text,         &envelope->type,       &envelope->member,    &envelope->letters,
        &envelope->sealed_lines, &envelope->file_lines, &envelope->ref_lines, &envelope->op_lines};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        move_view(views[i], from, to);
    }
}

enum tally_status __real_tl_envelope_decode(struct tally_bytes text,
                                            struct tl_envelope *ret_envelope,
                                            struct tl_envelope_fault *reterr_fault);
enum tally_status __wrap_tl_envelope_decode(struct tally_bytes text,
                                            struct tl_envelope *ret_envelope,
                                            struct tl_envelope_fault *reterr_fault);

enum tally_status __wrap_tl_envelope_decode(struct tally_bytes text,
                                            struct tl_envelope *ret_envelope,
                                            struct tl_envelope_fault *reterr_fault)
{
    static struct memo memo;
    const uint8_t *known = memo_find(&memo, text);
    if (known != NULL) {
        memcpy(ret_envelope, known, sizeof *ret_envelope);
        move_envelope(ret_envelope, text.ptr);
        return TALLY_OK;
    }
    enum tally_status status = __real_tl_envelope_decode(text, ret_envelope, reterr_fault);
    if (status == TALLY_OK) {
        uint8_t *answer = memo_keep(&memo, text, sizeof *ret_envelope);
        struct tl_envelope kept = *ret_envelope;
        move_envelope(&kept, answer - text.len);
        memcpy(answer, &kept, sizeof kept);
    }
    return status;
}

/* ---- Secrets ---- */

void *__wrap_sodium_malloc(size_t len);
void __wrap_sodium_free(void *ptr);
int __wrap_sodium_mprotect_readonly(void *ptr);

void *__wrap_sodium_malloc(size_t len)
{
    return malloc(len);
}

void __wrap_sodium_free(void *ptr)
{
    free(ptr);
}

int __wrap_sodium_mprotect_readonly(void *ptr)
{
    (void)ptr;
    return 0;
}
