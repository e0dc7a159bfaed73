/* SPDX-License-Identifier: ISC */
/*
 * Store: where a ledger lives on disk, in a ledger's own words. Append a batch under
 * compare-and-swap on the size, read ranges, nodes, look up. The only module that knows LMDB, and
 * inside it only mdb*.c do. Durable: when tl_batch_commit answers OK, the batch survives a power
 * cut. Any other answer means that nothing may be acknowledged and the process must end.
 *
 * Data directory:
 *   store/data.mdb   records, seals, tree nodes, deposits, author sequences, checkpoint signatures
 *   exhibits/        exhibit files by SHA-256 (hex) that records name
 *   exhibits/deposits/  the same, whole and durable, named by no record yet
 *   exhibits/incoming/  uploads under way, emptied at start
 *   head             the head guard, unless configured elsewhere
 *   lock             held by the one process that has the directory open
 *
 * One writer thread; any number of readers on other threads, each read in its own short snapshot.
 */
#ifndef TL_STORE_STORE_H
#define TL_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/archive/source.h"
#include "lib/base/bytes.h"
#include "lib/codec/submission.h"
#include "lib/store/access.h"
#include "lib/tree/tile.h"
#include "lib/tree/tree.h"

struct tl_store;

/*
 * Makes an empty store in an existing empty directory (mode 0700): store/, exhibits/, synced.
 * The caller makes it appear whole (temporary directory, rename). EEXIST when one is there.
 */
TALLY_NODISCARD enum tally_status tl_store_create(const char *directory);

/*
 * Opens a data directory and takes its lock. ELOCKED when another process has it (a live daemon);
 * ENOTFOUND, EFORMAT (not a store, damaged, or of another version), EUNSUPPORTED (unsuitable
 * filesystem: NFS, CIFS, FUSE, 9p and all that is not known), EACCES, EIO. map_size: the largest
 * size in bytes that the store may grow to; memory is not taken for it.
 *
 * STOPPED: stopped stores and copies, on a read-only medium too; several at a time. Nothing is
 * written but a missing lock file, where that can be made. To be done in a process that may die:
 * LMDB can crash over a damaged file.
 *
 * BESIDE: reading in another process while one of WRITE runs, or before it. That one, when it
 * opens, waits for the end of those that are left from its predecessor.
 */
TALLY_NODISCARD enum tally_status tl_store_open(const char *directory, uint64_t map_size,
                                                enum tl_store_access access,
                                                struct tl_store **ret_store);
void tl_store_close(struct tl_store *store);

/*
 * Reads through every page of the store's file. EFORMAT, EIO; or it ends the process, as LMDB does
 * over a damaged file.
 */
TALLY_NODISCARD enum tally_status tl_store_survey(struct tl_store *store);

/* BESIDE: takes up what has been committed since. EFORMAT when the newest record does not hold. */
TALLY_NODISCARD enum tally_status tl_store_refresh(struct tl_store *store);

/* Committed records. */
uint64_t tl_store_size(const struct tl_store *store);

/* The path of the data directory as given. */
const char *tl_store_directory(const struct tl_store *store);

/* Whether the directory is on tmpfs, where nothing survives a power cut: worth a warning. */
bool tl_store_in_memory(const struct tl_store *store);

/* Bytes that are in use of the map size. Any thread. */
uint64_t tl_store_used(const struct tl_store *store);

/* False when the largest batch could run into the end of the map. Any thread. */
bool tl_store_has_room(const struct tl_store *store);

/* ---- Appending: the writer thread ---- */

struct tl_batch;

/* One record to append, with everything that stands or falls with it; borrowed. */
struct tl_append {
    uint64_t index;
    struct tally_bytes record;
    const uint8_t *seal; /* TALLY_SIGNATURE_LEN */
    struct tally_hash leaf;
    struct tally_hash envelope; /* hash of the envelope */
    uint8_t type;               /* enum tl_type */
    uint16_t member;
    uint32_t key_number; /* of the author's key in the roster */
    uint64_t sequence;   /* 0 for constitution entries */
    struct tally_bytes commitments;
    struct tl_deposit_list clear;
    struct tl_deposit_list sealed;
    const struct tally_hash *sealed_hashes; /* of sealed, in its order; they were checked before */
};

/*
 * Begins at exactly size committed records; EROLLBACK when the store holds another number, EIO
 * after a failed commit. One batch at a time; it begins and ends on one thread.
 */
TALLY_NODISCARD enum tally_status tl_batch_begin(struct tl_store *store, uint64_t size,
                                                 struct tl_batch **ret_batch);

/*
 * ETOOBIG when the batch has grown too long for one transaction (far above a thousand ordinary
 * records): the record was not taken, the batch is as it was, commit it and begin another. After
 * any other failure nothing of the batch is kept, and it can only be aborted: ENOSPC when the map
 * is full, EEXIST when the author's sequence is taken. The store stays usable.
 */
TALLY_NODISCARD enum tally_status tl_batch_append(struct tl_batch *batch,
                                                  const struct tl_append *append);

/*
 * Keeps the signature lines (without the note's text) of the checkpoint of an earlier committed
 * size; every one is kept with the next batch, so that no receipt changes. Keeping the same lines
 * again is fine; other lines for a kept size, or for one below the last kept, are EEXIST.
 */
