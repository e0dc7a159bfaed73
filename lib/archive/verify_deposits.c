/* SPDX-License-Identifier: ISC */
#include "lib/archive/bundle_file.h"
#include "lib/archive/verification.h"
#include "lib/tree/tile.h"

/* What became of one ciphertext or exhibit file. */
enum object_state {
    OBJECT_GOOD,
    OBJECT_BAD,
    OBJECT_ABSENT,
};

static enum tally_status check_object(struct tl_verification *v, const struct tally_hash *hash,
                                      uint64_t size, enum object_state *ret_state)
{
    char path[TL_RESOURCE_PATH_MAX];
    bool holds = false;
    tl_path_object(hash, path);
    enum tally_status status = tl_source_holds(v->source, path, hash, size, &holds);
    if (status == TALLY_ENOTFOUND) {
        *ret_state = OBJECT_ABSENT;
        return TALLY_OK;
    }
    if (status != TALLY_OK) {
        return status;
    }
    *ret_state = holds ? OBJECT_GOOD : OBJECT_BAD;
    return TALLY_OK;
}

static enum tally_status check_ciphertexts(struct tl_verification *v,
                                           const struct tl_envelope *envelope, uint64_t index)
{
    struct tally_bytes lines = envelope->sealed_lines;
    struct tl_sealed_line line;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK && tl_envelope_next_sealed(&lines, &line)) {
        enum object_state state = OBJECT_ABSENT;
        status = check_object(v, &line.hash, line.size, &state);
        if (status != TALLY_OK) {
            return status;
        }
        switch (state) {
        case OBJECT_GOOD:
            tl_report_good(v->report, TL_CHECK_DEPOSITS);
            break;
        case OBJECT_BAD:
            tl_report_bad(v->report, TL_CHECK_DEPOSITS, index, TALLY_REASON_SEALED_INVALID);
            break;
        case OBJECT_ABSENT:
            tl_report_unchecked(v->report, TL_CHECK_DEPOSITS);
            v->absent_ciphertexts++;
            break;
        }
    }
    return status;
}

/* What was left in clear is the ledger's to keep; ciphertexts may stay out of an archive. */
static void report_absent_file(struct tl_verification *v, const struct tl_file_line *line,
                               uint64_t index)
{
    if (line->sealed) {
        tl_report_unchecked(v->report, TL_CHECK_EXHIBITS);
    } else {
        tl_report_bad(v->report, TL_CHECK_EXHIBITS, index, TALLY_REASON_FILE_MISSING);
    }
}

static enum tally_status check_files(struct tl_verification *v, const struct tl_envelope *envelope,
                                     uint64_t index)
{
    struct tally_bytes lines = envelope->file_lines;
    struct tl_file_line line;
    enum tally_status status = TALLY_OK;
    while (status == TALLY_OK && tl_envelope_next_file(&lines, &line)) {
        enum object_state state = OBJECT_ABSENT;
        status = check_object(v, &line.hash, line.size, &state);
        if (status != TALLY_OK) {
            return status;
        }
        switch (state) {
        case OBJECT_GOOD:
            tl_report_good(v->report, TL_CHECK_EXHIBITS);
            break;
        case OBJECT_BAD:
            tl_report_bad(v->report, TL_CHECK_EXHIBITS, index, TALLY_REASON_FILE_INVALID);
            break;
        case OBJECT_ABSENT:
            report_absent_file(v, &line, index);
            break;
        }
    }
    v->covered[TL_CHECK_EXHIBITS]++;
    return status;
}

enum parts_form {
    PARTS_ABSENT,
    PARTS_GOOD,
    PARTS_MALFORMED,
    PARTS_TOO_LARGE,
};

