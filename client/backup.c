/* SPDX-License-Identifier: ISC */
#include "client/backup.h"

#include <string.h>
#include <time.h>

#include "client/exit_code.h"
#include "client/state.h"
#include "lib/base/pool.h"
#include "lib/base/text.h"

static void on_progress(void *context, uint64_t done, uint64_t size)
{
    progress_update(context, done, size);
}

int backup_run_begin(const struct opt *opt, const char *label, struct backup_run *ret_run)
{
    int code = 0;
    unsigned long long jobs = 0;
    memset(ret_run, 0, sizeof *ret_run);
    if (!opt_number(opt, "jobs", 1, 1024, tl_processor_count(), &jobs)) {
        return EXIT_USAGE;
    }
    if (state_wanted(opt, &ret_run->ledger, &code)) {
        ret_run->options.ledger = &ret_run->ledger;
    }
    ret_run->options.threads = (unsigned)jobs - 1;
    ret_run->options.progress = on_progress;
    ret_run->options.progress_context = &ret_run->progress;
    progress_begin(&ret_run->progress, label);
    return code;
}

void backup_run_end(struct backup_run *run)
{
    progress_end(&run->progress);
}

void backup_now(char *dst)
{
    tl_time_format((uint64_t)time(NULL), dst);
}

void backup_say_bad(const char *subject, const struct tl_report *report)
{
    uint64_t index = 0;
    enum tally_reason reason = TALLY_REASON_NONE;
    out_report(report, OUT_LEDGER);
    if (tl_report_first_bad(report, &index, &reason)) {
        out_error("%s: does not verify: first bad record %llu (%s)", subject,
                  (unsigned long long)index, tally_reason_name(reason));
    } else {
        out_error("%s: %s", subject,
                  tl_report_exit_code(report) == EXIT_BAD ? "does not verify"
                                                          : "is not complete: see above");
    }
}
