/* SPDX-License-Identifier: ISC */
#include "daemon/job.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

#define JOB_MAGIC 0x4a4f4221u

struct tl_reply *tl_reply_new(size_t max)
{
    struct tl_reply *reply = (struct tl_reply *)tl_alloc(sizeof *reply);
    if (reply == NULL) {
        return NULL;
    }
    reply->next = NULL;
    tl_buffer_init(&reply->bytes, max);
    return reply;
}

void tl_reply_free(struct tl_reply *reply)
{
    if (reply != NULL) {
        tl_buffer_deinit(&reply->bytes);
        tl_free(reply);
    }
}

struct tl_job *tl_job_new(struct tl_conn *conn, uint32_t request, struct tally_bytes submission)
{
    struct tl_job *job = (struct tl_job *)tl_alloc(sizeof *job + submission.len);
    if (job == NULL) {
        return NULL;
    }
    /* The decoded parts are large and set before they are read. */
    memset(job, 0, offsetof(struct tl_job, submission));
    job->magic = JOB_MAGIC;
    job->conn = conn;
    job->request = request;
    job->reason = TALLY_REASON_MALFORMED;
    memset(&job->envelope_hash, 0, sizeof job->envelope_hash);
    job->outcome = TL_OUTCOME_NONE;
    job->status = TALLY_EINTERNAL;
    job->reply = NULL;
    job->candidate = TL_NO_CANDIDATE;
    uint8_t *bytes = (uint8_t *)(job + 1);
    if (submission.len > 0) {
        memcpy(bytes, submission.ptr, submission.len);
    }
    job->bytes = tl_bytes(bytes, submission.len);
    return job;
}

void tl_job_free(struct tl_job *job)
{
    if (job == NULL) {
        return;
    }
    TL_ASSERT(job->magic == JOB_MAGIC);
    job->magic = 0;
    tl_reply_free(job->reply);
    tl_free(job);
}

static enum tally_reason reason_from(enum tally_status status)
{
    return status == TALLY_ETOOBIG ? TALLY_REASON_TOO_LARGE : TALLY_REASON_MALFORMED;
}

static enum tally_reason check_form(struct tl_job *job)
{
    enum tally_status status = tl_submission_decode(job->bytes, &job->submission);
    if (status != TALLY_OK) {
        return reason_from(status);
    }
    status = tl_envelope_decode(job->submission.envelope, &job->envelope, NULL);
    if (status != TALLY_OK) {
        return reason_from(status);
    }
    job->envelope_hash = tl_envelope_hash(&job->envelope);
    job->has_envelope = true;
    return tl_submission_check(&job->submission, &job->envelope);
}

static enum tally_reason check_file(const struct tl_store *store, const struct tl_file_line *line)
{
    uint64_t size = 0;
    if (tl_store_find_exhibit(store, &line->hash, &size) != TALLY_OK) {
        return TALLY_REASON_FILE_MISSING;
    }
    return size == line->size ? TALLY_REASON_NONE : TALLY_REASON_FILE_INVALID;
}

static enum tally_reason check_files(const struct tl_job *job, const struct tl_store *store)
{
    struct tally_bytes lines = job->envelope.file_lines;
    struct tl_file_line line;
    while (tl_envelope_next_file(&lines, &line)) {
        enum tally_reason reason = check_file(store, &line);
        if (reason != TALLY_REASON_NONE) {
            return reason;
        }
    }
    return TALLY_REASON_NONE;
}

static enum tally_reason check_signatures(const struct tl_job *job)
{
    for (unsigned i = 0; i < job->submission.signatures.count; i++) {
        enum tally_reason reason =
            tl_signature_verify(&job->submission.signatures, i, job->submission.envelope);
        if (reason != TALLY_REASON_NONE) {
            return reason;
        }
    }
    return TALLY_REASON_NONE;
}

void tl_job_check(struct tl_job *job, const struct tl_store *store,
                  const struct tally_hash *ledger)
{
    TL_ASSERT(job->magic == JOB_MAGIC);
    job->reason = check_form(job);
    /* An entry of another ledger is not worth its signatures. */
    if (job->reason == TALLY_REASON_NONE && job->envelope.has_ledger &&
        !tl_hash_equal(&job->envelope.ledger, ledger)) {
        job->reason = TALLY_REASON_WRONG_LEDGER;
    }
    if (job->reason == TALLY_REASON_NONE) {
        job->reason = check_signatures(job);
    }
    if (job->reason == TALLY_REASON_NONE) {
        job->reason = check_files(job, store);
    }
}
