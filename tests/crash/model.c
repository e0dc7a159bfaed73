/* SPDX-License-Identifier: ISC */
#include "tests/crash/model.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static uint8_t *new_bytes(void)
{
    void *bytes = mmap(NULL, MODEL_FILE_MAX, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED) {
        err(2, "mmap");
    }
    return (uint8_t *)bytes;
}

static uint32_t new_node(struct model *model, bool is_directory)
{
    if (model->node_count == MODEL_NODE_MAX) {
        errx(2, "too many files");
    }
    struct model_node *node = &model->nodes[model->node_count];
    node->is_directory = is_directory;
    if (!is_directory) {
        node->durable = new_bytes();
        node->newest = new_bytes();
        node->digests =
            (struct digest *)calloc(MODEL_FILE_MAX / MODEL_SECTOR, sizeof(struct digest));
        if (node->digests == NULL) {
            err(2, "digests");
        }
    }
    model->node_count++;
    return (uint32_t)(model->node_count - 1);
}

struct model *model_new(const char *root)
{
    struct model *model = (struct model *)calloc(1, sizeof *model);
    if (model == NULL) {
        err(2, "model");
    }
    model->root = root;
    (void)new_node(model, true);
    return model;
}

void model_free(struct model *model)
{
    for (size_t i = 0; i < model->node_count; i++) {
        if (!model->nodes[i].is_directory) {
            (void)munmap(model->nodes[i].durable, MODEL_FILE_MAX);
            (void)munmap(model->nodes[i].newest, MODEL_FILE_MAX);
            free(model->nodes[i].digests);
        }
    }
    for (size_t i = 0; i < model->unit_count; i++) {
        free(model->units[i].sector);
    }
    free(model);
}

/* ---- Names ---- */

static size_t find(const struct model_names *names, uint32_t directory, const char *text)
{
    size_t i = 0;
    while (i < names->count && (names->items[i].directory != directory ||
                                strcmp(names->items[i].text, text) != 0)) {
        i++;
    }
    return i;
}

uint32_t model_find(const struct model_names *names, uint32_t directory, const char *text)
{
    size_t i = find(names, directory, text);
    return i == names->count ? 0 : names->items[i].node;
}

static void take_away(struct model_names *names, uint32_t directory, const char *text)
{
    size_t i = find(names, directory, text);
    if (i < names->count) {
        names->count--;
        names->items[i] = names->items[names->count];
    }
}

void model_copy_names(struct model_names *names, const struct model_names *others)
{
    names->count = others->count;
    memcpy(names->items, others->items, others->count * sizeof others->items[0]);
}

void model_rename(struct model_names *names, const struct unit *unit)
{
    if (unit->from[0] != '\0') {
        take_away(names, unit->from_directory, unit->from);
    }
    if (unit->to[0] == '\0') {
        return;
    }
    take_away(names, unit->to_directory, unit->to);
    if (names->count == MODEL_NAMES_MAX) {
        errx(2, "too many names");
    }
    struct model_name *name = &names->items[names->count];
    name->directory = unit->to_directory;
    name->node = unit->node;
    memcpy(name->text, unit->to, sizeof name->text);
    names->count++;
}

/* The directory of a path below the root, and its last part. False: not below it, or not known. */
static bool resolve(const struct model *model, struct tally_bytes path, uint32_t *ret_directory,
                    char ret_name[MODEL_NAME_MAX])
{
    size_t root_len = strlen(model->root);
    if (path.len < root_len || memcmp(path.ptr, model->root, root_len) != 0) {
        return false;
    }
    *ret_directory = 0;
    ret_name[0] = '\0';
    size_t i = root_len;
    while (i < path.len) {
        size_t begin = i + 1;
        size_t end = begin;
        while (end < path.len && path.ptr[end] != '/') {
            end++;
        }
        if (end - begin >= MODEL_NAME_MAX) {
            return false;
        }
        bool stays = end == begin + 1 && path.ptr[begin] == '.';
        if (!stays && ret_name[0] != '\0') {
            *ret_directory = model_find(&model->newest, *ret_directory, ret_name);
            if (*ret_directory == 0) {
                return false;
            }
        }
        if (!stays) {
            memcpy(ret_name, path.ptr + begin, end - begin);
            ret_name[end - begin] = '\0';
        }
        i = end;
    }
    return true;
}

/* The node of a path; false when the log has not made it. The root itself is 0. */
static bool look_up(const struct model *model, struct tally_bytes path, uint32_t *ret_node)
{
    uint32_t directory;
    char name[MODEL_NAME_MAX];
    if (!resolve(model, path, &directory, name)) {
        return false;
    }
    *ret_node = name[0] == '\0' ? 0 : model_find(&model->newest, directory, name);
    return name[0] == '\0' || *ret_node != 0;
}

