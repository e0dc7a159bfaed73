/* SPDX-License-Identifier: ISC */
/* The verification of a ledger, with the kept checkpoints judged along the same walk. */
#include <string.h>

#include "lib/archive/backup.h"
#include "lib/archive/bundle_file.h"
#include "lib/archive/section.h"
#include "lib/base/mem.h"
#include "lib/base/sha256.h"
#include "lib/codec/checkpoint.h"
#include "lib/tree/tree.h"

/* The rows of one bundle that belong to the records of one tile. */
struct rows {
    struct tl_buffer bytes;
    unsigned count;  /* whole ones */
    bool is_surplus; /* bytes follow the last one */
    struct tally_bytes row[TL_TILE_WIDTH];
};

struct walk {
    struct tl_source *source;
    const struct tl_backup_options *options;
    struct tl_verified_ledger *verified;
    uint64_t size;
    struct tl_buffer head; /* the checkpoint that is verified */
    struct tally_bytes head_lines;
    uint64_t next;         /* the index that comes next; later ones are passed over behind a gap */
    struct rows lines;
    struct rows commitments;
    struct tl_buffer seals;
    struct tl_tree_edge edge;
    struct tl_note_key key; /* the ledger key before the record */
    struct tl_buffer note;
    uint64_t bad_count;
    uint64_t first_bad;
    enum tally_status status; /* of reading, or of the caller's item; sticky */
};

static enum tally_status read_head(struct walk *walk)
{
    struct tl_note note;
    struct tl_checkpoint checkpoint;
    enum tally_status status = tl_source_read(walk->source, TL_PATH_CHECKPOINT, &walk->head);
    if (status == TALLY_OK && tl_note_decode(tl_buffer_bytes(&walk->head), &note) == TALLY_OK &&
        tl_checkpoint_decode(note.text, &checkpoint) == TALLY_OK) {
        walk->size = checkpoint.size;
        walk->head_lines = note.signatures;
    }
    return status; /* of another form: the verification says so */
}

/* Absent or short is not an error: the rows that lack are not there. */
static enum tally_status read_bundle(struct walk *walk, enum tl_tile_kind kind, uint64_t index,
                                     struct tl_buffer *buffer, struct tl_tile *ret_tile)
{
    bool is_full = false;
    uint64_t n = index / TL_TILE_WIDTH;
    struct tl_tile tile = {.kind = kind, .n = n, .width = tl_tile_width(walk->size, 0, n)};
    tl_buffer_clear(buffer);
    *ret_tile = tile;
    if (tile.width == 0) {
        return TALLY_OK;
    }
    enum tally_status status = tl_section_read_tile(walk->source, &tile, buffer, &is_full);
    if (is_full) {
        ret_tile->width = TL_TILE_WIDTH;
    }
    return status == TALLY_ENOTFOUND || status == TALLY_ETOOBIG ? TALLY_OK : status;
}

static enum tally_status load(struct walk *walk, uint64_t index)
{
    struct tl_tile tile;
    struct rows *lines = &walk->lines;
    struct rows *commitments = &walk->commitments;
    enum tally_status status =
        read_bundle(walk, TL_TILE_COMMITMENTS, index, &commitments->bytes, &tile);
    if (status == TALLY_OK) {
        status = read_bundle(walk, TL_TILE_SEALS, index, &walk->seals, &tile);
    }
    if (status == TALLY_OK) {
        status = read_bundle(walk, TL_TILE_CHECKPOINTS, index, &lines->bytes, &tile);
    }
    if (status == TALLY_OK) {
        (void)!tl_commitments_decode(tl_buffer_bytes(&commitments->bytes), TL_TILE_WIDTH,
                                     commitments->row, &commitments->count);
        lines->is_surplus = tl_entries_decode(tl_buffer_bytes(&lines->bytes), tile.width,
                                              lines->row, &lines->count) == TALLY_ETRAILING;
    }
    return status;
}

