/* SPDX-License-Identifier: ISC */
#include <tally/reason.h>

/* No default in either switch: the compiler names a reason without a text. */

const char *tally_reason_name(enum tally_reason reason)
{
    switch (reason) {
#define REASON_CASE(name, text, meaning)                                                           \
    case TALLY_REASON_##name:                                                                      \
        return text;
        TALLY_REASON_MAP(REASON_CASE)
#undef REASON_CASE
    case TALLY_REASON_COUNT:
        break;
    }
    return "unknown";
}

const char *tally_reason_text(enum tally_reason reason)
{
    switch (reason) {
#define REASON_CASE(name, text, meaning)                                                           \
    case TALLY_REASON_##name:                                                                      \
        return meaning;
        TALLY_REASON_MAP(REASON_CASE)
#undef REASON_CASE
    case TALLY_REASON_COUNT:
        break;
    }
    return "unknown reason";
}
