/* SPDX-License-Identifier: ISC */
#include "tests/crash/layout.h"

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
