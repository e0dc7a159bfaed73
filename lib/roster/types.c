/* SPDX-License-Identifier: ISC */
#include "lib/roster/types.h"

#include <stddef.h>

#include "lib/base/bytes.h"
#include "lib/base/check.h"

#define BIT(type) (UINT32_C(1) << TL_TYPE_##type)
#define ANY_TYPE ((UINT32_C(1) << TL_TYPE_COUNT) - 1u)
#define MANY TALLY_REF_COUNT_MAX

static const struct tl_type_row rows[TL_TYPE_COUNT] = {
    {TL_TYPE_CHARTER, "charter", 0, NULL, 0, 0, TL_TARGET_ANY_MEMBER},
    {TL_TYPE_AMENDMENT, "amendment", TL_ROLE_GOVERN, "amends", 1, BIT(CHARTER) | BIT(AMENDMENT),
     TL_TARGET_ANY_MEMBER},
    {TL_TYPE_FINDING, "finding", TL_ROLE_AUTHOR, NULL, 0, 0, TL_TARGET_ANY_MEMBER},
    {TL_TYPE_EXHIBIT, "exhibit", TL_ROLE_AUTHOR, "exhibits", MANY, ANY_TYPE, TL_TARGET_ANY_MEMBER},
    {TL_TYPE_CUSTODY, "custody", TL_ROLE_AUTHOR, "custody-of", MANY, BIT(FINDING) | BIT(EXHIBIT),
     TL_TARGET_ANY_MEMBER},
    {TL_TYPE_NOTE, "note", TL_ROLE_AUTHOR, "about", MANY, ANY_TYPE, TL_TARGET_ANY_MEMBER},
    {TL_TYPE_CORROBORATION, "corroboration", TL_ROLE_AUTHOR, "corroborates", MANY, BIT(FINDING),
     TL_TARGET_OTHER_MEMBER},
    {TL_TYPE_DISSENT, "dissent", TL_ROLE_AUTHOR, "dissents-from", MANY, ANY_TYPE,
     TL_TARGET_OTHER_MEMBER},
    {TL_TYPE_DISPUTE, "dispute", TL_ROLE_AUTHOR, "disputes", MANY, ANY_TYPE, TL_TARGET_ANY_MEMBER},
    {TL_TYPE_CORRECTION, "correction", TL_ROLE_AUTHOR, "corrects", 1, ANY_TYPE,
     TL_TARGET_OWN_MEMBER},
    {TL_TYPE_SUPERSEDE, "supersede", TL_ROLE_AUTHOR, "supersedes", 1, ANY_TYPE,
     TL_TARGET_OWN_MEMBER},
    {TL_TYPE_RETRACTION, "retraction", TL_ROLE_AUTHOR, "retracts", 1, ANY_TYPE,
     TL_TARGET_OWN_MEMBER},
    {TL_TYPE_INCIDENT, "incident", TL_ROLE_HOST, NULL, 0, 0, TL_TARGET_ANY_MEMBER},
};

const struct tl_type_row *tl_type_find(struct tally_bytes name)
{
    for (size_t i = 0; i < TL_TYPE_COUNT; i++) {
        if (tl_bytes_equal(name, tl_bytes_text(rows[i].name))) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct tl_type_row *tl_type_row(enum tl_type type)
{
    TL_ASSERT(type < TL_TYPE_COUNT);
    TL_ASSERT(rows[type].type == type);
    return &rows[type];
}

bool tl_type_allows_relation(const struct tl_type_row *row, struct tally_bytes relation)
{
    if (row->relation != NULL && tl_bytes_equal(relation, tl_bytes_text(row->relation))) {
        return true;
    }
    return tl_bytes_equal(relation, tl_bytes_text("cites")) ||
           tl_bytes_equal(relation, tl_bytes_text("see"));
}
