/* SPDX-License-Identifier: ISC */
#include "client/exit_code.h"

int exit_code_of(enum tally_status status)
{
    switch (status) {
    case TALLY_OK:
        return EXIT_DONE;
    case TALLY_EBAD:
    case TALLY_ESIGNATURE:
    case TALLY_EROLLBACK:
        return EXIT_BAD;
    case TALLY_EINVAL:
    case TALLY_EFORMAT:
    case TALLY_ETRUNCATED:
    case TALLY_ETRAILING:
    case TALLY_ETOOBIG:
    case TALLY_EKEY:
    case TALLY_EENCRYPTED:
    case TALLY_EEXIST:
    case TALLY_EUNSUPPORTED:
        return EXIT_USAGE;
    case TALLY_EINCOMPLETE:
        return EXIT_INCOMPLETE;
    case TALLY_EREJECTED:
        return EXIT_REJECTED;
    case TALLY_EINTERNAL:
    case TALLY_ENOMEM:
    case TALLY_EAGENT:
    case TALLY_ENOTFOUND:
    case TALLY_EIO:
    case TALLY_EACCES:
    case TALLY_ELOCKED:
    case TALLY_ENOSPC:
    case TALLY_ECONNECT:
    case TALLY_ETIMEOUT:
    case TALLY_EPROTOCOL:
    case TALLY_EBUSY:
    case TALLY_ESTOPPED:
        break;
    }
    return EXIT_UNREACHED;
}