/* One line by the ledger key, or before it one by the key that the record has replaced. */
static bool are_lines_of(const struct tl_note *note, const struct tl_note_key *key,
                         const struct tl_note_key *old_key)
{
    struct tl_note_signature first;
    struct tl_note_signature other;
    struct tally_bytes lines = note->signatures;
    if (!tl_note_next_signature(&lines, &first) || tl_note_verify(note, key) != TALLY_OK) {
        return false;
    }
    if (!tl_note_next_signature(&lines, &other)) {
        return true;
    }
    return !tl_note_next_signature(&lines, &other) &&
           memcmp(key->point, old_key->point, sizeof key->point) != 0 &&
           memcmp(first.id, old_key->id, sizeof first.id) == 0 &&
           tl_note_verify(note, old_key) == TALLY_OK;
}

static bool holds(struct walk *walk, const struct tl_note_key *key, struct tally_bytes lines)
{
    struct tl_checkpoint checkpoint = {
        .origin = tl_bytes_text(key->name),
        .size = walk->edge.size,
        .root = tl_tree_edge_root(&walk->edge),
    };
    struct tl_note note;
    tl_buffer_clear(&walk->note);
    tl_checkpoint_encode(&checkpoint, &walk->note);
    size_t text_len = walk->note.len;
    tl_buffer_add_text(&walk->note, "\n");
    tl_buffer_add(&walk->note, lines);
    return walk->note.status == TALLY_OK &&
           tl_note_decode(tl_buffer_bytes(&walk->note), &note) == TALLY_OK &&
           note.text.len == text_len && are_lines_of(&note, key, &walk->key);
}

/* An empty row says that no checkpoint was made there; one that is not there says nothing. */
static void check_lines(struct walk *walk, const struct tl_backup_item *item)
{
    unsigned place = (unsigned)(item->record->index % TL_TILE_WIDTH);
    bool is_wanted = tl_envelope_is_constitution(item->envelope) || walk->edge.size == walk->size;
    const struct tl_roster *roster = item->roster;
    bool is_good = place < walk->lines.count && !walk->lines.is_surplus;
    if (item->lines.len == 0) {
        is_good = is_good && !is_wanted;
    } else {
        is_good = is_good && roster != NULL && holds(walk, &roster->ledger_key, item->lines);
    }
    if (!is_good && walk->bad_count++ == 0) {
        walk->first_bad = item->record->index;
    }
    if (roster != NULL) {
        walk->key = roster->ledger_key;
    }
}

/* The head's own lines are kept with the batch after it; until then the checkpoint has them. */
static struct tally_bytes lines_of(const struct walk *walk, unsigned place, uint64_t index)
{
    struct tally_bytes lines =
        place < walk->lines.count ? walk->lines.row[place] : tl_bytes(NULL, 0);
    return lines.len == 0 && index + 1 == walk->size ? walk->head_lines : lines;
}

static void on_record(void *context, const struct tl_record *record,
                      const struct tl_envelope *envelope, const struct tally_hash *leaf,
                      const struct tl_deposit_list *clear)
{
    struct walk *walk = context;
    unsigned place = (unsigned)(record->index % TL_TILE_WIDTH);
    if (walk->status != TALLY_OK || record->index != walk->next) {
        return;
    }
    if (place == 0) {
        walk->status = load(walk, record->index);
    }
    if (walk->status != TALLY_OK || place >= walk->commitments.count ||
        walk->seals.len / TALLY_SIGNATURE_LEN <= place) {
        return;
    }
    struct tl_backup_item item = {
        .record = record,
        .envelope = envelope,
        .leaf = leaf,
        .clear = clear,
        .seal = walk->seals.ptr + (size_t)place * TALLY_SIGNATURE_LEN,
        .commitments = walk->commitments.row[place],
        .lines = lines_of(walk, place, record->index),
        .roster = tl_judge_roster(walk->verified->judge),
    };
    walk->next++;
    tl_tree_edge_append(&walk->edge, leaf, NULL, NULL);
    check_lines(walk, &item);
    if (walk->options->item != NULL) {
        walk->status = walk->options->item(walk->options->item_context, &item);
    }
}

