/* SPDX-License-Identifier: ISC */
/* Target: tl_envelope_decode, its iterators, tl_envelope_encode. */
#include <stdbool.h>
#include <stdlib.h>

#include "keys/ed25519.h"
#include "lib/base/bytes.h"
#include "tests/codec/roundtrip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_bytes bytes = tl_bytes(data, size);
    static bool is_ready = false;
    if (!is_ready && tl_ed25519_init() != TALLY_OK) {
        abort();
    }
    is_ready = true;
    if (roundtrip_envelope(bytes) == ROUNDTRIP_DIFFERENT) {
        abort();
    }
    return 0;
}
