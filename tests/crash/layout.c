/* SPDX-License-Identifier: ISC */
#include "tests/crash/layout.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

enum { SECTORS_MAX = MODEL_FILE_MAX / MODEL_SECTOR };

static uint64_t part_of(uint64_t durable, uint64_t size, unsigned part)
{
    if (size <= durable || part == STATE_WHOLE) {
        return size;
    }
    size = durable + (size - durable) * part / STATE_WHOLE;
    size -= size % MODEL_SECTOR;
    return size < durable ? durable : size;
}

void layout_make(const struct model *model, const struct state *state, struct layout *ret_layout)
{
    struct layout *layout = ret_layout;
    model_copy_names(&layout->names, &model->durable);
    for (size_t i = 0; i < model->node_count; i++) {
        layout->has[i] = false;
        layout->sizes[i] = model->nodes[i].durable_len;
    }
    for (size_t i = 0; i < model->unit_count; i++) {
        const struct unit *unit = &model->units[i];
        if (unit->kind == UNIT_NAME && state->applied[i]) {
            model_rename(&layout->names, unit);
        } else if (unit->kind == UNIT_SIZE && state->applied[i]) {
            layout->sizes[unit->node] = unit->number;
        }
    }
    for (size_t i = 0; i < layout->names.count; i++) {
        uint32_t node = layout->names.items[i].node;
        if (!model->nodes[node].is_directory && !layout->has[node]) {
            layout->has[node] = true;
            layout->sizes[node] = part_of(model->nodes[node].durable_len, layout->sizes[node],
                                          state->size_part);
        }
    }
}

/* ---- The digest ---- */

/* Which sectors a later unit has written already. */
struct marks {
    uint32_t now;
    uint32_t *sectors[MODEL_NODE_MAX];
};

static bool mark(struct marks *marks, uint32_t node, uint64_t sector)
{
    if (marks->sectors[node] == NULL) {
        marks->sectors[node] = (uint32_t *)calloc(SECTORS_MAX, sizeof(uint32_t));
        if (marks->sectors[node] == NULL) {
            err(2, "marks");
        }
    }
    bool marked = marks->sectors[node][sector] == marks->now;
    marks->sectors[node][sector] = marks->now;
    return marked;
}

/* What is there of a torn sector, and behind that what was there before. */
static struct digest digest_torn(const struct model *model, const struct state *state)
{
    const struct unit *unit = &model->units[state->torn];
    uint8_t sector[MODEL_SECTOR];
    memcpy(sector, model->nodes[unit->node].durable + unit->number * MODEL_SECTOR, sizeof sector);
    for (size_t i = 0; i < state->torn; i++) {
        const struct unit *earlier = &model->units[i];
        if (state->applied[i] && earlier->kind == UNIT_SECTOR && earlier->node == unit->node &&
            earlier->number == unit->number) {
            memcpy(sector, earlier->sector, sizeof sector);
        }
    }
    memcpy(sector, unit->sector, state->torn_len);
    return digest_of(DIGEST_SECTOR, unit->node, unit->number, tl_bytes(sector, sizeof sector));
}

static void add_sectors(const struct model *model, const struct state *state,
                        const struct layout *layout, struct digest *sum)
{
    static struct marks marks;
    marks.now++;
    for (size_t i = model->unit_count; i > 0; i--) {
        const struct unit *unit = &model->units[i - 1];
        if (unit->kind != UNIT_SECTOR || !state->applied[i - 1] || !layout->has[unit->node] ||
            mark(&marks, unit->node, unit->number)) {
            continue;
        }
        struct digest now = i - 1 == state->torn ? digest_torn(model, state) : unit->digest;
        digest_take(sum, &model->nodes[unit->node].digests[unit->number]);
        digest_add(sum, &now);
    }
}

static void add_names(const struct model *model, const struct layout *layout, struct digest *sum)
{
    for (size_t i = 0; i < layout->names.count; i++) {
        const struct model_name *name = &layout->names.items[i];
        struct digest digest =
            digest_of(DIGEST_NAME, name->node, name->directory, tl_bytes_text(name->text));
        digest_add(sum, &digest);
    }
    for (size_t i = 0; i < model->node_count; i++) {
        if (layout->has[i]) {
            struct digest digest = digest_of(DIGEST_SIZE, i, layout->sizes[i], tl_bytes(NULL, 0));
            digest_add(sum, &model->nodes[i].digest);
            digest_add(sum, &digest);
        }
    }
}

struct digest layout_digest(const struct model *model, const struct state *state,
                            const struct layout *layout)
{
    struct digest sum = {.low = 1}; /* a state of nothing is not nothing */
    add_names(model, layout, &sum);
    add_sectors(model, state, layout, &sum);
    return sum;
}
