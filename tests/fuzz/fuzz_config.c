/* SPDX-License-Identifier: ISC */
/* Target: tl_config_parse. A fault is one printable line; a good file is good again. */
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "tests/fuzz/fuzz.h"

static void check_fault(const struct tl_config_fault *fault)
{
    size_t len = strnlen(fault->text, sizeof fault->text);
    if (len == 0 || len == sizeof fault->text) {
        abort();
    }
    for (size_t i = 0; i < len; i++) {
        if (fault->text[i] < 0x20 || fault->text[i] > 0x7e) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tl_config first;
    static struct tl_config second;
    struct tl_config_fault fault = {.text = ""};
    tl_config_init(&first);
    tl_config_init(&second);
    enum tally_status status = tl_config_parse(&first, "file", tl_bytes(data, size), &fault);
    if (status != TALLY_OK) {
        check_fault(&fault);
        return 0;
    }
    if (tl_config_parse(&second, "file", tl_bytes(data, size), &fault) != TALLY_OK ||
        memcmp(&first, &second, sizeof first) != 0) {
        abort();
    }
    if (tl_config_finish(&first, &fault) != TALLY_OK) {
        check_fault(&fault);
    }
    return 0;
}
