/* SPDX-License-Identifier: ISC */
/*
 * Target: client/health.c, what a client makes of a daemon's STATE. What it finds can be printed;
 * lines that it does not know change nothing; a number is one that is written the same way.
 */
#include <stdio.h>
#include <string.h>

#include "client/health.h"
#include "lib/base/text.h"
#include "tests/fuzz/fuzz.h"

#define STATE_MAX 65536u

static void check_findings(const struct health *health)
{
    FUZZ_REQUIRE(health->finding_count <= HEALTH_FINDING_MAX);
    for (unsigned i = 0; i < health->finding_count; i++) {
        size_t len = strnlen(health->findings[i], HEALTH_FINDING_LEN);
        FUZZ_REQUIRE(len > 0 && len < HEALTH_FINDING_LEN);
        for (size_t k = 0; k < len; k++) {
            FUZZ_REQUIRE(health->findings[i][k] >= 0x20 && health->findings[i][k] <= 0x7e);
        }
    }
}

static void check_number(const struct health *health, struct tally_bytes line)
{
    char key[64];
    char digits[TL_DECIMAL_MAX];
    struct tally_bytes name;
    struct tally_bytes value;
    uint64_t number = 0;
    if (!tl_split_space(line, &name, &value) || name.len >= sizeof key ||
        memchr(name.ptr, 0, name.len) != NULL) {
        return;
    }
    memcpy(key, name.ptr, name.len);
    key[name.len] = '\0';
    FUZZ_REQUIRE(health_text(health, key, &value));
    if (health_number(health, key, &number)) {
        FUZZ_REQUIRE(tl_bytes_equal(value, tl_bytes(digits, tl_decimal_format(number, digits))));
    }
}

static void check_unknown_line(const struct health *health)
{
    struct health other = *health;
    struct tl_buffer state;
    tl_buffer_init(&state, STATE_MAX * 2);
    tl_buffer_add_text(&state, "of-later-versions 1\n\n x\n");
    tl_buffer_add(&state, health->state);
    other.state = tl_buffer_bytes(&state);
    health_judge(&other);
    FUZZ_REQUIRE(other.finding_count == health->finding_count);
    FUZZ_REQUIRE(other.checkpoint_age_s == health->checkpoint_age_s);
    for (unsigned i = 0; i < other.finding_count; i++) {
        FUZZ_REQUIRE(strcmp(other.findings[i], health->findings[i]) == 0);
    }
    tl_buffer_deinit(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct health health;
    struct tl_reader reader = tl_reader_over(tl_bytes(data, size));
    fuzz_start();
    memset(&health, 0, sizeof health);
    health.backup = (enum health_backup)(tl_read_u8(&reader) % 3);
    health.now_s = tl_read_u32(&reader);
    health.mark.verified_s = tl_read_u32(&reader);
    health.mark.size = tl_read_u32(&reader);
    health.backup_max_s = tl_read_u32(&reader);
    health.state = reader.rest;
    if (reader.status != TALLY_OK || reader.rest.len > STATE_MAX) {
        return 0;
    }
    health_judge(&health);
    check_findings(&health);
    check_unknown_line(&health);
    struct tl_reader lines = tl_reader_over(health.state);
    while (lines.rest.len > 0 && lines.status == TALLY_OK) {
        struct tally_bytes line = tl_read_line(&lines);
        if (lines.status == TALLY_OK) {
            check_number(&health, line);
        }
    }
    health_print_prometheus(&health);
    return 0;
}
