/* SPDX-License-Identifier: ISC */
#include "daemon/sequencer.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "daemon/draft.h"
#include "daemon/exit_code.h"
#include "daemon/incident.h"
#include "daemon/log.h"
#include "daemon/quota.h"
#include "daemon/receipts.h"
#include "daemon/space.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/receipt.h"
#include "lib/wire/frame.h"

enum { BATCH_BYTES_MAX = 33554432, US_PER_S = 1000000 };

/* Why nothing may be appended, if so. */
enum gate {
    GATE_OPEN,
    GATE_AWAITS_HEAD,
    GATE_STOPPED,
    GATE_CLOCK,
    GATE_NO_SPACE,
};

struct tl_sequencer {
    struct tl_ledger *ledger;
    struct tl_queue *queue;
    struct tl_draft *draft;
    size_t count_max;
    tl_sequencer_done_fn done;
    void *context;
    pthread_t thread;
    const struct tl_config *config;
    struct tl_quota quota;
    enum gate gate;          /* of the batch at hand, as the next two */
    uint64_t now_us;         /* when what it appends was received */
    struct tl_job *incident; /* NULL, or the entry that the daemon itself has put first */
    atomic_uint_fast64_t batches;
    atomic_uint_fast64_t records;
    atomic_uint_fast64_t repeats;
    atomic_uint_fast64_t rejections;
    atomic_uint_fast64_t quota_rejections;
};

static void set_error(struct tl_job *job, enum tally_status status)
{
    job->outcome = TL_OUTCOME_ERROR;
    job->status = status;
}

static void set_rejection(struct tl_sequencer *self, struct tl_job *job, enum tally_reason reason)
{
    job->outcome = TL_OUTCOME_REJECTION;
    job->reason = reason;
    job->size = tl_judge_size(self->ledger->judge);
    job->roster = tl_judge_roster(self->ledger->judge)->position;
    job->time_s = (uint64_t)time(NULL);
    atomic_fetch_add(&self->rejections, 1);
}

/* A RECEIPT frame, made by build into place behind the room for its header. */
static void set_receipt(struct tl_job *job,
                        enum tally_status (*build)(const void *context, uint64_t which,
                                                   struct tl_buffer *buffer),
                        const void *context, uint64_t which)
{
    struct tl_reply *reply = tl_reply_new(TL_FRAME_HEADER_LEN + TL_RECEIPT_MAX);
    if (reply == NULL || tl_buffer_extend(&reply->bytes, TL_FRAME_HEADER_LEN) == NULL) {
        tl_reply_free(reply);
        set_error(job, TALLY_ENOMEM);
        return;
    }
    enum tally_status status = build(context, which, &reply->bytes);
    if (status != TALLY_OK) {
        tl_reply_free(reply);
        set_error(job, status);
        return;
    }
    tl_frame_header(reply->bytes.ptr, TL_MESSAGE_RECEIPT, job->request,
                    reply->bytes.len - TL_FRAME_HEADER_LEN);
    job->outcome = TL_OUTCOME_RECEIPT;
    job->reply = reply;
}

static enum tally_status build_stored(const void *context, uint64_t index,
                                      struct tl_buffer *buffer)
{
    const struct tl_sequencer *self = (const struct tl_sequencer *)context;
    enum tally_status status = tl_receipt_build(self->ledger, index, buffer);
    /* Durable, but signing stopped before its checkpoint. */
    bool unsigned_yet =
        status == TALLY_ENOTFOUND && atomic_load(&self->ledger->signing) == TL_SIGNING_STOPPED;
    return unsigned_yet ? TALLY_ESTOPPED : status;
}

static enum tally_status build_drafted(const void *context, uint64_t candidate,
                                       struct tl_buffer *buffer)
{
    const struct tl_sequencer *self = (const struct tl_sequencer *)context;
    return tl_draft_receipt(self->draft, (size_t)candidate, buffer);
}

/* The constitution is short: an amendment is looked for among all of them. */
static bool find_constitution(const struct tl_ledger *ledger, const struct tally_hash *envelope,
                              uint64_t *ret_index)
{
    for (size_t i = 0; i < ledger->constitution_count; i++) {
        if (tl_hash_equal(&ledger->constitution[i].envelope, envelope)) {
            *ret_index = ledger->constitution[i].index;
            return true;
        }
    }
    return false;
}

/*
 * An entry whose sequence lies before its key's next one may be in this batch or in the store; any
 * other cannot have been accepted, so new entries cost no look-up.
 */
