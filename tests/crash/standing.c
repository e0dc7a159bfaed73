/* SPDX-License-Identifier: ISC */
#include "tests/crash/standing.h"

#include <err.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WALK_DEPTH = 16,
    EVENTS_LEN = 4096,
};

struct standing {
    char root[STANDING_PATH_MAX / 2];
    char pool[STANDING_PATH_MAX / 2];
    int notify; /* tells of every name that appears or disappears */
    bool stands;
    struct model_names names;
    int watches[MODEL_NODE_MAX]; /* of a directory that stands; 0: none */
};

struct standing *standing_new(const char *root, const char *pool)
{
    struct standing *standing = (struct standing *)calloc(1, sizeof *standing);
    if (standing == NULL || strlen(root) >= sizeof standing->root ||
        strlen(pool) >= sizeof standing->pool) {
        errx(2, "%s: too long", root);
    }
    (void)snprintf(standing->root, sizeof standing->root, "%s", root);
    (void)snprintf(standing->pool, sizeof standing->pool, "%s", pool);
    standing->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (standing->notify < 0) {
        err(2, "inotify");
    }
    return standing;
}

static void check(int result, const char *path)
{
    if (result != 0) {
        err(2, "%s", path);
    }
}

/* ---- All of them ---- */

static void make_directory(struct standing *standing, uint32_t node, const char *path)
{
    check(mkdir(path, 0700), path);
    standing->watches[node] =
        inotify_add_watch(standing->notify, path, IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR);
    if (standing->watches[node] < 0) {
        err(2, "%s", path);
    }
}

static void join(char below[STANDING_PATH_MAX], const char *path, const char *text)
{
    int len = snprintf(below, STANDING_PATH_MAX, "%s/%s", path, text);
    if (len < 0 || len >= STANDING_PATH_MAX) {
        errx(2, "%s: too long", path);
    }
}

static void make_file(const struct standing *standing, uint32_t node, const char *path)
{
    char pool[STANDING_PATH_MAX];
    (void)snprintf(pool, sizeof pool, "%s%u", standing->pool, (unsigned)node);
    check(link(pool, path), path);
}

static void build(struct standing *standing, const struct model *model, uint32_t directory,
                  const char *path)
{
    make_directory(standing, directory, path);
    for (size_t i = 0; i < standing->names.count; i++) {
        const struct model_name *name = &standing->names.items[i];
        char below[STANDING_PATH_MAX];
        if (name->directory != directory) {
            continue;
        }
        join(below, path, name->text);
        if (model->nodes[name->node].is_directory) {
            build(standing, model, name->node, below);
        } else {
            make_file(standing, name->node, below);
        }
    }
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void rebuild(struct standing *standing, const struct model *model,
                    const struct model_names *names)
{
    if (standing->stands) {
        check(nftw(standing->root, remove_one, WALK_DEPTH, FTW_DEPTH | FTW_PHYS), standing->root);
    }
    memset(standing->watches, 0, sizeof standing->watches);
    model_copy_names(&standing->names, names);
    build(standing, model, 0, standing->root);
    standing->stands = true;
}

/* ---- Only some ---- */

static bool has(const struct model_names *names, const struct model_name *name)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct model_name *other = &names->items[i];
        if (other->directory == name->directory && other->node == name->node &&
            strcmp(other->text, name->text) == 0) {
            return true;
        }
    }
    return false;
}

static bool lacks_directory(const struct model *model, const struct model_names *names,
                            const struct model_names *others)
{
    for (size_t i = 0; i < others->count; i++) {
        if (model->nodes[others->items[i].node].is_directory && !has(names, &others->items[i])) {
            return true;
        }
    }
    return false;
}

/* False: no name leads there. */
static bool path_of(const struct standing *standing, uint32_t directory, const char *text,
                    char path[STANDING_PATH_MAX])
{
    char above[STANDING_PATH_MAX];
    if (directory == 0) {
        join(path, standing->root, text);
        return true;
    }
    for (size_t i = 0; i < standing->names.count; i++) {
        const struct model_name *name = &standing->names.items[i];
        if (name->node == directory) {
            bool known = path_of(standing, name->directory, name->text, above);
            if (known) {
                join(path, above, text);
            }
            return known;
        }
    }
    return false;
}

/* The directories are the same. */
static void change(struct standing *standing, const struct model_names *names)
{
    char path[STANDING_PATH_MAX];
    for (size_t i = 0; i < standing->names.count; i++) {
        const struct model_name *name = &standing->names.items[i];
        if (!has(names, name) && path_of(standing, name->directory, name->text, path)) {
            check(unlink(path), path);
        }
    }
    for (size_t i = 0; i < names->count; i++) {
        const struct model_name *name = &names->items[i];
        if (!has(&standing->names, name) &&
            path_of(standing, name->directory, name->text, path)) {
            make_file(standing, name->node, path);
        }
    }
    model_copy_names(&standing->names, names);
}

/* ---- What others have done ---- */

/* False: not told of one file alone. */
static bool learn(struct standing *standing, const struct inotify_event *event)
{
    char path[STANDING_PATH_MAX];
    struct unit gone = {.kind = UNIT_NAME};
    uint32_t node = 0;
    while (node < MODEL_NODE_MAX && standing->watches[node] != event->wd) {
        node++;
    }
    if (node == MODEL_NODE_MAX || event->len == 0 || event->len > sizeof gone.from) {
        return false;
    }
    if (event->mask == IN_DELETE) {
        gone.from_directory = node;
        (void)snprintf(gone.from, sizeof gone.from, "%s", event->name);
        model_rename(&standing->names, &gone);
        return true;
    }
    return event->mask == IN_CREATE && path_of(standing, node, event->name, path) &&
           (unlink(path) == 0 || errno == ENOENT);
}

/* False: of something that only making all names anew can undo. */
static bool learn_all(struct standing *standing)
{
    _Alignas(struct inotify_event) char events[EVENTS_LEN];
    bool learnt = true;
    ssize_t len;
    while ((len = read(standing->notify, events, sizeof events)) > 0) {
        const struct inotify_event *event;
        for (const char *at = events; at < events + len; at += sizeof *event + event->len) {
            event = (const struct inotify_event *)(const void *)at;
            learnt = learnt && learn(standing, event);
        }
    }
    if (errno != EAGAIN) {
        err(2, "inotify");
    }
    return learnt;
}

/* What has been done here is no news. */
static void forget_events(const struct standing *standing)
{
    char events[EVENTS_LEN];
    while (read(standing->notify, events, sizeof events) > 0) {
    }
}

void standing_set(struct standing *standing, const struct model *model,
                  const struct model_names *names)
{
    const struct model_names *own = &standing->names;
    bool learnt = learn_all(standing);
    if (learnt && own->count == names->count &&
        memcmp(own->items, names->items, own->count * sizeof own->items[0]) == 0) {
        return;
    }
    if (!standing->stands || !learnt || lacks_directory(model, own, names) ||
        lacks_directory(model, names, own)) {
        rebuild(standing, model, names);
    } else {
        change(standing, names);
    }
    forget_events(standing);
}
