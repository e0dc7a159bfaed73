/* SPDX-License-Identifier: ISC */
/* Target: tl_note_decode, tl_note_next_signature; tl_checkpoint_decode. */
#include "tests/codec/roundtrip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_bytes bytes = tl_bytes(data, size);
    fuzz_start();
    FUZZ_REQUIRE(roundtrip_note(bytes) != ROUNDTRIP_DIFFERENT);
    FUZZ_REQUIRE(roundtrip_checkpoint(bytes) != ROUNDTRIP_DIFFERENT);
    return 0;
}
