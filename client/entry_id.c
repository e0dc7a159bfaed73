/* SPDX-License-Identifier: ISC */
/*
 * Entry ids: "412-7F3K-9QXD". The letters are the first 40 bits of the leaf hash in an alphabet
 * without I, L, O and U, so that a misheard id does not name another entry.
 */
#include <stdio.h>
#include <string.h>

#include "client/output.h"
#include "lib/base/text.h"

#define CHECK_LEN 9u /* XXXX-XXXX */

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void out_entry_id(uint64_t index, const struct tally_hash *leaf, char dst[ENTRY_ID_MAX])
{
    uint64_t bits = 0;
    for (size_t i = 0; i < 5; i++) {
        bits = bits << 8 | leaf->bytes[i];
    }
    char check[CHECK_LEN + 1];
    for (size_t i = 0, shift = 35; i < CHECK_LEN; i++) {
        if (i == 4) {
            check[i] = '-';
            continue;
        }
        check[i] = alphabet[bits >> shift & 31];
        shift -= shift >= 5 ? 5 : 0;
    }
    check[CHECK_LEN] = '\0';
    (void)snprintf(dst, ENTRY_ID_MAX, "%llu-%s", (unsigned long long)index, check);
}

bool out_entry_id_parse(const char *text, uint64_t *ret_index, bool *ret_has_check)
{
    const char *dash = strchr(text, '-');
    size_t len = dash == NULL ? strlen(text) : (size_t)(dash - text);
    if (tl_decimal_parse(tl_bytes(text, len), ret_index) != TALLY_OK) {
        return false;
    }
    *ret_has_check = dash != NULL;
    if (dash == NULL) {
        return true;
    }
    const char *check = dash + 1;
    if (strlen(check) != CHECK_LEN || check[4] != '-') {
        return false;
    }
    for (size_t i = 0; i < CHECK_LEN; i++) {
        if (i != 4 && strchr(alphabet, check[i]) == NULL) {
            return false;
        }
    }
    return true;
}

bool out_entry_id_is(const char *text, uint64_t index, const struct tally_hash *leaf)
{
    char id[ENTRY_ID_MAX];
    out_entry_id(index, leaf, id);
    if (strchr(text, '-') != NULL && strcmp(text, id) != 0) {
        out_error("%s: the check characters are those of another entry (%s)", text, id);
        return false;
    }
    return true;
}