static enum tally_status find_entry(const struct tl_sequencer *self, struct tl_job *job,
                                    uint64_t *ret_index)
{
    const struct tl_ledger *ledger = self->ledger;
    const struct tl_roster *roster = tl_judge_roster(ledger->judge);
    const struct tl_roster_key *key = tl_roster_find_key(roster, &job->envelope.key);
    struct tally_hash stored;
    if (key == NULL) {
        return TALLY_ENOTFOUND;
    }
    size_t number = (size_t)(key - roster->keys);
    if (job->envelope.sequence > tl_judge_author(ledger->judge, number).sequence) {
        return TALLY_ENOTFOUND;
    }
    job->candidate = tl_draft_find(self->draft, &job->envelope_hash);
    if (job->candidate != TL_NO_CANDIDATE) {
        return TALLY_OK;
    }
    enum tally_status status = tl_store_author_entry(
        ledger->store, (uint32_t)number, job->envelope.sequence, ret_index, &stored);
    if (status != TALLY_OK) {
        return status;
    }
    return tl_hash_equal(&stored, &job->envelope_hash) ? TALLY_OK : TALLY_ENOTFOUND;
}

/* True when the job is a repeat, of an earlier record or of one in this batch, and has its fate. */
static bool answer_repeat(struct tl_sequencer *self, struct tl_job *job)
{
    uint64_t index = 0;
    enum tally_status status = TALLY_ENOTFOUND;
    if (!job->has_envelope) {
        return false;
    }
    if (tl_envelope_is_constitution(&job->envelope)) {
        status = find_constitution(self->ledger, &job->envelope_hash, &index) ? TALLY_OK : status;
    } else {
        status = find_entry(self, job, &index);
    }
    if (status == TALLY_ENOTFOUND) {
        return false;
    }
    if (status != TALLY_OK) {
        set_error(job, status);
        return true;
    }
    atomic_fetch_add(&self->repeats, 1);
    if (job->candidate == TL_NO_CANDIDATE) {
        set_receipt(job, build_stored, self, index);
    }
    return true;
}

/* True when nothing may be appended in the batch at hand; the job has its answer. */
static bool is_closed_for(struct tl_sequencer *self, struct tl_job *job)
{
    switch (self->gate) {
    case GATE_OPEN:
        return false;
    case GATE_AWAITS_HEAD:
        set_error(job, TALLY_EBUSY);
        break;
    case GATE_STOPPED:
        set_error(job, TALLY_ESTOPPED);
        break;
    case GATE_CLOCK:
        set_rejection(self, job, TALLY_REASON_STOPPED);
        break;
    case GATE_NO_SPACE:
        set_rejection(self, job, TALLY_REASON_NO_SPACE);
        break;
    }
    return true;
}

static enum tally_status add(struct tl_sequencer *self, struct tl_job *job, uint64_t received_us,
                             enum tally_reason *ret_reason)
{
    enum tally_status status = tl_draft_add(self->draft, job, received_us, ret_reason);
    if (status == TALLY_EIO || status == TALLY_EFORMAT) {
        tl_log_die(TL_EXIT_STORE, "the store cannot be read: %s", tally_status_text(status));
    }
    return status;
}

/* Moves steadily, whatever is done to the wall clock. */
static uint64_t quota_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * The key that the entry counts for, if it does: an amendment needs more than one member, may be
 * what ends a flood, and does not; what is by nobody is for the judge.
 */
static bool find_quota_key(const struct tl_sequencer *self, const struct tl_job *job,
                           size_t *ret_number)
{
    const struct tl_roster *roster = tl_judge_roster(self->ledger->judge);
    const struct tl_roster_key *key = tl_roster_find_key(roster, &job->envelope.key);
    if (key == NULL || tl_envelope_is_constitution(&job->envelope)) {
        return false;
    }
    *ret_number = (size_t)(key - roster->keys);
    return true;
}

/* True when the key must wait; the job has its answer. Its signatures are valid. */
static bool is_over_quota(struct tl_sequencer *self, struct tl_job *job, size_t key_number)
{
    bool allows = false;
    enum tally_status status =
        tl_quota_allows(&self->quota, key_number, job->bytes.len, quota_now_ms(), &allows);
    if (status != TALLY_OK) {
        set_error(job, status);
    } else if (!allows) {
        atomic_fetch_add(&self->quota_rejections, 1);
        set_rejection(self, job, TALLY_REASON_KEY_QUOTA);
    }
    return status != TALLY_OK || !allows;
}

