/* SPDX-License-Identifier: ISC */
#include "client/entry_io.h"
#include "client/verbs.h"

static int run(const struct opt *opt)
{
    return entry_sign_verb(opt, opt->words[0]);
}

static const struct opt_spec options[] = {
    {"key", "FILE", "private key, or the .pub of one that ssh-agent holds (or $TALLY_KEY)", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_sign = {
    .name = "sign",
    .synopsis = "FILE.tally --key FILE",
    .summary = "sign a composed entry, or countersign one",
    .details = "Signs the exact envelope bytes as SSHSIG, namespace entry@tally. The author signs\n"
               "first; any further key countersigns. Look first: tally preview FILE.tally",
    .options = options,
    .word_min = 1,
    .word_max = 1,
    .run = run,
};
