/* SPDX-License-Identifier: ISC */
#include <tally/status.h>

const char *tally_status_text(enum tally_status status)
{
    /* No default: the compiler names a status without a text. */
    switch (status) {
#define STATUS_CASE(name, value, text)                                                             \
    case TALLY_##name:                                                                             \
        return text;
        TALLY_STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}
