/* SPDX-License-Identifier: ISC */
/*
 * Opt: the command line of one verb, from one table that also gives its help and its completion.
 * "--name VALUE" or "--name=VALUE"; "--" ends the options; "-" is an ordinary word.
 */
#ifndef CLIENT_OPT_H
#define CLIENT_OPT_H

#include <stdbool.h>
#include <stddef.h>

struct opt_spec {
    const char *name;     /* without the dashes */
    const char *argument; /* what its value is called; NULL for a flag */
    const char *help;
    bool repeats;
};

struct verb;

struct opt {
    const struct verb *verb;
    size_t word_count;
    const char **words; /* what is not an option, in order */
    size_t given_count;
    struct opt_given {
        const struct opt_spec *spec;
        const char *value; /* NULL for a flag */
    } * given;
};

struct verb {
    const char *name;
    const char *synopsis;           /* after "tally NAME " */
    const char *summary;            /* one line */
    const char *details;            /* more lines for the help, or NULL */
    const struct opt_spec *options; /* ends with a NULL name */
    int word_min;
    int word_max; /* -1: any number */
    int (*run)(const struct opt *opt);
};

/* The options that every verb takes: --json, --state, --quiet, --help. */
extern const struct opt_spec opt_common[];

/*
 * Parses argv[0..argc) for the verb. 0 when *ret_opt is to be run; otherwise an exit code: 0 after
 * help was printed is given as -1, EXIT_USAGE after a message.
 */
int opt_parse(const struct verb *verb, int argc, char **argv, struct opt *ret_opt);
void opt_deinit(struct opt *opt);

bool opt_has(const struct opt *opt, const char *name);

/* The last value given; NULL when absent. */
const char *opt_value(const struct opt *opt, const char *name);

/* The values of a repeated option, one a call: *cursor starts at 0. NULL after the last. */
const char *opt_next(const struct opt *opt, const char *name, size_t *cursor);

/* A decimal value in [min, max]; fallback when absent. False after a message. */
bool opt_number(const struct opt *opt, const char *name, unsigned long long min,
                unsigned long long max, unsigned long long fallback,
                unsigned long long *ret_number);

void opt_print_help(const struct verb *verb);

#endif
