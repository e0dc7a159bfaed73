/* SPDX-License-Identifier: ISC */
#include "client/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "client/exit_code.h"
#include "client/output.h"
#include "client/state_file.h"
#include "client/whole_file.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/codec/checkpoint.h"
#include "lib/codec/note.h"
#include "lib/tree/tree.h"
#include "lib/verify/judge.h"

/* $TALLY_STATE, $XDG_STATE_HOME/tally, ~/.local/state/tally: the first that is set. */
static char *root_directory(const struct opt *opt)
{
    const char *given = opt_value(opt, "state");
    if (given == NULL) {
        given = getenv("TALLY_STATE");
    }
    if (given != NULL && given[0] != '\0') {
        return tl_path_join(given, ".");
    }
    const char *xdg = getenv("XDG_STATE_HOME");
    if (xdg != NULL && xdg[0] == '/') {
        return tl_path_join(xdg, "tally");
    }
    const char *home = getenv("HOME");
    return tl_path_join(home == NULL ? "/" : home, ".local/state/tally");
}

static char *ledger_directory(const struct opt *opt, const struct tally_hash *ledger)
{
    char hex[TL_HASH_HEX_LEN + 1];
    tl_hex_format(tl_hash_bytes(ledger), hex);
    char *root = root_directory(opt);
    char *directory = root == NULL ? NULL : tl_path_join(root, hex);
    tl_free(root);
    return directory;
}

static enum tally_status state_open(const char *directory, const struct tally_hash *ledger,
                                    struct state *ret_state)
{
    *ret_state = (struct state){.ledger = *ledger, .directory = tl_path_join(directory, ".")};
    tl_buffer_init(&ret_state->checkpoint, TL_NOTE_MAX);
    tl_buffer_init(&ret_state->held, TL_NOTE_MAX);
    tl_buffer_init(&ret_state->constitution, STATE_FILE_MAX);
    return ret_state->directory == NULL ? TALLY_ENOMEM : TALLY_OK;
}

enum tally_status state_new(const struct opt *opt, const struct tally_hash *ledger,
                            struct state *ret_state)
{
    char *directory = ledger_directory(opt, ledger);
    enum tally_status status = TALLY_ENOMEM;
    *ret_state = (struct state){.directory = NULL};
    if (directory != NULL) {
        status = state_open(directory, ledger, ret_state);
    }
    tl_free(directory);
    return status;
}

void state_deinit(struct state *state)
{
    tl_free(state->directory);
    tl_buffer_deinit(&state->checkpoint);
    tl_buffer_deinit(&state->held);
    tl_buffer_deinit(&state->constitution);
    tl_free(state->authors);
    tl_roster_free(state->roster);
    *state = (struct state){.directory = NULL};
}

enum tally_status state_load(const struct opt *opt, const struct tally_hash *ledger,
                             struct state *ret_state)
{
    enum tally_status status = state_new(opt, ledger, ret_state);
    if (status == TALLY_OK) {
        status = state_file_read(ret_state);
    }
    if (status == TALLY_OK) {
        status = state_file_roster(ret_state);
    }
    if (status != TALLY_OK) {
        state_deinit(ret_state);
    }
    return status;
}

static uint64_t size_of(struct tally_bytes bytes)
{
    struct tl_note note;
    struct tl_checkpoint checkpoint;
    if (tl_note_decode(bytes, &note) != TALLY_OK ||
        tl_checkpoint_decode(note.text, &checkpoint) != TALLY_OK) {
        return 0;
    }
    return checkpoint.size;
}

struct state_author *state_author(const struct state *state, const struct tally_hash *key)
{
    for (size_t i = 0; i < state->author_count; i++) {
        if (tl_hash_equal(&state->authors[i].key, key)) {
            return &state->authors[i];
        }
    }
    return NULL;
}

