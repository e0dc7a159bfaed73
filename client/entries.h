/* SPDX-License-Identifier: ISC */
/*
 * Entries: what the reading verbs keep of each record while they walk a ledger, and the status
 * that follows from all of them together.
 */
#ifndef CLIENT_ENTRIES_H
#define CLIENT_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tally/types.h>

#include "lib/codec/envelope.h"
#include "lib/codec/record.h"
#include "lib/codec/submission.h"
#include "lib/roster/finding_status.h"
#include "lib/roster/types.h"

struct entry {
    uint64_t index;
    struct tally_hash leaf;
    uint64_t received_us;
    uint64_t signed_s;
    const struct tl_type_row *type; /* NULL for a type of later rules */
    char member[TALLY_ID_MAX + 1];
    char *title;       /* decoded text of /title, or NULL; owned */
    char *topic;       /* of /topic, or NULL; owned */
    bool is_retracted; /* by an entry that is not itself retracted; after entries_conclude */
    unsigned part_count;
    unsigned withheld_count; /* decoys included: they cannot be told apart */
    size_t origin_count;
    struct tally_hash *origins; /* SHA-256 of each origin text disclosed; owned */
};

/* One reference by the entry's own relation (corroborates, retracts ...). */
struct entry_link {
    uint64_t target;
    size_t from; /* place of the referring entry in entries.items */
};

struct entries {
    size_t count;
    size_t room;
    struct entry *items;
    size_t link_count;
    size_t link_room;
    struct entry_link *links; /* sorted by target after entries_conclude */
};

/* Appends one record's entry. ENOMEM. */
TALLY_NODISCARD enum tally_status entries_add(struct entries *entries,
                                              const struct tl_record *record,
                                              const struct tl_envelope *envelope,
                                              const struct tally_hash *leaf,
                                              const struct tl_deposit_list *clear);
/* After the last one: sorts references and resolves retractions, so that statuses can be had. */
void entries_conclude(struct entries *entries);
void entries_deinit(struct entries *entries);

/* NULL when absent. */
const struct entry *entries_find(const struct entries *entries, uint64_t index);

/* The links that point at index: *ret_count of them from the pointer returned. */
const struct entry_link *entries_links_to(const struct entries *entries, uint64_t index,
                                          size_t *ret_count);

/* The computed status of a finding, by all entries collected. ENOMEM. */
TALLY_NODISCARD enum tally_status entries_status(const struct entries *entries,
                                                 const struct entry *finding,
                                                 struct tl_finding_status *ret_status);

/* The decoded text of a clear part's value when it is a JSON string, else NULL; owned (tl_free). */
char *entry_text_of(struct tally_bytes value);

/* True when a file line or a clear exhibit part gives this SHA-256. */
bool entry_names_digest(const struct tl_envelope *envelope, const struct tl_deposit_list *clear,
                        const struct tally_hash *digest);

/* One line: id, time, member, type, title; status for findings. */
void entry_print(const struct entries *entries, const struct entry *entry);
json_t *entry_json(const struct entries *entries, const struct entry *entry);

#endif
