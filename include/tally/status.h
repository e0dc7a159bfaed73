/* SPDX-License-Identifier: ISC */
/*
 * Status: what a function answers about its own work.
 *
 * A status says whether a call could be carried out. It never says what was wrong with a ledger:
 * that is a reason (reason.h). Zero is success, failures are negative, numbers are never reused.
 */
#ifndef TALLY_STATUS_H
#define TALLY_STATUS_H

#include <tally/export.h>

TALLY_BEGIN_DECLS

#define TALLY_STATUS_MAP(X)                                                                        \
    X(OK, 0, "success")                                                                            \
    X(EINTERNAL, -1, "internal error")                                                             \
    X(EINVAL, -2, "invalid argument")                                                              \
    X(ENOMEM, -3, "out of memory")                                                                 \
    X(EFORMAT, -4, "malformed input")                                                              \
    X(ETRUNCATED, -5, "input ends too early")                                                      \
    X(ETRAILING, -6, "bytes follow the end of the input")                                          \
    X(ETOOBIG, -7, "over a size limit")                                                            \
    X(ESIGNATURE, -8, "signature does not verify")                                                 \
    X(EKEY, -9, "key is unusable")                                                                 \
    X(EENCRYPTED, -10, "private key file is encrypted: load it into ssh-agent")                    \
    X(EAGENT, -11, "ssh-agent did not sign")                                                       \
    X(ENOTFOUND, -12, "not found")                                                                 \
    X(EEXIST, -13, "exists already")                                                               \
    X(EIO, -14, "input or output error")                                                           \
    X(EACCES, -15, "permission denied")                                                            \
    X(ELOCKED, -16, "in use by another process")                                                   \
    X(ENOSPC, -17, "no space left")                                                                \
    X(ECONNECT, -18, "cannot connect")                                                             \
    X(ETIMEOUT, -19, "timed out")                                                                  \
    X(EPROTOCOL, -20, "protocol violation")                                                        \
    X(EBUSY, -21, "overloaded, try again")                                                         \
    X(EREJECTED, -22, "rejected by the ledger")                                                    \
    X(EBAD, -23, "verification failed")                                                            \
    X(EINCOMPLETE, -24, "something asked for was not checked")                                     \
    X(EUNSUPPORTED, -25, "not supported")                                                          \
    X(ESTOPPED, -26, "the ledger has stopped signing")                                             \
    X(EROLLBACK, -27, "the store is older than what is known of it")

enum tally_status {
#define TALLY_STATUS_ENUM(name, value, text) TALLY_##name = (value),
    TALLY_STATUS_MAP(TALLY_STATUS_ENUM)
#undef TALLY_STATUS_ENUM
};

/* A short English text for a status, never NULL, valid for ever. Any thread. */
TALLY_EXPORT const char *tally_status_text(enum tally_status status);

TALLY_END_DECLS

#endif