/* The author of that key, added when it is not there. */
static enum tally_status author_of(struct state *state, const struct tally_hash *key,
                                   struct state_author **ret_author)
{
    struct state_author *author = state_author(state, key);
    if (author == NULL) {
        struct state_author *grown =
            tl_realloc(state->authors, (state->author_count + 1) * sizeof *grown);
        if (grown == NULL) {
            return TALLY_ENOMEM;
        }
        state->authors = grown;
        author = &grown[state->author_count++];
        *author = (struct state_author){.key = *key};
    }
    *ret_author = author;
    return TALLY_OK;
}

static void copy_buffer(struct tl_buffer *dst, const struct tl_buffer *src)
{
    tl_buffer_clear(dst);
    tl_buffer_add(dst, tl_buffer_bytes(src));
}

/* One process at a time between reading the file and replacing it. */
static enum tally_status lock_directory(const struct state *state, int *ret_lock)
{
    char *path = tl_path_join(state->directory, "lock");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum tally_status status = fd < 0 ? tl_status_from_errno(errno) : TALLY_OK;
    if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        status = tl_status_from_errno(errno);
        tl_close(&fd);
    }
    tl_free(path);
    *ret_lock = fd;
    return status;
}

static enum tally_status merge_author(struct state *state, const struct state_author *other)
{
    struct state_author *author = NULL;
    enum tally_status status = author_of(state, &other->key, &author);
    if (status == TALLY_OK && other->sequence > author->sequence) {
        *author = *other;
    }
    return status;
}

/* Takes over what another process has noted since this state was read; nothing ever goes back. */
static enum tally_status merge_saved(struct state *state)
{
    struct state saved;
    enum tally_status status = state_open(state->directory, &state->ledger, &saved);
    if (status == TALLY_OK) {
        status = state_file_read(&saved);
    }
    if (status == TALLY_ENOTFOUND || status == TALLY_EFORMAT) {
        state_deinit(&saved);
        return TALLY_OK;
    }
    for (size_t i = 0; i < saved.author_count && status == TALLY_OK; i++) {
        status = merge_author(state, &saved.authors[i]);
    }
    if (status == TALLY_OK) {
        status = state_note_held(state, tl_buffer_bytes(&saved.held));
    }
    if (status == TALLY_OK && size_of(tl_buffer_bytes(&saved.checkpoint)) >
                                  size_of(tl_buffer_bytes(&state->checkpoint))) {
        copy_buffer(&state->checkpoint, &saved.checkpoint);
        copy_buffer(&state->constitution, &saved.constitution);
        state->newest_index = saved.newest_index;
        state->newest_leaf = saved.newest_leaf;
        status = state->constitution.status;
    }
    state_deinit(&saved);
    return status;
}

enum tally_status state_save(struct state *state)
{
    enum tally_status status = tl_make_directories(state->directory, 0700);
    int lock = -1;
    if (status == TALLY_OK) {
        status = lock_directory(state, &lock);
    }
    if (status == TALLY_OK) {
        status = merge_saved(state);
    }
    if (status == TALLY_OK) {
        status = state_file_write(state);
    }
    tl_close(&lock);
    return status;
}

void state_say_unreadable(const struct opt *opt, const struct tally_hash *ledger,
                          enum tally_status status)
{
    char *directory = ledger_directory(opt, ledger);
    out_error("%s: what is remembered of this ledger cannot be read: %s",
              directory == NULL ? "state directory" : directory,
              status == TALLY_EFORMAT ? "damaged; keep it apart and run `tally verify` again"
                                      : tally_status_text(status));
    tl_free(directory);
}

bool state_wanted(const struct opt *opt, struct tally_hash *ret_ledger, int *ret_code)
{
    const char *given = opt_value(opt, "ledger");
    if (given == NULL) {
        given = getenv("TALLY_LEDGER");
    }
    *ret_code = 0;
    if (given == NULL || given[0] == '\0') {
        return false;
    }
    if (tl_hash_parse(tl_bytes_text(given), ret_ledger) != TALLY_OK) {
        out_error("%s: not a ledger id (44 characters of base64, as `tally charter show` prints)",
                  given);
        *ret_code = EXIT_USAGE;
    }
    return true;
}

