/* SPDX-License-Identifier: ISC */
#include "daemon/fault.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "daemon/exit_code.h"
#include "lib/base/check.h"

#ifdef TALLY_SANITIZED
void __sanitizer_print_stack_trace(void);
#endif

static const char text[] =
    "<2>a page of the store cannot be read, or holds what no ledger wrote: ending; nothing of what "
    "was under way was acknowledged. Keep the store as it is and run tally fsck on it; if that "
    "finds nothing, this is a fault of tallyd (tallyd(8), RECOVERY)\n";

static void on_fault(int number)
{
    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
#ifdef TALLY_SANITIZED
    __sanitizer_print_stack_trace();
#endif
    _exit(TL_EXIT_DAMAGED);
}

void tl_fault_watch(void)
{
    static const int numbers[] = {SIGBUS, SIGSEGV};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_fault;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int error = sigaction(numbers[i], &action, NULL);
        TL_ASSERT(error == 0);
    }
}