static void on_progress(void *context, uint64_t done, uint64_t size)
{
    struct walk *walk = context;
    if (walk->options->progress != NULL) {
        walk->options->progress(walk->options->progress_context, done, size);
    }
}

/* What the source says that it is, so that the line is not left open where nobody asked. */
static bool read_claim(struct walk *walk, struct tally_hash *ret_ledger)
{
    struct tally_bytes entry;
    struct tl_record record;
    unsigned decoded = 0;
    struct tl_tile tile;
    struct tl_buffer *bytes = &walk->lines.bytes;
    if (read_bundle(walk, TL_TILE_ENTRIES, 0, bytes, &tile) != TALLY_OK) {
        return false;
    }
    (void)!tl_entries_decode(tl_buffer_bytes(bytes), 1, &entry, &decoded);
    if (decoded == 0 || tl_record_decode(entry, &record) != TALLY_OK) {
        return false;
    }
    *ret_ledger = tl_sha256(record.envelope);
    return true;
}

/* Over a record that was changed no root is right: then its own fault is the one to name. */
static void report_lines(const struct walk *walk, struct tl_report *report)
{
    uint64_t index = 0;
    enum tally_reason reason = TALLY_REASON_NONE;
    bool follows = tl_report_first_bad(report, &index, &reason) && index <= walk->first_bad;
    if (walk->bad_count > 0 && !follows) {
        tl_report_bad(report, TL_CHECK_CHECKPOINT, walk->first_bad,
                      TALLY_REASON_CHECKPOINT_INVALID);
        report->lines[TL_CHECK_CHECKPOINT].bad += walk->bad_count - 1;
    }
}

static enum tally_status run(struct walk *walk)
{
    struct tally_hash claim;
    struct tl_verify_options options = {
        .ledger = walk->options->ledger,
        .since = walk->options->since,
        .require_objects = true,
        .threads = walk->options->threads,
        .progress = on_progress,
        .record = on_record,
        .context = walk,
    };
    enum tally_status status = read_head(walk);
    if (status != TALLY_OK) {
        return status;
    }
    if (options.ledger == NULL && read_claim(walk, &claim)) {
        options.ledger = &claim;
    }
    status = tl_verify_ledger(walk->source, &options, walk->verified);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_report *report = &walk->verified->report;
    report_lines(walk, report);
    if (!tl_bytes_equal(tl_buffer_bytes(&walk->head),
                        tl_buffer_bytes(&walk->verified->checkpoint))) {
        walk->status = TALLY_EIO; /* the source has changed meanwhile */
    }
    /* What was found bad says more than a failure that may have come of it. */
    if (walk->status != TALLY_OK && tl_report_exit_code(report) == 0) {
        tl_verified_ledger_deinit(walk->verified);
        return walk->status;
    }
    return TALLY_OK;
}

enum tally_status tl_backup_verify(struct tl_source *source,
                                   const struct tl_backup_options *options,
                                   struct tl_verified_ledger *ret_verified)
{
    struct walk *walk = tl_calloc(1, sizeof *walk);
    if (walk == NULL) {
        return TALLY_ENOMEM;
    }
    walk->source = source;
    walk->options = options;
    walk->verified = ret_verified;
    tl_buffer_init(&walk->head, TL_NOTE_MAX);
    tl_buffer_init(&walk->lines.bytes, TL_RESOURCE_MAX);
    tl_buffer_init(&walk->commitments.bytes, TL_RESOURCE_MAX);
    tl_buffer_init(&walk->seals, TL_RESOURCE_MAX);
    tl_buffer_init(&walk->note, TL_BACKUP_NOTE_MAX);
    tl_tree_edge_init(&walk->edge);
    enum tally_status status = run(walk);
    tl_buffer_deinit(&walk->head);
    tl_buffer_deinit(&walk->lines.bytes);
    tl_buffer_deinit(&walk->commitments.bytes);
    tl_buffer_deinit(&walk->seals);
    tl_buffer_deinit(&walk->note);
    tl_free(walk);
    return status;
}
