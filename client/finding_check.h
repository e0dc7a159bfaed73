/* SPDX-License-Identifier: ISC */
/*
 * What a finding's JSON must hold (docs/findings.md). Every fault is printed at once with its JSON
 * path; warnings do not stop anything.
 */
#ifndef CLIENT_FINDING_CHECK_H
#define CLIENT_FINDING_CHECK_H

#include <time.h>

#include <jansson.h>

/* Checks the content of an entry of that type. Returns the number of errors printed. */
unsigned finding_check(const char *path, const char *type, const json_t *json, time_t now);

#endif
