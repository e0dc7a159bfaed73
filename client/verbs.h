/* SPDX-License-Identifier: ISC */
/* The verbs of tally, one file each: cmd_NAME.c. */
#ifndef CLIENT_VERBS_H
#define CLIENT_VERBS_H

#include "client/opt.h"

extern const struct verb verb_charter;
extern const struct verb verb_compose;
extern const struct verb verb_preview;
extern const struct verb verb_sign;
extern const struct verb verb_submit;
extern const struct verb verb_receipt;
extern const struct verb verb_bundle;
extern const struct verb verb_status;
extern const struct verb verb_log;
extern const struct verb verb_show;
extern const struct verb verb_search;
extern const struct verb verb_verify;
extern const struct verb verb_publish;
extern const struct verb verb_backup;
extern const struct verb verb_restore;
extern const struct verb verb_fsck;
extern const struct verb verb_check;

#endif