/* The only directory below the root that is named like a ledger id. */
static int find_only(const struct opt *opt, struct tally_hash *ret_ledger)
{
    char *root = root_directory(opt);
    DIR *directory = root == NULL ? NULL : opendir(root);
    size_t count = 0;
    if (directory != NULL) {
        for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
            struct tally_hash id;
            if (tl_hex_parse(tl_bytes_text(entry->d_name), id.bytes, sizeof id.bytes) == TALLY_OK) {
                *ret_ledger = id;
                count++;
            }
        }
        (void)closedir(directory);
    }
    tl_free(root);
    if (count == 1) {
        return 0;
    }
    if (count == 0) {
        out_error("no ledger is known yet: run `tally verify SOURCE --ledger ID` first, with the "
                  "ledger id from a source that you trust");
    } else {
        out_error("%zu ledgers are known: say which with --ledger ID", count);
    }
    return EXIT_USAGE;
}

int state_choose(const struct opt *opt, struct state *ret_state)
{
    struct tally_hash ledger;
    int code = 0;
    if (!state_wanted(opt, &ledger, &code)) {
        code = find_only(opt, &ledger);
    }
    if (code != 0) {
        return code;
    }
    enum tally_status status = state_load(opt, &ledger, ret_state);
    if (status == TALLY_ENOTFOUND) {
        char id[TL_HASH_BASE64_LEN + 1];
        tl_hash_format(&ledger, id);
        out_error("ledger %s is not known here: run `tally verify SOURCE --ledger %s` first", id,
                  id);
        return EXIT_USAGE;
    }
    if (status != TALLY_OK) {
        state_say_unreadable(opt, &ledger, status);
        return exit_code_of(status);
    }
    return 0;
}

enum tally_status state_note_entry(struct state *state, const struct tl_envelope *envelope)
{
    struct state_author *author = NULL;
    if (envelope->sequence == 0) {
        return TALLY_OK;
    }
    enum tally_status status = author_of(state, &envelope->key, &author);
    if (status == TALLY_OK && envelope->sequence > author->sequence) {
        author->sequence = envelope->sequence;
        author->previous = tl_envelope_hash(envelope);
        author->seen_index = envelope->seen_index;
    }
    return status;
}

enum tally_status state_note_constitution(struct state *state, const struct tl_record *record)
{
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, TALLY_RECORD_MAX);
    enum tally_status status = tl_record_encode(record, &bytes);
    struct tl_reader reader = tl_reader_over(tl_buffer_bytes(&state->constitution));
    bool is_known = false;
    while (reader.rest.len > 0 && reader.status == TALLY_OK) {
        struct tally_bytes known = tl_read_vector16(&reader, TALLY_RECORD_MAX);
        is_known = is_known || tl_bytes_equal(known, tl_buffer_bytes(&bytes));
    }
    if (status == TALLY_OK && !is_known) {
        tl_buffer_add_u16(&state->constitution, (uint16_t)bytes.len);
        tl_buffer_add(&state->constitution, tl_buffer_bytes(&bytes));
        status = state->constitution.status;
    }
    tl_buffer_deinit(&bytes);
    return status;
}

enum tally_status state_note_held(struct state *state, struct tally_bytes note)
{
    if (size_of(note) <= size_of(tl_buffer_bytes(&state->held))) {
        return TALLY_OK;
    }
    tl_buffer_clear(&state->held);
    tl_buffer_add(&state->held, note);
    return state->held.status;
}

enum tally_status state_keep_receipt(const struct state *state, uint64_t index,
                                     struct tally_bytes receipt)
{
    char name[TL_DECIMAL_MAX + sizeof ".receipt"];
    (void)snprintf(name, sizeof name, "%llu.receipt", (unsigned long long)index);
    char *directory = tl_path_join(state->directory, "receipts");
    char *path = directory == NULL ? NULL : tl_path_join(directory, name);
    enum tally_status status = path == NULL ? TALLY_ENOMEM : tl_make_directories(directory, 0700);
    if (status == TALLY_OK) {
        status = whole_file_put(path, receipt, 0600, true);
    }
    tl_free(path);
    tl_free(directory);
    return status;
}