/* Looks for it at every record: a file of parts where no letter is c is wrong too. */
static enum tally_status read_clear(struct tl_verification *v, uint64_t index,
                                    struct tl_deposit_list *ret_clear, enum parts_form *ret_form)
{
    char path[TL_RESOURCE_PATH_MAX];
    tl_path_parts(index, path);
    tl_buffer_clear(&v->parts);
    *ret_clear = (struct tl_deposit_list){.count = 0};
    enum tally_status status = tl_source_read(v->source, path, &v->parts);
    if (status == TALLY_ENOTFOUND) {
        *ret_form = PARTS_ABSENT;
        return TALLY_OK;
    }
    if (status == TALLY_ETOOBIG) {
        *ret_form = PARTS_TOO_LARGE;
        return TALLY_OK;
    }
    if (status == TALLY_OK) {
        bool is_good = tl_parts_decode(tl_buffer_bytes(&v->parts), ret_clear) == TALLY_OK;
        *ret_form = is_good ? PARTS_GOOD : PARTS_MALFORMED;
    }
    return status;
}

/* Steps 3 to 5 of section 19.1: sizes, commitments, clear parts. */
static enum tally_reason judge_parts(const struct tl_section_slot *slot, enum parts_form form,
                                     struct tl_deposit_list clear)
{
    if (!slot->has_commitments) {
        return TALLY_REASON_COMMITMENTS_MISSING;
    }
    if (form == PARTS_TOO_LARGE) {
        return TALLY_REASON_TOO_LARGE;
    }
    if (form == PARTS_ABSENT && !slot->has_clear_letters) {
        return slot->deposits;
    }
    enum tally_reason reason = tl_section_check_deposits(slot, clear);
    /* What does not decode counts as no part until the parts themselves are judged. */
    bool is_due = reason == TALLY_REASON_NONE || reason == TALLY_REASON_PART_MISSING;
    return form == PARTS_MALFORMED && is_due ? TALLY_REASON_PART_INVALID : reason;
}

/* Rules that are not known here may allow a part to be erased: judged when the walk is over. */
static void report_missing_part(struct tl_verification *v, uint64_t index)
{
    if (v->missing_part_count == 0) {
        v->missing_part_index = index;
    }
    v->missing_part_count++;
}

static void report_parts(struct tl_verification *v, uint64_t index, enum tally_reason reason)
{
    v->covered[TL_CHECK_DEPOSITS]++;
    if (reason == TALLY_REASON_NONE) {
        tl_report_good(v->report, TL_CHECK_DEPOSITS);
    } else if (reason == TALLY_REASON_PART_MISSING) {
        report_missing_part(v, index);
    } else {
        tl_report_bad(v->report, TL_CHECK_DEPOSITS, index, reason);
    }
}

static void count_withheld(struct tl_verification *v, const struct tl_envelope *envelope)
{
    for (unsigned i = 0; i < envelope->part_count; i++) {
        if (envelope->letters.ptr[i] != 'c') {
            v->report->withheld++;
        }
    }
}

enum tally_status tl_verify_deposits(struct tl_verification *v, const struct tl_section_slot *slot,
                                     uint64_t index, struct tl_deposit_list *ret_clear,
                                     bool *ret_holds)
{
    enum parts_form form = PARTS_ABSENT;
    struct tl_deposit_list clear;
    enum tally_status status = read_clear(v, index, &clear, &form);
    if (status != TALLY_OK) {
        return status;
    }
    enum tally_reason reason = judge_parts(slot, form, clear);
    report_parts(v, index, reason);
    *ret_holds = reason == TALLY_REASON_NONE;
    if (*ret_holds) {
        *ret_clear = clear;
    }
    count_withheld(v, &slot->envelope);
    status = check_ciphertexts(v, &slot->envelope, index);
    if (status == TALLY_OK) {
        status = check_files(v, &slot->envelope, index);
    }
    return status;
}

#define PREFETCH_MAX 8u

void tl_verify_prefetch_parts(struct tl_verification *v, const struct tl_section *section,
                              unsigned first, unsigned count)
{
    char paths[PREFETCH_MAX][TL_RESOURCE_PATH_MAX];
    const char *list[PREFETCH_MAX];
    size_t wanted = 0;
    for (unsigned i = first; i < first + count && i < section->count; i++) {
        if (wanted < PREFETCH_MAX) {
            tl_path_parts(section->first + i, paths[wanted]);
            list[wanted] = paths[wanted];
            wanted++;
        }
    }
    if (wanted > 0) {
        tl_source_prefetch(v->source, list, wanted);
    }
}
