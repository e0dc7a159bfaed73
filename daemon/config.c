/* SPDX-License-Identifier: ISC */
#include "daemon/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/check.h"
#include "lib/base/file.h"
#include "lib/base/pool.h"
#include "lib/base/text.h"

enum kind {
    KIND_TEXT,
    KIND_MODE,
    KIND_BOOL,
    KIND_COUNT,
    KIND_SIZE,
    KIND_TIME,
};

struct row {
    enum kind kind;
    size_t offset;
    const char *key;
    const char *initial;
    uint64_t min;
    uint64_t max;
};

static const struct row rows[] = {
#define CONFIG_ROW(kind, field, key, text, min, max)                                               \
    {KIND_##kind, offsetof(struct tl_config, field), key, text, min, max},
    TL_CONFIG_MAP(CONFIG_ROW)
#undef CONFIG_ROW
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

struct unit {
    const char *text;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {"", 1}, {"K", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}, {"T", UINT64_C(1) << 40},
    {NULL, 0},
};
static const struct unit time_units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000},
                                         {NULL, 0}};
static const struct unit count_units[] = {{"", 1}, {NULL, 0}};

static const struct row *find_row(struct tally_bytes key)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (tl_bytes_equal(key, tl_bytes_text(rows[i].key))) {
            return &rows[i];
        }
    }
    return NULL;
}

static char *text_field(struct tl_config *config, const struct row *row)
{
    return (char *)config + row->offset;
}

static uint64_t *number_field(struct tl_config *config, const struct row *row)
{
    return (uint64_t *)(void *)((char *)config + row->offset);
}

/* "64M", "15s": digits and one of the units. */
static bool parse_scaled(struct tally_bytes value, const struct unit *units, uint64_t *ret_number)
{
    size_t digits = 0;
    while (digits < value.len && value.ptr[digits] >= '0' && value.ptr[digits] <= '9') {
        digits++;
    }
    uint64_t number = 0;
    if (tl_decimal_parse(tl_bytes(value.ptr, digits), &number) != TALLY_OK) {
        return false;
    }
    struct tally_bytes unit = tl_bytes(value.ptr + digits, value.len - digits);
    for (; units->text != NULL; units++) {
        if (tl_bytes_equal(unit, tl_bytes_text(units->text)) &&
            number <= UINT64_MAX / units->factor) {
            *ret_number = number * units->factor;
            return true;
        }
    }
    return false;
}

static bool parse_mode(struct tally_bytes value, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (value.len == 0 || value.len > 4) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '7') {
            return false;
        }
        number = number * 8 + (uint64_t)(value.ptr[i] - '0');
    }
    *ret_number = number;
    return true;
}

static bool parse_bool(struct tally_bytes value, uint64_t *ret_number)
{
    bool yes = tl_bytes_equal(value, tl_bytes_text("yes"));
    *ret_number = yes ? 1 : 0;
    return yes || tl_bytes_equal(value, tl_bytes_text("no"));
}

static bool parse_number(enum kind kind, struct tally_bytes value, uint64_t *ret_number)
{
    switch (kind) {
    case KIND_MODE:
        return parse_mode(value, ret_number);
    case KIND_BOOL:
        return parse_bool(value, ret_number);
    case KIND_COUNT:
        return parse_scaled(value, count_units, ret_number);
    case KIND_SIZE:
        return parse_scaled(value, size_units, ret_number);
    case KIND_TIME:
        return parse_scaled(value, time_units, ret_number);
    case KIND_TEXT:
        break;
    }
    return false;
}

static const char *kind_remedy(enum kind kind)
{
    switch (kind) {
    case KIND_TEXT:
        return "give printable ASCII of at most 511 characters";
    case KIND_MODE:
        return "give an octal mode such as 0660";
    case KIND_BOOL:
        return "say yes or no";
    case KIND_COUNT:
        return "give a whole number";
    case KIND_SIZE:
        return "give a number of bytes, with K, M, G or T for powers of 1024";
    case KIND_TIME:
        return "give a number with ms, s or min";
    }
    return "";
}

static bool is_printable(struct tally_bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e) {
            return false;
        }
    }
    return value.len < TL_CONFIG_TEXT_MAX;
}

