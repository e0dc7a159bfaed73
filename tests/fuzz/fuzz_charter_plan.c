/* SPDX-License-Identifier: ISC */
/*
 * Target: client/charter_plan.c, the JSON from which a charter is made. What it accepts is a
 * charter's envelope, written the one way that there is, with an author whom the plan names.
 * Key files a.pub to d.pub lie beside the plan; d.pub is a hardware key's.
 */
#include <stdio.h>
#include <string.h>

#include "client/charter_plan.h"
#include "keys/public_key.h"
#include "lib/codec/envelope.h"
#include "tests/codec/roundtrip.h"
#include "tests/codec/sample.h"
#include "tests/fuzz/fuzz.h"

static char plan_path[4096];

static void make_keys(void)
{
    static const char hardware[] =
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAcHBwcHBwcHBwcH"
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHAAAABHNzaDo= token\n";
    char path[4096];
    char line[TL_KEY_LINE_MAX];
    if (plan_path[0] != '\0') {
        return;
    }
    (void)snprintf(plan_path, sizeof plan_path, "%s/plan.json", fuzz_directory());
    for (unsigned i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%c.pub", fuzz_directory(), 'a' + (int)i);
        tl_public_key_to_text(sample_public(i), line);
        fuzz_write(path, tl_bytes_text(line));
    }
    (void)snprintf(path, sizeof path, "%s/d.pub", fuzz_directory());
    fuzz_write(path, tl_bytes_text(hardware));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_buffer text;
    struct tl_envelope envelope;
    fuzz_start();
    make_keys();
    tl_buffer_init(&text, TALLY_ENVELOPE_MAX);
    fuzz_write(plan_path, tl_bytes(data, size));
    if (charter_plan_compose(plan_path, &text) == 0) {
        FUZZ_REQUIRE(roundtrip_envelope(tl_buffer_bytes(&text)) == ROUNDTRIP_SAME);
        FUZZ_REQUIRE(tl_envelope_decode(tl_buffer_bytes(&text), &envelope, NULL) == TALLY_OK);
        FUZZ_REQUIRE(tl_envelope_is_constitution(&envelope) && !envelope.has_ledger);
        FUZZ_REQUIRE(envelope.op_count > 0 &&
                     memmem(data, size, envelope.member.ptr, envelope.member.len) != NULL);
    }
    tl_buffer_deinit(&text);
    return 0;
}
