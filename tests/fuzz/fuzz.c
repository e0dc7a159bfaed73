/* SPDX-License-Identifier: ISC */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/ed25519.h"
#include "lib/archive/temporary.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"

static char *directory = NULL;

_Noreturn void fuzz_fail(const char *condition, const char *file, int line)
{
    (void)dprintf(STDERR_FILENO, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

void fuzz_require_same(struct tl_buffer *encoded, struct tally_bytes decoded)
{
    FUZZ_REQUIRE(encoded->status == TALLY_OK);
    FUZZ_REQUIRE(tl_bytes_equal(tl_buffer_bytes(encoded), decoded));
    tl_buffer_deinit(encoded);
}

void fuzz_start(void)
{
    static bool is_ready = false;
    if (is_ready) {
        return;
    }
    is_ready = true;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* The streams alone: descriptor 2 stays for the sanitizers. */
    stderr = fopen("/dev/null", "w");
    stdout = fopen("/dev/null", "w");
    FUZZ_REQUIRE(null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO && stderr != NULL &&
                 stdout != NULL);
    FUZZ_REQUIRE(tl_ed25519_init() == TALLY_OK);
}

static void remove_directory(void)
{
    tl_temporary_directory_remove(directory);
    tl_free(directory);
}

const char *fuzz_directory(void)
{
    if (directory == NULL) {
        FUZZ_REQUIRE(tl_temporary_directory(&directory) == TALLY_OK);
        FUZZ_REQUIRE(atexit(remove_directory) == 0);
    }
    return directory;
}

void fuzz_write(const char *path, struct tally_bytes bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_REQUIRE(fd >= 0 && tl_write_full(fd, bytes) == TALLY_OK);
    tl_close(&fd);
}

struct tally_bytes fuzz_take(struct tl_reader *reader)
{
    size_t len = tl_read_u16(reader);
    return tl_read_bytes(reader, len < reader->rest.len ? len : reader->rest.len);
}
