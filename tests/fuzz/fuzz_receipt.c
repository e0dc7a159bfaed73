/* SPDX-License-Identifier: ISC */
/* Target: tl_receipt_decode, tl_proof_file_decode and their encoders. */
#include "tests/codec/roundtrip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_bytes bytes = tl_bytes(data, size);
    fuzz_start();
    FUZZ_REQUIRE(roundtrip_receipt(bytes) != ROUNDTRIP_DIFFERENT);
    FUZZ_REQUIRE(roundtrip_proof_file(bytes) != ROUNDTRIP_DIFFERENT);
    return 0;
}