TALLY_NODISCARD enum tally_status tl_batch_put_checkpoint(struct tl_batch *batch, uint64_t size,
                                                          struct tally_bytes signature_lines);

/*
 * Durable on OK. Ends the batch in every case. What a failed append or put answered is answered
 * again, and nothing was written. After any other failure it is not known what the disk holds.
 */
TALLY_NODISCARD enum tally_status tl_batch_commit(struct tl_batch *batch);
void tl_batch_abort(struct tl_batch *batch);

/*
 * ---- Reading: any thread ----
 *
 * EFORMAT means that what the disk gave back is not what was written. Buffers are as they were
 * after a failure, but for their sticky status.
 */

/* Appends record bytes to buffer; the seal to ret_seal unless NULL. ENOTFOUND. */
TALLY_NODISCARD enum tally_status tl_store_record(struct tl_store *store, uint64_t index,
                                                  struct tl_buffer *buffer, uint8_t *ret_seal);

/* Facts that the judge asks for; one small look-up. */
struct tl_stored_facts {
    struct tally_hash leaf;
    uint8_t type;
    uint16_t member;
};
TALLY_NODISCARD enum tally_status tl_store_facts(struct tl_store *store, uint64_t index,
                                                 struct tl_stored_facts *ret_facts);

/* The accepted entry of (key number, sequence). ENOTFOUND. */
TALLY_NODISCARD enum tally_status tl_store_author_entry(struct tl_store *store, uint32_t key_number,
                                                        uint64_t sequence, uint64_t *ret_index,
                                                        struct tally_hash *ret_envelope);

/* The newest sequence of a key. ENOTFOUND when it has none. */
TALLY_NODISCARD enum tally_status tl_store_author_last(struct tl_store *store, uint32_t key_number,
                                                       uint64_t *ret_sequence, uint64_t *ret_index,
                                                       struct tally_hash *ret_envelope);

/*
 * The smallest committed size above index, and the signature lines of its checkpoint (appended);
 * ENOTFOUND when only the newest size is above it and its signature is not kept yet.
 */
TALLY_NODISCARD enum tally_status tl_store_checkpoint_above(struct tl_store *store, uint64_t index,
                                                            uint64_t *ret_size,
                                                            struct tl_buffer *signature_lines);

/*
 * Indexes of constitution records, in order: *index is the last one found, start with TL_NEVER
 * (UINT64_MAX). ENOTFOUND at the end.
 */
TALLY_NODISCARD enum tally_status tl_store_next_constitution(struct tl_store *store,
                                                             uint64_t *index);

/*
 * A complete tree node; the fetch callback of lib/tree with a store as context. Nodes of committed
 * records never change, so a proof of many is consistent without a common snapshot.
 */
enum tally_status tl_store_fetch_node(void *store, unsigned level, uint64_t index,
                                      struct tally_hash *ret_hash);

/*
 * Renders a hash tile, a bundle of entries, seals, commitments or kept checkpoints (the newest is
 * kept with the batch after it), of any width up to the committed size; or the clear parts of a
 * record (ENOTFOUND when it has none). Appends to buffer. Unchecked:
 * who reads them has the tree to check them against.
 */
TALLY_NODISCARD enum tally_status
tl_store_render_tile(struct tl_store *store, const struct tl_tile *tile, struct tl_buffer *buffer);
TALLY_NODISCARD enum tally_status tl_store_render_parts(struct tl_store *store, uint64_t index,
                                                        struct tl_buffer *buffer);

/* A ciphertext by its hash: false hash -> ENOTFOUND. Exhibit files are not looked at. */
TALLY_NODISCARD enum tally_status tl_store_ciphertext(struct tl_store *store,
                                                      const struct tally_hash *hash,
                                                      struct tl_buffer *buffer);

/* Size of an exhibit file, whether a record names it or none does yet. ENOTFOUND. */
TALLY_NODISCARD enum tally_status tl_store_find_exhibit(const struct tl_store *store,
                                                        const struct tally_hash *hash,
                                                        uint64_t *ret_size);

/*
 * Puts the deposit among the exhibits that records name, before a record names it; OK when it is
 * there already. Durable when exhibits/ is synced. ENOTFOUND.
 */
TALLY_NODISCARD enum tally_status tl_store_take_deposit(const struct tl_store *store,
                                                        const struct tally_hash *hash);

/* Path of an exhibit file that is not named yet, and of one that is; dst of cap bytes. */
TALLY_NODISCARD enum tally_status tl_store_deposit_path(const struct tl_store *store,
                                                        const struct tally_hash *hash, char *dst,
                                                        size_t cap);
TALLY_NODISCARD enum tally_status tl_store_exhibit_path(const struct tl_store *store,
                                                        const struct tally_hash *hash, char *dst,
                                                        size_t cap);

/*
 * A store as a source: `tally verify DIR`. checkpoint: the newest signed checkpoint, from the head
 * guard; copied. ENOMEM. On OK the source of tl_source_open_store owns the store; that of
 * tl_source_over_store ends before it.
 */
TALLY_NODISCARD enum tally_status tl_source_open_store(struct tl_store *store,
                                                       struct tally_bytes checkpoint,
                                                       struct tl_source **ret_source);
TALLY_NODISCARD enum tally_status tl_source_over_store(struct tl_store *store,
                                                       struct tally_bytes checkpoint,
                                                       struct tl_source **ret_source);

#endif
