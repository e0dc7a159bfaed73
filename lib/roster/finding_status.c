/* SPDX-License-Identifier: ISC */
#include "lib/roster/finding_status.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/text.h"

/*
 * Distinct members and origins are counted by looking back at the entries before: a finding has few
 * of them, and no memory is needed that could run out.
 */

static bool holds_origin(const struct tally_hash *origins, size_t count,
                         const struct tally_hash *origin)
{
    for (size_t i = 0; i < count; i++) {
        if (tl_hash_equal(&origins[i], origin)) {
            return true;
        }
    }
    return false;
}

static bool supports(const struct tl_status_entry *entry, unsigned finding_member)
{
    return entry->type == TL_TYPE_CORROBORATION && entry->member != finding_member;
}

/* True when no entry before number i has this type and member. */
static bool is_first_of_member(const struct tl_status_entry *entries, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (entries[j].type == entries[i].type && entries[j].member == entries[i].member) {
            return false;
        }
    }
    return true;
}

struct question {
    const struct tally_hash *finding_origins;
    size_t finding_origin_count;
    unsigned finding_member;
    const struct tl_status_entry *entries;
};

/* Origins of entry i that neither the finding, nor a supporting entry before, nor itself had. */
static unsigned new_origins(const struct question *question, size_t i)
{
    const struct tl_status_entry *entries = question->entries;
    unsigned count = 0;
    for (size_t k = 0; k < entries[i].origin_count; k++) {
        const struct tally_hash *origin = &entries[i].origins[k];
        bool known =
            holds_origin(question->finding_origins, question->finding_origin_count, origin) ||
            holds_origin(entries[i].origins, k, origin);
        for (size_t j = 0; j < i && !known; j++) {
            known = supports(&entries[j], question->finding_member) &&
                    holds_origin(entries[j].origins, entries[j].origin_count, origin);
        }
        count += known ? 0u : 1u;
    }
    return count;
}

static unsigned distinct(const struct tally_hash *origins, size_t count)
{
    unsigned found = 0;
    for (size_t i = 0; i < count; i++) {
        found += holds_origin(origins, i, &origins[i]) ? 0u : 1u;
    }
    return found;
}

void tl_finding_status(const struct tally_hash *finding_origins, size_t finding_origin_count,
                       unsigned finding_member, const struct tl_status_entry *entries,
                       size_t entry_count, struct tl_finding_status *ret_status)
{
    const struct question question = {finding_origins, finding_origin_count, finding_member,
                                      entries};
    struct tl_finding_status status = {.origins = distinct(finding_origins, finding_origin_count)};
    for (size_t i = 0; i < entry_count; i++) {
        const struct tl_status_entry *entry = &entries[i];
        bool is_own = entry->member == finding_member;
        bool changes = false;
        if (supports(entry, finding_member)) {
            status.corroborating_members += is_first_of_member(entries, i) ? 1u : 0u;
            status.origins += new_origins(&question, i);
        } else if (entry->type == TL_TYPE_DISSENT && !is_own) {
            status.dissenting_members += is_first_of_member(entries, i) ? 1u : 0u;
        } else if (entry->type == TL_TYPE_DISPUTE) {
            status.disputes++;
        } else if (entry->type == TL_TYPE_CORRECTION) {
            status.corrections++;
            changes = true;
        } else if (entry->type == TL_TYPE_SUPERSEDE) {
            status.superseded = true;
            changes = true;
        } else if (entry->type == TL_TYPE_RETRACTION) {
            status.retracted = true;
            changes = true;
        }
        if (changes) {
            status.changed_by = entry->index; /* entries are in order */
        }
    }
    *ret_status = status;
}

static void add_count(struct tl_writer *writer, unsigned count, const char *one, const char *many)
{
    char digits[TL_DECIMAL_MAX];
    (void)tl_decimal_format(count, digits);
    tl_write_text(writer, digits);
    tl_write_text(writer, count == 1 ? one : many);
}

void tl_finding_status_text(const struct tl_finding_status *status, char *dst, size_t cap)
{
    struct tl_writer writer = tl_writer_over(dst, cap == 0 ? 0 : cap - 1);
    if (status->corroborating_members == 0) {
        tl_write_text(&writer, "registered");
    } else {
        tl_write_text(&writer, "corroborated by ");
        add_count(&writer, status->corroborating_members, " member", " members");
    }
    if (status->origins > 0) {
        tl_write_text(&writer, ", ");
        add_count(&writer, status->origins, " origin", " origins");
    }
    if (status->dissenting_members > 0) {
        tl_write_text(&writer, "; ");
        add_count(&writer, status->dissenting_members, " member dissents", " members dissent");
    }
    if (status->disputes > 0) {
        tl_write_text(&writer, "; disputed");
    }
    if (status->corrections > 0) {
        tl_write_text(&writer, "; corrected");
    }
    if (status->superseded) {
        tl_write_text(&writer, "; superseded");
    }
    if (status->retracted) {
        tl_write_text(&writer, "; retracted");
    }
    if (cap > 0) {
        dst[writer.len] = '\0';
    }
}
