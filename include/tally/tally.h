/* SPDX-License-Identifier: ISC */
/* All of libtally's interface. */
#ifndef TALLY_TALLY_H
#define TALLY_TALLY_H

#include <tally/client.h>
#include <tally/export.h>
#include <tally/reason.h>
#include <tally/status.h>
#include <tally/types.h>
#include <tally/verify.h>
#include <tally/version.h>

#endif
