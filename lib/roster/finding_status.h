/* SPDX-License-Identifier: ISC */
/*
 * The status of a finding: computed, never stored, by this one function (docs/formats.md,
 * "Status of a finding"). Pure; any thread.
 */
#ifndef TL_ROSTER_FINDING_STATUS_H
#define TL_ROSTER_FINDING_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tally/types.h>

#include "lib/roster/types.h"

/* One later entry that points at the finding with its type's own relation. */
struct tl_status_entry {
    uint64_t index;
    enum tl_type type;
    unsigned member;
    const struct tally_hash *origins; /* SHA-256 of each origin text that it discloses */
    size_t origin_count;
};

struct tl_finding_status {
    unsigned corroborating_members; /* distinct, the author's own not counted */
    unsigned origins;               /* distinct, the finding's own included */
    unsigned dissenting_members;
    unsigned disputes;
    unsigned corrections;
    bool superseded;
    bool retracted;
    uint64_t changed_by; /* index of the newest correction, supersede or retraction; 0 when none */
};

/*
 * entries are all records up to the size at which the question is asked, in order; an entry that
 * was itself retracted must be left out by the caller. finding_origins are the finding's own.
 */
void tl_finding_status(const struct tally_hash *finding_origins, size_t finding_origin_count,
                       unsigned finding_member, const struct tl_status_entry *entries,
                       size_t entry_count, struct tl_finding_status *ret_status);

/* "registered", "corroborated by 2 members, 3 origins; disputed" ...; dst of at least 256 bytes. */
void tl_finding_status_text(const struct tl_finding_status *status, char *dst, size_t cap);

#endif
