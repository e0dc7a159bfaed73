/* SPDX-License-Identifier: ISC */
/*
 * Verification of a whole ledger over any source, in constant memory, on all cores
 * (docs/formats.md, "Verification"). The same procedure for archive, tar, socket and store.
 */
#ifndef TL_ARCHIVE_VERIFY_LEDGER_H
#define TL_ARCHIVE_VERIFY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/archive/source.h"
#include "lib/codec/envelope.h"
#include "lib/codec/record.h"
#include "lib/codec/submission.h"
#include "lib/roster/roster.h"
#include "lib/verify/judge.h"
#include "lib/verify/report.h"

struct tl_verify_options {
    const struct tally_hash *ledger; /* NULL: no ledger id was given (exit 4) */
    const struct tally_bytes *receipts; /* receipt files */
    size_t receipt_count;
    struct tally_bytes since; /* a signed checkpoint trusted before; empty: none */
    struct tally_bytes remembered; /* one more, from an earlier verification; empty: none */
    bool require_objects; /* absent ciphertexts and files make the verification incomplete */
    unsigned threads;     /* extra threads; 0: the caller's alone */

    /* Progress, now and then, on the calling thread. May be NULL. */
    void (*progress)(void *context, uint64_t done, uint64_t size);

    /*
     * Every record that decoded, in order, with its clear parts (none where one of them does not
     * hold); on the calling thread, views die with the call. For those who read and verify at once;
     * the result's judge is there already, and has taken the record when it is good. May be NULL.
     */
    void (*record)(void *context, const struct tl_record *record,
                   const struct tl_envelope *envelope, const struct tally_hash *leaf,
                   const struct tl_deposit_list *clear);
    void *context;
};

struct tl_verified_ledger {
    struct tl_report report;
    struct tl_judge *judge; /* after the last record: authors' states too; owned */
    const struct tl_roster *roster; /* the judge's; NULL when no charter could be judged */
    struct tl_buffer checkpoint; /* the signed note that was verified; owned */
    uint64_t newest_index;       /* when size > 0 */
    struct tally_hash newest_leaf;
};

/*
 * Verifies. The status says whether the work could be done (EIO, ENOMEM, ENOTFOUND: no checkpoint);
 * the verdict is tl_report_exit_code(&ret->report). A source without a readable checkpoint, an
 * empty one included, is never OK. The caller ends *ret with tl_verified_ledger_deinit; after a
 * failure there is nothing to end, and doing it all the same is fine.
 */
TALLY_NODISCARD enum tally_status tl_verify_ledger(struct tl_source *source,
                                                   const struct tl_verify_options *options,
                                                   struct tl_verified_ledger *ret_verified);
void tl_verified_ledger_deinit(struct tl_verified_ledger *verified);

#endif