/* ---- Units ---- */

static struct unit *new_unit(struct model *model, enum unit_kind kind, uint32_t node)
{
    if (model->unit_count == MODEL_UNIT_MAX) {
        errx(2, "too many units that are not synced");
    }
    struct unit *unit = &model->units[model->unit_count];
    model->unit_count++;
    memset(unit, 0, sizeof *unit);
    unit->kind = kind;
    unit->node = node;
    unit->in_flight = true;
    return unit;
}

static void change_size(struct model *model, uint32_t number, uint64_t len)
{
    struct model_node *node = &model->nodes[number];
    if (len > MODEL_FILE_MAX) {
        errx(2, "a file of %llu bytes", (unsigned long long)len);
    }
    if (len < node->newest_len) {
        memset(node->newest + len, 0, node->newest_len - len);
    }
    node->newest_len = len;
    new_unit(model, UNIT_SIZE, number)->number = len;
}

static void change_bytes(struct model *model, uint32_t number, uint64_t offset,
                         struct tally_bytes data)
{
    struct model_node *node = &model->nodes[number];
    uint64_t end = offset + data.len;
    if (end > MODEL_FILE_MAX) {
        errx(2, "a file of %llu bytes", (unsigned long long)end);
    }
    if (end > node->newest_len) {
        change_size(model, number, end);
    }
    node->used = end > node->used ? end : node->used;
    memcpy(node->newest + offset, data.ptr, data.len);
    for (uint64_t sector = offset / MODEL_SECTOR; sector * MODEL_SECTOR < end; sector++) {
        struct unit *unit = new_unit(model, UNIT_SECTOR, number);
        unit->number = sector;
        unit->sector = (uint8_t *)malloc(MODEL_SECTOR);
        if (unit->sector == NULL) {
            err(2, "sector");
        }
        memcpy(unit->sector, node->newest + sector * MODEL_SECTOR, MODEL_SECTOR);
        unit->digest =
            digest_of(DIGEST_SECTOR, number, sector, tl_bytes(unit->sector, MODEL_SECTOR));
    }
}

static void change_name(struct model *model, uint32_t node, struct tally_bytes from,
                        struct tally_bytes to)
{
    struct unit *unit = new_unit(model, UNIT_NAME, node);
    bool known = (from.len == 0 || resolve(model, from, &unit->from_directory, unit->from)) &&
                 (to.len == 0 || resolve(model, to, &unit->to_directory, unit->to));
    if (!known) {
        model->unit_count--;
        return;
    }
    model_rename(&model->newest, unit);
}

/* ---- What becomes durable ---- */

static void make_durable(struct model *model, const struct unit *unit)
{
    struct model_node *node = &model->nodes[unit->node];
    switch (unit->kind) {
    case UNIT_SECTOR:
        memcpy(node->durable + unit->number * MODEL_SECTOR, unit->sector, MODEL_SECTOR);
        digest_take(&node->digest, &node->digests[unit->number]);
        digest_add(&node->digest, &unit->digest);
        node->digests[unit->number] = unit->digest;
        break;
    case UNIT_SIZE:
        node->durable_len = unit->number;
        break;
    case UNIT_NAME:
        model_rename(&model->durable, unit);
        break;
    }
}

/* A name is durable when the directory is synced where it appears, or where it only disappears. */
static bool is_synced_by(const struct unit *unit, uint32_t node)
{
    if (unit->kind != UNIT_NAME) {
        return unit->node == node;
    }
    return (unit->to[0] != '\0' ? unit->to_directory : unit->from_directory) == node;
}

/* first: sectors are synced only where the units from first on have them, which a write made. */
static bool is_written_over(const struct model *model, const struct unit *unit, size_t first)
{
    for (size_t i = first; i < model->unit_count; i++) {
        const struct unit *later = &model->units[i];
        if (later->node == unit->node && later->kind == unit->kind &&
            (later->kind == UNIT_SIZE || later->number == unit->number)) {
            return true;
        }
    }
    return false;
}

static size_t first_in_flight(const struct model *model)
{
    size_t i = 0;
    while (i < model->unit_count && !model->units[i].in_flight) {
        i++;
    }
    return i;
}

