/* SPDX-License-Identifier: ISC */
#include "tests/codec/damage.h"

#include "tests/support/test.h"

/* Exactly as long as its bytes, so that a sanitizer sees one byte too far. */
static uint8_t *exact_copy(struct tally_bytes bytes)
{
    uint8_t *copy = (uint8_t *)malloc(bytes.len == 0 ? 1 : bytes.len);
    assert_non_null(copy);
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    return copy;
}

static size_t count_accepted(struct tally_bytes bytes, roundtrip_fn roundtrip)
{
    enum roundtrip verdict = roundtrip(bytes);
    if (verdict == ROUNDTRIP_DIFFERENT) {
        print_error("not canonical: %.*s\n", (int)bytes.len, (const char *)bytes.ptr);
    }
    assert_int_not_equal(verdict, ROUNDTRIP_DIFFERENT);
    return verdict == ROUNDTRIP_SAME ? 1 : 0;
}

size_t damage_truncate(struct tally_bytes sample, roundtrip_fn roundtrip)
{
    size_t accepted = 0;
    for (size_t len = 0; len < sample.len; len++) {
        uint8_t *copy = exact_copy(tl_bytes(sample.ptr, len));
        accepted += count_accepted(tl_bytes(copy, len), roundtrip);
        free(copy);
    }
    return accepted;
}

size_t damage_flip(struct tally_bytes sample, roundtrip_fn roundtrip)
{
    static const uint8_t special[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '\n', '\r', '\t',
                                      ' ',  '-',  '0',  '1',  '=',  '+',  '/',  '%'};
    size_t accepted = 0;
    uint8_t *copy = exact_copy(sample);
    for (size_t i = 0; i < sample.len; i++) {
        for (unsigned j = 0; j < 8 + sizeof special; j++) {
            unsigned flipped = sample.ptr[i] ^ 1u << (j & 7);
            uint8_t other = (uint8_t)(j < 8 ? flipped : special[j - 8]);
            if (other != sample.ptr[i]) {
                copy[i] = other;
                accepted += count_accepted(tl_bytes(copy, sample.len), roundtrip);
            }
        }
        copy[i] = sample.ptr[i];
    }
    free(copy);
    return accepted;
}

size_t damage_shift(struct tally_bytes sample, roundtrip_fn roundtrip)
{
    size_t accepted = 0;
    uint8_t *copy = (uint8_t *)malloc(sample.len + 1);
    assert_non_null(copy);
    for (size_t i = 0; i < sample.len; i++) {
        memcpy(copy, sample.ptr, i);
        memcpy(copy + i, sample.ptr + i + 1, sample.len - i - 1);
        accepted += count_accepted(tl_bytes(copy, sample.len - 1), roundtrip);
        memcpy(copy, sample.ptr, i + 1);
        memcpy(copy + i + 1, sample.ptr + i, sample.len - i);
        accepted += count_accepted(tl_bytes(copy, sample.len + 1), roundtrip);
    }
    memcpy(copy, sample.ptr, sample.len);
    static const uint8_t appended[] = {0, '\n', ' ', 'a'};
    for (size_t i = 0; i < sizeof appended; i++) {
        copy[sample.len] = appended[i];
        accepted += count_accepted(tl_bytes(copy, sample.len + 1), roundtrip);
    }
    free(copy);
    return accepted;
}

void damage_all(struct tally_bytes sample, roundtrip_fn roundtrip)
{
    assert_int_equal(roundtrip(sample), ROUNDTRIP_SAME);
    (void)damage_truncate(sample, roundtrip);
    (void)damage_flip(sample, roundtrip);
    (void)damage_shift(sample, roundtrip);
}
