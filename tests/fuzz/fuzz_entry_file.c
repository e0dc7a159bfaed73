/* SPDX-License-Identifier: ISC */
/* Target: tl_entry_file_decode, tl_entry_file_submission, the encoder. */
#include "tests/codec/roundtrip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_bytes bytes = tl_bytes(data, size);
    fuzz_start();
    FUZZ_REQUIRE(roundtrip_entry_file(bytes) != ROUNDTRIP_DIFFERENT);
    return 0;
}
