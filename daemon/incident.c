/* SPDX-License-Identifier: ISC */
#include "daemon/incident.h"

#include <string.h>
#include <sys/random.h>

#include "keys/sshsig.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/entry_file.h"
#include "lib/codec/part.h"

enum {
    PART_COUNT_MAX = 5,
    VALUE_LEN_MAX = 1024,
    PARTS_LEN_MAX = PART_COUNT_MAX * (TL_PART_HEADER_LEN + VALUE_LEN_MAX + 64),
    SIGNED_LEN_MAX = 512,
    US_PER_S = 1000000,
};

/* All parts are clear, and no decoys stand among them: the host withholds nothing. */
struct incident {
    const struct tl_ledger *ledger;
    struct tally_hash author;
    unsigned count;
    struct tally_hash commitments[PART_COUNT_MAX];
    uint8_t letters[PART_COUNT_MAX];
    struct tl_buffer parts;
    struct tl_buffer envelope;
    struct tl_buffer signature;
    struct tl_buffer submission;
};

static enum tally_status add_part(struct incident *incident, const char *name,
                                  struct tl_buffer *value)
{
    struct tl_buffer bytes;
    struct tl_part part = {
        .author = incident->author,
        .ledger = incident->ledger->id,
        .name = tl_bytes_text(name),
        .value = tl_buffer_bytes(value),
    };
    if (value->status != TALLY_OK) {
        return value->status;
    }
    if (getrandom(part.salt, sizeof part.salt, 0) != (ssize_t)sizeof part.salt) {
        return TALLY_EIO;
    }
    TL_ASSERT(incident->count < PART_COUNT_MAX);
    tl_buffer_init(&bytes, TL_PART_MAX);
    tl_part_encode(&part, &bytes);
    enum tally_status status = bytes.status;
    if (status == TALLY_OK) {
        incident->commitments[incident->count] = tl_part_commitment(tl_buffer_bytes(&bytes));
        incident->letters[incident->count] = 'c';
        tl_deposit_add(&incident->parts, incident->count, tl_buffer_bytes(&bytes));
        incident->count++;
        status = incident->parts.status;
    }
    tl_buffer_deinit(&bytes);
    return status;
}

static void add_time(struct tl_buffer *value, int64_t us)
{
    char time[TL_TIME_LEN + 1];
    tl_time_format(us < 0 ? 0 : (uint64_t)us / US_PER_S, time);
    tl_buffer_add_text(value, time);
}

static uint64_t size_of(const struct tl_clock_step *step)
{
    return step->before_us > step->after_us ? (uint64_t)(step->before_us - step->after_us)
                                            : (uint64_t)(step->after_us - step->before_us);
}

static void write_after(const struct tl_clock_step *step, struct tl_buffer *value)
{
    tl_buffer_add_text(value, "\"");
    add_time(value, step->after_us);
    tl_buffer_add_text(value, "\"");
}

static void write_before(const struct tl_clock_step *step, struct tl_buffer *value)
{
    tl_buffer_add_text(value, "\"");
    add_time(value, step->before_us);
    tl_buffer_add_text(value, "\"");
}

static void write_step(const struct tl_clock_step *step, struct tl_buffer *value)
{
    tl_buffer_add_text(value, "-");
    tl_buffer_add_decimal(value, size_of(step));
}

static void write_title(const struct tl_clock_step *step, struct tl_buffer *value)
{
    bool back = step->before_us > step->after_us;
    tl_buffer_add_text(value, "\"The clock of the host ");
    tl_buffer_add_text(value, step->at_start ? "stands " : back ? "was set back by "
                                                                : "was set forward by ");
    tl_buffer_add_decimal(value, size_of(step) / US_PER_S);
    tl_buffer_add_text(value, " seconds");
    if (step->at_start) {
        tl_buffer_add_text(value, back ? " behind the newest record" : " after the newest record");
    }
    tl_buffer_add_text(value, "\"");
}

static void write_summary(const struct tl_clock_step *step, struct tl_buffer *value)
{
    tl_buffer_add_text(value, step->at_start ? "\"At a start, the newest record was received at "
                                             : "\"By the time that had passed it would say ");
    add_time(value, step->before_us);
    tl_buffer_add_text(value, step->at_start ? ", and the clock said " : "; it says ");
    add_time(value, step->after_us);
    tl_buffer_add_text(value, ". No entry was accepted until the operator had confirmed it. The "
                              "order of the records is not touched; times from here on are by the "
                              "clock as it is now.\"");
}

/* In the order of their names. */
static const struct part_row {
    const char *name;
    void (*write)(const struct tl_clock_step *step, struct tl_buffer *value);
    bool back_only;
} part_rows[PART_COUNT_MAX] = {
    {"/clock/after", write_after, false},
    {"/clock/before", write_before, false},
    {TL_CLOCK_STEP_NAME, write_step, true},
    {"/summary", write_summary, false},
    {"/title", write_title, false},
};

