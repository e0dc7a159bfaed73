/* SPDX-License-Identifier: ISC */
/*
 * Output: the only way from foreign bytes to a terminal. Control, format, private, unassigned and
 * invisible characters, bidi marks, line ends, invalid UTF-8 and more marks on one character than
 * any language has are shown as escapes; nothing foreign can move the cursor, change colour, start
 * a line or write over what stands around it.
 */
#ifndef CLIENT_OUTPUT_H
#define CLIENT_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include <tally/types.h>

#include "client/opt.h"
#include "lib/base/bytes.h"
#include "lib/verify/report.h"

/* Reads NO_COLOR, TERM and whether standard output is a terminal. Once, at the start. */
void out_init(bool quiet);
bool out_is_quiet(void);

/* Appends the escaped form of foreign bytes. Right-to-left text is wrapped in isolates. */
void out_escape(struct tl_buffer *buffer, struct tally_bytes foreign);

/* Prints the escaped form; at most columns characters (0: all), cut with "...". */
void out_foreign(FILE *stream, struct tally_bytes foreign, size_t columns);

/* True for text that mixes scripts within one word (Latin with Cyrillic or Greek): a lookalike. */
bool out_mixes_scripts(struct tally_bytes foreign);

/* "tally: " and a message to standard error. %s arguments are escaped as foreign text. */
void out_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void out_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line of help that --quiet leaves out, to standard output. Escaped as foreign text. */
void out_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum out_style { OUT_PLAIN, OUT_GOOD, OUT_BAD, OUT_WARN, OUT_DIM, OUT_BOLD };
/* The escape sequence to begin a style, "" when colours are off; OUT_PLAIN ends any style. */
const char *out_style(enum out_style style);

/* Prints a JSON value with ASCII only and a final LF, and releases it. */
void out_json(json_t *value);

/* A JSON string of foreign bytes: as they are when valid UTF-8, else escaped text. New reference.
 */
json_t *out_json_text(struct tally_bytes foreign);
/* A file that was written, and the hash of the envelope in it: a line, or JSON. */
void out_written(const struct opt *opt, const char *path, const struct tally_hash *envelope);
json_t *out_json_hash(const struct tally_hash *hash);

/* "412-7F3K-9QXD": an index with check characters from its leaf hash, for paper and phone. */
#define ENTRY_ID_MAX 40u
void out_entry_id(uint64_t index, const struct tally_hash *leaf, char dst[ENTRY_ID_MAX]);

/* Reads "412" or "412-7F3K-9QXD"; *ret_has_check says which; compare with out_entry_id_is. */
bool out_entry_id_parse(const char *text, uint64_t *ret_index, bool *ret_has_check);

/* False after a message when text has check characters and they are those of another entry. */
bool out_entry_id_is(const char *text, uint64_t index, const struct tally_hash *leaf);

/* The lines of a report, the first bad record, what is shown and what is not. */
enum out_subject { OUT_LEDGER, OUT_RECEIPT, OUT_BUNDLE };
void out_report(const struct tl_report *report, enum out_subject kind);
json_t *out_report_json(const struct tl_report *report);

/* A progress bar on standard error, only on a terminal and only after a second. */
struct progress {
    const char *label;
    double started_s;
    double drawn_s;
    bool is_drawn;
};
void progress_begin(struct progress *progress, const char *label);
void progress_update(struct progress *progress, uint64_t done, uint64_t size);
void progress_end(struct progress *progress);

#endif
