/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/config.h"

static struct tl_config config;
static struct tl_config_fault fault;

static int set_up(void **state)
{
    (void)state;
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    tl_config_init(&config);
    memset(&fault, 0, sizeof fault);
    return 0;
}

static enum tally_status parse(const char *text)
{
    return tl_config_parse(&config, "FILE", tl_bytes_text(text), &fault);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_string_equal(config.data, "");
    assert_int_equal(config.submit_mode, 0660);
    assert_int_equal(config.queue_size, 64 << 20);
    assert_int_equal(config.map_size, UINT64_C(1) << 40);
    assert_int_equal(config.idle_timeout, 600000);
    assert_int_equal(config.confirm_head, 0);
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(parse("# comment\n\n  data   /a b/c  \nqueue-count 7\nmap-size 2G\n"
                           "idle-timeout 90s\nframe-timeout 250ms\nsubmit-mode 600\n"
                           "confirm-head yes\nread-group"),
                     TALLY_OK);
    assert_string_equal(config.data, "/a b/c");
    assert_int_equal(config.queue_count, 7);
    assert_int_equal(config.map_size, UINT64_C(2) << 30);
    assert_int_equal(config.idle_timeout, 90000);
    assert_int_equal(config.frame_timeout, 250);
    assert_int_equal(config.submit_mode, 0600);
    assert_int_equal(config.confirm_head, 1);
    assert_string_equal(config.read_group, "");
}

static void test_faults_name_line_and_remedy(void **state)
{
    static const struct {
        const char *text;
        const char *place;
        const char *says;
    } cases[] = {
        {"nonsense 1\n", "FILE:1: ", "unknown key \"nonsense\""},
        {"data x\n\nqueue-count many\n", "FILE:3: ", "give a whole number"},
        {"queue-count 0\n", "FILE:1: ", "(1 to"},
        {"queue-count 01\n", "FILE:1: ", "give a whole number"},
        {"queue-count 9999999999999999999999\n", "FILE:1: ", "give a whole number"},
        {"map-size 255M\n", "FILE:1: ", "268435456"},
        {"map-size 1X\n", "FILE:1: ", "K, M, G or T"},
        {"map-size 99999999T\n", "FILE:1: ", "K, M, G or T"},
        {"map-size 18446744073709551615T\n", "FILE:1: ", "K, M, G or T"},
        {"idle-timeout 5\n", "FILE:1: ", "ms, s or min"},
        {"submit-mode 0888\n", "FILE:1: ", "octal"},
        {"submit-mode 01777\n", "FILE:1: ", "octal"},
        {"submit-mode\n", "FILE:1: ", "octal"},
        {"confirm-head maybe\n", "FILE:1: ", "yes or no"},
        {"data \x1b[31m\n", "FILE:1: ", "printable"},
        {"\x1b[31m x\n", "FILE:1: ", "unknown key \"???\""},
        {"workers 1\nworkers 2\n", "FILE:2: ", "stands twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)set_up(NULL);
        assert_int_equal(parse(cases[i].text), TALLY_EFORMAT);
        assert_memory_equal(fault.text, cases[i].place, strlen(cases[i].place));
        if (strstr(fault.text, cases[i].says) == NULL) {
            fail_msg("%s", fault.text);
        }
        for (const char *c = fault.text; *c != '\0'; c++) {
            assert_in_range((unsigned char)*c, 0x20, 0x7e);
        }
    }
}

static void test_long_values(void **state)
{
    char text[TL_CONFIG_TEXT_MAX + 16];
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "data ", 5);
    text[5 + TL_CONFIG_TEXT_MAX - 1] = '\0';
    assert_int_equal(parse(text), TALLY_OK);
    assert_int_equal(strlen(config.data), TL_CONFIG_TEXT_MAX - 1);
    text[5 + TL_CONFIG_TEXT_MAX - 1] = 'x';
    text[5 + TL_CONFIG_TEXT_MAX] = '\0';
    (void)set_up(NULL);
    assert_int_equal(parse(text), TALLY_EFORMAT);
}

