/* SPDX-License-Identifier: ISC */
#include <sodium.h>

#include "keys/ed25519.h"
#include "keys/secret_mem.h"
#include "lib/base/check.h"

/* Bytes only: guarded memory has no alignment. */
struct tl_secret_key {
    uint8_t pair[crypto_sign_SECRETKEYBYTES]; /* seed, then public half */
};

enum tally_status tl_secret_key_from_seed(const uint8_t seed[TL_ED25519_SEED_LEN],
                                          struct tl_secret_key **ret_key)
{
    uint8_t public_key[TL_ED25519_PUBLIC_LEN];
    struct tl_secret_key *key = tl_secret_alloc(sizeof *key);
    if (key == NULL) {
        return TALLY_ENOMEM;
    }
    if (crypto_sign_seed_keypair(public_key, key->pair, seed) != 0) {
        tl_secret_free(key);
        return TALLY_EINTERNAL;
    }
    /* A stray write must not change what is signed with. Refused where the system cannot. */
    (void)sodium_mprotect_readonly(key);
    *ret_key = key;
    return TALLY_OK;
}

void tl_secret_key_free(struct tl_secret_key **key)
{
    tl_secret_free(*key);
    *key = NULL;
}

bool tl_secret_key_lock(const struct tl_secret_key *key)
{
    return tl_secret_lock(key, sizeof *key);
}

const uint8_t *tl_secret_key_public(const struct tl_secret_key *key)
{
    return key->pair + TL_ED25519_SEED_LEN;
}

void tl_secret_key_sign(const struct tl_secret_key *key, struct tally_bytes message,
                        uint8_t ret_signature[TALLY_SIGNATURE_LEN])
{
    int result = crypto_sign_detached(ret_signature, NULL, message.ptr, message.len, key->pair);
    TL_ASSERT(result == 0);
}
