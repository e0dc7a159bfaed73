/* SPDX-License-Identifier: ISC */
/*
 * Target: client/state_file.c, what a client remembers of a ledger. What is read and written again
 * is read as the same, and written as the same bytes from then on; its roster is made by the judge.
 */
#include <stdio.h>
#include <string.h>

#include "client/state_file.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/fuzz/fuzz.h"

#define FILE_MAX 1048576u

static const char *file_path(void)
{
    static char path[4096] = "";
    if (path[0] == '\0') {
        (void)snprintf(path, sizeof path, "%s/ledger", fuzz_directory());
    }
    return path;
}

/* The ledger that the text itself names, so that its lines are read at all. */
static struct tally_hash ledger_of(struct tally_bytes text)
{
    struct tally_hash ledger = {{0}};
    struct tally_bytes word = tl_bytes_text("\nledger ");
    const uint8_t *at = (const uint8_t *)memmem(text.ptr, text.len, word.ptr, word.len);
    if (at != NULL && text.len - (size_t)(at - text.ptr) >= word.len + TL_HASH_BASE64_LEN) {
        (void)!tl_hash_parse(tl_bytes(at + word.len, TL_HASH_BASE64_LEN), &ledger);
    }
    return ledger;
}

static enum tally_status read_file(const struct tally_hash *ledger, struct state *state)
{
    memset(state, 0, sizeof *state);
    state->ledger = *ledger;
    state->directory = tl_path_join(fuzz_directory(), ".");
    tl_buffer_init(&state->checkpoint, FILE_MAX);
    tl_buffer_init(&state->held, FILE_MAX);
    tl_buffer_init(&state->constitution, FILE_MAX);
    FUZZ_REQUIRE(state->directory != NULL);
    return state_file_read(state);
}

static bool same(const struct state *a, const struct state *b)
{
    for (size_t i = 0; i < a->author_count && a->author_count == b->author_count; i++) {
        const struct state_author *left = &a->authors[i];
        const struct state_author *right = &b->authors[i];
        if (!tl_hash_equal(&left->key, &right->key) || left->sequence != right->sequence ||
            !tl_hash_equal(&left->previous, &right->previous) ||
            left->seen_index != right->seen_index) {
            return false;
        }
    }
    return a->author_count == b->author_count && a->newest_index == b->newest_index &&
           tl_hash_equal(&a->newest_leaf, &b->newest_leaf) &&
           tl_bytes_equal(tl_buffer_bytes(&a->checkpoint), tl_buffer_bytes(&b->checkpoint)) &&
           tl_bytes_equal(tl_buffer_bytes(&a->held), tl_buffer_bytes(&b->held)) &&
           tl_bytes_equal(tl_buffer_bytes(&a->constitution), tl_buffer_bytes(&b->constitution));
}

static struct tl_buffer written(const struct state *state)
{
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, FILE_MAX * 2);
    FUZZ_REQUIRE(state_file_write(state) == TALLY_OK);
    FUZZ_REQUIRE(tl_file_read(file_path(), &bytes) == TALLY_OK);
    return bytes;
}

static void check_again(const struct state *state)
{
    struct state again;
    struct tl_buffer first = written(state);
    FUZZ_REQUIRE(read_file(&state->ledger, &again) == TALLY_OK);
    FUZZ_REQUIRE(same(state, &again));
    struct tl_buffer second = written(&again);
    fuzz_require_same(&second, tl_buffer_bytes(&first));
    tl_buffer_deinit(&first);
    state_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct state state;
    if (size > FILE_MAX / 4) {
        return 0;
    }
    fuzz_start();
    struct tally_hash ledger = ledger_of(tl_bytes(data, size));
    fuzz_write(file_path(), tl_bytes(data, size));
    if (read_file(&ledger, &state) == TALLY_OK) {
        if (state_file_roster(&state) == TALLY_OK) {
            FUZZ_REQUIRE(tl_hash_equal(&state.roster->ledger, &ledger));
        }
        check_again(&state);
    }
    state_deinit(&state);
    return 0;
}
