/* SPDX-License-Identifier: ISC */
/*
 * Strict Ed25519 (docs/formats.md, "Signatures"): what released libsodium 1.0.18 to 1.0.22
 * accepts, whichever libsodium is linked, and public keys of the prime-order subgroup only.
 * Call tl_ed25519_init once, before any thread starts. Everything else: any thread.
 */
#ifndef TL_KEYS_ED25519_H
#define TL_KEYS_ED25519_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#define TL_ED25519_PUBLIC_LEN 32u
#define TL_ED25519_SEED_LEN 32u

/*
 * Initialises libsodium and runs the disagreement vectors: where the linked library accepts them,
 * verification also requires R to lie in the prime-order subgroup from then on. EINTERNAL when the
 * library fails its known answers.
 */
TALLY_NODISCARD enum tally_status tl_ed25519_init(void);

/* On the curve, canonical, of prime order. Checked once, when a key is enrolled or configured. */
bool tl_ed25519_public_is_valid(const uint8_t public_key[TL_ED25519_PUBLIC_LEN]);

/*
 * The signature check alone. Over a later library, which judges R loosely, the answer is the same
 * for every key that tl_ed25519_public_is_valid accepts, and stricter for others.
 */
bool tl_ed25519_verify(const uint8_t public_key[TL_ED25519_PUBLIC_LEN], struct tally_bytes message,
                       const uint8_t signature[TALLY_SIGNATURE_LEN]);

/* A secret key in guarded, locked memory. */
struct tl_secret_key;

TALLY_NODISCARD enum tally_status tl_secret_key_from_seed(const uint8_t seed[TL_ED25519_SEED_LEN],
                                                          struct tl_secret_key **ret_key);

/* Wipes, frees and sets to NULL; pointing to NULL is fine. */
void tl_secret_key_free(struct tl_secret_key **key);

/* Locked already, where the system lets it be: asks again, and says whether it is so. */
bool tl_secret_key_lock(const struct tl_secret_key *key);

const uint8_t *tl_secret_key_public(const struct tl_secret_key *key);

/* Signs. Deterministic: the same key and message always give the same 64 bytes. */
void tl_secret_key_sign(const struct tl_secret_key *key, struct tally_bytes message,
                        uint8_t ret_signature[TALLY_SIGNATURE_LEN]);

#endif