static enum tally_status add_parts(struct incident *incident, const struct tl_clock_step *step)
{
    enum tally_status status = TALLY_OK;
    for (unsigned i = 0; i < PART_COUNT_MAX && status == TALLY_OK; i++) {
        struct tl_buffer value;
        if (part_rows[i].back_only && step->before_us <= step->after_us) {
            continue;
        }
        tl_buffer_init(&value, VALUE_LEN_MAX);
        part_rows[i].write(step, &value);
        status = add_part(incident, part_rows[i].name, &value);
        tl_buffer_deinit(&value);
    }
    return status;
}

static enum tally_status write_envelope(struct incident *incident, size_t key_number,
                                        const struct tl_clock_step *step)
{
    const struct tl_judge *judge = incident->ledger->judge;
    struct tl_author_state author = tl_judge_author(judge, key_number);
    struct tl_envelope_fields fields = {
        .type = tl_bytes_text("incident"),
        .ledger = &incident->ledger->id,
        .member = tl_bytes_text(tl_judge_roster(judge)->members[TL_MEMBER_HOST].id),
        .key = incident->author,
        .sequence = author.sequence + 1,
        .previous = author.sequence == 0 ? NULL : &author.previous,
        .has_seen = true,
        .seen_index = tl_judge_size(judge) - 1,
        .seen_leaf = tl_judge_link(judge),
        .signed_s = (uint64_t)step->after_us / US_PER_S,
        .part_count = incident->count,
        .parts_root = tl_tree_root_of(incident->commitments, incident->count),
        .letters = tl_bytes(incident->letters, incident->count),
    };
    return tl_envelope_encode(&fields, &incident->envelope, NULL);
}

static enum tally_status sign(struct incident *incident)
{
    const struct tl_host_key *host_key = &incident->ledger->host_key;
    struct tl_sshsig sig = {.key = host_key->key};
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, SIGNED_LEN_MAX);
    tl_sshsig_signed_bytes(tl_buffer_bytes(&incident->envelope), TL_SSHSIG_NAMESPACE, &bytes);
    enum tally_status status = bytes.status;
    if (status == TALLY_OK) {
        tl_secret_key_sign(host_key->secret, tl_buffer_bytes(&bytes), sig.signature);
        tl_sshsig_encode(&sig, TL_SSHSIG_NAMESPACE, &incident->signature);
        status = incident->signature.status;
    }
    tl_buffer_deinit(&bytes);
    return status;
}

static enum tally_status write_submission(struct incident *incident)
{
    struct tl_entry_file entry = {
        .envelope = tl_buffer_bytes(&incident->envelope),
        .signatures = {.count = 1, .blobs = {tl_buffer_bytes(&incident->signature)}},
        .commitment_count = incident->count,
        .commitments =
            tl_bytes(incident->commitments[0].bytes, (size_t)incident->count * TALLY_HASH_LEN),
        .opened = {.count = incident->count, .items = tl_buffer_bytes(&incident->parts)},
    };
    return tl_entry_file_submission(&entry, &incident->submission);
}

static enum tally_status compose(struct incident *incident, size_t key_number,
                                 const struct tl_clock_step *step)
{
    enum tally_status status = add_parts(incident, step);
    if (status == TALLY_OK) {
        status = write_envelope(incident, key_number, step);
    }
    if (status == TALLY_OK) {
        status = sign(incident);
    }
    return status == TALLY_OK ? write_submission(incident) : status;
}

enum tally_status tl_incident_new(const struct tl_ledger *ledger, const struct tl_clock_step *step,
                                  struct tl_job **ret_job)
{
    size_t key_number = 0;
    if (!tl_host_key_number(&ledger->host_key, tl_judge_roster(ledger->judge), &key_number)) {
        return TALLY_EKEY;
    }
    struct incident incident = {.ledger = ledger, .author = ledger->host_key.key.fingerprint};
    tl_buffer_init(&incident.parts, PARTS_LEN_MAX);
    tl_buffer_init(&incident.envelope, TALLY_ENVELOPE_MAX);
    tl_buffer_init(&incident.signature, TL_SSHSIG_BLOB_MAX);
    tl_buffer_init(&incident.submission, TALLY_SUBMISSION_MAX);
    enum tally_status status = compose(&incident, key_number, step);
    if (status == TALLY_OK) {
        *ret_job = tl_job_new(NULL, 0, tl_buffer_bytes(&incident.submission));
        status = *ret_job == NULL ? TALLY_ENOMEM : TALLY_OK;
    }
    if (status == TALLY_OK) {
        tl_job_check(*ret_job, ledger->store, &ledger->id);
    }
    tl_buffer_deinit(&incident.parts);
    tl_buffer_deinit(&incident.envelope);
    tl_buffer_deinit(&incident.signature);
    tl_buffer_deinit(&incident.submission);
    return status;
}
