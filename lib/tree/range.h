/* SPDX-License-Identifier: ISC */
/* Private to lib/tree: roots over a range of leaves, of which trees and proofs are made. */
#ifndef TL_TREE_RANGE_H
#define TL_TREE_RANGE_H

#include "lib/tree/tree.h"

/*
 * The root over the leaves begin..end-1, from stored nodes. The range is one that RFC 6962 splits
 * off: begin is a multiple of the smallest power of two that is not below end - begin.
 */
TALLY_NODISCARD enum tally_status tl_tree_range_root(uint64_t begin, uint64_t end,
                                                     tl_tree_fetch_fn fetch, void *context,
                                                     struct tally_hash *ret_root);

#endif
