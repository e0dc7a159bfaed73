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
    struct tally_hash found;
    uint64_t found_size = 0;
    tl_path_object(hash, path);
    enum tally_status status = tl_source_digest(v->source, path, &found, &found_size);
    if (status == TALLY_ENOTFOUND) {
        *ret_state = OBJECT_ABSENT;
        return TALLY_OK;
    }
    if (status != TALLY_OK) {
        return status;
    }
    *ret_state = found_size == size && tl_hash_equal(&found, hash) ? OBJECT_GOOD : OBJECT_BAD;
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

/* Reads the record's file of clear parts. *ret_is_bad: there is one, but not of that form. */
static enum tally_status read_clear(struct tl_verification *v, uint64_t index,
                                    struct tl_deposit_list *ret_clear, bool *ret_is_bad)
{
    char path[TL_RESOURCE_PATH_MAX];
    tl_path_parts(index, path);
    tl_buffer_clear(&v->parts);
    *ret_is_bad = false;
    enum tally_status status = tl_source_read(v->source, path, &v->parts);
    if (status == TALLY_ETOOBIG) {
        *ret_is_bad = true;
        return TALLY_OK;
    }
    if (status != TALLY_OK) {
        return status == TALLY_ENOTFOUND ? TALLY_OK : status;
    }
    *ret_is_bad = tl_parts_decode(tl_buffer_bytes(&v->parts), ret_clear) != TALLY_OK;
    return TALLY_OK;
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
                                     bool *ret_has_clear)
{
    struct tl_deposit_list clear = {.count = 0};
    bool is_bad = false;
    /* Looked for at every record: a file of parts where no letter is c is wrong too. */
    enum tally_status status = read_clear(v, index, &clear, &is_bad);
    if (status != TALLY_OK) {
        return status;
    }
    bool is_stray = !slot->has_clear_letters && (is_bad || clear.count > 0);
    if (is_stray) {
        clear.count = 0;
    }
    *ret_has_clear = !is_bad && (clear.count > 0 || !slot->has_clear_letters);
    *ret_clear = clear;
    if (!slot->has_commitments) {
        report_parts(v, index, TALLY_REASON_COMMITMENTS_MISSING);
    } else if (!slot->has_clear_letters) {
        bool is_first = is_stray && slot->deposits == TALLY_REASON_NONE;
        report_parts(v, index, is_first ? TALLY_REASON_PART_INVALID : slot->deposits);
    } else {
        enum tally_reason reason = tl_section_check_deposits(slot, clear);
        /* Seen as empty, a file of another form lacks the parts; what comes before that stands. */
        bool is_form = is_bad && reason == TALLY_REASON_PART_MISSING;
        report_parts(v, index, is_form ? TALLY_REASON_PART_INVALID : reason);
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