/* Of the node: everything, or only what the write in flight has written. */
static void sync_node(struct model *model, uint32_t node, bool only_written)
{
    size_t first = first_in_flight(model);
    struct unit *units = model->units;
    bool *synced = (bool *)calloc(model->unit_count + 1, sizeof *synced);
    size_t kept = 0;
    if (synced == NULL) {
        err(2, "sync");
    }
    for (size_t i = 0; i < model->unit_count; i++) {
        synced[i] = is_synced_by(&units[i], node) &&
                    (!only_written || (units[i].kind != UNIT_NAME &&
                                       is_written_over(model, &units[i], first)));
    }
    for (size_t i = 0; i < model->unit_count; i++) {
        if (synced[i]) {
            make_durable(model, &units[i]);
            free(units[i].sector);
        } else {
            units[kept] = units[i];
            kept++;
        }
    }
    model->unit_count = kept;
    free(synced);
}

/* ---- Calls ---- */

static const struct tally_bytes nothing;

static void begin_open(struct model *model, const struct run_op *op)
{
    uint32_t node = 0;
    model->fds[op->fd].node = 0;
    model->fds[op->fd].synced = (op->flags & RECORD_SYNCED) != 0;
    if ((op->flags & RECORD_CREATED) != 0) {
        node = new_node(model, false);
        change_name(model, node, nothing, op->path);
        model->fds[op->fd].node = node;
    } else if (look_up(model, op->path, &node)) {
        model->fds[op->fd].node = node;
    }
}

/* The root is synced by an open of it, and has the number of nothing. */
static bool is_root(const struct model *model, const struct run_op *op)
{
    return op->path.len == strlen(model->root) &&
           memcmp(op->path.ptr, model->root, op->path.len) == 0;
}

static struct tally_bytes second_path(struct tally_bytes both, struct tally_bytes *ret_first)
{
    const uint8_t *end = (const uint8_t *)memchr(both.ptr, 0, both.len);
    size_t len = end == NULL ? both.len : (size_t)(end - both.ptr);
    *ret_first = tl_bytes(both.ptr, len);
    return end == NULL ? nothing : tl_bytes(end + 1, both.len - len - 1);
}

static void begin_two(struct model *model, const struct run_op *op)
{
    struct tally_bytes from;
    struct tally_bytes to = second_path(op->path, &from);
    uint32_t node = 0;
    if (look_up(model, from, &node)) {
        change_name(model, node, op->op == RECORD_RENAME ? from : nothing, to);
    }
}

#define ROOT_FD_NODE UINT32_MAX

void model_begin(struct model *model, const struct run_op *op)
{
    uint32_t node = op->fd < 0 ? 0 : model->fds[op->fd].node;
    switch (op->op) {
    case RECORD_START:
        memset(model->fds, 0, sizeof model->fds);
        break;
    case RECORD_OPEN:
        begin_open(model, op);
        if (is_root(model, op)) {
            model->fds[op->fd].node = ROOT_FD_NODE;
        }
        break;
    case RECORD_WRITE:
        if (node != 0) {
            change_bytes(model, node, op->offset, op->data);
        }
        break;
    case RECORD_TRUNCATE:
        if (node != 0) {
            change_size(model, node, op->offset);
        }
        break;
    case RECORD_MKDIR:
        change_name(model, new_node(model, true), nothing, op->path);
        break;
    case RECORD_RENAME:
    case RECORD_LINK:
        begin_two(model, op);
        break;
    case RECORD_REMOVE:
        if (look_up(model, op->path, &node) && node != 0) {
            change_name(model, node, op->path, nothing);
        }
        break;
    case RECORD_SYNC:
    case RECORD_ACCEPT:
    case RECORD_SEND:
    case RECORD_MARK:
        break;
    }
}

void model_end(struct model *model, const struct run_op *op)
{
    uint32_t node = op->fd < 0 ? 0 : model->fds[op->fd].node;
    if (op->op == RECORD_SYNC && node != 0) {
        sync_node(model, node == ROOT_FD_NODE ? 0 : node, false);
    } else if (op->op == RECORD_WRITE && node != 0 && model->fds[op->fd].synced) {
        sync_node(model, node, true);
    }
    for (size_t i = 0; i < model->unit_count; i++) {
        model->units[i].in_flight = false;
    }
}

bool model_is_crash_point(const struct run_op *op)
{
    switch (op->op) {
    case RECORD_OPEN:
        return (op->flags & RECORD_CREATED) != 0;
    case RECORD_START:
    case RECORD_ACCEPT:
    case RECORD_SEND:
        return false;
    case RECORD_WRITE:
    case RECORD_TRUNCATE:
    case RECORD_SYNC:
    case RECORD_MKDIR:
    case RECORD_RENAME:
    case RECORD_LINK:
    case RECORD_REMOVE:
    case RECORD_MARK:
        return true;
    }
    return false;
}
