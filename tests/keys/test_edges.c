/* SPDX-License-Identifier: ISC */
/* Inputs that are nearly empty or nearly too long, and what is left of them behind a refusal. */
#include "tests/support/test.h"

#include "keys/ed25519.h"
#include "keys/private_file.h"
#include "keys/sshsig.h"
#include "lib/base/file.h"

static enum tally_status unarmor(const char *lines)
{
    char text[256];
    struct tl_buffer blob;
    tl_buffer_init(&blob, 1000);
    int len = snprintf(text, sizeof text,
                       "-----BEGIN SSH SIGNATURE-----\n%s\n-----END SSH SIGNATURE-----\n", lines);
    enum tally_status status = tl_sshsig_unarmor(tl_bytes(text, (size_t)len), &blob);
    assert_int_equal(status == TALLY_OK, blob.len > 0);
    tl_buffer_deinit(&blob);
    return status;
}

static void test_armor_without_bytes(void **state)
{
    (void)state;
    assert_status(unarmor(""), TALLY_EFORMAT);
    assert_status(unarmor("\n"), TALLY_EFORMAT);
    assert_status(unarmor("AAAA"), TALLY_OK);
}

/* Lines of /proc/self/maps: guarded memory has mappings of its own. */
static size_t count_mappings(void)
{
    size_t count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    for (int c = fgetc(maps); c != EOF; c = fgetc(maps)) {
        count += c == '\n' ? 1 : 0;
    }
    (void)fclose(maps);
    return count;
}

/* A service that is given the wrong file over and over must not run out of locked memory. */
static void test_refused_file_leaves_nothing(void **state)
{
    (void)state;
    char directory[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    struct tl_key_file file;
    struct tl_buffer bytes;
    test_dir_make(directory);
    test_path(path, directory, "key");
    tl_buffer_init(&bytes, TL_PRIVATE_FILE_MAX + 1);
    uint8_t *dst = tl_buffer_extend(&bytes, TL_PRIVATE_FILE_MAX + 1);
    assert_non_null(dst);
    memset(dst, 'x', TL_PRIVATE_FILE_MAX + 1);
    bytes.len = TL_PRIVATE_FILE_MAX;
    assert_status(tl_file_write(path, tl_buffer_bytes(&bytes), 0600, true), TALLY_OK);
    assert_status(tl_key_file_read(path, &file), TALLY_OK);
    tl_key_file_close(&file);
    bytes.len = TL_PRIVATE_FILE_MAX + 1;
    assert_status(tl_file_write(path, tl_buffer_bytes(&bytes), 0600, true), TALLY_OK);
    assert_status(tl_key_file_read(path, &file), TALLY_ETOOBIG);
    size_t before = count_mappings();
    for (unsigned i = 0; i < 50; i++) {
        assert_status(tl_key_file_read(path, &file), TALLY_ETOOBIG);
    }
    assert_true(count_mappings() < before + 25);
    tl_buffer_deinit(&bytes);
    test_dir_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_armor_without_bytes),
        cmocka_unit_test(test_refused_file_leaves_nothing),
    };
    return tl_ed25519_init() == TALLY_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
