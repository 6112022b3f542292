/* Element and data segments, whose bytes come in several forms. */
#include "pebble.h"

/* An element as an expression: a function, null, or a global. */
static pb_element read_expression(const pb_module *module, pb_reader *r)
{
    pb_element element = {0, false};
    uint8_t op = pb_read_byte(r);
    if (op == 0xd2) {
        element.value = 1 + pb_read_index(r, module->function_count, "function");
    } else if (op == 0x23) {
        element.global = true;
        element.value = pb_read_index(r, module->global_count, "global");
    } else if (op == 0xd0) {
        (void)pb_read_type(r);
    } else {
        pb_fail(r, WSB_ENGINE_UNSUPPORTED_BY_ENGINE, "pebble has no elements by opcode 0x%02x",
                (unsigned)op);
    }
    if (pb_read_byte(r) != 0x0b)
        pb_fail(r, WSB_ENGINE_FAILED, "an element does not end");
    return element;
}

static void read_items(const pb_module *module, pb_elements *segment, bool expressions,
                       pb_reader *r)
{
    segment->count = pb_read_count(r);
    segment->items = pb_read_list(r, segment->count, sizeof *segment->items);
    for (uint32_t i = 0; i < segment->count && pb_ok(r); i++) {
        if (expressions)
            segment->items[i] = read_expression(module, r);
        else
            segment->items[i].value = 1 + pb_read_index(r, module->function_count, "function");
    }
}

/* Bits of the flags: 1 not active, 2 with a table, or declared; 4 as expressions. */
static void read_segment(const pb_module *module, pb_elements *segment, pb_reader *r)
{
    uint32_t flags = pb_read_u32(r);
    if (flags > 7)
        pb_fail(r, WSB_ENGINE_FAILED, "unknown form of elements");
    segment->mode = !(flags & 1) ? PB_ACTIVE : flags & 2 ? PB_DECLARED : PB_PASSIVE;
    if (segment->mode == PB_ACTIVE) {
        uint32_t table = flags & 2 ? pb_read_u32(r) : 0;
        if (table >= module->table_count)
            pb_fail(r, WSB_ENGINE_FAILED, "elements for no table");
        segment->table = table;
        pb_compile_constant(module, &segment->offset, r);
    }
    if (flags & 3) {
        if (flags & 4)
            (void)pb_read_type(r);
        else if (pb_read_byte(r) != 0)
            pb_fail(r, WSB_ENGINE_FAILED, "unknown kind of elements");
    }
    read_items(module, segment, flags & 4, r);
}

void pb_read_elements(pb_module *module, pb_reader *r)
{
    uint32_t count = pb_read_count(r);
    module->elements = pb_read_list(r, count, sizeof *module->elements);
    if (!module->elements)
        return;
    module->element_count = count;
    for (uint32_t i = 0; i < count && pb_ok(r); i++)
        read_segment(module, &module->elements[i], r);
}

void pb_read_data(pb_module *module, pb_reader *r)
{
    uint32_t count = pb_read_count(r);
    module->data = pb_read_list(r, count, sizeof *module->data);
    if (!module->data)
        return;
    module->data_read = count;
    for (uint32_t i = 0; i < count && pb_ok(r); i++) {
        pb_data *segment = &module->data[i];
        uint32_t flags = pb_read_u32(r);
        segment->mode = flags == 1 ? PB_PASSIVE : PB_ACTIVE;
        if (flags > 2 || (flags == 2 && pb_read_u32(r) != 0) ||
            (flags != 1 && !module->memory_count))
            pb_fail(r, WSB_ENGINE_FAILED, "data for no memory");
        if (segment->mode == PB_ACTIVE)
            pb_compile_constant(module, &segment->offset, r);
        segment->bytes = pb_read_bytes(r, pb_read_u32(r));
    }
}
