/* SPDX-License-Identifier: ISC */
#include "client/opt.h"

#include <stdio.h>
#include <string.h>

#include <tally/types.h>

#include "client/exit_code.h"
#include "client/output.h"
#include "lib/base/bytes.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

const struct opt_spec opt_common[] = {
    {"json", NULL, "print JSON", false},
    {"quiet", NULL, "print no progress and no explanations", false},
    {"state", "DIR", "what this client remembers (default: $TALLY_STATE, then XDG)", false},
    {"help", NULL, "print this help", false},
    {NULL, NULL, NULL, false},
};

static const struct opt_spec *find(const struct opt_spec *specs, const char *name, size_t len)
{
    for (; specs->name != NULL; specs++) {
        if (strlen(specs->name) == len && memcmp(specs->name, name, len) == 0) {
            return specs;
        }
    }
    return NULL;
}

static void print_specs(const struct opt_spec *specs)
{
    for (; specs->name != NULL; specs++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", specs->name,
                       specs->argument == NULL ? "" : " ",
                       specs->argument == NULL ? "" : specs->argument);
        printf("  %-24s %s%s\n", left, specs->help, specs->repeats ? " (may be repeated)" : "");
    }
}

void opt_print_help(const struct verb *verb)
{
    printf("tally %s - %s\n\nusage: tally %s %s\n", verb->name, verb->summary, verb->name,
           verb->synopsis);
    if (verb->details != NULL) {
        printf("\n%s\n", verb->details);
    }
    printf("\n");
    print_specs(verb->options);
    print_specs(opt_common);
}

static int usage_error(const struct verb *verb, const char *what, const char *word)
{
    out_error("%s: %s%s%s", verb->name, what, word == NULL ? "" : ": ", word == NULL ? "" : word);
    (void)fprintf(stderr, "usage: tally %s %s\n       tally help %s\n", verb->name, verb->synopsis,
                  verb->name);
    return EXIT_USAGE;
}

static bool is_repeat(const struct opt *opt, const struct opt_spec *spec)
{
    for (size_t i = 0; i < opt->given_count; i++) {
        if (opt->given[i].spec == spec) {
            return !spec->repeats;
        }
    }
    return false;
}

/* Takes the option at argv[0], and its value from argv[1] where it needs one. */
static int take_option(struct opt *opt, int argc, char **argv, int *ret_used)
{
    const char *name = argv[0] + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals == NULL ? strlen(name) : (size_t)(equals - name);
    const struct opt_spec *spec = find(opt->verb->options, name, len);
    if (spec == NULL) {
        spec = find(opt_common, name, len);
    }
    if (spec == NULL) {
        return usage_error(opt->verb, "unknown option", argv[0]);
    }
    if (is_repeat(opt, spec)) {
        return usage_error(opt->verb, "option given twice", argv[0]);
    }
    const char *value = equals == NULL ? NULL : equals + 1;
    *ret_used = 1;
    if (spec->argument != NULL && value == NULL) {
        if (argc < 2) {
            return usage_error(opt->verb, "option needs a value", argv[0]);
        }
        value = argv[1];
        *ret_used = 2;
    } else if (spec->argument == NULL && value != NULL) {
        return usage_error(opt->verb, "option takes no value", argv[0]);
    }
    opt->given[opt->given_count++] = (struct opt_given){.spec = spec, .value = value};
    return 0;
}

static int parse_all(struct opt *opt, int argc, char **argv)
{
    bool options_end = false;
    for (int i = 0; i < argc;) {
        if (!options_end && strcmp(argv[i], "--") == 0) {
            options_end = true;
            i++;
        } else if (!options_end && strcmp(argv[i], "-h") == 0) {
            opt->given[opt->given_count++].spec = find(opt_common, "help", 4);
            i++;
        } else if (!options_end && strncmp(argv[i], "--", 2) == 0) {
            int used = 0;
            int code = take_option(opt, argc - i, argv + i, &used);
            if (code != 0) {
                return code;
            }
            i += used;
        } else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0') {
            return usage_error(opt->verb, "unknown option", argv[i]);
        } else {
            opt->words[opt->word_count++] = argv[i++];
        }
    }
    return 0;
}

int opt_parse(const struct verb *verb, int argc, char **argv, struct opt *ret_opt)
{
    size_t room = (size_t)argc + 1;
    *ret_opt = (struct opt){
        .verb = verb,
        .words = tl_calloc(room, sizeof *ret_opt->words),
        .given = tl_calloc(room, sizeof *ret_opt->given),
    };
    int code = 0;
    if (ret_opt->words == NULL || ret_opt->given == NULL) {
        out_error("out of memory");
        code = EXIT_UNREACHED;
    } else {
        code = parse_all(ret_opt, argc, argv);
    }
    if (code == 0 && opt_has(ret_opt, "help")) {
        opt_print_help(verb);
        code = -1;
    } else if (code == 0 && ret_opt->word_count < (size_t)verb->word_min) {
        code = usage_error(verb, "too few words", NULL);
    } else if (code == 0 && verb->word_max >= 0 && ret_opt->word_count > (size_t)verb->word_max) {
        code = usage_error(verb, "too many words", ret_opt->words[verb->word_max]);
    }
    if (code != 0) {
        opt_deinit(ret_opt);
    }
    return code;
}

void opt_deinit(struct opt *opt)
{
    tl_free(opt->words);
    tl_free(opt->given);
    *opt = (struct opt){.verb = NULL};
}

bool opt_has(const struct opt *opt, const char *name)
{
    for (size_t i = 0; i < opt->given_count; i++) {
        if (strcmp(opt->given[i].spec->name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char *opt_value(const struct opt *opt, const char *name)
{
    size_t cursor = 0;
    const char *value = NULL;
    for (const char *next = opt_next(opt, name, &cursor); next != NULL;
         next = opt_next(opt, name, &cursor)) {
        value = next;
    }
    return value;
}

const char *opt_next(const struct opt *opt, const char *name, size_t *cursor)
{
    while (*cursor < opt->given_count) {
        const struct opt_given *given = &opt->given[(*cursor)++];
        if (strcmp(given->spec->name, name) == 0) {
            return given->value;
        }
    }
    return NULL;
}

bool opt_number(const struct opt *opt, const char *name, unsigned long long min,
                unsigned long long max, unsigned long long fallback, unsigned long long *ret_number)
{
    const char *value = opt_value(opt, name);
    if (value == NULL) {
        *ret_number = fallback;
        return true;
    }
    uint64_t number = 0;
    if (tl_decimal_parse(tl_bytes_text(value), &number) != TALLY_OK || number < min ||
        number > max) {
        out_error("--%s %s: not a number from %llu to %llu", name, value, min, max);
        return false;
    }
    *ret_number = number;
    return true;
}
