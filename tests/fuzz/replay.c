/* SPDX-License-Identifier: ISC */
/*
 * Runs a fuzz target over the files of a corpus directory with any compiler. An empty corpus is a
 * failure: it would test nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static int replay(const char *path, size_t size)
{
    uint8_t *data = (uint8_t *)malloc(size == 0 ? 1 : size);
    FILE *file = fopen(path, "rb");
    if (data == NULL || file == NULL || fread(data, 1, size, file) != size) {
        (void)dprintf(STDERR_FILENO, "cannot read %s\n", path);
        return -1;
    }
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    DIR *corpus = argc == 2 ? opendir(argv[1]) : NULL;
    if (corpus == NULL) {
        (void)dprintf(STDERR_FILENO, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    unsigned count = 0;
    for (struct dirent *entry = readdir(corpus); entry != NULL; entry = readdir(corpus)) {
        char path[4096];
        struct stat info;
        int len = snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        if (len < 0 || (size_t)len >= sizeof path || stat(path, &info) != 0 ||
            !S_ISREG(info.st_mode)) {
            continue;
        }
        if (replay(path, (size_t)info.st_size) != 0) {
            return 1;
        }
        count++;
    }
    (void)closedir(corpus);
    (void)dprintf(STDOUT_FILENO, "%u inputs\n", count); /* targets may close the streams */
    return count == 0 ? 1 : 0;
}