static void test_finish_fills_in(void **state)
{
    (void)state;
    assert_int_equal(tl_config_finish(&config, &fault), TALLY_EFORMAT);
    assert_non_null(strstr(fault.text, "data"));
    assert_int_equal(parse("data /d\n"), TALLY_OK);
    assert_int_equal(tl_config_finish(&config, &fault), TALLY_EFORMAT);
    assert_non_null(strstr(fault.text, "ledger-key"));
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1), 0);
    assert_int_equal(tl_config_finish(&config, &fault), TALLY_OK);
    assert_string_equal(config.ledger_key, "/run/credentials/x/ledger-key");
    assert_string_equal(config.head, "/d/head");
    assert_true(config.workers >= 1);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void finish_with_host_key(const char *directory, const char *said)
{
    (void)set_up(NULL);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
    assert_int_equal(parse(said), TALLY_OK);
    assert_int_equal(tl_config_finish(&config, &fault), TALLY_OK);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
}

/* Unlike the ledger key's, this credential may be left out, and "-" stands for none. */
static void test_host_key_is_an_optional_credential(void **state)
{
    (void)state;
    char directory[] = "/tmp/tally-config-XXXXXX";
    char path[sizeof directory + sizeof "/host-key"];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/host-key", directory);
    finish_with_host_key(directory, "data /d\n");
    assert_string_equal(config.host_key, "");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputc('-', file), '-');
    assert_int_equal(fclose(file), 0);
    finish_with_host_key(directory, "data /d\n");
    assert_string_equal(config.host_key, "");
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("key", file) >= 0);
    assert_int_equal(fclose(file), 0);
    finish_with_host_key(directory, "data /d\n");
    assert_string_equal(config.host_key, path);
    finish_with_host_key(directory, "data /d\nhost-key /k\n");
    assert_string_equal(config.host_key, "/k");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void test_finish_keeps_what_was_said(void **state)
{
    (void)state;
    assert_int_equal(parse("data /d\nledger-key /k\nhead /h\nworkers 3\nconnections 5\n"),
                     TALLY_OK);
    assert_int_equal(tl_config_finish(&config, &fault), TALLY_OK);
    assert_string_equal(config.ledger_key, "/k");
    assert_string_equal(config.head, "/h");
    assert_int_equal(config.workers, 3);
    assert_int_equal(config.connections_per_user, 5);
}

static void test_command_line_wins_over_the_file(void **state)
{
    char path[] = "/tmp/tally-config-XXXXXX";
    static const char text[] = "data /file\nledger-key /k\nworkers 2\n";
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(close(fd), 0);
    char workers[] = "--workers=7";
    char data[] = "--data";
    char directory[] = "/line";
    char option[] = "--config";
    char *argv[] = {workers, data, directory, option, path};
    assert_int_equal(tl_config_load(5, argv, &config, &fault), TALLY_OK);
    assert_string_equal(config.data, "/line");
    assert_string_equal(config.ledger_key, "/k");
    assert_int_equal(config.workers, 7);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(tl_config_load(5, argv, &config, &fault), TALLY_ENOTFOUND);
    assert_non_null(strstr(fault.text, path));
}

static void test_command_line_faults(void **state)
{
    char word[] = "word";
    char dashes[] = "--";
    char lonely[] = "--workers";
    char unknown[] = "--nonsense";
    char value[] = "1";
    char *surplus[] = {word};
    char *empty[] = {dashes};
    char *lacking[] = {lonely};
    char *strange[] = {unknown, value};
    (void)state;
    assert_int_equal(tl_config_load(1, surplus, &config, &fault), TALLY_EFORMAT);
    assert_int_equal(tl_config_load(1, empty, &config, &fault), TALLY_EFORMAT);
    assert_int_equal(tl_config_load(1, lacking, &config, &fault), TALLY_EFORMAT);
    assert_int_equal(tl_config_load(2, strange, &config, &fault), TALLY_EFORMAT);
    assert_non_null(strstr(fault.text, "command line: unknown key \"nonsense\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, set_up),
        cmocka_unit_test_setup(test_values, set_up),
        cmocka_unit_test_setup(test_faults_name_line_and_remedy, set_up),
        cmocka_unit_test_setup(test_long_values, set_up),
        cmocka_unit_test_setup(test_finish_fills_in, set_up),
        cmocka_unit_test_setup(test_host_key_is_an_optional_credential, set_up),
        cmocka_unit_test_setup(test_finish_keeps_what_was_said, set_up),
        cmocka_unit_test_setup(test_command_line_wins_over_the_file, set_up),
        cmocka_unit_test_setup(test_command_line_faults, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