static bool set_value(struct tl_config *config, const struct row *row, struct tally_bytes value)
{
    if (row->kind == KIND_TEXT) {
        if (!is_printable(value)) {
            return false;
        }
        char *field = text_field(config, row);
        if (value.len > 0) {
            memcpy(field, value.ptr, value.len);
        }
        field[value.len] = '\0';
        return true;
    }
    uint64_t number = 0;
    if (!parse_number(row->kind, value, &number) || number < row->min || number > row->max) {
        return false;
    }
    *number_field(config, row) = number;
    return true;
}

void tl_config_init(struct tl_config *config)
{
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        bool fits = set_value(config, &rows[i], tl_bytes_text(rows[i].initial));
        TL_ASSERT(fits);
    }
}

__attribute__((format(printf, 2, 3))) static enum tally_status
fail(struct tl_config_fault *fault, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return TALLY_EFORMAT;
}

/* where: "FILE:LINE: " or "--" */
static enum tally_status apply(struct tl_config *config, const char *where,
                               struct tally_bytes key, struct tally_bytes value,
                               struct tl_config_fault *fault, const struct row **ret_row)
{
    const struct row *row = find_row(key);
    if (row == NULL) {
        bool shown = is_printable(key) && key.len <= 64;
        return fail(fault, "%sunknown key \"%.*s\": see tallyd.conf(5) for the keys there are",
                    where, shown ? (int)key.len : 3, shown ? (const char *)key.ptr : "???");
    }
    if (!set_value(config, row, value)) {
        uint64_t min = row->min;
        uint64_t max = row->max;
        if (row->kind == KIND_TEXT || row->kind == KIND_BOOL || row->kind == KIND_MODE) {
            return fail(fault, "%sbad value for %s: %s", where, row->key, kind_remedy(row->kind));
        }
        return fail(fault, "%sbad value for %s: %s (%llu to %llu%s)", where, row->key,
                    kind_remedy(row->kind), (unsigned long long)min, (unsigned long long)max,
                    row->kind == KIND_TIME ? " ms" : "");
    }
    *ret_row = row;
    return TALLY_OK;
}

