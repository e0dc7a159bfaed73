/* SPDX-License-Identifier: ISC */
#include "tests/crash/image.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/crash/standing.h"

enum {
    PAGE_LEN = 4096,
    PATH_MAX_LEN = 512,
    /* What opening a state may write behind all that the run wrote: pages of one small commit. */
    SLACK_LEN = 64 * PAGE_LEN,
};

/* The file behind a node. It is linked into each state that has a name for it. */
struct pool_file {
    int fd;
    uint8_t *map; /* NULL: not made yet */
};

struct image {
    char pool[PATH_MAX_LEN / 2]; /* and the number of the node: a pool file */
    char root[PATH_MAX_LEN / 2];
    struct pool_file files[MODEL_NODE_MAX];
    struct standing *standing;
};

struct image *image_new(const char *directory)
{
    struct image *image = (struct image *)calloc(1, sizeof *image);
    if (image == NULL || strlen(directory) >= PATH_MAX_LEN / 4) {
        errx(2, "%s: too long", directory);
    }
    (void)snprintf(image->pool, sizeof image->pool, "%s/file-", directory);
    (void)snprintf(image->root, sizeof image->root, "%s/root", directory);
    image->standing = standing_new(image->root, image->pool);
    return image;
}

const char *image_root(const struct image *image)
{
    return image->root;
}

static struct pool_file *pool_file(struct image *image, uint32_t node)
{
    struct pool_file *file = &image->files[node];
    char path[PATH_MAX_LEN];
    if (file->map != NULL) {
        return file;
    }
    (void)snprintf(path, sizeof path, "%s%u", image->pool, (unsigned)node);
    file->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    void *map = file->fd < 0 ? MAP_FAILED
                             : mmap(NULL, MODEL_FILE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED,
                                    file->fd, 0);
    if (map == MAP_FAILED) {
        err(2, "%s", path);
    }
    file->map = (uint8_t *)map;
    return file;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void restore(uint8_t *map, const struct model_node *node, uint64_t size, bool thorough)
{
    uint64_t end = smaller(size, node->used + SLACK_LEN);
    for (uint64_t at = 0; at < end; at += PAGE_LEN) {
        size_t len = (size_t)smaller(PAGE_LEN, end - at);
        if (memcmp(map + at, node->durable + at, len) != 0) {
            memcpy(map + at, node->durable + at, len);
        }
    }
    if (thorough && memcmp(map, node->durable, size) != 0) {
        errx(2, "a file is not what it should be before its units are applied");
    }
}

static void clean(struct image *image, const struct model *model, uint32_t number, uint64_t size,
                  bool thorough)
{
    struct pool_file *file = pool_file(image, number);
    struct stat info;
    if (fstat(file->fd, &info) != 0 ||
        ((uint64_t)info.st_size != size && ftruncate(file->fd, (off_t)size) != 0)) {
        err(2, "ftruncate");
    }
    restore(file->map, &model->nodes[number], size, thorough);
}

static void apply(const struct image *image, const struct model *model, const struct state *state,
                  const struct layout *layout)
{
    for (size_t i = 0; i < model->unit_count; i++) {
        const struct unit *unit = &model->units[i];
        uint64_t at = unit->number * MODEL_SECTOR;
        uint64_t size = layout->sizes[unit->node];
        if (unit->kind == UNIT_SECTOR && state->applied[i] && layout->has[unit->node] &&
            at < size) {
            size_t len = i == state->torn ? state->torn_len : MODEL_SECTOR;
            memcpy(image->files[unit->node].map + at, unit->sector,
                   (size_t)smaller(len, size - at));
        }
    }
}

void image_make(struct image *image, const struct model *model, const struct state *state,
                const struct layout *layout, bool thorough)
{
    for (uint32_t i = 0; i < model->node_count; i++) {
        if (layout->has[i]) {
            clean(image, model, i, layout->sizes[i], thorough);
        }
    }
    apply(image, model, state, layout);
    standing_set(image->standing, model, &layout->names);
}
