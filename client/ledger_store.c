/* SPDX-License-Identifier: ISC */
#include "client/ledger_store.h"

#include "client/exit_code.h"
#include "client/isolated.h"
#include "client/ledger.h"
#include "client/output.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/store/head_guard.h"
#include "lib/store/store.h"

#define READ_MAP_SIZE (UINT64_C(1) << 40)

/* The newest signed checkpoint stands in the head guard, apart from the store. */
static enum tally_status read_head(const char *path, struct tl_buffer *note)
{
    char *head = tl_path_join(path, "head");
    struct tl_head_guard *guard = NULL;
    enum tally_status status = head == NULL ? TALLY_ENOMEM : tl_head_guard_open(head, true, &guard);
    if (status == TALLY_OK) {
        tl_buffer_add(note, tl_head_guard_note(guard));
        status = note->status;
    }
    tl_head_guard_close(guard);
    tl_free(head);
    return status;
}

static int open_here(const char *path, struct tl_source **ret_source)
{
    struct tl_store *store = NULL;
    enum tally_status status = tl_store_open(path, READ_MAP_SIZE, TL_STORE_STOPPED, &store);
    if (status == TALLY_ELOCKED) {
        out_error(
            "%s: in use by a running tallyd: read the live ledger through its socket instead, "
            "for example: tally verify " LEDGER_READ_SOCKET,
            path);
        return EXIT_UNREACHED;
    }
    if (status != TALLY_OK) {
        bool damaged = status == TALLY_EFORMAT || status == TALLY_EIO;
        out_error("%s: cannot open the store: %s%s", path, tally_status_text(status),
                  damaged ? ". If it was one, it is damaged: keep it as it is, and verify a "
                            "published archive or a backup instead"
                          : "");
        return EXIT_UNREACHED;
    }
    struct tl_buffer note;
    tl_buffer_init(&note, TL_HEAD_SLOT_LEN);
    status = read_head(path, &note);
    if (status != TALLY_OK) {
        out_error("%s/head: %s (the head guard holds the newest checkpoint; without it nothing "
                  "says where this ledger ends)",
                  path, tally_status_text(status));
        tl_store_close(store);
    } else {
        status = tl_source_open_store(store, tl_buffer_bytes(&note), ret_source);
    }
    tl_buffer_deinit(&note);
    return status == TALLY_OK ? 0 : EXIT_UNREACHED;
}

int ledger_open_store(const char *path, struct tl_source **ret_source)
{
    return isolated_open(path, open_here, ret_source);
}
