/* SPDX-License-Identifier: ISC */
/* Target: tl_bundle_decode and the writers. */
#include "tests/codec/roundtrip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_bytes bytes = tl_bytes(data, size);
    fuzz_start();
    FUZZ_REQUIRE(roundtrip_bundle(bytes) != ROUNDTRIP_DIFFERENT);
    return 0;
}