static void judge(struct tl_sequencer *self, struct tl_job *job)
{
    size_t key_number = 0;
    if (answer_repeat(self, job)) {
        return;
    }
    if (job->reason != TALLY_REASON_NONE) {
        set_rejection(self, job, job->reason);
        return;
    }
    if (is_closed_for(self, job)) {
        return;
    }
    bool counts = find_quota_key(self, job, &key_number);
    if (counts && is_over_quota(self, job, key_number)) {
        return;
    }
    enum tally_reason reason = TALLY_REASON_NONE;
    enum tally_status status = add(self, job, self->now_us, &reason);
    if (status != TALLY_OK) {
        set_error(job, status);
    } else if (reason != TALLY_REASON_NONE) {
        set_rejection(self, job, reason);
    } else if (counts) {
        tl_quota_take(&self->quota, key_number, job->bytes.len);
    }
}

/*
 * OK: the incident is the first record of the batch, and times go on from its own. EINVAL: it is
 * rejected, with the reason. EKEY, ENOMEM and others: it cannot be made.
 */
static enum tally_status add_incident(struct tl_sequencer *self, const struct tl_clock_step *step,
                                      enum tally_reason *ret_reason)
{
    struct tl_job *job = NULL;
    uint64_t received_us = (uint64_t)step->after_us;
    enum tally_status status = tl_incident_new(self->ledger, step, &job);
    if (status != TALLY_OK) {
        return status;
    }
    *ret_reason = job->reason;
    if (job->reason == TALLY_REASON_NONE) {
        status = add(self, job, received_us, ret_reason);
    }
    if (status != TALLY_OK || *ret_reason != TALLY_REASON_NONE) {
        tl_job_free(job);
        return status != TALLY_OK ? status : TALLY_EINVAL;
    }
    self->incident = job;
    self->now_us = received_us;
    tl_clock_set_back(&self->ledger->clock, received_us);
    return TALLY_OK;
}

/* The first record after a confirmed step tells of it. Where none can, times stand still. */
static void own_up(struct tl_sequencer *self, struct tl_clock_reading reading)
{
    struct tl_clock_step step;
    enum tally_reason reason = TALLY_REASON_NONE;
    if (!tl_clock_take_step(&self->ledger->clock, reading, &step)) {
        return;
    }
    enum tally_status status = add_incident(self, &step, &reason);
    if (status == TALLY_OK) {
        return;
    }
    if (status == TALLY_EKEY) {
        tl_log(TL_LOG_WARNING, "no incident tells of the clock's step: there is no host key. Name "
                               "it as host-key (tallyd.conf(5)), and the next one is recorded");
    } else {
        tl_log(TL_LOG_ERROR, "no incident tells of the clock's step: %s",
               status == TALLY_EINVAL ? tally_reason_name(reason) : tally_status_text(status));
    }
    uint64_t behind_us = tl_clock_behind_us(&self->ledger->clock, reading);
    if (behind_us > 0) {
        char held[TL_TIME_LEN + 1];
        tl_time_format(self->now_us / US_PER_S, held);
        tl_log(TL_LOG_WARNING,
               "the clock is %" PRIu64 " seconds behind the newest record: until it has come "
               "there, every record is received at %s",
               behind_us / US_PER_S, held);
    }
}

/*
 * Decides once for the whole batch whether and under which time it may append. Room is looked at
 * before each batch: what is kept free is enough for one, not for all those of a second.
 */
static enum gate look(struct tl_sequencer *self)
{
    struct tl_clock_reading reading = tl_clock_read();
    switch ((enum tl_signing)atomic_load(&self->ledger->signing)) {
    case TL_SIGNING_ON:
        break;
    case TL_SIGNING_AWAITS_HEAD:
        return GATE_AWAITS_HEAD;
    case TL_SIGNING_STOPPED:
        return GATE_STOPPED;
    }
    if (tl_space_is_short(self->config, self->ledger->store, tl_space_free(self->config->data))) {
        return GATE_NO_SPACE;
    }
    /* Last: a time that is given out, and a step that is told of, must have their record. */
    if (!tl_clock_now(&self->ledger->clock, reading, &self->now_us)) {
        return GATE_CLOCK;
    }
    own_up(self, reading);
    return GATE_OPEN;
}

