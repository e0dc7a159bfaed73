/* SPDX-License-Identifier: ISC */
/* What the store keeps of a verified record. Internal to this module. */
#ifndef TL_STORE_ITEM_H
#define TL_STORE_ITEM_H

#include <stdbool.h>

#include "lib/archive/backup.h"
#include "lib/store/store.h"

/*
 * Fills all but record, sealed and sealed_hashes; borrows from item. False for a record that
 * cannot stand: its type, member or key is not known.
 */
bool tl_item_append(const struct tl_backup_item *item, struct tl_append *ret_append);

#endif
