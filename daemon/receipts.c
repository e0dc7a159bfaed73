/* SPDX-License-Identifier: ISC */
#include "daemon/receipts.h"

#include "lib/store/rebuild.h"

_Static_assert(TL_BACKUP_NOTE_MAX == TL_HEAD_NOTE_ROOM, "a backup keeps what a head can be");

/* The head is read first: tl_store_receipt stands on it. A ledger's keys have one name. */
enum tally_status tl_receipt_build(struct tl_ledger *ledger, uint64_t index,
                                   struct tl_buffer *buffer)
{
    struct tl_head_view head;
    struct tl_note_key key = tl_ledger_key_at(ledger, UINT64_MAX);
    tl_head_read(&ledger->head, &head);
    return tl_store_receipt(ledger->store, key.name, head.size, tl_head_note(&head), index, buffer);
}
