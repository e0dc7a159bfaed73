/* SPDX-License-Identifier: ISC */
#include "lib/codec/bundle.h"

static const char *keyword(enum tl_bundle_line_kind kind)
{
    switch (kind) {
    case TL_BUNDLE_CONSTITUTION:
        return "constitution ";
    case TL_BUNDLE_LAST:
        return "last ";
    case TL_BUNDLE_ENTRY:
        return "entry ";
    case TL_BUNDLE_PART:
        break;
    }
    return "part ";
}

void tl_bundle_begin(struct tl_buffer *buffer)
{
    tl_buffer_add_text(buffer, "tally-bundle/v1\n");
}

void tl_bundle_add_proof(struct tl_buffer *buffer, enum tl_bundle_line_kind kind,
                         struct tally_bytes receipt)
{
    tl_buffer_add_text(buffer, keyword(kind));
    tl_buffer_add_base64(buffer, receipt);
    tl_buffer_add_text(buffer, "\n");
}

void tl_bundle_add_part(struct tl_buffer *buffer, uint64_t index, unsigned position,
                        struct tally_bytes part, const struct tally_hash *proof, size_t proof_count)
{
    tl_buffer_add_text(buffer, keyword(TL_BUNDLE_PART));
    tl_buffer_add_decimal(buffer, index);
    tl_buffer_add_text(buffer, " ");
    tl_buffer_add_decimal(buffer, position);
    tl_buffer_add_text(buffer, " ");
    tl_buffer_add_base64(buffer, part);
    for (size_t i = 0; i < proof_count; i++) {
        tl_buffer_add_text(buffer, " ");
        tl_buffer_add_base64(buffer, tl_hash_bytes(&proof[i]));
    }
    tl_buffer_add_text(buffer, "\n");
}
