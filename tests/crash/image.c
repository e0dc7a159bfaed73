/* SPDX-License-Identifier: ISC */
#include "tests/crash/image.h"

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE_LEN = 4096,
    PATH_MAX_LEN = 512,
    WALK_DEPTH = 16,
    /* What opening a state may write behind all that the run wrote: pages of one small commit. */
    SLACK_LEN = 64 * PAGE_LEN,
};

/* The file behind a node. It is linked into each state that has a name for it. */
struct pool_file {
    int fd;
    uint8_t *map; /* NULL: not made yet */
};

struct image {
    char directory[PATH_MAX_LEN / 4];
    char root[PATH_MAX_LEN / 2];
    struct pool_file files[MODEL_NODE_MAX];
    struct model_names names;
};

static void pool_path(const struct image *image, uint32_t node, char path[PATH_MAX_LEN])
{
    (void)snprintf(path, PATH_MAX_LEN, "%s/file-%u", image->directory, (unsigned)node);
}

struct image *image_new(const char *directory)
{
    struct image *image = (struct image *)calloc(1, sizeof *image);
    if (image == NULL || strlen(directory) >= sizeof image->directory) {
        errx(2, "%s: too long", directory);
    }
    (void)snprintf(image->directory, sizeof image->directory, "%s", directory);
    (void)snprintf(image->root, sizeof image->root, "%s/root", directory);
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
    pool_path(image, node, path);
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

static uint64_t size_of(const struct model *model, const struct state *state, uint32_t number)
{
    uint64_t durable = model->nodes[number].durable_len;
    uint64_t size = durable;
    for (size_t i = 0; i < model->unit_count; i++) {
        const struct unit *unit = &model->units[i];
        if (unit->node == number && unit->kind == UNIT_SIZE && state->applied[i]) {
            size = unit->number;
        }
    }
    if (size > durable && state->size_part < STATE_WHOLE) {
        size = durable + (size - durable) * state->size_part / STATE_WHOLE;
        size -= size % MODEL_SECTOR;
        size = size < durable ? durable : size;
    }
    return size;
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

static void fill(struct image *image, const struct model *model, const struct state *state,
                 uint32_t number, bool thorough)
{
    struct pool_file *file = pool_file(image, number);
    uint64_t size = size_of(model, state, number);
    if (ftruncate(file->fd, (off_t)size) != 0) {
        err(2, "ftruncate");
    }
    restore(file->map, &model->nodes[number], size, thorough);
    for (size_t i = 0; i < model->unit_count; i++) {
        const struct unit *unit = &model->units[i];
        uint64_t at = unit->number * MODEL_SECTOR;
        if (unit->node == number && unit->kind == UNIT_SECTOR && state->applied[i] && at < size) {
            size_t len = i == state->torn ? state->torn_len : MODEL_SECTOR;
            memcpy(file->map + at, unit->sector, (size_t)smaller(len, size - at));
        }
    }
}

static void check(int result, const char *path)
{
    if (result != 0) {
        err(2, "%s", path);
    }
}

static void build(struct image *image, const struct model *model, uint32_t directory,
                  const char *path)
{
    check(mkdir(path, 0700), path);
    for (size_t i = 0; i < image->names.count; i++) {
        const struct model_name *name = &image->names.items[i];
        char below[PATH_MAX_LEN];
        char pool[PATH_MAX_LEN];
        if (name->directory != directory) {
            continue;
        }
        int len = snprintf(below, sizeof below, "%s/%s", path, name->text);
        if (len < 0 || (size_t)len >= sizeof below) {
            errx(2, "%s: too long", path);
        }
        if (model->nodes[name->node].is_directory) {
            build(image, model, name->node, below);
        } else {
            pool_path(image, name->node, pool);
            check(link(pool, below), below);
        }
    }
}

void image_make(struct image *image, const struct model *model, const struct state *state,
                bool thorough)
{
    image->names = model->durable;
    for (size_t i = 0; i < model->unit_count; i++) {
        if (model->units[i].kind == UNIT_NAME && state->applied[i]) {
            model_rename(&image->names, &model->units[i]);
        }
    }
    for (size_t i = 0; i < image->names.count; i++) {
        uint32_t node = image->names.items[i].node;
        if (!model->nodes[node].is_directory) {
            fill(image, model, state, node, thorough);
        }
    }
    build(image, model, 0, image->root);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void image_clear(const struct image *image)
{
    check(nftw(image->root, remove_one, WALK_DEPTH, FTW_DEPTH | FTW_PHYS), image->root);
}