/* Takes jobs off the front of *jobs as far as one batch goes. Returns them in order. */
static struct tl_job *fill(struct tl_sequencer *self, struct tl_job **jobs)
{
    struct tl_job *first = *jobs;
    struct tl_job *last = NULL;
    tl_draft_begin(self->draft);
    self->gate = look(self);
    while (*jobs != NULL && !tl_draft_is_full_for(self->draft, *jobs)) {
        last = *jobs;
        *jobs = last->next;
        judge(self, last);
    }
    if (last == NULL) {
        return NULL; /* an incident has filled the batch */
    }
    last->next = NULL;
    return first;
}

static void run_batch(struct tl_sequencer *self, struct tl_job **jobs)
{
    struct tl_job *first = fill(self, jobs);
    enum tally_status status = TALLY_OK;
    if (tl_draft_count(self->draft) > 0) {
        status = tl_draft_commit(self->draft);
        atomic_fetch_add(&self->batches, 1);
        atomic_fetch_add(&self->records, tl_draft_count(self->draft));
        tl_host_key_review(&self->ledger->host_key, tl_judge_roster(self->ledger->judge));
    }
    if (self->incident != NULL) {
        tl_log(TL_LOG_NOTICE, "record %" PRIu64 " is the incident that tells of the clock's step",
               tl_judge_size(self->ledger->judge) - tl_draft_count(self->draft));
        tl_job_free(self->incident);
        self->incident = NULL;
    }
    for (struct tl_job *job = first; job != NULL; job = job->next) {
        if (job->candidate != TL_NO_CANDIDATE && status != TALLY_OK) {
            set_error(job, status);
        } else if (job->candidate != TL_NO_CANDIDATE) {
            set_receipt(job, build_drafted, self, job->candidate);
        }
    }
    if (first != NULL) {
        self->done(self->context, first);
    }
}

static void *thread_main(void *argument)
{
    struct tl_sequencer *self = (struct tl_sequencer *)argument;
    struct tl_job *jobs = tl_queue_take(self->queue, self->count_max, BATCH_BYTES_MAX);
    while (jobs != NULL) {
        while (jobs != NULL) {
            run_batch(self, &jobs);
            /* The loop has waited: it answers, and it brings what comes next. */
            (void)sched_yield();
        }
        jobs = tl_queue_take(self->queue, self->count_max, BATCH_BYTES_MAX);
    }
    self->done(self->context, NULL);
    return NULL;
}

/* Signals are for the loop's thread. */
static bool start_thread(struct tl_sequencer *self)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&self->thread, NULL, thread_main, self);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

enum tally_status tl_sequencer_start(struct tl_ledger *ledger, struct tl_queue *queue,
                                     const struct tl_config *config, tl_sequencer_done_fn done,
                                     void *context, struct tl_sequencer **ret_sequencer)
{
    struct tl_sequencer *self = (struct tl_sequencer *)tl_calloc(1, sizeof *self);
    if (self == NULL) {
        return TALLY_ENOMEM;
    }
    self->ledger = ledger;
    self->queue = queue;
    self->config = config;
    tl_quota_init(&self->quota, config->entries_per_key, config->bytes_per_key);
    self->count_max = (size_t)config->batch_count;
    self->done = done;
    self->context = context;
    atomic_init(&self->batches, 0);
    atomic_init(&self->records, 0);
    atomic_init(&self->repeats, 0);
    atomic_init(&self->rejections, 0);
    atomic_init(&self->quota_rejections, 0);
    enum tally_status status = tl_draft_new(ledger, self->count_max,
                                            (unsigned)config->workers - 1, &self->draft);
    if (status == TALLY_OK && !start_thread(self)) {
        status = TALLY_ENOMEM;
    }
    if (status != TALLY_OK) {
        tl_draft_free(self->draft);
        tl_free(self);
        return status;
    }
    *ret_sequencer = self;
    return TALLY_OK;
}

void tl_sequencer_join(struct tl_sequencer *sequencer)
{
    if (sequencer == NULL) {
        return;
    }
    int error = pthread_join(sequencer->thread, NULL);
    TL_ASSERT(error == 0);
    tl_draft_free(sequencer->draft);
    tl_quota_deinit(&sequencer->quota);
    tl_free(sequencer);
}

struct tl_sequencer_figures tl_sequencer_figures(struct tl_sequencer *sequencer)
{
    struct tl_sequencer_figures figures = {
        .batches = atomic_load(&sequencer->batches),
        .records = atomic_load(&sequencer->records),
        .repeats = atomic_load(&sequencer->repeats),
        .rejections = atomic_load(&sequencer->rejections),
        .quota_rejections = atomic_load(&sequencer->quota_rejections),
    };
    return figures;
}
