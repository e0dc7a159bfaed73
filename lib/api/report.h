/* SPDX-License-Identifier: ISC */
/* The installed report around the internal one. */
#ifndef TL_API_REPORT_H
#define TL_API_REPORT_H

#include <tally/verify.h>

#include "lib/verify/report.h"

struct tally_report {
    struct tl_report report;
};

/* An empty report: every line NOT CHECKED. NULL when out of memory. */
struct tally_report *tl_api_report_new(void);

#endif