static struct tally_bytes trim(struct tally_bytes text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

static enum tally_status parse_line(struct tl_config *config, const char *where,
                                    struct tally_bytes line, bool *seen,
                                    struct tl_config_fault *fault)
{
    line = trim(line);
    if (line.len == 0 || line.ptr[0] == '#') {
        return TALLY_OK;
    }
    struct tally_bytes key = line;
    struct tally_bytes value;
    if (!tl_split_space(line, &key, &value)) {
        value = tl_bytes(line.ptr + line.len, 0);
    }
    const struct row *row = NULL;
    enum tally_status status = apply(config, where, key, trim(value), fault, &row);
    if (status != TALLY_OK) {
        return status;
    }
    bool *mark = &seen[row - rows];
    if (*mark) {
        return fail(fault, "%s%s stands twice: keep one of the lines", where, row->key);
    }
    *mark = true;
    return TALLY_OK;
}

enum tally_status tl_config_parse(struct tl_config *config, const char *name,
                                  struct tally_bytes text, struct tl_config_fault *reterr_fault)
{
    bool seen[ROW_COUNT] = {false};
    unsigned number = 0;
    while (text.len > 0) {
        const uint8_t *end = (const uint8_t *)memchr(text.ptr, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
        char where[TL_CONFIG_TEXT_MAX];
        number++;
        (void)snprintf(where, sizeof where, "%s:%u: ", name, number);
        enum tally_status status =
            parse_line(config, where, tl_bytes(text.ptr, len), seen, reterr_fault);
        if (status != TALLY_OK) {
            return status;
        }
        size_t taken = end == NULL ? len : len + 1;
        text = tl_bytes(text.ptr + taken, text.len - taken);
    }
    return TALLY_OK;
}

enum tally_status tl_config_set(struct tl_config *config, const char *key, const char *value,
                                struct tl_config_fault *reterr_fault)
{
    const struct row *row = NULL;
    return apply(config, "command line: ", tl_bytes_text(key), tl_bytes_text(value), reterr_fault,
                 &row);
}

/* dir "/" name into a text field; false when it does not fit. */
static bool join(char *field, const char *dir, const char *name)
{
    int len = snprintf(field, TL_CONFIG_TEXT_MAX, "%s/%s", dir, name);
    return len > 0 && (unsigned)len < TL_CONFIG_TEXT_MAX;
}

/* This credential may be left out; "-", as a unit's default, stands for none. False: too long. */
static bool find_host_key(struct tl_config *config, const char *credentials)
{
    struct stat info;
    if (!join(config->host_key, credentials, "host-key")) {
        return false;
    }
    bool found = stat(config->host_key, &info) == 0;
    if (found ? info.st_size <= 1 : errno == ENOENT) {
        config->host_key[0] = '\0';
    }
    return true;
}

enum tally_status tl_config_finish(struct tl_config *config, struct tl_config_fault *reterr_fault)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (config->data[0] == '\0') {
        return fail(reterr_fault, "no data directory: say \"data DIR\" in the file, or --data DIR");
    }
    if (config->ledger_key[0] == '\0' && credentials != NULL &&
        !join(config->ledger_key, credentials, "ledger-key")) {
        return fail(reterr_fault, "the path in CREDENTIALS_DIRECTORY is too long");
    }
    if (config->ledger_key[0] == '\0') {
        return fail(reterr_fault, "no ledger key: say \"ledger-key FILE\", --ledger-key FILE, or "
                                  "pass the credential ledger-key");
    }
    if (config->host_key[0] == '\0' && credentials != NULL &&
        !find_host_key(config, credentials)) {
        return fail(reterr_fault, "the path in CREDENTIALS_DIRECTORY is too long");
    }
    if (config->head[0] == '\0' && !join(config->head, config->data, "head")) {
        return fail(reterr_fault, "the path of the data directory is too long");
    }
    if (config->connections_per_user > config->connections) {
        config->connections_per_user = config->connections;
    }
    if (config->workers == 0) {
        config->workers = tl_processor_count();
    }
    return TALLY_OK;
}

/* Splits "--key=value" or takes the next argument; *i moves on. */
static enum tally_status take_option(int argc, char *const *argv, int *i, char *key,
                                     const char **ret_value, struct tl_config_fault *fault)
{
    const char *argument = argv[*i];
    if (strncmp(argument, "--", 2) != 0 || argument[2] == '\0') {
        return fail(fault, "surplus argument %d: options are --key value, see tallyd(8)", *i);
    }
    argument += 2;
    const char *equals = strchr(argument, '=');
    size_t len = equals == NULL ? strlen(argument) : (size_t)(equals - argument);
    if (len >= TL_CONFIG_TEXT_MAX) {
        return fail(fault, "argument %d is too long", *i);
    }
    memcpy(key, argument, len);
    key[len] = '\0';
    if (equals != NULL) {
        *ret_value = equals + 1;
        return TALLY_OK;
    }
    if (*i + 1 >= argc) {
        return fail(fault, "the last option lacks its value: options are --key value");
    }
    *i += 1;
    *ret_value = argv[*i];
    return TALLY_OK;
}

static enum tally_status load_file(struct tl_config *config, const char *path,
                                   struct tl_config_fault *fault)
{
    struct tl_buffer text;
    tl_buffer_init(&text, TL_CONFIG_FILE_MAX);
    enum tally_status status = tl_file_read(path, &text);
    if (status == TALLY_OK) {
        status = tl_config_parse(config, path, tl_buffer_bytes(&text), fault);
    } else {
        (void)fail(fault, "%s: cannot be read (%s): check the path and its permissions", path,
                   tally_status_text(status));
    }
    tl_buffer_deinit(&text);
    return status;
}

/* files_only: the first pass, which reads what --config names; the second sets all the rest. */
static enum tally_status walk(int argc, char *const *argv, bool files_only,
                              struct tl_config *config, struct tl_config_fault *fault)
{
    enum tally_status status = TALLY_OK;
    for (int i = 0; i < argc && status == TALLY_OK; i++) {
        char key[TL_CONFIG_TEXT_MAX];
        const char *value = NULL;
        status = take_option(argc, argv, &i, key, &value, fault);
        if (status != TALLY_OK) {
            break;
        }
        bool is_file = strcmp(key, "config") == 0;
        if (is_file && files_only) {
            status = load_file(config, value, fault);
        } else if (!is_file && !files_only) {
            status = tl_config_set(config, key, value, fault);
        }
    }
    return status;
}

enum tally_status tl_config_load(int argc, char *const *argv, struct tl_config *ret_config,
                                 struct tl_config_fault *reterr_fault)
{
    tl_config_init(ret_config);
    enum tally_status status = walk(argc, argv, true, ret_config, reterr_fault);
    if (status == TALLY_OK) {
        status = walk(argc, argv, false, ret_config, reterr_fault);
    }
    if (status == TALLY_OK) {
        status = tl_config_finish(ret_config, reterr_fault);
    }
    return status;
}
