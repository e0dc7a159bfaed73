/* SPDX-License-Identifier: ISC */
/* Target: tl_submission_decode, tl_submission_check; tl_part_decode, tl_exhibit_value_decode. */
#include "tests/codec/roundtrip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_bytes bytes = tl_bytes(data, size);
    fuzz_start();
    FUZZ_REQUIRE(roundtrip_submission(bytes) != ROUNDTRIP_DIFFERENT);
    FUZZ_REQUIRE(roundtrip_part(bytes) != ROUNDTRIP_DIFFERENT);
    FUZZ_REQUIRE(roundtrip_exhibit(bytes) != ROUNDTRIP_DIFFERENT);
    return 0;
}
